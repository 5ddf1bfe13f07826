"""The keys of latest versions in a file of an S3 Inventory: CSV, packed or not, Parquet or ORC."""

from __future__ import annotations

import csv
import io
import zlib
from typing import TYPE_CHECKING

from aios3.distributed.manifest_rows import decoded_key
from aios3.errors import ConfigError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

FORMATS = ("CSV", "ORC", "Parquet")
"""The formats of S3 Inventory, as its manifests name them."""
_KEY, _IS_LATEST, _IS_DELETE_MARKER = "key", "is_latest", "is_delete_marker"
"""Names of columns in Parquet and ORC; in CSV they are Key, IsLatest and IsDeleteMarker, as its manifest says."""


def keys_in(data: bytes, file_format: str, csv_columns: Sequence[str]) -> Iterator[str]:
    """Yield the keys in a file, without those of older versions and of delete markers.

    Only CSV has them percent-encoded. ``csv_columns`` are the names of its columns.

    Raises RequestError for a file that cannot be read as ``file_format``, and ConfigError without pyarrow.
    """
    if file_format != "CSV":
        yield from _columnar_keys(data, file_format)
        return
    text = _unpacked(data).decode("utf-8", errors="surrogateescape")
    for row in csv.reader(io.StringIO(text, newline="")):
        values = dict(zip(csv_columns, row, strict=False))
        is_latest, is_marker = values.get("IsLatest", "true"), values.get("IsDeleteMarker", "false")
        if "Key" in values and is_latest.lower() != "false" and is_marker.lower() != "true":
            yield decoded_key(values["Key"])


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
        file = orc.ORCFile(source) if file_format == "ORC" else parquet.ParquetFile(source)
        names = file.schema.names if file_format == "ORC" else file.schema_arrow.names
        table = file.read([_KEY, *(name for name in (_IS_LATEST, _IS_DELETE_MARKER) if name in names)])
        for name, excluded in ((_IS_LATEST, False), (_IS_DELETE_MARKER, True)):
            if name in table.column_names:
                table = table.filter(pa.array([value is not excluded for value in table[name].to_pylist()]))
        chunks: list[pa.Array] = table.column(_KEY).cast(pa.binary()).chunks
    except (pa.ArrowException, KeyError, OSError) as error:
        message = f"A file of the inventory cannot be read as {file_format} with the column {_KEY!r}: {error}"
        raise RequestError(message) from error
    for chunk in chunks:
        for key in chunk:
            yield key.as_py().decode("utf-8", errors="surrogateescape")
