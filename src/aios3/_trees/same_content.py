"""Comparison of two files byte by byte, unless their ETags prove them equal."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from typing import TYPE_CHECKING

from aios3._handles.opening import aopen
from aios3._paths import S3Url
from aios3._threads import in_thread, made_in_thread
from aios3._trees.upload_file import etag_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from aios3._session import Session


@dataclass(frozen=True, slots=True)
class FileAt:
    """A local file, or an object with its ETag."""

    session: Session
    path: S3Url | str
    etag: str | None = None


async def has_same_content(one: FileAt, other: FileAt) -> bool:
    """Return whether two files of one size have the same bytes; they are read unless their ETags are the same."""
    if isinstance(one.path, str):
        one, other = other, one
    if await _has_same_etag(one, other):
        return True
    async with _opened(one) as read, _opened(other) as read_other:
        while chunk := await read(_CHUNK_BYTES):
            if await read_other(len(chunk)) != chunk:
                return False
        return not await read_other(1)


_CHUNK_BYTES = 1 << 20


async def _has_same_etag(one: FileAt, other: FileAt) -> bool:
    if one.etag is None:
        return False
    if isinstance(other.path, str):
        return await etag_of(one.session, other.path, one.etag) == one.etag
    return one.etag == other.etag


@asynccontextmanager
async def _opened(file: FileAt) -> AsyncGenerator[Callable[[int], Awaitable[bytes]]]:
    """Open a file, and yield a function that reads a number of bytes, and fewer only at its end."""
    if isinstance(file.path, S3Url):
        async with aopen(file.path, session=file.session) as reader:
            yield reader.read
        return
    local = await made_in_thread(partial(_open_local, file.path), BufferedReader.close)
    try:
        yield lambda size: in_thread(local.read, size)
    finally:
        await in_thread(local.close)


def _open_local(path: str) -> BufferedReader:
    return open(path, "rb")
