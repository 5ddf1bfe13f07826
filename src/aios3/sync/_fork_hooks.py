"""A fork waits until no thread is in the middle of an import that aios3 has caused; a child forgets missed imports.

What is imported when it is needed is imported in the thread that needs it: the loop's, a worker's, or one that calls. A
child is a copy of the forking thread alone. A module that another thread has imported by half stays so in the child,
with a lock that is never released.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

PATIENCE_SECONDS = 10.0
"""How long a fork waits at most. Importing all of aios3 with aiobotocore takes about one second."""
_LOOK_SECONDS = 0.001
_SWITCH_INTERVAL_SECONDS = 10.0
"""For how long no other thread may ask this one for the interpreter, from its look at the others until the fork."""
_IMPORTING = ("importlib._bootstrap", "_frozen_importlib")
_OURS = "aios3"
THREADS = "aios3.sync"
"""How the names of the threads begin that run nothing but aios3, and what it calls."""


def wait_for_imports() -> None:
    """Wait until no other thread imports anything for aios3; the hook that the system's fork calls before.

    No lock is held when this returns, because other hooks may wait for locks whose owners import. Other threads do not
    run until the fork, unless such a hook waits. The interval after which they may ask for the interpreter is made
    long, and :func:`forked` puts it back.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        _Interval.make_long()
        time.sleep(0)  # those that wait already begin to wait anew, for the long interval
        if not _is_importing() or time.monotonic() > end:
            return
        forked()
        time.sleep(_LOOK_SECONDS)


def forked() -> None:
    """Let other threads run as before; the hook that is called after a fork, in parent and child."""
    _Interval.restore()


class _Interval:
    """The interpreter's switch interval, as it was before it was made long."""

    before: float | None = None

    @classmethod
    def make_long(cls) -> None:
        if cls.before is None:
            cls.before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)

    @classmethod
    def restore(cls) -> None:
        if cls.before is not None:
            sys.setswitchinterval(cls.before)
            cls.before = None


def discard_partial_imports() -> None:
    """Forget, in a child, the modules that other threads of the parent were importing, and the locks of those imports.

    Another hook that has waited for a lock has let those threads run, after :func:`wait_for_imports` had looked. The
    child imports such a module anew; as it is, it would be used without what it lacks, or waited for without end.
    """
    own = _being_imported_here()
    for name, module in list(sys.modules.items()):
        if getattr(getattr(module, "__spec__", None), "_initializing", False) and name not in own:
            del sys.modules[name]
    locks = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    for name, reference in list(locks.items()):
        owner = getattr(reference(), "owner", None)
        if owner is not None and owner != threading.get_ident():
            locks.pop(name, None)


def _being_imported_here() -> set[str]:
    """Return the names of the modules that the running thread is importing: it may fork in the middle of that."""
    names: set[str] = set()
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the only way to the callers' frames
    while frame is not None:
        names.add(str(frame.f_globals.get("__name__")))
        frame = frame.f_back
    return names


def _is_importing() -> bool:
    own = threading.get_ident()
    own_threads = {thread.ident for thread in threading.enumerate() if thread.name.startswith(THREADS)}
    frames = sys._current_frames()  # noqa: SLF001 - documented; the only way to see what other threads do
    return any(_imports(frame, is_ours=thread in own_threads) for thread, frame in frames.items() if thread != own)


def _imports(frame: FrameType | None, *, is_ours: bool) -> bool:
    """Return whether a thread is inside an import: any in aios3's threads, elsewhere one of or by aios3."""
    is_importing = False
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        is_importing = is_importing or module in _IMPORTING
        if (is_importing and is_ours) or (_is_ours(module) and (is_importing or frame.f_code.co_name == "<module>")):
            return True
        frame = frame.f_back
    return False


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and (module == _OURS or module.startswith(f"{_OURS}."))
