"""Pages of listings: the one stream of them, what is on a page, and fetching the next while this one is worked on.

A page, or what was made of one, is the unit in here; single entries exist only in the public generators. No stream
yields while a task group or cancel scope is open.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from contextlib import aclosing, nullcontext
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aios3._backend import ListPage
from aios3._engine.tasks import OwnedTasks
from aios3._logs import get_logger
from aios3._namespace.directory_bounds import DELIMITER
from aios3._namespace.key_order import is_directory_bucket, lists_in_key_order, note_key_order
from aios3._namespace.listing_plan import ListingPlan, invalid_listing, no_continuation
from aios3._namespace.pagination import Pagination, RepetitionError
from aios3._paths import S3Url
from aios3.errors import BucketNotFoundError, ClosedHandleError, ObjectNotFoundError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable
    from typing import Self

    from aios3._namespace.listing_plan import KeyRange
    from aios3._paths import AnyPath
    from aios3._session import Session

T = TypeVar("T")

_log = get_logger("aios3.listing")

MAX_PREFETCHED = 16
"""How many directories are listed ahead of the one that is being worked on, at most; the session may allow fewer."""


async def pages(
    tasks: ListingTasks, url: S3Url, delimiter: str = "", *, parallel: bool = True
) -> AsyncGenerator[ListPage, None]:
    """Yield the pages of the names that begin with ``url.key``, in key order if the server lists in it.

    Directory buckets take no prefix that does not end in ``/``: there the directory around ``url.key`` is listed. One
    page is asked for at first; while pages are taken, more and more at once, unless not ``parallel``. The error of a
    request is raised after the names before it.
    """
    if is_directory_bucket(url) and not url.names_directory:
        async with aclosing(pages(tasks, url.with_key(url.key[: url.key.rfind("/") + 1]), delimiter)) as enclosing:
            async for each in enclosing:
                yield _with_prefix(url.key, each)
        return
    backend = await tasks.session.backend(url)
    parallel = parallel and lists_in_key_order(tasks.session, url) is not False
    plan = ListingPlan(url, delimiter, width=tasks.session.config.max_concurrency if parallel else 1)
    in_flight: dict[asyncio.Task[ListPage], KeyRange | None] = {}
    try:
        while not plan.finished:
            directory = plan.directory_to_list()
            if directory is not None:
                survey = backend.list_objects(url.with_key(directory), delimiter=DELIMITER)
                in_flight[tasks.start(survey)] = None
            for key_range in plan.requests():
                after = "" if key_range.token else key_range.lower
                call = backend.list_objects(url, delimiter=delimiter, token=key_range.token, start_after=after)
                in_flight[tasks.start(call)] = key_range
            page = plan.next_page()
            if page is not None:
                note_key_order(tasks.session, url, in_order=plan.in_key_order, names=len(page.keys))
                yield page
            elif in_flight:
                await _wait_for_page(tasks, plan, in_flight)
    finally:
        for task in in_flight:
            task.cancel()  # ListingTasks waits for it


def _with_prefix(prefix: str, page: ListPage) -> ListPage:
    """Return the names of ``page`` that begin with ``prefix``."""
    positions = [position for position, key in enumerate(page.keys) if key.startswith(prefix)]
    keys, stats = [page.keys[position] for position in positions], [page.stats[position] for position in positions]
    return ListPage(keys, stats, [each for each in page.prefixes if each.startswith(prefix)], page.token)


async def _wait_for_page(
    tasks: ListingTasks, plan: ListingPlan, in_flight: dict[asyncio.Task[ListPage], KeyRange | None]
) -> None:
    """Wait until at least one page has come, and hand the plan all that have."""
    done, _ = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
    tasks.check_open()
    for task in done:
        key_range = in_flight.pop(task)
        error = task.exception()
        if key_range is None:
            if error is None:
                plan.on_directories(task.result())
            else:
                _log.debug("no directories of a listing are known, which makes it slower: %s", error)
        elif error is None:
            plan.on_page(key_range, task.result())
        else:
            plan.on_error(key_range, error)


async def first_page(session: Session, url: S3Url, max_keys: int = 1) -> ListPage:
    """Return the first few keys that begin with ``url.key``; a page without keys says that there are none."""
    backend = await session.backend(url)
    page = await backend.list_objects(url, max_keys=max_keys)
    pagination = Pagination("")
    while not page.keys and page.token is not None:
        try:
            pagination.accept(page)
        except RepetitionError as error:
            raise invalid_listing(url, str(error)) from error
        if not page.token:
            raise no_continuation(url)
        page = await backend.list_objects(url, token=page.token, max_keys=max_keys)
    return page


def merge_page(page: ListPage) -> list[tuple[str, int | None]]:
    """Merge a page's keys, each with its position, and its prefixes, with None; without the directory's own marker."""
    keys = [(key, position) for position, key in enumerate(page.keys) if not key.endswith("/")]
    return sorted([*keys, *((prefix, None) for prefix in page.prefixes)], key=lambda item: item[0])


def directory_path(root: S3Url, prefix: str, end: str = "") -> str:
    """Write the path of the directory ``prefix``, followed by ``end`` (empty or ``/``).

    A directory whose name is empty keeps its ``/``: ``a`` and ``a/`` are one directory, but ``a//`` is another.
    """
    if not prefix:
        return f"{root.with_key('')}{end}"
    path = str(root.with_key(prefix))
    is_nameless = prefix == "/" or prefix.endswith("//")
    return path if is_nameless or end else path[:-1]


def parse_inside_bucket(path: AnyPath, verb: str) -> S3Url:
    """Parse ``path``; raise UnsupportedError for ``s3://``, because ``verb`` never goes through all buckets."""
    url = S3Url.parse(path)
    if not url.bucket:
        message = f"{verb} works inside one bucket, and {str(url)!r} has none; aios3.listdir('s3://') lists the buckets"
        raise UnsupportedError(message, path=str(url))
    return url


class ListingTasks:
    """One listing under way: the session it asks, and everything that fetches ahead for it.

    The streams in here are nested generators, and Python may close any of them at any time. A loop that shuts down
    closes all; the garbage collector closes each one it finds. So none of them waits when it is closed; only the public
    generator does, in here, until every task of its listing has ended.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.closed: bool = False
        self._tasks = OwnedTasks()
        self._streams: set[Prefetched[Any]] = set()

    async def __aenter__(self) -> Self:
        self.session.register(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.session.unregister(self)
        await self.release()

    def prefetch(self, source: AsyncGenerator[T, None]) -> Prefetched[T]:
        """Begin to fetch from ``source``."""
        stream = Prefetched(self, source)
        self._streams.add(stream)
        return stream

    def start(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Start a task of this listing.

        Its error is raised where the task is awaited, and dropped if the task is not awaited.
        """
        task = self._tasks.start(work, name="aios3 listing ahead")
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    def check_open(self) -> None:
        """Raise ClosedHandleError if the session has ended this listing."""
        if self.closed:
            message = "The session was closed while this listing was under way"
            raise ClosedHandleError(message)

    def discard(self, stream: Prefetched[T]) -> None:
        """Note that a stream has ended."""
        self._streams.discard(stream)

    async def release(self) -> None:
        """Stop everything and wait until it has stopped. Safe to repeat, from any task."""
        self.closed = True
        try:
            await self._tasks.aclose()
        finally:
            while self._streams:
                await self._streams.pop().source.aclose()


class Prefetched(Generic[T]):
    """An async iterator that fetches the next item of ``source`` while the consumer works on the one before.

    The first one is under way at once.
    """

    def __init__(self, tasks: ListingTasks, source: AsyncGenerator[T, None]) -> None:
        self.source = source
        self._listing_tasks = tasks
        self._next = self._fetch()

    def _fetch(self) -> asyncio.Task[T | None]:
        return self._listing_tasks.start(_next_or_none(self.source))

    def __aiter__(self) -> Prefetched[T]:
        return self

    async def __anext__(self) -> T:
        await asyncio.wait([self._next])  # distinguishes the task's cancellation from the caller's
        self._listing_tasks.check_open()
        item = self._next.result()
        if item is None:
            self._listing_tasks.discard(self)
            raise StopAsyncIteration
        self._next = self._fetch()
        return item


async def _next_or_none(source: AsyncGenerator[T, None]) -> T | None:
    return await anext(source, None)


async def prefetch_batches(
    tasks: ListingTasks, source: AsyncGenerator[T, None], path: str, *, missing_ok: bool, ahead: bool = True
) -> AsyncGenerator[T, None]:
    """Yield what ``source`` yields, one item ahead of the consumer if ``ahead``.

    Without any item: raise ObjectNotFoundError, or end, as ``missing_ok`` says; also where the bucket is missing.
    """
    seen_any = False
    stream: AsyncIterator[T] = tasks.prefetch(source) if ahead else source
    try:
        async with nullcontext() if ahead else aclosing(source):
            async for item in stream:
                seen_any = True
                yield item
    except BucketNotFoundError:
        if seen_any or not missing_ok:
            raise
    if not seen_any and not missing_ok:
        message = f"Nothing matches {path!r}"
        raise ObjectNotFoundError(message, path=path)


async def concat_prefetched(tasks: ListingTasks, sources: Iterable[AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
    """Yield all of each source, one source after the other, while the first items of the next ones are on their way.

    How many are asked ahead doubles with each source, so that whoever leaves early has not asked for much.
    """
    upcoming = iter(sources)
    streams: deque[Prefetched[T]] = deque()
    width = 1
    while True:
        streams.extend(map(tasks.prefetch, itertools.islice(upcoming, width - len(streams))))
        if not streams:
            return
        async for item in streams.popleft():
            yield item
        width = min(2 * width, MAX_PREFETCHED)


async def gather(calls: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Run ``calls`` at once and return their responses in order; the first failure stops the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
