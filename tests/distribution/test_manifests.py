"""Ranges from manifests: exactly the keys that a CSV names, and an inventory's keys without any listing."""

from __future__ import annotations

import asyncio
import csv
import gzip
import hashlib
import io
import json
import sys
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow.orc
import pyarrow.parquet
import pytest

import aios3
from aios3.distributed import Copy, Inventory, KeyRange, Map, Remove, ranges_from_manifest
from aios3.distributed.manifest_rows import read_rows
from aios3.distributed.manifests import _KeySample
from aios3.errors import ChecksumMismatchError, ConfigError, RequestError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from admin import Admin

NAMES = ["a b", "c+d", "e,f", 'g"h', "i\xe9", *(f"{n:03}" for n in range(20))]


def cut(config: aios3.Config, path: str, **how) -> list[KeyRange]:
    async def inside() -> list[KeyRange]:
        async with aios3.Session(config) as session:
            return await ranges_from_manifest(path, session=session, **how)

    return asyncio.run(inside())


def name(bucket: str) -> str:
    return bucket.removeprefix("s3://")


def csv_of(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def stored(bucket: str, admin: Admin) -> str:
    for each in NAMES:
        admin.put(f"{bucket}/in/{each}", each.encode())
    admin.put(f"{bucket}/in/zzz-not-named", b"stays")
    return bucket


@pytest.fixture
def other(more_buckets: Callable[[], str]) -> str:
    return more_buckets()


def rows_of(bucket: str) -> list[list[str]]:
    return [[name(bucket), quote(f"in/{each}")] for each in NAMES]


def test_rows_of_a_csv_name_exactly_those_keys(stored, other, config, admin):
    admin.put(f"{other}/manifest.csv", csv_of(rows_of(stored)))
    ranges = cut(config, f"{other}/manifest.csv", keys=7)
    assert [each.keys for each in ranges] == [7, 7, 7, 4]
    assert all(one.rows.stop == two.rows.start for one, two in pairwise(ranges))
    reports = [Remove(config=config)(each) for each in ranges]
    assert sum(each.counts.deleted for each in reports) == len(NAMES)
    assert admin.keys(stored) == ["in/zzz-not-named"]


def test_rows_are_copied_once_and_keep_their_keys(stored, other, config, admin):
    admin.put(f"{other}/manifest.csv", csv_of(rows_of(stored) + rows_of(stored)[:3]))
    (key_range,) = cut(config, f"{other}/manifest.csv")
    report = Copy(f"{other}/copy", config=config)(key_range)
    assert (report.counts.copied, report.ok) == (len(NAMES), True)
    assert {f"copy/in/{each}" for each in NAMES} <= set(admin.keys(other))
    again = Copy(f"{other}/copy", config=config)(key_range)
    assert (again.counts.copied, again.counts.skipped) == (0, len(NAMES))


CALLED: list[str] = []


def test_a_function_is_called_with_what_rows_name(stored, other, config, admin):
    CALLED.clear()
    admin.put(f"{other}/manifest.csv", csv_of(rows_of(stored)[:2]))
    (key_range,) = cut(config, f"{other}/manifest.csv")
    assert Map(CALLED.append, config=config)(key_range).counts.processed == 2
    assert sorted(CALLED) == [f"{stored}/in/a b", f"{stored}/in/c+d"]


def test_rows_that_name_nothing_are_failures_by_name(stored, other, config, admin):
    rows = [*rows_of(stored)[:1], [name(stored), "in/missing"]]
    admin.put(f"{other}/manifest.csv", csv_of(rows))
    (key_range,) = cut(config, f"{other}/manifest.csv")
    for job in (Copy(f"{other}/x", config=config), Inventory(f"{other}/i", config=config), Remove(config=config)):
        report = job(key_range)
        assert [each.path for each in report.failures] == [f"{stored}/in/missing"]


def test_a_manifest_that_was_replaced_is_not_read_at_the_old_places(stored, other, config, admin):
    admin.put(f"{other}/manifest.csv", csv_of(rows_of(stored)))
    (key_range,) = cut(config, f"{other}/manifest.csv")
    admin.put(f"{other}/manifest.csv", csv_of(rows_of(stored)[::-1]))
    report = Remove(config=config)(key_range)
    assert report.error.code == "ObjectChangedError"
    assert "another manifest" in report.error.message
    assert len(admin.keys(stored)) == len(NAMES) + 1


def put_inventory(admin: Admin, source: str, place: str, keys: list[str], **changes) -> str:
    """Write an inventory of two files; return the path of its manifest."""
    files = []
    for number, some in enumerate((keys[::2], keys[1::2])):
        data = gzip.compress(csv_of([[name(source), quote(key), "3", "2026-11-01T00:00:00.000Z"] for key in some]))
        admin.put(f"{place}/inventory/data/{number}.csv.gz", data)
        files.append(
            {"key": f"inventory/data/{number}.csv.gz", "size": len(data), "MD5checksum": hashlib.md5(data).hexdigest()}
        )
    manifest = {
        "sourceBucket": name(source),
        "destinationBucket": f"arn:aws:s3:::{name(place)}",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate",
        "files": files,
    } | changes
    admin.put(f"{place}/inventory/manifest.json", json.dumps(manifest).encode())
    return f"{place}/inventory/manifest.json"


def test_ranges_of_an_inventory_are_its_keys_and_nothing_outside(stored, other, config, admin):
    for outside in ("a-before", "in", "io", "z-after"):
        admin.put(f"{stored}/{outside}", b"stays")
    path = put_inventory(admin, stored, other, [f"in/{each}" for each in NAMES])
    ranges = cut(config, path, keys=6)
    assert len(ranges) == round(len(NAMES) / 6)
    assert all(one.upto == two.after for one, two in pairwise(ranges))
    assert all(sum(each.contains(f"in/{key}") for each in ranges) == 1 for key in NAMES)
    reports = [Remove(config=config)(each) for each in ranges]
    assert sum(each.counts.deleted for each in reports) == len(NAMES)
    assert max(each.counts.deleted for each in reports) <= 2 * len(NAMES) / len(ranges)
    assert admin.keys(stored) == ["a-before", "in", "in/zzz-not-named", "io", "z-after"]


def test_what_was_deleted_since_an_inventory_is_no_failure(stored, other, config, admin):
    path = put_inventory(admin, stored, other, [f"in/{each}" for each in [*NAMES, "gone"]])
    ranges = cut(config, path)
    assert all(Copy(f"{other}/copy", config=config)(each).ok for each in ranges)


def test_an_inventory_of_nothing_is_no_range(stored, other, config, admin):
    assert cut(config, put_inventory(admin, stored, other, [])) == []


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"fileFormat": "Avro"}, UnsupportedError, "CSV, ORC, Parquet are read"),
        ({"fileFormat": "Parquet"}, RequestError, "cannot be read as Parquet"),
        ({"fileFormat": "ORC"}, RequestError, "cannot be read as ORC"),
        ({"fileSchema": "Bucket, Size"}, RequestError, "without the column Key"),
        ({"files": [{}]}, RequestError, "files have no keys"),
        ({"files": [{"key": "inventory/data/0.csv.gz", "MD5checksum": "0" * 32}]}, ChecksumMismatchError, "MD5"),
    ],
    ids=["format", "no-parquet", "no-orc", "schema", "files", "md5"],
)
def test_an_inventory_that_is_none_or_damaged_is_an_error(changes, error, text, stored, other, config, admin):
    path = put_inventory(admin, stored, other, ["in/a"], **changes)
    with pytest.raises(error, match=text):
        cut(config, path)


@pytest.mark.parametrize(
    ("file", "data", "error", "text"),
    [
        ("manifest.json", b"{", RequestError, "not JSON"),
        ("manifest.json", b"[]", RequestError, "no manifest"),
        ("manifest.csv", b"justone\n", RequestError, "needs a bucket and a key"),
        ("manifest.csv", b"b1,k\nb2,k\n", UnsupportedError, "more than one bucket"),
        ("manifest.csv", b"\n\nb1,k\r\n\r\nb2,k", UnsupportedError, "more than one bucket"),
        ("manifest.csv.gz", gzip.compress(b"b1,k\n"), UnsupportedError, "packed with gzip"),
        ("manifest.csv", b'b1,k\nb1,"k\nb1,l\n', RequestError, "is no CSV"),
        ("manifest.csv", b'b1,"k', RequestError, "is no CSV"),
        ("manifest.csv", b"b1," + b"k" * 200_000, RequestError, "is no CSV"),
    ],
    ids=["broken", "other", "column", "buckets", "buckets-crlf", "gzip", "quote", "quote-at-once", "long"],
)
def test_an_object_that_is_no_manifest_is_an_error(file, data, error, text, other, config, admin):
    admin.put(f"{other}/{file}", data)
    with pytest.raises(error, match=text):
        cut(config, f"{other}/{file}")


def test_a_number_of_keys_that_makes_no_sense_is_an_error(other, config):
    with pytest.raises(ConfigError, match="keys must be"):
        cut(config, f"{other}/manifest.csv", keys=0)


@pytest.mark.parametrize(
    ("start", "end", "between"),
    [("\ufeff", "\n", "\n"), ("", "\r\n", "\r\n\r\n"), ("\n\n", "", "\n\n\n"), ("", "\n", "\r\n")],
    ids=["mark", "crlf", "empty-lines", "last-line-open"],
)
@pytest.mark.parametrize("keys", [1, 100])
async def test_rows_are_the_same_however_lines_end(start, end, between, keys, stored, other, session, admin):
    """Excel writes a byte order mark, which was a part of the bucket's name."""
    rows = [f'{name(stored)},"in/{quote("g")}"', f"{name(stored)},in/%2B,", f'{name(stored)},in/5"\xe9']
    admin.put(f"{other}/manifest.csv", (start + between.join(rows) + end).encode())
    ranges = await ranges_from_manifest(f"{other}/manifest.csv", keys=keys, session=session)
    assert {each.root.bucket for each in ranges} == {name(stored)}
    read = [row for each in ranges for row in await read_rows(session, each.rows)]
    assert [row.key for row in read] == ["in/g", "in/+", 'in/5"\xe9']
    assert {(row.bucket, row.version_id) for row in read} == {(name(stored), "")}


async def test_rows_across_lines_are_not_torn(stored, other, session, admin):
    data = f'"{name(stored)}","in/with\nline"\n"{name(stored)}","in/000"\n'.encode()
    admin.put(f"{other}/manifest.csv", data)
    ranges = await ranges_from_manifest(f"{other}/manifest.csv", keys=1, session=session)
    rows = [[row.key for row in await read_rows(session, each.rows)] for each in ranges]
    assert rows == [["in/with\nline"], ["in/000"]]


def test_a_sample_of_very_many_keys_is_bounded_and_still_balanced(monkeypatch):
    monkeypatch.setattr("aios3.distributed.manifests._MAX_SAMPLES", 1000)
    sample = _KeySample()
    keys = [f"{n * 7919 % 20_011:06}" for n in range(20_011)]
    sample.add_all(keys)
    ranges = sample.ranges(KeyRange("s3://b").root, 1000)
    assert len(sample._samples) <= 1000
    counts = [sum(each.contains(key) for key in keys) for each in ranges]
    assert sum(counts) == len(keys)
    assert max(counts) < 2 * len(keys) / len(ranges)


COLUMNAR = {"Parquet": pyarrow.parquet.write_table, "ORC": pyarrow.orc.write_table}


def put_columnar(admin: Admin, source: str, place: str, file_format: str, columns: dict[str, list]) -> str:
    """Write an inventory of one file in Parquet or ORC; return the path of its manifest."""
    data = io.BytesIO()
    COLUMNAR[file_format](pyarrow.table(columns), data)
    admin.put(f"{place}/inventory/data/0", data.getvalue())
    manifest = {
        "sourceBucket": name(source),
        "destinationBucket": f"arn:aws:s3:::{name(place)}",
        "fileFormat": file_format,
        "fileSchema": "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); }",
        "files": [{"key": "inventory/data/0", "MD5checksum": hashlib.md5(data.getvalue()).hexdigest()}],
    }
    admin.put(f"{place}/inventory/manifest.json", json.dumps(manifest).encode())
    return f"{place}/inventory/manifest.json"


@pytest.mark.parametrize("file_format", COLUMNAR)
def test_an_inventory_in_columns_has_its_keys_as_they_are(file_format, other, config, admin):
    """A percent sign or a plus of a key is none of an encoding, other than in CSV; each version is a row."""
    keys = sorted(["100%25", "a+b", "c d", "i\xe9", *(f"{n:03}" for n in range(20)), "019"])
    path = put_columnar(admin, other, other, file_format, {"bucket": [name(other)] * 25, "key": keys})
    ranges = cut(config, path, keys=5)
    assert len(ranges) == 5
    assert all(sum(each.contains(key) for each in ranges) == 1 for key in keys)
    assert not any(each.contains(key) for each in ranges for key in ("", "zz", "i\xe9a"))


@pytest.mark.parametrize("file_format", COLUMNAR)
def test_an_inventory_in_columns_without_keys_is_an_error(file_format, other, config, admin):
    path = put_columnar(admin, other, other, file_format, {"bucket": [name(other)]})
    with pytest.raises(RequestError, match="key"):
        cut(config, path)


def test_an_inventory_in_parquet_says_what_to_install(other, config, admin, monkeypatch):
    path = put_columnar(admin, other, other, "Parquet", {"key": ["a"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="pip install pyarrow"):
        cut(config, path)
