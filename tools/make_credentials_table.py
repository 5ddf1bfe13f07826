"""Write ``docs/guide/credentials-table.md`` from the table that the tests run, or compare it: ``--check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pages import write_or_check

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "credentials"))

from credentials_table import AIOS3, BOTO3, EVENTS  # type: ignore[import-not-found]  # noqa: E402 - on the path above

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = ROOT / "docs" / "guide" / "credentials-table.md"
HEAD = """# Sources of credentials

<!-- Written by tools/make_credentials_table.py from tests/credentials/credentials_table.py. Do not edit. -->

The table has the results of requests when a source of credentials is slow, fails or recovers, as the tests check it on
every run. They run over both transports, with and without asyncio. Credentials last an hour.

`ok` means that every request of the cell was responded to; a name is the error of every one. The number is how many
requests the source has received for all of them. There is none if reading the source is free. Instance metadata needs
three requests for one response, and botocore asks the service of a container up to three times.
"""
ORACLE = """
## boto3 in the same tests

The tests use one client of boto3, which is made as soon as that succeeds. boto3 takes no functions for credentials. A
code is S3's or STS's.
"""


def render() -> str:
    """Return the page."""
    events = ["", "| column | what happens |", "|---|---|", *(f"| {name} | {what} |" for name, what in EVENTS.items())]
    return "\n".join([HEAD.rstrip("\n"), *events, "", *_rows(AIOS3), ORACLE, *_rows(BOTO3)]) + "\n"


def _rows(table: Mapping[str, Sequence[str]]) -> list[str]:
    lines = ["| source | " + " | ".join(EVENTS) + " |", "|---" * (len(EVENTS) + 1) + "|"]
    return lines + [f"| {source} | " + " | ".join(map(_cell, cells)) + " |" for source, cells in table.items()]


def _cell(cell: str) -> str:
    outcome, _, count = cell.partition(" ")
    shown = outcome if outcome == "ok" else f"`{outcome.removesuffix('Error')}`"
    return f"{shown}, {count}" if count else shown


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render(), "make_credentials_table.py"))
