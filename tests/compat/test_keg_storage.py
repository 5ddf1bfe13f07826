"""keg_storage's names do what its documentation says, on a server that is found in the environment."""

from __future__ import annotations

import io
import pickle
import sys
import types
import urllib.request
from datetime import UTC, datetime, timedelta

import boto3
import pytest

import aios3.sync
from aios3.compat import _sessions
from aios3.compat.keg_storage import (
    FileMode,
    FileNotFoundInStorageError,
    ListEntry,
    S3FileBase,
    S3Reader,
    S3Storage,
    S3Writer,
    ShareLinkOperation,
)

MIB = 1 << 20
LARGE = bytes(range(256)) * (11 * MIB // 256)


@pytest.fixture
def storage(bucket) -> S3Storage:
    return S3Storage(bucket.removeprefix("s3://"), "us-east-1")


@pytest.fixture
def client(environment):
    client = boto3.client("s3")
    yield client
    client.close()


def keys(client, storage):
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=storage.bucket).get("Contents", [])]


def uploads(client, storage):
    return client.list_multipart_uploads(Bucket=storage.bucket).get("Uploads", [])


@pytest.mark.parametrize("mode", ["w", "wb", FileMode.write])
def test_what_is_written_is_read(storage, mode):
    with storage.open("d/x", mode) as file:
        assert isinstance(file, S3Writer)
        file.write(LARGE)
        file.write(b"end")
    with storage.open("d/x", FileMode.read) as file:
        assert isinstance(file, S3Reader)
        assert file.read(5) == LARGE[:5]
        assert b"".join(file.iter_chunks(MIB)) == LARGE[5:] + b"end"
        assert file.read(1) == b""
    with storage.open("d/x", "r") as file:
        assert [len(chunk) for chunk in file] == [5 * MIB, 5 * MIB, MIB + 3]
    with storage.open("d/x", "rb") as file:
        assert file.read(-1) == LARGE + b"end"


def test_files_are_closed_any_number_of_times(storage):
    file = storage.open("x", "w")
    file.write(b"data")
    for _ in range(3):
        file.close()
    reader = storage.open("x", "r")
    for _ in range(3):
        reader.close()


def test_nothing_written_is_nothing_created(storage, client):
    client.put_object(Bucket=storage.bucket, Key="old", Body=b"old")
    for name in ("new", "old"):
        with storage.open(name, "w") as file:
            file.write(b"")
    assert keys(client, storage) == ["old"]
    assert client.get_object(Bucket=storage.bucket, Key="old")["Body"].read() == b"old"


def test_an_abort_discards_all_the_data(storage, client):
    file = storage.open("x", "w")
    file.write(LARGE)
    file.abort()
    file.abort()
    file.close()
    assert (keys(client, storage), uploads(client, storage)) == ([], [])


def test_leaving_by_an_exception_discards_all_the_data(storage, client):
    """A deliberate deviation: keg_storage publishes what it has by then."""
    with pytest.raises(ZeroDivisionError), storage.open("x", "w") as file:
        file.write(LARGE)
        raise ZeroDivisionError
    assert (keys(client, storage), uploads(client, storage)) == ([], [])


def test_a_forgotten_writer_warns_and_publishes_nothing(storage, client):
    """A deliberate deviation: keg_storage publishes what it has by then."""
    file = storage.open("x", "w")
    file.write(b"data")
    held = [file]
    del file
    with pytest.warns(ResourceWarning, match="nothing was published"):
        held.clear()
    assert keys(client, storage) == []


def test_what_is_missing_is_not_found_in_the_storage(storage, client, tmp_path):
    client.put_object(Bucket=storage.bucket, Key="d/x", Body=b"")
    for name in ("x", "d"):
        for call in (
            lambda name: storage.open(name, "r"),
            lambda name: storage.copy(name, "y"),
            lambda name: storage.get(name, tmp_path / "y"),
            lambda name: storage.download(name, io.BytesIO()),
        ):
            with pytest.raises(FileNotFoundInStorageError, match=f"File {name} not found in S3Storage") as caught:
                call(name)
            assert (caught.value.storage_type, caught.value.filename) == (storage, name)
            assert isinstance(caught.value, FileNotFoundError)
    assert list(tmp_path.iterdir()) == []  # keg_storage leaves an empty file there
    with pytest.raises(FileNotFoundError, match=r"there\.csv"):
        storage.put(tmp_path / "there.csv", "x")
    with pytest.raises(aios3.BucketNotFoundError):
        S3Storage(f"{storage.bucket}-none", "us-east-1").open("x", "r")


def test_an_error_can_be_sent_to_another_process():
    error = pickle.loads(pickle.dumps(FileNotFoundInStorageError("S3Storage", "x")))
    assert (str(error), error.filename) == ("File x not found in S3Storage.", "x")


def test_modes(storage):
    assert [str(FileMode.as_mode(text)) for text in ("r", "wb", "rw", "")] == ["rb", "wb", "rwb", "b"]
    with pytest.raises(NotImplementedError, match="Read\\+write"):
        storage.open("x", "rw")
    with pytest.raises(ValueError, match="Unsupported mode"):
        storage.open("x", "z")
    with pytest.raises(ValueError, match="accepts only FileMode or str"):
        storage.open("x", 3)


def test_a_file_is_for_one_direction(storage):
    with storage.open("x", "w") as file:
        file.write(b"data")
        with pytest.raises(NotImplementedError):
            file.read(1)
    with storage.open("x", "r") as file, pytest.raises(NotImplementedError):
        file.write(b"")
    base = S3FileBase(FileMode.read, "bucket", "x", storage.client)
    assert (base.mode, base.bucket, base.filename, base.s3) == (FileMode.read, "bucket", "x", storage.client)
    with pytest.raises(NotImplementedError):
        base.read(1)
    base.close()


def test_files_are_listed_by_what_their_keys_begin_with(storage, client):
    for key in ("d/x", "d2", "e", "d/"):
        client.put_object(Bucket=storage.bucket, Key=key, Body=key.encode())
    found = storage.list("d")
    assert [entry.name for entry in found] == ["d/x", "d2"]
    name, modified, size = found[0]
    assert (name, size) == ("d/x", 3)
    assert modified == client.head_object(Bucket=storage.bucket, Key="d/x")["LastModified"]
    assert isinstance(found[0], ListEntry)
    assert storage.list("nothing") == []


def test_a_moment_is_arrows_where_arrow_is_installed(storage, client, monkeypatch):
    client.put_object(Bucket=storage.bucket, Key="x", Body=b"")
    monkeypatch.setitem(sys.modules, "arrow", types.SimpleNamespace(get=lambda moment: ("arrow", moment)))
    assert storage.list("")[0].last_modified[0] == "arrow"


def test_files_are_copied_deleted_got_and_put(storage, client, tmp_path):
    (tmp_path / "here").write_bytes(LARGE)
    storage.put(str(tmp_path / "here"), "d/x")
    storage.copy("d/x", "d/y")
    storage.delete("d/x")
    storage.delete("d/x")
    storage.get("d/y", str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == LARGE
    assert keys(client, storage) == ["d/y"]


def test_file_objects_go_up_and_down_with_progress(storage, client):
    sent, received, target = [], [], io.BytesIO()
    storage.upload(io.BytesIO(LARGE), "x", progress_callback=sent.append, extra_args={"ContentType": "text/csv"})
    storage.download("x", target, progress_callback=received.append)
    assert target.getvalue() == LARGE
    assert sent[-1] == received[-1] == len(LARGE)
    assert sent == sorted(sent)
    assert client.head_object(Bucket=storage.bucket, Key="x")["ContentType"] == "text/csv"
    with pytest.raises(aios3.UnsupportedError, match="Colour"):
        storage.upload(io.BytesIO(b""), "x", extra_args={"Colour": "red"})


def test_an_empty_file_object_replaces_what_was_there(storage, client):
    """A deliberate deviation: keg_storage leaves the old content there."""
    client.put_object(Bucket=storage.bucket, Key="x", Body=b"old")
    storage.upload(io.BytesIO(), "x")
    assert client.get_object(Bucket=storage.bucket, Key="x")["Body"].read() == b""


def ask(url, method, data=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as response:
        return response.read(), response.headers


class Arrow:
    """What is used of ``arrow.Arrow``."""

    def __init__(self, moment):
        self.datetime = moment


@pytest.mark.parametrize("made", [lambda moment: moment, lambda moment: moment.replace(tzinfo=None), Arrow])
def test_links_are_good_until_then(storage, client, made):
    until = made(datetime.now(UTC) + timedelta(minutes=5))
    up = storage.link_to("a b", "u", until, "ignored")
    ask(up, "PUT", b"data", **{"Content-Type": "application/octet-stream"})
    down = storage.link_to("a b", ShareLinkOperation.download, until, "c d.txt", "text/csv", "identity")
    body, headers = ask(down, "GET")
    assert body == b"data"
    assert headers["Content-Disposition"] == 'attachment; filename="c d.txt"'
    assert headers["Content-Type"].startswith("text/csv")
    ask(storage.link_to("a b", "r", until, "ignored", "text/csv", "gzip"), "DELETE")
    assert keys(client, storage) == []


def test_links_that_cannot_be_made(storage):
    now = datetime.now(UTC)
    for operation in ("du", "", "x", ShareLinkOperation.upload | ShareLinkOperation.remove):
        with pytest.raises(NotImplementedError):
            storage.link_to("x", operation, now + timedelta(minutes=5))
    with pytest.raises(ValueError, match="accepts only ShareLinkOperation"):
        storage.link_to("x", 1, now + timedelta(minutes=5))
    for moment in (now - timedelta(minutes=5), now + timedelta(days=8)):
        with pytest.raises(ValueError, match="expire"):
            storage.link_to("x", "d", moment)
    assert [str(ShareLinkOperation.as_operation(text)) for text in ("d", "ru", "dur")] == ["d", "ur", "dur"]


def test_files_are_opened_with_a_client_of_boto3(storage, client):
    with S3Writer(storage.bucket, "x", client, chunk_size=1) as file:
        file.write(LARGE)
    with S3Reader(storage.bucket, "x", client) as file:
        assert file.read(len(LARGE) + 1) == LARGE
    assert _sessions.session_of(client) is _sessions.session_of(client)
    config = _sessions.session_of(client).config
    assert config.endpoint_url == client.meta.endpoint_url
    assert config.credentials().secret_key == "throw-away"
    with pytest.raises(aios3.ObjectNotFoundError):
        S3Reader(storage.bucket, "nothing", client)


def test_the_temporary_credentials_of_a_client_are_asked_again(environment):
    client = boto3.client("s3", aws_access_key_id="A", aws_secret_access_key="b", aws_session_token="c")
    try:
        credentials = _sessions.session_of(client).config.credentials
        assert credentials() == aios3.Credentials("A", "b", "c")
    finally:
        client.close()


def test_keys_region_and_profile_are_what_was_said(bucket):
    storage = S3Storage("b", "eu-west-1", "AKIA", "hunter2", name="mine")
    assert (storage.name, storage.bucket, str(storage)) == ("mine", "b", "S3Storage")
    assert storage.client.config.credentials == aios3.Credentials("AKIA", "hunter2")
    assert storage.client.config.region == "eu-west-1"
    assert S3Storage("b", "eu-west-1", aws_profile="work").client.config.profile == "work"
    assert S3Storage("c", "eu-west-1", "AKIA", "hunter2").client is storage.client
    with pytest.raises(ValueError, match="secret key"):
        S3Storage("b", "eu-west-1", "AKIA")
