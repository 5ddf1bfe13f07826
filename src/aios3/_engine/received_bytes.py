"""Memory that is received into and that becomes a ``bytes`` without another copy.

CPython shares the memory of an ``io.BytesIO`` with the result of ``getvalue()``, and its view can be written to. But
CPython 3.12.0 and 3.12.1 crash when the garbage collector finds such views (python/cpython#111049). Sharing is not safe
without the interpreter's lock, either. There the bytes are copied once.
"""

from __future__ import annotations

import functools
import io
import sys

from aios3._aligned_buffers import allocate_aligned

_RETURNED_BYTES = 8 * 1024 * 1024
"""Memory that is taken and returned once, at first. From then on glibc keeps up to twice as much of what is returned,
instead of unmapping each MiB. Reading 1 GiB costs 30,000 page faults less."""
_FIRST_CRASHING, _LAST_CRASHING = (3, 12, 0), (3, 12, 1)


def can_share() -> bool:
    """Return whether this interpreter shares such memory safely."""
    is_sound = not _FIRST_CRASHING <= sys.version_info[:3] <= _LAST_CRASHING
    return sys.implementation.name == "cpython" and "t" not in getattr(sys, "abiflags", "") and is_sound


CAN_SHARE = can_share()
"""True if the memory and the ``bytes`` are the same."""


@functools.cache
def _keep_returned_memory() -> None:
    """Let the allocator use memory again that ``bytes`` have returned; costs two calls of the kernel."""
    bytes(_RETURNED_BYTES)


class _Memory(io.BytesIO):
    __slots__ = ()

    def __del__(self) -> None:
        """Do nothing: closing, which a BytesIO does here, fails beside a view that is garbage as well."""


class ReceivedBytes:
    """``size`` bytes of memory, taken when they are first used, until :meth:`take` makes them a ``bytes``."""

    __slots__ = ("_memory", "_size", "_view")

    def __init__(self, size: int) -> None:
        self._size = size
        self._memory: _Memory | None = None
        self._view: memoryview | None = None

    @property
    def view(self) -> memoryview:
        """The memory to receive into."""
        return self._allocate() if self._view is None else self._view

    def part(self, start: int, stop: int) -> memoryview:
        """Return the memory to receive the bytes from ``start`` up to ``stop`` into."""
        return (self._allocate() if self._view is None else self._view)[start:stop]

    def take(self) -> bytes:
        """Return the bytes; nothing can be received after that. They are copied if a part of the view is in use."""
        view = self._allocate() if self._view is None else self._view
        memory, self._memory = self._memory, None  # what still refers to this, perhaps as garbage, keeps no bytes
        data = bytes(view) if memory is None else b""
        view.release()
        return data if memory is None else memory.getvalue()

    def _allocate(self) -> memoryview:
        _keep_returned_memory()
        if CAN_SHARE:
            self._memory = _Memory(bytes(self._size))  # no one else has these bytes: they can be written
        self._view = memoryview(allocate_aligned(self._size)) if self._memory is None else self._memory.getbuffer()
        return self._view
