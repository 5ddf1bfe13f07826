"""What an S3 of Amazon's does once it knows who asks: objects, listings and uploads of buckets, in memory."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_KEPT = ("content-type", "content-encoding", "content-disposition", "cache-control", "x-amz-storage-class")
_CHECKSUM = re.compile(r"x-amz-checksum-(?!type|mode|algorithm)[a-z0-9]+")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MTIME = "2026-01-02T03:04:05.000Z"
_MTIME_SECONDS = 1767323045.0


@dataclass(frozen=True, slots=True)
class Object:
    """One stored object."""

    body: bytes
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Upload:
    """One multipart upload that is open."""

    key: str
    headers: Mapping[str, str]
    parts: dict[int, Object] = field(default_factory=dict)


@dataclass
class Bucket:
    """One bucket, and how Amazon treats it."""

    name: str
    region: str
    owner: str
    public: bool = False
    requester_pays: bool = False
    young: bool = False
    """Whether the global endpoint does not know yet where it is, and responds with 307."""
    tells: str = "always"
    """What names the region in rejections: ``always`` a header, ``document`` the body only, ``head-bucket`` only the
    response to HeadBucket, ``never`` nothing."""
    told: str | None = None
    """Another region than its own, which rejections name: a wrong one."""
    objects: dict[str, Object] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory bucket ("S3 Express One Zone")."""
        return self.name.endswith("--x-s3")


@dataclass(frozen=True)
class Asked:
    """One request, once it is known who asks; ``source`` is the object that it copies from."""

    method: str
    bucket: Bucket
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    source: Object | None = None


@dataclass(frozen=True)
class Response:
    """The response; ``code`` is S3's, if it is a rejection."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None


def rejection(status: int, code: str, message: str, **said: str) -> Response:
    """Build S3's response to what it rejects, with further elements in its document."""
    fields = {"Code": code, "Message": message, **said, "RequestId": "REQUEST"}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>'.encode()
    return Response(status, body, {"content-type": "application/xml"}, code)


def perform(asked: Asked) -> Response:
    """Do what is asked of S3."""
    if not asked.key:
        return _of_bucket(asked)
    if "uploads" in asked.query or "uploadId" in asked.query:
        return _of_upload(asked)
    if "tagging" in asked.query:
        return _document("Tagging", "<TagSet/>")
    verb = {"GET": _get, "HEAD": _get, "PUT": _put, "DELETE": _delete}.get(asked.method)
    return verb(asked) if verb else rejection(405, "MethodNotAllowed", "Not here.")


def _document(root: str, inner: str, **headers: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()
    return Response(200, body, {"content-type": "application/xml", **headers})


def etag(body: bytes) -> str:
    """Return the ETag of what was stored by one request."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    def is_kept(name: str) -> bool:
        return name in _KEPT or name.startswith("x-amz-meta-") or _CHECKSUM.fullmatch(name) is not None

    return {name: value for name, value in headers.items() if is_kept(name) and value != "aws-chunked"}


def _get(asked: Asked) -> Response:
    found = asked.bucket.objects.get(asked.key)
    if found is None:
        return rejection(404, "NoSuchKey", "The specified key does not exist.", Key=asked.key)
    wanted = asked.headers.get("if-match")
    if wanted is not None and wanted.strip('"') != found.etag.strip('"'):
        return rejection(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    with_sums = asked.headers.get("x-amz-checksum-mode") == "ENABLED"
    headers = {name: value for name, value in found.headers.items() if with_sums or not _CHECKSUM.fullmatch(name)}
    headers |= {"etag": found.etag, "last-modified": formatdate(_MTIME_SECONDS, usegmt=True), "accept-ranges": "bytes"}
    span = _span(asked.headers.get("range"), len(found.body))
    if span is None:
        return Response(200, found.body, headers)
    if span.start >= len(found.body):
        return rejection(416, "InvalidRange", "The requested range is not satisfiable")
    headers["content-range"] = f"bytes {span.start}-{span.stop - 1}/{len(found.body)}"
    return Response(206, found.body[span.start : span.stop], headers)


def _span(text: str | None, size: int) -> range | None:
    match = _RANGE.fullmatch(text or "")
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    return range(int(first), min(size, int(last) + 1) if last else size)


def _put(asked: Asked) -> Response:
    objects, now = asked.bucket.objects, asked.bucket.objects.get(asked.key)
    wanted = asked.headers.get("if-match")
    if "if-none-match" in asked.headers and now is not None:
        return rejection(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    if wanted is not None and (now is None or wanted.strip('"') != now.etag.strip('"')):
        return rejection(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    source = asked.source
    if source is None:
        objects[asked.key] = Object(asked.body, etag(asked.body), _kept(asked.headers))
        return Response(200, b"", {"etag": objects[asked.key].etag})
    replaced = asked.headers.get("x-amz-metadata-directive") == "REPLACE"
    objects[asked.key] = Object(source.body, etag(source.body), _kept(asked.headers) if replaced else source.headers)
    return _copied("CopyObjectResult", objects[asked.key])


def _copied(root: str, made: Object) -> Response:
    return _document(root, f"<ETag>{escape(made.etag)}</ETag><LastModified>{_MTIME}</LastModified>")


def _delete(asked: Asked) -> Response:
    wanted = asked.headers.get("if-match")
    code = _not_deleted(asked.bucket, asked.key, wanted)
    if code is not None:
        return rejection(404 if code == "NoSuchKey" else 412, code, "The object is not the one that was named.")
    return Response(204)


def _not_deleted(bucket: Bucket, key: str, wanted: str | None) -> str | None:
    """Delete an object, if it has the ETag that is wanted; else return S3's code."""
    found = bucket.objects.get(key)
    if wanted is not None and found is None:
        return "NoSuchKey"
    if wanted is not None and found is not None and wanted.strip('"') != found.etag.strip('"'):
        return "PreconditionFailed"
    bucket.objects.pop(key, None)
    return None


_IDS = itertools.count(1)


def _of_upload(asked: Asked) -> Response:
    uploads = asked.bucket.uploads
    if "uploads" in asked.query:
        upload_id = f"upload-{next(_IDS)}"
        uploads[upload_id] = Upload(asked.key, _kept(asked.headers))
        inner = f"<Bucket>{asked.bucket.name}</Bucket><Key>{escape(asked.key)}</Key><UploadId>{upload_id}</UploadId>"
        return _document("InitiateMultipartUploadResult", inner)
    upload = uploads.get(asked.query["uploadId"])
    if upload is None or upload.key != asked.key:
        return rejection(404, "NoSuchUpload", "The specified upload does not exist.")
    if asked.method == "DELETE":
        del uploads[asked.query["uploadId"]]
        return Response(204)
    return {"PUT": _part, "POST": _complete, "GET": _parts}[asked.method](asked, upload)


def _part(asked: Asked, upload: Upload) -> Response:
    number, body = int(asked.query["partNumber"]), asked.body
    if asked.source is not None:
        span = _span(asked.headers.get("x-amz-copy-source-range"), len(asked.source.body))
        body = asked.source.body if span is None else asked.source.body[span.start : span.stop]
    upload.parts[number] = Object(body, etag(body), _kept(asked.headers))
    if asked.source is not None:
        return _copied("CopyPartResult", upload.parts[number])
    return Response(200, b"", {"etag": upload.parts[number].etag})


def _complete(asked: Asked, upload: Upload) -> Response:
    listed = [
        (int(_text(part, "PartNumber")), _text(part, "ETag")) for part in _elements(asked.body) if part.tag == "Part"
    ]
    if any(upload.parts.get(number) is None or upload.parts[number].etag != tag for number, tag in listed):
        return rejection(400, "InvalidPart", "One or more of the specified parts could not be found.")
    now, wanted = asked.bucket.objects.get(upload.key), asked.headers.get("if-match")
    is_other = wanted is not None and (now is None or wanted.strip('"') != now.etag.strip('"'))
    if is_other or ("if-none-match" in asked.headers and now is not None):
        return rejection(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    body = b"".join(upload.parts[number].body for number, _ in listed)
    whole = f'{etag(body)[:-1]}-{len(listed)}"'
    asked.bucket.objects[upload.key] = Object(body, whole, upload.headers)
    del asked.bucket.uploads[asked.query["uploadId"]]
    return _document("CompleteMultipartUploadResult", f"<ETag>{escape(whole)}</ETag><Key>{escape(upload.key)}</Key>")


def _parts(asked: Asked, upload: Upload) -> Response:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(part.etag)}</ETag><Size>{len(part.body)}</Size></Part>"
        for number, part in sorted(upload.parts.items())
    )
    return _document("ListPartsResult", f"<IsTruncated>false</IsTruncated>{parts}")


def _elements(body: bytes) -> list[ET.Element]:
    root = ET.fromstring(body)
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
    return list(root)


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(name) or ""


def _of_bucket(asked: Asked) -> Response:
    if asked.method == "HEAD":
        return Response(200, b"", {"x-amz-bucket-region": asked.bucket.region})
    if "delete" in asked.query:
        return _document("DeleteResult", _delete_all(asked))
    if "uploads" in asked.query:
        return _document("ListMultipartUploadsResult", _listed_uploads(asked.bucket, asked.query.get("prefix", "")))
    if asked.query.get("list-type") == "2":
        return _list(asked)
    return rejection(501, "NotImplemented", "Not by this S3 of the tests.")


def _delete_all(asked: Asked) -> str:
    elements = _elements(asked.body)
    is_quiet = any(each.tag == "Quiet" and each.text == "true" for each in elements)
    said = ""
    for each in elements:
        if each.tag == "Object":
            key = _text(each, "Key")
            code = _not_deleted(asked.bucket, key, _text(each, "ETag") or None)
            if code is not None:
                said += f"<Error><Key>{escape(key)}</Key><Code>{code}</Code></Error>"
            elif not is_quiet:
                said += f"<Deleted><Key>{escape(key)}</Key></Deleted>"
    return said


def _listed_uploads(bucket: Bucket, prefix: str) -> str:
    found = "".join(
        f"<Upload><Key>{quote(upload.key)}</Key><UploadId>{name}</UploadId><Initiated>{_MTIME}</Initiated></Upload>"
        for name, upload in bucket.uploads.items()
        if upload.key.startswith(prefix)
    )
    return f"<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>{found}"


def _list(asked: Asked) -> Response:
    query, bucket = asked.query, asked.bucket
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    if bucket.is_directory and prefix and not prefix.endswith("/"):
        return rejection(400, "InvalidRequest", "This bucket does not support prefixes that do not end in /")
    after = unquote(query.get("continuation-token", "")) or query.get("start-after", "")
    if bucket.is_directory and "start-after" in query:
        return rejection(501, "NotImplemented", "start-after is not supported for directory buckets")
    order = _by_hash if bucket.is_directory else str.encode
    names = sorted({_entry(key, prefix, delimiter) for key in bucket.objects if key.startswith(prefix)}, key=order)
    names = [name for name in names if not after or order(name) > order(after)]
    limit = int(query.get("max-keys", "1000"))
    shown, more = names[:limit], len(names) > limit
    token = f"<NextContinuationToken>{quote(shown[-1])}</NextContinuationToken>" if more else ""
    entries = "".join(
        _prefix(name) if delimiter and delimiter in name[len(prefix) :] else _content(name, bucket.objects[name])
        for name in shown
    )
    head = f"<Name>{bucket.name}</Name><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
    return _document("ListBucketResult", head + token + entries)


def _by_hash(name: str) -> bytes:
    """Order as directory buckets do: not by name."""
    return hashlib.md5(name.encode(), usedforsecurity=False).digest()


def _entry(key: str, prefix: str, delimiter: str) -> str:
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return key if end < 0 else key[: end + len(delimiter)]


def _prefix(name: str) -> str:
    return f"<CommonPrefixes><Prefix>{quote(name)}</Prefix></CommonPrefixes>"


def _content(name: str, found: Object) -> str:
    return (
        f"<Contents><Key>{quote(name)}</Key><LastModified>{_MTIME}</LastModified><ETag>{escape(found.etag)}</ETag>"
        f"<Size>{len(found.body)}</Size></Contents>"
    )
