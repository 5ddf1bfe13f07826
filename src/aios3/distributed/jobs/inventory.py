"""``Inventory``: write what a listing says of a range, as CSV or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from typing_extensions import override

from aios3._objects import write_bytes
from aios3._paths import S3Url
from aios3._threads import in_thread
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import source_tree
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._session import Session
    from aios3._trees.file_trees import S3Tree, TreeEntry
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange

InventoryFormat = Literal["csv", "parquet"]
"""The format of an inventory's files: gzipped CSV, or Parquet, which needs pyarrow on the workers."""

INVENTORY_COLUMNS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass")
"""The columns of the CSV, by their names in S3 Inventory, without a heading. Keys are percent-encoded."""


@dataclass(frozen=True)
class Inventory(Job):
    """Write the objects of each range to one file below ``dst``, which its report names as ``output``.

    A file is written as a whole, and again if its range is done again. Rows have bucket, key, size in bytes, time of
    modification, ETag and storage class. In Parquet the columns are ``bucket``, ``key``, ``size``, ``last_modified``
    (a timestamp), ``etag``, ``storage_class`` and ``age_days``. A worker needs memory for the rows of one range.
    """

    dst: str
    format: InventoryFormat = "csv"

    def __post_init__(self) -> None:
        super().__post_init__()
        S3Url.parse(self.dst).require_bucket()
        if self.format not in {"csv", "parquet"}:
            message = f"format must be 'csv' or 'parquet', not {self.format!r}"
            raise ConfigError(message)

    @override
    def targets(self) -> tuple[S3Url, ...]:
        return (S3Url.parse(self.dst),)

    @override
    def check(self, key_range: KeyRange) -> None:
        super().check(key_range)
        if S3Url.parse(self.dst).prefix.startswith(key_range.root.prefix) and self._bucket == key_range.root.bucket:
            message = f"{self.dst} lies below {key_range.url}; an inventory would list its own files"
            raise ConfigError(message, path=self.dst)

    @property
    def _bucket(self) -> str:
        return S3Url.parse(self.dst).bucket

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        tree = source_tree(session, key_range)
        entries: list[TreeEntry] = []
        async with aclosing(tree.batches()) as batches:
            async for batch in batches:
                for entry in batch:
                    with counters.transfer.collecting(tree.path(entry.name)):
                        if entry.error is not None:
                            raise entry.error
                        entries.append(entry)
        suffix, encode = (".parquet", _parquet) if self.format == "parquet" else (".csv.gz", _csv)
        target = S3Url.parse(self.dst)
        output = target.with_key(f"{target.prefix}{key_range.id}{suffix}")
        await write_bytes(output, await in_thread(encode, tree, entries), session=session)
        counters.processed += len(entries)
        counters.transfer.bytes += sum(entry.size for entry in entries)
        counters.output = str(output)


def _csv(tree: S3Tree, entries: Sequence[TreeEntry]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for entry in entries:
        url = tree.url(entry.name)
        time = _time(entry).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        key = quote(url.key.encode(errors="surrogateescape"), safe="/")
        rows.writerow([url.bucket, key, entry.size, time, entry.etag or "", entry.storage_class or "STANDARD"])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _parquet(tree: S3Tree, entries: Sequence[TreeEntry]) -> bytes:
    try:
        import pyarrow as pa  # noqa: PLC0415 - no dependency: only Parquet needs it
        import pyarrow.parquet as pq  # noqa: PLC0415 - no dependency: only Parquet needs it
    except ImportError as error:
        message = "Inventory(format='parquet') needs pyarrow on every worker; format='csv' does not"
        raise ConfigError(message) from error
    now = datetime.now(UTC)
    columns = {
        "bucket": [tree.root.bucket] * len(entries),
        "key": [tree.url(entry.name).key for entry in entries],
        "size": [entry.size for entry in entries],
        "last_modified": [_time(entry) for entry in entries],
        "etag": [entry.etag for entry in entries],
        "storage_class": [entry.storage_class or "STANDARD" for entry in entries],
        "age_days": [(now - _time(entry)).total_seconds() / 86_400 for entry in entries],
    }
    types = {
        "bucket": pa.string(),
        "key": pa.string(),
        "size": pa.int64(),
        "last_modified": pa.timestamp("ms", tz="UTC"),
        "etag": pa.string(),
        "storage_class": pa.string(),
        "age_days": pa.float64(),
    }
    table = pa.table(columns, schema=pa.schema(types.items()))
    data = io.BytesIO()
    pq.write_table(table, data, compression="zstd")
    return data.getvalue()


def _time(entry: TreeEntry) -> datetime:
    return datetime.fromtimestamp(entry.mtime, UTC)
