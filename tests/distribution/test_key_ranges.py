"""Key ranges: what is cut out of a tree is all of it, each key once, and no more than a few hundred bytes."""

from __future__ import annotations

import asyncio
import json
import pickle
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import aios3
from aios3 import _session
from aios3._namespace.split_points import sort_key
from aios3.distributed import KeyRange, ManifestRows, split
from aios3.distributed.dealing import dealt
from aios3.distributed.jobs.trees import source_tree
from aios3.distributed.manifests import before
from aios3.distributed.ranges import range_from_json, range_to_json
from aios3.errors import ConfigError, InvalidPathError, UnsupportedError
from distribution.synthetic import SyntheticBucket
from fake_backend import FakeBackend, FakeSession

TEXT = st.text("ab-/0\U0001f600\xe9", min_size=1, max_size=6)
KEYS = st.one_of(
    st.lists(TEXT, max_size=80, unique=True),
    st.builds(
        lambda step, count: [f"data/{n * step:05}" for n in range(count)], st.integers(1, 9), st.integers(0, 200)
    ),
    st.builds(
        lambda per, days: [f"d{n // per:02}/{n % per:03}" for n in range(per * days)],
        st.integers(1, 30),
        st.integers(1, 8),
    ),
)


def filled(keys, page_size: int) -> FakeBackend:
    fake = FakeBackend(page_size)
    fake.put("s3://b/", *(f"s3://b/{key}" for key in keys))
    return fake


def cut(stored, page_size: int, root: str, **how) -> tuple[list[KeyRange], list[list[str]]]:
    """Return the ranges of ``root``, and the keys that a worker finds in each."""

    async def inside():
        async with FakeSession(filled(stored, page_size)) as session:
            ranges = await split(root, session=session, **how)
            found = [
                [entry.name async for batch in source_tree(session, each).batches() for entry in batch]
                for each in ranges
            ]
        return ranges, found

    return asyncio.run(inside())


@given(
    KEYS, st.integers(1, 12), st.sampled_from(["s3://b", "s3://b/data", "s3://b/a", "s3://b/d01/"]), st.integers(1, 30)
)
def test_ranges_are_the_whole_tree_in_order_without_overlap_and_balanced(keys, page_size, root, size):
    ranges, found = cut(keys, page_size, root, keys=size)
    prefix = aios3.S3Url.parse(root).prefix
    expected = sorted((key[len(prefix) :] for key in keys if key.startswith(prefix)), key=sort_key)
    assert [name for names in found for name in names] == expected
    assert [len(names) for names in found] == [each.keys for each in ranges]
    assert (ranges[0].after, ranges[-1].upto) == ("", None)
    assert all(one.upto == other.after for one, other in pairwise(ranges))
    if len(ranges) > 1:
        assert max(map(len, found)) <= 2 * min(map(len, found)) + 1
        assert max(map(len, found)) < 1.5 * size + 1


@given(KEYS, st.integers(1, 12), st.sampled_from(["s3://b", "s3://b/data"]), st.integers(1, 12))
def test_a_sampled_split_loses_and_repeats_no_key(keys, page_size, root, n):
    ranges, found = cut(keys, page_size, root, n=n)
    prefix = aios3.S3Url.parse(root).prefix
    assert [name for names in found for name in names] == sorted(
        (key[len(prefix) :] for key in keys if key.startswith(prefix)), key=sort_key
    )
    assert len(ranges) <= n


@given(KEYS, st.integers(1, 12), TEXT, TEXT)
def test_a_worker_finds_what_lies_between_the_bounds_and_nothing_else(keys, page_size, one, other):
    lower, upper = sorted((one, other), key=sort_key)
    if lower == upper:
        upper += "x"
    key_range = KeyRange("s3://b", lower, upper)

    async def inside():
        async with FakeSession(filled(keys, page_size)) as session:
            return [entry.name async for batch in source_tree(session, key_range).batches() for entry in batch]

    expected = [key for key in sorted(keys, key=sort_key) if sort_key(lower) < sort_key(key) <= sort_key(upper)]
    assert asyncio.run(inside()) == expected
    assert all(key_range.contains(key) for key in expected)
    assert sum(map(key_range.contains, keys)) == len(expected)


class IgnoresStartAfter(FakeBackend):
    async def list_objects(self, url, *, start_after="", **options):
        return await super().list_objects(url, start_after="", **options)


class NotInOrder(FakeBackend):
    async def list_objects(self, url, **options):
        page = await super().list_objects(url, **options)
        return type(page)(page.keys[::-1], page.stats[::-1], page.prefixes, page.token)


async def test_a_server_that_ignores_start_after_loses_and_repeats_nothing():
    fake = IgnoresStartAfter(3)
    fake.put("s3://b/", *(f"s3://b/k{n:02}" for n in range(20)))
    async with FakeSession(fake) as session:
        ranges = await split("s3://b", keys=6, session=session)
        found = [
            entry.name for each in ranges async for batch in source_tree(session, each).batches() for entry in batch
        ]
    assert len(ranges) == 3
    assert found == [f"k{n:02}" for n in range(20)]


@pytest.mark.parametrize("how", [{"keys": 6}, {"n": 3}], ids=["listed", "sampled"])
async def test_a_bucket_without_key_order_is_not_cut_because_keys_would_be_lost(how):
    fake = NotInOrder(10)
    fake.put("s3://b/", *(f"s3://b/k{n:02}" for n in range(20)))
    async with FakeSession(fake) as session:
        with pytest.raises(UnsupportedError, match="order of its keys"):
            await split("s3://b", session=session, **how)
        with pytest.raises(UnsupportedError, match="order of its keys"):
            _ = [batch async for batch in source_tree(session, KeyRange("s3://b", "k05")).batches()]


async def test_a_directory_bucket_is_not_cut():
    async with aios3.Session(region="us-east-1", credentials="anonymous") as session:
        with pytest.raises(UnsupportedError, match="order of its keys"):
            await split("s3://name--use1-az4--x-s3/", session=session)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("s3://b/data", "other/x"), ConfigError, "does not begin with"),
        (("s3://b", "b", "a"), ConfigError, "ends after it begins"),
        (("s3://b", "b", "b"), ConfigError, "ends after it begins"),
        (("s3://",), InvalidPathError, "no bucket"),
        (("s3://b", "a", None, None, ManifestRows("s3://m/x", "e", 0, 1)), ConfigError, "not both"),
    ],
    ids=["outside", "backwards", "empty", "no-bucket", "rows-and-bounds"],
)
def test_a_range_that_makes_no_sense_is_an_error_at_once(arguments, error, text):
    with pytest.raises(error, match=text):
        KeyRange(*arguments)


@pytest.mark.parametrize("how", [{"keys": 0}, {"keys": True}, {"keys": 1.5}, {"n": 0}, {"n": "4"}], ids=repr)
async def test_a_number_of_ranges_that_makes_no_sense_is_an_error(how):
    async with FakeSession(FakeBackend(3)) as session:
        with pytest.raises(ConfigError, match="whole number of at least 1"):
            await split("s3://b", session=session, **how)


RANGES = [
    KeyRange("s3://b/data"),
    KeyRange("s3+profile://b/data/", "data/\xe9", "data/\U0001f600", 7),
    KeyRange("s3://b", "a\udcff", None),
    KeyRange("s3://b", keys=3, rows=ManifestRows("s3://m/manifest.csv", "etag", 10, 200)),
]


@pytest.mark.parametrize("key_range", RANGES, ids=["whole", "profile", "not-utf8", "rows"])
def test_a_range_goes_to_another_process_and_into_a_report_as_it_is(key_range):
    assert pickle.loads(pickle.dumps(key_range)) == key_range
    assert range_from_json(json.loads(json.dumps(range_to_json(key_range)))) == key_range
    assert len(pickle.dumps(key_range)) < 500


def test_the_id_of_a_range_is_that_of_its_keys_and_not_of_their_number():
    assert KeyRange("s3://b/data", "data/a", keys=1).id == KeyRange("s3://b/data/", "data/a", keys=2).id
    assert len({each.id for each in RANGES}) == len(RANGES)


@given(st.text(st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), min_size=1))
@example("a\udc80")
@example("\ue000")
def test_a_bound_before_a_key_excludes_everything_smaller_and_not_the_key(key):
    assert sort_key(before(key)) < sort_key(key)


@given(st.integers(0, 300), st.integers(1, 40))
def test_dealing_hands_out_each_range_once_and_neighbours_apart(count, width):
    order = dealt(range(count), width)
    assert sorted(order) == list(range(count))
    rows = -(-count // width)
    side_by_side = count // max(1, rows)
    for start, one in enumerate(order):
        assert all(abs(one - other) >= rows - 1 for other in order[start + 1 : start + side_by_side])


SHAPES = {
    "skewed": [(f"p{n:04d}/", 10**7 // (n * 37 % 1000 + 1)) for n in range(1000)],
    "flat": [("", 10**8)],
    "one directory": [("data/", 10**8)],
    "dates": [
        (f"logs/{year}/{month:02d}/{day:02d}/", 60_000 if year < 2026 else 210_000)
        for year in range(2024, 2027)
        for month in range(1, 13)
        for day in range(1, 29)
    ],
}


@pytest.mark.parametrize(("shape", "n"), [*((shape, 256) for shape in SHAPES), ("dates", 16)])
async def test_a_sampled_split_of_a_hundred_million_keys_is_balanced_within_two(shape, n, monkeypatch):
    """Nothing near a hundred thousand pages is listed for it."""
    fake = SyntheticBucket(SHAPES[shape])
    monkeypatch.setattr(_session, "_make_transport", lambda *_: fake)
    async with aios3.Session() as session:
        ranges = await split("s3://b", n=n, session=session)
    counts = [fake.count(each.after, each.upto) for each in ranges]
    assert sum(counts) == fake.total > 60_000_000
    assert len(ranges) == n
    assert max(counts) <= 2 * fake.total / len(ranges)
    assert fake.requests < fake.total / 1000 / 8
    assert 0.5 < sum(each.keys for each in ranges) / fake.total < 1.5
