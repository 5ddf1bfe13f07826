"""``split``: cut a tree into key ranges of about as many keys each."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._namespace.key_interval import not_in_key_order
from aios3._namespace.key_order import is_directory_bucket
from aios3._namespace.pages import ListingTasks, pages, parse_inside_bucket
from aios3._namespace.split_points import in_key_order
from aios3._session import current_session
from aios3.distributed.ranges import ranges_between
from aios3.distributed.sampling import sampled_bounds
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from aios3._paths import AnyPath, S3Url
    from aios3._session import Session
    from aios3.distributed.ranges import KeyRange

DEFAULT_KEYS = 10_000
"""Keys of a range unless something else is asked for: a scheduler spends a millisecond a range, and 10^8 keys are
10,000 ranges."""


async def split(
    url: AnyPath, keys: int = DEFAULT_KEYS, n: int | None = None, *, session: Session | None = None
) -> list[KeyRange]:
    """Cut what is below ``url`` into key ranges, in key order, that have no key in common and cover the tree.

    By default the tree is listed, in parallel: a request for each 1,000 keys. Each range has ``keys`` keys, and the
    last one between half and one and a half times as many. With ``n``, about ``n`` ranges are made without listing
    everything. Estimates of where keys are take 6 to 45 requests a range (measured), for at least 256 ranges. The
    numbers of keys are estimates too.
    The first and the last range are open, so keys that are written before or after all others belong to them.

    An object at ``url`` itself is not below it. Raises ConfigError for a number below 1, and UnsupportedError for a
    bucket that is not listed in key order (a directory bucket).
    """
    check_number("keys", keys)
    check_number("n", 1 if n is None else n)
    current, root = current_session(session), parse_inside_bucket(url, "split")
    if is_directory_bucket(root):
        raise not_in_key_order(root)
    root = root.with_key(root.prefix)
    if n is None:
        bounds, counts = await _listed_bounds(current, root, keys)
    else:
        bounds, counts = await sampled_bounds(current, root, n)
    return ranges_between(root, bounds, counts)


def check_number(name: str, value: object) -> None:
    """Raise ConfigError unless the argument ``name`` is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        message = f"{name} must be a whole number of at least 1, not {value!r}"
        raise ConfigError(message)


async def _listed_bounds(session: Session, root: S3Url, size: int) -> tuple[list[str], list[int]]:
    """List ``root``; return every ``size``-th key, and how many keys there are in the ranges between them."""
    bounds: list[str] = []
    seen, last = 0, ""
    async with ListingTasks(session) as tasks, aclosing(pages(tasks, root)) as listing:
        async for page in listing:
            if not page.keys:
                continue
            if not in_key_order([last, *page.keys]):
                raise not_in_key_order(root)
            bounds += page.keys[size - seen % size - 1 :: size]
            seen += len(page.keys)
            last = page.keys[-1]
    if bounds and (bounds[-1] == last or 2 * (seen % size) < size):
        bounds.pop()  # the rest is too short for a range of its own
    counts = [size] * len(bounds)
    return bounds, [*counts, seen - sum(counts)]
