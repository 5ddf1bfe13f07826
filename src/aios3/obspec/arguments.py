"""The arguments of obspec's methods as those of aios3's verbs, without I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aios3.errors import ConfigError, InvalidRangeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aios3._entries import StatResult
    from aios3._handles.opening import ReaderOptions, WriterOptions
    from aios3._paths import S3Url

ATTRIBUTES = {
    "Content-Type": "content_type",
    "Content-Encoding": "content_encoding",
    "Content-Disposition": "content_disposition",
    "Content-Language": "content_language",
    "Cache-Control": "cache_control",
}


def directory_prefix(prefix: str | None) -> str:
    """Return the beginning of all paths below ``prefix``, which obspec means by segments."""
    return f"{prefix}/" if prefix and not prefix.endswith("/") else prefix or ""


def pinned(reading: ReaderOptions, stat: StatResult) -> ReaderOptions:
    """Return the options with which the version that was described is read, and no other."""
    return reading if stat.etag is None else {**reading, "if_match": stat.etag}


def range_of(url: S3Url, value: object, size: int) -> tuple[int, int]:
    """Return where a range of obspec begins in an object of ``size`` bytes, and where it stops."""
    match value:
        case {"offset": int(start)}:
            stop = size
        case {"suffix": int(count)}:
            start, stop = max(size - count, 0), size
        case (int(start), int(stop)):
            stop = min(stop, size)
        case _:
            message = f"range must be (start, end), an offset or a suffix, not {value!r}"
            raise ConfigError(message)
    check_not_empty(url, start, stop)
    return start, stop


def stops_of(starts: Sequence[int], ends: Sequence[int] | None, lengths: Sequence[int] | None) -> Sequence[int]:
    """Return where ranges stop, from their ends or their lengths; raise ConfigError unless one of the two is there."""
    if (ends is None) == (lengths is None):
        message = "A range needs its end or its length, and not both"
        raise ConfigError(message)
    stops = ends if ends is not None else [start + n for start, n in zip(starts, lengths or (), strict=False)]
    if len(stops) != len(starts) or (lengths is not None and len(lengths) != len(starts)):
        message = (
            f"There are {len(starts)} starts for {len(ends if ends is not None else lengths or ())} ends or lengths"
        )
        raise ConfigError(message)
    return stops


def check_not_empty(url: S3Url, start: int, stop: int) -> None:
    """Raise InvalidRangeError for a range without bytes."""
    if start < 0 or stop <= start:
        message = f"There are no bytes from {start} to {stop} in {url}"
        raise InvalidRangeError(message, path=str(url))


def writing_options(attributes: Mapping[str, str] | None, tags: dict[str, str] | None) -> WriterOptions:
    """Return the options of a write for obspec's ``attributes``: headers by their names, and metadata."""
    options: dict[str, object] = {}
    metadata: dict[str, str] = {}
    for name, value in (attributes or {}).items():
        if name in ATTRIBUTES:
            options[ATTRIBUTES[name]] = value
        else:
            metadata[name] = value
    if metadata:
        options["metadata"] = metadata
    if tags:
        options["tags"] = tags
    return cast("WriterOptions", options)
