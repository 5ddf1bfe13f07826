"""Write ``docs/guide/fault-table.md`` from the table that the tests run, or compare it: ``--check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pages import write_or_check

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "faults"))

from fault_table import FAILING, GROUPS, ROWS  # type: ignore[import-not-found]  # noqa: E402 - found on the path above

if TYPE_CHECKING:
    from fault_table import Row

PAGE = ROOT / "docs" / "guide" / "fault-table.md"
HEAD = """# Faults and verbs

<!-- Written by tools/make_fault_table.py from tests/faults/fault_table.py. Do not edit. -->

The table has the result of each fault for each verb, as the tests check it on every run. A fault that happens "once" is
followed by another attempt; one that happens "always" ends in an error after the last attempt.

After each test nothing is left: no task, no connection, no byte of the memory budget, no open upload. If every
response to CreateMultipartUpload is lost, an upload may stay open, because its id is unknown. Under the key is the old
object or the new one, whole. So is a local file that is written, and no temporary file is left beside it. "New" in the
name of a verb means that it never replaces an object.

`ok` is the right result. A name is the error that is raised. An empty cell is a pair that cannot happen, or that tests
nothing new. A number refers to a known fault of aios3.
"""


def render() -> str:
    """Return the page."""
    notes = list(dict.fromkeys(FAILING.values()))
    lines = [HEAD]
    for title, verbs in GROUPS.items():
        lines += [f"## {title}", "", "| fault | " + " | ".join(verbs) + " |", "|---" * (len(verbs) + 1) + "|"]
        rows = [row for row in ROWS if any(verb in row.expected for verb in verbs)]
        lines += [f"| {row.name} | " + " | ".join(_cell(row, verb, notes) for verb in verbs) + " |" for row in rows]
        lines.append("")
    del lines[-1]
    if notes:
        lines += ["", "## Not right yet", "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


def _cell(row: Row, verb: str, notes: list[str]) -> str:
    expected = row.expected.get(verb, "")
    shown = {"": "", "result": "ok"}.get(expected, f"`{expected.removesuffix('Error')}`")
    failing = {note for (_, name, of), note in FAILING.items() if (name, of) == (row.name, verb)}
    return " ".join([shown, *(f"({notes.index(note) + 1})" for note in sorted(failing))])


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render(), "make_fault_table.py"))
