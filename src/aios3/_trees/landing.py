"""A local file that is received: it grows under another name beside its target and takes its place when it is whole.

Nothing here awaits; all of it is run in threads.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat as stat_bits
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3._trees.places import LEFTOVER_SUFFIX
from aios3.errors import ObjectExistsError, PathIsDirectoryError, UnsafeNameError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME_CHARACTERS = 40


def is_wanted(target: str, *, overwrite: bool) -> bool:
    """Tell whether ``target`` is to be written; raise PathIsDirectoryError if it is a directory."""
    if os.path.isdir(target) and not os.path.islink(target):
        message = f"{target} is a directory, so no file can be written there"
        raise PathIsDirectoryError(message, path=target)
    return overwrite or not os.path.lexists(target)


def _make_parent(target: str, root: str | None) -> None:
    """Make the directory that ``target`` is to be in.

    Raises UnsafeNameError if a symbolic link leads out of ``root``, and what the operating system says.
    """
    parent = os.path.dirname(target) or os.curdir
    os.makedirs(parent, exist_ok=True)
    if root is None:
        return
    real, allowed = os.path.realpath(parent), os.path.realpath(root)
    if real != allowed and not real.startswith(os.path.join(allowed, "")):
        message = f"{target} lies outside of {root}: a symbolic link leads to {real}"
        raise UnsafeNameError(message, path=target)


def make_directory(path: str, root: str | None) -> None:
    """Make a directory with all above it; raise UnsafeNameError if a symbolic link leads out of ``root``."""
    _make_parent(os.path.join(path, os.curdir), root)


@dataclass(frozen=True, slots=True)
class Version:
    """What says that two downloads are of the same bytes."""

    etag: str
    size: int
    piece_size: int


@dataclass(slots=True)
class Landing:
    """The unfinished file."""

    target: str
    path: str
    descriptor: int
    version: Version | None = None
    """Set where the file is to be kept for another attempt if this one fails."""
    done: set[int] = field(default_factory=set)
    """The pieces that have been written."""

    @property
    def record(self) -> str:
        """Where it is written down which bytes are there."""
        return f"{self.path}.json"

    def write(self, offset: int, data: bytearray | memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self.descriptor, view, offset)
            view, offset = view[count:], offset + count

    def checkpoint(self, done: Iterable[int]) -> None:
        """Write down that the pieces ``done`` are there; first they are, on the disk itself."""
        assert self.version is not None
        os.fsync(self.descriptor)
        version = self.version
        text = json.dumps({"etag": version.etag, "size": version.size, "piece": version.piece_size, "done": [*done]})
        fresh = f"{self.record}.new"
        with open(fresh, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(fresh, self.record)

    def finish(self, mtime: float, *, overwrite: bool) -> None:
        """Take the target's place.

        Raises ObjectExistsError if somebody has created it meanwhile and it must not be replaced.
        """
        with contextlib.suppress(OSError):  # there is no old file, or we may not: the new one has the usual mode
            old = os.stat(self.target, follow_symlinks=False).st_mode
            if stat_bits.S_ISREG(old):
                os.fchmod(self.descriptor, stat_bits.S_IMODE(old))
        nanoseconds = round(mtime * 1e9)
        os.utime(self.path, ns=(nanoseconds, nanoseconds))
        if overwrite:
            os.replace(self.path, self.target)
        else:
            _place_new(self.path, self.target)
        if self.version is not None:
            _remove(self.record)

    def close(self, *, keep: bool) -> None:
        """Close the file; delete it unless it is to be kept, or has taken its place."""
        os.close(self.descriptor)
        if not keep:
            _remove(self.path)
            _remove(self.record)


def _place_new(path: str, target: str) -> None:
    try:
        os.link(path, target)
    except FileExistsError as error:
        message = f"{target} was created by somebody else meanwhile, and overwrite=False replaces nothing"
        raise ObjectExistsError(message, path=target) from error
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise
        if os.path.lexists(target):  # no hard links here: the last look is what there is
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
        os.replace(path, target)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def start(target: str, root: str | None) -> Landing:
    """Begin a file that is deleted if it does not become whole.

    Raises UnsafeNameError if a symbolic link leads out of the directory ``root``.
    """
    _make_parent(target, root)
    path = _beside(target, secrets.token_hex(8))
    return Landing(target, path, _create(path, os.O_EXCL))


def resume(target: str, root: str | None, version: Version) -> Landing:
    """Begin a file that is kept if it does not become whole, or go on with one that was kept of the same version.

    Raises like :func:`start`, and UnsupportedError if another download is writing it at this moment.
    """
    _make_parent(target, root)
    path = _beside(target, "kept")
    landing = Landing(target, path, _create(path, 0), version)
    try:
        _lock(landing)
        landing.done = _recorded(landing.record, version)
        if not landing.done:
            _remove(landing.record)
            os.ftruncate(landing.descriptor, 0)
        os.ftruncate(landing.descriptor, version.size)
    except BaseException:
        os.close(landing.descriptor)
        raise
    return landing


def _beside(target: str, mark: str) -> str:
    """Name a file beside ``target`` that sorts with it, and whose name is never too long."""
    parent, name = os.path.split(target)
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return os.path.join(parent, f".{name[:_NAME_CHARACTERS]}.{digest}.{mark}{LEFTOVER_SUFFIX}")


def _create(path: str, flags: int) -> int:
    # O_NOFOLLOW: whoever can write to the directory could otherwise have us write elsewhere.
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | flags, 0o666)


def _lock(landing: Landing) -> None:
    import fcntl  # noqa: PLC0415 - only on POSIX, and only for this

    try:
        fcntl.flock(landing.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{landing.target} is being downloaded already, with resume=True, into {landing.path}"
        raise UnsupportedError(message, path=landing.target) from error


def _recorded(record: str, version: Version) -> set[int]:
    """Return the pieces that are there of this version; none if the record is of another, or is none."""
    try:
        with open(record, encoding="utf-8") as file:
            said = json.load(file)
        known = Version(said["etag"], said["size"], said["piece"])
        done = {int(piece) for piece in said["done"]}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return set()
    return done if known == version else set()
