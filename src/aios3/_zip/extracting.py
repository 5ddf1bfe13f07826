"""Members become local files or objects: planned as a whole first, then several at once, each whole or absent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._config import MIB
from aios3._handles.opening import aopen
from aios3._handles.threads import in_thread
from aios3._paths import S3Url, is_s3
from aios3._trees import landing as files
from aios3._trees.runner import each, for_each
from aios3._trees.uploading import local_path
from aios3._zip.checks import check_places, check_readable, check_total, target_name
from aios3._zip.directory import is_directory
from aios3.errors import ObjectExistsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees import LocalPath
    from aios3._trees.landing import Landing
    from aios3._zip.directory import Entry
    from aios3._zip.limits import ZipLimits
    from aios3._zip.members import AsyncZipMember

    OpenEntry = Callable[[Entry], Awaitable[AsyncZipMember]]

_MEMORY_SHARE = 8 * MIB
"""One member more is extracted at once for each so many bytes of the session's memory."""
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Order:
    """One member, and where it goes: a local path below ``root``, or a place in S3."""

    entry: Entry
    target: str | S3Url
    root: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether the member is a directory, of which S3 has none."""
        return is_directory(self.entry.info)


def plan(entries: Sequence[Entry], to: LocalPath | AnyPath, limits: ZipLimits, path: str) -> list[Order]:
    """Decide where each member goes; raise UnsafeNameError and ZipArchiveError for what must not go anywhere."""
    infos = [entry.info for entry in entries]
    check_total(infos, limits, path)
    for info in infos:
        check_readable(info, limits, path)
    names = [target_name(info, path) for info in infos]
    check_places(infos, names, path)
    if is_s3(to):
        url = S3Url.parse(to).require_bucket()  # type: ignore[arg-type]  # is_s3 has seen that it is an AnyPath
        below = [S3Url.parse(str(url.with_key(url.prefix + name))) for name in names]
        return [Order(entry, target) for entry, target in zip(entries, below, strict=True)]
    root = local_path(to)  # type: ignore[arg-type]  # it is none in S3
    return [
        Order(entry, os.path.join(root, *name.split("/")), root) for entry, name in zip(entries, names, strict=True)
    ]


async def run(open_entry: OpenEntry, orders: Sequence[Order], session: Session, *, overwrite: bool) -> list[str]:
    """Extract all of ``orders``, several at once; the first error ends all, and is raised when they have ended."""

    async def extract(order: Order) -> None:
        if isinstance(order.target, S3Url):
            await _extract_to_s3(open_entry, order, order.target, session, overwrite=overwrite)
        else:
            await _extract_to_disk(open_entry, order, order.target, overwrite=overwrite)

    width = min(session.config.max_concurrency, max(session.budget.limit // _MEMORY_SHARE, 1), _MOST_AT_ONCE)
    await for_each(each(orders), extract, width)
    return [str(order.target) for order in orders]


async def _extract_to_s3(
    open_entry: OpenEntry, order: Order, target: S3Url, session: Session, *, overwrite: bool
) -> None:
    if order.is_directory:
        return
    async with (
        await open_entry(order.entry) as member,
        aopen(target, "wb" if overwrite else "xb", session=session) as writer,
    ):
        async for piece in member.chunks():
            await writer.write(piece)


async def _extract_to_disk(open_entry: OpenEntry, order: Order, target: str, *, overwrite: bool) -> None:
    if order.is_directory:
        await in_thread(files.make_directory, target, order.root)
        return
    async with await open_entry(order.entry) as member:
        if not await in_thread(files.is_wanted, target, overwrite=overwrite):
            message = f"{target} is there already, and overwrite=False replaces nothing"
            raise ObjectExistsError(message, path=target)
        made: list[Landing] = []
        try:
            await in_thread(lambda: made.append(files.start(target, order.root)))
            await _fill(member, made[0])
            await in_thread(made[0].finish, member.stat().mtime, overwrite=overwrite)
        finally:
            for landing in made:
                await in_thread(landing.close, keep=False)


async def _fill(member: AsyncZipMember, landing: Landing) -> None:
    offset = 0
    async for piece in member.chunks():
        await in_thread(landing.write, offset, piece)
        offset += len(piece)
