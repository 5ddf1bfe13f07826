"""smart_open: boto3 behind open(); concurrent workloads in threads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
import smart_open
from botocore.config import Config

from job import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, TARGET
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("smart_open", "boto3")
NOTE = "concurrent workloads in threads; CRC64NVME in `write`"
ABSENT = {
    "random": "a file has one position; reads at offsets are not concurrent",
    "ranges": "likewise",
    "list": "has no listing of names",
}
COLD = f"""
import smart_open

with smart_open.open("s3://{BUCKET}/{small_key(0)}", "rb") as file:
    file.read(1)
    print("first byte", flush=True)
"""
CHECKSUM = {"ChecksumAlgorithm": "CRC64NVME"}


def _parameters(job: Job) -> dict[str, Any]:
    client = boto3.client(
        "s3",
        REGION,
        endpoint_url=job.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        verify=job.ca,
        config=Config(max_pool_connections=max(10, job.in_flight)),
    )
    client.get_object(Bucket=BUCKET, Key=small_key(0))["Body"].read()
    return {"client": client}


def _path(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


def read(job: Job) -> None:
    parameters = _parameters(job)
    with job.clock, smart_open.open(_path(job.key), "rb", transport_params=parameters) as file:
        while data := file.read(job.piece):
            job.got(data)


sync = read


def write(job: Job) -> None:
    calls = {"S3.Client.create_multipart_upload": CHECKSUM, "S3.Client.upload_part": CHECKSUM}
    parameters = _parameters(job) | {"client_kwargs": calls}
    data = os.urandom(job.piece)
    with job.clock, smart_open.open(_path(TARGET), "wb", transport_params=parameters) as file:
        for _ in job.pieces:
            file.write(data)
            job.did(1, job.piece)


def small_get(job: Job) -> None:
    parameters = _parameters(job)

    def one(number: int) -> None:
        with smart_open.open(_path(small_key(number)), "rb", transport_params=parameters) as file:
            job.got_small(number, file.read())

    with job.clock:
        job.in_threads(one, range(job.count))


def small_put(job: Job) -> None:
    parameters = _parameters(job)
    data = os.urandom(job.size)

    def one(number: int) -> None:
        with smart_open.open(_path(f"written/{number}"), "wb", transport_params=parameters) as file:
            file.write(data)
        job.did(1)

    with job.clock:
        job.in_threads(one, range(job.count))
