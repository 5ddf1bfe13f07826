"""Workloads of a program that is no library: what it writes to or reads from a pipe, and its whole CPU.

The clock counts the program, a child that has been waited for, and this process, which moves the bytes through a pipe:
any caller of the program pays for that.
"""

from __future__ import annotations

import os
import subprocess
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from job import Job

PIPE_BYTES = 1 << 20


def read(job: Job, command: list[str]) -> None:
    """Count (and compare) what the program prints."""
    with job.clock, subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        try:
            while data := process.stdout.read(PIPE_BYTES):
                job.got(data)
        except BaseException:
            process.terminate()
            raise
    _check(process, job)


def write(job: Job, command: list[str]) -> None:
    """Give the program its bytes."""
    piece = os.urandom(job.piece)
    with job.clock, subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        for _ in job.pieces:
            _write_all(process.stdin, piece)
            job.did(1, job.piece)
        process.stdin.close()
    _check(process, job)


def _write_all(pipe: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def list_lines(job: Job, command: list[str]) -> None:
    """Count the lines that the program prints."""
    with job.clock, subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            job.count_all(process.stdout)
        except BaseException:
            process.terminate()
            raise
    _check(process, job)


def _check(process: subprocess.Popen[bytes], job: Job) -> None:
    if process.returncode and not job.clock.cut_short:
        raise subprocess.CalledProcessError(process.returncode, process.args)
