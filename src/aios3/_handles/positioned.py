"""The arguments of reads at given places, checked before anything is awaited. No I/O."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._handles.positions import writable_buffer
from aios3.errors import InvalidRangeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class Destination:
    """Memory of the caller's for the bytes from ``start`` on."""

    start: int
    view: memoryview

    @property
    def stop(self) -> int:
        """Offset after the last byte."""
        return self.start + len(self.view)

    def part(self, start: int, stop: int) -> Destination:
        """Return the memory for the bytes from ``start`` up to ``stop``."""
        return Destination(start, self.view[start - self.start : stop - self.start])

    def before(self, size: int) -> Destination:
        """Return the memory for the bytes that an object of ``size`` bytes has."""
        return self if self.stop <= size else Destination(self.start, self.view[: max(size - self.start, 0)])


def negative(name: str, method: str, *given: int) -> InvalidRangeError:
    """Build the error for a negative offset or size of a read of the file ``name``."""
    message = f"{method}({', '.join(map(str, given))}) on {name}: no offset or size is negative"
    return InvalidRangeError(message, path=name)


def checked_ranges(name: str, method: str, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ``ranges`` as a list; raise InvalidRangeError for a negative or reversed one."""
    requested = list(ranges)
    for start, stop in requested:
        if start < 0 or stop < start:
            message = f"{method} on {name}: ({start}, {stop}) is no range; it takes (start, stop) pairs"
            raise InvalidRangeError(message, path=name)
    return requested


@contextlib.contextmanager
def destinations(
    name: str, method: str, ranges: Iterable[tuple[int, int]], buffers: Iterable[Buffer]
) -> Iterator[list[Destination]]:
    """Give the memory of each buffer for the bytes of its range.

    Raises InvalidRangeError for ranges that are none, and unless each has a buffer of its own size. Raises TypeError
    for a buffer that cannot be written, or does not lie in a row.
    """
    requested, given = checked_ranges(name, method, ranges), list(buffers)
    if len(requested) != len(given):
        message = f"{method} on {name}: {len(requested)} ranges and {len(given)} buffers; each range needs one"
        raise InvalidRangeError(message, path=name)
    with contextlib.ExitStack() as stack:
        wanted = []
        for (start, stop), buffer in zip(requested, given, strict=True):
            view = stack.enter_context(writable_buffer(buffer, method))
            if len(view) != stop - start:
                message = (
                    f"{method} on {name}: the range ({start}, {stop}) has {stop - start:,} bytes, "
                    f"and its buffer {len(view):,}; they must be equal"
                )
                raise InvalidRangeError(message, path=name)
            wanted.append(Destination(start, view))
        yield wanted
