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

from aios3._trees.beneath import folder_of
from aios3._trees.file_trees import PARTIAL_SUFFIX
from aios3.errors import ObjectExistsError, PathIsDirectoryError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aios3._trees.beneath import Folder
    from aios3._trees.file_attributes import FileAttributes

_NAME_CHARACTERS = 40


def is_wanted(target: str, *, overwrite: bool) -> bool:
    """Return whether ``target`` is to be written, in place of a file or a symbolic link that is there.

    Raises PathIsDirectoryError if it is a directory. Raises UnsupportedError for a device, a pipe or a socket, and
    for a link to one such as ``/dev/stdout``. Other programs use it, and a file in its place would break them.
    """
    try:
        mode = os.lstat(target).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return True
    if stat_bits.S_ISDIR(mode):
        message = f"{target} is a directory, so no file can be written there"
        raise PathIsDirectoryError(message, path=target)
    if _is_special(target, mode):
        message = f"{target} is a device, a pipe or a socket, and is not replaced; the command cat writes to it"
        raise UnsupportedError(message, path=target)
    return overwrite


def _is_special(target: str, mode: int) -> bool:
    """Return whether ``target`` is, or leads to, neither a file nor a directory; ``mode`` is its own."""
    if stat_bits.S_ISLNK(mode):
        try:
            if os.readlink(target).startswith("/proc/"):  # a descriptor of each process, now and then of a file
                return True
            mode = os.stat(target).st_mode
        except OSError:  # it leads nowhere
            return False
    return not (stat_bits.S_ISREG(mode) or stat_bits.S_ISDIR(mode))


@dataclass(frozen=True, slots=True)
class DownloadVersion:
    """Values that are equal if two downloads are of the same bytes."""

    etag: str
    size: int
    range_size: int


@dataclass(slots=True)
class PartialFile:
    """The unfinished file."""

    target: str
    folder: Folder
    """The directory that it is in, and its target as well."""
    name: str
    descriptor: int
    version: DownloadVersion | None = None
    """Set where the file is to be kept for another attempt if this one fails."""
    done: set[int] = field(default_factory=set)
    """The ranges that have been written."""

    @property
    def path(self) -> str:
        """Where the unfinished file is."""
        return os.path.join(self.folder.path, self.name)

    @property
    def journal_name(self) -> str:
        """The name of the file in which is written down which bytes are there."""
        return f"{self.name}.json"

    def write(self, offset: int, data: bytearray | memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self.descriptor, view, offset)
            view, offset = view[count:], offset + count

    def checkpoint(self, done: Iterable[int]) -> None:
        """Write down that the ranges ``done`` are there; first they are, on the disk itself."""
        assert self.version is not None
        os.fsync(self.descriptor)
        version = self.version
        text = json.dumps({"etag": version.etag, "size": version.size, "piece": version.range_size, "done": [*done]})
        fresh = f"{self.journal_name}.new"
        with os.fdopen(_create(self.folder, fresh, os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(text)
        _replace(self.folder, fresh, self.journal_name)

    def commit(self, attributes: FileAttributes, *, overwrite: bool) -> None:
        """Take the target's place, with the mode of the file that is there unless ``attributes`` have one.

        Raises ObjectExistsError if the target was created meanwhile and must not be replaced.
        """
        folder, last = self.folder, os.path.basename(self.target)
        with contextlib.suppress(OSError):  # without an old file, or the permission, the new one has the usual mode
            if attributes.mode is not None:
                os.fchmod(self.descriptor, attributes.mode)
            else:
                old = os.stat(folder.at(last), dir_fd=folder.descriptor, follow_symlinks=False).st_mode
                if stat_bits.S_ISREG(old):
                    os.fchmod(self.descriptor, stat_bits.S_IMODE(old))
        times = (attributes.mtime_ns, attributes.mtime_ns)
        with folder.naming(self.name):
            os.utime(folder.at(self.name), ns=times, dir_fd=folder.descriptor)
        if overwrite:
            _replace(folder, self.name, last)
        else:
            _link_new(folder, self.name, last)
        if self.version is not None:
            _remove(folder, self.journal_name)

    def close(self, *, keep: bool) -> None:
        """Close the file; delete it unless it is to be kept, or has taken its place."""
        os.close(self.descriptor)
        with self.folder as folder:
            if not keep:
                _remove(folder, self.name)
                _remove(folder, self.journal_name)


def discard(partial: PartialFile) -> None:
    """Close an unfinished file, and delete it unless another attempt is to go on with it."""
    partial.close(keep=partial.version is not None)


def _replace(folder: Folder, name: str, target: str) -> None:
    with folder.naming(target):
        os.replace(folder.at(name), folder.at(target), src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)


def _link_new(folder: Folder, name: str, last: str) -> None:
    target = os.path.join(folder.path, last)
    try:
        with folder.naming(last):
            os.link(folder.at(name), folder.at(last), src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
    except FileExistsError as error:
        message = f"{target} was created by somebody else meanwhile, and overwrite=False replaces nothing"
        raise ObjectExistsError(message, path=target) from error
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise
        if _is_there(folder, last):  # no hard links here: the last look is what there is
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
        _replace(folder, name, last)


def _is_there(folder: Folder, name: str) -> bool:
    try:
        os.stat(folder.at(name), dir_fd=folder.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove(folder: Folder, name: str) -> None:
    with contextlib.suppress(FileNotFoundError), folder.naming(name):
        os.unlink(folder.at(name), dir_fd=folder.descriptor)


def create(target: str, root: str | None) -> PartialFile:
    """Begin a file that is deleted if it does not become whole.

    Raises UnsafeNameError if a symbolic link leads out of the directory ``root``.
    """
    return _open_partial(target, root, secrets.token_hex(8), os.O_EXCL)


def _open_partial(target: str, root: str | None, mark: str, flags: int) -> PartialFile:
    folder = folder_of(target, root)
    try:
        name = _partial_name(os.path.basename(target), mark)
        return PartialFile(target, folder, name, _create(folder, name, flags))
    except BaseException:
        folder.close()
        raise


def resume(target: str, root: str | None, version: DownloadVersion) -> PartialFile:
    """Begin a file that is kept if it does not become whole, or go on with one that was kept of the same version.

    Raises like :func:`create`, and UnsupportedError if another download is writing it at this moment.
    """
    partial = _open_partial(target, root, "kept", 0)
    partial.version = version
    try:
        _lock(partial)
        partial.done = _read_journal(partial.folder, partial.journal_name, version)
        if not partial.done:
            _remove(partial.folder, partial.journal_name)
            os.ftruncate(partial.descriptor, 0)
        os.ftruncate(partial.descriptor, version.size)
    except BaseException:
        partial.close(keep=True)
        raise
    return partial


def _partial_name(name: str, mark: str) -> str:
    """Name a file beside the file ``name`` that sorts with it, and whose name is never too long."""
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return f".{name[:_NAME_CHARACTERS]}.{digest}.{mark}{PARTIAL_SUFFIX}"


def _create(folder: Folder, name: str, flags: int) -> int:
    # O_NOFOLLOW: otherwise a process that can write to the directory could redirect the download elsewhere.
    flags |= os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with folder.naming(name):
        return os.open(folder.at(name), flags, 0o666, dir_fd=folder.descriptor)


def _lock(partial: PartialFile) -> None:
    import fcntl  # noqa: PLC0415 - only on POSIX, and only for this

    try:
        fcntl.flock(partial.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{partial.target} is being downloaded already, with resume=True, into {partial.path}"
        raise UnsupportedError(message, path=partial.target) from error


def _read_journal(folder: Folder, journal_name: str, version: DownloadVersion) -> set[int]:
    """Return the ranges that are there of this version; none if the record is of another, or is none."""
    try:
        descriptor = os.open(
            folder.at(journal_name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0), dir_fd=folder.descriptor
        )
        with os.fdopen(descriptor, encoding="utf-8") as file:
            fields = json.load(file)
        recorded = DownloadVersion(fields["etag"], fields["size"], fields["piece"])
        done = {int(index) for index in fields["done"]}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return set()
    return done if recorded == version else set()
