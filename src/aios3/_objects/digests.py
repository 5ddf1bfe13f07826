"""MD5 of objects and of trees."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._handles.opening import aopen
from aios3._namespace.links import follow, head_or_none
from aios3._namespace.pages import Scope, pages, together
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._paths import AnyPath
    from aios3._session import Session

_AT_ONCE = 16
"""Objects of a tree that are read at once; the session's limits hold besides."""

Tree = dict[str, "str | Tree"]
"""A directory: MD5 or ETag by name of a file, a tree by name of a directory with ``/`` behind it."""


async def getmd5(
    path: AnyPath, recalculate: bool = False, followlinks: bool = False, *, session: Session | None = None
) -> str:
    """Return the ETag of an object, or with ``recalculate`` the MD5 of its bytes, in hex.

    An ETag is the MD5 of the bytes only if the object was written in one request and not encrypted by KMS; that of a
    multipart upload ends in ``-`` and the number of parts. :func:`stat` tells the checksums that S3 keeps. With
    ``followlinks``, of what a symbolic link leads to.

    Of a directory: the MD5 of what this function says of each of its entries, in the order of their names (megfile's
    rule). That costs a LIST for each 1,000 keys, and memory for all of them. Raises ObjectNotFoundError.
    """
    check_arguments(recalculate=recalculate, followlinks=followlinks)
    current, url = current_session(session), S3Url.parse(path)
    found = None if url.names_directory else await head_or_none(current, url)
    if found is None:
        return await _directory(current, url, recalculate=recalculate)
    if followlinks:
        url, found = await follow(current, url, found)
    return await _calculate(current, url) if recalculate else found.etag or ""


async def _directory(session: Session, url: S3Url, *, recalculate: bool) -> str:
    if not url.bucket:
        message = f"{str(url)!r} has no bucket, so there is nothing to read"
        raise BucketNotFoundError(message, path=str(url))
    etags = await _etags(session, url.with_key(url.prefix))
    if not etags and url.key:
        message = f"There is neither an object nor a directory at {str(url)!r}"
        raise ObjectNotFoundError(message, path=str(url))
    etags = {key: etag for key, etag in etags.items() if not key.endswith("/")}
    if recalculate:
        etags = await _recalculated(session, url, list(etags))
    return _digest(_tree(etags, len(url.prefix)))


async def _etags(session: Session, root: S3Url) -> dict[str, str]:
    found: dict[str, str] = {}
    async with Scope(session) as scope, aclosing(pages(scope, root)) as listing:
        async for page in listing:
            found |= {key: stat.etag or "" for key, stat in zip(page.keys, page.stats, strict=True)}
    return found


async def _recalculated(session: Session, url: S3Url, keys: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        digests = await together(_calculate(session, url.with_key(key)) for key in some)
        found |= zip(some, digests, strict=True)
    return found


async def _calculate(session: Session, url: S3Url) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    async with aopen(url, session=session) as file:
        async for chunk in file.chunks():
            await asyncio.to_thread(digest.update, chunk)  # a MiB takes a millisecond and more
    return digest.hexdigest()


def _tree(etags: dict[str, str], cut: int) -> Tree:
    root: Tree = {}
    for key, etag in etags.items():
        *directories, name = key[cut:].split("/")
        place = root
        for directory in directories:
            below = place.setdefault(f"{directory}/", {})
            assert isinstance(below, dict)
            place = below
        place[name] = etag
    return root


def _digest(tree: Tree) -> str:
    """Digest the digests of a directory, by name; a file comes before a directory of the same name."""
    whole = hashlib.md5(usedforsecurity=False)
    for _, each in sorted(tree.items(), key=lambda item: (item[0].removesuffix("/"), item[0])):
        whole.update((each if isinstance(each, str) else _digest(each)).encode())
    return whole.hexdigest()
