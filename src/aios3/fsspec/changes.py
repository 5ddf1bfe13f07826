"""Copies, moves and removals; directories and buckets."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aios3._buckets import Bucket
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.stat import hasbucket
from aios3._paths import S3Url
from aios3._s3_constants import MAX_KEYS
from aios3._trees.delete_keys import REQUESTS_AT_ONCE
from aios3._trees.removing import delete_batch, remove_below
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import AccessDeniedError, ConfigError, ObjectExistsError, ObjectNotFoundError
from aios3.fsspec.base import s3fs_errors
from aios3.fsspec.copying import copy_object, store_empty
from aios3.fsspec.data import Data
from aios3.fsspec.paths import require_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._session import Session


class Changes(Data):
    """The methods that change names."""

    async def _rm_file(self, path: str, **kwargs: object) -> None:
        """Remove one object, or one version of it; a missing one raises nothing, as in S3."""
        del kwargs
        place = require_key(self.place(path))
        try:
            backend = await self.session().backend(place.url)
            await backend.delete_object(place.url, place.version_id)
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

        One request removes 1,000 objects. Raises PartialFailureError, which names every key that is still there;
        ObjectNotFoundError if a recursive removal finds nothing.
        """
        del batch_size, kwargs
        paths = [path] if isinstance(path, str) else list(path)
        plain = recursive and maxdepth is None
        try:
            for each_path in paths if plain else ():
                await self._rm_tree(each_path)
            if not plain:
                await self._rm_expanded(paths, recursive=recursive, maxdepth=maxdepth)
        finally:
            for each_path in paths:
                self.invalidate_cache(each_path.partition("*")[0])
            self._changes += 1
            self.dircache.clear()

    async def _rm_tree(self, path: str) -> None:
        names: list[str] = [self._strip_protocol(path)]
        if any(mark in names[0] for mark in "*?["):
            names = await self._expand_path(path)
        for name in names:
            url = self.place(name).url
            if url.key:
                await _remove_all(self.session(), url)
            else:
                await Bucket(url, session=self.session()).delete(force=True)

    async def _rm_expanded(self, paths: list[str], *, recursive: bool, maxdepth: int | None) -> None:
        names = await self._expand_path(paths, recursive=recursive, maxdepth=maxdepth)
        by_bucket: dict[str, list[str]] = defaultdict(list)
        for name in names:
            place = self.place(name)
            if place.version_id is not None:
                await self._rm_file(name)
            elif place.url.key:
                by_bucket[place.url.bucket].append(place.url.key)
        for bucket, keys in by_bucket.items():
            await _delete_keys(self.session(), S3Url(bucket), keys)
        for name in names:
            if not self.place(name).url.key:
                await self._rmdir(name)

    async def _bulk_delete(self, pathlist: Sequence[str], **kwargs: object) -> list[str]:
        """Remove the objects of a list, all in one bucket; return their paths."""
        del kwargs
        if len({self.place(path).url.bucket for path in pathlist}) > 1:
            message = "Bulk delete files should refer to only one bucket"
            raise ConfigError(message)
        if pathlist:
            await self._rm_expanded(list(pathlist), recursive=False, maxdepth=None)
            self.invalidate_cache()
        return [self._strip_protocol(path) for path in pathlist]

    async def _cp_file(
        self,
        path1: str,
        path2: str,
        preserve_etag: bool | None = None,
        remove_source: bool = False,
        **kwargs: object,
    ) -> None:
        """Copy an object inside S3, with its metadata, tags and storage class, whatever its size.

        S3's parameters of a write replace those of the source. Of a directory nothing is copied: S3 has none.
        ``remove_source`` removes the source afterwards.
        """
        source, target = require_key(self.place(path1)), require_key(self.place(path2))
        if target.version_id is not None:
            message = f"{path2!r} names a version, and versions cannot be written to"
            raise ConfigError(message)
        kwargs.pop("mode", None)
        options = self.writing(kwargs)
        try:
            with s3fs_errors():
                await copy_object(self.session(), source, target.url, options, preserve_etag=bool(preserve_etag))
            if remove_source:
                await self._rm_file(path1)
        except IsADirectoryError:
            return
        finally:
            self.invalidate_cache(path2)

    async def _copy(self, path1: Any, path2: Any, *args: Any, **kwargs: Any) -> None:
        """Copy objects by fsspec's rules of where each of them goes; a version of one goes to ``path2``."""
        if self.names_version(path1):
            await self._cp_file(path1, path2)
        else:
            await super()._copy(path1, path2, *args, **kwargs)

    async def _mv_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Move an object: copy it, then remove the source."""
        await self._cp_file(path1, path2, remove_source=True, **kwargs)

    async def _mv(
        self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any
    ) -> None:
        """Move objects: each is removed when its copy is there, and nothing else is removed."""
        if path1 == path2:
            return
        kwargs.pop("on_error", None)
        await self._copy(
            path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise", remove_source=True, **kwargs
        )

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
        url = self.place(self._strip_protocol(path)).url.require_bucket()
        there = await _has_bucket(self.session(), url)
        if there and url.key:
            return
        if url.key and not create_parents:
            message = f"There is no bucket {url.bucket!r} to make a directory in"
            raise ObjectNotFoundError(message, path=str(url))
        config = self._settings.config
        session = self._sessions.get(config.with_options(region=region_name) if region_name else config)
        await Bucket(url.with_key(""), session=session).create()
        if acl:
            await self._call_s3("put_bucket_acl", Bucket=url.bucket, ACL=acl)
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
        url = self.place(self._strip_protocol(path)).url.require_bucket()
        if not url.key:
            await Bucket(url, session=self.session()).delete()
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
        place = require_key(self.place(path))
        if place.version_id is not None or (not truncate and await self._exists(path)):
            message = f"{path!r} is there, and S3 has no way to change the time of an object or a version"
            raise ValueError(message)
        try:
            await store_empty(self.session(), place.url, self.writing(kwargs), create=not truncate)
        finally:
            self.invalidate_cache(path)

    async def _call_s3(self, method: str, *parameters: dict[str, Any], **kwargs: Any) -> Any:
        """Call one of S3's operations through aiobotocore, by the name of its client's method."""
        raise NotImplementedError


async def _remove_all(session: Session, url: S3Url) -> None:
    """Remove the object at ``url`` and all that is below it; raise ObjectNotFoundError if there is nothing."""
    there = None if url.names_directory else await head_or_none(session, url)
    if there is not None:
        await (await session.backend(url)).delete_object(url)
    if not await remove_below(session, url) and there is None:
        message = f"There is nothing to remove at {url}"
        raise ObjectNotFoundError(message, path=str(url))


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
