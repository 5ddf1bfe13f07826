"""The base of all parts of the filesystem: its options, sessions and identity, and its cache of listings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fsspec.asyn import _get_batch_size

from aios3._backend import GetOptions
from aios3._handles.follow_links import head_or_none
from aios3._loop_sessions import LoopSessions
from aios3._trees.runner import as_async, for_each
from aios3.errors import ConfigError, InvalidRangeError, reworded
from aios3.fsspec.options import check_names, settings_of
from aios3.fsspec.paths import parse_ref
from aios3.fsspec.untyped import AsyncFileSystem
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.fsspec.options import Settings
    from aios3.fsspec.paths import ObjectRef

T = TypeVar("T")

_SECRET = frozenset({
    "secret", "password", "token", "aws_secret_access_key", "aws_session_token", "SSECustomerKey", "SSECustomerKeyMD5",
})  # fmt: skip
_NO_LIMIT = -1
"""As ``batch_size``: everything at once."""
_OF_THE_PROCESS = frozenset({"loop", "asynchronous", "skip_instance_cache", "batch_size", "session"})


class Base(AsyncFileSystem):
    """The options and sessions of one filesystem."""

    protocol: str | tuple[str, ...] = ("s3", "s3a", "aios3")
    root_marker = ""
    mirror_sync_methods = False
    """The blocking methods belong to the class here, and not to each instance."""
    default_block_size: int | None = None
    """Bytes of a block where the options do not say; None: 8 MiB."""
    _extra_tokenize_attributes: ClassVar[tuple[str, ...]] = ("default_block_size",)

    def __init__(
        self,
        anon: bool = False,
        endpoint_url: str | None = None,
        key: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        use_ssl: bool = True,
        client_kwargs: Mapping[str, object] | None = None,
        requester_pays: bool = False,
        default_block_size: int | None = None,
        default_fill_cache: bool = True,
        default_cache_type: str = "readahead",
        version_aware: bool = False,
        config_kwargs: Mapping[str, object] | None = None,
        s3_additional_kwargs: Mapping[str, object] | None = None,
        session: object = None,
        username: str | None = None,
        password: str | None = None,
        cache_regions: bool = False,
        asynchronous: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        max_concurrency: int | None = None,
        fixed_upload_size: bool = False,
        local_expiry_check: bool = False,
        **kwargs: object,
    ) -> None:
        if self._cached:
            return  # fsspec hands out the same instance again
        arguments = {name: value for name, value in locals().items() if name not in {"self", "kwargs", "__class__"}}
        check_names(kwargs)
        self._settings: Settings = settings_of({**arguments, **kwargs}, type(self).default_block_size)
        self._token: str = _token_of(type(self), {**arguments, **kwargs}, self._settings.block_size)
        super().__init__(
            asynchronous=asynchronous,
            loop=loop or _NO_LOOP,
            batch_size=kwargs.get("batch_size"),
            **self._settings.listings,
        )
        self.anon: bool = anon
        self.key: str | None = key or username
        self.secret: str | None = secret or password
        self.token: str | None = token
        self.endpoint_url: str | None = self._settings.config.endpoint_url
        self.version_aware: bool = version_aware
        self.requester_pays: bool = requester_pays
        self.default_block_size: int = self._settings.block_size
        self.blocksize: int = self._settings.block_size
        self.default_fill_cache: bool = default_fill_cache
        self.default_cache_type: str = check_cache_type(default_cache_type)
        self.s3_additional_kwargs: dict[str, Any] = dict(s3_additional_kwargs or {})
        self.given_loop: asyncio.AbstractEventLoop | None = loop
        self._sessions = LoopSessions()
        self._changes = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the blocking methods: the one that was given, or the background loop of aios3.sync."""
        return self.given_loop or _loop_thread.get_loop_thread().loop

    def session(self, *, requester_pays: bool | None = None) -> Session:
        """Return the session of the running loop; ``requester_pays`` says otherwise than the filesystem's option."""
        config = self._settings.config
        if requester_pays is not None and requester_pays != (config.request_payer is not None):
            config = config.with_options(request_payer="requester" if requester_pays else None)
        return self._sessions.get(config)

    def looking(self, version_id: str | None = None) -> GetOptions:
        """Return how an object is described: a HEAD needs the key that it is encrypted with (SSE-C)."""
        return GetOptions(version_id, sse_customer_key=self._settings.sse_customer_key)

    async def described(self, url: S3Url, version_id: str | None = None) -> StatResult:
        """Describe a version of an object, or the latest; raise ObjectNotFoundError."""
        backend = await self.session().backend(url)
        return await backend.head_object(url, self.looking(version_id))

    async def is_object(self, url: S3Url) -> bool:
        """Return True if there is an object at ``url``."""
        return await head_or_none(self.session(), url, self.looking()) is not None

    def parse_ref(self, path: str) -> ObjectRef:
        """Take a path of this filesystem apart."""
        return parse_ref(path, self.protocol, version_aware=self.version_aware)

    async def aclose(self) -> None:
        """Close the connections of the running loop; they are made anew when they are needed."""
        for session in self._sessions.here():
            await session.aclose()

    async def run_all(
        self,
        work: Callable[[T], Coroutine[object, object, object]],
        items: Sequence[T],
        batch_size: int | None = None,
        *,
        raises: bool = True,
        opens_files: bool = False,
        on_done: Callable[[int], object] | None = None,
    ) -> list[Any]:
        """Run ``work`` on every item, ``batch_size`` at once; return the results, in the order of the items.

        The first failure ends all; without ``raises``, failures stand among the results. A cancellation ends all, and
        is raised when nothing runs any more. ``on_done`` is called with 1 after each item.
        """
        results: list[Any] = [None] * len(items)

        async def run(numbered: tuple[int, T]) -> None:
            position, item = numbered
            try:
                results[position] = await work(item)
            except Exception as error:
                if raises:
                    raise
                results[position] = error
            if on_done is not None:
                on_done(1)

        width = self._width(len(items), batch_size, opens_files=opens_files)
        await for_each(as_async(enumerate(items)), run, width)
        return results

    def _width(self, count: int, batch_size: int | None, *, opens_files: bool) -> int:
        width: int = batch_size or self.batch_size or _get_batch_size(nofiles=not opens_files)
        if width == _NO_LIMIT:
            return max(count, 1)
        if width < 1:
            message = f"batch_size must be a positive number, or -1 for no limit, not {width}"
            raise ConfigError(message)
        return width

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """Return the one spelling of a path that listings are remembered by: no protocol, no ``/`` at its ends."""
        stripped = super()._strip_protocol(path)
        return stripped if isinstance(stripped, list) else stripped.lstrip("/")

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget the listings of ``path`` and of the directories around it; without a path, all."""
        self._changes += 1
        if path is None:
            self.dircache.clear()
            return
        name: str = self._strip_protocol(path)
        while name:
            self.dircache.pop(name.rstrip("/"), None)
            name = name.rpartition("/")[0]
        self.dircache.pop("", None)

    @property
    def fsid(self) -> str:
        """The identity of this filesystem's server."""
        return f"s3_{self.endpoint_url or 'amazonaws.com'}"

    @property
    def _fs_token(self) -> str:
        return self._token

    def __dask_tokenize__(self) -> str:
        return self._token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._token == other._token

    def __hash__(self) -> int:
        return int(self._token, 16)

    @staticmethod
    def _get_kwargs_from_urls(urlpath: str) -> dict[str, object]:
        return {"version_aware": True} if "?versionId=" in urlpath else {}


class _NoLoop:
    """Stands where fsspec would start a thread of its own for an unused loop."""


_NO_LOOP = _NoLoop()


def check_cache_type(name: str) -> str:
    """Return ``name``; raise ValueError for a kind of cache that fsspec does not know."""
    from fsspec.caching import caches  # noqa: PLC0415 - slow to import, and seldom needed

    if name not in caches:
        names = ", ".join(sorted(map(repr, caches)))
        message = f"Unknown cache_type {name!r}; fsspec knows {names}"
        raise ValueError(message)
    return name


def _token_of(cls: type, options: Mapping[str, object], block_size: int) -> str:
    """Return a token that equal settings share in all processes; secrets and the process are not part of it."""
    settings = {name: _plain(value) for name, value in options.items() if name not in _SECRET | _OF_THE_PROCESS}
    text = json.dumps([cls.__module__, cls.__qualname__, block_size, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if name not in _SECRET}
    return value if isinstance(value, (str, int, float, bool)) or value is None else type(value).__qualname__


@contextmanager
def s3fs_errors() -> Iterator[None]:
    """Raise aios3's errors as callers of s3fs know them: zarr looks for "not satisfiable" in that of a range."""
    try:
        yield
    except InvalidRangeError as error:
        message = f"{error.message} (the requested range is not satisfiable)"
        raise reworded(error, message) from error
