"""Shares of the workers in a run's requests a second, and the job with a share in its settings.

Workers know nothing of each other. So each gets an equal share before it begins, and all of them together stay within
the rate. A worker whose requests are rejected makes its own share smaller for up to a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3._config import Config, check_bound
from aios3.distributed.jobs.base import Job
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3.distributed.range_task import RangeTask
    from aios3.distributed.ranges import KeyRange
    from aios3.distributed.reports import Report

_SETTING = "max_requests_per_second"


@dataclass(frozen=True, slots=True)
class RequestShares:
    """``requests_per_second`` for as many as ``workers`` that work at once."""

    requests_per_second: float
    workers: int

    def dealt(self, task: RangeTask, ranges: int) -> RangeTask:
        """Return ``task`` with the share of each worker, where ``ranges`` are left to do."""
        share = self.requests_per_second / max(1, min(self.workers, ranges))
        job = task.job
        assert isinstance(job, Job)
        config = limited(task.config, share)
        return replace(task, job=replace(job, config=config), config=config)


def limited(config: Config | None, requests_per_second: float) -> Config:
    """Return ``config`` with sessions that start at most ``requests_per_second``, or what it allows if that is less."""
    config = config or Config()
    own = config.max_requests_per_second
    return config.with_options(**{_SETTING: requests_per_second if own is None else min(own, requests_per_second)})


def make_shares(
    job: Callable[[KeyRange], Report], requests_per_second: float | None, workers: int | None
) -> RequestShares | None:
    """Return how a run's rate is shared; None without one.

    Raises ConfigError for a rate out of bounds, an unknown number of workers, and a job that takes no settings.
    """
    if requests_per_second is None:
        return None
    check_bound(_SETTING, requests_per_second)
    if not isinstance(job, Job):
        message = (
            "requests_per_second limits the sessions of jobs such as Copy; a function makes its own: "
            f"give those {_SETTING}"
        )
        raise ConfigError(message)
    if workers is None:
        message = "requests_per_second is shared by the workers: give their number as window="
        raise ConfigError(message)
    check_bound(_SETTING, requests_per_second / workers)
    return RequestShares(requests_per_second, workers)
