"""Descriptions, listings and trees; listings are kept for a few seconds."""

from __future__ import annotations

from contextlib import aclosing
from glob import has_magic
from typing import TYPE_CHECKING, Any

from aios3._buckets import Bucket
from aios3._namespace.account import buckets_of
from aios3._namespace.stat import hasbucket
from aios3._paths import S3Url
from aios3.errors import BucketNotFoundError, InvalidPathError, ObjectNotFoundError
from aios3.fsspec.base import Base
from aios3.fsspec.entries import (
    bucket_info,
    by_name,
    by_precedence,
    directory_info,
    head_info,
    version_info,
)
from aios3.fsspec.listing import below, describe, directories_of, directory, entries, is_directory, levels, names_below

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._session import Session
    from aios3.fsspec.entries import Info, Meaning

_ROOT = ("", "/")


class Names(Base):
    """The methods that look, and change nothing."""

    async def _info(
        self, path: str, bucket: object = None, key: object = None, refresh: bool = False, version_id: str | None = None
    ) -> Info:
        """Describe an object, a directory or a bucket.

        Raises ObjectNotFoundError, which is a FileNotFoundError.
        """
        del bucket, key  # s3fs's own calls pass them
        path = self._strip_protocol(path) + ("/" if str(path).endswith("/") and self._strip_protocol(path) else "")
        if path in _ROOT:
            return {"name": path, "size": 0, "type": "directory"}
        ref = self.parse_ref(path)
        version_id = self._version(version_id, ref.version_id)
        if not ref.url.key:
            await _require_bucket(self.session(), ref.url)
            return {**directory_info(ref.url.bucket), "VersionId": None}
        if version_id is not None:
            return head_info(ref.name, await self.described(ref.url, version_id))
        if not refresh and not self.version_aware:
            cached = self._remembered(ref.name)
            if cached is not None:
                return cached
        return await describe(self.session(), ref.url, self.looking())

    def _version(self, *version_ids: str | None) -> str | None:
        """Return the version that is named, in the path or beside it; raise ValueError where versions are not known."""
        named = {each for each in version_ids if each is not None}
        if named and not self.version_aware:
            message = "version_id cannot be specified if the filesystem is not version aware; give version_aware=True"
            raise ValueError(message)
        if len(named) > 1:
            message = f"The path and version_id name two versions: {' and '.join(sorted(named))}"
            raise ValueError(message)
        return next(iter(named), None)

    def _remembered(self, name: str) -> Info | None:
        """Return what a listing of a few seconds ago said of a path, if it was there."""
        try:
            listed = self.dircache[self._parent(name)]
        except KeyError:
            return None
        return next((dict(info) for info in listed if info["name"] == name), None)

    async def _ls(self, path: str, detail: bool = False, refresh: bool = False, versions: bool = False) -> list[Any]:
        """List a directory, or the buckets for an empty path: names, or entries with ``detail``.

        A listing is remembered for ``listings_expiry_time`` seconds; ``refresh`` asks S3 again. With ``versions``, all
        versions of the objects directly in the directory. Raises ObjectNotFoundError.
        """
        path = self._strip_protocol(path)
        if not versions and self.names_version(path):
            infos = [await self._version_entry(path)]
        elif versions:
            infos = await self._version_entries(path)
        else:
            infos = await self._entries(path, refresh=refresh)
        return infos if detail else sorted(info["name"] for info in infos)

    async def _entries(self, path: str, *, refresh: bool) -> list[Info]:
        if not refresh and path in self.dircache:
            try:
                return [dict(info) for info in self.dircache[path]]
            except KeyError:
                pass  # it expired between the two lines
        changes = self._changes
        if not path:
            infos = await self._buckets()
        else:
            infos = await self._directory(self.parse_ref(path).url)
        if changes == self._changes:  # else it may lack a write of this filesystem
            self.dircache[path] = [dict(info) for info in infos]
        return infos

    async def _buckets(self) -> list[Info]:
        if self.anon:
            return []  # an anonymous request names no account
        return [bucket_info(entry) for entry in await buckets_of(self.session(), S3Url(""))]

    async def _directory(self, url: S3Url) -> list[Info]:
        infos = await entries(self.session(), url)
        if infos or not url.key:
            return infos
        info = await describe(self.session(), url, self.looking())
        return [info] if info["type"] == "file" else []

    async def _version_entry(self, path: str) -> Info:
        """Describe the version that a path names, under that path; raise ObjectNotFoundError."""
        return {**await self._info(path), "name": self._strip_protocol(path)}

    async def _version_entries(self, path: str) -> list[Info]:
        if not self.version_aware:
            message = "versions cannot be specified if the filesystem is not version aware; give version_aware=True"
            raise ValueError(message)
        url = self.parse_ref(path).url
        bucket = Bucket(url.with_key(""), session=self.session())
        infos = []
        async with aclosing(bucket.list_versions(url.key)) as listed:
            async for version in listed:
                rest = version.key.removeprefix(url.prefix)
                is_here = version.key == url.key or (version.key != rest and "/" not in rest) or not url.key
                if is_here and not version.is_delete_marker and (url.key or "/" not in version.key):
                    infos.append(version_info(url.bucket, version))
        return sorted(infos, key=lambda info: str(info["Key"]))

    async def _exists(self, path: str, **kwargs: Any) -> bool:
        """Return True for an object or a directory. Rejected access is raised."""
        try:
            await self._info(path, **kwargs)
        except FileNotFoundError:
            return False
        return True

    async def _isfile(self, path: str) -> bool:
        """Return True for an object."""
        try:
            info = await self._info(path)
        except (FileNotFoundError, InvalidPathError):
            return False
        return bool(info["type"] == "file")

    async def _isdir(self, path: str) -> bool:
        """Return True if anything is stored below this path; a bucket is a directory, a version of an object none."""
        path = self._strip_protocol(path)
        if path in _ROOT:
            return True
        if self.names_version(path):
            return False
        try:
            url = self.parse_ref(path).url
            if not url.key:
                return await hasbucket(url, session=self.session())
            return await is_directory(self.session(), url)
        except (FileNotFoundError, InvalidPathError):
            return False

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool | None = False,
        detail: bool = False,
        prefix: str | None = "",
        refresh: bool = False,
        directories_first: bool = False,
        **kwargs: object,
    ) -> Any:
        """Return the objects below a path, or that at it: names, or a dictionary of entries with ``detail``.

        ``prefix`` keeps those whose path below ``path`` begins with it. Without ``maxdepth`` everything is listed by
        several requests at once; with it, directory by directory, those of one level at once. An object goes before a
        directory of the same name, unless ``directories_first``.
        """
        del refresh, kwargs
        path, prefix = self._strip_protocol(path), prefix or ""
        if maxdepth is None and not detail and not withdirs and not self.names_version(path):
            return await self._names_below(path, prefix)
        infos = await self._infos_below(path, maxdepth, prefix, withdirs=bool(withdirs))
        named = by_name(infos, directories_first=directories_first)
        return named if detail else list(named)

    async def _infos_below(self, path: str, maxdepth: int | None, prefix: str, *, withdirs: bool) -> list[Info]:
        if maxdepth is not None and maxdepth < 1:
            message = "maxdepth must be at least 1"
            raise ValueError(message)
        if self.names_version(path):
            return await self._version_infos(path)
        ref = self.parse_ref(_inside_bucket(path))
        session, url = self.session(), ref.url
        if maxdepth is None:
            files = await self._all_below(url, prefix)
            dirs = directories_of(files, path) if withdirs else []
        else:
            listed = await levels(session, url, maxdepth, prefix)
            files = [info for info in listed if info["type"] == "file"]
            dirs = [info for info in listed if info["type"] == "directory"] if withdirs else []
        if withdirs and url.key and not prefix and (files or dirs or await is_directory(session, url)):
            dirs.append(directory_info(path))
        if not files and not dirs and url.key and not prefix:
            return await self._object_at(path)
        return files + dirs

    async def _names_below(self, path: str, prefix: str) -> list[str]:
        url = self.parse_ref(_inside_bucket(path)).url
        names = await names_below(self.session(), url, prefix)
        if names or not url.key or prefix:
            return names
        return [info["name"] for info in await self._object_at(path)]

    async def _object_at(self, path: str) -> list[Info]:
        try:
            info = await self._info(path)
        except FileNotFoundError:
            return []
        return [info] if info["type"] == "file" else []

    async def _version_infos(self, path: str) -> list[Info]:
        try:
            return [await self._version_entry(path)]
        except FileNotFoundError:
            return []

    async def _all_below(self, url: S3Url, prefix: str) -> list[Info]:
        infos: list[Info] = []
        async with aclosing(below(self.session(), url, prefix)) as batches:
            async for batch in batches:
                infos += batch
        return infos

    async def find_iter(self, path: str, prefix: str = "") -> AsyncGenerator[Info, None]:
        """Yield the entries of all objects below a path as they are listed: none is kept, however many there are."""
        url = self._listed_url(path)
        async with aclosing(below(self.session(), url, prefix)) as batches:
            async for batch in batches:
                for info in batch:
                    yield info

    async def iterdir(self, path: str) -> AsyncGenerator[Info, None]:
        """Yield the entries of one directory as they are listed."""
        url = self._listed_url(path)
        async with aclosing(directory(self.session(), url)) as batches:
            async for batch in batches:
                for info in batch:
                    yield info

    def _listed_url(self, path: str) -> S3Url:
        if self.names_version(path):
            message = f"{path!r} names a version of an object, which has nothing below it"
            raise InvalidPathError(message, path=path)
        return self.parse_ref(_inside_bucket(self._strip_protocol(path))).url

    async def _glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Return what matches a pattern of fsspec; raise ValueError for one that goes through all buckets."""
        name = self._strip_protocol(path)
        if name.startswith("*"):
            message = "Cannot traverse all of S3"
            raise ValueError(message)
        if self.names_version(path):
            infos = by_name(await self._version_infos(name))
            return infos if kwargs.get("detail") else list(infos)
        if path.endswith("/") and has_magic(name):
            kwargs["directories_first"] = True  # the pattern means them alone
        return await super()._glob(path, maxdepth=maxdepth, **kwargs)

    async def _expand_path(
        self, path: Any, recursive: bool = False, maxdepth: int | None = None, assume_literal: bool = False
    ) -> list[str]:
        """Return the names of all that a path, a pattern or a list of them means."""
        return list(await self.expanded(path, recursive=recursive, maxdepth=maxdepth, literal=assume_literal))

    async def expanded(
        self, path: Any, *, recursive: bool = False, maxdepth: int | None = None, literal: bool = False
    ) -> dict[str, Meaning]:
        """Return all that a path, a pattern or a list of them means, by name, and what each is; None if not looked at.

        A path that names a version means that version, ``literal`` that no path is a pattern. An object goes before a
        directory of the same name. Raises ObjectNotFoundError if it means nothing, which is a FileNotFoundError.
        """
        if maxdepth is not None and maxdepth < 1:
            message = "maxdepth must be at least 1"
            raise ValueError(message)
        meanings: list[tuple[str, Meaning]] = []
        for each in [path] if isinstance(path, str) else list(path):
            if self.names_version(each):
                meanings.append((self._strip_protocol(each), None))
            elif not literal and has_magic(self._strip_protocol(each)):
                meanings += await self._matching(self._strip_protocol(each), recursive=recursive, maxdepth=maxdepth)
            elif recursive:
                meanings += await self._tree(each, maxdepth)
            else:
                meanings.append((self._strip_protocol(each), None))
        if not meanings:
            message = f"There is nothing at {path!r}"
            raise ObjectNotFoundError(message, path=str(path))
        return by_precedence(meanings)

    async def _matching(self, pattern: str, *, recursive: bool, maxdepth: int | None) -> list[tuple[str, Meaning]]:
        meanings = list((await self._glob(pattern, maxdepth=maxdepth, detail=True)).items())
        if not recursive or maxdepth == 1:
            return meanings
        deeper = None if maxdepth is None else maxdepth - 1

        async def below(name: str) -> list[tuple[str, Meaning]]:
            return await self._meanings_below(name, deeper)

        for more in await self.run_all(below, [name for name, _ in meanings]):
            meanings += more
        return meanings

    async def _tree(self, path: str, maxdepth: int | None) -> list[tuple[str, Meaning]]:
        """Return what is below a path, and the path itself if it is there; ``a/`` means the directory alone."""
        name = self._strip_protocol(path)
        meanings = await self._meanings_below(name, maxdepth)
        url = self.parse_ref(name).url
        if not url.key:
            is_there = bool(meanings) or await self._exists(name)
            return [*meanings, (name, directory_info(name))] if is_there else []
        has_more = any(each == name and meaning and meaning["type"] == "directory" for each, meaning in meanings)
        if not has_more or str(path).endswith("/") or not await self.is_object(url):
            return meanings
        return [*meanings, (name, None)]

    async def _meanings_below(self, name: str, maxdepth: int | None) -> list[tuple[str, Meaning]]:
        return list((await self._find(name, maxdepth=maxdepth, withdirs=True, detail=True)).items())

    async def _sizes(self, paths: list[str], batch_size: int | None = None) -> list[int]:
        """Return the sizes of objects, in the order of ``paths``."""
        return await self.run_all(self._size, paths, batch_size)

    def without_version(self, path: Any) -> Any:
        """Return a path without the version that it names; a list as it is."""
        return path.partition("?versionId=")[0] if self.names_version(path) else path

    def names_version(self, path: Any) -> bool:
        """Return True for a path with ``?versionId=``, whose question mark is not that of a pattern."""
        return self.version_aware and isinstance(path, str) and "?versionId=" in path

    async def _walk(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> AsyncGenerator[Any, None]:
        """Yield ``(path, dirs, files)`` of a directory and of those below it."""
        if self._strip_protocol(path) in {"", "*"}:
            message = "Cannot crawl all of S3"
            raise ValueError(message)
        async with aclosing(super()._walk(path, maxdepth=maxdepth, **kwargs)) as steps:
            async for step in steps:
                yield step

    async def _du(
        self, path: str, total: bool = True, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any
    ) -> Any:
        """Return the bytes below a path, in all or by name, from one listing."""
        infos = await self._find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes = {name: info["size"] for name, info in infos.items()}
        return sum(sizes.values()) if total else sizes


def _inside_bucket(path: str) -> str:
    if path in _ROOT:
        message = "Cannot traverse all of S3; name a bucket"
        raise InvalidPathError(message, path=path)
    return path


async def _require_bucket(session: Session, url: S3Url) -> None:
    if not await hasbucket(url, session=session):
        message = f"There is no bucket {url}"
        raise BucketNotFoundError(message, path=str(url))
