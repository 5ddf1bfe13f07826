"""TLS: certificates and host names are checked, bodies go both ways, and a connection that is cut is noticed."""

import asyncio
import datetime as dt
import gc
import ipaddress
import shutil
import ssl
import weakref
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from http_server import REQUEST, Target, responding, serving, with_length

from aios3._http import tls
from aios3._http.connection import BrokenBodyError
from aios3._http.dns import Addresses
from aios3._http.pool import Pool
from aios3._http.tls import MAX_CONTEXTS, client_context
from aios3._http.tls_transport import TLSTransport
from aios3.errors import ConfigError
from scripted import make_certificate

pytestmark = pytest.mark.loop_variants


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The file of a certificate for right.test and 127.0.0.1, with its key, that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "right.test")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("right.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return str(file)


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def pool_for(server, context, host="right.test", **options):
    async def here(name, port):
        return [(2, ("127.0.0.1", port))]

    return Pool(host, server.port, context, addresses=Addresses(host, server.port, resolve=here), **options)


@pytest.mark.parametrize("host", ["right.test", "127.0.0.1"])
async def test_a_trusted_server_with_the_right_name_is_spoken_to(certificate, server_tls, host):
    body = bytes(range(256)) * 8000
    async with serving(responding(with_length(body)), ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate), host)
        connection, _ = await pool.exchange(REQUEST)
        assert connection.transport.get_extra_info("ssl_object").version() == "TLSv1.3"
        got = bytearray(len(body))
        filled = 0

        def buffer_updated(count):
            nonlocal filled
            filled += count

        view = memoryview(got)
        await connection.receive(len(body), lambda: view[filled:], buffer_updated)
        assert got == body
        pool.release(connection)
        assert pool.idle == 1
        await pool.aclose()


async def test_a_body_is_sent_whole_over_tls(certificate, server_tls):
    async def handle(server, reader, writer):
        await server.request(reader)
        got.append(await reader.readexactly(len(body)))
        writer.write(with_length(b""))
        await reader.read()

    got = []
    body = bytes(range(256)) * (1 << 15)
    async with serving(handle, ssl=server_tls, limit=1 << 24) as server:
        pool = pool_for(server, await client_context(certificate))
        connection, _ = await pool.exchange(REQUEST, [body])
        pool.release(connection)
        assert pool.idle == 1
        await pool.aclose()
    assert got == [body]


@pytest.mark.parametrize("why", ["wrong host", "untrusted"])
async def test_an_unverified_server_gets_no_request(certificate, server_tls, why):
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side reports the alert
    async with serving(responding(with_length(b"")), ssl=server_tls) as server:
        context = await client_context(certificate if why == "wrong host" else True)
        pool = pool_for(server, context, "wrong.test" if why == "wrong host" else "right.test")
        with pytest.raises(ssl.SSLCertVerificationError):
            await pool.exchange(REQUEST)
        assert server.requests == []
        assert pool._leased == 0
        await pool.aclose()


async def test_verification_can_be_switched_off(server_tls):
    async with serving(responding(with_length(b"")), ssl=server_tls) as server:
        pool = pool_for(server, await client_context(verify=False), "wrong.test")
        connection, head = await pool.exchange(REQUEST)
        assert head.status == 200
        pool.release(connection)
        await pool.aclose()


async def test_a_handshake_that_hangs_ends_in_time_and_one_that_is_cancelled_leaves_nothing(certificate):
    async def handle(server, reader, writer):
        reached.set()
        await asyncio.Event().wait()

    reached = asyncio.Event()
    async with serving(handle) as server:
        context = await client_context(certificate)
        pool = pool_for(server, context, connect_seconds=0.05)
        with pytest.raises(TimeoutError, match=r"no handshake of TLS with right\.test"):
            await pool.acquire()
        assert pool._leased == 0
        await pool.aclose()
        reached.clear()
        pool = pool_for(server, context)
        connecting = asyncio.create_task(pool.acquire())
        await reached.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert (pool._leased, pool.open) == (0, 0)
        await pool.aclose()


async def test_a_server_that_does_not_speak_tls_is_an_error_of_tls(certificate):
    async def handle(server, reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with serving(handle) as server:
        pool = pool_for(server, await client_context(certificate))
        with pytest.raises(ssl.SSLError):
            await pool.acquire()
        await pool.aclose()


@pytest.mark.parametrize("response", [b"Content-Length: 10\r\n\r\nabc", b"\r\nabc"])
async def test_a_body_that_an_attacker_cuts_is_not_taken_for_whole(certificate, server_tls, response):
    async def handle(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + response)
        await writer.drain()

    async with serving(handle, ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate))
        connection, _ = await pool.exchange(REQUEST)
        with pytest.raises(BrokenBodyError):
            await connection.read(100)
        pool.release(connection)
        await pool.aclose()


async def test_a_body_until_the_close_is_whole_where_tls_says_so(certificate, server_tls):
    async def handle(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nabc")
        writer.close()
        await reader.read()

    async with serving(handle, ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate))
        connection, _ = await pool.exchange(REQUEST)
        assert await connection.read(100) == b"abc"
        pool.release(connection)
        await pool.aclose()


async def test_the_next_connection_to_a_host_resumes_the_session(certificate, server_tls):
    reused = []
    async with serving(responding(with_length(b"")), ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate))
        for _ in range(3):
            connection, _ = await pool.exchange(REQUEST)
            reused.append(connection.transport.get_extra_info("ssl_object").session_reused)
            pool.release(connection)
            connection.abort()
            while pool.open:
                await asyncio.sleep(0)
        await pool.aclose()
    assert reused[1:] == [True, True]


async def test_there_is_one_context_for_a_way_to_verify(certificate, tmp_path):
    contexts = await asyncio.gather(*(client_context(certificate) for _ in range(5)))
    assert len(set(map(id, contexts))) == 1
    assert await client_context() is not contexts[0]
    for name in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ConfigError, match=f"AWS_CA_BUNDLE names '{name}'"):
            await client_context(str(name), "AWS_CA_BUNDLE")


def renewed(folder, file, number, way):
    """Put another authority into ``file`` and return its certificate."""
    content = Path(make_certificate(folder).authority).read_bytes()
    padded = content + b"\n" * number  # the times of files are coarse, their sizes are not
    if way == "replaced":
        (folder / "new").write_bytes(padded)
        (folder / "new").replace(file)
    else:
        file.write_bytes(padded)
    return ssl.PEM_cert_to_DER_cert(content.decode())


@pytest.mark.parametrize("way", ["replaced", "written anew"])
async def test_authorities_that_were_renewed_are_read_again_and_the_old_ones_let_go(tmp_path, way):
    file, old = tmp_path / "ca.pem", []
    for number in range(5):
        authority = renewed(tmp_path, file, number, way)
        context = await client_context(str(file))
        assert await client_context(str(file)) is context
        assert context.get_ca_certs(binary_form=True) == [authority]
        old.append(weakref.ref(context))
    del context
    gc.collect()
    assert [each() is not None for each in old] == [False] * 4 + [True]
    file.unlink()
    with pytest.raises(ConfigError, match="no file of certificate authorities"):
        await client_context(str(file))


async def test_contexts_of_many_files_are_not_kept_for_ever(certificate, tmp_path):
    for number in range(MAX_CONTEXTS + 3):
        await client_context(shutil.copy(certificate, tmp_path / f"{number}.pem").__fspath__())
    assert len(tls._contexts) == MAX_CONTEXTS


async def test_a_body_is_sent_whole_to_a_server_that_reads_slowly(certificate, server_tls):
    async def handle(server, reader, writer):
        await server.request(reader)
        while len(got) < len(body):
            got.extend(await reader.readexactly(len(body) // 64))
            await asyncio.sleep(0)
        writer.write(with_length(b"done"))
        await reader.read()

    got = bytearray()
    body = bytes(range(256)) * (1 << 16)
    async with serving(handle, ssl=server_tls, limit=1 << 16) as server:
        pool = pool_for(server, await client_context(certificate))
        for pieces in ([body], [body[: 1 << 20], memoryview(body)[1 << 20 :]]):
            got.clear()
            connection, _ = await pool.exchange(REQUEST, pieces)
            assert await connection.read(10) == b"done"
            assert got == body
            connection.abort()
            pool.release(connection)
        await pool.aclose()


async def test_what_has_come_does_not_pile_up_before_a_caller_with_little_room(certificate, server_tls):
    body = bytes(range(256)) * (1 << 15)
    target, most = Target(16 * 1024), 0
    async with serving(responding(with_length(body)), ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate))
        connection, _ = await pool.exchange(REQUEST)

        def buffer_updated(count):
            nonlocal most
            target.buffer_updated(count)
            if isinstance(connection.transport, TLSTransport):
                most = max(most, connection.transport._received.pending)

        await connection.receive(len(body), target.get_buffer, buffer_updated)
        assert target.data == body
        assert most <= 1 << 20
        pool.release(connection)
        await pool.aclose()


async def test_tls_1_2_is_spoken_too(certificate, server_tls):
    server_tls.maximum_version = ssl.TLSVersion.TLSv1_2
    body = bytes(range(256)) * 4000
    async with serving(responding(with_length(body), with_length(b"more")), ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate))
        for expected in (body, b"more"):
            connection, _ = await pool.exchange(REQUEST)
            assert connection.transport.get_extra_info("ssl_object").version() == "TLSv1.2"
            assert await connection.read(1 << 20) == expected
            pool.release(connection)
        await pool.aclose()


async def test_bytes_that_were_changed_on_the_way_are_an_error_and_never_a_body(certificate, server_tls):
    """What an attacker, or broken hardware, adds to the records is noticed."""
    body = bytes(range(256)) * 4000

    async def relay(server, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", secure.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(copy(reader, far_writer, None))
                group.create_task(copy(far_reader, writer, 200_000))
        finally:
            far_writer.transport.abort()

    async def copy(source, sink, changed_at):
        passed = 0
        while data := await source.read(1 << 16):
            if changed_at is not None and passed <= changed_at < passed + len(data):
                spot = changed_at - passed
                data = data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1 :]
            passed += len(data)
            sink.write(data)
            await sink.drain()
        sink.transport.abort()

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the servers' sides report what they meet
    async with serving(responding(with_length(body)), ssl=server_tls) as secure, serving(relay) as server:
        pool = pool_for(server, await client_context(certificate))
        connection, _ = await pool.exchange(REQUEST)
        target = Target(1 << 20)
        with pytest.raises(ssl.SSLError):
            await connection.receive(len(body), target.get_buffer, target.buffer_updated)
        assert body.startswith(target.data)
        assert not connection.is_reusable
        pool.release(connection)
        await pool.aclose()


@pytest.mark.parametrize("which", ["get_buffer", "buffer_updated"])
async def test_an_error_of_the_callers_own_function_reaches_the_caller_over_tls(certificate, server_tls, which):
    def fail(*_):
        raise LookupError(which)

    target = Target(1 << 20)
    functions = {"get_buffer": target.get_buffer, "buffer_updated": target.buffer_updated} | {which: fail}
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the loops' own TLS reports it
    async with serving(responding(with_length(bytes(300_000))), ssl=server_tls) as server:
        pool = pool_for(server, await client_context(certificate))
        connection, _ = await pool.exchange(REQUEST)
        with pytest.raises(LookupError):
            await connection.receive(300_000, functions["get_buffer"], functions["buffer_updated"])
        assert not connection.is_reusable
        pool.release(connection)
        await pool.aclose()


async def test_a_server_that_hangs_up_in_the_handshake_is_a_broken_connection(certificate):
    async def handle(server, reader, writer):
        await reader.read(10)

    async with serving(handle) as server:
        pool = pool_for(server, await client_context(certificate))
        with pytest.raises(ConnectionError):
            await pool.acquire()
        assert (pool._leased, pool.open) == (0, 0)
        await pool.aclose()
