"""Times and modes of local files in the metadata of objects, under the names that rclone and s3fs-fuse read and write.

Both keep the modification time as ``mtime``, in seconds since 1970 with a decimal fraction. The name ``mode`` is for
``st_mode``, which s3fs writes in decimal, and rclone in octal. A text that makes no sense is left alone.
"""

from __future__ import annotations

import re
import stat as stat_bits
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Attribute = Literal["mtime", "mode"]

_SECONDS = re.compile(r"(-?)(\d{1,10})(?:\.(\d*))?", re.ASCII)
_DECIMAL_MODE = re.compile(r"\d{5}", re.ASCII)
_OCTAL_MODE = re.compile(r"0?10[0-7]{4}", re.ASCII)
_PERMISSIONS = 0o777
"""The bits of a mode that a file gets from metadata: those that let a program run as another user are left out."""


def parse_preserve(preserve: Collection[Attribute] | None) -> frozenset[Attribute]:
    """Return what is to be kept of files; raise ConfigError for what cannot be."""
    choices: Collection[object] = get_args(Attribute)
    names: object = () if preserve is None else preserve
    if not isinstance(names, Collection) or isinstance(names, (str, bytes)) or not all(one in choices for one in names):
        message = f"preserve must be a list of {' and '.join(map(repr, choices))}, not {preserve!r}"
        raise ConfigError(message)
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class FileAttributes:
    """The time and the mode of a local file."""

    mtime_ns: int
    mode: int | None = None
    """``st_mode``; None where the file is to get the usual one, or keeps what it has."""


def to_metadata(attributes: FileAttributes, preserve: frozenset[Attribute]) -> dict[str, str]:
    """Return the metadata that keep those attributes of a file that ``preserve`` names."""
    metadata: dict[str, str] = {}
    if "mtime" in preserve:
        metadata["mtime"] = _seconds_text(attributes.mtime_ns)
    if "mode" in preserve and attributes.mode is not None:
        metadata["mode"] = str(attributes.mode)
    return metadata


def from_metadata(
    metadata: Mapping[str, str], preserve: frozenset[Attribute], *, default_mtime: float
) -> FileAttributes:
    """Return the attributes that a file gets: those of ``metadata`` that ``preserve`` names, and its object's time."""
    mtime_ns = stored_mtime_ns(metadata) if "mtime" in preserve else None
    mode = _stored_mode(metadata) if "mode" in preserve else None
    return FileAttributes(round(default_mtime * 1e9) if mtime_ns is None else mtime_ns, mode)


def stored_mtime_ns(metadata: Mapping[str, str]) -> int | None:
    """Return the modification time that an object keeps of its file, in nanoseconds since 1970; None without one."""
    match = _SECONDS.fullmatch(metadata.get("mtime", ""))
    if match is None:
        return None
    sign, whole, fraction = match.groups()
    nanoseconds = int(whole) * 10**9 + int((fraction or "")[:9].ljust(9, "0"))
    return None if nanoseconds >= 1 << 63 else -nanoseconds if sign else nanoseconds


def _seconds_text(nanoseconds: int) -> str:
    whole, fraction = divmod(abs(nanoseconds), 10**9)
    text = f"{whole}.{fraction:09}".rstrip("0").removesuffix(".")
    return f"-{text}" if nanoseconds < 0 else text


def _stored_mode(metadata: Mapping[str, str]) -> int | None:
    text = metadata.get("mode", "")
    if _OCTAL_MODE.fullmatch(text):
        mode = int(text, 8)
    elif _DECIMAL_MODE.fullmatch(text):
        mode = int(text)
    else:
        return None
    return mode & _PERMISSIONS if stat_bits.S_ISREG(mode) else None
