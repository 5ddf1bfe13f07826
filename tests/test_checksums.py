"""Checksums: published vectors, a slow implementation bit by bit as oracle, and what S3 is sent and confirms."""

from __future__ import annotations

import base64
import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aios3
from aios3._backend import GetOptions
from aios3._engine.checksums import checksum_of, choose_algorithm, combine_checksums
from aios3.errors import ConfigError
from scripted import Scripted, response, xml

needs_awscrt = pytest.mark.skipif(importlib.util.find_spec("awscrt") is None, reason="awscrt is not installed")
ALGORITHMS = ["CRC32", pytest.param("CRC64NVME", marks=needs_awscrt)]
MIB = 1 << 20

POLYNOMIALS = {"CRC32": (32, 0xEDB88320), "CRC64NVME": (64, 0x9A6C9329AC4BC9B5)}
"""Width and reflected polynomial, as the catalogue of parametrised CRC algorithms has them."""


def bit_by_bit(algorithm: str, data: bytes) -> int:
    width, polynomial = POLYNOMIALS[algorithm]
    ones = (1 << width) - 1
    crc = ones
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    return crc ^ ones


def value(checksum) -> int:
    return int.from_bytes(base64.b64decode(checksum.value, validate=True), "big")


@pytest.mark.parametrize(
    ("algorithm", "data", "expected"),
    [
        ("CRC32", b"", "00000000"),
        ("CRC32", b"123456789", "cbf43926"),
        ("CRC32", b"a", "e8b7be43"),
        pytest.param("CRC64NVME", b"", "0000000000000000", marks=needs_awscrt),
        pytest.param("CRC64NVME", b"123456789", "ae8b14860a799888", marks=needs_awscrt),
    ],
)
def test_published_vectors(algorithm, data, expected):
    checksum = checksum_of([data], algorithm)
    assert base64.b64decode(checksum.value).hex() == expected
    assert str(checksum) == f"{algorithm}:{base64.b64encode(bytes.fromhex(expected)).decode()}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(pieces=st.lists(st.binary(max_size=40), max_size=6))
def test_the_pieces_in_a_row_are_the_whole(algorithm, pieces):
    whole = b"".join(pieces)
    assert value(checksum_of(map(memoryview, pieces), algorithm)) == bit_by_bit(algorithm, whole)
    assert checksum_of(iter(pieces), algorithm) == checksum_of([whole], algorithm)
    assert checksum_of(pieces, algorithm).algorithm == algorithm


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(parts=st.lists(st.binary(max_size=40), min_size=1, max_size=6))
def test_the_checksums_of_parts_make_the_checksum_of_the_whole(algorithm, parts):
    sums = [(checksum_of([part], algorithm), len(part)) for part in parts]
    assert combine_checksums(sums) == checksum_of(parts, algorithm)


def test_no_parts_have_no_checksum():
    assert combine_checksums([]) is None


def test_no_algorithm_no_checksum():
    assert checksum_of([b"data"], None) is None


@pytest.mark.parametrize(
    ("mode", "is_aws", "has_awscrt", "expected"),
    [
        ("off", False, True, None),
        ("off", True, True, None),
        ("auto", False, True, None),
        ("auto", False, False, None),
        ("auto", True, True, "CRC64NVME"),
        ("auto", True, False, "CRC32"),
        ("crc32", False, True, "CRC32"),
        ("crc32", True, False, "CRC32"),
        ("crc64nvme", False, True, "CRC64NVME"),
        ("crc64nvme", True, True, "CRC64NVME"),
    ],
)
def test_which_algorithm_is_chosen(monkeypatch, mode, is_aws, has_awscrt, expected):
    monkeypatch.setattr("aios3._engine.checksums.has_awscrt", lambda: has_awscrt)
    assert choose_algorithm(mode, is_aws=is_aws) == expected


@pytest.mark.parametrize("is_aws", [True, False])
def test_what_is_asked_for_by_name_must_be_there(monkeypatch, is_aws):
    monkeypatch.setattr("aios3._engine.checksums.has_awscrt", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install awscrt, or use checksums='crc32'"):
        choose_algorithm("crc64nvme", is_aws=is_aws)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_small_write_sends_its_checksum_and_returns_the_confirmed_one(algorithm):
    mode, header = algorithm.lower(), f"x-amz-checksum-{algorithm.lower()}"
    expected = checksum_of([b"123456789"], algorithm)
    async with Scripted(response(ETag='"e"', **{header.replace("-", "_"): expected.value})) as server:
        async with session_on(server.url, mode) as session:
            result = await aios3.write_bytes("s3://bucket/k", b"123456789", session=session)
        (request,) = server.requests
    assert {name: text for name, text in request.headers.items() if "checksum" in name} == {header: expected.value}
    assert request.body == b"123456789"
    assert result.checksum == str(expected)


@pytest.mark.parametrize("mode", ["off", "auto"])
async def test_elsewhere_than_on_aws_nothing_is_sent_unasked(mode):
    async with Scripted(response(ETag='"e"')) as server:
        async with session_on(server.url, mode) as session:
            result = await aios3.write_bytes("s3://bucket/k", b"123456789", session=session)
        (request,) = server.requests
    assert not any("checksum" in name or "trailer" in name for name in request.headers)
    assert request.body == b"123456789"
    assert result.checksum is None


async def test_a_checksum_that_does_not_hold_is_an_error():
    rejection = response(400, xml("Error", Code="BadDigest", Message="It differs"))
    async with Scripted(rejection) as server, session_on(server.url, "crc32") as session:
        with pytest.raises(aios3.ChecksumMismatchError, match="BadDigest"):
            await aios3.write_bytes("s3://bucket/k", b"123456789", session=session)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_parts_and_the_whole_carry_checksums(aios3_server, aios3_bucket, algorithm):
    data = bytes(range(256)) * (4096 * 6)
    url = aios3.S3Url.parse(f"{aios3_bucket}/k")
    async with aios3.Session(**aios3_server.config, checksums=algorithm.lower(), transport="aiobotocore") as session:
        sent = await record_checksums(session, url)
        async with aios3.aopen(url, "wb", part_size=5 * MIB, session=session) as f:
            await f.write(data)
        backend = await session.backend(url)
        found = await backend.head_object(url, GetOptions())
    header = f"x-amz-checksum-{algorithm.lower()}"
    parts = [checksum_of([part], algorithm).value for part in (data[: 5 * MIB], data[5 * MIB :])]
    whole = checksum_of([data], algorithm).value
    assert sent.pop(0) == {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": "FULL_OBJECT"}
    assert sent.pop() == {header: whole, "x-amz-checksum-type": "FULL_OBJECT"}
    assert sorted(sent, key=str) == sorted(({header: part} for part in parts), key=str)
    assert found.checksums == {algorithm: whole}
    assert found.size == len(data)


def session_on(url: str, mode: str) -> aios3.Session:
    credentials = aios3.Credentials("AKIA", "secret")
    return aios3.Session(
        endpoint_url=url, credentials=credentials, checksums=mode, max_attempts=1, transport="aiobotocore"
    )


async def record_checksums(session: aios3.Session, url: aios3.S3Url) -> list[dict[str, str]]:
    """Return a list to which every write adds the headers about checksums that it sends."""
    sent: list[dict[str, str]] = []

    def record(request, **_kwargs) -> None:
        if request.method in ("PUT", "POST"):
            named = {name.lower(): text for name, text in request.headers.items() if "checksum" in name.lower()}
            sent.append({name: text if isinstance(text, str) else text.decode() for name, text in named.items()})

    client = await aios3.get_s3_client(session=session)
    client.meta.events.register("before-send.s3", record)
    return sent


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA512", "XXHASH3", "XXHASH64", "XXHASH128"])
async def test_a_checksum_that_we_cannot_compute_is_shown_and_keeps_nobody_from_reading(algorithm, transport):
    said = {f"x_amz_checksum_{algorithm.lower()}": "AAAAAAAAAAA=", "x_amz_checksum_type": "FULL_OBJECT"}
    described = response(etag='"e"', last_modified="Tue, 01 Dec 2026 00:00:00 GMT", **said)
    whole = response(body=b"data", etag='"e"', last_modified="Tue, 01 Dec 2026 00:00:00 GMT", **said)
    async with (
        Scripted(described.replace(b"content-length: 0", b"content-length: 4"), whole) as server,
        aios3.Session(
            endpoint_url=server.url, region="us-east-1", transport=transport, credentials=aios3.Credentials("a", "b")
        ) as session,
    ):
        assert (await aios3.stat("s3://bucket/key", session=session)).checksums == {algorithm: "AAAAAAAAAAA="}
        assert await aios3.read_bytes("s3://bucket/key", session=session) == b"data"
