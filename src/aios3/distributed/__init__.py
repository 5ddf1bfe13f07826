"""The tree verbs beyond one process: key ranges, jobs, and runs of them on Dask, Ray, or any executor.

Cut a tree into key ranges with ``split``. A job such as :class:`Copy` works on one of them, and ``run`` has all of them
worked on by an executor. A run survives the death of workers, and a second run goes on where the first one died.
Nothing here needs another library.
"""

from aios3.distributed.jobs import Checksum, Copy, Inventory, Job, Map, Measure, Remove, Sync
from aios3.distributed.manifests import ranges_from_manifest
from aios3.distributed.ranges import KeyRange, ManifestRows
from aios3.distributed.ray import ray_executor
from aios3.distributed.reports import Counts, Failure, Report, Summary
from aios3.distributed.running import Run, run
from aios3.distributed.splitting import split

__all__ = [
    "Checksum",
    "Copy",
    "Counts",
    "Failure",
    "Inventory",
    "Job",
    "KeyRange",
    "ManifestRows",
    "Map",
    "Measure",
    "Remove",
    "Report",
    "Run",
    "Summary",
    "Sync",
    "ranges_from_manifest",
    "ray_executor",
    "run",
    "split",
]
