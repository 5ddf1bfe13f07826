"""The embedded server and the pytest fixtures, as users meet them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import socket
import sys
import threading
import urllib.error
import urllib.request

import pytest

import aios3
from aios3.testing import LocalServer
from aios3.testing._session import session_of_loop
from imported import imported_by

pytest_plugins = ["pytester"]

USER_TEST = """
import aios3
import pytest

async def write_and_read(session, bucket):
    await aios3.write_bytes(f"{bucket}/x", b"data", session=session)
    async with aios3.aopen(f"{bucket}/x", session=session) as f:
        assert await f.read() == b"data"
"""
WITH_ASYNCIO = """
@pytest.mark.asyncio
@pytest.mark.parametrize("run", [1, 2])
async def test_mine(aios3_session, aios3_bucket, run):
    await write_and_read(aios3_session, aios3_bucket)
"""
STRICT = ("-o", "asyncio_default_fixture_loop_scope=function")
AUTO = (*STRICT, "--asyncio-mode=auto")
WITH_ANYIO = """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
@pytest.mark.parametrize("run", [1, 2])
async def test_mine(aios3_session, aios3_bucket, run):
    await write_and_read(aios3_session, aios3_bucket)
"""
WITHOUT_PLUGIN = """
import asyncio

@pytest.mark.parametrize("run", [1, 2])
def test_mine(aios3_session, aios3_bucket, run):
    asyncio.run(write_and_read(aios3_session, aios3_bucket))

def test_not_used(aios3_session):
    pass

def test_a_loop_that_stays_open(aios3_session, aios3_bucket, a_loop):
    a_loop.run_until_complete(write_and_read(aios3_session, aios3_bucket))

@pytest.fixture(scope="module")
def a_loop():
    with asyncio.Runner() as runner:
        yield runner.get_loop()
"""


@pytest.fixture(scope="module")
def started():
    with LocalServer() as server:
        yield server


@pytest.fixture
def local(started):
    """One server for all tests of this file, empty for each."""
    started.reset()
    return started


async def test_serves_a_session(local):
    async with aios3.Session(**local.config) as session:
        await aios3.write_bytes(local.url("dir/x"), b"data", session=session)
        assert await aios3.read_bytes("s3://bucket/dir/x", session=session) == b"data"
    assert local.url() == "s3://bucket"


async def test_starts_and_stops_without_blocking_the_loop():
    async with LocalServer(["one"]) as server, aios3.Session(**server.config) as session:
        await aios3.write_bytes(server.url("x"), b"data", session=session)
        assert await aios3.read_bytes("s3://one/x", session=session) == b"data"


async def test_stops_when_its_user_is_cancelled():
    server = LocalServer()
    running = asyncio.Event()

    async def use() -> None:
        async with server:
            running.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await running.wait()
    port = int(server.endpoint_url.rpartition(":")[2])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_servers_share_no_data_and_no_names(local):
    async with (
        LocalServer(["bucket", "another"]) as other,
        aios3.Session(**local.config) as here,
        aios3.Session(**other.config) as there,
    ):
        await aios3.write_bytes("s3://bucket/x", b"here", session=here)
        await aios3.write_bytes("s3://bucket/x", b"there", session=there)
        assert await aios3.read_bytes("s3://bucket/x", session=here) == b"here"
        other.reset()
        with pytest.raises(aios3.ObjectNotFoundError):
            await aios3.read_bytes("s3://bucket/x", session=there)
        with pytest.raises(aios3.BucketNotFoundError):
            await aios3.write_bytes("s3://another/x", b"", session=here)
    assert local.create_bucket("another") == "s3://another"


def test_creates_buckets_and_says_why_not(local):
    assert local.create_bucket("second") == "s3://second"
    with pytest.raises(FileExistsError, match="second"):
        local.create_bucket("second")
    with pytest.raises(ValueError, match="'no'"):
        local.create_bucket("no")


def test_a_bucket_can_be_made_over_http_as_well(local):
    request = urllib.request.Request(f"{local.endpoint_url}/by-request", method="PUT")
    urllib.request.urlopen(request).close()
    with pytest.raises(FileExistsError):
        local.create_bucket("by-request")


def test_a_server_that_does_not_run_says_so():
    server = LocalServer()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = server.config
    assert "stopped" in repr(server)
    with server:
        assert server.endpoint_url in repr(server)
        server.start()
    server.stop()
    with LocalServer(buckets=()) as empty, pytest.raises(RuntimeError, match="without buckets"):
        empty.url("x")


def test_a_bucket_that_cannot_be_made_stops_the_start():
    before = threading.active_count()
    with pytest.raises(ValueError, match="'B'"):
        LocalServer(["B"]).start()
    assert threading.active_count() == before


def test_a_port_that_is_taken_is_an_error(local):
    port = int(local.endpoint_url.rpartition(":")[2])
    with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        LocalServer(port=port).start()


def test_stopping_breaks_connections_and_leaves_nothing():
    before = threading.active_count()
    with LocalServer() as server:
        port = int(server.endpoint_url.rpartition(":")[2])
        silent = socket.create_connection(("127.0.0.1", port))
        halfway = http.client.HTTPConnection("127.0.0.1", port)
        halfway.putrequest("PUT", "/bucket/x")
        halfway.putheader("Content-Length", "1000")
        halfway.endheaders(b"only a part")
        with contextlib.suppress(urllib.error.HTTPError):  # responded after the server has taken the two before it
            urllib.request.urlopen(f"{server.endpoint_url}/bucket/none")
    assert silent.recv(1) == b""
    silent.close()
    halfway.close()
    assert threading.active_count() == before
    gc.collect()


def test_says_nothing(local, capfd):
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"{local.endpoint_url}/bucket/none")
    assert capfd.readouterr() == ("", "")


def test_says_what_to_install_without_moto(monkeypatch):
    monkeypatch.delitem(sys.modules, "aios3.testing._moto", raising=False)
    monkeypatch.setitem(sys.modules, "moto.core.exceptions", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'moto\[server\]'"):
        LocalServer().start()


def test_the_plugin_costs_nothing_until_it_is_used():
    assert not {"moto", "botocore", "aiobotocore"} & imported_by("import aios3.testing.pytest_plugin")


def test_the_session_is_closed_with_a_loop_that_outlives_it(local):
    with asyncio.Runner() as runner:
        with session_of_loop(local.config) as session:
            runner.run(aios3.write_bytes(local.url("x"), b"data", session=session))
        assert session.closed


@pytest.mark.parametrize(
    ("text", "options", "passed"),
    [
        pytest.param(WITH_ASYNCIO, STRICT, 2, id="pytest-asyncio-strict"),
        pytest.param(WITH_ASYNCIO, AUTO, 2, id="pytest-asyncio-auto"),
        pytest.param(WITH_ANYIO, ("-p", "no:asyncio"), 2, id="anyio"),
        pytest.param(WITHOUT_PLUGIN, ("-p", "no:asyncio", "-p", "no:anyio"), 4, id="no-plugin"),
    ],
)
def test_the_fixtures_work_with(pytester, text, options, passed):
    pytester.makepyfile(USER_TEST + text)
    pytester.makeini("[pytest]\nfilterwarnings = error")
    result = pytester.runpytest_subprocess("-q", *options)
    result.assert_outcomes(passed=passed)


@pytest.mark.parametrize("target", ["/bucket?list-type=2", "/bucket/none", "/none"])
def test_no_header_is_sent_twice(local, target):
    """aiohttp rejects such a response in debug mode (``python -X dev``)."""
    with contextlib.suppress(FileExistsError):
        local.create_bucket("bucket")
    connection = http.client.HTTPConnection("127.0.0.1", int(local.endpoint_url.rpartition(":")[2]))
    connection.request("GET", target)
    names = [name.lower() for name, _ in connection.getresponse().getheaders()]
    connection.close()
    assert len(set(names)) == len(names)
    assert "date" in names
