"""The rows of a CSV manifest of S3 Batch Operations: bucket, key and version, read from a part of the object."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from aios3._handles.opening import aopen
from aios3.errors import ObjectChangedError, RequestError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3._session import Session
    from aios3.distributed.ranges import ManifestRows

_VERSIONED_COLUMNS = 3
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
MIN_COLUMNS = 2
"""Bucket and key; a third column has the version."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One object that a manifest names."""

    bucket: str
    key: str
    version_id: str = ""


async def read_rows(session: Session, rows: ManifestRows) -> list[ManifestRow]:
    """Return what the rows name; raise ObjectChangedError if the manifest is not the version that was cut."""
    async with aopen(rows.url, session=session) as file:
        if file.stat().etag != rows.etag:
            message = f"{rows.url} is another manifest than the one that was cut into ranges; cut it again"
            raise ObjectChangedError(message, path=rows.url)
        await file.seek(rows.start)
        data = await file.read(rows.stop - rows.start)
    return parse_rows(data, rows.url)


def parse_rows(data: bytes, path: str) -> list[ManifestRow]:
    """Parse lines of a manifest, each object once; a byte order mark is left out.

    Raises RequestError for a row without a key and for broken CSV, and UnsupportedError for a packed manifest.
    """
    if data.startswith(GZIP):
        message = (
            f"The manifest {path} is packed with gzip; unpack it, because its rows are read from their places in it"
        )
        raise UnsupportedError(message, path=path)
    text = data.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", errors="surrogateescape")
    rows: list[ManifestRow] = []
    for columns in _parsed(text, path):
        if not columns:
            continue
        if len(columns) < MIN_COLUMNS:
            message = f"A row of the manifest {path} has {len(columns)} column; it needs a bucket and a key"
            raise RequestError(message, path=path)
        version = columns[2] if len(columns) >= _VERSIONED_COLUMNS else ""
        rows.append(ManifestRow(columns[0], decoded_key(columns[1]), version))
    return list(dict.fromkeys(rows))


def _parsed(text: str, path: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        message = f"The manifest {path} is no CSV with a bucket and a key in each row: {error}"
        raise RequestError(message, path=path) from error


def decoded_key(text: str) -> str:
    """Return the key that a manifest has percent-encoded; ``+`` is a plus sign there."""
    return unquote_to_bytes(text).decode("utf-8", errors="surrogateescape")
