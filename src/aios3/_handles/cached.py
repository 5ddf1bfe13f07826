"""A local path in the place of an object, for programs that insist on one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from aios3._arguments import check_arguments
from aios3._handles.follow_links import resolve_write_target
from aios3._handles.missing import explain_missing
from aios3._handles.options import Mode, parse_open_options
from aios3._handles.whole_io import (
    changed_error,
    conditional_plan,
    create_disk_store,
    download_to_disk,
    upload_store,
)
from aios3._handles.whole_stores import DiskStore
from aios3._handles.writer import AsyncMultipartWriter
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.write_plan import with_equal_parts
from aios3._threads import in_thread, made_in_thread
from aios3.errors import BucketNotFoundError, ConfigError, ObjectChangedError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Unpack

    from aios3._entries import StatResult
    from aios3._handles.options import OpenOptions, OpenSpec, WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

_MAX_NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class _CacheFile:
    """Where the local file is, and the directory that was made for it."""

    file: Path
    directory: Path | None

    def remove(self) -> None:
        if self.directory is not None:
            shutil.rmtree(self.directory)
        else:
            self.file.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def cached_path(
    path: AnyPath,
    mode: Literal["r", "w", "a"] = "r",
    cache_path: str | os.PathLike[str] | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> AsyncIterator[str]:
    """Have a local file in the place of an object, for programs that insist on a path.

    ``r`` downloads the object first. ``w`` begins with an empty file and uploads it afterwards. ``a`` does both, and
    begins with an empty file if the object does not exist. The file has the object's name, in a temporary directory of
    its own below ``cache_path``, if that is a directory. Otherwise ``cache_path`` is the file, which must not exist. It
    is removed afterwards. Leaving by an exception uploads nothing.

    The options are those of :func:`aopen` for writing; of these ``if_match``, ``sse_customer_key`` and ``followlinks``
    also belong to reading. Raises what :func:`aopen` raises, ConfigError for a ``cache_path`` that exists, and in mode
    ``a`` ObjectChangedError if the object was replaced meanwhile.
    """
    check_arguments(cache_path=cache_path)
    if mode not in ("r", "w", "a"):
        message = f"A mode of cached_path is 'r', 'w' or 'a', not {mode!r}"
        raise ConfigError(message)
    open_options = cast("OpenOptions", options)  # some of them
    spec = parse_open_options(
        S3Url.parse(path).require_object(), Mode(mode, binary=True, updates=False), "disk", open_options
    )
    current = current_session(session)
    if spec.followlinks:
        spec = replace(spec, url=await resolve_write_target(current, spec.url))
    local_path = None if cache_path is None else Path(cache_path)
    local = await made_in_thread(lambda: _make_cache_path(spec.url.name, local_path), _CacheFile.remove)
    try:
        plan = await _prepare(current, spec, local.file)
        yield str(local.file)
        if plan is not None:
            await _upload(current, plan, local.file)
    finally:
        await in_thread(local.remove)


def _make_cache_path(name: str, cache_path: Path | None) -> _CacheFile:
    if cache_path is None or cache_path.is_dir():
        directory = Path(tempfile.mkdtemp(prefix="aios3-", dir=cache_path))
        return _CacheFile(directory / _file_name(name), directory)
    if cache_path.exists():
        message = f"cache_path {str(cache_path)!r} exists already; it would be overwritten and then removed"
        raise ConfigError(message)
    return _CacheFile(cache_path, None)


def _file_name(name: str) -> str:
    """Return a name that every file system takes, and that ends as the object's does."""
    encoded = name.replace("\0", "_").encode()
    if name in (".", ".."):
        return name.replace(".", "_")
    return encoded[-_MAX_NAME_BYTES:].decode(errors="ignore")


async def _prepare(session: Session, spec: OpenSpec, file: Path) -> WritePlan | None:
    """Fill the local file, and return what to write afterwards."""
    kind = spec.mode.kind
    old = await _download(session, spec, file) if kind in "ra" else None
    if old is None:
        empty = await create_disk_store(file)
        empty.commit()
        await empty.aclose()
    if spec.plan is None:
        return None
    part_size = spec.config.get("part_size", session.config.part_size)
    plan = replace(spec.plan, url=spec.url, mode="wb", part_size=part_size)
    return await conditional_plan(session, plan, old, expect_unchanged=kind == "a")


async def _download(session: Session, spec: OpenSpec, file: Path) -> StatResult | None:
    try:
        store, old = await download_to_disk(session, spec.url, spec.read, file)
    except ObjectNotFoundError as error:
        if spec.mode.kind == "a" and not spec.read.if_match and not isinstance(error, BucketNotFoundError):
            return None
        await explain_missing(session, spec.url, error)
        raise
    store.commit()
    await store.aclose()
    return old


async def _upload(session: Session, plan: WritePlan, file: Path) -> None:
    store = await _open_store(file)
    try:
        writer = AsyncMultipartWriter(session, with_equal_parts(plan, store.size))
        try:
            await upload_store(writer, store)
        except BaseException:
            await writer.abort()
            raise
    except ObjectChangedError as error:
        if not plan.expects_unchanged:
            raise
        raise changed_error(plan.url) from error
    finally:
        await store.aclose()


async def _open_store(file: Path) -> DiskStore:
    """Open a file to read it; it does not stay open if the caller is cancelled before a thread has opened it."""
    return await made_in_thread(
        lambda: DiskStore(os.open(file, os.O_RDONLY | os.O_CLOEXEC), None),
        DiskStore.discard,
    )
