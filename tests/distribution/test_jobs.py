"""Jobs, each range by itself: the right keys and bytes, every failure by its key, and nothing twice that shows."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import pickle
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest

import aios3
import aios3.sync as s3
from aios3.distributed import Checksum, Copy, Inventory, KeyRange, Map, Measure, Remove, Report, Sync
from aios3.errors import ConfigError, InvalidPathError, PartialFailureError, UnsupportedError
from aios3.testing import FaultyServer, faults
from servers.amazon_objects import Object, etag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from admin import Admin


def of(bucket: str) -> list[KeyRange]:
    """Three ranges of ``data/``, cut after ``b`` and ``d``."""
    return [
        KeyRange(f"{bucket}/data", "", "data/b"),
        KeyRange(f"{bucket}/data", "data/b", "data/d"),
        KeyRange(f"{bucket}/data", "data/d"),
    ]


@pytest.fixture
def tree(bucket: str, admin: Admin) -> str:
    """A bucket with ``data/a`` to ``data/f``, a marker of a directory, and what is beside the tree."""
    for name in "abcdef":
        admin.put(f"{bucket}/data/{name}", name.encode() * 10)
    admin.put(f"{bucket}/data/sub/")
    admin.put(f"{bucket}/beside", b"beside")
    admin.put(f"{bucket}/data-not", b"beside")
    return bucket


@pytest.fixture
def target(more_buckets: Callable[[], str]) -> str:
    return more_buckets()


def below(admin: Admin, path: str) -> dict[str, bytes]:
    return {key: admin.get(f"{path}/{key}") for key in admin.keys(path)}


def test_copies_of_all_ranges_are_the_tree_and_a_second_time_copies_nothing(tree, target, config, admin):
    copy = Copy(f"{target}/to", config=config)
    reports = [copy(each) for each in of(tree)]
    assert [(each.counts.copied, each.ok) for each in reports] == [(2, True), (2, True), (2, True)]
    expected = {f"to/{name}": name.encode() * 10 for name in "abcdef"} | {"to/sub/": b""}
    assert below(admin, target) == expected
    before = {key: admin.head(f"{target}/{key}")["LastModified"] for key in expected}
    again = [copy(each) for each in of(tree)]
    assert [(each.counts.copied, each.counts.skipped) for each in again] == [(0, 2)] * 3
    assert {key: admin.head(f"{target}/{key}")["LastModified"] for key in expected} == before


def test_a_copy_replaces_other_bytes_of_the_same_size_though_they_are_newer(tree, target, config, admin):
    admin.put(f"{target}/c", b"x" * 10)
    report = Copy(target, config=config)(of(tree)[1])
    assert (report.counts.copied, admin.get(f"{target}/c")) == (2, b"c" * 10)


def test_a_copy_that_may_not_overwrite_leaves_what_is_there(tree, target, config, admin):
    admin.put(f"{target}/c", b"theirs")
    report = Copy(target, overwrite=False, config=config)(of(tree)[1])
    assert (report.counts.copied, report.counts.skipped, admin.get(f"{target}/c")) == (1, 1, b"theirs")


def test_globs_choose_what_is_copied(tree, target, config, admin):
    for each in of(tree):
        Copy(target, include=("[a-d]",), exclude=("b",), config=config)(each)
    assert admin.keys(target) == ["a", "c", "d"]


def test_a_sync_finds_what_only_the_target_has_before_between_and_after_the_keys_of_the_source(
    tree, target, config, admin
):
    for name in ("0", "bb", "c", "zz"):
        admin.put(f"{target}/to/{name}", b"theirs")
    admin.put(f"{target}/other", b"stays")
    reports = [Sync(f"{target}/to", delete=True, config=config)(each) for each in of(tree)]
    assert [each.counts.deleted for each in reports] == [1, 1, 1]
    assert all(each.ok for each in reports)
    assert set(below(admin, target)) == {*(f"to/{name}" for name in "abcdef"), "to/sub/", "other"}
    assert admin.get(f"{target}/to/c") == b"c" * 10
    again = [Sync(f"{target}/to", delete=True, config=config)(each).counts for each in of(tree)]
    assert [(each.copied, each.deleted, each.skipped) for each in again] == [(0, 0, 2)] * 3


@pytest.mark.parametrize(("after", "upto"), [("", None), ("", "b"), ("b", "d"), ("d", None)])
def test_a_sync_of_a_bucket_without_objects_deletes_nothing_in_any_range(
    after, upto, target, more_buckets, config, admin
):
    for name in "abcdef":
        admin.put(f"{target}/{name}", b"theirs")
    report = Sync(target, delete=True, config=config)(KeyRange(more_buckets(), after, upto))
    assert [each.code for each in report.failures] == ["ObjectNotFoundError"]
    assert admin.keys(target) == list("abcdef")


def test_a_sync_without_delete_leaves_what_only_the_target_has(tree, target, config, admin):
    admin.put(f"{target}/to/bb", b"theirs")
    report = Sync(f"{target}/to", config=config)(of(tree)[1])
    assert (report.counts.deleted, admin.get(f"{target}/to/bb")) == (0, b"theirs")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, {"c": b"x" * 10, "d": b"d" * 10}),
        ({"checksum": True}, {"c": b"c" * 10, "d": b"d" * 10}),
        ({"overwrite": False}, {"c": b"x" * 10, "d": b"theirs"}),
    ],
    ids=["time", "checksum", "no-overwrite"],
)
def test_a_sync_replaces_what_its_options_say_is_different(options, kept, tree, target, config, admin):
    """``c`` has the same size as in the source and is newer, ``d`` has another size."""
    admin.put(f"{target}/c", b"x" * 10)
    admin.put(f"{target}/d", b"theirs")
    assert Sync(target, config=config, **options)(of(tree)[1]).ok
    assert below(admin, target) == kept


def test_a_removal_takes_the_range_and_nothing_beside_it(tree, config, admin):
    report = Remove(config=config)(of(tree)[1])
    assert (report.counts.deleted, report.ok) == (2, True)
    assert admin.keys(tree) == ["beside", "data-not", "data/a", "data/b", "data/e", "data/f", "data/sub/"]
    assert Remove(config=config)(of(tree)[1]).counts.deleted == 0


@pytest.mark.parametrize("read", [True, False])
def test_a_comparison_names_what_is_missing_and_what_differs_and_counts_what_is_extra(
    read, tree, target, config, admin
):
    for name, data in {"a": b"a" * 10, "b": b"x" * 10, "bb": b"extra", "c": b"short", "e": b"e" * 10}.items():
        admin.put(f"{target}/{name}", data)
    reports = [Checksum(target, read=read, config=config)(each) for each in of(tree)]
    failures = {each.path.rpartition("/")[2]: each.code for report in reports for each in report.failures}
    assert failures == {
        "b": "ChecksumMismatchError",
        "c": "ChecksumMismatchError",
        "d": "ObjectNotFoundError",
        "f": "ObjectNotFoundError",
    }
    assert sum(each.counts.extra for each in reports) == 1


def test_objects_are_compared_with_what_the_server_keeps_and_a_flipped_byte_is_named(config, tmp_path):
    with FaultyServer() as server:
        config = aios3.Config(**server.config)
        with s3.Session(config.with_options(checksums="crc32")) as session:
            for name in "abc":
                s3.write_bytes(f"s3://bucket/data/{name}", name.encode() * 100, session=session)
        assert Checksum(config=config)(KeyRange("s3://bucket/data")).counts.checked == 3
        server.fail("GetObject", faults.FlipByte(5), key="data/b", times=None)
        report = Checksum(config=config)(KeyRange("s3://bucket/data"))
    assert [(each.path, each.code) for each in report.failures] == [("s3://bucket/data/b", "ChecksumMismatchError")]
    assert report.counts.checked >= 2


def kept(data: bytes, summed: bytes) -> Object:
    """An object of ``data`` whose kept CRC32 is that of ``summed``."""
    crc32 = base64.b64encode(zlib.crc32(summed).to_bytes(4)).decode()
    return Object(data, etag(data), {"x-amz-checksum-crc32": crc32})


def test_a_comparison_of_what_servers_keep_downloads_nothing_and_names_what_differs(amazon_server, amazon_config):
    amazon_server.buckets["bucket"].objects |= {f"data/{name}": kept(b"12345", b"12345") for name in "ab"}
    amazon_server.buckets["target"].objects |= {"a": kept(b"12345", b"12345"), "b": kept(b"12x45", b"12x45")}
    report = Checksum("s3://target", read=False, config=amazon_config)(KeyRange("s3://bucket/data"))
    assert [(each.path, each.code) for each in report.failures] == [("s3://bucket/data/b", "ChecksumMismatchError")]
    assert (report.counts.checked, report.counts.bytes) == (2, 0)
    assert not [seen for seen in amazon_server.requests if seen.method == "GET" and "list-type" not in seen.target]


def test_bytes_that_only_the_kept_checksum_tells_from_the_right_ones_are_named(amazon_server, amazon_config):
    """The ETags have the form of a multipart upload's, which is no MD5."""
    for name, data in {"a": b"12345", "b": b"12x45"}.items():
        amazon_server.buckets["bucket"].objects[f"data/{name}"] = replace(kept(data, b"12345"), etag=f'"{name}-2"')
    report = Checksum(config=amazon_config)(KeyRange("s3://bucket/data"))
    assert [(each.path, each.code) for each in report.failures] == [("s3://bucket/data/b", "ChecksumMismatchError")]
    assert (report.counts.checked, report.counts.unchecked) == (2, 0)


def test_an_object_without_a_checksum_is_compared_with_its_md5(tree, config, admin):
    report = Checksum(config=config)(of(tree)[0])
    assert (report.ok, report.counts.checked + report.counts.unchecked) == (True, 2)


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(gzip.decompress(data).decode())))


def test_an_inventory_lists_each_object_once(tree, target, config, admin):
    reports = [Inventory(f"{target}/inventory", config=config)(each) for each in of(tree)]
    rows = [row for each in reports for row in rows_of(admin.get(each.output))]
    assert [row[1] for row in rows] == [*(f"data/{name}" for name in "abcdef"), "data/sub/"]
    assert rows[0][0] == tree.removeprefix("s3://")
    assert rows[0][2] == "10"
    again = Inventory(f"{target}/inventory", config=config)(of(tree)[0])
    assert again.output == reports[0].output


def test_sizes_are_added_up_without_a_look_at_any_object(tree, config):
    reports = [Measure(config=config)(each) for each in of(tree)]
    assert [(each.counts.processed, each.counts.bytes) for each in reports] == [(2, 20)] * 3
    assert [each.counts.requests for each in reports] == [1] * 3


def test_an_inventory_in_parquet_has_types(tree, target, config, admin):
    report = Inventory(f"{target}/inventory", "parquet", config=config)(of(tree)[0])
    table = pyarrow.parquet.read_table(io.BytesIO(admin.get(report.output)))
    assert table.column("key").to_pylist() == ["data/a", "data/b"]
    assert table.column("size").to_pylist() == [10, 10]
    assert 0 <= table.column("age_days")[0].as_py() < 1


async def upper_async(path: str) -> None:
    if path.endswith("c"):
        message = "c is not for me: token=hunter2"
        raise ValueError(message)


def upper(path: str) -> None:
    assert path.startswith("s3://")


SEEN: list[bytes] = []


def read_all(file) -> None:
    SEEN.append(file.read())


async def read_all_async(file) -> None:
    SEEN.append(await file.read())


@pytest.mark.parametrize("function", [read_all, read_all_async])
def test_the_users_function_gets_each_object_open(function, tree, config):
    SEEN.clear()
    report = Map(function, "file", config=config)(of(tree)[0])
    assert (report.counts.processed, report.counts.bytes, sorted(SEEN)) == (2, 20, [b"a" * 10, b"b" * 10])


def test_what_the_users_function_raises_is_that_objects_failure_without_secrets(tree, config):
    report = Map(upper_async, config=config)(of(tree)[1])
    assert report.counts.processed == 1
    assert [(each.path, each.code) for each in report.failures] == [(f"{tree}/data/c", "ValueError")]
    assert "hunter2" not in report.failures[0].message
    assert Map(upper, config=config)(of(tree)[1]).counts.processed == 2
    with pytest.raises(PartialFailureError, match="c is not for me"):
        report.raise_if_failed()


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """A server with ``data/a`` to ``data/f`` in ``bucket``, and in ``target`` what a sync would delete and replace."""
    with FaultyServer() as server:
        server.storage.create_bucket("target")
        with s3.Session(**server.config) as session:
            for name in "abcdef":
                s3.write_bytes(f"s3://bucket/data/{name}", name.encode() * 10, session=session)
            for name in ("bb", "cc"):
                s3.write_bytes(f"s3://target/{name}", b"theirs", session=session)
        yield server


DENIED = faults.Respond(403, "AccessDenied")
BROKEN = faults.Respond(500, "InternalError")
RANGE = KeyRange("s3://bucket/data", "data/a", "data/d")
"""b, c, d; the target has bb and cc besides."""
WAYS = {
    "the source cannot be listed": ("ListObjectsV2", DENIED, lambda seen: seen.bucket == "bucket"),
    "the source cannot be listed to its end": (
        "ListObjectsV2",
        faults.CutShort(100),
        lambda seen: seen.bucket == "bucket",
    ),
    "the target cannot be listed": ("ListObjectsV2", DENIED, lambda seen: seen.bucket == "target"),
    "one object cannot be copied": ("CopyObject", DENIED, lambda seen: seen.key == "c"),
    "the server breaks at one object": ("CopyObject", BROKEN, lambda seen: seen.key == "c"),
    "a page is invalid": ("ListObjectsV2", faults.Garbage(), lambda seen: seen.bucket == "bucket"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_sync_deletes_nothing_unless_its_source_was_read_and_all_of_it_was_copied(way, faulty):
    operation, fault, which = WAYS[way]
    faulty.fail(operation, fault, key=which, times=None)
    config = aios3.Config(**faulty.config, max_attempts=2)
    report = Sync("s3://target", delete=True, config=config)(RANGE)
    assert not report.ok
    assert report.counts.deleted == 0
    faulty.reset()
    with s3.Session(**faulty.config) as session:
        assert {"s3://target/bb", "s3://target/cc"} <= set(s3.scan("s3://target", session=session))


def test_a_sync_does_not_empty_the_target_of_a_source_that_has_vanished(faulty):
    config = aios3.Config(**faulty.config)
    Remove(config=config)(KeyRange("s3://bucket/data"))
    report = Sync("s3://target", delete=True, config=config)(RANGE)
    assert report.counts.deleted == 0
    assert [each.code for each in report.failures] == ["ObjectNotFoundError"]


def test_what_was_written_to_since_it_was_compared_is_not_deleted(faulty):
    def overwrite(_seen) -> None:
        with s3.Session(**faulty.storage.config) as session:
            s3.write_bytes("s3://target/bb", b"newer", session=session)

    seen = []
    faulty.fail(
        "ListObjectsV2",
        faults.Before(lambda request: (seen.append(request), overwrite(request) if len(seen) == 2 else None)),
        key=lambda request: request.bucket == "target",
        times=None,
    )
    report = Sync("s3://target", delete=True, config=aios3.Config(**faulty.config))(RANGE)
    assert [(each.path, each.code) for each in report.failures] == [("s3://target/bb", "ObjectChangedError")]
    assert report.counts.deleted == 1
    with s3.Session(**faulty.config) as session:
        assert s3.read_bytes("s3://target/bb", session=session) == b"newer"


def test_a_key_that_cannot_be_copied_is_named_and_the_others_are_copied(faulty):
    faulty.fail("CopyObject", DENIED, key="c", times=None)
    report = Copy("s3://target", config=aios3.Config(**faulty.config))(RANGE)
    assert report.counts.copied == 2
    assert [(each.path, each.code, each.status) for each in report.failures] == [
        ("s3://bucket/data/c", "AccessDenied", 403)
    ]


def test_requests_that_were_rejected_for_their_number_are_counted(faulty):
    faulty.fail("CopyObject", faults.SlowDown(), key="c", times=1)
    report = Copy("s3://target", config=aios3.Config(**faulty.config))(RANGE)
    assert report.ok
    assert report.counts.throttled == 1
    assert report.counts.requests >= 6


def test_a_range_that_breaks_off_says_what_was_done_before(faulty):
    faulty.fail("ListObjectsV2", DENIED, nth=2, times=None, key=lambda seen: seen.bucket == "bucket")
    faulty.fail("ListObjectsV2", faults.SmallPages(2), times=None, key=lambda seen: seen.bucket == "bucket")
    report = Copy("s3://target", config=aios3.Config(**faulty.config))(RANGE)
    assert (report.error.code, report.error.status) == ("AccessDenied", 403)
    assert report.counts.requests > 0


def test_a_missing_bucket_fails_the_whole_range(config):
    report = Remove(config=config)(KeyRange("s3://nobody-has-made-this/data"))
    assert (report.ok, report.error.code, report.error.status) == (False, "NoSuchBucket", 404)


@pytest.mark.parametrize(
    ("job", "key_range", "error"),
    [
        (Copy("s3://b/data/in"), KeyRange("s3://b/data"), InvalidPathError),
        (Sync("s3://b"), KeyRange("s3://b/data"), InvalidPathError),
        (Inventory("s3://b/data/in"), KeyRange("s3://b/data"), ConfigError),
    ],
    ids=["copy-into-itself", "sync-into-above", "inventory-of-itself"],
)
def test_a_tree_is_not_copied_into_itself(job, key_range, error):
    with pytest.raises(error):
        job(key_range)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Copy("bucket/x"), "Not an S3 path"),
        (lambda: Copy("s3://b", include="*.csv"), "tuple of globs"),
        (lambda: Copy("s3://b", config={"region": "x"}), "must be an aios3.Config"),
        (lambda: Map("print"), "takes a function"),
        (lambda: Map(print, "bytes"), "'path' or 'file'"),
        (lambda: Map(print, concurrency=0), "at least 1"),
        (lambda: Inventory("s3://b", "orc"), "'csv' or 'parquet'"),
    ],
    ids=["path", "globs", "config", "function", "gives", "concurrency", "format"],
)
def test_a_job_that_makes_no_sense_is_an_error_when_it_is_made(make, text):
    with pytest.raises(aios3.S3Error, match=text):
        make()


JOBS = [Copy("s3://b/x"), Sync("s3://b/x", delete=True), Remove(), Checksum(), Inventory("s3://b/i"), Map(upper)]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_pickled_job_is_the_same_and_has_no_credentials_unless_they_were_given(job, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAHUNTER2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    data = pickle.dumps(job)
    assert pickle.loads(data) == job
    assert b"hunter2" not in data.lower()
    assert len(data) < 1000


def test_what_describes_a_job_has_no_credentials():
    config = aios3.Config(
        credentials=aios3.Credentials("AKIAHUNTER2", "hunter2"), endpoint_url="https://s3.example.com"
    )
    text = Copy("s3://b/x", config=config).describe()
    assert "hunter2" not in text.lower()
    assert text != Copy("s3://b/y", config=config).describe()
    assert text == Copy("s3://b/x", config=config).describe()


def test_rows_of_a_manifest_are_no_interval_to_sync():
    rows = KeyRange("s3://b", rows=aios3.distributed.ManifestRows("s3://m/x.csv", "e", 0, 9))
    for job in (Sync("s3://c"), Checksum("s3://c")):
        with pytest.raises(UnsupportedError, match="interval"):
            job.check(rows)


def test_a_report_says_whether_all_was_done():
    assert Report(KeyRange("s3://b")).ok
    Report(KeyRange("s3://b")).raise_if_failed()
