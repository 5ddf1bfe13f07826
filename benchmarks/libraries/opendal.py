"""opendal: Apache OpenDAL's Python binding; ``AsyncOperator``, and ``Operator`` for blocking files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import opendal

from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("opendal",)
NOTE = "no CRC64NVME; payload unsigned by default; `cold` is blocking, as that of obstore"
ABSENT = {}
COLD = f"""
import os
import opendal

operator = opendal.Operator("s3", bucket="{BUCKET}", endpoint=os.environ["AWS_ENDPOINT_URL"],
    region=os.environ["AWS_REGION"])
operator.read("{small_key(0)}")
print("first byte", flush=True)
"""


def _settings(job: Job) -> dict[str, str]:
    return {
        "bucket": BUCKET,
        "endpoint": job.endpoint,
        "region": REGION,
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
    }


async def _operator(job: Job) -> opendal.AsyncOperator:
    operator = opendal.AsyncOperator("s3", **_settings(job))
    await operator.read(small_key(0))
    return operator


async def read(job: Job) -> None:
    operator = await _operator(job)
    with job.clock:
        async with await operator.open(job.key, "rb") as file:
            while data := await file.read(job.piece):
                job.got(data)


async def ranges(job: Job) -> None:
    operator = await _operator(job)

    async def one(offset: int) -> None:
        job.got_at(offset, await operator.read(job.key, offset=offset, size=job.piece))

    with job.clock:
        await job.in_tasks(one, job.pieces)


async def random(job: Job) -> None:
    operator = await _operator(job)

    async def one(offset: int) -> None:
        job.got_at(offset, await operator.read(job.key, offset=offset, size=job.piece))

    with job.clock:
        await job.in_tasks(one, job.offsets())


async def write(job: Job) -> None:
    operator = await _operator(job)
    data = os.urandom(job.piece)
    with job.clock:
        async with await operator.open(TARGET, "wb") as file:
            for _ in job.pieces:
                await file.write(data)
                job.did(1, job.piece)


async def small_get(job: Job) -> None:
    operator = await _operator(job)

    async def one(number: int) -> None:
        job.got_small(number, await operator.read(small_key(number)))

    with job.clock:
        await job.in_tasks(one, range(job.count))


async def small_put(job: Job) -> None:
    operator = await _operator(job)
    data = os.urandom(job.size)

    async def one(number: int) -> None:
        await operator.write(f"written/{number}", data)
        job.did(1)

    with job.clock:
        await job.in_tasks(one, range(job.count))


async def list(job: Job) -> None:
    operator = await _operator(job)
    with job.clock:
        await job.count_all_async(await operator.list(PREFIX, recursive=True))


def sync(job: Job) -> None:
    operator = opendal.Operator("s3", **_settings(job))
    operator.read(small_key(0))
    with job.clock, operator.open(job.key, "rb") as file:
        while data := file.read(job.piece):
            job.got(data)
