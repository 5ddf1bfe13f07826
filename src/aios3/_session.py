"""Sessions: one configuration, its connections, its memory, on one event loop; and the default one of each loop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from functools import partial
from typing import TYPE_CHECKING, cast

from aios3._closing import SessionCloser, SessionResources, seconds_to_close, untracked_generators
from aios3._config import Config
from aios3._engine.active_calls import closing_error
from aios3._engine.backoff import retry_delay
from aios3._engine.cleanup_thread import run_in_cleanup_thread
from aios3._engine.limiter import AdaptiveLimiter
from aios3._engine.memory_budget import MemoryBudget
from aios3._engine.opening_latencies import OpeningLatencies
from aios3._engine.retry_policy import RetryPolicy
from aios3._engine.tasks import start_shielded, wait_all
from aios3._logs import get_logger
from aios3._observe import Observer
from aios3._session_exit import end_at_exit
from aios3._settings import settings_of_arguments
from aios3._transport import Transport
from aios3.errors import ClosedHandleError, ConfigError, S3Error, WrongLoopError, worth_retrying

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Future
    from types import AsyncGeneratorType, TracebackType
    from typing import Self
    from weakref import WeakSet

    from typing_extensions import Unpack

    from aios3._backend import BucketAddress
    from aios3._calls import AdminBackend, ObjectBackend
    from aios3._closing import SessionOwned
    from aios3._config import ConfigOptions
    from aios3._credentials import CredentialCache
    from aios3._descriptions import BucketDescription
    from aios3._engine.tasks import OwnedTasks
    from aios3._events import SessionStats
    from aios3._paths import S3Url
    from aios3._settings import Checksums, Settings

    Abort = Callable[[], Coroutine[object, object, None]]

_ABORT_ATTEMPTS = 3

_log = get_logger("aios3.session")


class Session:
    """One configuration with its connections, its memory budget and its limit of requests in flight.

    ``overrides`` are fields of :class:`aios3.Config`. A session belongs to the event loop on which it is first used,
    and to the process that made it. Use it with ``async with``, or call :meth:`aclose`; files that are still open then
    are closed, and writers among them aborted. A pickled session carries its settings, never connections.

    Raises ConfigError for settings that do not exist or contradict each other.
    """

    def __init__(self, config: Config | None = None, **overrides: Unpack[ConfigOptions]) -> None:
        if config is not None and not isinstance(config, Config):
            message = f"Session takes a Config and keyword arguments, not {type(config).__name__}"
            raise ConfigError(message)
        self.config: Config = (config or Config()).with_options(**overrides)
        self.budget: MemoryBudget = MemoryBudget(self.config.memory_budget)
        self.key_order: dict[tuple[str | None, str], bool] = {}
        """True if buckets, by profile and name, are listed in key order, as far as listings have shown."""
        self.deferred_errors: list[Exception] = []
        """Errors of work that was not waited for, such as a pipe's with ``join=False``; closing the session raises
        them."""
        self.observer: Observer = Observer(self.config.on_request)
        self.opening_latencies: OpeningLatencies = OpeningLatencies()
        """How soon each bucket's server has responded, by profile and name of the bucket."""
        self.observed_checksum: str | None = None
        """The algorithm of the last checksum that a server has reported of an object."""
        self.policy: RetryPolicy = _policy_of(self.config)
        """The retries after failures, and the number of requests in flight."""
        self._settings: dict[str | None, Settings] = {}
        self._resources: SessionResources = SessionResources(self.budget, self.policy, self.observer)
        self.tasks: OwnedTasks = self._resources.tasks
        """Tasks that outlive the calls that have started them."""
        self.promised: OwnedTasks = self._resources.promised
        """Tasks that callers rely on; closing the session waits for them."""
        self._owned: WeakSet[SessionOwned] = self._resources.owned
        self._uploads: dict[str, S3Url] = self._resources.uploads
        self._transports: dict[str | None, Transport] = {}
        self.equal_part_buckets: set[tuple[str | None, str]] = set()
        """Profiles and buckets whose servers have rejected an upload for parts of different sizes."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._end: SessionCloser | None = None
        self._closing: asyncio.Task[None] | None = None
        self._closed = False
        self.closer: AsyncGeneratorType[None, None] | None = None
        """Closes the session when its loop shuts down, until the session is closed."""

    def __repr__(self) -> str:
        state = "closed" if self._closed else "closing" if self._closing else "open" if self._loop else "unused"
        return f"<aios3.Session {self.config.endpoint_url or 'default endpoint'} {state}>"

    def __reduce__(self) -> tuple[type[Session], tuple[Config]]:
        return type(self), (self.config,)

    async def __aenter__(self) -> Self:
        self.bind()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()
        if exc_type is None:
            self._raise_deferred()

    @property
    def closed(self) -> bool:
        """Return whether :meth:`aclose` was called."""
        return self._closed or self._closing is not None

    @property
    def has_ended(self) -> bool:
        """Return whether it has given everything back; while it is only closing, uploads are still being aborted."""
        return self._closed

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the session belongs to; None before its first use."""
        return self._loop

    def bind(self) -> None:
        """Make the session belong to the running loop, if it belongs to none yet.

        Raises WrongLoopError on another loop or in another process than its own, ClosedHandleError when it is closed.
        """
        running = asyncio.get_running_loop()
        if self._loop is running and self._pid == os.getpid() and self._closing is None and not self._closed:
            return
        if self._closed:
            message = "This aios3.Session is closed; make a new one"
            raise ClosedHandleError(message)
        if self._closing is not None:
            raise closing_error()
        if self._loop is None:
            self._loop = running
            self._pid = os.getpid()
            end_at_exit(self)
            self.closer = _started(_close_with_loop(self))
        self._check_loop()

    def _check_loop(self) -> None:
        if self._pid != os.getpid():
            message = "This aios3.Session belongs to the parent process; make a new one after a fork"
            raise WrongLoopError(message)
        if self._loop is not asyncio.get_running_loop():
            message = "This aios3.Session belongs to another event loop; make one session a loop"
            raise WrongLoopError(message)

    async def backend(self, url: S3Url) -> ObjectBackend:
        """Return what sends the requests for ``url``; made at first use."""
        return self.cached_backend(url) or await self._transport(url.profile).backend(url.bucket)

    def cached_backend(self, url: S3Url) -> ObjectBackend | None:
        """Return what sends the requests for ``url``; None if its bucket was not asked for before."""
        return self._transport(url.profile).cached_backend(url.bucket)

    async def admin(self, url: S3Url) -> AdminBackend:
        """Return what administers the bucket of ``url``, or the account if it names none."""
        return await self._transport(url.profile).admin(url.bucket)

    async def address(self, url: S3Url) -> BucketAddress:
        """Return where requests for the bucket of ``url`` go; nothing is sent to find out."""
        return await self._transport(url.profile).locate(url.bucket)

    def _transport(self, profile: str | None) -> Transport:
        if self._closing is None:
            self.bind()
        elif self._closed:
            raise closing_error()  # until then uploads are still aborted
        transport = self._transports.get(profile)
        if transport is None:
            config = self.config_for(profile)
            on_settings = partial(self._settings.__setitem__, profile)
            transport = _make_transport(config, config.profile, self.policy, self.observer, on_settings)
            self._transports[profile] = self._resources.transports[profile] = transport
        return transport

    def checksums_at(self, url: S3Url) -> Checksums:
        """Return what is done about checksums of objects at ``url``; its backend was asked for before."""
        return self._settings_at(url).checksums

    def policy_at(self, url: S3Url) -> RetryPolicy:
        """Return what happens after failures at ``url``, whose backend was asked for before."""
        return self.policy.with_attempts(self._settings_at(url).max_attempts)

    async def settings_for(self, profile: str | None) -> Settings:
        """Return what holds for ``profile``; read once, at its first use."""
        return await self._transport(profile).read()

    def credential_cache_for(self, profile: str | None) -> CredentialCache:
        """Return the credential cache of ``profile``."""
        return self._transport(profile).credential_cache

    def _settings_at(self, url: S3Url) -> Settings:
        return self._settings.get(url.profile) or settings_of_arguments(self.config)

    def describe(self) -> dict[str, BucketDescription]:
        """Return how each bucket that was used so far is reached, by bucket path: where, as whom, through what."""
        return {
            each.path: each for profile, transport in self._transports.items() for each in transport.describe(profile)
        }

    def stats(self) -> SessionStats:
        """Return what the session has done since it was made, and what it holds now."""
        return self.observer.stats(
            hedges=self.policy.hedger.sent if self.policy.hedger is not None else 0,
            open_connections=sum(transport.open_connections for transport in self._transports.values()),
            budget_used=self.budget.used,
            budget_limit=self.budget.limit,
        )

    def config_for(self, profile: str | None) -> Config:
        """Return the settings that reach a path with this profile."""
        if profile is None:
            return self.config
        # A path that names a profile says who signs; the session's credentials are those of another profile.
        return dataclasses.replace(self.config, profile=profile, credentials=None)

    def register(self, handle: SessionOwned) -> None:
        """Close ``handle`` with the session, if it is still open then; the session does not keep it alive."""
        self._owned.add(handle)

    def unregister(self, handle: SessionOwned) -> None:
        """Forget a handle that has been closed."""
        self._owned.discard(handle)

    def track_upload(self, url: S3Url, upload_id: str) -> None:
        """Note an upload that is open: the session aborts it when it closes, unless it has ended."""
        self._uploads[upload_id] = url

    def untrack_upload(self, upload_id: str) -> None:
        """Note that an upload is open no more."""
        self._uploads.pop(upload_id, None)

    def has_upload(self, upload_id: str) -> bool:
        """Return whether an upload is an open one of this session."""
        return upload_id in self._uploads

    def abort_orphan(self, url: S3Url, upload_id: str | None, abort: Abort) -> None:
        """Have ``abort`` end an upload whose writer was collected; from any thread, with or without a loop.

        A loop that has ended cannot do it any more: then the upload is aborted on another one, if its id is known.
        """
        if self._pid != os.getpid():
            return
        loop = self._loop
        if loop is not None and loop.is_running() and not self._closed:
            loop.call_soon_threadsafe(self._start_abort, url, abort)
        elif upload_id is not None:
            self._abort_elsewhere([upload_id], wait=True)

    def close_from_thread(self) -> Future[None] | None:
        """Have the session closed by its loop, which runs in another thread; None if it runs no more."""
        loop = self._loop
        if loop is None or not loop.is_running() or self._pid != os.getpid():
            return None
        closing = self._close()
        try:
            return asyncio.run_coroutine_threadsafe(closing, loop)
        except RuntimeError:  # the loop was closed just now
            closing.close()
            return None

    def abort_at_exit(self) -> None:
        """Have all uploads aborted that are open: the interpreter ends, and the loop has stopped."""
        if self._pid == os.getpid():
            self._abort_elsewhere(list(self._uploads), wait=False)

    def _abort_elsewhere(self, upload_ids: Sequence[str], *, wait: bool) -> None:
        """Abort uploads on another loop; those that are open no more are left out."""
        uploads = {
            upload_id: url for upload_id in upload_ids if (url := self._uploads.pop(upload_id, None)) is not None
        }
        if uploads:
            name = f"aios3 abort {', '.join(map(str, uploads.values()))}"
            run_in_cleanup_thread(partial(_abort_anew, self.config, uploads), name, wait=wait)

    def _start_abort(self, url: S3Url, abort: Abort) -> None:
        self.tasks.start(abort(), name=f"aios3 abort {url}", shielded=True)

    async def abort_upload(self, url: S3Url, upload_id: str) -> None:
        """Abort a multipart upload, and log instead of raising: the caller already has an error to raise.

        It has attempts of its own, whatever the configuration says of others: what stays open costs money.
        """
        for failures in range(1, _ABORT_ATTEMPTS + 1):
            try:
                await (await self.backend(url)).abort_multipart_upload(url, upload_id)
            except S3Error as error:
                if self._closed and upload_id not in self._uploads:
                    return  # the end of the session has done it
                if failures == _ABORT_ATTEMPTS or not worth_retrying(error):
                    _log.warning("The upload %s of %s is still open and may cost space: %s", upload_id, url, error)
                    return
                await asyncio.sleep(retry_delay(failures))
            else:
                self.untrack_upload(upload_id)
                return

    async def aclose(self) -> None:
        """Abort open writers, close open readers, stop what is under way, then close all connections. Safe to repeat.

        From now on the session takes no new work: it raises ClosedHandleError, and so does what was under way. It ends
        within twice ``connect_timeout`` and ``read_timeout`` together, the time that a server may take to begin an
        upload and to abort it. Hooks and connections may take 20 seconds more. What pipes that were closed with
        ``join=False`` still have to send is waited for before that. A cancellation shortens the wait for the server to
        5 seconds. Uploads whose end the server has not confirmed by then are named in the log.

        Raises the error of a write that was closed with ``join=False`` and not waited for since.
        """
        await self._close()
        self._raise_deferred()

    def _raise_deferred(self) -> None:
        late, self.deferred_errors = self.deferred_errors, []
        if late:
            raise late[0]  # each of them has been logged

    async def _close(self) -> None:
        if self._pid != os.getpid() or (self._closed and self._closing is None):
            return
        if self._loop is None or self._loop.is_closed():
            self._closed = True
            return
        self._check_loop()
        if self._closing is None:
            self._end = SessionCloser(self._resources, seconds_to_close(self.config), self.abort_upload)
            self._closing = start_shielded(self._close_all(self._end), name="aios3 close session")
        assert self._end is not None
        try:
            await asyncio.wait({self._closing})
        except asyncio.CancelledError:
            self._end.hurry()
            await wait_all({self._closing})
            raise
        self._closing.result()

    async def _close_all(self, end: SessionCloser) -> None:
        await end.run()
        self._closed = True
        closer, self.closer = self.closer, None
        if closer is not None:
            await closer.aclose()
        await end.disconnect()


def current_session(session: Session | None) -> Session:
    """Return ``session``, or the running loop's default session; raise WrongLoopError if it belongs to another loop."""
    if session is None:
        return _default_session()
    if not isinstance(session, Session):
        message = f"session must be an aios3.Session, not {type(session).__name__}"
        raise ConfigError(message)
    session.bind()
    return session


_defaults: dict[int, Session] = {}
"""The default session of each loop, by the loop's id."""


def _default_session() -> Session:
    loop = asyncio.get_running_loop()
    session = _defaults.get(id(loop))
    if session is not None and session.loop is loop and not session.has_ended:
        session.bind()
        return session
    _forget_closed_loops()
    session = Session()
    session.bind()
    _defaults[id(loop)] = session
    return session


async def _close_with_loop(session: Session) -> AsyncGenerator[None, None]:
    """Close ``session`` when the loop shuts down.

    A loop finalises the async generators that were started on it (``loop.shutdown_asyncgens``, which ``asyncio.run``
    calls). So one that is started and kept is the only public hook for "before this loop ends".
    """
    defaults = _defaults  # at the end of the interpreter the module has lost its names
    try:
        yield
    finally:
        session.closer = None  # it is under way: "ag_running" is False where it began by a cancellation (CPython 3.11)
        if defaults.get(id(session.loop)) is session:
            del defaults[id(session.loop)]
        if not session.closed:
            with untracked_generators():
                await session.aclose()


def _started(closer: AsyncGenerator[None, None]) -> AsyncGeneratorType[None, None]:
    with contextlib.suppress(StopIteration):
        closer.__anext__().send(None)
    return cast("AsyncGeneratorType[None, None]", closer)


def _forget_closed_loops() -> None:
    for key, session in list(_defaults.items()):
        if session.loop is None or session.loop.is_closed():
            del _defaults[key]


def _policy_of(config: Config) -> RetryPolicy:
    attempts = settings_of_arguments(config).max_attempts
    limiter = AdaptiveLimiter(config.max_concurrency, max_rate=config.max_requests_per_second)
    hedging = 0.0 if config.max_requests_per_second else config.hedging or 0.0  # requests that wait their turn are slow
    return RetryPolicy(attempts, limiter, hedging=hedging, max_bytes_per_second=config.max_bytes_per_second)


def _make_transport(
    config: Config,
    profile: str | None,
    policy: RetryPolicy,
    observer: Observer,
    on_settings: Callable[[Settings], None],
) -> Transport:
    return Transport(config, profile, policy, observer, on_settings)


async def _abort_anew(config: Config, uploads: Mapping[str, S3Url]) -> None:
    async with Session(config) as session, asyncio.TaskGroup() as group:
        for upload_id, url in uploads.items():
            group.create_task(session.abort_upload(url, upload_id), name=f"aios3 abort {url}")
