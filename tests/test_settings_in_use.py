"""What is set in the environment and in profiles is done, over both transports: attempts, checksums, authorities."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import aios3
import aios3.sync
from aios3._http.tls import client_context
from aios3.testing import FaultyServer, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

TRANSPORTS = ["auto", "aiobotocore"]
STORED = "aws_access_key_id = stored\naws_secret_access_key = stored\n"


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def failing(faulty: FaultyServer) -> Iterator[FaultyServer]:
    """A server that has no faults yet, and a small object."""
    with aios3.sync.Session(**faulty.config) as session:
        aios3.sync.write_bytes("s3://bucket/key", b"content", session=session)
    faulty.reset()
    yield faulty
    faulty.reset()


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Write the files of profiles."""

    def write(config: str = "", credentials: str = "") -> None:
        for name, text in (("config", config), ("credentials", credentials)):
            (tmp_path / name).write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    return write


async def _pipe(path: str, session: aios3.Session) -> None:
    async with aios3.aopen(path, buffering="pipe", session=session) as file:
        await file.read()


async def _seek(path: str, session: aios3.Session) -> None:
    async with aios3.aopen(path, session=session) as file:
        await file.seek(2)
        await file.read(2)


async def _whole(path: str, session: aios3.Session) -> None:
    await aios3.read_bytes(path, session=session)


WAYS = {
    "a request that is rejected": (_whole, faults.InternalError()),
    "a pipe that breaks": (_pipe, faults.CutShort(bytes=0)),
    "a range that breaks": (_seek, faults.CutShort(bytes=0)),
}

ATTEMPTS = [
    ({}, "", None, "s3://bucket/key", 5),
    ({"AWS_MAX_ATTEMPTS": "2"}, "", None, "s3://bucket/key", 2),
    ({"AWS_MAX_ATTEMPTS": "2"}, "", 3, "s3://bucket/key", 3),
    ({"AWS_MAX_ATTEMPTS": "2"}, "[default]\nmax_attempts = 4\n", None, "s3://bucket/key", 2),
    ({}, "[default]\nmax_attempts = 4\n", None, "s3://bucket/key", 4),
    ({}, f"[profile other]\nmax_attempts = 3\n{STORED}", None, "s3+other://bucket/key", 3),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("environ", "config", "argument", "path", "expected"), ATTEMPTS)
async def test_a_request_is_sent_as_often_as_was_set(
    failing, files, monkeypatch, transport, way, environ, config, argument, path, expected
):
    monkeypatch.setattr("aios3._engine.retry_policy.retry_delay", lambda _failures: 0)
    files(config)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    read, fault = WAYS[way]
    failing.fail("GetObject", fault, times=None)
    async with aios3.Session(**failing.config, max_attempts=argument, transport=transport, hedging=0) as session:
        with pytest.raises(aios3.S3Error):
            await read(path, session)
    assert failing.count("GetObject") == expected


CHECKSUMS = [
    ("auto", "", "", False, True),
    ("auto", "when_supported", "", True, True),
    ("auto", "when_required", "", False, True),
    ("auto", "when_supported", "when_required", True, False),
    ("crc32", "when_required", "when_required", True, True),
    ("off", "when_supported", "when_supported", False, False),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("place", ["environment", "profile"])
@pytest.mark.parametrize(("mode", "request_", "response", "sent", "asked"), CHECKSUMS)
async def test_checksums_are_sent_and_asked_for_as_was_set(
    failing, files, monkeypatch, transport, place, mode, request_, response, sent, asked
):
    said = {"request_checksum_calculation": request_, "response_checksum_validation": response}
    if place == "environment":
        for name, value in said.items():
            monkeypatch.setenv(f"AWS_{name.upper()}", value)
    else:
        files("[default]\n" + "".join(f"{name} = {value}\n" for name, value in said.items()))
    async with aios3.Session(**failing.config, checksums=mode, transport=transport, part_size=5 << 20) as session:
        await aios3.write_bytes("s3://bucket/small", b"content", session=session)
        await aios3.write_bytes("s3://bucket/large", bytes(6 << 20), session=session)
        assert await aios3.read_bytes("s3://bucket/small", session=session) == b"content"
    writes = [request for request in failing.requests if request.operation in {"PutObject", "UploadPart"}]
    assert len(writes) == 3
    assert {"x-amz-checksum-crc32" in request.headers for request in writes} == {sent}
    (read,) = [request for request in failing.requests if request.operation == "GetObject"]
    assert ("x-amz-checksum-mode" in read.headers) == asked


@pytest.fixture(scope="module")
def secure() -> Iterator[FaultyServer]:
    with FaultyServer(tls=True) as server:
        yield server


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("keys", ["argument", "environment", "file"])
@pytest.mark.parametrize("source", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "config", "credentials", "SSL_CERT_FILE"])
def test_authorities_are_trusted_wherever_they_were_set(secure, files, monkeypatch, transport, keys, source):
    options = dict(secure.config)
    authority, known = options.pop("verify"), options.pop("credentials")
    config, stored = "", ""
    if source in {"config", "credentials"}:
        line = f"[default]\nca_bundle = {authority}\n"
        config, stored = (line, "") if source == "config" else ("", line)
    else:
        monkeypatch.setenv(source, authority)
    if keys == "argument":
        options["credentials"] = known
    elif keys == "environment":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", known.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", known.secret_key)
    else:
        stored = (stored or "[default]\n") + STORED
    files(config, stored)
    monkeypatch.setattr("aios3._http.tls._contexts", {})  # one that was built before knows nothing of SSL_CERT_FILE

    async def write() -> None:
        async with aios3.Session(**options, transport=transport, max_attempts=1) as session:
            await aios3.write_bytes("s3://bucket/key", b"content", session=session)

    asyncio.run(write())


async def test_a_system_without_authorities_still_reaches_amazon(monkeypatch, tmp_path):
    monkeypatch.setattr("aios3._http.tls._contexts", {})
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    context = await client_context()
    assert context.cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("signing", "signed"), [("auto", False), ("always", True), ("never", False)])
async def test_a_body_is_part_of_the_signature_as_was_set(secure, transport, signing, signed):
    secure.reset()
    async with aios3.Session(**secure.config, transport=transport, payload_signing=signing) as session:
        await aios3.write_bytes("s3://bucket/key", b"content", session=session)
    (write,) = [request for request in secure.requests if request.operation == "PutObject"]
    assert (write.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD") == signed
