"""From names in S3 to names of local files: which may become one, and which must not. No I/O."""

from __future__ import annotations

import os
import re

from aios3.errors import UnsafeNameError

_WINDOWS = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$')


def local_name(name: str, *, windows: bool = os.name == "nt") -> str:
    r"""Return ``name``, relative and with ``/``, if it can be the name of a file below a directory.

    Raises UnsafeNameError for an empty segment, ``.``, ``..`` or a NUL. On Windows also for drives, ``\`` and names
    that the system changes. Such names lead elsewhere, or the file could not be found under them again.
    """
    for segment in name.split("/"):
        if segment in {"", ".", ".."}:
            raise _unsafe(name, f"the segment {segment!r} means another place to a file system")
        if "\0" in segment:
            raise _unsafe(name, "a NUL ends a name early")
        if windows and _WINDOWS.search(segment):
            raise _unsafe(name, f"Windows has no file of the name {segment!r}")
    return name


def is_local_name(name: str) -> bool:
    """Return whether :func:`local_name` takes ``name``."""
    try:
        local_name(name)
    except UnsafeNameError:
        return False
    return True


def _unsafe(name: str, why: str) -> UnsafeNameError:
    return UnsafeNameError(f"{name!r} does not become the name of a local file: {why}", path=name)


class FileConflicts:
    """Finds names that lie below a file, in a stream of names in key order: on a disk ``a`` and ``a/b`` collide."""

    def __init__(self) -> None:
        self._files: list[str] = []

    def conflicting_file(self, name: str) -> str | None:
        """Return the file that ``name`` would lie below; note ``name`` as a file if there is none."""
        above = self.known_conflicting_file(name)
        if above is None:
            self._files.append(name)
        return above

    def known_conflicting_file(self, name: str) -> str | None:
        """Return the file that ``name``, or the directory that one ending in ``/`` is, would lie below."""
        while self._files and not name.startswith(self._files[-1]):
            self._files.pop()
        return next((file for file in self._files if name.startswith(f"{file}/")), None)
