"""Checks of a member: its size, encryption, and a name that leads out of the directory that it is extracted to.

No I/O.
"""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from aios3._trees.local_names import local_name
from aios3._zip.central_directory import archive_error, is_directory
from aios3.errors import UnsafeNameError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zipfile import ZipInfo

    from aios3._zip.limits import ZipLimits

_ENCRYPTED, _STRONG, _MASKED = 0x1, 0x40, 0x2000
_PATCH = 0x20
_AES_METHOD = 99
_SMALL_BYTES = 1024 * 1024
"""Bytes up to which a member is harmless, whatever its ratio."""
_DRIVE = re.compile(r"[A-Za-z]:")
_UNIX = 3


def check_readable(info: ZipInfo, limits: ZipLimits, path: str) -> None:
    """Raise UnsupportedError for a member that is encrypted, ZipArchiveError for one beyond ``limits``."""
    if info.flag_bits & (_ENCRYPTED | _STRONG | _MASKED) or info.compress_type == _AES_METHOD:
        kind = "AES" if info.compress_type == _AES_METHOD else "ZipCrypto or another password"
        message = f"{info.filename!r} in {path} is encrypted ({kind}); aios3 reads members without a password only"
        raise UnsupportedError(message, path=path)
    if info.flag_bits & _PATCH:
        message = f"{info.filename!r} in {path} is a patch of another file, which no reader of today applies"
        raise UnsupportedError(message, path=path)
    most, ratio = limits.max_member_bytes, limits.max_ratio
    if most is not None and info.file_size > most:
        raise archive_error(path, f"has {info.file_size:,} bytes, more than max_member_bytes={most:,}", info.filename)
    if ratio is not None and info.file_size > max(_SMALL_BYTES, ratio * info.compress_size):
        times = f"{info.file_size:,} bytes out of {info.compress_size:,}"
        raise archive_error(path, f"would become {times}, more than max_ratio={ratio:g} of ZipLimits", info.filename)


def check_total(infos: Sequence[ZipInfo], limits: ZipLimits, path: str) -> None:
    """Raise ZipArchiveError if the members together are beyond ``limits``."""
    total = sum(info.file_size for info in infos)
    if limits.max_total_bytes is not None and total > limits.max_total_bytes:
        raise archive_error(path, f"would become {total:,} bytes, more than max_total_bytes={limits.max_total_bytes:,}")


def check_targets(infos: Sequence[ZipInfo], names: Sequence[str], path: str) -> None:
    """Raise ZipArchiveError if two members would have one target, or one of them below another that is a file."""
    earlier: set[str] = set()
    for name in names:
        if name in earlier:
            raise archive_error(path, "occurs twice: only one of the two could be extracted", name)
        earlier.add(name)
    files = {name for name, info in zip(names, infos, strict=True) if not is_directory(info)}
    for name in names:
        above = next((name[:end] for end in _slashes(name) if name[:end] in files), None)
        if above is not None:
            raise archive_error(path, f"lies below {above!r}, which is a file", name)


def _slashes(name: str) -> Iterator[int]:
    at = name.find("/")
    while at >= 0:
        yield at
        at = name.find("/", at + 1)


def target_name(info: ZipInfo, path: str) -> str:
    r"""Return the member's name, relative and without a ``/`` at its end, if it may be extracted under it.

    Raises UnsafeNameError for an absolute name, and one with ``..``, ``.``, an empty segment, a drive, a ``\`` or a
    NUL. Also for a member that is a symbolic link, a device or anything else than a file or a directory.
    """
    name = info.filename
    if "\\" in info.orig_filename or "\0" in info.orig_filename or _DRIVE.match(name):
        message = f"{info.orig_filename!r} in {path} is not extracted: some systems take that name for another path"
        raise UnsafeNameError(message, path=path)
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if kind not in {0, stat.S_IFDIR if is_directory(info) else stat.S_IFREG}:
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a directory"
        message = f"{name!r} in {path} is not extracted: it is {what}"
        raise UnsafeNameError(message, path=path)
    return local_name(name[:-1] if is_directory(info) else name)
