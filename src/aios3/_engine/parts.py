"""Part sizes inside S3's limits, and how a copied object is cut.

An upload has at most 10,000 parts of 5 MiB to 5 GiB ("Amazon S3 multipart upload limits"). How large the object will
be is not known while it is written, so parts grow with it: the first 1,000 have the configured size, every further
1,000 twice the size of those before, up to 5 GiB. From 8 MiB that reaches 7.8 TiB, from 64 MiB 22 TiB. Memory for an
upload is the part being filled plus those in flight, so an upload whose parts outgrow the budget sends one at a time.
"""

from __future__ import annotations

from itertools import pairwise

from aios3._config import MAX_PART_SIZE, MIN_PART_SIZE
from aios3.errors import UnsupportedError

MAX_PARTS = 10_000
PARTS_PER_SIZE = 1000


def part_size(number: int, first_size: int) -> int:
    """Return the size in bytes of part ``number`` (from 1) of an upload whose first part has ``first_size``.

    Raises UnsupportedError past part 10,000.
    """
    if number > MAX_PARTS:
        message = f"The object would need more than {MAX_PARTS:,} parts, which is S3's limit; use a larger part_size"
        raise UnsupportedError(message)
    return min(MAX_PART_SIZE, first_size << ((number - 1) // PARTS_PER_SIZE))


def copy_ranges(size: int, largest: int | None = None) -> list[tuple[int, int]]:
    """Cut ``size`` bytes into as few ranges as UploadPartCopy takes, each of 5 MiB to 5 GiB and all about equal.

    ``size`` is at least 5 MiB, S3's smallest part. ``largest`` asks for more and smaller ranges, of at most that many
    bytes as long as they are 10,000 or fewer.
    """
    assert size >= MIN_PART_SIZE
    most = MAX_PART_SIZE if largest is None else max(largest, -(-size // MAX_PARTS))
    count = min(-(-size // most), size // MIN_PART_SIZE)
    bounds = [size * index // count for index in range(count + 1)]
    return list(pairwise(bounds))
