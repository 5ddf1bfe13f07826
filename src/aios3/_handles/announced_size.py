"""Memory for as many bytes as a server has announced. The number is the server's word, and may be any."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def memory_for(size: int, path: str) -> Iterator[None]:
    """Raise ServerError if memory for the announced ``size`` bytes of ``path`` cannot be had inside of the ``with``."""
    try:
        yield
    except (MemoryError, OverflowError) as error:
        message = (
            f"GetObject {path}: the server announces {size:,} bytes, and memory for so many at once cannot be had; "
            "if that is the size of the object, read it in ranges"
        )
        raise ServerError(message, path=path, operation="GetObject") from error
