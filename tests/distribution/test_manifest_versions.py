"""Rows of manifests that name versions: the version and never the latest instead, by every job that can."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from aios3.distributed import Checksum, Copy, Inventory, Map, Measure, Remove, Sync, run
from aios3.errors import UnsupportedError
from distribution.test_manifests import COLUMNAR, csv_of, cut, name, put_columnar, put_inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import aios3
    from admin import Admin


@pytest.fixture
def kept(bucket: str, admin: Admin) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """A bucket that keeps versions: ``a`` and ``b`` have two each, and ``c`` was deleted. The ids, oldest first."""
    client, place = admin._client, name(bucket)
    client.put_bucket_versioning(Bucket=place, VersioningConfiguration={"Status": "Enabled"})
    ids: dict[str, list[str]] = {}
    for key in ("a", "b", "c"):
        for text in ("old", "newer"):
            stored = client.put_object(
                Bucket=place, Key=key, Body=f"{text} {key}".encode(), Metadata={"age": text}, Tagging=f"age={text}"
            )
            ids.setdefault(key, []).append(stored["VersionId"])
    ids["c"].append(client.delete_object(Bucket=place, Key="c")["VersionId"])
    yield bucket, ids
    for key, versions in versions_of(admin, bucket).items():
        for version_id in versions:
            client.delete_object(Bucket=place, Key=key, VersionId=version_id)


@pytest.fixture
def other(more_buckets: Callable[[], str]) -> str:
    return more_buckets()


def versions_of(admin: Admin, bucket: str) -> dict[str, set[str]]:
    listed = admin._client.list_object_versions(Bucket=name(bucket))
    found: dict[str, set[str]] = {}
    for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        found.setdefault(each["Key"], set()).add(each["VersionId"])
    return found


def cut_rows(admin: Admin, config: aios3.Config, other: str, rows: list[list[str]], **how):
    admin.put(f"{other}/manifest.csv", csv_of(rows))
    return cut(config, f"{other}/manifest.csv", **how)


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
def test_a_copy_is_of_the_version_with_what_it_was_stored_with(transport, kept, other, config, admin):
    config = config.with_options(transport=transport)
    bucket, ids = kept
    place = name(bucket)
    rows = [[place, "a", ids["a"][0]], [place, "b", ""], [place, "c", ids["c"][1]]]
    (key_range,) = cut_rows(admin, config, other, rows)
    report = Copy(f"{other}/to", config=config)(key_range)
    assert (report.counts.copied, report.failures, report.error) == (3, (), None)
    assert {key: admin.get(f"{other}/to/{key}") for key in "abc"} == {"a": b"old a", "b": b"newer b", "c": b"newer c"}
    copied = admin._client.head_object(Bucket=name(other), Key="to/a")
    assert copied["Metadata"] == {"age": "old"}
    tags = admin._client.get_object_tagging(Bucket=name(other), Key="to/a")["TagSet"]
    assert tags == [{"Key": "age", "Value": "old"}]
    again = Copy(f"{other}/to", config=config)(key_range)
    assert (again.counts.copied, again.counts.skipped) == (0, 3)


def test_a_copy_replaces_another_version_of_the_same_size_unless_it_may_not(kept, other, config, admin):
    bucket, ids = kept
    (key_range,) = cut_rows(admin, config, other, [[name(bucket), "a", ids["a"][0]]])
    admin.put(f"{other}/to/a", b"new a")
    assert Copy(f"{other}/to", overwrite=False, config=config)(key_range).counts.skipped == 1
    assert admin.get(f"{other}/to/a") == b"new a"
    assert Copy(f"{other}/to", config=config)(key_range).counts.copied == 1
    assert admin.get(f"{other}/to/a") == b"old a"


def test_globs_are_those_of_versions_too(kept, other, config, admin):
    bucket, ids = kept
    rows = [[name(bucket), key, ids[key][0]] for key in "abc"]
    (key_range,) = cut_rows(admin, config, other, rows)
    assert Copy(f"{other}/to", exclude=("b",), config=config)(key_range).counts.copied == 2
    assert {"to/a", "to/c"} <= set(admin.keys(other))
    assert "to/b" not in admin.keys(other)


def test_several_versions_of_a_key_are_no_copy_and_each_is_named(kept, other, config, admin):
    bucket, ids = kept
    rows = [[name(bucket), "a", ids["a"][0]], [name(bucket), "a", ids["a"][1]], [name(bucket), "a", ""]]
    (key_range,) = cut_rows(admin, config, other, [*rows, [name(bucket), "b", ids["b"][0]]])
    report = Copy(f"{other}/to", config=config)(key_range)
    assert report.counts.copied == 1
    assert sorted((each.path, each.version_id or "") for each in report.failures) == sorted(
        (f"{bucket}/a", row[2]) for row in rows
    )
    assert "to/a" not in admin.keys(other)


def test_a_removal_is_of_the_version_for_good_and_only_of_it(kept, other, config, admin):
    bucket, ids = kept
    rows = [[name(bucket), "a", ids["a"][0]], [name(bucket), "c", ids["c"][2]], [name(bucket), "b", ids["b"][1]]]
    (key_range,) = cut_rows(admin, config, other, rows)
    report = Remove(config=config)(key_range)
    assert (report.counts.deleted, report.ok) == (3, True)
    assert versions_of(admin, bucket) == {"a": {ids["a"][1]}, "b": {ids["b"][0]}, "c": set(ids["c"][:2])}
    assert {key: admin.get(f"{bucket}/{key}") for key in "abc"} == {"a": b"newer a", "b": b"old b", "c": b"newer c"}
    again = Remove(config=config)(key_range)
    assert (again.counts.deleted, again.counts.skipped, again.ok) == (0, 3, True)


def test_versions_are_read_and_counted(kept, other, config, admin):
    bucket, ids = kept
    rows = [[name(bucket), key, ids[key][0]] for key in "abc"]
    (key_range,) = cut_rows(admin, config, other, rows)
    measured = Measure(config=config)(key_range)
    assert (measured.counts.processed, measured.counts.bytes) == (3, 15)
    checked = Checksum(config=config)(key_range)
    assert (checked.counts.checked, checked.counts.bytes, checked.ok) == (3, 15, True)


@pytest.mark.parametrize("job", ["copy", "measure", "checksum"])
def test_a_version_that_is_missing_is_a_failure_by_its_name(job, kept, other, config, admin):
    bucket, ids = kept
    missing = ids["b"][0]
    admin._client.delete_object(Bucket=name(bucket), Key="b", VersionId=missing)
    rows = [[name(bucket), "b", missing], [name(bucket), "c", ids["c"][2]], [name(bucket), "a", ids["a"][0]]]
    ranges = cut_rows(admin, config, other, rows)
    jobs = {
        "copy": Copy(f"{other}/to", config=config),
        "measure": Measure(config=config),
        "checksum": Checksum(config=config),
    }
    reports = f"{other}/run"
    (report,) = run(jobs[job], ranges, 1, report=reports)
    assert sorted((each.path, each.version_id) for each in report.failures) == [
        (f"{bucket}/b", missing),
        (f"{bucket}/c", ids["c"][2]),
    ]
    assert report.counts.copied + report.counts.processed + report.counts.checked == 1
    (listed,) = [key for key in admin.keys(other) if key.startswith("run/failed/") and key.endswith(".csv")]
    table = list(csv.reader(io.StringIO(admin.get(f"{other}/{listed}").decode())))
    assert sorted(row[:3] for row in table) == sorted(rows[:2])


def test_jobs_that_know_no_versions_say_so_before_anything_is_done(kept, other, config, admin):
    bucket, ids = kept
    ranges = cut_rows(admin, config, other, [[name(bucket), "b", ""], [name(bucket), "a", ids["a"][0]]], keys=1)
    assert [each.rows.has_versions for each in ranges] == [False, True]
    jobs = (Inventory(f"{other}/i", config=config), Map(print, config=config), Sync(f"{other}/to", config=config))
    for job in (*jobs, Checksum(f"{other}/to", config=config)):
        with pytest.raises(UnsupportedError, match=r"names versions|a manifest's rows are none"):
            run(job, ranges, 1)
    assert admin.keys(other) == ["manifest.csv"]


def test_versions_of_another_profile_are_not_copied(kept, other, config, admin):
    bucket, ids = kept
    ranges = cut_rows(admin, config, other, [[name(bucket), "a", ids["a"][0]]])
    with pytest.raises(UnsupportedError, match="another profile"):
        run(Copy("s3+else://somewhere/to", config=config), ranges, 1)


def test_a_version_where_none_is_kept_is_never_the_latest(bucket, other, config, admin):
    admin.put(f"{bucket}/a", b"latest")
    (key_range,) = cut_rows(admin, config, other, [[name(bucket), "a", "v1"]])
    for job in (
        Copy(f"{other}/to", config=config),
        Checksum(config=config),
        Measure(config=config),
        Remove(config=config),
    ):
        report = job(key_range)
        assert [(each.path, each.version_id) for each in report.failures] == [(f"{bucket}/a", "v1")]
    assert admin.get(f"{bucket}/a") == b"latest"
    assert admin.keys(other) == ["manifest.csv"]


NEWER = [["a", "1", "true", "false"], ["a", "0", "false", "false"], ["b", "2", "true", "false"]]
GONE = [["0-first", "3", "true", "true"], ["0-first", "4", "false", "false"], ["z-last", "5", "true", "true"]]


def test_an_inventory_of_all_versions_has_the_keys_of_the_latest(bucket, other, config, admin):
    rows = [[name(bucket), *row] for row in [*NEWER, *GONE]]
    admin.put(f"{other}/inventory/data/0.csv", csv_of(rows))
    schema = {"fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker"}
    path = put_inventory(admin, bucket, other, [], **schema, files=[{"key": "inventory/data/0.csv"}])
    (key_range,) = cut(config, path)
    assert key_range.keys == 2
    assert [key_range.contains(key) for key in ("0-first", "a", "b", "z-last")] == [False, True, True, False]


@pytest.mark.parametrize("file_format", COLUMNAR)
def test_an_inventory_in_columns_of_all_versions_has_the_keys_of_the_latest(file_format, other, config, admin):
    rows = [*NEWER, *GONE]
    columns = {
        "key": [row[0] for row in rows],
        "version_id": [row[1] for row in rows],
        "is_latest": [row[2] == "true" for row in rows],
        "is_delete_marker": [row[3] == "true" for row in rows],
    }
    (key_range,) = cut(config, put_columnar(admin, other, other, file_format, columns))
    assert key_range.keys == 2
    assert [key_range.contains(key) for key in ("0-first", "a", "b", "z-last")] == [False, True, True, False]
