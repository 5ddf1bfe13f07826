"""megfile's verbs on one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aios3.sync
from aios3.compat.megfile.errors import (
    S3BucketNotFoundError,
    S3FileExistsError,
    S3FileNotFoundError,
    S3NameTooLongError,
    SameFileError,
)
from aios3.compat.megfile.settings import run, text_of

if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from typing import BinaryIO

    from aios3.compat.megfile.settings import PathLike

_MAX_TARGET_BYTES = 1024
"""Bytes of the path that megfile lets a symbolic link lead to."""


def s3_load_content(
    s3_url: PathLike, start: int | None = None, stop: int | None = None, followlinks: bool = False
) -> bytes:
    """Read the bytes ``[start, stop)`` of an object; see :func:`aios3.load_content`."""
    return run(aios3.sync.load_content, text_of(s3_url), start, stop, followlinks)


def s3_load_from(path: PathLike, followlinks: bool = False) -> io.BytesIO:
    """Read an object into memory; see :func:`aios3.load_from`."""
    return run(aios3.sync.load_from, text_of(path), followlinks)


def s3_save_as(file_object: BinaryIO, path: PathLike) -> None:
    """Write what is left in a binary file as an object, and leave the file open; see :func:`aios3.save_as`."""
    run(aios3.sync.save_as, file_object, text_of(path))


def s3_getmd5(path: PathLike, recalculate: bool = False, followlinks: bool = False) -> str:
    """Return the ETag, or with ``recalculate`` the MD5; see :func:`aios3.getmd5`."""
    return run(aios3.sync.getmd5, text_of(path), recalculate, followlinks)


def s3_islink(path: PathLike) -> bool:
    """Return whether there is a symbolic link; see :func:`aios3.islink`."""
    return run(aios3.sync.islink, text_of(path))


def s3_readlink(path: PathLike) -> str:
    """Return the path that a symbolic link names; see :func:`aios3.readlink`."""
    return run(aios3.sync.readlink, text_of(path))


def s3_symlink(src_path: PathLike, dst_path: PathLike) -> None:
    """Make ``dst_path`` a symbolic link to ``src_path``; see :func:`aios3.symlink`.

    Raises S3NameTooLongError for a target of more than 1,024 bytes, as megfile does; aios3 itself links to any path.
    """
    target = text_of(src_path)
    if len(target.encode(errors="surrogatepass")) > _MAX_TARGET_BYTES:
        message = f"File name too long: {text_of(dst_path)!r}"
        raise S3NameTooLongError(message, path=text_of(dst_path))
    run(aios3.sync.symlink, target, text_of(dst_path))


def s3_copy(
    src_url: PathLike,
    dst_url: PathLike,
    callback: Callable[[int], None] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
) -> None:
    """Copy an object; with ``overwrite=False`` do nothing where one is already; see :func:`aios3.copy`."""
    source, target = text_of(src_url), text_of(dst_url)
    if source == target:
        message = f"{source!r} and {target!r} are the same file"
        raise SameFileError(message, path=source)
    try:
        run(aios3.sync.copy, source, target, callback, followlinks, overwrite)
    except S3FileExistsError:
        if overwrite:
            raise


def s3_rename(src_url: PathLike, dst_url: PathLike, overwrite: bool = True) -> None:
    """Move an object; see :func:`aios3.rename`.

    As in megfile, a missing source is not an error. Unlike there, with ``overwrite=False`` and an object at ``dst_url``
    nothing is deleted.
    """
    moved(aios3.sync.rename, src_url, dst_url, overwrite=overwrite)


def moved(verb: Callable[..., object], src_url: PathLike, dst_url: PathLike, *, overwrite: bool) -> None:
    """Move, and return where megfile does: there is nothing to move, or something in the way."""
    try:
        run(verb, text_of(src_url), text_of(dst_url), overwrite)
    except S3BucketNotFoundError:
        raise
    except S3FileNotFoundError:
        return
    except S3FileExistsError:
        if overwrite:
            raise


def s3_unlink(path: PathLike, missing_ok: bool = False) -> None:
    """Remove one object; see :func:`aios3.unlink`."""
    run(aios3.sync.unlink, text_of(path), missing_ok)


def s3_makedirs(path: PathLike, exist_ok: bool = False) -> None:
    """Check that objects can be written below the path, and create nothing; see :func:`aios3.makedirs`."""
    run(aios3.sync.makedirs, text_of(path), exist_ok)
