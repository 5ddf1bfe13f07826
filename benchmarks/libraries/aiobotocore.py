"""aiobotocore: the client that aios3 is built on; multipart uploads as a program would write them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from aiobotocore.session import get_session

from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from server.objects import small_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from job import Job

DISTRIBUTIONS = ("aiobotocore", "botocore", "aiohttp", "awscrt")
NOTE = "`read` is one stream; `write` is a loop over upload_part, 8 MiB, 8 in flight, CRC64NVME"
ABSENT = {"sync": "has no blocking files"}
COLD = f"""
import asyncio
from aiobotocore.session import get_session

async def main():
    async with get_session().create_client("s3") as client:
        response = await client.get_object(Bucket="{BUCKET}", Key="{small_key(0)}")
        await response["Body"].read(1)
        print("first byte", flush=True)

asyncio.run(main())
"""
PART_SIZE, PARTS_IN_FLIGHT = 8 << 20, 8


@contextlib.asynccontextmanager
async def _client(job: Job) -> AsyncIterator[Any]:
    settings = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "verify": job.ca}
    async with get_session().create_client("s3", REGION, endpoint_url=job.endpoint, **settings) as client:
        await _get(client, small_key(0))
        yield client


async def _get(client: Any, key: str, **more: Any) -> bytes:
    response = await client.get_object(Bucket=BUCKET, Key=key, **more)
    async with response["Body"] as body:
        return await body.read()


async def read(job: Job) -> None:
    async with _client(job) as client:
        with job.clock:
            response = await client.get_object(Bucket=BUCKET, Key=job.key)
            async with response["Body"] as body:
                while data := await body.read(job.piece):
                    job.got(data)


async def ranges(job: Job) -> None:
    async with _client(job) as client:

        async def one(offset: int) -> None:
            byte_range = f"bytes={offset}-{offset + job.piece - 1}"
            job.got_at(offset, await _get(client, job.key, Range=byte_range))

        with job.clock:
            await job.in_tasks(one, job.pieces)


async def random(job: Job) -> None:
    async with _client(job) as client:

        async def one(offset: int) -> None:
            byte_range = f"bytes={offset}-{offset + job.piece - 1}"
            job.got_at(offset, await _get(client, job.key, Range=byte_range))

        with job.clock:
            await job.in_tasks(one, job.offsets())


async def write(job: Job) -> None:
    piece = os.urandom(job.piece)
    async with _client(job) as client:
        with job.clock:
            await _upload(job, client, piece)


async def _upload(job: Job, client: Any, piece: bytes) -> None:
    target = {"Bucket": BUCKET, "Key": TARGET}
    created = await client.create_multipart_upload(**target, ChecksumAlgorithm="CRC64NVME")
    target["UploadId"] = created["UploadId"]
    slots = asyncio.Semaphore(PARTS_IN_FLIGHT)

    async def send(number: int, body: bytes) -> dict[str, Any]:
        try:
            response = await client.upload_part(**target, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME")
        finally:
            slots.release()
        return {"PartNumber": number, "ETag": response["ETag"]}

    tasks = []
    waiting = []
    for offset in job.pieces:
        waiting.append(piece)
        job.did(1, job.piece)
        if len(waiting) * job.piece >= PART_SIZE or offset + job.piece >= job.size:
            await slots.acquire()
            tasks.append(asyncio.create_task(send(len(tasks) + 1, b"".join(waiting))))
            waiting.clear()
    parts = await asyncio.gather(*tasks)
    await client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})


async def small_get(job: Job) -> None:
    async with _client(job) as client:

        async def one(number: int) -> None:
            job.got_small(number, await _get(client, small_key(number)))

        with job.clock:
            await job.in_tasks(one, range(job.count))


async def small_put(job: Job) -> None:
    data = os.urandom(job.size)
    async with _client(job) as client:

        async def one(number: int) -> None:
            await client.put_object(Bucket=BUCKET, Key=f"written/{number}", Body=data)
            job.did(1)

        with job.clock:
            await job.in_tasks(one, range(job.count))


async def list(job: Job) -> None:
    async with _client(job) as client:
        with job.clock:
            async for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX):
                job.did(len(page["Contents"]))
