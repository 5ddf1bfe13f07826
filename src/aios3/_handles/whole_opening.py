"""A whole object is opened: downloaded where the mode needs that, into a store of its kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._handles.store import MemoryStore
from aios3._handles.whole import AsyncWholeFile
from aios3._handles.whole_io import download_to_disk, download_to_memory, make_disk, plan_of
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from aios3._backend import ReadOptions
    from aios3._entries import StatResult
    from aios3._handles.store import Store
    from aios3._handles.whole_values import Subject
    from aios3._session import Session


async def open_whole(
    session: Session, subject: Subject, options: ReadOptions, *, on_disk: bool, place: Path | None = None
) -> AsyncWholeFile:
    """Open a whole object; ``subject.plan`` is what the caller wants of the write, not yet completed.

    Modes ``r`` and ``a`` download the object first, ``a`` only if there is one. ``place`` is where the file on disk
    is to be. Raises ObjectNotFoundError in mode ``r``, ObjectExistsError in mode ``x``, and what a download raises.
    """
    store, old = await _stored(session, subject, options, on_disk=on_disk, place=place)
    try:
        plan = subject.plan
        if plan is not None:
            plan = await plan_of(session, plan, old, known=subject.mode.kind in "ra")
        return AsyncWholeFile(session, replace(subject, old=old, plan=plan), store)
    except BaseException:
        await session.tasks.start(store.aclose(), name=f"aios3 close {subject.url}")
        raise


async def _stored(
    session: Session, subject: Subject, options: ReadOptions, *, on_disk: bool, place: Path | None
) -> tuple[Store, StatResult | None]:
    if subject.mode.kind in "ra":
        try:
            if on_disk:
                return await download_to_disk(session, subject.url, options, place)
            return await download_to_memory(session, subject.url, options)
        except ObjectNotFoundError as error:
            if subject.mode.kind == "r" or options.if_match or isinstance(error, BucketNotFoundError):
                raise
    store: Store = await make_disk(place) if on_disk else MemoryStore(session.budget)
    return store, None
