"""The workloads of filesystems of fsspec: the same calls on each, of their blocking methods."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from job import BUCKET, PREFIX
from server.objects import small_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from job import Job


def _path(key: str) -> str:
    return f"{BUCKET}/{key}"


def _open(files: Any, job: Job) -> None:
    """Read a large object through a file, piece by piece."""
    with job.clock, files.open(_path(job.key), "rb") as file:
        while data := file.read(job.piece):
            job.got(data)


def _cat(files: Any, job: Job) -> None:
    """Read many small objects with one call."""
    paths = {_path(small_key(number)): number for number in range(job.count)}
    with job.clock:
        for path, data in files.cat(list(paths)).items():
            job.got_small(paths[path], data)


def _pipe(files: Any, job: Job) -> None:
    """Write many small objects with one call."""
    data = os.urandom(job.size)
    with job.clock:
        files.pipe({_path(f"written/{number}"): data for number in range(job.count)})
        job.did(job.count)


def _find(files: Any, job: Job) -> None:
    """List all keys with one call."""
    with job.clock:
        job.did(len(files.find(_path(PREFIX))))


def _ranges(files: Any, job: Job) -> None:
    """Read ranges at random places of a large object with one call."""
    offsets = job.offsets()
    with job.clock:
        stops = [offset + job.piece for offset in offsets]
        for offset, data in zip(
            offsets, files.cat_ranges([_path(job.key)] * len(offsets), offsets, stops), strict=True
        ):
            job.got_at(offset, data)


_WORKLOADS = {"fs_open": _open, "fs_cat": _cat, "fs_pipe": _pipe, "fs_find": _find, "fs_ranges": _ranges}


def workloads(make: Callable[[Job], Any]) -> dict[str, Callable[[Job], None]]:
    """Return the workloads by their names, on filesystems that ``make`` makes; one small request has warmed them."""

    def run(work: Callable[[Any, Job], None], job: Job) -> None:
        files = make(job)
        files.cat_file(_path(small_key(0)))
        work(files, job)

    return {name: partial(run, work) for name, work in _WORKLOADS.items()}
