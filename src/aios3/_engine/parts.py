"""Part sizes inside S3's limits, and how a copied object is cut.

An upload has at most 10,000 parts of 5 MiB to 5 GiB ("Amazon S3 multipart upload limits"). So an object has at most
48.8 TiB. Some servers, Cloudflare R2 among them, want all parts but the last to have one size.

Where the size of the object is known, all parts but the last have one size. It is the configured one, or a larger one
where 10,000 of those would not be enough. Where it is not known, the first 5,000 parts have the configured size. Every
further 500 have twice the size of those before, up to 5 GiB. From 8 MiB that reaches 6.3 TiB, from 64 MiB 13.9 TiB. An
upload takes memory for the part being filled and those in flight. So an upload whose parts outgrow the budget sends one
at a time.
"""

from __future__ import annotations

from itertools import pairwise

from aios3._config import MIB
from aios3._s3_constants import MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE
from aios3.errors import UnsupportedError

CONSTANT_SIZE_PARTS = 5_000
"""Parts that have the configured size where the size of the object is not known: 39 GiB from 8 MiB."""
PARTS_PER_SIZE = 500


def part_size(number: int, first_size: int, *, equal: bool = False) -> int:
    """Return the size in bytes of part ``number`` (from 1) of an object whose size is not known.

    The first part has ``first_size``; with ``equal`` all have. Raises UnsupportedError past part 10,000.
    """
    if number > MAX_PARTS:
        message = f"The object would need more than {MAX_PARTS:,} parts, which is S3's limit; use a larger part_size"
        raise UnsupportedError(message)
    if equal or number <= CONSTANT_SIZE_PARTS:
        return first_size
    doublings = 1 + (number - 1 - CONSTANT_SIZE_PARTS) // PARTS_PER_SIZE
    return min(MAX_PART_SIZE, first_size << doublings)


def equal_part_size(total: int, preferred: int, max_parts: int = MAX_PARTS) -> int:
    """Return a size that cuts ``total`` bytes into at most ``max_parts`` equal parts and a rest.

    It is ``preferred`` if that does, else a multiple of a MiB. Raises UnsupportedError for more bytes than S3 can hold
    in an object.
    """
    if total > MAX_OBJECT_SIZE:
        message = f"An object of {total:,} bytes is larger than S3's limit of {MAX_OBJECT_SIZE:,} bytes"
        raise UnsupportedError(message)
    if total <= preferred * max_parts:
        return preferred
    return min(MAX_PART_SIZE, _whole_mebibytes(-(-total // max_parts)))


def appending_part_size(existing: int, preferred: int) -> int:
    """Return a size that cuts ``existing`` bytes into equal parts, at most half of those that an upload may have."""
    return equal_part_size(existing, preferred, CONSTANT_SIZE_PARTS)


def equal_ranges(total: int, size: int) -> list[tuple[int, int]]:
    """Cut ``total`` bytes into ranges of ``size`` bytes and a rest."""
    return [(start, min(start + size, total)) for start in range(0, total, size)]


def copy_ranges(size: int, preferred_max: int | None = None, *, followed: bool = False) -> list[tuple[int, int]]:
    """Cut ``size`` bytes into few ranges that UploadPartCopy takes, of one size but for the last.

    ``size`` is at least 5 MiB, S3's smallest part. ``preferred_max`` asks for more and smaller ranges, of at most that
    many bytes as long as they are 10,000 or fewer. If the last range is ``followed`` by other parts, it must not be
    smaller than 5 MiB. Where it would be, all ranges have about one size.
    """
    assert size >= MIN_PART_SIZE
    max_range = MAX_PART_SIZE if preferred_max is None else max(preferred_max, equal_part_size(size, MIN_PART_SIZE))
    count = -(-size // max_range)
    ranges = equal_ranges(size, min(max_range, max(MIN_PART_SIZE, _whole_mebibytes(-(-size // count)))))
    if not followed or ranges[-1][1] - ranges[-1][0] >= MIN_PART_SIZE:
        return ranges
    count = min(count, size // MIN_PART_SIZE)
    return list(pairwise(size * index // count for index in range(count + 1)))


def _whole_mebibytes(size: int) -> int:
    return -(-size // MIB) * MIB
