"""Copies with other parameters than the source's, copies of versions, and objects without bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aios3._backend import CopyOptions, PutOptions
from aios3._engine.parts import copy_ranges
from aios3._handles.conditional_delete import delete_unchanged, is_same_version, newer_version
from aios3._handles.missing import explain_missing
from aios3._handles.opening import aopen
from aios3._objects.copy_object import CopyEnd, CopySettings
from aios3._objects.copy_object import copy_object as copy_in_s3
from aios3._s3_constants import MAX_PART_SIZE
from aios3._storing.inherit import inherited_by_copy, storage_class_of
from aios3._storing.store_object import store_object
from aios3._storing.upload import Upload
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3.errors import ObjectNotFoundError, UnsupportedError
from aios3.fsspec.versions import stat_version

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._handles.opening import ReaderOptions, WriterOptions
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.fsspec.paths import ObjectRef

NULL_VERSION = "null"
"""S3's id of what is written while a bucket keeps no versions."""


async def copy_object(
    session: Session, source: ObjectRef, target: S3Url, options: WriterOptions, *, preserve_etag: bool = False
) -> StatResult:
    """Copy an object, or a version of it; ``options`` go before what the source was stored with.

    Returns the description of what was copied. Raises UnsupportedError where an ETag would change that must not,
    PathIsDirectoryError where either end can be a directory only.
    """
    key = options.get("sse_customer_key")
    source.url.require_object(), target.require_object()
    try:
        stat = await stat_version(session, source.url, source.version_id, key)
    except ObjectNotFoundError as error:
        await explain_missing(session, source.url, error)
        raise
    if not options and source.version_id is None and not preserve_etag:
        await copy_in_s3(CopyEnd(session, source.url), CopyEnd(session, target), CopySettings(), stat)
        return stat
    if preserve_etag and "-" in (stat.etag or ""):
        message = f"{source.url} was stored in parts, and a copy of it has another ETag; leave preserve_etag out"
        raise UnsupportedError(message, path=str(source.url))
    stored = await stored_options(session, source.url, stat, options)
    if source.version_id is not None or key is not None:
        await _copy_through(session, source, target, stored, key)
    elif stat.size <= MAX_PART_SIZE:
        backend = await session.backend(target)
        terms = CopyOptions(stat.etag, stored.storage_class)
        await backend.copy_object(source.url, target, options=stored, terms=terms)
    else:
        await _copy_parts(session, source.url, target, stat, stored)
    return stat


async def delete_copied(session: Session, source: ObjectRef, copied: StatResult, key: bytes | None) -> None:
    """Delete what was copied, and only that; ``key`` is that of SSE-C.

    Raises ObjectChangedError, and deletes nothing, if it was written to since ``copied`` was described.
    """
    if source.version_id is None:
        await delete_unchanged(session, source.url, copied, sse_customer_key=key)
        return
    if source.version_id == NULL_VERSION:  # the only one that a write replaces
        now = await stat_version(session, source.url, source.version_id, key)
        if not is_same_version(copied, now):
            raise newer_version(source.url)
    await (await session.backend(source.url)).delete_object(source.url, source.version_id)


async def stored_options(session: Session, url: S3Url, stat: StatResult, options: WriterOptions) -> PutOptions:
    """Return what a copy is stored with: what the source has, by its ``stat``, and ``options`` in its place."""
    inherited = await inherited_by_copy(session, url, stat)
    changes: dict[str, Any] = {name: value for name, value in options.items() if hasattr(inherited, name)}
    if "metadata" in changes:
        changes["metadata_as_stored"] = False
    return replace(inherited, **{"storage_class": storage_class_of(stat), **changes})


async def _copy_parts(session: Session, source: S3Url, target: S3Url, stat: StatResult, stored: PutOptions) -> None:
    plan = await with_checksum(session, replace(replacing_plan(session, target), options=stored))
    upload = Upload(
        session, replace(plan, copy_source=stat, copy_source_url=source, copies=copy_ranges(stat.size, None))
    )
    try:
        await upload.complete(stat.size)
    except BaseException:
        await upload.abort()
        raise


async def _copy_through(
    session: Session, source: ObjectRef, target: S3Url, stored: PutOptions, key: bytes | None
) -> None:
    """Copy what S3 does not copy here: read it, and write it again."""
    reading: ReaderOptions = {}
    if source.version_id is not None:
        reading["version_id"] = source.version_id
    if key is not None:
        reading["sse_customer_key"] = key
    names = ("content_type", "content_encoding", "content_disposition", "content_language", "cache_control",
             "storage_class", "acl", "tags", "sse", "sse_kms_key_id", "sse_customer_key", "metadata")  # fmt: skip
    writing: Any = {name: value for name in names if (value := getattr(stored, name))}
    async with (
        aopen(source.url, "rb", session=session, **reading) as reader,
        aopen(target, "wb", session=session, **writing) as writer,
    ):
        await writer.write_from(reader.chunks())


async def store_empty(session: Session, url: S3Url, options: WriterOptions, *, create: bool) -> None:
    """Store an object without bytes, also one whose key ends in ``/``; with ``create`` only where there is none."""
    stored = {name: value for name, value in options.items() if name not in {"if_match", "part_size", "followlinks"}}
    plan = replacing_plan(session, url, if_absent=create)
    write = PutOptions(**stored)  # type: ignore[arg-type]  # the names have been checked
    await store_object(session, await with_checksum(session, replace(plan, options=write)), ())
