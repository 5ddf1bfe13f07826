"""Whatever a server says to any call: a result or an error of ours, the same however it is cut, and nothing is kept."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_server import Line, cut

from aios3._backend import BucketAddress, CopyOptions, GetOptions, Part, PartSource, Precondition, PutOptions
from aios3._credentials import CredentialCache, Signer
from aios3._engine.limiter import AdaptiveLimiter
from aios3._http.connection import Connection
from aios3._http.endpoint_cache import EndpointCache
from aios3._http.http_backend import HttpBackend
from aios3._http.request_sender import RequestSender
from aios3._http.signing_context import SigningContext
from aios3._paths import S3Url
from aios3._s3_constants import SIGV4
from aios3.errors import S3Error
from thorough import examples

URL = S3Url("bucket", "key")
OPTIONS = PutOptions()
PLAIN = Precondition()


class Lines:
    """A pool whose every connection brings the same bytes."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.lent = []
        self.lines = []

    async def exchange(self, head, body=(), *, bodyless=False, replayable=True):
        connection = Connection()
        self.lines.append(Line(connection, self.pieces))
        self.lent.append(connection)
        try:
            return connection, await connection.send(head, body, bodyless=bodyless)
        except BaseException:
            self.release(connection)
            raise

    def release(self, connection):
        self.lent.remove(connection)


async def read(backend):
    body = await backend.get_object(URL, start=0, stop=20, options=GetOptions())
    try:
        return await body.read(), body.size, body.stat.etag
    finally:
        body.close()


async def page(backend):
    found = await backend.list_objects(URL)
    return list(found.keys), list(found.prefixes), found.token


CALLS = {
    "read": read,
    "head": lambda b: b.head_object(URL, GetOptions()),
    "put": lambda b: b.put_object(URL, [b"abc"], options=OPTIONS, condition=PLAIN, checksum=None),
    "create": lambda b: b.create_multipart_upload(URL, OPTIONS, None),
    "part": lambda b: b.upload_part(URL, "u", 1, [b"abc"], options=OPTIONS, checksum=None),
    "part copy": lambda b: b.upload_part_copy(URL, "u", 1, PartSource(URL, 0, 5, None)),
    "complete": lambda b: b.complete_multipart_upload(
        URL, "u", [Part(1, "e")], options=OPTIONS, condition=PLAIN, checksum=None
    ),
    "abort": lambda b: b.abort_multipart_upload(URL, "u"),
    "page": page,
    "head bucket": lambda b: b.head_bucket(URL),
    "delete": lambda b: b.delete_object(URL),
    "delete many": lambda b: b.delete_objects(URL, ["a", "b"]),
    "copy": lambda b: b.copy_object(URL, URL, options=None, terms=CopyOptions()),
}


async def outcome(call, pieces):
    """Return what a call makes of a response: its result, or S3Error; no connection and no place may be kept."""

    async def locate(bucket):
        return BucketAddress("http://host/bucket", "us-east-1", SIGV4)

    async def connect(scheme, host, port):
        return lines

    lines = Lines(pieces)
    slots = AdaptiveLimiter(1)
    exchanges = RequestSender(
        EndpointCache(locate, connect), SigningContext(CredentialCache(None, Signer(None, "anonymous"))), "auto"
    )
    backend = HttpBackend(exchanges, slots, with_checksums=True)
    try:
        return await asyncio.wait_for(call(backend), 20)
    except S3Error:
        return S3Error
    finally:
        assert lines.lent == []
        assert slots.in_use == 0
        for line in lines.lines:
            line.abort()
        await asyncio.sleep(0)


STATUS = st.sampled_from([b"200 OK", b"206 P", b"204 N", b"400 B", b"301 M", b"403 F", b"404 N", b"412 P", b"503 S"])
LINES = st.sampled_from(
    [
        b'ETag: "5"\r\n',
        b"Content-Range: bytes 0-19/20\r\n",
        b"Content-Range: bytes 0-4/5\r\n",
        b"Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
        b"Last-Modified: never\r\n",
        b"x-amz-bucket-region: eu-west-1\r\n",
        b"x-amz-checksum-crc32: \xff\r\n",
        b"x-amz-meta-a: b\r\n",
        b"Date: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"hello",
        b"x" * 20,
        b"<Error><Code>RequestTimeTooSkewed</Code></Error>",
        b"<Error><Code>ExpiredToken</Code></Error>",
        b"<Error><Code>NoSuchUpload</Code><Message>\xc3\xa9</Message></Error>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<DeleteResult><Error><Key>a</Key><Code>X</Code></Error></DeleteResult>",
        b"<CopyObjectResult><ETag>5</ETag></CopyObjectResult>",
        b"<R><UploadId>u</UploadId><ETag>e</ETag></R>",
        b"<!DOCTYPE r [<!ENTITY a 'aa'>]><Error><Code>&a;</Code></Error>",
    ]
)


@st.composite
def responses(draw):
    """A response in the form of HTTP, of which a few bytes may be wrong or missing."""
    body = draw(BODIES)
    framing = draw(
        st.sampled_from([b"Content-Length: %d\r\n\r\n" % len(body), b"Content-Length: 7\r\n\r\n", b"\r\n"])
        | st.just(b"Transfer-Encoding: chunked\r\n\r\n")
    )
    if framing.startswith(b"T"):
        body = b"%X\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    whole = b"HTTP/1.1 " + draw(STATUS) + b"\r\n" + b"".join(draw(st.lists(LINES, max_size=5))) + framing + body
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(whole)))
        stop = draw(st.integers(start, min(len(whole), start + 3)))
        whole = whole[:start] + draw(st.binary(max_size=3)) + whole[stop:]
    return whole


@pytest.mark.parametrize("name", CALLS)
@given(data=responses() | st.binary(max_size=100), points=st.lists(st.integers(0, 1 << 16), max_size=8))
@settings(deadline=None, max_examples=examples(60))
async def test_any_response_to_any_call_is_a_result_or_an_aios3_error(name, data, points):
    whole = await outcome(CALLS[name], [data])
    assert await outcome(CALLS[name], cut(data, points)) == whole


def test_responses_are_believed_where_they_are_right():
    """Else the test above would compare errors only."""

    async def run():
        return await outcome(page, [b"HTTP/1.1 200 OK\r\nContent-Length: 96\r\n\r\n" + b"%-96b" % PAGE])

    assert asyncio.run(run()) == (["a"], [], None)


PAGE = b"<ListBucketResult><Name>b</Name><Contents><Key>a</Key></Contents></ListBucketResult>"


class Endless(Line):
    """A line on which the same piece comes for ever."""

    def deliver(self):
        if not (self.closed or self.paused):
            self.sent = getattr(self, "sent", 0) + len(self.pieces[0])
            assert self.sent < 200 << 20
            self.deliver_piece(self.pieces[0])
            asyncio.get_running_loop().call_soon(self.deliver)

    def deliver_piece(self, piece):
        kept, self.pieces = self.pieces, []
        super().deliver_piece(piece)
        self.pieces = kept


ENDLESS = {
    "a head": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000,
    "a line": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 10_000,
    "a page": b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n" + b"x" * 10_000,
    "a rejection": b"HTTP/1.1 403 F\r\n\r\n" + b"x" * 10_000,
    "interim responses": b"HTTP/1.1 100 C\r\n\r\n" * 100,
    "a chunk's extension": b"HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 10_000,
    "trailers": b"HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 1000,
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_never_ends_is_rejected_before_it_fills_the_memory(monkeypatch, what):
    start, rest = ENDLESS[what][:60], ENDLESS[what][60:]

    class Opened(Endless):
        def __init__(self, connection, pieces):
            super().__init__(connection, pieces)
            self.first = True

        def deliver(self):
            if self.first and not self.closed:
                self.first = False
                Line.deliver_piece(self, start)
            super().deliver()

    monkeypatch.setattr("test_http_fuzz_calls.Line", Opened)
    tracemalloc.start()
    try:
        assert await outcome(CALLS["page"], [rest or b"x"]) is S3Error
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
