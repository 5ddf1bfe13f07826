"""The lines of ``--stats``: requests, retries, bytes and percentiles of each operation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from aios3.cli._units import format_seconds, format_size

if TYPE_CHECKING:
    import aios3
    from aios3.cli._output import Output
    from aios3.cli._sessions import Connection, Sessions


def print_stats(sessions: Sessions, output: Output) -> None:
    """Print a line for each operation of each session, and one for all of it."""
    for connection, session in sessions.opened.items():
        label = _label(connection) if len(sessions.opened) > 1 else ""
        stats = session.stats()
        for name, one in sorted(stats.operations.items()):
            times = (
                f"p50 {format_seconds(one.p50_seconds)}, p95 {format_seconds(one.p95_seconds)}, "
                f"p99 {format_seconds(one.p99_seconds)}"
            )
            output.report(
                {"stats": {"operation": name, **dataclasses.asdict(one)}}, f"{label}{name}: {_sums(one)}, {times}"
            )
        total = {field: getattr(stats, field) for field in ("requests", "retries", "hedges", "errors")}
        total |= {"bytes_read": stats.bytes_read, "bytes_written": stats.bytes_written}
        output.report(
            {"stats": {"operation": None, **total, "seconds": sessions.seconds}},
            f"{label}all: {_sums(stats)}, {stats.hedges:,} hedges, in {format_seconds(sessions.seconds)}",
        )


def _sums(stats: aios3.OperationStats | aios3.SessionStats) -> str:
    return (
        f"{stats.requests:,} requests, {stats.retries:,} retries, {stats.errors:,} errors, "
        f"{format_size(stats.bytes_read)} read, {format_size(stats.bytes_written)} written"
    )


def _label(connection: Connection) -> str:
    """Return the names of a connection, for the beginning of a line."""
    named = (connection.endpoint_url, connection.profile, connection.region)
    return f"[{' '.join(name for name in named if name is not None) or 'default'}] "
