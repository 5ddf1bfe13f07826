"""A whole object is opened: downloaded where the mode needs that, into a store of its kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._engine.tasks import run_shielded
from aios3._handles.whole import AsyncWholeFile
from aios3._handles.whole_io import conditional_plan, create_disk_store, download_to_disk, download_to_memory
from aios3._handles.whole_stores import MemoryStore
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from aios3._backend import GetOptions
    from aios3._entries import StatResult
    from aios3._handles.whole_stores import Store
    from aios3._handles.whole_values import WholeObject
    from aios3._session import Session


async def open_whole(
    session: Session, target: WholeObject, options: GetOptions, *, on_disk: bool, cache_path: Path | None = None
) -> AsyncWholeFile:
    """Open a whole object; ``target.plan`` is what the caller wants of the write, not yet completed.

    Modes ``r`` and ``a`` download the object first, ``a`` only if there is one. ``cache_path`` is where the file on
    disk is to be. Raises ObjectNotFoundError in mode ``r``, ObjectExistsError in mode ``x``, and what a download
    raises.
    """
    store, old = await _stored(session, target, options, on_disk=on_disk, cache_path=cache_path)
    try:
        plan = target.plan
        if plan is not None:
            plan = await conditional_plan(session, plan, old, expect_unchanged=target.mode.kind in "ra")
        return AsyncWholeFile(session, replace(target, old=old, plan=plan), store)
    except BaseException:
        await run_shielded(store.aclose(), name=f"aios3 close {target.url}")
        raise


async def _stored(
    session: Session, target: WholeObject, options: GetOptions, *, on_disk: bool, cache_path: Path | None
) -> tuple[Store, StatResult | None]:
    if target.mode.kind in "ra":
        try:
            if on_disk:
                return await download_to_disk(session, target.url, options, cache_path)
            return await download_to_memory(session, target.url, options)
        except ObjectNotFoundError as error:
            if target.mode.kind == "r" or options.if_match or isinstance(error, BucketNotFoundError):
                raise
    store: Store = await create_disk_store(cache_path) if on_disk else MemoryStore(session.budget)
    return store, None
