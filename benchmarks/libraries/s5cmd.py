"""s5cmd: a program in Go; what is measured is the whole process, from its start to its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import processes
from job import BUCKET, PREFIX, TARGET

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("s5cmd",)
NOTE = "a process of its own, measured whole; no checksum"
ABSENT = dict.fromkeys(("ranges", "random", "small_get", "small_put", "sync"), "is a program")
COLD = ""
PROGRAM = Path(sys.executable).parent / "s5cmd"


def _command(job: Job, *arguments: str) -> list[str]:
    return [str(PROGRAM), "--endpoint-url", job.endpoint, *arguments]


def read(job: Job) -> None:
    processes.read(job, _command(job, "cat", f"s3://{BUCKET}/{job.key}"))


def write(job: Job) -> None:
    processes.write(job, _command(job, "pipe", f"s3://{BUCKET}/{TARGET}"))


def list(job: Job) -> None:
    processes.list_lines(job, _command(job, "ls", f"s3://{BUCKET}/{PREFIX}*"))
