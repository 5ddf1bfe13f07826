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

What each verb makes of each fault, as the tests check it on every run. "Once" is followed by another attempt, "always"
by an error after the last one. After every cell nothing is left: no task, no connection, no byte of the memory budget,
no open upload (but where every response to its beginning is lost: its id is never known), and under the key is the old
object or the new one, whole. A local file that is written is the old or the new one as well, with nothing left beside
it. "New" is a verb that never replaces an object.

`ok` is the right result; a name is the error that is raised; an empty cell is a pair that makes no sense or shows
nothing new. A number refers to what is not right yet.
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
