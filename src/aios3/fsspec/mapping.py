"""A place in S3 as a mapping of keys to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3.fsspec.filesystem import S3FileSystem

if TYPE_CHECKING:
    from fsspec.mapping import FSMap


def S3Map(root: str, s3: Any = None, check: bool = False, create: bool = False) -> FSMap:  # noqa: N802 - s3fs's name
    """Return a mapping of what is below ``root`` in the filesystem ``s3``, by default the one that was used last."""
    filesystem = S3FileSystem.current() if s3 is None else s3
    return filesystem.get_mapper(root, check=check, create=create)
