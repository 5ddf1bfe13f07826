"""The fault server by itself, over plain sockets: what it passes on, each fault on the wire, what it counts."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import aios3
import aios3.sync
import aios3.testing
from aios3.testing import FaultyServer, LocalServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=LOCAL/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
"""moto checks that there is one, and no more."""
BODY = random.Random(1).randbytes(300_000)


class Upstream:
    """A server of one thread that responds as it is told, closes every connection, and keeps what it was sent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.response = b""
        self.received: list[bytes] = []
        self.until = b"\r\n\r\n"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self._serve_one(connection)

    def _serve_one(self, connection: socket.socket) -> None:
        data = b""
        while not data.endswith(self.until):
            piece = connection.recv(1 << 20)
            if not piece:
                break
            data += piece
        self.received.append(data)
        with contextlib.suppress(OSError):
            connection.sendall(self.response)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with contextlib.closing(Upstream()) as server:
        server.response = b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Odd:  kept \r\nContent-Length: 5\r\n\r\nhello"
        yield server


@pytest.fixture
def raw(upstream) -> Iterator[FaultyServer]:
    with FaultyServer(upstream=upstream.url) as server:
        yield server


@pytest.fixture(scope="module")
def local() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def running(local) -> Iterator[FaultyServer]:
    with FaultyServer(upstream=local) as server:
        yield server


@pytest.fixture
def s3(running) -> FaultyServer:
    """A fault server in front of a LocalServer with one object, and no fault yet."""
    running.reset()
    request(running.storage, "PUT", "/bucket/dir/x", BODY)
    return running


def connect(server: FaultyServer) -> socket.socket:
    parts = urlsplit(server.endpoint_url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def request(server, method: str, target: str, body: bytes | None = None, **headers: str) -> tuple[int, dict, bytes]:
    """Make one request on a connection of its own."""
    headers |= {"Authorization": AUTHORIZATION}
    connection = http.client.HTTPConnection(urlsplit(server.endpoint_url).netloc, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def receive_all(connection: socket.socket) -> tuple[bytes, bool]:
    """Receive until the end; return the bytes, and whether the end was a reset."""
    received = b""
    try:
        while piece := connection.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        return received, True
    return received, False


def exchange(server: FaultyServer, sent: bytes) -> tuple[bytes, bool]:
    with connect(server) as connection:
        connection.sendall(sent)
        return receive_all(connection)


GET = (
    b"GET /bucket/dir/x HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nConnection: close\r\n\r\n" % AUTHORIZATION.encode()
)


def body_of(response: bytes) -> bytes:
    return response.partition(b"\r\n\r\n")[2]


# What is passed on


def test_bytes_pass_as_they_are_and_the_connection_stays(raw, upstream):
    ask = b"GET /b/odd%20key?x-id=GetObject HTTP/1.1\r\nhOsT:x\r\nAuthorization:  secret \r\n\r\n"
    said = upstream.response.replace(b"Connection: close\r\n", b"")
    with connect(raw) as connection:
        for _ in range(3):
            connection.sendall(ask)
            received = b""
            while len(received) < len(said):
                received += connection.recv(1 << 16)
            assert received == said
        assert upstream.received == [ask] * 3
        assert raw.counts().connections == raw.counts().open_connections == 1
    assert raw.wait(lambda counts: counts.open_connections == 0).requests == {"GetObject": 3}


def test_chunks_pass_as_they_are_both_ways(raw, upstream):
    chunks = b"5;ext=1\r\nhello\r\n3\r\n\r\n\n\r\n0\r\nTrailer: 1\r\n\r\n"
    upstream.response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    head = b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    upstream.until = b"Trailer: 1\r\n\r\n"
    assert exchange(raw, head + chunks) == (upstream.response, False)
    assert upstream.received == [head + chunks]
    assert raw.counts().received_bytes == raw.counts().sent_bytes == len(chunks)


def test_a_response_without_a_length_ends_with_the_connection(raw, upstream):
    upstream.response = b"HTTP/1.1 200 OK\r\n\r\n" + BODY
    assert exchange(raw, GET.replace(b"Connection: close\r\n", b"")) == (upstream.response, False)


@pytest.mark.parametrize("status", [204, 304])
def test_responses_without_a_body_are_not_waited_for(raw, upstream, status):
    upstream.response = b"HTTP/1.1 %d x\r\nContent-Length: 7\r\n\r\n" % status
    assert exchange(raw, GET) == (upstream.response, False)


def test_an_interim_response_passes(raw, upstream):
    upstream.response = b"HTTP/1.1 100 Continue\r\n\r\n" + upstream.response
    expected = upstream.response.replace(b"Connection: close\r\n", b"")
    assert exchange(raw, GET) == (expected, False)


def test_a_server_that_is_not_there_is_said(upstream):
    upstream.close()
    upstream.close = lambda: None
    with FaultyServer(upstream=upstream.url) as server:
        assert request(server, "GET", "/b/k")[0] == 502


def test_a_large_body_passes_whole(s3):
    large = random.Random(2).randbytes(20 << 20)
    assert request(s3, "PUT", "/bucket/large", large)[0] == 200
    assert request(s3, "GET", "/bucket/large")[2] == large
    s3.wait(lambda counts: counts.sent_bytes == len(large))
    assert s3.counts().received_bytes == len(large)


# Which requests


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/b?list-type=2&prefix=x", {}, "ListObjectsV2"),
        ("GET", "/b/?uploads", {}, "ListMultipartUploads"),
        ("GET", "/b", {}, "ListObjects"),
        ("GET", "/b?versions", {}, "ListObjectVersions"),
        ("GET", "/b?location", {}, "GetBucketLocation"),
        ("HEAD", "/b", {}, "HeadBucket"),
        ("PUT", "/b", {}, "CreateBucket"),
        ("DELETE", "/b", {}, "DeleteBucket"),
        ("POST", "/b?delete", {}, "DeleteObjects"),
        ("GET", "/b/k?x-id=GetObject", {}, "GetObject"),
        ("GET", "/b/k?versionId=1", {}, "GetObject"),
        ("GET", "/b/k?uploadId=1", {}, "ListParts"),
        ("GET", "/b/k?tagging", {}, "GetObjectTagging"),
        ("GET", "/b/k?attributes", {}, "GetObjectAttributes"),
        ("HEAD", "/b/k", {}, "HeadObject"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k", {"x_amz_copy_source": "/b/x"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k?uploadId=u&partNumber=1", {"x_amz_copy_source": "/b/x"}, "UploadPartCopy"),
        ("PUT", "/b/k?tagging", {}, "PutObjectTagging"),
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", {}, "CompleteMultipartUpload"),
        ("DELETE", "/b/k", {}, "DeleteObject"),
        ("DELETE", "/b/k?uploadId=u", {}, "AbortMultipartUpload"),
    ],
)
def test_requests_have_the_names_of_s3(raw, upstream, method, target, headers, operation):
    upstream.response = b"HTTP/1.1 204 None\r\n\r\n"
    request(raw, method, target, **headers)
    assert raw.counts().requests == {operation: 1}


def test_keys_are_decoded(raw, upstream):
    request(raw, "GET", "/b/a%2Fb%20%C3%A9")
    assert (raw.requests[0].bucket, raw.requests[0].key) == ("b", "a/b é")
    assert raw.count("Get*", "a/*") == 1
    assert raw.count("GetObject", "b/*") == 0


def test_the_nth_request_and_so_many_after_it_fail(s3):
    s3.fail("GetObject", faults.InternalError(), key="dir/*", nth=2, times=2)
    request(s3, "GET", "/bucket/other")
    request(s3, "HEAD", "/bucket/dir/x")
    assert [request(s3, "GET", "/bucket/dir/x")[0] for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_function_chooses(s3):
    s3.fail("*", faults.SlowDown(), key=lambda seen: "range" in seen.headers, times=None)
    assert request(s3, "GET", "/bucket/dir/x")[0] == 200
    assert request(s3, "GET", "/bucket/dir/x", Range="bytes=0-1")[0] == 503


def test_the_first_matching_rule_counts(s3):
    s3.fail("GetObject", faults.InternalError())
    s3.fail("GetObject", faults.SlowDown(), times=None)
    assert [request(s3, "GET", "/bucket/dir/x")[0] for _ in range(3)] == [500, 503, 503]


def test_a_seed_repeats_itself(s3):
    runs = []
    for _ in range(2):
        s3.reset()
        s3.fail("GetObject", faults.SlowDown(), probability=0.5, seed=3, times=None)
        runs.append([request(s3, "GET", "/bucket/dir/x", Range="bytes=0-1")[0] for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {206, 503}


@pytest.mark.parametrize("wrong", [{"nth": 0}, {"times": 0}, {"probability": 0}, {"probability": 1.5}])
def test_numbers_that_make_no_sense_are_rejected(s3, wrong):
    with pytest.raises(ValueError, match=r"must|count"):
        s3.fail("GetObject", faults.Reset(), **wrong)


def test_a_rule_needs_a_fault(s3):
    with pytest.raises(TypeError, match="needs a fault"):
        s3.fail("GetObject")


# Each fault


def test_reset_before_the_head(s3):
    s3.fail("GetObject", faults.Reset())
    assert exchange(s3, GET) == (b"", True)


def test_reset_after_some_bytes(s3):
    s3.fail("GetObject", faults.ResetAfter(bytes=1000))
    response, reset = exchange(s3, GET)
    assert (body_of(response), reset) == (BODY[:1000], True)


def test_cut_short(s3):
    s3.fail("GetObject", faults.CutShort(bytes=1000))
    response, reset = exchange(s3, GET)
    assert (body_of(response), reset) == (BODY[:1000], False)
    assert b"content-length: %d" % len(BODY) in response.lower()


def test_reset_in_the_upload_stores_nothing(s3):
    s3.fail("PutObject", faults.ResetUpload(after=100))
    with connect(s3) as connection:
        connection.sendall(b"PUT /bucket/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + bytes(200))
        assert receive_all(connection) == (b"", True)
    assert request(s3, "HEAD", "/bucket/new")[0] == 404


def test_a_client_that_leaves_in_an_upload_stores_nothing(s3):
    with connect(s3) as connection:
        connection.sendall(b"PUT /bucket/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + bytes(200))
        s3.wait(lambda counts: counts.received_bytes == 200)
    s3.wait(lambda counts: counts.open_connections == 0)
    assert request(s3, "HEAD", "/bucket/new")[0] == 404


def test_lost_response(s3):
    s3.fail("PutObject", faults.DropResponse())
    put = b"PUT /bucket/lost HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    assert exchange(s3, put) == (b"", True)
    assert request(s3, "GET", "/bucket/lost")[2] == b"abc"


@pytest.mark.parametrize("status", [500, 200])
def test_an_error_although_the_server_has_done_it(s3, status):
    s3.fail("PutObject", faults.LateError(status))
    put = b"PUT /bucket/in-spite HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    response, _reset = exchange(s3, put)
    assert response.startswith(b"HTTP/1.1 %d " % status)
    assert b"<Code>InternalError</Code>" in response
    assert request(s3, "GET", "/bucket/in-spite")[2] == b"abc"


@pytest.mark.parametrize("after", [None, 0, 1000])
def test_a_stall_ends_when_it_is_released(s3, after):
    s3.fail("GetObject", faults.Stall(after))
    with connect(s3) as connection:
        connection.sendall(GET)
        s3.wait(lambda counts: counts.stalled == 1)
        s3.release()
        response, reset = receive_all(connection)
    assert (body_of(response), reset) == (BODY, False)


@pytest.mark.parametrize("fault", [faults.Stall(), faults.Stall(1000), faults.StallUpload(10)])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stall_ends_when_the_client_disconnects(s3, fault, how):
    s3.fail("*", fault)
    upload = isinstance(fault, faults.StallUpload)
    with connect(s3) as connection:
        put = b"PUT /bucket/stalled HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + bytes(100_000)
        connection.send(put if upload else GET)
        s3.wait(lambda counts: counts.stalled == 1)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    counts = s3.wait(lambda counts: counts.open_connections == 0)
    assert counts.stalled == 0


def test_a_stalled_upload_goes_on_when_it_is_released(s3):
    s3.fail("PutObject", faults.StallUpload(10))
    with connect(s3) as connection:
        connection.sendall(b"PUT /bucket/late HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n")
        connection.sendall(bytes(100))
        s3.wait(lambda counts: counts.stalled == 1)
        s3.release()
        assert receive_all(connection)[0].startswith(b"HTTP/1.1 200")
    assert request(s3, "GET", "/bucket/late")[2] == bytes(100)


def test_drip_passes_everything(s3):
    s3.fail("GetObject", faults.SlowBody(bytes=50_000, seconds=0.001))
    assert body_of(exchange(s3, GET)[0]) == BODY


def test_a_drip_ends_when_it_is_released(s3):
    s3.fail("GetObject", faults.SlowBody(bytes=1, seconds=3600))
    with connect(s3) as connection:
        connection.sendall(GET)
        response = b""
        while b"\r\n\r\n" not in response:
            response += connection.recv(1 << 16)
        s3.release()
        response += receive_all(connection)[0]
    assert body_of(response) == BODY


@pytest.mark.parametrize("by", [10, -10])
def test_wrong_lengths(s3, by):
    s3.fail("GetObject", faults.WrongLength(by))
    response, reset = exchange(s3, GET)
    assert b"content-length: %d" % (len(BODY) + by) in response.lower()
    assert (body_of(response), reset) == (BODY, False)


def test_flipped_bytes(s3):
    s3.fail("GetObject", faults.FlipByte(at=299_999))
    received = request(s3, "GET", "/bucket/dir/x")[2]
    assert received[:-1] == BODY[:-1]
    assert received[-1] == BODY[-1] ^ 0xFF
    s3.fail("PutObject", faults.FlipUploadByte(at=1))
    request(s3, "PUT", "/bucket/flipped", b"\0\0\0")
    assert request(s3, "GET", "/bucket/flipped")[2] == b"\0\xff\0"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.SlowDown(retry_after=7), 503, b"SlowDown"),
        (faults.InternalError(), 500, b"InternalError"),
        (faults.ErrorIn200(), 200, b"InternalError"),
        (faults.ExpiredToken(), 400, b"ExpiredToken"),
        (faults.WrongRegion("eu-west-3"), 301, b"PermanentRedirect"),
        (faults.WrongRegion("eu-west-3", 400), 400, b"<Region>eu-west-3</Region>"),
        (faults.Respond(418, "Tea&Pot", "<hot>"), 418, b"<Code>Tea&amp;Pot</Code><Message>&lt;hot&gt;</Message>"),
    ],
)
def test_responses_of_its_own(s3, fault, status, code):
    s3.fail("*", fault, times=2)
    response = request(s3, "PUT", "/bucket/dir/x", bytes(1000))
    assert response[0] == status
    assert code in response[2]
    assert response[1].get("Retry-After") == ("7" if isinstance(fault, faults.SlowDown) else None)
    assert response[1].get("x-amz-bucket-region") == ("eu-west-3" if isinstance(fault, faults.WrongRegion) else None)
    assert request(s3, "HEAD", "/bucket/dir/x")[2] == b""
    assert request(s3, "GET", "/bucket/dir/x")[2] == BODY


def test_a_response_before_the_body_was_sent(s3):
    s3.fail("PutObject", faults.Respond(503, "SlowDown", early=True))
    with connect(s3) as connection:
        connection.sendall(b"PUT /bucket/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 503")
        connection.sendall(bytes(1000))
        assert receive_all(connection) == (b"", False)


def test_a_client_that_sends_expect_gets_100_continue(s3):
    s3.fail("PutObject", faults.SlowDown())
    with connect(s3) as connection:
        connection.sendall(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 503")


def test_requests_a_second(s3):
    s3.limit(per_second=0.001, burst=3, operation="GetObject")
    statuses = [request(s3, "GET", "/bucket/dir/x", Range="bytes=0-0")[0] for _ in range(5)]
    assert statuses == [206, 206, 206, 503, 503]
    assert request(s3, "HEAD", "/bucket/dir/x")[0] == 200
    assert s3.counts().faults == 2


def test_200_with_everything(s3):
    s3.fail("GetObject", faults.IgnoreRange())
    status, _, body = request(s3, "GET", "/bucket/dir/x", Range="bytes=0-1")
    assert (status, body) == (200, BODY)


def test_garbage(s3):
    s3.fail("GetObject", faults.Garbage(b"\0no"))
    assert exchange(s3, GET) == (b"\0no", False)
    s3.fail("Connect", faults.Garbage(b"220 mail"))
    with connect(s3) as connection:
        assert receive_all(connection) == (b"220 mail", False)


def test_headers_that_are_too_much(s3):
    s3.fail("GetObject", faults.HugeHeader(bytes=100_000))
    assert len(exchange(s3, GET)[0].partition(b"\r\n\r\n")[0]) > 100_000
    s3.fail("GetObject", faults.FoldedHeader())
    assert b"x-amz-meta-folded: one\r\n two\r\n" in exchange(s3, GET)[0]
    s3.fail("GetObject", faults.EndlessHeaders())
    with connect(s3) as connection:
        connection.sendall(GET)
        received = 0
        while received < 5_000_000:
            piece = connection.recv(1 << 16)
            assert b"\r\n\r\n" not in piece
            received += len(piece)
    s3.wait(lambda counts: counts.open_connections == 0)


def test_chunked_responses(s3):
    s3.fail("GetObject", faults.Chunked(bytes=777))
    status, headers, body = request(s3, "GET", "/bucket/dir/x")
    assert (status, headers["Transfer-Encoding"], body) == (200, "chunked", BODY)
    assert "content-length" not in {name.lower() for name in headers}


def test_small_pages(s3):
    s3.fail("ListObjectsV2", faults.SmallPages(1))
    assert b"<MaxKeys>1</MaxKeys>" in request(s3, "GET", "/bucket?list-type=2&max-keys=1000")[2]


def test_an_object_that_is_replaced(s3):
    s3.fail("GetObject", faults.ReplaceObject(b"new"))
    assert request(s3, "GET", "/bucket/dir/x")[2] == b"new"


def test_something_done_before(s3):
    seen = []
    s3.fail("GetObject", faults.Before(seen.append))
    assert request(s3, "GET", "/bucket/dir/x")[2] == BODY
    assert [request.key for request in seen] == ["dir/x"]
    assert s3.requests[-1].fault == faults.Before(seen.append)


# Connections


def test_rejected_connections(s3):
    with connect(s3) as before:
        with s3.unreachable():
            assert receive_all(before)[0] == b""
            with pytest.raises(ConnectionRefusedError):
                connect(s3)
        assert request(s3, "GET", "/bucket/dir/x")[0] == 200


def test_a_connection_that_is_reset_at_once(s3):
    s3.fail("Connect", faults.Reset())
    with pytest.raises(ConnectionError), connect(s3) as connection:  # where exactly, is the system's business
        connection.sendall(GET)
        if receive_all(connection) == (b"", True):
            raise ConnectionResetError
    assert request(s3, "GET", "/bucket/dir/x")[0] == 200


def test_a_half_open_connection(s3):
    s3.fail("Connect", faults.Stall())
    with connect(s3) as connection:
        connection.sendall(GET)
        s3.wait(lambda counts: counts.stalled == 1)
        assert s3.counts().total == 0
        s3.release()
        assert body_of(receive_all(connection)[0]) == BODY


def test_an_address_that_accepts_no_connection(s3):
    dead, alive = s3.addresses
    port = urlsplit(s3.endpoint_url).port
    with socket.socket() as knocking:
        knocking.settimeout(0)
        with pytest.raises(BlockingIOError):
            knocking.connect((dead, port))
        assert request(s3, "GET", "/bucket/dir/x")[0] == 200
        with pytest.raises(BlockingIOError):  # still: neither let in nor rejected
            knocking.recv(1)
    assert s3.addresses == (dead, alive)


def test_tls_that_clients_check(local):
    with FaultyServer(upstream=local, tls=True) as server:
        trusting = ssl.create_default_context(cafile=server.config["verify"])
        with connect(server) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(GET.replace(b"/bucket/dir/x", b"/bucket/none"))
            assert receive_all(connection)[0].startswith(b"HTTP/1.1 404")
        with (
            connect(server) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1"),
        ):
            pass


def test_a_tls_handshake_that_waits(local):
    with FaultyServer(upstream=local, tls=True) as server:
        server.fail("Connect", faults.Stall())
        trusting = ssl.create_default_context(cafile=server.config["verify"])
        threading.Timer(0, lambda: (server.wait(lambda counts: counts.stalled == 1), server.release())).start()
        with connect(server) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            assert connection.version()


# Life


def test_needs_no_more_than_its_name():
    with FaultyServer(["mine"]) as server, aios3.sync.Session(**server.config) as session:
        aios3.sync.write_bytes(server.storage.url("x"), b"data", session=session)
        server.fail("GetObject", key="x", fault=aios3.testing.faults.ResetAfter(bytes=1))
        assert aios3.sync.read_bytes("s3://mine/x", session=session) == b"data"
        assert server.count("GetObject", "x") == 2
    assert "stopped" in repr(server)


async def test_starts_and_stops_without_blocking_the_loop():
    async with FaultyServer() as server, aios3.Session(**server.config) as session:
        await aios3.write_bytes("s3://bucket/x", b"data", session=session)


def threads() -> list[str]:
    """Name the threads, but for those that LocalServer serves connections in."""
    return sorted(thread.name for thread in threading.enumerate() if "LocalServer" not in thread.name)


def test_stops_whatever_hangs_on_it(s3, local):
    before = threads()
    with FaultyServer(upstream=local) as server:
        server.fail("*", faults.Stall(), times=None)
        silent, stalled = connect(server), connect(server)
        stalled.sendall(GET)
        server.wait(lambda counts: counts.stalled == 1)
    with silent, stalled:
        assert receive_all(silent)[0] == receive_all(stalled)[0] == b""
    assert threads() == before


def test_reset_forgets_faults_and_counts(s3):
    s3.fail("*", faults.Stall(), times=None)
    with connect(s3) as connection:
        connection.sendall(GET)
        s3.wait(lambda counts: counts.stalled == 1)
        s3.reset()
        assert receive_all(connection)[0] == b""
    assert s3.counts() == aios3.testing.Counts({}, 0, 0, 0, 0, 0, 0)
    assert request(s3, "GET", "/bucket/dir/x")[0] == 200


def test_waiting_in_vain_says_what_was_seen(s3):
    with pytest.raises(TimeoutError, match="seen Counts"):
        s3.wait(lambda counts: counts.total > 0, timeout=0)


def test_says_what_is_wrong_with_it():
    server = FaultyServer()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = server.endpoint_url
    server.stop()
    with pytest.raises(ValueError, match="upstream must be"):
        FaultyServer(upstream="https://example.org").start()
    with FaultyServer(upstream="http://127.0.0.1:9") as server, pytest.raises(RuntimeError, match="no LocalServer"):
        _ = server.storage


def test_a_port_that_is_taken_is_an_error(s3):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        FaultyServer(upstream="http://127.0.0.1:9", port=taken.getsockname()[1]).start()
