"""The keys in a file of an S3 Inventory: CSV, packed or not, Parquet or ORC."""

from __future__ import annotations

import csv
import io
import zlib
from typing import TYPE_CHECKING

from aios3.distributed.manifest_rows import decoded_key
from aios3.errors import ConfigError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

FORMATS = ("CSV", "ORC", "Parquet")
"""The formats of S3 Inventory, as its manifests name them."""
_KEY = "key"
"""The name of the column with keys in Parquet and ORC; in CSV the manifest has its place."""


def keys_in(data: bytes, file_format: str, csv_column: int) -> Iterator[str]:
    """Yield the keys in a file. Only CSV has them percent-encoded.

    Raises RequestError for a file that cannot be read as ``file_format``, and ConfigError without pyarrow.
    """
    if file_format != "CSV":
        yield from _columnar_keys(data, file_format)
        return
    text = _unpacked(data).decode("utf-8", errors="surrogateescape")
    for row in csv.reader(io.StringIO(text, newline="")):
        if len(row) > csv_column:
            yield decoded_key(row[csv_column])


def _unpacked(data: bytes) -> bytes:
    """Unpack gzip, of which files of an inventory are made, and return anything else as it is."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompress(data, wbits=31)
    except zlib.error as error:
        message = f"A file of the inventory cannot be unpacked: {error}"
        raise RequestError(message) from error


def _columnar_keys(data: bytes, file_format: str) -> Iterator[str]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - no dependency: only these formats need it
        from pyarrow import orc, parquet  # noqa: PLC0415 - no dependency: only these formats need it
    except ImportError as error:
        message = f"An inventory in {file_format} needs pyarrow: pip install pyarrow; one in CSV does not"
        raise ConfigError(message) from error
    try:
        source = io.BytesIO(data)
        if file_format == "ORC":
            column = orc.ORCFile(source).read([_KEY]).column(_KEY)
        else:
            column = parquet.read_table(source, columns=[_KEY]).column(_KEY)
        chunks: list[pa.Array] = column.cast(pa.binary()).chunks
    except (pa.ArrowException, KeyError, OSError) as error:
        message = f"A file of the inventory cannot be read as {file_format} with the column {_KEY!r}: {error}"
        raise RequestError(message) from error
    for chunk in chunks:
        for key in chunk:
            yield key.as_py().decode("utf-8", errors="surrogateescape")
