"""megfile's verbs on many objects, and between S3 and local files."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import aios3.sync
from aios3.compat.megfile.errors import S3IsADirectoryError
from aios3.compat.megfile.objects import moved
from aios3.compat.megfile.settings import run, sync_function, text_of
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3.compat.megfile.settings import PathLike


def s3_move(src_url: PathLike, dst_url: PathLike, overwrite: bool = True) -> None:
    """Move an object or a directory; see :func:`aios3.move`, and :func:`s3_rename` for what differs from megfile."""
    moved(aios3.sync.move, src_url, dst_url, overwrite=overwrite)


def s3_remove(path: PathLike, missing_ok: bool = False) -> None:
    """Remove an object or a directory; see :func:`aios3.remove`. Raises UnsupportedError for a bucket."""
    text = text_of(path)
    if not aios3.S3Url.parse(text).key:
        message = f"Remove whole bucket or all of S3 is not supported: {text!r}"
        raise UnsupportedError(message, path=text)
    run(aios3.sync.remove, text, missing_ok)


def s3_concat(
    src_paths: Sequence[PathLike], dst_path: PathLike, block_size: int = 8388608, max_workers: int = 32
) -> None:
    """Join objects to one; see :func:`aios3.concat`. At least 5 MiB go into a part, whatever ``block_size`` says."""
    run(sync_function("concat"), [text_of(path) for path in src_paths], text_of(dst_path), block_size, max_workers)


def s3_sync(
    src_url: PathLike, dst_url: PathLike, followlinks: bool = False, force: bool = False, overwrite: bool = True
) -> None:
    """Copy what is new or different below one path to another; see :func:`aios3.sync_tree`."""
    run(sync_function("sync_tree"), text_of(src_url), text_of(dst_url), followlinks, force, overwrite)


def s3_upload(
    src_url: PathLike,
    dst_url: PathLike,
    callback: Callable[[int], None] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
) -> None:
    """Upload a local file; see :func:`aios3.upload`, which takes directories too. Raises IsADirectoryError for one."""
    source, target = _local(src_url), aios3.S3Url.parse(text_of(dst_url)).require_object()
    if os.path.isdir(source):  # noqa: PTH112 - a text it is, and stays
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
    run(sync_function("upload"), source, target, callback, followlinks, overwrite)


def s3_download(
    src_url: PathLike,
    dst_url: PathLike,
    callback: Callable[[int], None] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
) -> None:
    """Download an object; see :func:`aios3.download`, which takes directories too.

    Raises S3IsADirectoryError for a directory, and for a ``dst_url`` that ends in ``/``.
    """
    source, target = aios3.S3Url.parse(text_of(src_url)).require_object(), _local(dst_url)
    if target.endswith("/"):
        message = f"Is a directory: {target!r}"
        raise S3IsADirectoryError(message, path=target)
    if not run(aios3.sync.isfile, source) and run(aios3.sync.isdir, source):
        message = f"Is a directory: {source!s}"
        raise S3IsADirectoryError(message, path=str(source))
    run(sync_function("download"), source, target, callback, followlinks, overwrite)


def _local(path: PathLike) -> str:
    text = text_of(path)
    scheme, is_url, rest = text.partition("://")
    if is_url and scheme != "file":
        raise OSError(errno.EINVAL, "A local path is needed here", text)
    return rest if is_url else text
