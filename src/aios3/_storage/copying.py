"""Whole trees from one volume to another, several files at once; every file that fails is named."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._objects import copy
from aios3._storage.entries import inside
from aios3._storage.listing import at_or_below
from aios3._trees.copying import copy_listed, same_place
from aios3._trees.meter import Meter
from aios3._trees.runner import for_each
from aios3._trees.tally import Tally
from aios3.errors import InvalidPathError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from aios3._objects.copying import Place
    from aios3._paths import S3Url
    from aios3._trees.meter import Progress


@dataclass(frozen=True, slots=True)
class _Errand:
    source: S3Url
    target: S3Url
    name: str
    """What the copy is called in its volume."""
    size: int
    storage_class: str | None


async def copy_trees(
    source: Place, names: Sequence[str], target: Place, dst: str | None, progress: Progress | None
) -> list[str]:
    """Copy files and directories of one place into another; return the names there of what was copied, sorted.

    Raises InvalidPathError, before anything is touched, if a tree would be copied into itself.
    """
    for name in names:
        _refuse_nesting(source, name, target, dst)
    tally, meter = Tally(), Meter(None, progress)
    copied: list[str] = []

    async def carry(errand: _Errand) -> None:
        with tally.failing(str(errand.source)):
            meter.expect(errand.size)
            await _copy(source, target, errand)
            tally.copied += 1
            tally.bytes += errand.size
            copied.append(errand.name)
            meter.moved(errand.size)
            meter.finished()

    await for_each(_errands(source, names, target, dst, tally), carry, source.session.config.max_concurrency)
    tally.check(f"Copying from {source.url} to {target.url}", str(target.url))
    return sorted(copied)


async def _errands(
    source: Place, names: Sequence[str], target: Place, dst: str | None, tally: Tally
) -> AsyncGenerator[_Errand, None]:
    """Yield what is to be copied; a name without anything raises ObjectNotFoundError, the whole place may be empty."""
    for src in names:
        found = at_or_below(source.session, source.url, src, missing_ok=not src)
        async with aclosing(found) as listing:
            async for name, stat in listing:
                if tally.full:
                    return
                new = target_name(src, name, dst)
                yield _Errand(
                    inside(source.url, name),
                    inside(target.url, new).require_object(),
                    new,
                    stat.size,
                    stat.storage_class,
                )


async def _copy(source: Place, target: Place, errand: _Errand) -> None:
    if source.is_as(target):
        await copy_listed(target.session, errand.source, errand.target, errand.size, errand.storage_class)
    else:
        await copy(errand.source, errand.target, session=source.session, target_session=target.session)


def target_name(src: str, name: str, dst: str | None) -> str:
    """Say what the copy of the file ``name`` is called when ``src`` is copied to ``dst``.

    A file gets the name ``dst``, or keeps its own; what is in a directory goes into ``dst``, or into the volume itself.
    """
    if name == src:
        return dst or name
    rest = name[len(as_directory(src)) :]
    return f"{as_directory(dst or '')}{rest}"


def as_directory(name: str) -> str:
    """Return what the names in a directory begin with."""
    return f"{name}/" if name and not name.endswith("/") else name


def _refuse_nesting(source: Place, src: str, target: Place, dst: str | None) -> None:
    if not source.is_as(target):
        return
    ours, theirs = inside(source.url, src), inside(target.url, dst or "")
    if same_place(ours, theirs):
        message = f"{ours} cannot be copied to {theirs}: they are one place, or one lies in the other"
        raise InvalidPathError(message, path=str(ours))
