"""Checks that a listing by continuation tokens advances, page after page. Decides; does no I/O.

S3 lists in the order of the keys' bytes, so each page lies after the one before. Some servers list in an order of their
own: there a page is only required to be new. A server that ignores the token sends the same page for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import ListPage
from aios3._namespace.split_points import in_key_order, sort_key, sort_names

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_EMPTY = 10_000
"""Pages in a row that may bring no new name. Deleted objects and filters leave such pages; S3 looks at 1,000 names for
each, so this passes over 10 million."""


class RepetitionError(Exception):
    """Raised when a listing does not go on; its text says what was repeated."""


class Pagination:
    """The pages that have come after the name ``lower``.

    In key order it remembers the first name of each page. In another order it remembers the whole page before as well,
    and every common prefix: the memory that such a listing of one directory takes.
    """

    __slots__ = (
        "_before",
        "_empty",
        "_first_names",
        "_last",
        "_prefixes",
        "_tokens",
        "in_key_order",
        "order_violation",
    )

    def __init__(self, lower: str) -> None:
        self.in_key_order: bool = True
        """True if all names so far have come in key order."""
        self.order_violation: str = ""
        """The names that were out of order, or an empty text."""
        self._last = lower
        self._first_names: set[str] = set()
        self._before: frozenset[str] = frozenset()
        self._prefixes: set[str] = set()
        self._tokens: set[str] = set()
        self._empty = 0

    def accept(self, page: ListPage) -> ListPage:
        """Return ``page`` without the common prefixes that an earlier page has brought.

        A server may repeat a common prefix on each page that it has looked at keys of. Raises RepetitionError for a
        key or a token that comes again, and for MAX_EMPTY pages in a row without a new name.
        """
        if page.prefixes and page.prefixes[0] == self._last:
            page = without(page, keys=0, prefixes=1)
        names = names_of(page)
        if self.in_key_order and names:
            self.order_violation = _order_violation(page, names[0], self._last)
            self.in_key_order = not self.order_violation
        if not self.in_key_order:
            page = self._without_known_prefixes(page)
            names = names_of(page)
        self._count(names, page.token)
        if names:
            self._last = names[-1]
            self._first_names.add(names[0])
        return page

    def _without_known_prefixes(self, page: ListPage) -> ListPage:
        """Return ``page`` without known prefixes, and remember what is on it; raise RepetitionError for known keys."""
        prefixes = [prefix for prefix in dict.fromkeys(page.prefixes) if prefix not in self._prefixes]
        self._prefixes.update(prefixes)
        keys = frozenset(page.keys)
        again = keys & self._before or keys & self._first_names
        if again or len(keys) < len(page.keys):
            message = f"{min(again)!r} was listed before" if again else "a page has a key twice"
            raise RepetitionError(message)
        self._before = keys or self._before
        return page if len(prefixes) == len(page.prefixes) else ListPage(page.keys, page.stats, prefixes, page.token)

    def _count(self, names: Sequence[str], token: str | None) -> None:
        """Raise RepetitionError where pages without a new name lead back, or nowhere."""
        if names or token is None:
            self._empty = 0
            self._tokens.clear()
            return
        self._empty += 1
        if token in self._tokens or self._empty > MAX_EMPTY:
            message = f"{self._empty:,} pages in a row brought no new name, and the last continues at {token[:50]!r}"
            raise RepetitionError(message)
        self._tokens.add(token)


def _order_violation(page: ListPage, first: str, last: str) -> str:
    """Say what is out of key order on a page that follows the name ``last``; "" if nothing is."""
    if not (in_key_order(page.keys) and in_key_order(page.prefixes)):
        return "keys are out of order"
    return f"{first!r} comes behind {last!r}" if sort_key(first) <= sort_key(last) else ""


def names_of(page: ListPage) -> Sequence[str]:
    """Return the names on a page in key order: keys and common prefixes."""
    if not (page.keys and page.prefixes):
        return page.keys or page.prefixes
    return sort_names([*page.keys, *page.prefixes])


def without(page: ListPage, *, keys: int, prefixes: int) -> ListPage:
    """Return a page without its first ``keys`` and ``prefixes``."""
    return ListPage(page.keys[keys:], page.stats[keys:], page.prefixes[prefixes:], page.token)
