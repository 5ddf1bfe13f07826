"""Local files: which of them become which objects, by fsspec's rules, and how they are sent and received."""

from __future__ import annotations

import contextlib
import os
import secrets
from glob import has_magic
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem, make_path_posix, trailing_sep
from fsspec.utils import check_contained, other_paths

from aios3._handles.opening import aopen
from aios3._threads import in_thread
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.transfer import FileCopier
from aios3._trees.transfer_counters import TransferCounters
from aios3._trees.upload_file import UploadSettings, upload_file
from aios3._trees.uploading import copy_single

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._handles.opening import ReaderOptions, WriterOptions
    from aios3._paths import S3Url
    from aios3._session import Session

    Told = Callable[[int], object]


def put_pairs(lpath: Any, rpath: Any, into: bool, *, recursive: bool, maxdepth: int | None) -> list[tuple[str, str]]:
    """Return local files and where each of them goes; ``into`` says that ``rpath`` is a directory. Blocks."""
    is_text = isinstance(lpath, (str, os.PathLike))
    source = make_path_posix(os.fspath(lpath)) if is_text else lpath
    local = LocalFileSystem()
    names = local.expand_path(source, recursive=recursive, maxdepth=maxdepth)
    if is_text and (not recursive or maxdepth is not None):
        names = [name for name in names if not (trailing_sep(name) or local.isdir(name))]
    if not names:
        return []
    exists = is_text and (
        (has_magic(source) and len(names) == 1) or (not has_magic(source) and into and not _ends(lpath))
    )
    targets = other_paths(names, rpath, exists=exists, flatten=not is_text)
    return [(name, target) for name, target in zip(names, targets, strict=True) if not os.path.isdir(name)]


def get_pairs(rpath: Any, stripped: Any, names: list[str], lpath: Any) -> list[tuple[str, str]]:
    """Return objects and the local file of each; raise ValueError for one outside ``lpath``. Blocks."""
    if not names:
        return []
    is_text = isinstance(rpath, str)
    target = make_path_posix(lpath)
    into = isinstance(target, str) and (trailing_sep(target) or os.path.isdir(target))
    exists = is_text and (
        (has_magic(stripped) and len(names) == 1) or (not has_magic(stripped) and into and not _ends(rpath))
    )
    targets = other_paths(names, target, exists=exists, flatten=not is_text)
    if isinstance(target, str):
        check_contained(target, targets)
    return list(zip(names, targets, strict=True))


def _ends(path: Any) -> bool:
    return str(os.fspath(path)).endswith("/")


def make_parent(path: str) -> None:
    """Make the directory that a local file is to be in."""
    parent = os.path.dirname(path)
    if parent:
        os.makedirs(parent, exist_ok=True)


async def send(
    session: Session, source: str, target: S3Url, told: Told, options: WriterOptions, *, create: bool
) -> None:
    """Store a local file as an object; with ``create`` only where there is none.

    Raises ObjectExistsError then, FileChangedError, and what the operating system says.
    """
    if not options:
        size = await in_thread(os.path.getsize, source)
        await upload_file(
            session, source, target, ProgressReporter(told), size=size, settings=UploadSettings(create_only=create)
        )
        return
    file = await in_thread(open, source, "rb")
    try:
        async with aopen(target, "xb" if create else "wb", session=session, **options) as writer:
            told(await writer.write_from(file))
    finally:
        await in_thread(file.close)


async def receive(session: Session, source: S3Url, target: str, told: Told, options: ReaderOptions) -> None:
    """Store an object, or a version of it, as a local file, which takes its place when it is whole."""
    if not options:
        await copy_single(FileCopier(session, ProgressReporter(told), TransferCounters()), source, target, None)
        return
    partial = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.aios3-part")
    async with aopen(source, "rb", session=session, **options) as reader:
        file = await in_thread(open, partial, "xb")
        try:
            async for chunk in reader.chunks():
                await in_thread(file.write, chunk)
                told(len(chunk))
            await in_thread(file.close)
            await in_thread(os.replace, partial, target)
        except BaseException:
            await in_thread(_discard, file, partial)
            raise


def _discard(file: Any, path: str) -> None:
    file.close()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
