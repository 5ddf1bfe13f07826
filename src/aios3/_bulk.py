"""Verbs on many objects: read, write, describe or delete them, many at once, within bounds of requests and memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from typing_extensions import Buffer

from aios3._arguments import check_arguments
from aios3._engine.worker_pool import WorkerLimits, WorkerPool
from aios3._handles.opening import WriterOptions
from aios3._namespace import stat
from aios3._objects import read_bytes, write_bytes
from aios3._paths import AnyPath, S3Url
from aios3._s3_constants import MAX_KEYS
from aios3._session import current_session
from aios3.errors import ClosedHandleError, ConfigError, InvalidPathError, S3Error, WrongLoopError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from typing import Self, Unpack

    from aios3._config import Config
    from aios3._entries import StatResult, WriteResult
    from aios3._session import Session

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")

_Many = Iterable[ItemT] | AsyncIterable[ItemT]

WriteItem = tuple[AnyPath, Buffer] | tuple[AnyPath, Buffer, WriterOptions]
"""One item for :func:`write_many`: a path, its content, and options."""

_DELETIONS_AT_ONCE = 8
"""S3 counts every key of a request for 1,000."""

OnError = Literal["raise", "return"]
"""The handling of one item's failure."""


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """The result of :func:`aios3.read_many` for one path, which is as it was given."""

    path: AnyPath
    _data: bytes | None = field(repr=False)
    error: S3Error | None = None

    @property
    def data(self) -> bytes:
        """The object's bytes; raises ``error`` if there is one."""
        return _unwrap(self._data, self.error)


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """The result of :func:`aios3.write_many` for one item; the path is as it was given."""

    path: AnyPath
    _result: WriteResult | None = field(repr=False)
    error: S3Error | None = None

    @property
    def result(self) -> WriteResult:
        """The response of S3; raises ``error`` if there is one."""
        return _unwrap(self._result, self.error)


@dataclass(frozen=True, slots=True)
class StatOutcome:
    """The result of :func:`aios3.stat_many` for one path, which is as it was given."""

    path: AnyPath
    _stat: StatResult | None = field(repr=False)
    error: S3Error | None = None

    @property
    def stat(self) -> StatResult:
        """The description; raises ``error`` if there is one."""
        return _unwrap(self._stat, self.error)


@dataclass(frozen=True, slots=True)
class RemoveOutcome:
    """The result of :func:`aios3.remove_many` for one path, which is as it was given."""

    path: AnyPath
    error: S3Error | None = None
    """Why the object is still there; None if it is gone."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Objects of one bucket, which one request deletes, by their keys; a path may be given twice."""

    url: S3Url | None
    """None for a path that names no object; then ``error`` says so."""
    paths: Mapping[str, Sequence[AnyPath]]
    error: S3Error | None = None


@dataclass(frozen=True, slots=True)
class _BatchOutcome:
    outcomes: Sequence[RemoveOutcome]
    error: S3Error | None = None


OutcomeT = TypeVar("OutcomeT", ReadOutcome, WriteOutcome, StatOutcome, _BatchOutcome)


def _unwrap(value: ValueT | None, error: S3Error | None) -> ValueT:
    if error is not None:
        raise error
    assert value is not None
    return value


async def read_many(
    paths: Iterable[AnyPath] | AsyncIterable[AnyPath],
    *,
    ordered: bool = False,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: Session | None = None,
) -> AsyncGenerator[ReadOutcome, None]:
    """Read many objects at once; yield a :class:`ReadOutcome` for each as it is ready, or in order if ``ordered``.

    ``paths`` may be any iterable, async or not, of any length: a path is taken when there is room for it. At most
    ``concurrency`` objects (by default the session's ``max_concurrency``) are read at once, each as
    :func:`read_bytes` reads it. As many may wait for you, and while their bytes exceed the session's
    ``memory_budget``, no further one is started.

    With ``on_error="raise"`` the first failure is raised after the outcomes before it, and the rest is not read. With
    ``"return"`` it becomes the ``error`` of its outcome. What ``paths`` raises is raised in both cases. Leaving early
    cancels what is under way. Raises ConfigError for arguments that make no sense.
    """
    check_arguments(ordered=ordered, on_error=on_error, concurrency=concurrency)
    current = current_session(session)

    async def read(path: AnyPath) -> ReadOutcome:
        try:
            return ReadOutcome(path, await read_bytes(path, session=current))
        except S3Error as error:
            return ReadOutcome(path, None, _as_item_error(error))

    async with _Bulk(current, _check_iterable(paths), read, _Settings(ordered, on_error, concurrency)) as bulk:
        while bulk.ready or await bulk.wait_ready():
            yield bulk.pop()


async def write_many(
    items: Iterable[WriteItem] | AsyncIterable[WriteItem],
    *,
    ordered: bool = False,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> AsyncGenerator[WriteOutcome, None]:
    """Write many objects at once; yield a :class:`WriteOutcome` for each as it is done, or in order if ``ordered``.

    An item is ``(path, data)``, or ``(path, data, options)`` with options of its own, which go before ``options``,
    those of all; they are the options of :func:`aopen`. Each object is written as :func:`write_bytes` writes it:
    visible as a whole, or not at all. Nothing happens unless you go through the outcomes. For the rest see
    :func:`read_many`; what was written before a failure stays written.
    """
    check_arguments(ordered=ordered, on_error=on_error, concurrency=concurrency)
    current = current_session(session)

    async def write(item: WriteItem) -> WriteOutcome:
        path, data, own = _parts(item)
        how: WriterOptions = {**options, **own}
        try:
            return WriteOutcome(path, await write_bytes(path, data, session=current, **how))
        except S3Error as error:
            return WriteOutcome(path, None, _as_item_error(error))

    async with _Bulk(current, _check_iterable(items), write, _Settings(ordered, on_error, concurrency)) as bulk:
        while bulk.ready or await bulk.wait_ready():
            yield bulk.pop()


async def stat_many(
    paths: Iterable[AnyPath] | AsyncIterable[AnyPath],
    *,
    ordered: bool = False,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: Session | None = None,
) -> AsyncGenerator[StatOutcome, None]:
    """Describe many paths at once; yield a :class:`StatOutcome` for each as it is known, or in order if ``ordered``.

    Each path is described as :func:`stat` describes it. For the rest see :func:`read_many`. To describe all that is
    below a path, :func:`scan_stat` needs a thousandth of the requests.
    """
    check_arguments(ordered=ordered, on_error=on_error, concurrency=concurrency)
    current = current_session(session)

    async def describe(path: AnyPath) -> StatOutcome:
        try:
            return StatOutcome(path, await stat(path, session=current))
        except S3Error as error:
            return StatOutcome(path, None, _as_item_error(error))

    async with _Bulk(current, _check_iterable(paths), describe, _Settings(ordered, on_error, concurrency)) as bulk:
        while bulk.ready or await bulk.wait_ready():
            yield bulk.pop()


async def remove_many(
    paths: Iterable[AnyPath] | AsyncIterable[AnyPath],
    *,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: Session | None = None,
) -> AsyncGenerator[RemoveOutcome, None]:
    """Delete many objects, 1,000 of a bucket in a request; yield a :class:`RemoveOutcome` for each as it is known.

    A path is one object, also where it ends in ``/``: that is the marker of a directory, and :func:`remove` is for what
    is below. S3 does not say whether an object was there, so a missing one is not an error. Requests wait for 1,000
    paths of a bucket or for the end of ``paths``. At most ``concurrency`` (8) of them are sent at once. Nothing happens
    unless you go through the outcomes. For the rest see :func:`read_many`.
    """
    check_arguments(on_error=on_error, concurrency=concurrency)
    current = current_session(session)
    settings = _Settings(ordered=False, on_error=on_error, concurrency=concurrency or _DELETIONS_AT_ONCE)
    batches = _batches(_check_iterable(paths))
    async with _Bulk(current, batches, partial(_remove_batch, current), replace(settings, on_error="return")) as bulk:
        while bulk.ready or await bulk.wait_ready():
            for outcome in bulk.pop().outcomes:
                if outcome.error is not None and on_error == "raise":
                    raise outcome.error
                yield outcome


async def _batches(paths: _Many[AnyPath]) -> AsyncGenerator[_Batch, None]:
    pending: dict[S3Url, dict[str, list[AnyPath]]] = {}
    async with aclosing(_as_async(paths)) as source:
        async for path in source:
            try:
                url = _object_url(path)
            except S3Error as error:
                yield _Batch(None, {"": [path]}, error)
                continue
            bucket = url.with_key("")
            keys = pending.setdefault(bucket, {})
            keys.setdefault(url.key, []).append(path)
            if len(keys) == MAX_KEYS:
                yield _Batch(bucket, pending.pop(bucket))
    for bucket, keys in pending.items():
        yield _Batch(bucket, keys)


def _object_url(path: AnyPath) -> S3Url:
    url = S3Url.parse(path).require_bucket()
    if not url.key:
        message = f"{url} names no object, so it cannot be removed"
        raise InvalidPathError(message, path=str(url))
    return url


async def _as_async(items: _Many[ItemT]) -> AsyncGenerator[ItemT, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def _remove_batch(session: Session, batch: _Batch) -> _BatchOutcome:
    from aios3._trees.delete_keys import delete_keys  # noqa: PLC0415 - most programs only read

    failed: Mapping[str, S3Error]
    try:
        if batch.url is None:
            assert batch.error is not None
            raise batch.error
        failed = await delete_keys(session, batch.url, list(batch.paths))
    except S3Error as error:
        failed = dict.fromkeys(batch.paths, _as_item_error(error))
    return _BatchOutcome([RemoveOutcome(path, failed.get(key)) for key, paths in batch.paths.items() for path in paths])


def _parts(item: WriteItem) -> tuple[AnyPath, Buffer, WriterOptions]:
    match item:
        case (path, data):
            return path, data, {}
        case (path, data, options):
            return path, data, options
    message = f"An item of write_many() is (path, data) or (path, data, options), not {item!r:.100}"
    raise ConfigError(message)


def _check_iterable(items: _Many[ItemT]) -> _Many[ItemT]:
    """Return ``items``; raise ConfigError for a single path, and for an object that is not iterable."""
    argument: object = items
    if isinstance(argument, (str, bytes, S3Url)) or not isinstance(argument, (Iterable, AsyncIterable)):
        message = f"Give an iterable of items, such as a list, not {type(argument).__name__}"
        raise ConfigError(message)
    return items


def _as_item_error(error: S3Error) -> S3Error:
    """Return ``error``; raise it if all items would fail with it."""
    if isinstance(error, (ClosedHandleError, WrongLoopError)):
        raise error
    return error


@dataclass(frozen=True, slots=True)
class _Settings:
    ordered: bool
    on_error: OnError
    concurrency: int | None

    def __post_init__(self) -> None:
        if self.on_error not in {"raise", "return"}:
            message = f"on_error must be 'raise' or 'return', not {self.on_error!r}"
            raise ConfigError(message)
        if self.concurrency is not None and self.concurrency < 1:
            message = f"concurrency must be at least 1, not {self.concurrency}"
            raise ConfigError(message)

    def limits(self, config: Config) -> WorkerLimits:
        return WorkerLimits(self.concurrency or config.max_concurrency, config.memory_budget, self.ordered)


class _Bulk(Generic[ItemT, OutcomeT]):
    """One call of a bulk verb: its worker pool, which ends with the call, and which the session ends when it closes."""

    def __init__(
        self,
        session: Session,
        items: _Many[ItemT],
        work: Callable[[ItemT], Awaitable[OutcomeT]],
        settings: _Settings,
    ) -> None:
        self._session = session
        self._raises = settings.on_error == "raise"
        self._pool: WorkerPool[ItemT, OutcomeT] = WorkerPool(
            items, work, settings.limits(session.config), _pending_bytes
        )

    async def __aenter__(self) -> Self:
        self._session.register(self._pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._session.unregister(self._pool)
        await self._pool.release()

    @property
    def ready(self) -> bool:
        return self._pool.ready and not self._pool.closed

    async def wait_ready(self) -> bool:
        """Wait until an outcome is ready; False when there are no more. Raises what ended the work."""
        is_ready = await self._pool.wait_ready()
        if self._pool.closed:
            message = "The session was closed while many objects were under way"
            raise ClosedHandleError(message)
        return is_ready

    def pop(self) -> OutcomeT:
        """Return the outcome that is ready; raise its failure if that ends the call."""
        outcome = self._pool.pop()
        if outcome.error is not None and self._raises:
            raise outcome.error
        return outcome


def _pending_bytes(outcome: ReadOutcome | WriteOutcome | StatOutcome | _BatchOutcome) -> int:
    """Return how many bytes an outcome keeps."""
    return len(outcome.data) if isinstance(outcome, ReadOutcome) and outcome.error is None else 0
