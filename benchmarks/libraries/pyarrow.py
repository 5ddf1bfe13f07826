"""pyarrow: Arrow's S3FileSystem, the C++ SDK of Amazon; blocking, its concurrent workloads in threads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyarrow import fs

from job import ACCESS_KEY, BUCKET, PREFIX, REGION, SECRET_KEY, TARGET
from server.objects import small_key

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("pyarrow",)
NOTE = "concurrent workloads in threads; no CRC64NVME"
ABSENT = {}
COLD = f"""
import os
from pyarrow import fs

scheme, host = os.environ["AWS_ENDPOINT_URL"].split("://")
files = fs.S3FileSystem(endpoint_override=host, scheme=scheme, region=os.environ["AWS_REGION"])
with files.open_input_file("{BUCKET}/{small_key(0)}") as file:
    file.read(1)
    print("first byte", flush=True)
"""


def _files(job: Job) -> fs.S3FileSystem:
    scheme, host = job.endpoint.split("://")
    files = fs.S3FileSystem(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        endpoint_override=host,
        scheme=scheme,
        region=REGION,
        tls_ca_file_path=job.ca,
    )
    with files.open_input_file(_path(small_key(0))) as file:
        file.read()
    return files


def _path(key: str) -> str:
    return f"{BUCKET}/{key}"


def read(job: Job) -> None:
    files = _files(job)
    with job.clock, files.open_input_stream(_path(job.key)) as file:
        while data := file.read(job.piece):
            job.got(data)


sync = read


def ranges(job: Job) -> None:
    files = _files(job)
    with job.clock, files.open_input_file(_path(job.key)) as file:
        job.in_threads(lambda offset: job.got_at(offset, file.read_at(job.piece, offset)), job.pieces)


def random(job: Job) -> None:
    files = _files(job)
    with job.clock, files.open_input_file(_path(job.key)) as file:
        job.in_threads(lambda offset: job.got_at(offset, file.read_at(job.piece, offset)), job.offsets())


def write(job: Job) -> None:
    files = _files(job)
    data = os.urandom(job.piece)
    with job.clock, files.open_output_stream(_path(TARGET)) as file:
        for _ in job.pieces:
            file.write(data)
            job.did(1, job.piece)


def small_get(job: Job) -> None:
    files = _files(job)

    def one(number: int) -> None:
        with files.open_input_file(_path(small_key(number))) as file:
            job.got_small(number, file.read())

    with job.clock:
        job.in_threads(one, range(job.count))


def small_put(job: Job) -> None:
    files = _files(job)
    data = os.urandom(job.size)

    def one(number: int) -> None:
        with files.open_output_stream(_path(f"written/{number}")) as file:
            file.write(data)
        job.did(1)

    with job.clock:
        job.in_threads(one, range(job.count))


def list(job: Job) -> None:
    files = _files(job)
    with job.clock:
        found = files.get_file_info(fs.FileSelector(_path(PREFIX), recursive=True))
        job.did(sum(one.type == fs.FileType.File for one in found))
