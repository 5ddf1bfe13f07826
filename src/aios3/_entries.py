"""Results of the verbs: the description of one object or directory, and the outcome of a write."""

from __future__ import annotations

import base64
import binascii
import enum
import re
import stat as _stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYMLINK_METADATA = "symlink_to"
"""User metadata that makes an empty object a symbolic link; its value is the path linked to (megfile's convention)."""
LINK_NAMES = (SYMLINK_METADATA, SYMLINK_METADATA.replace("_", "-"))
"""Names of that metadata in responses: radosgw gives back each underscore of a name as a hyphen."""


_BASE64_WORD = ("=?UTF-8?B?", "?=")
_ENCODED_WORD = re.compile(r"=\?UTF-8\?([BQ])\?([!-~]*)\?=", re.IGNORECASE)
"""How a header writes what is not ASCII (RFC 2047). S3 may give back Q for the B that it was sent."""


def link_metadata(target: str) -> dict[str, str]:
    """Return the metadata of a symbolic link to the path ``target``.

    The path stands there as it is, as megfile writes and reads it, unless a header would change it. Characters outside
    ASCII, and blanks at an end or side by side, are written as an encoded word of RFC 2047.
    """
    plain = target.isascii() and target.isprintable() and target == " ".join(target.split())
    if not plain:
        target = base64.b64encode(target.encode()).decode().join(_BASE64_WORD)
    return {SYMLINK_METADATA: target}


def link_target(metadata: Mapping[str, str]) -> str:
    """Return the path that the metadata of a symbolic link name."""
    text = next(metadata[name] for name in LINK_NAMES if name in metadata)
    word = _ENCODED_WORD.fullmatch(text)
    if word is None:
        return text
    try:
        decoded = base64.b64decode(word[2], validate=True) if word[1] in "Bb" else binascii.a2b_qp(word[2], header=True)
        return decoded.decode()
    except (binascii.Error, UnicodeDecodeError):
        return text  # no path begins like that: its parser will say so


class Access(enum.Enum):
    """The kinds of access that :func:`aios3.access` checks."""

    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class StatResult:
    """One object or directory.

    ``size`` is in bytes and ``mtime`` in seconds since the epoch; for a directory the sum and the latest of all objects
    below it. The other fields describe an object, and are None or empty where S3 did not say. A listing has neither
    content type nor metadata nor version.
    """

    size: int = 0
    mtime: float = 0.0
    isdir: bool = False
    islnk: bool = False
    etag: str | None = None
    version_id: str | None = None
    storage_class: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Other headers that S3 keeps with the object, by lower-case name. These are ``content-encoding``,
    ``content-disposition``, ``content-language``, ``cache-control``, ``expires``, ``x-amz-website-redirect-location``,
    and those of the server's encryption. These are ``x-amz-server-side-encryption`` with ``-aws-kms-key-id`` and
    ``-bucket-key-enabled``."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Checksums that S3 keeps for the object, base64, by algorithm: ``{"CRC64NVME": "..."}``."""
    tag_count: int = 0
    """How many tags the object has, as far as S3 said."""
    as_of: float = field(default=0.0, compare=False, repr=False)
    """The time at the server when it said this, in seconds since the epoch; 0.0 where it did not say."""

    @property
    def ctime(self) -> float:
        """Always 0.0: S3 has no time of creation."""
        return 0.0

    def is_file(self) -> bool:
        """Return whether this is an object (or a link to one)."""
        return not self.isdir

    def is_dir(self) -> bool:
        """Return whether this is a directory: a common prefix of objects, or a bucket."""
        return self.isdir

    def is_symlink(self) -> bool:
        """Return whether the object is a symbolic link, followed or not."""
        return self.islnk

    @property
    def st_size(self) -> int:
        """The size, by the name it has in :class:`os.stat_result`."""
        return self.size

    @property
    def st_mtime(self) -> float:
        """The time of modification, by the name it has in :class:`os.stat_result`."""
        return self.mtime

    @property
    def st_mode(self) -> int:
        """The file type bits that :mod:`stat` understands; S3 has no permission bits."""
        if self.islnk:
            return _stat.S_IFLNK
        return _stat.S_IFDIR if self.isdir else _stat.S_IFREG


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of a listing: its last name, its whole path, and what is known about it."""

    name: str
    path: str
    stat: StatResult

    def is_file(self) -> bool:
        """Return whether the entry is an object."""
        return self.stat.is_file()

    def is_dir(self) -> bool:
        """Return whether the entry is a directory."""
        return self.stat.is_dir()

    def is_symlink(self) -> bool:
        """Return whether the entry is a symbolic link, as far as a listing can see."""
        return self.stat.is_symlink()


@dataclass(frozen=True, slots=True)
class WriteResult:
    """S3's response to a completed write.

    ``etag`` is None where the server does not say. ``checksum`` is ``"ALGORITHM:base64"`` as the server confirmed
    it, and None where it keeps none.
    """

    size: int
    etag: str | None = None
    version_id: str | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """The parts of a form that lets its sender upload a file to S3: the URL, and the fields before the file.

    The form is ``multipart/form-data``; its last field is ``file``.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False)
