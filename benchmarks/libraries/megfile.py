"""megfile: boto3 with files that read ahead in threads; it takes its settings from the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import megfile

from job import BUCKET, PREFIX, TARGET
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("megfile", "boto3")
NOTE = "concurrent workloads in threads; no checksum in `write`"
ABSENT = {"random": "a file has one position; reads at offsets are not concurrent", "ranges": "likewise"}
ABSENT_SHAPES = {"tls": "cannot be told to trust an authority, only not to check"}
COLD = f"""
import megfile

with megfile.smart_open("s3://{BUCKET}/{small_key(0)}", "rb") as file:
    file.read(1)
    print("first byte", flush=True)
"""
SLOW = 8
"""A part of the small objects is enough: each takes milliseconds."""


def _path(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


def _warm() -> None:
    megfile.smart_load_content(_path(small_key(0)))


def read(job: Job) -> None:
    _warm()
    with job.clock, megfile.smart_open(_path(job.key), "rb") as file:
        while data := file.read(job.piece):
            job.got(data)


sync = read


def write(job: Job) -> None:
    _warm()
    data = os.urandom(job.piece)
    with job.clock, megfile.smart_open(_path(TARGET), "wb") as file:
        for _ in job.pieces:
            file.write(data)
            job.did(1, job.piece)


def small_get(job: Job) -> None:
    _warm()
    job.count //= SLOW

    def one(number: int) -> None:
        with megfile.smart_open(_path(small_key(number)), "rb") as file:
            job.got_small(number, file.read())

    with job.clock:
        job.in_threads(one, range(job.count))


def small_put(job: Job) -> None:
    _warm()
    data = os.urandom(job.size)
    job.count //= SLOW

    def one(number: int) -> None:
        with megfile.smart_open(_path(f"written/{number}"), "wb") as file:
            file.write(data)
        job.did(1)

    with job.clock:
        job.in_threads(one, range(job.count))


def list(job: Job) -> None:
    _warm()
    with job.clock:
        job.count_all(megfile.smart_scan(_path(PREFIX)))
