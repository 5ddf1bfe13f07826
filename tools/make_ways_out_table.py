"""Write ``docs/guide/ways-out-table.md`` from the table that the tests run, or compare it: ``--check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pages import write_or_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "faults"))

import ways_table as table  # type: ignore[import-not-found]  # noqa: E402 - found on the path above

PAGE = ROOT / "docs" / "guide" / "ways-out-table.md"
HEAD = """# Interrupted writes

<!-- Written by tools/make_ways_out_table.py from tests/faults/ways_table.py. Do not edit. -->

A write can be interrupted in every state, and in several ways. The tables have what is under the path afterwards, as
the tests check it on every run, over both transports. `old` is the previous object. `new` is the whole new object, if
the server had stored it before it could be stopped.

After each test nothing is left: no open upload (also while the session is still open), no task, no connection, no byte
of the memory budget, no open or temporary file. A verb that deletes has deleted nothing before its copy is complete.

`Storage`, `Volume`, `Bucket`, archives and trees write through the files and verbs above them in the table. Their rows
have only the states in which work of their own is interrupted.
"""
STATES = {
    table.NOTHING: "bytes are in memory, and S3 knows nothing of them",
    table.CREATING: "S3 has started an upload, and its response with the id has not come",
    table.CREATED: "an upload is open, and no part is under way",
    table.PART: "a part is being sent or copied",
    table.COMPLETING: "half of the request that completes the upload is sent",
    table.COMPLETED: "S3 has completed the upload, and its response has not come",
    table.ABORTING: "something has failed, and the upload is being aborted",
    table.STORING: "half of the only request, which stores the object, is sent",
    table.STORED: "S3 has stored or copied the object, and its response has not come",
    table.DELETED: "S3 has deleted the objects, and its response has not come",
    table.RECEIVING: "a part of the object has come",
}


BLOCKING = """## Without asyncio

A waiting thread has no task that could be cancelled, and timeouts and scopes of event loops do not reach it. So the
table has errors, aborts, forgotten files, and sessions that another thread closes. The next section has Ctrl-C and the
end of the process.
"""
PROCESSES = """## Processes

The program is interrupted while the server does not respond to its request. `fork` makes a child that reads with the
same library while the parent continues.

A SIGTERM without a handler ends a process at once, and no library can clean up. A handler that calls `sys.exit` is
enough. In a program with asyncio use `loop.add_signal_handler`. A handler of `signal.signal` that raises may interrupt
the event loop itself, and asyncio may lose a response. The loop of the blocking functions has a thread of its own,
which no handler interrupts. `tests/sync/test_interrupted_at_any_line.py` raises at every line of such a call: no upload
stays open.
"""


def render() -> str:
    """Return the page."""
    notes = list(dict.fromkeys(table.FAILING.values()))
    lines = [HEAD, "| state | |", "|---|---|", *(f"| {state} | {what} |" for state, what in STATES.items())]
    lines += ["", "| way | what the waiting caller sees |", "|---|---|"]
    lines += [f"| {way} | {table.RAISED[way]} |" for way in table.WAYS]
    empty: list[str] = []

    def cell(subject: str, state: str, way: str) -> str:
        note = table.FAILING.get((subject, state, way))
        stored = table.stored_after(state) + ("" if note is None else f" ({notes.index(note) + 1})")
        return _cell(table.senseless(subject, state, way), stored, empty)

    def blocking_cell(subject: str, state: str, way: str) -> str:
        return _cell(table.blocking_senseless(subject, state, way), table.stored_after(state), empty)

    def process_cell(_subject: str, state: str, way: str) -> str:
        return str(table.process_stored_after(state, way))

    lines += ["", *_grid(table.SUBJECTS, table.WAYS, cell)]
    lines += ["", BLOCKING, *_grid(table.BLOCKING_SUBJECTS, table.BLOCKING_WAYS, blocking_cell)]
    lines += ["", PROCESSES, *_grid(table.PROCESS_SUBJECTS, table.PROCESS_WAYS, process_cell)]
    lines += ["", "## Empty cells", "", "A cell with a letter is a case that cannot happen:", ""]
    lines += [f"- ({chr(ord('a') + number)}) {reason}" for number, reason in enumerate(empty)]
    if notes:
        lines += ["", "## Not right yet", "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


def _grid(
    subjects: Mapping[str, Iterable[str]], ways: Sequence[str], cell: Callable[[str, str, str], str]
) -> Iterator[str]:
    """Yield the lines of a table with a row for each subject in each of its states."""
    yield "| under way | state | " + " | ".join(ways) + " |"
    yield "|---" * (len(ways) + 2) + "|"
    for subject, states in subjects.items():
        for state in states:
            yield f"| {subject} | {state} | " + " | ".join(cell(subject, state, way) for way in ways) + " |"


def _cell(reason: str | None, stored: str, empty: list[str]) -> str:
    """Return what a cell shows: what is stored, or the letter of the reason why it makes no sense."""
    if reason is None:
        return stored
    if reason not in empty:
        empty.append(reason)
    return f"({chr(ord('a') + empty.index(reason))})"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render(), "make_ways_out_table.py"))
