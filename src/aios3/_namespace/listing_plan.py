"""Which pages to ask for next, so that a listing runs in parallel and comes out in key order. Decides; does no I/O.

The names that begin with a prefix are split into key ranges. A key range lists the names after its lower bound, page
after page, up to its upper bound. Bounds need not exist as names, so a bad bound costs a request and never a name. A
key range that has received a page may be split again, after the pages that it is expected to fill. The number of key
ranges thus doubles with each round trip, while the consumer takes pages. Where names are in directories, these are
better bounds than any guess, and known all at once (:mod:`aios3._namespace.directory_bounds`).

Some servers ignore ``start-after``. The first key range is listed by continuation alone, and the second must begin
where the first ends. Only then is that server's ``start-after`` trusted. Otherwise the first key range goes on by
itself to the end, and nothing of the others is used.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3._backend import ListPage
from aios3._namespace.directory_bounds import DirectoryBounds
from aios3._namespace.pagination import Pagination, RepetitionError, names_of, without
from aios3._namespace.split_points import KeySample, sort_key, split_points
from aios3._namespace.split_record import SplitRecord
from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._paths import S3Url

MAX_REQUESTS = 16
"""The most requests of one listing that are in flight."""
PAGES_PER_RANGE = 4
"""Pages that a key range is meant to have. Each costs half a page that is listed twice; all wait for those before."""
MAX_PAGES = 6 * MAX_REQUESTS
"""The most pages of one listing that are in flight or wait for the consumer."""
_PAGES_BEFORE_PARALLEL = 2
"""A consumer that takes this many pages is expected to take all."""
_LOOKBACK_PAGES = 8
"""Pages to look back for how fast names go by. Names that count up in directories do not go by evenly."""


@dataclass(eq=False, slots=True)
class KeyRange:
    """The names after ``lower`` up to ``upper``, and the pages received of it.

    ::

        busy   done   error   pages    state
        no     no     no      any      waits for a free request, which may also split it
        yes    no     no      any      a page is requested; it may be split meanwhile
        no     yes    no      some     listed up to ``upper``; the consumer has not taken all
        no     yes    no      none     finished: removed when the consumer gets there
        no     any    yes     any      the pages are taken first, then the error is raised

    The first key range is done and not finished while it has an ``overflow_page``. The first page of the second key
    range shows whether the server supports ``start-after``.
    """

    lower: str
    upper: str | None = None
    token: str | None = None
    pages: deque[ListPage] = field(default_factory=deque)
    overflow_page: ListPage | None = None
    """The last page with the names after ``upper``, kept whole until the server is trusted."""
    names: Sequence[str] = ()
    """Those of the latest page, whether they are in the key range or not."""
    first: str | None = None
    """The first name that was listed, whether it is in the key range or not."""
    page_starts: deque[str] = field(default_factory=lambda: deque(maxlen=_LOOKBACK_PAGES))
    """The first names of its pages."""
    pages_arrived: int = 0
    resplit_after: int = 1
    """How many pages must have arrived before the key range is split again."""
    busy: bool = False
    done: bool = False
    error: BaseException | None = None
    pagination: Pagination = field(init=False)

    def __post_init__(self) -> None:
        self.pagination = Pagination(self.lower)

    @property
    def buffered_pages(self) -> int:
        """How many pages are in memory."""
        return len(self.pages) + (self.overflow_page is not None)

    @property
    def expected_pages(self) -> int:
        """How many pages will be in memory, if the key range has as many as it is meant to have."""
        return self.buffered_pages + (0 if self.done else max(1, PAGES_PER_RANGE - self.pages_arrived))


class ListingPlan:
    """One listing: its key ranges in key order, of which the consumer is in the first one."""

    def __init__(self, url: S3Url, delimiter: str = "", *, width: int = MAX_REQUESTS) -> None:
        """Plan to list what begins with ``url.key``, with up to ``width`` requests in flight; 1 is not parallel."""
        self.key_ranges = [KeyRange(lower="")]
        self.in_key_order: bool = True
        """True if all pages so far were in key order."""
        self._url = url
        self._delimiter = delimiter
        self._most = min(width, MAX_REQUESTS)
        self._parallel = width > 1
        self._start_after_works = False
        self._pages_consumed = 0
        self._splits = SplitRecord(MAX_REQUESTS)
        self._passed_starts: deque[str] = deque(maxlen=_LOOKBACK_PAGES)
        self._directories = DirectoryBounds(url.key, PAGES_PER_RANGE)
        self._start: str | None = None

    @property
    def finished(self) -> bool:
        """Return whether everything has been taken."""
        return not self.key_ranges

    def requests(self) -> list[KeyRange]:
        """Return the key ranges to request a page of now, nearest first; each is busy until its response."""
        width = self._width()
        busy = buffered = 0
        for key_range in self.key_ranges:
            busy += key_range.busy
            buffered += key_range.buffered_pages
        free = min(width - busy, (width if width == 1 else MAX_PAGES) - busy - buffered)
        requested = [
            key_range for position, key_range in enumerate(self.key_ranges) if self._wants(key_range, position)
        ]
        requested = requested[: max(free, self._consumer_waits(requested))]
        if width > 1:
            requested += self._split(free - len(requested), width * PAGES_PER_RANGE)
        for key_range in requested:
            key_range.busy = True
        return requested

    def directory_to_list(self) -> str | None:
        """Return the directory whose directories are to be listed now, because they would be good bounds."""
        if self._width() == 1 or self._delimiter or self._start is None or not self.key_ranges[0].names:
            return None
        return self._directories.request_for(self._start, self.key_ranges[0].names[-1])

    def on_directories(self, page: ListPage) -> None:
        """Take the page of a survey."""
        key_range = self.key_ranges[0] if self.key_ranges else None
        if key_range is not None and key_range.names:
            self._directories.add_listing(page, key_range.names[-1], self._pages_consumed + len(key_range.pages))

    def _width(self) -> int:
        """Return how many requests may be in flight: one for the first pages, then thrice as many for each page."""
        if not self._parallel or self._pages_consumed < _PAGES_BEFORE_PARALLEL:
            return 1
        page_count = self._pages_consumed + bool(self.key_ranges[0].pages)  # that page is taken next
        return min(self._most, MAX_REQUESTS if page_count > _PAGES_BEFORE_PARALLEL + 1 else 3 ** (page_count - 1))

    def _wants(self, key_range: KeyRange, position: int) -> bool:
        idle = not (key_range.busy or key_range.done or key_range.error)
        return idle and (position == 0 or len(key_range.pages) < 2 * PAGES_PER_RANGE)

    def _consumer_waits(self, candidates: list[KeyRange]) -> bool:
        """Return whether the consumer waits for a page that is not asked for: it goes before every limit."""
        return bool(candidates) and candidates[0] is self.key_ranges[0] and not candidates[0].pages

    def _split(self, free: int, pages: int) -> list[KeyRange]:
        """Split key ranges, nearest first, into up to ``free`` more, until ``pages`` are expected before the next."""
        new_ranges: list[KeyRange] = []
        page_starts = _PageStarts(self._passed_starts)
        if not any(_may_split(key_range) or self._directory_bounds(key_range, 1) for key_range in self.key_ranges):
            return new_ranges
        for key_range in list(self.key_ranges):
            if len(new_ranges) >= free:
                break
            sample = page_starts.follow(key_range)
            pages -= key_range.expected_pages
            if pages <= 0:
                break
            most = min(free - len(new_ranges), -(-pages // PAGES_PER_RANGE))
            bounds = self._directory_bounds(key_range, most)
            if not bounds:
                if not _may_split(key_range) or self._splits.is_too_wasteful:
                    continue
                bounds = self._extrapolate(key_range, sample, min(self._splits.splits, most))
            new = self._split_at(key_range, bounds)
            pages -= PAGES_PER_RANGE * len(new)
            new_ranges += new
            # Nothing new is known of it before the next page, nor of a bounded one before it is longer than meant.
            key_range.resplit_after = max(
                key_range.pages_arrived + 1, 0 if key_range.upper is None else PAGES_PER_RANGE
            )
        return new_ranges

    def _directory_bounds(self, key_range: KeyRange, most: int) -> list[str]:
        """Return bounds that are known to be good, after all names received of ``key_range``."""
        if key_range.done or key_range.error:
            return []
        return self._directories.between(
            key_range.names[-1] if key_range.names else key_range.lower, key_range.upper, most
        )

    def _extrapolate(self, key_range: KeyRange, sample: KeySample, most: int) -> list[str]:
        return split_points(
            sample, self._url.key, key_range.upper, pages=PAGES_PER_RANGE, most=most, delimiter=self._delimiter
        )

    def _split_at(self, key_range: KeyRange, bounds: Sequence[str]) -> list[KeyRange]:
        new_ranges: list[KeyRange] = []
        for bound in reversed(bounds):
            new_ranges.append(KeyRange(bound, key_range.upper))
            key_range.upper = bound
        index = self.key_ranges.index(key_range) + 1
        self.key_ranges[index:index] = reversed(new_ranges)
        return new_ranges

    def on_page(self, key_range: KeyRange, page: ListPage) -> None:
        """Take a page that was asked for."""
        key_range.busy = False
        if key_range not in self.key_ranges:
            return
        if key_range.lower and not key_range.names:
            page = _without_lower(page, key_range.lower)
        try:
            page = key_range.pagination.accept(page)
        except RepetitionError as error:
            self.on_error(key_range, invalid_listing(self._url, str(error)))
            return
        self.in_key_order = self.in_key_order and key_range.pagination.in_key_order
        if self._parallel and not key_range.pagination.in_key_order:
            if self._start_after_works:
                key_range.error = invalid_listing(
                    self._url, f"{key_range.pagination.order_violation}; list with parallel=False"
                )
                return
            self._list_sequentially()
        if key_range not in self.key_ranges:
            return
        if not page.token and page.token is not None:
            key_range.error = no_continuation(self._url)
        if self._parallel:
            self._add_page(key_range, page)
        else:
            key_range.pages.append(page)
            key_range.token, key_range.done = page.token, page.token is None

    def on_error(self, key_range: KeyRange, error: BaseException) -> None:
        """Note that a request has failed: that is raised when the consumer gets there."""
        key_range.busy = False
        if key_range is not self.key_ranges[0] and not self._start_after_works:
            self._list_sequentially()  # the server may refuse to begin anywhere but at the start
        else:
            key_range.error = error

    def _add_page(self, key_range: KeyRange, page: ListPage) -> None:
        names = names_of(page)
        size = len(page.keys) + len(page.prefixes)
        inside = trim_page(page, key_range.upper)
        inside_count = len(inside.keys) + len(inside.prefixes)
        self._splits.add_page(size, inside_count)
        key_range.pages_arrived += 1
        key_range.token = page.token
        if names:
            self._start = names[0] if self._start is None else self._start
            key_range.names = names
            key_range.first = names[0] if key_range.first is None else key_range.first
            if inside_count:
                key_range.page_starts.append(names[0])
        key_range.done = page.token is None or inside_count < size
        if key_range.lower and key_range.pages_arrived == 1:
            self._record_guess(key_range, hit=bool(inside_count))
        if inside_count < size and not self._start_after_works and key_range is self.key_ranges[0]:
            key_range.overflow_page = page
        elif inside_count or not key_range.done:
            key_range.pages.append(inside)
        if page.token is None and inside_count == size:
            del self.key_ranges[self.key_ranges.index(key_range) + 1 :]  # the server says that nothing follows

    def _record_guess(self, key_range: KeyRange, *, hit: bool) -> None:
        """Note whether a key range was well placed; if not, the one before is not to be split again soon."""
        self._splits.add_guess(hit=hit)
        if hit:
            return
        before = self.key_ranges[self.key_ranges.index(key_range) - 1]
        before.resplit_after = before.pages_arrived + PAGES_PER_RANGE

    def next_page(self) -> ListPage | None:
        """Return the next page in order; None if it has not come yet, or there is none.

        Raises the error of the request for it.
        """
        while self.key_ranges:
            key_range = self.key_ranges[0]
            if key_range.overflow_page is not None and not key_range.pages:
                self._check_start_after(key_range)
            if key_range.pages:
                self._pages_consumed += 1
                return key_range.pages.popleft()
            if key_range.error is not None:
                raise key_range.error
            if not key_range.done or key_range.overflow_page is not None:
                return None
            self._passed_starts.extend(self.key_ranges.pop(0).page_starts)
        return None

    def _check_start_after(self, key_range: KeyRange) -> None:
        """Check ``start-after`` support: the first name after the first range's bound must begin the second range."""
        following = self.key_ranges[1]
        if following.first is None and not following.done:
            return
        overflow_page, key_range.overflow_page = key_range.overflow_page, None
        assert overflow_page is not None
        inside = trim_page(overflow_page, key_range.upper)
        behind = [name for name in _first_names(overflow_page, inside) if name is not None]
        if following.first is not None and following.first == min(behind, key=sort_key):
            self._start_after_works = True
            if inside.keys or inside.prefixes:
                key_range.pages.append(inside)
        else:
            key_range.overflow_page = overflow_page
            self._list_sequentially()

    def _list_sequentially(self) -> None:
        """List by continuation alone, from where the first key range is."""
        self._parallel = False
        del self.key_ranges[1:]
        key_range = self.key_ranges[0]
        key_range.upper = None
        if key_range.overflow_page is not None:
            key_range.pages.append(key_range.overflow_page)
            key_range.done = key_range.overflow_page.token is None
            key_range.overflow_page = None


def invalid_listing(url: S3Url, what: str) -> ServerError:
    """Build the error for pages that contradict each other."""
    message = f"The listing of {url} is invalid: {what}"
    return ServerError(message, path=str(url), operation="ListObjectsV2")


def no_continuation(url: S3Url) -> ServerError:
    """Build the error for a page that is not the last, and does not say how to get the next."""
    return invalid_listing(url, "it is truncated, and has no token to continue with")


def _may_split(key_range: KeyRange) -> bool:
    """Return whether a key range may be split now: where it has names, which say how fast names go by."""
    return (
        bool(key_range.names)
        and key_range.pages_arrived >= key_range.resplit_after
        and not (key_range.done or key_range.error)
    )


class _PageStarts:
    """The first names of the pages before a position, each with the number of its page, as far as known."""

    def __init__(self, passed_starts: Sequence[str]) -> None:
        self._steps: deque[tuple[int, str]] = deque(enumerate(passed_starts), maxlen=_LOOKBACK_PAGES)
        self._start = len(passed_starts)

    def follow(self, key_range: KeyRange) -> KeySample:
        """Go through ``key_range``, and return what is known at the end of its pages."""
        end = self._start + key_range.pages_arrived
        self._steps.extend(enumerate(key_range.page_starts, end - len(key_range.page_starts)))
        self._start = end if key_range.done else self._start + max(key_range.pages_arrived, PAGES_PER_RANGE)
        earlier = [name for _, name in self._steps]
        return KeySample(key_range.names, earlier, max(1, end - self._steps[0][0]) if earlier else 1)


def trim_page(page: ListPage, upper: str | None) -> ListPage:
    """Return a page without the names after ``upper``."""
    if upper is None:
        return page
    bound = sort_key(upper)
    keys = _count(page.keys, bound)
    prefixes = _count(page.prefixes, bound)
    if keys == len(page.keys) and prefixes == len(page.prefixes):
        return page
    return ListPage(page.keys[:keys], page.stats[:keys], page.prefixes[:prefixes], page.token)


def _without_lower(page: ListPage, lower: str) -> ListPage:
    """Return a page without ``lower`` itself: some servers begin with it, and the key range before has it."""
    keys = 1 if page.keys and page.keys[0] == lower else 0
    prefixes = 1 if page.prefixes and page.prefixes[0] == lower else 0
    if not keys and not prefixes:
        return page
    return without(page, keys=keys, prefixes=prefixes)


def _count(names: Sequence[str], bound: bytes) -> int:
    if not names or sort_key(names[-1]) <= bound:
        return len(names)
    return bisect_right(names, bound, key=sort_key)


def _first_names(page: ListPage, inside: ListPage) -> tuple[str | None, str | None]:
    """Return the first key and the first prefix of ``page`` that are not in ``inside``."""
    keys, prefixes = len(inside.keys), len(inside.prefixes)
    return (
        page.keys[keys] if keys < len(page.keys) else None,
        page.prefixes[prefixes] if prefixes < len(page.prefixes) else None,
    )
