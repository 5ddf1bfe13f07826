"""boto3: Amazon's SDK for Python; concurrent workloads in threads, writes through its transfer manager."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("boto3", "botocore", "urllib3", "awscrt")
NOTE = "`read` is one stream; `write` is upload_fileobj with CRC64NVME; concurrent workloads in threads"
ABSENT = {}
COLD = f"""
import boto3

client = boto3.client("s3")
client.get_object(Bucket="{BUCKET}", Key="{small_key(0)}")["Body"].read(1)
print("first byte", flush=True)
"""


def _client(job: Job) -> Any:
    client = boto3.client(
        "s3",
        REGION,
        endpoint_url=job.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        verify=job.ca,
        config=Config(max_pool_connections=max(10, job.in_flight)),  # or it drops connections, and says so
    )
    _get(client, small_key(0))
    return client


def _get(client: Any, key: str, **more: Any) -> bytes:
    return client.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def read(job: Job) -> None:
    client = _client(job)
    with job.clock:
        body = client.get_object(Bucket=BUCKET, Key=job.key)["Body"]
        while data := body.read(job.piece):
            job.got(data)


sync = read


def ranges(job: Job) -> None:
    client = _client(job)

    def one(offset: int) -> None:
        job.got_at(offset, _get(client, job.key, Range=f"bytes={offset}-{offset + job.piece - 1}"))

    with job.clock:
        job.in_threads(one, job.pieces)


def random(job: Job) -> None:
    client = _client(job)

    def one(offset: int) -> None:
        job.got_at(offset, _get(client, job.key, Range=f"bytes={offset}-{offset + job.piece - 1}"))

    with job.clock:
        job.in_threads(one, job.offsets())


class _Source:
    """A file of as many bytes as the job says, made of one piece again and again."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._piece = os.urandom(job.piece)

    def read(self, size: int) -> bytes:
        left = self._job.size - self._job.bytes
        count = min(size, left)
        self._job.did(1, count)
        whole, rest = divmod(count, self._job.piece)
        return b"".join([self._piece] * whole + [self._piece[:rest]])


def write(job: Job) -> None:
    client = _client(job)
    source = _Source(job)
    with job.clock:
        client.upload_fileobj(source, BUCKET, TARGET, ExtraArgs={"ChecksumAlgorithm": "CRC64NVME"})


def small_get(job: Job) -> None:
    client = _client(job)
    with job.clock:
        job.in_threads(lambda number: job.got_small(number, _get(client, small_key(number))), range(job.count))


def small_put(job: Job) -> None:
    client = _client(job)
    data = os.urandom(job.size)

    def one(number: int) -> None:
        client.put_object(Bucket=BUCKET, Key=f"written/{number}", Body=data)
        job.did(1)

    with job.clock:
        job.in_threads(one, range(job.count))


def list(job: Job) -> None:
    client = _client(job)
    with job.clock:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX):
            job.did(len(page["Contents"]))
