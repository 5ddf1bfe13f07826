"""Where a seek leads, by the rules of :func:`os.lseek`; and the bytes of what is read into or written."""

from __future__ import annotations

import contextlib
import errno
import io
import operator
import os
from typing import TYPE_CHECKING

from aios3.errors import InvalidRangeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

_SEEK_DATA = getattr(os, "SEEK_DATA", 3)
_SEEK_HOLE = getattr(os, "SEEK_HOLE", 4)


def position_of(name: str, offset: int, whence: int, position: int, size: int) -> int:
    """Return where ``seek(offset, whence)`` leads in a file of ``size`` bytes that stands at ``position``.

    An object has no holes, so SEEK_DATA finds the byte at ``offset``, and SEEK_HOLE the end. Raises InvalidRangeError
    for a position before the start and an unknown ``whence`` (EINVAL), and where there is no data (ENXIO). Raises
    TypeError for anything but an integer.
    """
    offset, whence = operator.index(offset), operator.index(whence)
    if whence in {_SEEK_DATA, _SEEK_HOLE} and offset >= 0:
        if offset < size:
            return offset if whence == _SEEK_DATA else size
        error = InvalidRangeError(f"Cannot seek to data or a hole at {offset} of {size} bytes in {name}", path=name)
        error.errno = errno.ENXIO
        raise error
    base = {os.SEEK_SET: 0, os.SEEK_CUR: position, os.SEEK_END: size}.get(whence)
    if base is None or base + offset < 0:
        message = f"Cannot seek to {offset} from {whence} in {name}: no such position"
        raise InvalidRangeError(message, path=name)
    return base + offset


def byte_view(data: Buffer) -> memoryview:
    """Return the bytes of ``data``, whatever their shape and type: a view, or a copy of what Python has no format for.

    Raises BufferError if they do not lie in a row.
    """
    view = _view(data)
    return memoryview(b"".join((data,))) if view is None else view


def writable_view(buffer: Buffer, method: str = "readinto") -> memoryview | None:
    """Return the bytes of ``buffer`` for ``method`` to read into; None if Python has no format for what they are.

    Raises TypeError for memory that cannot be written, or does not lie in a row.
    """
    if type(buffer) is bytearray:
        return memoryview(buffer)
    try:
        view = _view(buffer)
    except BufferError as error:
        raise _no_room(buffer, method, "its bytes do not lie in a row (C order)") from error
    if view is not None and view.readonly:
        raise _no_room(buffer, method, "it is read-only")
    return view


@contextlib.contextmanager
def writable_buffer(buffer: Buffer, method: str = "readinto") -> Iterator[memoryview]:
    """Give the memory of ``buffer`` to read into; of what Python has no format for, a copy that is put back.

    The view is released at the end: a thread may keep it a little longer, and a ``bytearray`` could not grow meanwhile.
    Raises TypeError for memory that cannot be written, or does not lie in a row.
    """
    view = writable_view(buffer, method)
    if view is None:
        data = bytearray(b"".join((buffer,)))
        yield memoryview(data)
        io.BytesIO(data).readinto(buffer)
    else:
        with view:
            yield view


def _no_room(buffer: Buffer, method: str, why: str) -> TypeError:
    what = type(buffer).__name__
    return TypeError(f"{method}() argument must be read-write bytes-like object, not {what}: {why}")


def _view(data: Buffer) -> memoryview | None:
    """Return a view of the bytes of ``data``; None if Python has no format for what they are."""
    try:
        view = memoryview(data)
    except ValueError:  # NumPy does not describe times as a buffer, but has their bytes
        return None
    if not view.c_contiguous:
        message = "memoryview: underlying buffer is not C-contiguous"
        raise BufferError(message)
    if not view.nbytes:
        return memoryview(b"" if view.readonly else bytearray())
    try:
        return view.cast("B")
    except ValueError:  # a structure, or another order of bytes than the machine's
        return None
