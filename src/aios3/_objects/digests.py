"""MD5 of objects and of trees."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._handles.opening import aopen
from aios3._namespace.link_targets import follow, head_or_none
from aios3._namespace.pages import ListingTasks, gather, pages
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._threads import in_thread
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._paths import AnyPath
    from aios3._session import Session

_MAX_CONCURRENT_READS = 16
"""Objects of a tree that are read at once; the session's limits hold besides."""

DigestTree = dict[str, "str | DigestTree"]
"""A directory: MD5 or ETag by name of a file, a tree by name of a directory followed by ``/``."""


async def getmd5(
    path: AnyPath, recalculate: bool = False, followlinks: bool = False, *, session: Session | None = None
) -> str:
    """Return the ETag of an object, or with ``recalculate`` the MD5 of its bytes, in hex.

    An ETag is the MD5 of the bytes only if the object was written in one request and not encrypted by KMS. That of a
    multipart upload ends in ``-`` and the number of parts. :func:`stat` returns the checksums that S3 keeps. With
    ``followlinks``, of what a symbolic link leads to.

    Of a directory: the MD5 of what this function says of each of its entries, in the order of their names (megfile's
    rule). That costs a LIST for each 1,000 keys, and memory for all of them. Raises ObjectNotFoundError.
    """
    check_arguments(recalculate=recalculate, followlinks=followlinks)
    current, url = current_session(session), S3Url.parse(path)
    if not url.bucket:
        message = f"{str(url)!r} has no bucket, so there is nothing to read"
        raise BucketNotFoundError(message, path=str(url))
    stat = None if url.names_directory else await head_or_none(current, url)
    if stat is None:
        return await _directory(current, url, recalculate=recalculate)
    if followlinks:
        url, stat = await follow(current, url, stat)
    return await _md5(current, url) if recalculate else stat.etag or ""


async def _directory(session: Session, url: S3Url, *, recalculate: bool) -> str:
    etags = await _etags(session, url.with_key(url.prefix))
    if not etags and url.key:
        message = f"There is neither an object nor a directory at {str(url)!r}"
        raise ObjectNotFoundError(message, path=str(url))
    etags = {key: etag for key, etag in etags.items() if not key.endswith("/")}
    if recalculate:
        etags = await _md5_all(session, url, list(etags))
    return _tree_md5(_build_tree(etags, len(url.prefix)))


async def _etags(session: Session, root: S3Url) -> dict[str, str]:
    etags: dict[str, str] = {}
    async with ListingTasks(session) as tasks, aclosing(pages(tasks, root)) as listing:
        async for page in listing:
            etags |= {key: stat.etag or "" for key, stat in zip(page.keys, page.stats, strict=True)}
    return etags


async def _md5_all(session: Session, url: S3Url, keys: list[str]) -> dict[str, str]:
    md5s: dict[str, str] = {}
    for start in range(0, len(keys), _MAX_CONCURRENT_READS):
        some = keys[start : start + _MAX_CONCURRENT_READS]
        digests = await gather(_md5(session, url.with_key(key)) for key in some)
        md5s |= zip(some, digests, strict=True)
    return md5s


async def _md5(session: Session, url: S3Url) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    async with aopen(url, session=session) as file:
        async for chunk in file.chunks():
            await in_thread(digest.update, chunk)  # a MiB takes a millisecond and more
    return digest.hexdigest()


def _build_tree(etags: dict[str, str], cut: int) -> DigestTree:
    root: DigestTree = {}
    for key, etag in etags.items():
        *directories, name = key[cut:].split("/")
        node = root
        for directory in directories:
            below = node.setdefault(f"{directory}/", {})
            assert isinstance(below, dict)
            node = below
        node[name] = etag
    return root


def _tree_md5(tree: DigestTree) -> str:
    """Digest the digests of a directory, by name; a file comes before a directory of the same name."""
    whole = hashlib.md5(usedforsecurity=False)
    for _, each in sorted(tree.items(), key=lambda item: (item[0].removesuffix("/"), item[0])):
        whole.update((each if isinstance(each, str) else _tree_md5(each)).encode())
    return whole.hexdigest()
