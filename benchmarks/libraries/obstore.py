"""obstore: the Rust crate object_store; its ``*_async`` functions, and ``open_reader`` for blocking files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import S3Store

from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from libraries import filesystems
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("obstore",)
NOTE = (
    "CRC64NVME of parts in `write`; `write, unsigned` has no checksum; "
    "`cold` is blocking, because so short a program with asyncio is aborted at its end"
)
ABSENT = {}
COLD = f"""
import os
import obstore
from obstore.store import S3Store

store = S3Store("{BUCKET}", endpoint=os.environ["AWS_ENDPOINT_URL"], client_options={{"allow_http": True}})
obstore.get(store, "{small_key(0)}").bytes()
print("first byte", flush=True)
"""


def _store(job: Job, **more: Any) -> S3Store:
    options: dict[str, Any] = {"allow_http": not job.secure}
    if job.ca:
        options["root_certificate"] = Path(job.ca).read_text()
    return S3Store(
        BUCKET,
        endpoint=job.endpoint,
        region=REGION,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options=options,
        **more,
    )


async def _warm(store: S3Store) -> None:
    await (await obstore.get_async(store, small_key(0))).bytes_async()


async def read(job: Job) -> None:
    store = _store(job)
    await _warm(store)
    with job.clock:
        response = await obstore.get_async(store, job.key)
        async for data in response.stream(min_chunk_size=job.piece):
            job.got(data)


async def ranges(job: Job) -> None:
    store = _store(job)
    await _warm(store)

    async def one(offset: int) -> None:
        job.got_at(offset, await obstore.get_range_async(store, job.key, start=offset, length=job.piece))

    with job.clock:
        await job.in_tasks(one, job.pieces)


async def random(job: Job) -> None:
    store = _store(job)
    await _warm(store)

    async def one(offset: int) -> None:
        job.got_at(offset, await obstore.get_range_async(store, job.key, start=offset, length=job.piece))

    with job.clock:
        await job.in_tasks(one, job.offsets())


async def _write(job: Job, store: S3Store) -> None:
    data = os.urandom(job.piece)
    await _warm(store)
    with job.clock:
        async with obstore.open_writer_async(store, TARGET) as file:
            for _ in job.pieces:
                await file.write(data)
                job.did(1, job.piece)


async def write(job: Job) -> None:
    await _write(job, _store(job, checksum_algorithm="CRC64NVME"))


async def write_unsigned(job: Job) -> None:
    await _write(job, _store(job, unsigned_payload=True))


async def small_get(job: Job) -> None:
    store = _store(job)
    await _warm(store)

    async def one(number: int) -> None:
        response = await obstore.get_async(store, small_key(number))
        job.got_small(number, await response.bytes_async())

    with job.clock:
        await job.in_tasks(one, range(job.count))


async def small_put(job: Job) -> None:
    store = _store(job)
    await _warm(store)
    data = os.urandom(job.size)

    async def one(number: int) -> None:
        await obstore.put_async(store, f"written/{number}", data)
        job.did(1)

    with job.clock:
        await job.in_tasks(one, range(job.count))


async def list(job: Job) -> None:
    store = _store(job)
    await _warm(store)
    with job.clock:
        async for batch in obstore.list(store, PREFIX):
            job.did(len(batch))


def sync(job: Job) -> None:
    store = _store(job)
    obstore.get(store, small_key(0)).bytes()
    with job.clock:
        file = obstore.open_reader(store, job.key)
        while data := file.read(job.piece):
            job.got(data)


def _filesystem(job: Job) -> Any:
    from obstore.fsspec import FsspecStore  # noqa: PLC0415 - slow to import

    return FsspecStore(
        "s3",
        config={
            "endpoint": job.endpoint,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        },
        client_options={"allow_http": not job.secure},
        skip_instance_cache=True,
    )


globals().update(filesystems.workloads(_filesystem))
