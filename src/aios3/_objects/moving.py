"""Move one object: copy it, and remove what it was copied from once the copy is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._objects.copying import CopyPlan, Place, copy_object
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import S3Error

if TYPE_CHECKING:
    from aios3._entries import WriteResult
    from aios3._paths import AnyPath
    from aios3._session import Session


async def rename(
    source: AnyPath, target: AnyPath, overwrite: bool = True, *, session: Session | None = None
) -> WriteResult:
    """Move one object, replacing what is at ``target`` unless ``overwrite`` is False.

    It is copied as :func:`copy` does, and removed when the copy is there: what fails leaves the source. A symbolic link
    is moved itself. Costs a HEAD, a PUT and a DELETE.

    Raises ObjectExistsError if ``target`` exists and not ``overwrite``; InvalidPathError for a move onto itself;
    ObjectNotFoundError, PathIsDirectoryError. Nothing is touched then.
    """
    return await _move(session, source, target, overwrite=overwrite)


async def move(
    source: AnyPath, target: AnyPath, overwrite: bool = True, *, session: Session | None = None
) -> WriteResult:
    """Move one object, as :func:`rename` does."""
    return await _move(session, source, target, overwrite=overwrite)


async def _move(session: Session | None, source: AnyPath, target: AnyPath, *, overwrite: bool) -> WriteResult:
    current = current_session(session)
    old, new = S3Url.parse(source).require_object(), S3Url.parse(target).require_object()
    return await move_object(Place(current, old), Place(current, new), CopyPlan(overwrite=overwrite))


async def move_object(old: Place, new: Place, plan: CopyPlan) -> WriteResult:
    """Move one object from one place to another; :func:`rename` says how. Links are never followed."""
    done = await copy_object(old, new, replace(plan, followlinks=False))
    try:
        await (await old.session.backend(old.url)).delete_object(old.url)
    except S3Error as error:
        error.add_note(f"{old.url} was copied to {new.url}, and is still there itself")
        raise
    return done
