"""The methods of s3fs that fsspec does not know: what they change is changed, and the rest stays."""

from __future__ import annotations

import json
import os
import urllib.request

import pytest
from fsspec.asyn import sync
from fsspec.callbacks import Callback

import aios3
from aios3.fsspec import S3FileSystem, S3Map


@pytest.fixture
def path(fs, bucket):
    fs.pipe(f"{bucket}/x", b"data", ContentType="a/b", Metadata={"one": "1", "two": "2"})
    return f"{bucket}/x"


@pytest.fixture
def versioned(storage_options, aios3_bucket):
    fs = S3FileSystem(**storage_options, version_aware=True, skip_instance_cache=True)
    fs.make_bucket_versioned(aios3_bucket)
    yield fs
    fs.close()


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("s3://b/k/l", ("b", "k/l", None)),
        ("b/k/", ("b", "k/", None)),
        ("b", ("b", "", None)),
        ("", ("", "", None)),
        ("s3a://b/k?versionId=v", ("b", "k?versionId=v", None)),
    ],
)
def test_paths_are_split(fs, path, parts):
    assert fs.split_path(path) == parts


def test_tags_are_set_merged_and_read(fs, path):
    fs.put_tags(path, {"a": "1"})
    fs.put_tags(path, {"b": "2"}, mode="m")
    assert fs.get_tags(path) == {"a": "1", "b": "2"}
    fs.put_tags(path, {"c": "3"})
    assert fs.get_tags(path) == {"c": "3"}
    with pytest.raises(ValueError, match="'o' or 'm'"):
        fs.put_tags(path, {}, mode="x")


def test_metadata_are_changed_one_by_one_and_the_rest_stays(fs, path):
    assert fs.metadata(path) == {"one": "1", "two": "2"}
    fs.setxattr(path, one="new", two=None, a_b="3")
    assert fs.metadata(path) == {"one": "new", "a-b": "3"}
    assert (fs.getxattr(path, "a_b"), fs.getxattr(path, "none")) == ("3", None)
    assert fs.info(path, refresh=True)["ContentType"] == "a/b"
    fs.setxattr(path, copy_kwargs={"ContentType": "c/d"})
    assert fs.info(path, refresh=True)["ContentType"] == "c/d"
    assert fs.cat(path) == b"data"
    with fs.open(path) as file:
        assert (file.metadata()["one"], file.getxattr("one")) == ("new", "new")


def test_signed_urls_work_without_credentials(fs, path):
    for url in (fs.url(path), fs.sign(path, expiration=60)):
        with urllib.request.urlopen(url) as response:
            assert response.read() == b"data"
    request = urllib.request.Request(fs.url(path, client_method="put_object"), data=b"put", method="PUT")
    request.add_header("Content-Type", "application/octet-stream")  # else the server takes it for a form
    urllib.request.urlopen(request).close()
    assert fs.cat(path) == b"put"
    with pytest.raises(ValueError, match="get_object"):
        fs.url(path, client_method="list_objects")


def test_a_checksum_and_a_key_change_with_the_object(fs, path):
    before = fs.checksum(path), fs.ukey(path)
    assert before == (fs.checksum(path), fs.ukey(path))
    fs.pipe(path, b"other")
    assert fs.checksum(path) != before[0]
    assert fs.ukey(path) != before[1]


@pytest.mark.needs("acls")
def test_acls_are_canned_ones(fs, path, bucket):
    def grants():
        return len(fs.call_s3("get_object_acl", Bucket=bucket, Key=path.removeprefix(f"{bucket}/"))["Grants"])

    fs.chmod(path, "public-read")
    assert grants() == 2
    fs.chmod(path, "private")
    assert grants() == 1
    fs.chmod(bucket, "public-read", recursive=True)
    assert grants() == 2
    fs.chmod(bucket, "private")
    for place in (path, bucket):
        with pytest.raises(ValueError, match="public-read"):
            fs.chmod(place, "everybody")


def test_any_operation_of_s3_can_be_called_and_its_errors_are_ours(fs, path, bucket):
    assert fs.call_s3("head_object", Bucket=bucket, Key="x")["ContentLength"] == 4
    assert fs.call_s3("head_object", {"Bucket": "other"}, {"Bucket": bucket}, Key="x", Foreign=1)["ContentLength"] == 4
    with pytest.raises(FileNotFoundError) as failure:
        fs.call_s3("get_object", Bucket=bucket, Key="missing")
    assert isinstance(failure.value, aios3.ObjectNotFoundError)
    with pytest.raises(ValueError, match="'get_objekt'"):
        fs.call_s3("get_objekt", Bucket=bucket)


def test_a_write_says_which_version_it_made(versioned, bucket):
    path = f"{bucket}/v"
    with versioned.open(path, "wb") as file:
        file.write(b"first")
        assert file.version_id is None
    later = versioned.open(path, "wb", autocommit=False)
    later.write(b"second")
    later.close()
    assert later.version_id is None
    later.commit()
    whole = versioned.pipe_file(path, b"third")
    alone = versioned.pipe_file(f"{bucket}/new", b"fourth", mode="create")
    made = [whole["VersionId"], later.version_id, file.version_id]
    assert [each["VersionId"] for each in versioned.object_version_info(path)] == made
    assert versioned.info(path)["ETag"] == whole["ETag"]
    assert versioned.info(f"{bucket}/new")["VersionId"] == alone["VersionId"]


def test_the_client_of_aiobotocore_is_at_hand(fs, path, bucket):
    found = sync(fs.loop, fs.s3.head_object, Bucket=bucket, Key="x")
    assert found["Metadata"] == {"one": "1", "two": "2"}
    fs.connect(refresh=True)
    assert sync(fs.loop, fs.s3.head_object, Bucket=bucket, Key="x")["ETag"] == found["ETag"]


@pytest.mark.parametrize("connect", ["set_session", "_connect"])
async def test_coroutines_close_the_connections_of_their_loop(storage_options, path, connect):
    """As the documentation of s3fs has it: set_session() first, close() before the loop ends."""
    fs = S3FileSystem(**storage_options, asynchronous=True, skip_instance_cache=True)
    connections = await getattr(fs, connect)()
    assert await fs._cat_file(path) == b"data"
    before = fs.session()
    await connections.close()
    assert before.closed
    assert await fs._cat_file(path) == b"data"
    await (await fs.set_session(refresh=True)).close()


def test_versions_are_listed_read_copied_and_removed(versioned, bucket):
    path = f"{bucket}/v"
    for data in (b"one", b"three"):
        versioned.pipe(path, data)
    new, old = versioned.object_version_info(path)
    assert [new["IsLatest"], old["IsLatest"], old["size"]] == [True, False, 3]
    assert versioned.info(path)["VersionId"] == new["VersionId"]
    named = f"{path}?versionId={old['VersionId']}"
    assert versioned.split_path(named) == (bucket, "v", old["VersionId"])
    assert versioned.cat(named) == versioned.cat_file(path, version_id=old["VersionId"]) == b"one"
    assert versioned.cat_file(named, start=1) == b"ne"
    assert versioned.info(named)["size"] == 3
    assert versioned.exists(named)
    assert not versioned.exists(f"{path}?versionId=none")
    with versioned.open(path, version_id=old["VersionId"]) as file:
        assert (file.read(), file.version_id) == (b"one", old["VersionId"])
    with versioned.open(path) as file:
        assert (file.read(), file.version_id) == (b"three", new["VersionId"])
    versioned.copy(named, f"{bucket}/w")
    assert versioned.cat(f"{bucket}/w") == b"one"
    assert len(versioned.ls(bucket, versions=True)) == 3
    versioned.rm_file(named)
    assert [each["VersionId"] for each in versioned.object_version_info(path)] == [new["VersionId"]]
    assert versioned.is_bucket_versioned(bucket)


def test_a_version_comes_down_as_a_file_and_cannot_be_written_to(versioned, bucket, tmp_path):
    path = f"{bucket}/v"
    for data in (b"one", b"three"):
        versioned.pipe(path, data)
    old = versioned.object_version_info(path)[1]["VersionId"]
    versioned.get_file(path, str(tmp_path / "f"), version_id=old)
    versioned.get(f"{path}?versionId={old}", str(tmp_path / "f"))
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("f", b"one")]
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(aios3.UnsupportedError, match="is not replaced"):
        versioned.get_file(path, str(tmp_path / "pipe"), version_id=old)
    for write in (lambda to: versioned.pipe(to, b"1"), lambda to: versioned.open(to, "wb"), versioned.touch):
        with pytest.raises(ValueError, match="version"):
            write(f"{path}?versionId={old}")


def test_a_version_of_a_removed_object_comes_down_with_its_own_size(versioned, bucket, tmp_path):
    path, callback = f"{bucket}/v", Callback()
    versioned.pipe(path, b"one")
    old = versioned.info(path)["VersionId"]
    versioned.rm_file(path)
    versioned.get_file(path, str(tmp_path / "f"), callback=callback, version_id=old)
    assert ((tmp_path / "f").read_bytes(), callback.size, callback.value) == (b"one", 3, 3)


def test_a_url_that_names_a_version_makes_a_filesystem_that_knows_them():
    assert S3FileSystem._get_kwargs_from_urls("s3://b/k?versionId=v") == {"version_aware": True}
    assert S3FileSystem._get_kwargs_from_urls("s3://b/k") == {}


def test_unfinished_uploads_are_listed_and_aborted(fs, bucket):
    for key in ("a", "d/b"):
        fs.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    found = fs.list_multipart_uploads(bucket)
    assert [each["Key"] for each in found] == ["a", "d/b"]
    fs.abort_mpu(bucket, "a", found[0]["UploadId"])
    assert [each["Key"] for each in fs.list_multipart_uploads(bucket)] == ["d/b"]
    fs.clear_multipart_uploads(bucket)
    assert fs.list_multipart_uploads(bucket) == []


def test_a_place_is_a_mapping(fs, bucket):
    place = S3Map(f"{bucket}/m", fs)
    place["a/b"] = b"1"
    place.setitems({"c": b"2"})
    assert (dict(place), len(place), "a/b" in place) == ({"a/b": b"1", "c": b"2"}, 2, True)
    assert place.getitems(["c", "none"], on_error="omit") == {"c": b"2"}
    del place["c"]
    with pytest.raises(KeyError):
        place["c"]


def test_delegated_parameters_make_a_filesystem_of_the_same_identity(fs, storage_options):
    given = fs.get_delegated_s3pars()
    assert given == {"key": storage_options["key"], "secret": storage_options["secret"], "anon": False}
    assert S3FileSystem(anon=True, skip_instance_cache=True).get_delegated_s3pars() == {"anon": True}


def test_a_filesystem_can_be_written_down_and_made_again(fs):
    again = S3FileSystem.from_dict(json.loads(json.dumps(fs.to_dict())))
    assert again == fs
    again.close()
