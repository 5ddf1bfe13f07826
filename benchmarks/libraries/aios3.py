"""aios3 as it is installed: its public names, at its defaults but for the checksum that the row asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import aios3
import aios3.sync
from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from libraries import filesystems
from server.objects import SMALL_COUNT, small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("aios3-io", "aiobotocore", "botocore", "awscrt")
NOTE = "CRC64NVME of parts and object in `write`"
ABSENT = {}
COLD = f"""
import asyncio
import aios3

async def main():
    async with aios3.aopen("s3://{BUCKET}/{small_key(0)}") as file:
        await file.read(1)
        print("first byte", flush=True)

asyncio.run(main())
"""

if not hasattr(aios3.Config, "payload_signing"):
    ABSENT["write_unsigned"] = "this version has no `payload_signing`"
if not hasattr(aios3, "read_many"):
    ABSENT |= dict.fromkeys(("small_get_bulk", "small_put_bulk"), "this version has no `read_many` and `write_many`")


def _settings(job: Job, **more: Any) -> dict[str, Any]:
    return {
        "endpoint_url": job.endpoint,
        "region": REGION,
        "credentials": aios3.Credentials(ACCESS_KEY, SECRET_KEY),
        "verify": job.ca or True,
        **more,
    }


def _session(job: Job, **more: Any) -> aios3.Session:
    return aios3.Session(**_settings(job, **more))


def _path(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


async def _warm(session: aios3.Session) -> None:
    await aios3.read_bytes(_path(small_key(0)), session=session)


async def read(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            async with aios3.aopen(_path(job.key), session=session) as file:
                while data := await file.read(job.piece):
                    job.got(data)


async def read_chunks(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            async with aios3.aopen(_path(job.key), session=session) as file:
                async for view in file.chunks():
                    job.got(view)


async def read_pipe(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            async with aios3.aopen(_path(job.key), buffering="pipe", session=session) as file:
                while data := await file.read(job.piece):
                    job.got(data)


async def read_into(job: Job) -> None:
    buffer = memoryview(bytearray(job.piece))
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            async with aios3.aopen(_path(job.key), session=session) as file:
                while count := await file.readinto(buffer):
                    job.got(buffer[:count])


async def ranges(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            async with aios3.aopen(_path(job.key), session=session) as file:

                async def one(offset: int) -> None:
                    job.got_at(offset, await file.read_at(offset, job.piece))

                await job.in_tasks(one, job.pieces)


async def random(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            async with aios3.aopen(_path(job.key), session=session) as file:

                async def one(offset: int) -> None:
                    job.got_at(offset, await file.read_at(offset, job.piece))

                await job.in_tasks(one, job.offsets())


async def write(job: Job, **more: Any) -> None:
    data = os.urandom(job.piece)
    async with _session(job, checksums="crc64nvme", **more) as session:
        await _warm(session)
        await aios3.write_bytes(_path("written/empty"), b"", session=session)  # imports the library of the checksum
        with job.clock:
            async with aios3.aopen(_path(TARGET), "wb", session=session) as file:
                for _ in job.pieces:
                    await file.write(data)
                    job.did(1, job.piece)


if "write_unsigned" not in ABSENT:

    async def write_unsigned(job: Job) -> None:
        await write(job, payload_signing="never")


async def small_get(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)

        async def one(number: int) -> None:
            job.got_small(number, await aios3.read_bytes(_path(small_key(number)), session=session))

        with job.clock:
            await job.in_tasks(one, range(job.count))


if "small_get_bulk" not in ABSENT:

    async def small_get_bulk(job: Job) -> None:
        numbers = {_path(small_key(number)): number for number in range(SMALL_COUNT)}
        async with _session(job) as session:
            await _warm(session)
            with job.clock:
                paths = (_path(small_key(number)) for number in range(job.count))
                async for outcome in aios3.read_many(paths, session=session):
                    job.got_small(numbers[str(outcome.path)], outcome.data)

    async def small_put_bulk(job: Job) -> None:
        data = os.urandom(job.size)
        async with _session(job) as session:
            await _warm(session)
            with job.clock:
                items = ((_path(f"written/{number}"), data) for number in range(job.count))
                async for outcome in aios3.write_many(items, session=session):
                    assert outcome.result
                    job.did(1)


async def small_get_open(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)

        async def one(number: int) -> None:
            async with aios3.aopen(_path(small_key(number)), session=session) as file:
                job.got_small(number, await file.read())

        with job.clock:
            await job.in_tasks(one, range(job.count))


async def small_put(job: Job) -> None:
    data = os.urandom(job.size)
    async with _session(job) as session:
        await _warm(session)

        async def one(number: int) -> None:
            await aios3.write_bytes(_path(f"written/{number}"), data, session=session)
            job.did(1)

        with job.clock:
            await job.in_tasks(one, range(job.count))


async def list(job: Job) -> None:
    async with _session(job) as session:
        await _warm(session)
        with job.clock:
            await job.count_all_async(aios3.scan(_path(PREFIX), session=session))


def sync(job: Job) -> None:
    with aios3.sync.Session(**_settings(job)) as session:
        aios3.sync.read_bytes(_path(small_key(0)), session=session)
        with job.clock, aios3.sync.open(_path(job.key), "rb", session=session) as file:
            while data := file.read(job.piece):
                job.got(data)


def _filesystem(job: Job) -> Any:
    from aios3.fsspec import S3FileSystem  # noqa: PLC0415 - needs fsspec, and slow to import

    return S3FileSystem(
        key=ACCESS_KEY,
        secret=SECRET_KEY,
        endpoint_url=job.endpoint,
        client_kwargs={"region_name": REGION, "verify": job.ca or True},
        skip_instance_cache=True,
    )


globals().update(filesystems.workloads(_filesystem))
