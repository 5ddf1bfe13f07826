"""The lines of ``--stats``: requests, retries, bytes and percentiles of each operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.cli._units import format_seconds, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3.cli._sessions import Sessions


def stats_lines(sessions: Sessions) -> Iterator[str]:
    """Yield a line for each operation of each session, and one for all."""
    for session in sessions.opened:
        stats = session.stats()
        for name, one in sorted(stats.operations.items()):
            yield (
                f"{name}: {one.requests:,} requests, {one.retries:,} retries, {one.errors:,} errors, "
                f"{format_size(one.bytes_read)} read, {format_size(one.bytes_written)} written, "
                f"p50 {format_seconds(one.p50_seconds)}, p95 {format_seconds(one.p95_seconds)}, "
                f"p99 {format_seconds(one.p99_seconds)}"
            )
        yield (
            f"all: {stats.requests:,} requests, {stats.retries:,} retries, {stats.errors:,} errors, "
            f"{format_size(stats.bytes_read)} read, {format_size(stats.bytes_written)} written"
        )
