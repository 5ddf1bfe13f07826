"""Where to cut a key space of which one page is known. Arithmetic on names; no response of it can lose one.

A name is read as a number, one digit a character: at each position count the characters that occur there. So a page
says how far apart its names are, and where the page after the next few ought to begin.
"""

from __future__ import annotations

import itertools
import math
import string
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._paths import MAX_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

_SAMPLE_NAMES = 32
"""Names of a page that are looked at."""
_RADIX_CHARS = 4
"""Positions that count, from the first one on in which the names of a page differ."""
_LOOKAHEAD_CHARS = 10
"""Positions in which to look for the characters that names are made of."""
_FULL_ALPHABET = 10
"""Different characters at one position that are taken for all there are."""
_SHORTEN_PERCENT = 97
"""Percent. A key range that ends just before a page does costs a few names twice; one that ends just after it costs a
request."""


def sort_key(name: str) -> bytes:
    """Return the bytes that S3 sorts ``name`` by; also of a name that is not UTF-8, as a listing decodes it."""
    try:
        return name.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return name.encode(errors="surrogatepass")


def sort_names(names: Iterable[str]) -> list[str]:
    """Sort names as S3 does."""
    ordered = list(names)
    # ASCII aside, a str sorts like its bytes unless it stands for bytes that are not UTF-8.
    ordered.sort(key=None if "".join(ordered).isascii() else sort_key)
    return ordered


def in_key_order(names: Sequence[str]) -> bool:
    """Return whether S3 would list these names in this order."""
    return sort_names(names) == list(names)


@dataclass(frozen=True, slots=True)
class KeySample:
    """Facts about the key range to split: the names of the page before, and how fast names go by there."""

    names: Sequence[str]
    """The names of one page."""
    earlier: Sequence[str] = ()
    """The first names of pages before that one, in order."""
    pages: int = 1
    """How many pages there are from the first of ``earlier`` (or else of ``names``) to the last of ``names``."""


def split_points(
    sample: KeySample, prefix: str, upper: str | None, *, pages: int, most: int, delimiter: str = ""
) -> list[str]:
    """Return up to ``most`` bounds in order, each about ``pages`` pages after the one before; none in a short rest.

    They lie between the last known name and ``upper``, or the end of the names that begin with ``prefix`` if that is
    None. They can be sent as ``start-after``. None has a ``delimiter`` after the prefix, so a common prefix is wholly
    on one side.
    """
    rest = _measure(sample, prefix, upper, delimiter)
    if rest.span <= 0:
        return []
    most = min(most, (rest.distance * rest.count // rest.span - 1) // pages)
    steps = (nth * pages * rest.span * _SHORTEN_PERCENT // (rest.count * 100) for nth in range(1, most + 1))
    return _usable([rest.name_after(step) for step in steps], sample.names[-1], upper)


def estimate_rest(
    sample: KeySample, prefix: str, upper: str | None, *, geometric: bool = False
) -> tuple[float, str | None]:
    """Return how many pages follow the last known name up to ``upper``, and a bound in the middle of them.

    Both are guesses, from how fast the known names go by. The middle is half of the pages away; if ``geometric``, the
    square root of their number. Without a usable bound in between, it is None.
    """
    rest = _measure(sample, prefix, upper, "")
    if rest.span <= 0:
        return 0.0, None
    pages = max(0.0, rest.distance * rest.count / rest.span)
    step = int(math.sqrt(pages) * rest.span / rest.count) if geometric else rest.distance // 2
    middle = _usable([rest.name_after(min(step, rest.distance // 2))], sample.names[-1], upper)
    return pages, middle[0] if middle else None


@dataclass(frozen=True, slots=True)
class _Rest:
    """The names after the last known one, as numbers: pages go by at ``span / count``, over ``distance`` in all."""

    arithmetic: _KeyArithmetic
    stem: str
    at: int
    distance: int
    span: int
    count: int

    def name_after(self, step: int) -> str:
        return self.stem + self.arithmetic.from_number(self.at + step)


def _measure(sample: KeySample, prefix: str, upper: str | None, delimiter: str) -> _Rest:
    last = sample.names[-1].removesuffix(delimiter)
    first = sample.names[0].removesuffix(delimiter)
    origin = sample.earlier[0].removesuffix(delimiter) if sample.earlier else first
    differ = _common_prefix_length(origin, last)
    start = min(differ, len(prefix) if upper is None else _common_prefix_length(last, upper))
    arithmetic = _KeyArithmetic(_alphabets(sample, start, differ, delimiter), start)
    at = arithmetic.to_number(last)
    # Pages go by at span / count: since the first of them, or in the last one, whichever is faster.
    span, count = max(
        (at - arithmetic.to_number(origin), sample.pages), (at - arithmetic.to_number(first), 1), key=_rate
    )
    end = arithmetic.length if upper is None else arithmetic.to_number(upper)
    return _Rest(arithmetic, last[:start], at, end - at, span, count)


def _common_prefix_length(one: str, other: str) -> int:
    """Return how many characters two names have in common at their starts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((position for position, (mine, its) in pairs if mine != its), min(len(one), len(other)))


def _rate(pages: tuple[int, int]) -> Fraction:
    from fractions import Fraction  # noqa: PLC0415 - slow to import, and most listings are short

    return Fraction(*pages)


def _usable(bounds: list[str], lower: str, upper: str | None) -> list[str]:
    """Return those of ``bounds`` that can be sent, each after the one before."""
    usable: list[str] = []
    for bound in bounds:
        if _is_between(usable[-1] if usable else lower, bound, upper):
            usable.append(bound)
    return usable


def _is_between(lower: str, bound: str, upper: str | None) -> bool:
    try:
        encoded = bound.encode()
    except UnicodeEncodeError:
        return False
    return len(encoded) <= MAX_KEY_BYTES and sort_key(lower) < encoded and (upper is None or encoded < sort_key(upper))


def _alphabets(sample: KeySample, start: int, differ: int, delimiter: str) -> list[list[str]]:
    """Return the characters to expect at each position from ``start`` on, sorted; "" where a name may have ended.

    A position that shows few characters may take all that are seen further right, if its own are among them. Of
    ``0041`` and ``0042`` only the end shows that the digits are decimal.
    """
    names = sample.names
    examined = [*sample.earlier, *names[:: max(1, len(names) // _SAMPLE_NAMES)], names[-1]]
    examined = [name.removesuffix(delimiter) for name in examined]
    alphabets: list[list[str]] = []
    usual: set[str] = set()
    for position in range(differ + _LOOKAHEAD_CHARS - 1, start - 1, -1):
        characters = {name[position : position + 1] for name in examined}
        digits = set() if characters.isdisjoint(string.digits) else {*string.digits}
        if len(characters) >= _FULL_ALPHABET:
            usual = _together(characters - {""}, usual)
        characters |= digits if characters.isdisjoint(usual) else usual
        alphabets.append(sorted(characters))
    return alphabets[: _LOOKAHEAD_CHARS - _RADIX_CHARS - 1 : -1]


def _together(here: set[str], right: set[str]) -> set[str]:
    """Return the characters of two positions if they seem to be of one alphabet, and those of the left one otherwise.

    A sample shows at each position most characters of hexadecimal names, seldom all. One position that lacks a
    character would hide the names after it.
    """
    is_one = 3 * len(here & right) > 2 * max(len(here), len(right))  # decimal and hexadecimal digits are two
    return here | right if is_one else here


class _KeyArithmetic:
    """Names as numbers: each character from ``start`` on is a digit."""

    def __init__(self, alphabets: Sequence[list[str]], start: int) -> None:
        self._alphabets = alphabets
        self._start = start
        self.length = math.prod(map(len, alphabets))

    def to_number(self, name: str) -> int:
        number = 0
        for position, alphabet in enumerate(self._alphabets, self._start):
            digit = max(0, bisect_right(alphabet, name[position : position + 1]) - 1)
            number = number * len(alphabet) + digit
        return number

    def from_number(self, number: int) -> str:
        """Return the characters of a number; shorter where a name may end."""
        characters: list[str] = []
        for alphabet in reversed(self._alphabets):
            number, digit = divmod(number, len(alphabet))
            characters.append(alphabet[digit])
        return "".join(itertools.takewhile(bool, reversed(characters)))
