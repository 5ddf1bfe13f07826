"""``ranges_from_manifest``: key ranges from an S3 Inventory, or from a manifest of S3 Batch Operations."""

from __future__ import annotations

import hashlib
import itertools
import json
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._handles.opening import aopen
from aios3._namespace.split_points import sort_key
from aios3._objects import read_bytes
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._threads import in_thread
from aios3.distributed.inventory_files import FORMATS, keys_in
from aios3.distributed.manifest_rows import GZIP, MIN_COLUMNS, parse_rows
from aios3.distributed.ranges import KeyRange, ManifestRows
from aios3.distributed.splitting import DEFAULT_KEYS, check_number
from aios3.errors import ChecksumMismatchError, RequestError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence

    from aios3._paths import AnyPath
    from aios3._session import Session

_MAX_SAMPLES = 200_000
"""Keys of an inventory that are kept in memory; more than that, and every second is dropped."""
_SURROGATES = range(0xD800, 0xE000)
_ARN_OF_BUCKET = "arn:aws:s3:::"


async def ranges_from_manifest(
    url: AnyPath, keys: int = DEFAULT_KEYS, *, session: Session | None = None
) -> list[KeyRange]:
    """Return key ranges of about ``keys`` keys each for what a manifest names.

    The ``manifest.json`` of an S3 Inventory becomes intervals of keys, without any listing of the bucket. They
    reach from the inventory's first key to its last. What was written in between since is in them too, because workers
    list; what the inventory names and is gone is not. Its files are compared with the MD5s in the manifest. Of an
    inventory of all versions, older versions and delete markers are left out, because no listing has them.

    Another object is taken for a CSV manifest of S3 Batch Operations, with the columns bucket and key. Ranges are rows
    of it, and name exactly those keys. All rows must be of one bucket. A third column may have versions. ``Copy``,
    ``Remove``, ``Checksum()`` and ``Measure`` work on those, and other jobs raise UnsupportedError before a run begins.

    Inventories in ORC or Parquet need pyarrow. Raises ConfigError where it is not installed, UnsupportedError for
    inventories in other formats, RequestError for other objects, and ChecksumMismatchError.
    """
    check_number("keys", keys)
    current, manifest_url = current_session(session), S3Url.parse(url).require_object()
    if manifest_url.name.endswith(".json"):
        return await _inventory_ranges(current, manifest_url, keys)
    return await _row_ranges(current, manifest_url, keys)


async def _row_ranges(session: Session, url: S3Url, size: int) -> list[KeyRange]:
    """Cut a CSV at the ends of rows."""
    ranges: list[KeyRange] = []
    bucket = ""
    async with aopen(url, session=session) as file:
        etag = file.stat().etag or ""
        start, position, rows, has_versions = 0, 0, 0, False
        async with aclosing(_whole_rows(file)) as parts:
            async for lines in parts:
                position += len(lines)
                parsed_rows = parse_rows(lines, str(url))
                rows += len(parsed_rows)
                has_versions = has_versions or any(row.version_id for row in parsed_rows)
                bucket = bucket or (parsed_rows[0].bucket if parsed_rows else "")
                other = next((row.bucket for row in parsed_rows if row.bucket != bucket), None)
                if other is not None:
                    message = f"The manifest {url} names objects of more than one bucket, such as {other!r}"
                    raise UnsupportedError(message, path=str(url))
                if rows >= size:
                    ranges.append(_row_range(bucket, ManifestRows(str(url), etag, start, position, has_versions), rows))
                    start, rows, has_versions = position, 0, False
        if rows:
            ranges.append(_row_range(bucket, ManifestRows(str(url), etag, start, position, has_versions), rows))
    return ranges


async def _whole_rows(file: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a CSV, those together that a quoted field may reach across."""
    lines = bytearray()
    async for line in file:
        lines += line
        if lines.count(b'"') % 2 == 0 or lines.startswith(GZIP):
            yield bytes(lines)
            lines.clear()
    if lines:
        yield bytes(lines)  # a quote in a field that is not quoted, or a quoted field that does not end


def _row_range(bucket: str, rows: ManifestRows, count: int) -> KeyRange:
    url = S3Url(bucket, "", S3Url.parse(rows.url).profile)
    return KeyRange(str(url), keys=count, rows=rows)


async def _inventory_ranges(session: Session, url: S3Url, size: int) -> list[KeyRange]:
    manifest = _parsed_manifest(await read_bytes(url, session=session), url)
    file_format = str(manifest.get("fileFormat", "CSV"))
    columns = _columns(manifest, url) if file_format == "CSV" else ()
    source = S3Url(str(manifest["sourceBucket"]), "", url.profile)
    bucket = str(manifest.get("destinationBucket", "")).removeprefix(_ARN_OF_BUCKET) or url.bucket
    sample = _KeySample()
    for each in _files(manifest, url):
        data = await read_bytes(S3Url(bucket, str(each["key"]), url.profile), session=session)
        await in_thread(_check_md5, data, each, url)
        await in_thread(sample.add_all, keys_in(data, file_format, columns))
    return sample.ranges(source, size)


def _parsed_manifest(data: bytes, url: S3Url) -> Mapping[str, object]:
    try:
        manifest = json.loads(data)
    except ValueError as error:
        message = f"{url} is no manifest of an S3 Inventory, because it is not JSON: {error}"
        raise RequestError(message, path=str(url)) from error
    if not isinstance(manifest, dict) or not {"sourceBucket", "fileSchema", "files"} <= manifest.keys():
        message = f"{url} is no manifest of an S3 Inventory: it has no sourceBucket, fileSchema or files"
        raise RequestError(message, path=str(url))
    if manifest.get("fileFormat", "CSV") not in FORMATS:
        message = f"{url} is of an inventory in {manifest['fileFormat']}; {', '.join(FORMATS)} are read"
        raise UnsupportedError(message, path=str(url))
    return manifest


def _columns(manifest: Mapping[str, object], url: S3Url) -> list[str]:
    columns = [name.strip() for name in str(manifest["fileSchema"]).split(",")]
    if "Key" not in columns or len(columns) < MIN_COLUMNS:
        message = f"{url} is of an inventory without the column Key"
        raise RequestError(message, path=str(url))
    return columns


def _files(manifest: Mapping[str, object], url: S3Url) -> Sequence[Mapping[str, object]]:
    files = manifest["files"]
    if not isinstance(files, list) or not all(isinstance(each, dict) and "key" in each for each in files):
        message = f"{url} is no manifest of an S3 Inventory: its files have no keys"
        raise RequestError(message, path=str(url))
    return files


def _check_md5(data: bytes, file: Mapping[str, object], url: S3Url) -> None:
    expected = file.get("MD5checksum")
    if expected is not None and hashlib.md5(data, usedforsecurity=False).hexdigest() != expected:
        message = f"{file['key']} is not the file that {url} describes: its MD5 is not {expected}"
        raise ChecksumMismatchError(message, path=str(file["key"]))


class _KeySample:
    """Keys at a fixed distance in a stream of keys, their number, and the first and last of all in key order."""

    def __init__(self) -> None:
        self._samples: list[str] = []
        self._step = 1
        self._count = 0
        self._first: str | None = None
        self._last: str | None = None

    def add_all(self, keys: Iterable[str]) -> None:
        for key in keys:
            if self._first is None or sort_key(key) < sort_key(self._first):
                self._first = key
            if self._last is None or sort_key(key) > sort_key(self._last):
                self._last = key
            self._count += 1
            if self._count % self._step == 0:
                self._samples.append(key)
                if len(self._samples) > _MAX_SAMPLES:
                    self._samples = self._samples[1::2]
                    self._step *= 2

    def ranges(self, root: S3Url, size: int) -> list[KeyRange]:
        """Return the intervals of about ``size`` keys from the first key to the last."""
        if self._first is None or self._last is None:
            return []
        ordered = sorted(set(self._samples), key=sort_key)
        number = max(1, round(self._count / size))
        inner = dict.fromkeys(ordered[max(0, len(ordered) * index // number - 1)] for index in range(1, number))
        bounds = [before(self._first), *(key for key in inner if key != self._last), self._last]
        each = round(self._count / (len(bounds) - 1))
        return [KeyRange(str(root), after, upto, each) for after, upto in itertools.pairwise(bounds)]


def before(key: str) -> str:
    """Return a text that sorts before ``key`` with as good as no text in between; ``""`` for the first of all.

    A character that stands for a byte which is not UTF-8 sorts by that byte, not where its code is. The text is the
    rest of the key then.
    """
    stem, last = key[:-1], ord(key[-1:] or "\0")
    if not last or last in _SURROGATES:
        return stem
    lower = chr(last - 1) if last - 1 not in _SURROGATES else "\ud7ff"
    return f"{stem}{lower}\U0010ffff"
