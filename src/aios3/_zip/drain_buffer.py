"""The file that ``zipfile`` writes an archive to: memory that is emptied into S3.

It cannot be sought, and so nothing is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class DrainBuffer:
    """A file that takes bytes until they are fetched."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._discards = False

    def write(self, data: Buffer) -> int:
        """Take ``data``."""
        chunk = bytes(data)
        if not self._discards:
            self._chunks.append(chunk)
        return len(chunk)

    def flush(self) -> None:
        """Do nothing: what was written waits to be fetched."""

    def close(self) -> None:
        """Do nothing: what was written waits to be fetched."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)

    def discard(self) -> None:
        """Forget everything, and all that will be written."""
        self._chunks = []
        self._discards = True
