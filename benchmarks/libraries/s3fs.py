"""s3fs: fsspec's file system; its blocking files, and its asynchronous calls for what is concurrent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import s3fs

from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from libraries import filesystems
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("s3fs", "fsspec", "aiobotocore")
NOTE = "files are blocking, also in `read` and `write`; CRC64NVME in `write`"
ABSENT = {}
COLD = f"""
import s3fs

with s3fs.S3FileSystem().open("{BUCKET}/{small_key(0)}", "rb") as file:
    file.read(1)
    print("first byte", flush=True)
"""


def _settings(job: Job, **more: Any) -> dict[str, Any]:
    client = {"region_name": REGION} | ({"verify": job.ca} if job.ca else {})
    return {
        "key": ACCESS_KEY,
        "secret": SECRET_KEY,
        "endpoint_url": job.endpoint,
        "client_kwargs": client,
        "skip_instance_cache": True,
        **more,
    }


def _files(job: Job, **more: Any) -> s3fs.S3FileSystem:
    files = s3fs.S3FileSystem(**_settings(job, **more))
    files.cat_file(_path(small_key(0)))
    return files


async def _async_files(job: Job) -> tuple[s3fs.S3FileSystem, Any]:
    files = s3fs.S3FileSystem(asynchronous=True, **_settings(job))
    session = await files.set_session()
    await files._cat_file(_path(small_key(0)))  # noqa: SLF001 - as its documentation has it
    return files, session


def _path(key: str) -> str:
    return f"{BUCKET}/{key}"


def read(job: Job) -> None:
    files = _files(job)
    with job.clock, files.open(_path(job.key), "rb") as file:
        while data := file.read(job.piece):
            job.got(data)


sync = read


async def ranges(job: Job) -> None:
    files, session = await _async_files(job)

    async def one(offset: int) -> None:
        job.got_at(offset, await files._cat_file(_path(job.key), start=offset, end=offset + job.piece))  # noqa: SLF001

    with job.clock:
        await job.in_tasks(one, job.pieces)
    await session.close()


async def random(job: Job) -> None:
    files, session = await _async_files(job)

    async def one(offset: int) -> None:
        job.got_at(offset, await files._cat_file(_path(job.key), start=offset, end=offset + job.piece))  # noqa: SLF001

    with job.clock:
        await job.in_tasks(one, job.offsets())
    await session.close()


def write(job: Job) -> None:
    files = _files(job, s3_additional_kwargs={"ChecksumAlgorithm": "CRC64NVME"})
    data = os.urandom(job.piece)
    with job.clock, files.open(_path(TARGET), "wb") as file:
        for _ in job.pieces:
            file.write(data)
            job.did(1, job.piece)


async def small_get(job: Job) -> None:
    files, session = await _async_files(job)

    async def one(number: int) -> None:
        job.got_small(number, await files._cat_file(_path(small_key(number))))  # noqa: SLF001

    with job.clock:
        await job.in_tasks(one, range(job.count))
    await session.close()


async def small_put(job: Job) -> None:
    files, session = await _async_files(job)
    data = os.urandom(job.size)

    async def one(number: int) -> None:
        await files._pipe_file(_path(f"written/{number}"), data)  # noqa: SLF001
        job.did(1)

    with job.clock:
        await job.in_tasks(one, range(job.count))
    await session.close()


def list(job: Job) -> None:
    files = _files(job)
    with job.clock:
        job.did(len(files.find(_path(PREFIX))))


globals().update(filesystems.workloads(_files))
