"""The proof that an engine of others' is fit for runs: a worker killed in the middle of each job that writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.distributed import Copy, Remove, Sync, run
from distribution.death_jobs import DiesAt
from distribution.test_runs import ranges_of

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    import aios3
    from admin import Admin

NAMES = [str(number) for number in range(10)]
JOBS = ["copy", "sync", "remove"]


def check_death(
    job: str, executor: Executor, tree: str, target: str, report: str, config: aios3.Config, admin: Admin, marker: Path
) -> None:
    """Have ``job`` done by ``executor``, a worker of which is killed once; check every key and byte."""
    for name in NAMES:
        admin.put(f"{tree}/data/{name}", name.encode() * 20)
    for name in ("0", "5a", "zz"):
        admin.put(f"{target}/to/{name}", b"theirs")
    make = {
        "copy": lambda: Copy(f"{target}/to", config=config),
        "sync": lambda: Sync(f"{target}/to", delete=True, config=config),
        "remove": lambda: Remove(config=config),
    }[job]
    dying = DiesAt(make(), "data/3", "kill", str(marker))
    work = run(dying, ranges_of(tree), executor, report=report)
    reports = list(work)
    assert [each.error for each in reports if not each.ok] == []
    assert sorted(each.range.id for each in reports) == sorted(each.id for each in ranges_of(tree))
    assert marker.exists()
    if job == "remove":
        assert admin.keys(tree) == []
        return
    extra = ["to/5a", "to/zz"] if job == "copy" else []
    assert admin.keys(target) == sorted([*(f"to/{name}" for name in NAMES), *extra])
    assert all(admin.get(f"{target}/to/{name}") == name.encode() * 20 for name in NAMES)
