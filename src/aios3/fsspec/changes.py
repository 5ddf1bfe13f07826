"""Copies, moves and removals; directories and buckets."""

from __future__ import annotations

from collections import defaultdict
from glob import has_magic
from typing import TYPE_CHECKING, Any

from aios3._buckets import Bucket
from aios3._namespace.stat import hasbucket
from aios3._paths import S3Url
from aios3._s3_constants import MAX_KEYS
from aios3._trees.delete_keys import REQUESTS_AT_ONCE
from aios3._trees.removing import delete_batch, remove_below
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import AccessDeniedError, ConfigError, InvalidPathError, ObjectExistsError, ObjectNotFoundError
from aios3.fsspec.base import s3fs_errors
from aios3.fsspec.copying import NULL_VERSION, copy_object, delete_copied, store_empty
from aios3.fsspec.data import Data
from aios3.fsspec.entries import is_directory_only
from aios3.fsspec.pairs import check_objects, pairs_of
from aios3.fsspec.paths import require_key, topmost

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._session import Session
    from aios3.fsspec.pairs import Pair


class Changes(Data):
    """The methods that change names."""

    async def _rm_file(self, path: str, **kwargs: object) -> None:
        """Remove one object, or one version of it; a missing one raises nothing, as in S3."""
        del kwargs
        ref = require_key(self.parse_ref(path))
        try:
            backend = await self.session().backend(ref.url)
            await backend.delete_object(ref.url, ref.version_id)
        finally:
            self.invalidate_cache(path)

    async def _rm(
        self,
        path: str | list[str],
        recursive: bool = False,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: object,
    ) -> None:
        """Remove objects; with ``recursive`` all that is below a path, and a bucket together with its objects.

        A path that names a version means that version alone. One request removes 1,000 objects. Raises
        PartialFailureError, which names every key that is still there. Raises ObjectNotFoundError if a recursive
        removal finds nothing at a path, when the others are removed.
        """
        del kwargs
        paths = [path] if isinstance(path, str) else list(path)
        try:
            if recursive and maxdepth is None:
                await self._rm_trees(paths, batch_size)
            else:
                meanings = await self.expanded(paths, recursive=recursive, maxdepth=maxdepth)
                await self._rm_named([name for name, meaning in meanings.items() if not is_directory_only(meaning)])
        finally:
            self.invalidate_cache()

    async def _rm_trees(self, paths: list[str], batch_size: int | None) -> None:
        await self.run_all(self._rm_file, [each for each in paths if self.names_version(each)], batch_size)
        named: list[str] = []
        matched: list[str] = []
        for each in paths:
            name = self._strip_protocol(each)
            if has_magic(name) and not self.names_version(each):
                meanings = await self.expanded(each)
                matched += [f"{name}/" if is_directory_only(meanings[name]) else name for name in meanings]
            elif not self.names_version(each):
                named.append(f"{name}/" if each.endswith("/") else name)
        missing: list[str] = []

        async def remove(root: str) -> None:
            if not await self._rm_tree(self.parse_ref(root).url) and root in named:
                missing.append(root)

        await self.run_all(remove, topmost({*named, *matched}), batch_size)
        if missing:
            message = f"There is nothing to remove at {', '.join(map(repr, sorted(missing)))}"
            raise ObjectNotFoundError(message, path=min(missing))

    async def _rm_tree(self, url: S3Url) -> bool:
        """Remove an object and all that is below it, or a bucket; return whether there was anything."""
        if not url.key:
            await Bucket(url.require_bucket(), session=self.session()).delete(force=True)
            return True
        session = self.session()
        is_there = not url.names_directory and await self.is_object(url)
        if is_there:
            await (await session.backend(url)).delete_object(url)
        return bool(await remove_below(session, url)) or is_there

    async def _rm_named(self, names: Iterable[str]) -> None:
        """Remove objects, versions and empty buckets by their names, none of which is a pattern."""
        by_bucket: dict[str, list[str]] = defaultdict(list)
        buckets: list[str] = []
        for name in dict.fromkeys(names):
            ref = self.parse_ref(name)
            if ref.version_id is not None:
                await self._rm_file(name)
            elif ref.url.key:
                by_bucket[ref.url.bucket].append(ref.url.key)
            else:
                buckets.append(name)
        for bucket, keys in by_bucket.items():
            await _delete_keys(self.session(), S3Url(bucket), keys)
        for name in buckets:
            await self._rmdir(name)

    async def _bulk_delete(self, pathlist: Sequence[str], **kwargs: object) -> list[str]:
        """Remove the objects of a list, all in one bucket, by their names; return their paths."""
        del kwargs
        if len({self.parse_ref(path).url.bucket for path in pathlist}) > 1:
            message = "Bulk delete files should refer to only one bucket"
            raise ConfigError(message)
        names = [self._strip_protocol(path) for path in pathlist]
        try:
            await self._rm_named(names)
        finally:
            self.invalidate_cache()
        return names

    async def _cp_file(
        self,
        path1: str,
        path2: str,
        preserve_etag: bool | None = None,
        remove_source: bool = False,
        **kwargs: object,
    ) -> None:
        """Copy an object inside S3, with its metadata, tags and storage class, whatever its size.

        S3's parameters of a write replace those of the source. ``remove_source`` removes the source afterwards, if it
        is still the version that was copied. Raises ObjectChangedError if not, PathIsDirectoryError for a directory.
        """
        source, target = require_key(self.parse_ref(path1)), self._writable(path2)
        if remove_source and source.url == target and source.version_id in {None, NULL_VERSION}:
            message = f"{path1!r} cannot be moved to {path2!r}, which is the same object; nothing was changed"
            raise InvalidPathError(message, path=path1)
        kwargs.pop("mode", None)
        options = self.writing(kwargs)
        try:
            with s3fs_errors():
                copied = await copy_object(self.session(), source, target, options, preserve_etag=bool(preserve_etag))
            if remove_source:
                await delete_copied(self.session(), source, copied, options.get("sse_customer_key"))
        finally:
            self.invalidate_cache(path2)
            if remove_source:
                self.invalidate_cache(path1)

    async def _copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        on_error: str | None = None,
        maxdepth: int | None = None,
        batch_size: int | None = None,
        remove_source: bool = False,
        **kwargs: Any,
    ) -> None:
        """Copy objects by fsspec's rules of where each of them goes; directories are what their objects make them.

        ``on_error="ignore"``, the default of a recursive copy, passes over objects that are missing. Raises
        InvalidPathError, before any change, where a copy would replace another copy or another source.
        """
        pairs = await self._copy_pairs(path1, path2, recursive=recursive, maxdepth=maxdepth)
        check_objects(pairs, self.parse_ref, moves=remove_source)

        async def copy(pair: Pair) -> None:
            await self._cp_file(*pair, remove_source=remove_source, **kwargs)

        outcomes = await self.run_all(copy, pairs, batch_size, raises=False)
        ignores = on_error == "ignore" or (on_error is None and recursive)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not (ignores and isinstance(outcome, FileNotFoundError)):
                raise outcome

    async def _copy_pairs(self, path1: Any, path2: Any, *, recursive: bool, maxdepth: int | None) -> list[Pair]:
        if isinstance(path1, list) and isinstance(path2, list):
            return list(zip(path1, path2, strict=True))
        names, objects = await self.sources(path1, recursive=recursive, maxdepth=maxdepth)
        into = isinstance(path2, str) and (path2.endswith("/") or await self._isdir(path2))
        bare = [self.without_version(name) for name in names]
        pairs = pairs_of(self.without_version(path1), bare, path2, into=into)
        return [(name, target) for name, (_, target) in zip(names, pairs, strict=True) if name in objects]

    async def _mv_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Move an object: copy it, then remove the source."""
        await self._cp_file(path1, path2, remove_source=True, **kwargs)

    async def _mv(
        self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any
    ) -> None:
        """Move objects: each is removed when its copy is there, and nothing else is removed.

        Nothing is done where both paths name one object. Raises InvalidPathError, before any change, where an object
        would take the place of another that is to be moved, or two would become one. Raises ObjectChangedError
        for an object that was written to meanwhile; it stays, and its old bytes are at the target.
        """
        kwargs.pop("on_error", None)
        if not kwargs and (path1 == path2 or self._is_same_object(path1, path2)):
            return
        await self._copy(
            path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise", remove_source=True, **kwargs
        )

    def _is_same_object(self, path1: Any, path2: Any) -> bool:
        is_text = isinstance(path1, str) and isinstance(path2, str)
        return is_text and self.parse_ref(self._strip_protocol(path1)) == self.parse_ref(self._strip_protocol(path2))

    async def _mkdir(
        self,
        path: str,
        acl: str | bool = False,
        create_parents: bool = True,
        region_name: str | None = None,
        **kwargs: object,
    ) -> None:
        """Make a bucket; a directory in one needs nothing, and makes its bucket where ``create_parents`` says so.

        Raises BucketExistsError, which is a FileExistsError, for a bucket that is there.
        """
        del kwargs
        url = self.parse_ref(self._strip_protocol(path)).url.require_bucket()
        there = await _has_bucket(self.session(), url)
        if there and url.key:
            return
        if url.key and not create_parents:
            message = f"There is no bucket {url.bucket!r} to make a directory in"
            raise ObjectNotFoundError(message, path=str(url))
        config = self._settings.config
        session = self._sessions.get(config.with_options(region=region_name) if region_name else config)
        try:
            await Bucket(url.with_key(""), session=session).create()
            if acl:
                await self._call_s3("put_bucket_acl", Bucket=url.bucket, ACL=acl)
        finally:
            self.invalidate_cache(url.bucket)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a bucket if the path's is missing; raise FileExistsError for one that is there, unless ``exist_ok``."""
        try:
            await self._mkdir(path, create_parents=True)
        except FileExistsError:
            if not exist_ok:
                raise

    async def _rmdir(self, path: str) -> None:
        """Delete an empty bucket; raise FileExistsError for a directory in one, whose objects ``rm`` removes."""
        url = self.parse_ref(self._strip_protocol(path)).url.require_bucket()
        if not url.key:
            try:
                await Bucket(url, session=self.session()).delete()
            finally:
                self.invalidate_cache(url.bucket)
            return
        if await self._exists(path):
            message = f"{path!r} is no bucket; rm(path, recursive=True) removes what is below it"
            raise ObjectExistsError(message, path=str(url))
        message = f"There is no directory at {url}"
        raise ObjectNotFoundError(message, path=str(url))

    async def _touch(self, path: str, truncate: bool = True, data: object = None, **kwargs: object) -> None:
        """Write an empty object, also one whose key ends in ``/``: a directory's marker.

        Raises ValueError, and changes nothing, for an object that is there with ``truncate=False``.
        """
        del data
        ref = require_key(self.parse_ref(path))
        if ref.version_id is not None or (not truncate and await self._exists(path)):
            message = f"{path!r} is there, and S3 has no way to change the time of an object or a version"
            raise ValueError(message)
        try:
            await store_empty(self.session(), ref.url, self.writing(kwargs), create=not truncate)
        finally:
            self.invalidate_cache(path)

    async def _call_s3(self, method: str, *parameters: dict[str, Any], **kwargs: Any) -> Any:
        """Call one of S3's operations through aiobotocore, by the name of its client's method."""
        raise NotImplementedError


async def _delete_keys(session: Session, bucket: S3Url, keys: list[str]) -> None:
    counters = TransferCounters()
    batches: Iterable[list[str]] = [keys[start : start + MAX_KEYS] for start in range(0, len(keys), MAX_KEYS)]
    await for_each(as_async(batches), lambda batch: delete_batch(session, bucket, batch, counters), REQUESTS_AT_ONCE)
    counters.raise_if_failed(f"Removing {len(keys):,} objects of {bucket}", str(bucket))


async def _has_bucket(session: Session, url: S3Url) -> bool:
    """Return True for a bucket that exists, and for one that may not be looked at."""
    try:
        return await hasbucket(url, session=session)
    except AccessDeniedError:
        return True
