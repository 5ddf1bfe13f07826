"""The option ``--on`` and those beside it, and the way of a command to the engine that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.cli._engines import parse_engine
from aios3.cli._units import UnitError, parse_count
from aios3.cli._usage import UsageError

if TYPE_CHECKING:
    import argparse

    from aios3.cli._app import App

_RANGE_KEYS = 10_000
_MAX_RATE = 1_000_000
"""The highest ``max_requests_per_second`` of a session."""


def add_on(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that can work on engines."""
    group = parser.add_argument_group("on many processes or machines")
    group.add_argument(
        "--on",
        type=parse_engine,
        metavar="ENGINE",
        help="processes[:N] of this machine, dask://HOST:PORT, ray or ray://HOST:PORT",
    )
    group.add_argument(
        "--report", metavar="PATH", help="keep what is done below this path in S3: run again, the command goes on there"
    )
    group.add_argument(
        "--range-keys",
        type=parse_count,
        default=_RANGE_KEYS,
        metavar="N",
        help=f"objects that a worker is given at a time ({_RANGE_KEYS:,})",
    )
    group.add_argument(
        "--limit-requests", type=_parse_rate, metavar="N", help="requests a second, of all workers together"
    )


def _parse_rate(text: str) -> int:
    """Return a number of requests a second; raise UnitError for one that no session can have."""
    rate = parse_count(text)
    if rate > _MAX_RATE:
        message = f"{text!r} is not a number from 1 to {_MAX_RATE:,}"
        raise UnitError(message)
    return rate


async def done_on_engine(app: App, command: str) -> bool:
    """Do ``command`` on the engine that its options name; return False if they name none."""
    if app.options.on is not None:
        from aios3.cli._on_engines import do_on_engine  # noqa: PLC0415 - imports the library's runs

        await do_on_engine(app, command)
        return True
    options = app.options
    if options.report is not None or options.range_keys != _RANGE_KEYS or options.limit_requests is not None:
        message = "--report, --range-keys and --limit-requests are of work on an engine; add --on"
        raise UsageError(message)
    return False
