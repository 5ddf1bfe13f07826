"""The arguments of reads at given offsets, checked before anything is awaited. No I/O."""

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


def negative_error(name: str, method: str, *arguments: int) -> InvalidRangeError:
    """Build the error for a negative offset or size of a read of the file ``name``."""
    message = f"{method}({', '.join(map(str, arguments))}) on {name}: no offset or size is negative"
    return InvalidRangeError(message, path=name)


def checked_ranges(name: str, method: str, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ``ranges`` as a list; raise InvalidRangeError for a negative or reversed one."""
    range_list = list(ranges)
    for start, stop in range_list:
        if start < 0 or stop < start:
            message = f"{method} on {name}: ({start}, {stop}) is no range; it takes (start, stop) pairs"
            raise InvalidRangeError(message, path=name)
    return range_list


@contextlib.contextmanager
def destinations(
    name: str, method: str, ranges: Iterable[tuple[int, int]], buffers: Iterable[Buffer]
) -> Iterator[list[Destination]]:
    """Give the memory of each buffer for the bytes of its range.

    Raises InvalidRangeError for ranges that are none, and unless each has a buffer of its own size. Raises TypeError
    for a buffer that cannot be written, or does not lie in a row.
    """
    range_list, buffer_list = checked_ranges(name, method, ranges), list(buffers)
    if len(range_list) != len(buffer_list):
        message = f"{method} on {name}: {len(range_list)} ranges and {len(buffer_list)} buffers; each range needs one"
        raise InvalidRangeError(message, path=name)
    with contextlib.ExitStack() as stack:
        targets = []
        for (start, stop), buffer in zip(range_list, buffer_list, strict=True):
            view = stack.enter_context(writable_buffer(buffer, method))
            if len(view) != stop - start:
                message = (
                    f"{method} on {name}: the range ({start}, {stop}) has {stop - start:,} bytes, "
                    f"and its buffer {len(view):,}; they must be equal"
                )
                raise InvalidRangeError(message, path=name)
            targets.append(Destination(start, view))
        yield targets
