"""The plan of a parallel listing, played through without I/O: what comes out, what is asked for, what waits."""

from __future__ import annotations

import random
import uuid
from bisect import bisect_right
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aios3._backend import ListPage
from aios3._namespace.listing_plan import MAX_PAGES, MAX_REQUESTS, ListingPlan, trim_page
from aios3._namespace.split_points import KeySample, estimate_rest, in_key_order, sort_key, split_points
from aios3._paths import MAX_KEY_BYTES, S3Url
from aios3.errors import ServerError
from fake_backend import grouped, is_prefix


@dataclass
class Play:
    """A listing of ``keys`` by a server with pages of ``size``, whose responses come in any order."""

    keys: list[str]
    size: int
    prefix: str = ""
    delimiter: str = ""
    width: int = MAX_REQUESTS
    asked: int = 0
    rounds: int = 0
    most_in_flight: int = 0
    most_pages: int = 0
    bounds: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        matching = sorted((key for key in self.keys if key.startswith(self.prefix)), key=sort_key)
        self.names = list(grouped(matching, self.prefix, self.delimiter))
        self.plan = ListingPlan(S3Url("b", self.prefix), self.delimiter, width=self.width)

    def response(self, token: str | None, lower: str) -> ListPage:
        start = int(token) if token else bisect_right(self.names, sort_key(lower), key=sort_key)
        page = self.names[start : start + self.size]
        keys = [name for name in page if not is_prefix(name, self.prefix, self.delimiter)]
        prefixes = [name for name in page if is_prefix(name, self.prefix, self.delimiter)]
        rest = start + self.size < len(self.names)
        return ListPage(keys, keys, prefixes, str(start + self.size) if rest else None)

    def run(self, choose=None) -> list[str]:
        """Return the names in the order of the listing. ``choose`` picks the next response.

        Otherwise all are.
        """
        found: list[str] = []
        flying = []
        while not self.plan.finished:
            for key_range in self.plan.requests():
                self.asked += 1
                self.bounds.add(key_range.lower)
                flying.append((key_range, self.response(key_range.token, key_range.lower)))
            self.note(len(flying))
            page = self.plan.next_page()
            if page is not None:
                found += sorted([*page.keys, *page.prefixes], key=sort_key)
            elif not self.plan.finished:
                self.rounds += 1
                done = [flying.pop(choose(len(flying)))] if choose else [flying.pop(0) for _ in range(len(flying))]
                for key_range, responded in done:
                    self.plan.on_page(key_range, responded)
        return found

    def note(self, in_flight: int) -> None:
        self.most_in_flight = max(self.most_in_flight, in_flight)
        buffered_pages = sum(key_range.buffered_pages for key_range in self.plan.key_ranges)
        self.most_pages = max(self.most_pages, buffered_pages + in_flight)


def uuids(count: int) -> list[str]:
    generator = random.Random(1)
    return [str(uuid.UUID(int=generator.getrandbits(128))) for _ in range(count)]


def in_days(count: int) -> list[str]:
    generator = random.Random(1)
    days = [f"t/year=2024/month={month:02}/day={day:02}" for month in range(1, 13) for day in range(1, 29)]
    return [f"{day}/part-{n:05}.parquet" for day in days for n in range(generator.randrange(2 * count // len(days)))]


SHAPES = {
    "numbers": lambda count: [f"data/key-{n:08}.parquet" for n in range(count)],
    "numbers without zeros": lambda count: [f"img{n}.jpg" for n in range(count)],
    "uuids": uuids,
    "days": in_days,
    "hash directories": lambda count: [f"{key[:2]}/{key}" for key in uuids(count)],
    "one huge directory": lambda count: ["a", "b/1", *(f"c/{key}" for key in uuids(count)), "d/1", "e"],
    "a long common prefix": lambda count: [f"{'x' * 900}/{n:09}" for n in range(count)],
    "equal but for the end": lambda count: [f"{'é' * 400}{chr(0x4E00 + n)}" for n in range(count)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_guess_that_falls_badly_costs_requests_within_bounds(shape):
    keys = SHAPES[shape](20_000)
    play = Play(keys, 100)
    assert play.run() == sorted(keys)
    pages = len(keys) / 100
    assert play.asked <= 1.25 * pages + 24
    assert play.most_in_flight <= MAX_REQUESTS
    assert play.most_pages <= MAX_PAGES


@pytest.mark.parametrize("shape", ["numbers", "uuids", "hash directories", "a long common prefix"])
def test_names_that_go_by_evenly_are_listed_in_few_round_trips(shape):
    """200 pages in 30 ms round trips: under a second needs fewer than 33 of them."""
    play = Play(SHAPES[shape](50_000), 250)
    play.run()
    assert play.rounds <= 28
    assert play.asked <= 1.12 * 200


def test_many_requests_are_in_flight_soon():
    play = Play(SHAPES["uuids"](15_000), 250)
    before: list[int] = []
    while play.plan._pages_consumed < 6:  # 6 pages
        before.append(play.most_in_flight)
        page = play.plan.next_page()
        if page is None:
            flying = play.plan.requests()
            play.note(len(flying) + sum(key_range.busy for key_range in play.plan.key_ranges) - len(flying))
            for key_range in [key_range for key_range in play.plan.key_ranges if key_range.busy]:
                play.plan.on_page(key_range, play.response(key_range.token, key_range.lower))
    assert play.most_in_flight >= 8


@pytest.mark.parametrize(("count", "most"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 4), (9500, 13)])
def test_a_small_prefix_costs_hardly_more_than_its_pages(count, most):
    for shape in ("numbers", "uuids"):
        play = Play(SHAPES[shape](count), 1000)
        play.run()
        assert play.asked <= most


def test_width_of_one_asks_for_page_after_page():
    play = Play(SHAPES["uuids"](5_000), 100, width=1)
    assert play.run() == sorted(play.keys)
    assert (play.asked, play.most_in_flight, play.bounds) == (50, 1, {""})


def test_width_limits_the_requests_in_flight():
    play = Play(SHAPES["uuids"](20_000), 100, width=5)
    assert play.run() == sorted(play.keys)
    assert play.most_in_flight == 5


ALPHABETS = st.sampled_from(
    ["01", "ab/", "0123456789", "a-/é\U0001f600", "\x00\x7f\u07ff\uffff", "\udc80\udcffz\ue000"]
)
LONG = st.sampled_from(["", "", "long/common/prefix-", "x" * 990])
KEYS = st.builds(
    lambda start, ends: sorted({start + end for end in ends}, key=sort_key),
    LONG,
    ALPHABETS.flatmap(lambda letters: st.lists(st.text(letters, min_size=1, max_size=7), max_size=120)),
)
NUMBERED = st.builds(
    lambda start, step, count: [f"{start}{n * step:06}" for n in range(count)],
    LONG,
    st.integers(1, 40),
    st.integers(0, 300),
)


@settings(deadline=None)
@given(st.one_of(KEYS, NUMBERED), st.integers(1, 10), st.sampled_from(["", "/"]), st.randoms(use_true_random=False))
@example([f"{n:04}" for n in range(400)], 3, "", random.Random(1))
def test_whatever_comes_first_all_names_come_out_once_and_in_order(keys, size, delimiter, chance):
    play = Play(keys, size, delimiter=delimiter)
    assert play.run(chance.randrange) == play.names
    pages = max(1, len(play.names) / size)
    assert play.asked <= 1.5 * pages + 24
    assert play.most_in_flight <= MAX_REQUESTS
    assert play.most_pages <= MAX_PAGES
    for bound in play.bounds:
        assert len(bound.encode()) <= MAX_KEY_BYTES
        assert not (delimiter and delimiter in bound)


@settings(deadline=None)
@given(NUMBERED, st.integers(1, 10), st.randoms(use_true_random=False))
def test_names_below_a_prefix_come_out_once_and_in_order(keys, size, chance):
    others = ["0", "long/common/prefix", "zz"]
    play = Play([*keys, *others], size, prefix=keys[0][:-3] if keys else "")
    assert play.run(chance.randrange) == play.names
    assert all(bound.startswith(play.prefix) for bound in play.bounds if bound)


# Bounds


@given(KEYS, st.integers(1, 20), st.integers(1, 5), st.sampled_from(["", "/"]), st.booleans())
def test_bounds_lie_between_what_is_known(keys, size, pages, delimiter, is_open):
    names = list(grouped(keys, "", delimiter))
    if not names:
        return
    known = KeySample(names[:size], pages=1)
    upper = None if is_open or len(names) <= size else names[-1]
    found = split_points(known, "", upper, pages=pages, most=4, delimiter=delimiter)
    limits = [known.names[-1], *found, *([upper] if upper else [])]
    assert [sort_key(name) for name in limits] == sorted({sort_key(name) for name in limits})
    assert len(found) <= 4
    assert not any(delimiter in bound for bound in found if delimiter)


def test_a_bound_lies_about_as_far_ahead_as_it_should():
    names = [f"data/{n:06}" for n in range(100)]
    found = split_points(KeySample(names), "data/", None, pages=4, most=3)
    assert [int(bound.removeprefix("data/").ljust(6, "0")) for bound in found] == pytest.approx(
        [480, 860, 1240], rel=0.1
    )


def test_the_rest_is_not_cut_if_it_is_short():
    names = [f"{n:06}" for n in range(100)]
    assert split_points(KeySample(names), "", "000500", pages=4, most=9) == []
    assert len(split_points(KeySample(names), "", "001500", pages=4, most=9)) == 3


def test_key_order_is_that_of_utf_8():
    assert in_key_order(["a", "é", "\uffff", "\U0001f600", "\udcff"])  # the last stands for the byte 0xff
    assert not in_key_order(["\udcff", "\U0001f600"])
    assert not in_key_order(["b", "a"])
    assert sort_key("\ud800") > sort_key("é")


def test_a_page_is_cut_by_bytes_with_its_descriptions():
    page = ListPage(["a", "\U0001f600", "\udcff"], [1, 2, 3], ["b/", "\U0001f600/"], "token")
    assert trim_page(page, "\U0001f600") == ListPage(["a", "\U0001f600"], [1, 2], ["b/"], "token")
    assert trim_page(page, None) is page
    assert trim_page(page, "\udcff") is page
    assert trim_page(page, "A") == ListPage([], [], [], "token")


# Errors


def until_several(play: Play) -> list:
    """Take pages until several segments are asked for; response none of these."""
    while True:
        flying = play.plan.requests()
        if len(flying) > 1:
            return flying
        for key_range in flying:
            play.plan.on_page(key_range, play.response(key_range.token, key_range.lower))
        play.plan.next_page()


def test_a_failure_is_raised_in_its_place():
    play = Play(SHAPES["numbers"](20_000), 100)
    first, second = until_several(play)
    play.plan.on_page(second, play.response(None, second.lower))
    for _ in range(5):  # the server has shown by now that it begins where it is told to
        play.plan.on_page(first, play.response(first.token, first.lower))
        while play.plan.next_page() is not None:
            pass
        play.plan.requests()
    assert play.plan.key_ranges[0] is second
    last = [key_range for key_range in play.plan.key_ranges if key_range.busy][-1]
    play.plan.on_error(last, ServerError("gone"))
    seen = []
    with pytest.raises(ServerError, match="gone"):
        while True:
            page = play.plan.next_page()
            if page is not None:
                seen += page.keys
                continue
            play.plan.requests()
            for key_range in [key_range for key_range in play.plan.key_ranges if key_range.busy]:
                play.plan.on_page(key_range, play.response(key_range.token, key_range.lower))
    assert seen
    assert seen == sorted(seen)
    assert last.lower <= max(seen, default="") or max(seen) < last.lower
    assert all(key <= last.lower for key in seen)


def test_a_server_that_begins_elsewhere_later_is_not_believed():
    play = Play(SHAPES["uuids"](20_000), 100)
    with pytest.raises(ServerError, match=r"listing of s3://b is invalid.*parallel=False"):
        while not play.plan.finished:
            page = play.plan.next_page()
            if page is not None:
                continue
            play.plan.requests()
            for key_range in [key_range for key_range in play.plan.key_ranges if key_range.busy]:
                lower = "" if play.plan._start_after_works else key_range.lower
                play.plan.on_page(key_range, play.response(key_range.token, lower))


def test_pages_of_names_of_random_digits_are_estimated_wherever_a_page_begins():
    """A page begins with one digit, and few names are looked at: where none had that digit, all the rest was hidden."""
    numbers = random.Random(7)
    names = sorted(f"{numbers.getrandbits(64):016x}/0" for _ in range(20_000))
    for start in range(0, 16_000, 400):
        page, upper = names[start : start + 100], names[start + 3100]
        pages, middle = estimate_rest(KeySample(page), "", upper)
        assert 15 < pages < 60, start
        assert middle is not None
