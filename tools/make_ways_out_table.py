"""Write ``docs/guide/ways-out-table.md`` from the table that the tests run, or compare it: ``--check``."""

from __future__ import annotations

import sys
from pathlib import Path

from pages import write_or_check

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "faults"))

import ways_table as table  # type: ignore[import-not-found]  # noqa: E402 - found on the path above

PAGE = ROOT / "docs" / "guide" / "ways-out-table.md"
HEAD = """# Ways out

<!-- Written by tools/make_ways_out_table.py from tests/faults/ways_table.py. Do not edit. -->

Whatever writes, however far it is, and however it is left: what is under the path afterwards, as the tests check it on
every run, over both transports. `old` is what was there before; `new` is the whole new object, where the server had
stored it before it could be told. After every cell nothing is left: no open upload (also while the session is still
open), no task, no connection, no byte of the memory budget.
"""
STATES = {
    table.NOTHING: "bytes are in memory, and S3 knows nothing of them",
    table.CREATING: "S3 has begun an upload, and its response has not come: nobody knows the id yet",
    table.CREATED: "an upload is open, and no part is under way",
    table.PART: "a part is being sent or copied",
    table.COMPLETING: "the request that completes the upload is sent by half",
    table.COMPLETED: "S3 has completed the upload, and its response has not come",
    table.ABORTING: "something has failed, and the upload is being aborted",
    table.STORING: "one request that stores all is sent by half",
    table.STORED: "S3 has stored or copied the object, and its response has not come",
}


def render() -> str:
    """Return the page."""
    notes = list(dict.fromkeys(table.FAILING.values()))
    lines = [HEAD, "| state | |", "|---|---|", *(f"| {state} | {what} |" for state, what in STATES.items())]
    lines += ["", "| way | what whoever waits sees |", "|---|---|"]
    lines += [f"| {way} | {table.RAISED[way]} |" for way in table.WAYS]
    lines += ["", "| under way | state | " + " | ".join(table.WAYS) + " |", "|---" * (len(table.WAYS) + 2) + "|"]
    empty: list[str] = []
    for subject, states in table.SUBJECTS.items():
        for state in states:
            cells = [_cell(subject, state, way, empty, notes) for way in table.WAYS]
            lines.append(f"| {subject} | {state} | " + " | ".join(cells) + " |")
    lines += ["", "An empty cell makes no sense:", ""]
    lines += [f"{chr(ord('a') + number)}. {reason}" for number, reason in enumerate(empty)]
    if notes:
        lines += ["", "## Not right yet", "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


def _cell(subject: str, state: str, way: str, empty: list[str], notes: list[str]) -> str:
    reason = table.senseless(subject, state, way)
    if reason is not None:
        if reason not in empty:
            empty.append(reason)
        return f"({chr(ord('a') + empty.index(reason))})"
    note = table.FAILING.get((subject, state, way))
    stored = table.stored_after(state)
    return stored if note is None else f"{stored} ({notes.index(note) + 1})"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render(), "make_ways_out_table.py"))
