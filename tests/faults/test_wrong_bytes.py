"""Bytes that change on the way are noticed by every way to read an object, and healed where nobody has them yet."""

from __future__ import annotations

import importlib.util
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_common import nothing_left

import aios3
from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KIB = 1024
DATA = random.Random(8).randbytes(1200 * KIB + 5)
needs_awscrt = pytest.mark.skipif(importlib.util.find_spec("awscrt") is None, reason="awscrt is not installed")
CRCS = ["CRC32", pytest.param("CRC32C", marks=needs_awscrt), pytest.param("CRC64NVME", marks=needs_awscrt)]


@dataclass
class Reading:
    path: str
    session: aios3.Session
    directory: Path


async def read_bytes(of: Reading) -> bytes:
    return await aios3.read_bytes(of.path, session=of.session)


async def load_from(of: Reading) -> bytes:
    return (await aios3.load_from(of.path, session=of.session)).read()


async def read(of: Reading) -> bytes:
    async with aios3.aopen(of.path, session=of.session) as reader:
        return await reader.read()


async def chunks(of: Reading) -> bytes:
    received = io.BytesIO()
    async with aios3.aopen(of.path, session=of.session) as reader:
        async for chunk in reader.chunks():
            received.write(chunk)
    return received.getvalue()


async def lines(of: Reading) -> bytes:
    async with aios3.aopen(of.path, session=of.session) as reader:
        return b"".join([line async for line in reader])


async def way(of: Reading, buffering: str) -> bytes:
    async with aios3.aopen(of.path, buffering=buffering, session=of.session) as reader:
        return await reader.read()


async def memory(of: Reading) -> bytes:
    return await way(of, "memory")


async def disk(of: Reading) -> bytes:
    return await way(of, "disk")


async def shared(of: Reading) -> bytes:
    return await way(of, "shared")


async def pipe(of: Reading) -> bytes:
    return await way(of, "pipe")


async def download(of: Reading) -> bytes:
    await aios3.download(of.path, of.directory / "copy", session=of.session)
    return (of.directory / "copy").read_bytes()


HEALING = [read_bytes, load_from, read, memory, disk, shared, download]
STREAMING = [chunks, lines, pipe]


@pytest.fixture
async def reading(faulty, options, bucket, tmp_path):
    session = aios3.Session(**options(faulty, checksums="crc32"))
    async with nothing_left(session, faulty):
        yield Reading(f"{bucket}/data", session, tmp_path)


async def fails(work: Awaitable[object]) -> None:
    with pytest.raises((aios3.ChecksumMismatchError, aios3.PartialFailureError)) as caught:
        await work
    error = caught.value
    if isinstance(error, aios3.PartialFailureError):
        (error,) = error.failures.values()
    assert isinstance(error, aios3.ChecksumMismatchError)
    assert "/data" in str(error)


@pytest.mark.parametrize("algorithm", CRCS)
@pytest.mark.parametrize("how", HEALING)
async def test_a_wrong_byte_is_read_once_more_before_anybody_has_it(
    faulty, reading, admin, algorithm, how: Callable[[Reading], Awaitable[bytes]]
):
    admin.put(reading.path, DATA, ChecksumAlgorithm=algorithm)
    reading.session.observed_checksum = algorithm
    faulty.fail("GetObject", faults.FlipByte(at=1000), nth=2 if how is not shared else 1)
    assert await how(reading) == DATA
    assert faulty.counts().faults == 1


@pytest.mark.parametrize("how", [*HEALING, *STREAMING])
async def test_a_wrong_byte_that_comes_again_is_an_error(faulty, reading, admin, how):
    admin.put(reading.path, DATA, ChecksumAlgorithm="CRC32")
    faulty.fail("GetObject", faults.FlipByte(at=1000), times=None)
    await fails(how(reading))
    assert list(reading.directory.iterdir()) == []


@pytest.mark.parametrize("how", STREAMING)
async def test_a_stream_does_not_end_well_if_a_byte_was_wrong(faulty, reading, admin, how):
    admin.put(reading.path, DATA, ChecksumAlgorithm="CRC32")
    faulty.fail("GetObject", faults.FlipByte(at=1000))
    await fails(how(reading))


@pytest.mark.parametrize("algorithm", [*CRCS, "SHA1", "SHA256"])
async def test_one_response_is_compared_with_the_checksum_beside_it(faulty, reading, admin, algorithm):
    admin.put(reading.path, DATA, ChecksumAlgorithm=algorithm)
    faulty.fail("GetObject", faults.FlipByte(at=1000))
    await fails(pipe(reading))
    assert faulty.count("HeadObject") == 0
    assert await pipe(reading) == DATA


async def test_a_file_that_was_wrong_stays_wrong_however_often_it_is_read(faulty, reading, admin):
    admin.put(reading.path, DATA, ChecksumAlgorithm="CRC32")
    faulty.fail("GetObject", faults.FlipByte(at=1000))
    async with aios3.aopen(reading.path, session=reading.session) as reader:
        await reader.read(100)
        for _ in range(2):
            await fails(reader.read())


async def test_the_checksum_is_requested_once_and_only_for_complete_reads(faulty, reading, admin):
    admin.put(reading.path, DATA, ChecksumAlgorithm="CRC32")
    async with aios3.aopen(reading.path, session=reading.session) as reader:
        for offset in (1000, 500, 700):
            assert await reader.read_at(offset * KIB, 10) == DATA[offset * KIB : offset * KIB + 10]
    assert faulty.count("HeadObject") == 0
    assert await read(reading) == DATA
    assert faulty.count("HeadObject") == 1


async def test_a_server_of_another_vendor_is_not_asked_before_it_has_shown_a_checksum(faulty, options, bucket, admin):
    admin.put(f"{bucket}/data", DATA, ChecksumAlgorithm="CRC32")
    async with aios3.Session(**options(faulty)) as session:
        of = Reading(f"{bucket}/data", session, Path())
        assert await read(of) == DATA
        assert faulty.count("HeadObject") == 0
        assert await pipe(of) == DATA  # one response with everything: it has the checksum
        assert await read(of) == DATA
        assert faulty.count("HeadObject") == 1


async def test_off_compares_nothing(faulty, options, bucket, admin):
    admin.put(f"{bucket}/data", DATA, ChecksumAlgorithm="CRC32")
    faulty.fail("GetObject", faults.FlipByte(at=1000), times=None)
    async with aios3.Session(**options(faulty, checksums="off")) as session:
        assert await pipe(Reading(f"{bucket}/data", session, Path())) != DATA
    assert all("x-amz-checksum-mode" not in request.headers for request in faulty.requests)


async def test_an_object_without_a_checksum_is_read_as_ever(faulty, reading, admin):
    admin.put(reading.path, DATA)
    for how in (*HEALING, *STREAMING):
        assert await how(reading) == DATA


async def test_what_a_writer_has_sent_in_parts_is_compared_as_a_whole(faulty, reading, admin):
    data = random.Random(9).randbytes(6 << 20)
    async with aios3.aopen(reading.path, "wb", session=reading.session) as writer:
        await writer.write(data)
    assert await read(reading) == data
    faulty.fail("GetObject", faults.FlipByte(at=1000), times=None)
    await fails(chunks(reading))
