"""The table of ways out as data: what is under way, how far it is, how it is left, and what must be true then.

``tools/make_ways_out_table.py`` prints it, and ``test_ways_out.py`` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3.testing.faults import Fault

NOTHING, CREATING, CREATED, PART = "nothing sent", "creating", "created", "part under way"
COMPLETING, COMPLETED, ABORTING = "completing", "completed, no response", "aborting"
STORING, STORED = "storing", "stored, no response"
DELETED, RECEIVING = "deleted, no response", "receiving"
STATES = (NOTHING, CREATING, CREATED, PART, COMPLETING, COMPLETED, ABORTING, STORING, STORED, DELETED, RECEIVING)

PLACES: dict[str, tuple[str, Fault]] = {
    CREATING: ("CreateMultipartUpload", faults.Stall()),
    PART: ("UploadPart*", faults.Stall()),
    COMPLETING: ("CompleteMultipartUpload", faults.StallUpload(1)),
    COMPLETED: ("CompleteMultipartUpload", faults.Stall()),
    ABORTING: ("AbortMultipartUpload", faults.Stall()),
    STORING: ("PutObject", faults.StallUpload(1)),
    STORED: ("PutObject|CopyObject", faults.Stall()),
    DELETED: ("DeleteObject*", faults.Stall()),
    RECEIVING: ("GetObject", faults.Stall(1000)),
}
"""Which request stands still in a state, and how: its body half sent, or the server done and silent."""

IN_PARTS = (CREATING, PART, COMPLETING, COMPLETED, ABORTING)
IN_BACKGROUND = (NOTHING, CREATING, CREATED, PART)
"""States in which the block of a file that sends while it is written to may be."""
WHOLE = ("memory", "disk")
"""Files that send nothing before they are closed."""
WRITERS = {
    "prefetch": (*IN_BACKGROUND, COMPLETING, COMPLETED, ABORTING, STORING, STORED),
    "append": (*IN_BACKGROUND, COMPLETING, COMPLETED, ABORTING),
    "pipe": (*IN_BACKGROUND, COMPLETING, COMPLETED, ABORTING),
    "limited": (*IN_BACKGROUND, COMPLETING, COMPLETED, ABORTING),
    "text": (*IN_BACKGROUND, COMPLETING, COMPLETED, ABORTING),
    "memory": (NOTHING, *IN_PARTS),
    "disk": (NOTHING, *IN_PARTS),
    "Storage.open": (NOTHING, PART, COMPLETED),
}
RECEIVING_VERBS = (
    "download", "download tree", "sync_tree down", "extract_all", "cached_path", "open on disk", "Storage.get",
)  # fmt: skip
RECEIVERS = dict.fromkeys(RECEIVING_VERBS, (RECEIVING,))
"""What makes local files."""
VERBS = {
    "write_bytes": (*IN_PARTS, STORING, STORED),
    "copy": (STORED,),
    "copy in parts": IN_PARTS,
    "move": (STORED, DELETED),
    "move tree": (STORED, DELETED),
    "remove tree": (DELETED,),
    "concat": IN_PARTS,
    "upload": (*IN_PARTS, STORING, STORED),
    "sync_tree": (*IN_PARTS, STORING, STORED),
    "sync_tree, deleting": (DELETED,),
    "create_zip": IN_PARTS,
    "Storage.put": IN_PARTS,
    "Storage.upload": IN_PARTS,
    "Volume.store": (PART, COMPLETED),
    "Bucket.put_object": (STORED,),
    "Bucket.upload_object": (PART, COMPLETED),
    "touch": (STORED,),
    "symlink": (STORED,),
}
SUBJECTS = WRITERS | VERBS | RECEIVERS

EXCEPTION, CANCEL, TWICE, TIMEOUT, SCOPE = "exception", "cancel", "cancel twice", "timeout", "anyio scope"
ABORT, COLLECTED, CLOSED, ALL, LOOP = "abort()", "collected", "session closed", "all tasks cancelled", "loop ended"
WAYS = (EXCEPTION, CANCEL, TWICE, TIMEOUT, SCOPE, ABORT, COLLECTED, CLOSED, ALL, LOOP)

RAISED = {
    EXCEPTION: "the exception",
    CANCEL: "CancelledError",
    TWICE: "CancelledError",
    TIMEOUT: "TimeoutError",
    SCOPE: "left quietly",
    ABORT: "ClosedHandleError",
    COLLECTED: "a warning",
    CLOSED: "ClosedHandleError (of a move perhaps in a PartialFailureError); where S3 has done it, perhaps the result",
    ALL: "CancelledError",
    LOOP: "CancelledError",
}
"""The outcome of each way for the waiting caller."""

NO_BLOCK = "the block has been left already, or there is none"
NO_HANDLE = "a verb has no file to abort or forget"
NO_FORGETTING = "the waiting task has the file"
BUSY = "the thread that has the file waits for it"
ENDED = "the file is aborted already"

BLOCKING_WAYS = (EXCEPTION, ABORT, COLLECTED, CLOSED)
"""Ways out of the blocking face inside of a process; a thread that waits has no task that could be cancelled."""
BLOCKING_WRITERS = {
    "sync.open": (NOTHING, CREATING, PART, COMPLETED),
    **{f"sync.open {name}": (NOTHING, PART, COMPLETED) for name in ("append", "pipe", "limited", "text")},
    **{f"sync.open {name}": (NOTHING, PART) for name in WHOLE},
    "sync.Storage.open": (NOTHING, PART, COMPLETED),
}
BLOCKING_VERBS = {
    **{f"sync.{name}": (PART,) for name in ("write_bytes", "upload", "copy in parts", "create_zip", "Volume.store")},
    "sync.move tree": (DELETED,),
    "sync.download": (RECEIVING,),
}
BLOCKING_SUBJECTS = BLOCKING_WRITERS | BLOCKING_VERBS


def blocking_senseless(subject: str, state: str, way: str) -> str | None:
    """Say why a combination makes no sense on the blocking face; None if it does."""
    if way == CLOSED:
        return None
    if subject in BLOCKING_VERBS:
        return NO_HANDLE if way != EXCEPTION else NO_BLOCK
    if way != ABORT and not in_block(subject.rpartition(" ")[2], state):
        return NO_BLOCK if way == EXCEPTION else NO_FORGETTING
    if way == ABORT and not in_block(subject.rpartition(" ")[2], state):
        return BUSY
    return None


CTRL_C, CTRL_C_TWICE, SIGTERM, HANDLED = "Ctrl-C", "Ctrl-C twice", "SIGTERM", "SIGTERM, handled"
EXIT, FORK = "exit", "fork"
PROCESS_WAYS = (CTRL_C, CTRL_C_TWICE, SIGTERM, HANDLED, EXIT, FORK)
"""Ways that take a whole process; ``fork`` is one beside the work.

``handled`` and ``exit`` are handlers that call ``sys.exit``: of ``signal.signal``, or of the loop in an async program.
One of ``signal.signal`` may raise after asyncio took a step off its queue and before the step runs.
"""
PROCESS_SUBJECTS = {
    **{f"sync.open {name}": (PART,) for name in ("append", "pipe", "limited", "text", "memory", "disk")},
    "sync.open": (CREATING, PART),
    "sync.upload": (CREATING, PART),
    "sync.copy in parts": (CREATING, PART),
    "sync.create_zip": (CREATING, PART),
    **{f"sync.{name}": (PART,) for name in ("concat", "sync_tree", "Storage.open", "Storage.put", "Volume.store")},
    "sync.Bucket.upload_object": (PART,),
    "sync.move tree": (STORED,),
    "sync.download": (RECEIVING,),
    "async write": (CREATING, PART),
    "async upload, session never closed": (CREATING, PART),
}
"""What a program does when it is left."""
SIGNALLED = "old, and the upload stays open"
"""What no library can help: the process ends at once. A lifecycle rule aborts what is left."""
SIGNALLED_FILE = "old, and the unfinished file stays beside it"


def process_stored_after(state: str, way: str) -> str:
    """Return what is there after a process was left: a fork disturbs nothing."""
    if way == FORK:
        return "new"
    if way == SIGTERM and state != STORED:
        return SIGNALLED_FILE if state == RECEIVING else SIGNALLED
    return stored_after(state)


FAILING: dict[tuple[str, str, str], str] = {}
"""(subject, state, way) that today's code fails, with the cause: strict, so that a repair must take it away."""


@dataclass(frozen=True)
class Cell:
    """One test; ``reason`` says why today's code fails it."""

    subject: str
    state: str
    way: str
    stored: str
    """``old``, or ``new`` where the server had done it."""
    reason: str | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The name of the test."""
        return f"{self.subject}-{self.state}-{self.way}".replace(" ", "_")


def in_block(writer: str, state: str) -> bool:
    """Tell whether a file can be in a state while the block that writes to it goes on."""
    return state == NOTHING or (state in IN_BACKGROUND and writer not in WHOLE)


def senseless(subject: str, state: str, way: str) -> str | None:
    """Say why a combination makes no sense; None if it does."""
    is_inside = subject in WRITERS and in_block(subject, state)
    if way == EXCEPTION and not is_inside:
        return NO_BLOCK
    if way in (ABORT, COLLECTED) and subject not in WRITERS:
        return NO_HANDLE
    if way == COLLECTED and not is_inside:
        return NO_FORGETTING
    if way == ABORT and state == ABORTING:
        return ENDED
    return None


def stored_after(state: str) -> str:
    """Return what is under the path afterwards: ``new`` where the server had stored it already."""
    return "new" if state in (COMPLETED, STORED, DELETED) else "old"


def cells() -> Iterator[Cell]:
    """Yield every combination that makes sense."""
    for subject, states in SUBJECTS.items():
        for state in states:
            for way in WAYS:
                if senseless(subject, state, way) is None:
                    yield Cell(subject, state, way, stored_after(state), FAILING.get((subject, state, way)))
