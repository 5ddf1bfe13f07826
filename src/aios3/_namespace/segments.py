"""Which pages to ask for next, so that a listing runs in parallel and comes out in key order. Decides; does no I/O.

The names that begin with a prefix are cut into segments. A segment lists from behind its lower bound, page after page,
up to its upper bound; bounds need not exist as names, so one that falls badly costs a request and never a name. Each
segment that has seen a page may be cut again, behind the pages that it is expected to fill, and so the number of
segments doubles with each round trip, as long as the consumer takes pages. Where names are in directories, these are
better bounds than any guess, and known all at once (:mod:`aios3._namespace.signposts`).

Not every server begins where it is told to. The first segment is listed as ever, by continuation alone, and where it
ends must the second one begin: only then is that server's ``start-after`` trusted. Otherwise the first segment goes on
by itself to the end, and nothing of the others is used.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3._backend import ListPage
from aios3._namespace.bounds import Known, cuts, order
from aios3._namespace.pagination import Pagination, RepetitionError, names_of, without
from aios3._namespace.signposts import Signposts
from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._paths import S3Url

REQUESTS = 16
"""The most requests of one listing that are in flight."""
SEGMENT = 4
"""Pages that a segment is meant to have. Each costs half a page that is listed twice; all wait for those before."""
MOST_PAGES = 6 * REQUESTS
"""The most pages of one listing that are in flight or wait for the consumer."""
_EARNEST = 2
"""Whoever takes so many pages wants them all."""
_TRAIL = 8
"""Pages to look back for how fast names go by. Names that count up in directories do not go by evenly."""
_TOLERATED = 4
"""One name of so many may be listed for nothing, and one page of half as many, before guessing rests."""


@dataclass(eq=False, slots=True)
class Segment:
    """The names behind ``lower`` up to ``upper``, and what has come of them."""

    lower: str
    upper: str | None = None
    token: str | None = None
    pages: deque[ListPage] = field(default_factory=deque)
    overrun: ListPage | None = None
    """The last page with the names behind ``upper``, kept whole until the server is trusted."""
    names: Sequence[str] = ()
    """Those of the latest page, whether they are in the segment or not."""
    first: str | None = None
    """The first name that was listed, whether it is in the segment or not."""
    trail: deque[str] = field(default_factory=lambda: deque(maxlen=_TRAIL))
    """The first names of its pages."""
    arrived: int = 0
    solid_until: int = 1
    """How many pages must have arrived before the segment is cut again."""
    busy: bool = False
    done: bool = False
    error: BaseException | None = None
    pagination: Pagination = field(init=False)

    def __post_init__(self) -> None:
        self.pagination = Pagination(self.lower)

    @property
    def waiting(self) -> int:
        """How many pages are in memory."""
        return len(self.pages) + (self.overrun is not None)

    @property
    def promised(self) -> int:
        """How many pages will be in memory, if the segment has as many as it is meant to have."""
        return self.waiting + (0 if self.done else max(1, SEGMENT - self.arrived))


class Plan:
    """One listing: its segments in key order, of which the consumer is in the first one."""

    def __init__(self, url: S3Url, delimiter: str = "", *, width: int = REQUESTS) -> None:
        """Plan to list what begins with ``url.key``, with up to ``width`` requests in flight; 1 is not parallel."""
        self.segments = [Segment(lower="")]
        self.in_key_order: bool = True
        """Whether all pages so far were in key order."""
        self._url = url
        self._delimiter = delimiter
        self._most = min(width, REQUESTS)
        self._parallel = width > 1
        self._trusted = False
        self._taken = 0
        self._largest = 0
        self._useful = 0
        self._wasted = 0
        self._missed = 0
        self._boldness = 1
        self._passed: deque[str] = deque(maxlen=_TRAIL)
        self._signposts = Signposts(url.key, SEGMENT)
        self._start: str | None = None

    @property
    def finished(self) -> bool:
        """Whether everything has been taken."""
        return not self.segments

    def requests(self) -> list[Segment]:
        """Return the segments to ask for a page now, nearest first; each is busy until it is told what came."""
        width = self._width()
        room = width - sum(segment.busy for segment in self.segments)
        held = sum(segment.busy + segment.waiting for segment in self.segments)
        room = min(room, (width if width == 1 else MOST_PAGES) - held)
        asked = [segment for position, segment in enumerate(self.segments) if self._wants(segment, position)]
        asked = asked[: max(room, self._starving(asked))]
        if width > 1:
            asked += self._cut(room - len(asked), width * SEGMENT)
        for segment in asked:
            segment.busy = True
        return asked

    def survey(self) -> str | None:
        """Return the directory whose directories are to be listed now, because they would be good bounds."""
        if self._width() == 1 or self._delimiter or self._start is None or not self.segments[0].names:
            return None
        return self._signposts.ask(self._start, self.segments[0].names[-1])

    def surveyed(self, page: ListPage) -> None:
        """Take the page of a survey."""
        segment = self.segments[0] if self.segments else None
        if segment is not None and segment.names:
            self._signposts.learn(page, segment.names[-1], self._taken + len(segment.pages))

    def _width(self) -> int:
        """Return how many requests may be in flight: one for who takes a page or two, thrice as many for each more."""
        if not self._parallel or self._taken < _EARNEST:
            return 1
        taken = self._taken + bool(self.segments[0].pages)  # that page is taken next
        return min(self._most, REQUESTS if taken > _EARNEST + 1 else 3 ** (taken - 1))

    def _wants(self, segment: Segment, position: int) -> bool:
        idle = not (segment.busy or segment.done or segment.error)
        return idle and (position == 0 or len(segment.pages) < 2 * SEGMENT)

    def _starving(self, asked: list[Segment]) -> bool:
        """Whether the consumer waits for a page that is not asked for: it goes before every limit."""
        return bool(asked) and asked[0] is self.segments[0] and not asked[0].pages

    def _cut(self, room: int, pages: int) -> list[Segment]:
        """Cut segments, nearest first, until ``room`` new ones are made or ``pages`` are promised before the next."""
        made: list[Segment] = []
        trail = _Trail(self._passed)
        if not any(_is_soft(segment) or self._places(segment, 1) for segment in self.segments):
            return made
        for segment in list(self.segments):
            if len(made) >= room:
                break
            known = trail.follow(segment)
            pages -= segment.promised
            if pages <= 0:
                break
            most = min(room - len(made), -(-pages // SEGMENT))
            bounds = self._places(segment, most)
            if not bounds:
                if not _is_soft(segment) or self._is_unlucky():
                    continue
                bounds = self._guesses(segment, known, min(self._boldness, most))
            new = self._cut_one(segment, bounds)
            pages -= SEGMENT * len(new)
            made += new
            # Nothing new is known of it before the next page, nor of a bounded one before it is longer than meant.
            segment.solid_until = max(segment.arrived + 1, 0 if segment.upper is None else SEGMENT)
        return made

    def _places(self, segment: Segment, most: int) -> list[str]:
        """Return bounds that are known to be good, behind all that has come of ``segment``."""
        if segment.done or segment.error:
            return []
        return self._signposts.between(segment.names[-1] if segment.names else segment.lower, segment.upper, most)

    def _guesses(self, segment: Segment, known: Known, most: int) -> list[str]:
        return cuts(known, self._url.key, segment.upper, pages=SEGMENT, most=most, delimiter=self._delimiter)

    def _cut_one(self, segment: Segment, bounds: Sequence[str]) -> list[Segment]:
        made: list[Segment] = []
        for bound in reversed(bounds):
            made.append(Segment(bound, segment.upper))
            segment.upper = bound
        place = self.segments.index(segment) + 1
        self.segments[place:place] = reversed(made)
        return made

    def _is_unlucky(self) -> bool:
        """Whether too much was listed for nothing: names twice, or requests that found none."""
        wasted, missed = self._wasted * _TOLERATED, self._missed * self._largest * _TOLERATED // 2
        return max(wasted, missed) > self._useful + 2 * _TOLERATED * self._largest

    def arrived(self, segment: Segment, page: ListPage) -> None:
        """Take a page that was asked for."""
        segment.busy = False
        if segment not in self.segments:
            return
        if segment.lower and not segment.names:
            page = _behind(page, segment.lower)
        try:
            page = segment.pagination.accept(page)
        except RepetitionError as error:
            self.failed(segment, invalid_listing(self._url, str(error)))
            return
        self.in_key_order = self.in_key_order and segment.pagination.in_key_order
        if self._parallel and not segment.pagination.in_key_order:
            if self._trusted:
                segment.error = invalid_listing(self._url, f"{segment.pagination.trouble}; list with parallel=False")
                return
            self._fall_back()
        if segment not in self.segments:
            return
        if not page.token and page.token is not None:
            segment.error = no_continuation(self._url)
        if self._parallel:
            self._keep(segment, page)
        else:
            segment.pages.append(page)
            segment.token, segment.done = page.token, page.token is None

    def failed(self, segment: Segment, error: BaseException) -> None:
        """Note that a request has failed: that is raised when the consumer gets there."""
        segment.busy = False
        if segment is not self.segments[0] and not self._trusted:
            self._fall_back()  # the server may refuse to begin anywhere but at the start
        else:
            segment.error = error

    def _keep(self, segment: Segment, page: ListPage) -> None:
        names = names_of(page)
        size = len(page.keys) + len(page.prefixes)
        inside = cut_page(page, segment.upper)
        kept = len(inside.keys) + len(inside.prefixes)
        self._largest = max(self._largest, size)
        self._useful += kept
        self._wasted += size - kept
        segment.arrived += 1
        segment.token = page.token
        if names:
            self._start = names[0] if self._start is None else self._start
            segment.names = names
            segment.first = names[0] if segment.first is None else segment.first
            if kept:
                segment.trail.append(names[0])
        segment.done = page.token is None or kept < size
        if segment.lower and segment.arrived == 1:
            self._judge(segment, hit=bool(kept))
        if kept < size and not self._trusted and segment is self.segments[0]:
            segment.overrun = page
        elif kept or not segment.done:
            segment.pages.append(inside)
        if page.token is None and kept == size:
            del self.segments[self.segments.index(segment) + 1 :]  # the server says that nothing follows

    def _judge(self, segment: Segment, *, hit: bool) -> None:
        """Note whether a segment was well placed; if not, the one before is not to be cut again soon."""
        if hit:
            self._boldness = min(2 * self._boldness, REQUESTS)
            return
        self._boldness = 1
        self._missed += 1
        before = self.segments[self.segments.index(segment) - 1]
        before.solid_until = before.arrived + SEGMENT

    def take(self) -> ListPage | None:
        """Return the next page in order; None if it has not come yet, or there is none.

        Raises what asking for it met.
        """
        while self.segments:
            segment = self.segments[0]
            if segment.overrun is not None and not segment.pages:
                self._compare(segment)
            if segment.pages:
                self._taken += 1
                return segment.pages.popleft()
            if segment.error is not None:
                raise segment.error
            if not segment.done or segment.overrun is not None:
                return None
            self._passed.extend(self.segments.pop(0).trail)
        return None

    def _compare(self, segment: Segment) -> None:
        """Trust the server if what comes behind the first segment's bound is the first that the second one has."""
        following = self.segments[1]
        if following.first is None and not following.done:
            return
        overrun, segment.overrun = segment.overrun, None
        assert overrun is not None
        inside = cut_page(overrun, segment.upper)
        behind = [name for name in _first_names(overrun, inside) if name is not None]
        if following.first is not None and following.first == min(behind, key=order):
            self._trusted = True
            if inside.keys or inside.prefixes:
                segment.pages.append(inside)
        else:
            segment.overrun = overrun
            self._fall_back()

    def _fall_back(self) -> None:
        """List by continuation alone, from where the first segment is."""
        self._parallel = False
        del self.segments[1:]
        segment = self.segments[0]
        segment.upper = None
        if segment.overrun is not None:
            segment.pages.append(segment.overrun)
            segment.done = segment.overrun.token is None
            segment.overrun = None


def invalid_listing(url: S3Url, what: str) -> ServerError:
    """Build the error for pages that contradict each other."""
    message = f"The listing of {url} is invalid: {what}"
    return ServerError(message, path=str(url), operation="ListObjectsV2")


def no_continuation(url: S3Url) -> ServerError:
    """Build the error for a page that is not the last, and does not say how to get the next."""
    return invalid_listing(url, "it is truncated, and has no token to continue with")


def _is_soft(segment: Segment) -> bool:
    """Whether a segment may be cut now: where it has names, which say how fast names go by."""
    return bool(segment.names) and segment.arrived >= segment.solid_until and not (segment.done or segment.error)


class _Trail:
    """The first names of the pages before a place in the listing, each with the number of its page, as far as known."""

    def __init__(self, passed: Sequence[str]) -> None:
        self._steps: deque[tuple[int, str]] = deque(enumerate(passed), maxlen=_TRAIL)
        self._start = len(passed)

    def follow(self, segment: Segment) -> Known:
        """Go through ``segment``, and return what is known at the end of its pages."""
        end = self._start + segment.arrived
        self._steps.extend(enumerate(segment.trail, end - len(segment.trail)))
        self._start = end if segment.done else self._start + max(segment.arrived, SEGMENT)
        earlier = [name for _, name in self._steps]
        return Known(segment.names, earlier, max(1, end - self._steps[0][0]) if earlier else 1)


def cut_page(page: ListPage, upper: str | None) -> ListPage:
    """Return a page without what is behind ``upper``."""
    if upper is None:
        return page
    bound = order(upper)
    keys = _count(page.keys, bound)
    prefixes = _count(page.prefixes, bound)
    if keys == len(page.keys) and prefixes == len(page.prefixes):
        return page
    return ListPage(page.keys[:keys], page.stats[:keys], page.prefixes[:prefixes], page.token)


def _behind(page: ListPage, lower: str) -> ListPage:
    """Return a page without ``lower`` itself: some servers begin with it, and the segment before has it."""
    keys = 1 if page.keys and page.keys[0] == lower else 0
    prefixes = 1 if page.prefixes and page.prefixes[0] == lower else 0
    if not keys and not prefixes:
        return page
    return without(page, keys=keys, prefixes=prefixes)


def _count(names: Sequence[str], bound: bytes) -> int:
    if not names or order(names[-1]) <= bound:
        return len(names)
    return bisect_right(names, bound, key=order)


def _first_names(page: ListPage, inside: ListPage) -> tuple[str | None, str | None]:
    """Return the first key and the first prefix of ``page`` that are not in ``inside``."""
    keys, prefixes = len(inside.keys), len(inside.prefixes)
    return (
        page.keys[keys] if keys < len(page.keys) else None,
        page.prefixes[prefixes] if prefixes < len(page.prefixes) else None,
    )
