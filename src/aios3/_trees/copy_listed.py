"""One object to another place in S3, as part of a tree, where a listing has described it already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import CopyOptions
from aios3._objects import copy
from aios3._objects.copy_object import CopyEnd, CopySettings, copy_object
from aios3._s3_constants import MAX_PART_SIZE
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3._trees.download_file import read_into

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session


async def copy_listed(
    session: Session,
    source: S3Url,
    target: S3Url,
    size: int,
    storage_class: str | None = None,
    *,
    create_only: bool = False,
) -> None:
    """Copy an object of ``size`` bytes in one request inside S3; the listing has already given what a HEAD would.

    Larger ones than one request copies, and those of another profile, go the way of :func:`aios3.copy`. So does what is
    to replace nothing, with ``create_only``: that costs two HEADs more, and raises ObjectExistsError. The marker of a
    directory is copied in any case.
    """
    if create_only and not source.names_directory:
        await copy_object(CopyEnd(session, source), CopyEnd(session, target), CopySettings(overwrite=False))
        return
    backend = await session.backend(target)
    if source.profile == target.profile and size <= MAX_PART_SIZE:
        await backend.copy_object(source, target, options=None, terms=CopyOptions(storage_class=storage_class))
    elif source.names_directory:  # a marker, which copy() does not take for an object
        await _copy_marker(session, source, target, size)
    else:
        await copy(source, target, session=session)


async def _copy_marker(session: Session, source: S3Url, target: S3Url, size: int) -> None:
    """Copy the marker of a directory through this process; its body is usually empty."""
    async with session.budget.reserve(size):
        data = memoryview(bytearray(size))
        if size:
            await read_into(session, source, None, 0, data)
        plan = await with_checksum(session, replacing_plan(session, target))
        await store_object(session, plan, (data,) if size else ())


def may_overlap(one: S3Url, other: S3Url) -> bool:
    """Return whether two paths may be one place, or one lies below the other; different profiles may be the same."""
    return one.bucket == other.bucket and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))
