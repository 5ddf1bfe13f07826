"""The objects of one bucket by their keys: listed, described, written, received, deleted."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from aios3._backend import PutOptions
from aios3._buckets.objects import ObjectBase, S3Object
from aios3._handles.copy_to import copy_to
from aios3._handles.positions import byte_view
from aios3._namespace.pages import pages
from aios3._objects import write_bytes
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3._handles.copy_to import Writable
    from aios3._handles.opening import WriterOptions
    from aios3._namespace.pages import ListingTasks
    from aios3._paths import S3Url
    from aios3._session import Session

ObjectT = TypeVar("ObjectT", bound=ObjectBase)
Entries = list[tuple[str, "StatResult"]]


async def list_all(tasks: ListingTasks, url: S3Url, delimiter: str = "") -> AsyncGenerator[Entries, None]:
    """Yield the keys that begin with ``url.key`` with their descriptions, page by page, one page ahead."""
    async for page in tasks.prefetch(pages(tasks, url, delimiter)):
        yield list(zip(page.keys, page.stats, strict=True))


async def list_limited(
    tasks: ListingTasks, url: S3Url, prefix: str | None, delimiter: str | None, max_keys: int | None
) -> AsyncGenerator[Entries, None]:
    """Yield like :func:`list_all`, and no more than ``max_keys`` keys in all."""
    if max_keys is not None and max_keys < 0:
        message = f"max_keys must not be negative; it is {max_keys!r}"
        raise ConfigError(message, path=str(url))
    remaining = max_keys
    if remaining == 0:
        return
    async with aclosing(list_all(tasks, url.with_key(prefix or ""), delimiter or "")) as entries:
        async for page in entries:
            yield page if remaining is None else page[:remaining]
            if remaining is not None:
                remaining -= len(page)
                if remaining <= 0:
                    return


async def get_object(source: ObjectT) -> ObjectT:
    """Describe an object, and return it."""
    await S3Object.stat(source)
    return source


async def put_object(session: Session, url: S3Url, data: Buffer, options: WriterOptions) -> WriteResult:
    """Write ``data`` as an object; a key that ends in ``/`` is not a file of aios3, and is written in one request."""
    if not url.names_directory:
        return await write_bytes(url, data, session=session, **options)
    if options.keys() - {"metadata"}:
        message = f"{url} ends in '/', and is written with metadata at most, not with {', '.join(sorted(options))}"
        raise ConfigError(message, path=str(url))
    plan = replace(replacing_plan(session, url), options=PutOptions(metadata=options.get("metadata", {})))
    return await store_object(session, await with_checksum(session, plan), _views(data))


def _views(data: Buffer) -> Sequence[memoryview]:
    view = byte_view(data)
    return (view,) if view else ()


async def download_to(source: S3Object, target: Writable) -> int:
    """Write an object into a file, and return how many bytes that were."""
    if source.url.names_directory:
        data = await source.body()
        await copy_to(target, data)
        return len(data)
    total = 0
    async with source.stream() as reader, aclosing(reader.chunks()) as chunks:
        async for chunk in chunks:
            await copy_to(target, chunk)
            total += len(chunk)
    return total


async def delete_object(session: Session, url: S3Url, version_id: str | None) -> None:
    """Delete one object, or one version of it."""
    await (await session.backend(url)).delete_object(url, version_id)
