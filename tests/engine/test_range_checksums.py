"""Sums of pieces: whatever order the pieces of an object come in, they say what the whole says."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios3._engine.range_checksums import RangeChecksums, checksum_by, crc_combine, pick_checksum

needs_awscrt = pytest.mark.skipif(importlib.util.find_spec("awscrt") is None, reason="awscrt is not installed")
CRCS = ["CRC32", pytest.param("CRC32C", marks=needs_awscrt), pytest.param("CRC64NVME", marks=needs_awscrt)]


def cut(data: bytes, bounds: list[int]) -> list[tuple[int, bytes]]:
    edges = sorted({0, len(data), *(bound % (len(data) + 1) for bound in bounds)})
    return [(start, data[start:stop]) for start, stop in itertools.pairwise(edges)]


@pytest.mark.parametrize("algorithm", CRCS)
@given(data=st.binary(min_size=1, max_size=200), bounds=st.lists(st.integers(0, 300), max_size=8), seed=st.randoms())
def test_pieces_in_any_order_make_the_sum_of_the_whole(algorithm, data, bounds, seed):
    sums = RangeChecksums(algorithm, len(data))
    pieces = cut(data, bounds)
    seed.shuffle(pieces)
    for index, (start, part) in enumerate(pieces):
        piece = sums.begin_range(start)
        for offset in range(0, len(part), 7):
            piece.add(start + offset, memoryview(part)[offset : offset + 7])
        sums.add(piece)
        assert (sums.value() is not None) == (index == len(pieces) - 1)
    assert sums.value() == checksum_by(algorithm, [data])


@given(first=st.binary(max_size=300), second=st.binary(max_size=300))
def test_combining_is_what_zlib_says_of_both(first, second):
    assert crc_combine("CRC32", zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


@needs_awscrt
@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME"])
@given(first=st.integers(0, 2**32 - 1), second=st.integers(0, 2**32 - 1), length=st.integers(1, 2**43))
def test_combining_is_what_awscrt_says_of_any_length(algorithm, first, second, length):
    from awscrt import checksums  # noqa: PLC0415 - optional

    combine = getattr(checksums, f"combine_{algorithm.lower()}", None)
    if combine is None:
        pytest.skip("this awscrt combines nothing")
    assert crc_combine(algorithm, first, second, length) == combine(first, second, length)


@pytest.mark.parametrize(("algorithm", "digest"), [("SHA1", hashlib.sha1), ("SHA256", hashlib.sha256)])
def test_digests_are_those_of_hashlib_in_order_and_none_otherwise(algorithm, digest):
    data = bytes(range(200))
    in_order, out_of_order = RangeChecksums(algorithm, 200), RangeChecksums(algorithm, 200)
    for sums, starts in ((in_order, (0, 100)), (out_of_order, (100, 0))):
        for start in starts:
            piece = sums.begin_range(start)
            piece.add(start, memoryview(data)[start : start + 100])
            sums.add(piece)
    assert in_order.value() == base64.b64encode(digest(data).digest()).decode()
    assert out_of_order.value() is None


def test_bytes_that_were_received_twice_or_left_out_make_no_sum():
    for second in (3, 5):
        sums = RangeChecksums("CRC32", 8)
        piece = sums.begin_range(0)
        piece.add(0, memoryview(b"abcd"))
        piece.add(second, memoryview(b"efgh"))
        sums.add(piece)
        assert sums.value() is None


def test_what_cannot_be_computed_is_not_chosen(monkeypatch):
    monkeypatch.setattr("aios3._engine.range_checksums.has_awscrt", lambda: False)
    assert pick_checksum({"CRC64NVME": "x"}) is None
    assert pick_checksum({"CRC64NVME": "x", "SHA256": "y", "XXHASH64": "z"}) == ("SHA256", "y")
    assert pick_checksum({}) is None
