"""The seeds of each target, made by code: what servers send, and what they should not."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = ("200 OK", "206 Partial Content", "301 Moved Permanently", "404 Not Found", "503 Slow Down", "100 Continue")
_OBJECT = (
    'ETag: "5eb63bbbe01eeed093cb22bb8f5acdc3"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n'
    "Content-Type: text/plain\r\nx-amz-meta-a: b\r\nx-amz-version-id: 3\r\nx-amz-checksum-crc32: AAAAAA==\r\n"
)
_LINES = (
    "Content-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Content-Range: bytes 3-7/20\r\nContent-Length: 5",
    "Connection: close, keep-alive",
    "A: b\r\n folded: c",
    "A : b",
    "x-amz-bucket-region: eu-west-1",
)
_BODIES = (b"", b"hello", bytes(range(256)), b"0\r\n\r\n", b"x" * 70_000)
_LIST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>bucket</Name><Prefix></Prefix><IsTruncated>{more}</IsTruncated>{around}</ListBucketResult>"
)
_ENTRY = (
    "<Contents><Key>{key}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified>"
    "<ETag>&quot;5&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_KEYS = ("a", "a%2Fb", "c+d", "e&amp;f", "&#x41;", "%00", "%FF%FE")
_OTHERS = (
    "<Error><Code>SlowDown</Code><Message>m</Message><RequestId>r</RequestId></Error>",
    "<ErrorResponse><Error><Code>NoSuchKey</Code></Error><RequestId>r</RequestId></ErrorResponse>",
    "<Error><Code>PermanentRedirect</Code><Endpoint>bucket.s3.eu-west-1.amazonaws.com</Endpoint></Error>",
    "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>",
    "<CopyObjectResult><ETag>&quot;5&quot;</ETag></CopyObjectResult>",
    "<CompleteMultipartUploadResult><Key>k</Key><ETag>5</ETag></CompleteMultipartUploadResult>",
    "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    '<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Error><Code>&b;</Code></Error>',
    "<a>" * 200 + "</a>" * 200,
    "<ListBucketResult><!-- <Contents><Key>x</Key></Contents> --><Name>b</Name></ListBucketResult>",
    "<ListBucketResult><Name><![CDATA[<Contents><Key>]]></Name></ListBucketResult>",
)


def heads() -> list[bytes]:
    """Heads with each status and each line that matters."""
    starts = [f"HTTP/1.1 {status}\r\n{_OBJECT}" for status in _STATUS] + ["HTTP/1.0 200 OK\r\n", "HTTP/2 200\r\n"]
    return [f"{start}{line}\r\n\r\n".encode() for start in starts for line in _LINES]


def chunks() -> list[bytes]:
    """Bodies in chunks of several sizes, with extensions and trailers, behind the bytes that say where to cut."""
    found = []
    for body in _BODIES:
        for size in (1, 7, 65_536):
            pieces = [body[start : start + size] for start in range(0, min(len(body), 60 * size), size)]
            coded = b"".join(b"%X;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            found += [bytes(range(0, 240, 30)) + coded + end for end in (b"0\r\n\r\n", b"0\r\nT: v\r\n\r\n", b"zz\r\n")]
    return found


def documents() -> list[bytes]:
    """Pages, rejections and results, and what is none of them."""
    entries = "".join(_ENTRY.format(key=key) for key in _KEYS)
    prefixes = "<CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes>"
    arounds = (entries, entries + prefixes, "<EncodingType>url</EncodingType>" + entries + prefixes, prefixes, "")
    pages = [_LIST.format(more=more, around=around) for more in ("false", "true", "maybe") for around in arounds]
    return [text.encode() for text in (*pages, *_OTHERS)]


SEEDS = {"heads": heads, "chunks": chunks, "documents": documents}


def write(folder: Path) -> None:
    """Write the seeds of every target into a folder of its own below ``folder``."""
    for target, make in SEEDS.items():
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(make()):
            (place / f"seed-{number:03}").write_bytes(seed)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
