"""Key ranges: the unit of work of a distributed run, as a small value without credentials."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from aios3._namespace.split_points import sort_key
from aios3._paths import S3Url
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ID_CHARACTERS = 32
"""Hexadecimal characters of a range's id: 128 bits of its SHA-256."""


@dataclass(frozen=True, slots=True)
class ManifestRows:
    """The rows of a CSV manifest that lie in the bytes ``[start, stop)`` of the object ``url``.

    ``etag`` is that of the version of the manifest whose rows were counted.
    """

    url: str
    etag: str
    start: int
    stop: int
    has_versions: bool = False
    """True if a row names a version."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys below ``url`` after the key ``after`` and up to the key ``upto``, or the keys in rows of a manifest.

    Both bounds are whole keys of the bucket. The range begins after ``after``, or with ``""`` at the start of the tree.
    It ends with ``upto``, which it includes, or with None at the end of the tree. The number or estimate of its keys
    when it was made is ``keys``, or None. Raises ConfigError for bounds that are out of order, or that do not begin
    with the prefix of ``url``. Raises InvalidPathError for a path without a bucket.
    """

    url: str
    after: str = ""
    upto: str | None = None
    keys: int | None = field(default=None, compare=False)
    rows: ManifestRows | None = None

    def __post_init__(self) -> None:
        prefix = self.root.prefix
        for bound in (self.after, self.upto):
            if bound and not bound.startswith(prefix):
                message = f"The bound {bound!r} of a key range does not begin with {prefix!r}, as all keys of it do"
                raise ConfigError(message, path=self.url)
        if self.upto is not None and sort_key(self.upto) <= sort_key(self.after):
            message = f"A key range ends after it begins; {self.upto!r} does not come after {self.after!r}"
            raise ConfigError(message, path=self.url)
        if self.rows is not None and (self.after or self.upto is not None):
            message = "A key range has bounds, or rows of a manifest, and not both"
            raise ConfigError(message, path=self.url)

    @property
    def root(self) -> S3Url:
        """The tree that the range is a part of."""
        url = S3Url.parse(self.url).require_bucket()
        return url.with_key(url.prefix)

    @property
    def id(self) -> str:
        """A name for the range, the same in every process; it does not depend on ``keys``."""
        rows = None if self.rows is None else asdict(self.rows)
        text = json.dumps([str(self.root), self.after, self.upto, rows], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_ID_CHARACTERS]

    def contains(self, key: str) -> bool:
        """Return whether ``key`` lies between the bounds; rows of a manifest are not looked at."""
        inside = key.startswith(self.root.prefix) and sort_key(key) > sort_key(self.after)
        return inside and (self.upto is None or sort_key(key) <= sort_key(self.upto))


def range_to_json(key_range: KeyRange) -> dict[str, object]:
    """Return ``key_range`` as a value of JSON."""
    return asdict(key_range)


def range_from_json(value: Mapping[str, object]) -> KeyRange:
    """Return the key range that :func:`range_to_json` has written."""
    rows = value.get("rows")
    fields = {**value, "rows": ManifestRows(**rows) if isinstance(rows, dict) else None}
    return KeyRange(**fields)  # type: ignore[arg-type]  # checked by __post_init__


def ranges_between(url: S3Url, bounds: Sequence[str], counts: Sequence[int]) -> list[KeyRange]:
    """Return the ranges that ``bounds`` cut the tree ``url`` into; the first and the last are open to the outside."""
    lower, upper = ["", *bounds], [*bounds, None]
    return [KeyRange(str(url), after, upto, count) for after, upto, count in zip(lower, upper, counts, strict=True)]
