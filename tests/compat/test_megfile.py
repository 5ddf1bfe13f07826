"""A script written for megfile finds what it knows; and where megfile loses data, this does not."""

from __future__ import annotations

import errno
import io
import shutil

import pytest

import aios3
from aios3.compat import megfile as s3
from aios3.compat.megfile import errors, settings


def put(*paths: str, data: bytes = b"data") -> None:
    for path in paths:
        s3.s3_save_as(io.BytesIO(data), path)


def test_names(bucket):
    put(f"{bucket}/dir/a.txt", f"{bucket}/dir/sub/b.txt", f"{bucket}/c")
    assert s3.s3_exists(f"{bucket}/dir")
    assert s3.s3_isdir(f"{bucket}/dir")
    assert s3.s3_isfile(f"{bucket}/c")
    assert s3.s3_hasbucket(bucket)
    assert s3.s3_access(f"{bucket}/c")
    assert s3.s3_access(f"{bucket}/new", s3.Access.WRITE)
    assert s3.s3_listdir(bucket) == ["c", "dir"]
    assert [(entry.name, entry.is_dir()) for entry in s3.s3_scandir(bucket)] == [("c", False), ("dir", True)]
    assert list(s3.s3_scan(bucket)) == [f"{bucket}/c", f"{bucket}/dir/a.txt", f"{bucket}/dir/sub/b.txt"]
    assert [entry.stat.size for entry in s3.s3_scan_stat(f"{bucket}/dir")] == [4, 4]
    assert next(s3.s3_walk(f"{bucket}/dir")) == (f"{bucket}/dir", ["sub"], ["a.txt"])
    assert s3.s3_glob(f"{bucket}/**/*.txt") == list(s3.s3_iglob(f"{bucket}/**/*.txt"))
    assert [entry.path for entry in s3.s3_glob_stat(f"{bucket}/*")] == [f"{bucket}/c", f"{bucket}/dir"]
    assert s3.s3_getsize(f"{bucket}/dir") == 8
    assert s3.s3_getmtime(f"{bucket}/c") > 0


def test_descriptions_have_megfiles_fields(bucket):
    put(f"{bucket}/c")
    found = s3.s3_stat(f"{bucket}/c")
    size, ctime, mtime, isdir, islnk, extra = found
    assert (size, ctime, isdir, islnk) == (4, 0.0, False, False)
    assert mtime == found.st_mtime > 0
    assert extra["ETag"] == f'"{s3.s3_getmd5(f"{bucket}/c")}"'
    assert s3.s3_lstat(bucket).is_dir()
    assert next(s3.s3_scandir(bucket))[:2] == ("c", f"{bucket}/c")


def test_contents(bucket, tmp_path):
    put(f"{bucket}/c", data=b"0123456789")
    assert s3.s3_load_content(f"{bucket}/c", 2, -2) == b"234567"
    assert s3.s3_load_content(f"{bucket}/c", 3, 3) == b""
    assert s3.s3_load_from(f"{bucket}/c").read() == b"0123456789"
    stream = io.BytesIO(b"x")
    s3.s3_save_as(stream, f"{bucket}/d")
    assert not stream.closed
    with pytest.raises(ValueError, match="no range"):
        s3.s3_load_content(f"{bucket}/c", 5, 3)
    with pytest.raises(s3.S3InvalidRangeError):
        s3.s3_load_content(f"{bucket}/c", 50)


def test_links(bucket):
    put(f"{bucket}/c")
    s3.s3_symlink(f"{bucket}/c", f"{bucket}/link")
    assert s3.s3_islink(f"{bucket}/link")
    assert s3.s3_readlink(f"{bucket}/link") == f"{bucket}/c"
    assert s3.s3_stat(f"{bucket}/link").size == 4
    assert s3.s3_stat(f"{bucket}/link", follow_symlinks=False).size == 0
    with pytest.raises(s3.S3NotALinkError):
        s3.s3_readlink(f"{bucket}/c")
    with pytest.raises(s3.S3NameTooLongError):
        s3.s3_symlink(f"{bucket}/{'k' * 1024}", f"{bucket}/link")


def test_copies(bucket):
    put(f"{bucket}/c")
    put(f"{bucket}/there", data=b"old")
    seen = []
    s3.s3_copy(f"{bucket}/c", f"{bucket}/d", callback=seen.append)
    assert seen == [4]
    s3.s3_copy(f"{bucket}/c", f"{bucket}/there", overwrite=False)
    assert s3.s3_load_content(f"{bucket}/there") == b"old"
    with pytest.raises(shutil.SameFileError):
        s3.s3_copy(f"{bucket}/c", f"{bucket}/c")
    with pytest.raises(s3.S3IsADirectoryError):
        s3.s3_copy(f"{bucket}/", f"{bucket}/d")


@pytest.mark.parametrize("move", [s3.s3_rename, s3.s3_move])
def test_rename_and_move_without_overwrite_delete_nothing(bucket, move):
    put(f"{bucket}/c")
    put(f"{bucket}/there", data=b"old")
    move(f"{bucket}/c", f"{bucket}/there", overwrite=False)
    assert (s3.s3_load_content(f"{bucket}/c"), s3.s3_load_content(f"{bucket}/there")) == (b"data", b"old")
    move(f"{bucket}/c", f"{bucket}/there")
    assert not s3.s3_exists(f"{bucket}/c")
    move(f"{bucket}/c", f"{bucket}/there")  # nothing to move is no error in megfile
    assert s3.s3_load_content(f"{bucket}/there") == b"data"
    with pytest.raises(s3.S3BucketNotFoundError):
        move("s3://no-such-bucket-here/c", f"{bucket}/there")


def test_removals(bucket):
    put(f"{bucket}/c", f"{bucket}/d")
    s3.s3_unlink(f"{bucket}/c")
    s3.s3_remove(f"{bucket}/d")
    assert s3.s3_listdir(bucket) == []
    for remove in (s3.s3_unlink, s3.s3_remove):
        with pytest.raises(s3.S3FileNotFoundError):
            remove(f"{bucket}/c")
        remove(f"{bucket}/c", missing_ok=True)
    for path in (bucket, "s3://"):
        with pytest.raises(s3.UnsupportedError):
            s3.s3_remove(path)


def test_makedirs(bucket):
    put(f"{bucket}/dir/c")
    s3.s3_makedirs(f"{bucket}/new")
    s3.s3_makedirs(f"{bucket}/dir", exist_ok=True)
    with pytest.raises(s3.S3FileExistsError):
        s3.s3_makedirs(f"{bucket}/dir")
    with pytest.raises(s3.S3BucketNotFoundError):
        s3.s3_makedirs("s3://no-such-bucket-here/dir", exist_ok=True)


def test_every_kind_of_path_is_taken(bucket):
    class Path:
        def __fspath__(self):
            return f"{bucket}/c"

    put(f"{bucket}/c")
    for path in (f"{bucket}/c", Path(), aios3.S3Url.parse(f"{bucket}/c"), aios3.sync.S3Path(f"{bucket}/c")):
        assert s3.s3_isfile(path)
        assert s3.is_s3(path)
        assert s3.parse_s3_url(path) == (bucket.removeprefix("s3://"), "c")
        assert s3.s3_path_join(path, "/d", "e/") == f"{bucket}/c/d/e/"
    assert not s3.is_s3("S3://bucket/key")
    assert s3.parse_s3_url("s3://b//k") == ("b", "/k")
    with pytest.raises(ValueError, match="Not a s3 url"):
        s3.parse_s3_url("/tmp/file")


def test_opens_what_it_wrote(bucket):
    with s3.s3_open(f"{bucket}/c", "w") as file:
        file.write("grüße\n")
    with s3.s3_open(f"{bucket}/c", "r", encoding="utf-8", block_size=1 << 20, max_workers=4) as file:
        assert file.read() == "grüße\n"
    with s3.s3_prefetch_open(f"{bucket}/c", max_block_size=1 << 20) as file:
        assert isinstance(file, s3.S3PrefetchReader)
        assert (file.name, file.mode) == (f"{bucket}/c", "rb")
        assert file.readline() == "grüße\n".encode()
        assert file.seek(-1, io.SEEK_END) == file.tell() == 7
    assert file.closed
    with pytest.raises(s3.S3FileNotFoundError):
        s3.s3_open(f"{bucket}/none", "rb")
    with pytest.raises(s3.S3IsADirectoryError):
        s3.s3_open(f"{bucket}/", "rb")
    with pytest.raises(s3.S3FileExistsError):
        s3.s3_open(f"{bucket}/c", "xb")
    for wrong in ("q", "wb"):
        with pytest.raises(ValueError, match="mode"):
            s3.s3_prefetch_open(f"{bucket}/c", wrong)


def test_classes_can_be_made_by_their_constructors(bucket):
    name = bucket.removeprefix("s3://")
    with s3.S3BufferedWriter(name, "c", s3_client=None, block_size=6 << 20) as writer:
        assert writer.writable()
        writer.write(b"one\ntwo\n")
    with s3.S3PrefetchReader(name, "c", s3_client=s3.get_s3_client(), block_capacity=2) as reader:
        assert list(reader) == [b"one\n", b"two\n"]
        into = bytearray(4)
        reader.seek(0)
        assert reader.readinto(into) == 4
        assert into == b"one\n"


def test_an_exception_inside_with_publishes_nothing(bucket):
    """Decided: megfile publishes what was written so far."""
    name = bucket.removeprefix("s3://")
    for opening in (
        lambda: s3.s3_open(f"{bucket}/c", "wb"),
        lambda: s3.S3BufferedWriter(name, "c", s3_client=None),
    ):
        with pytest.raises(ZeroDivisionError), opening() as file:
            file.write(b"half")
            raise ZeroDivisionError
        assert not s3.s3_exists(f"{bucket}/c")


def test_forgetting_a_writer_publishes_nothing(bucket):
    writer = s3.S3BufferedWriter(bucket.removeprefix("s3://"), "c", s3_client=None)
    writer.write(b"half")
    forgotten = [writer]
    del writer
    with pytest.warns(ResourceWarning):
        forgotten.clear()
    assert not s3.s3_exists(f"{bucket}/c")


def test_errors_are_those_of_aios3_and_builtins():
    for name in s3.__all__:
        value = getattr(s3, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            assert issubclass(value, aios3.S3Error), name
    assert issubclass(s3.S3BucketNotFoundError, s3.S3FileNotFoundError)
    for ours, builtin in (
        (s3.S3FileNotFoundError, FileNotFoundError),
        (s3.S3IsADirectoryError, IsADirectoryError),
        (s3.S3NotADirectoryError, NotADirectoryError),
        (s3.S3PermissionError, PermissionError),
        (s3.S3FileExistsError, FileExistsError),
        (s3.SameFileError, shutil.SameFileError),
        (s3.S3UnknownError, OSError),
    ):
        assert issubclass(ours, builtin)


@pytest.mark.parametrize(
    "cause", [aios3.ServerError, aios3.ConnectionFailedError, aios3.RequestError, aios3.ThrottledError]
)
def test_what_megfile_has_no_class_for_is_unknown(cause):
    with pytest.raises(s3.S3UnknownError, match="it failed") as caught, errors.unknown_errors():
        raise cause("it failed", path="s3://b/k", code="Odd", status=500)  # noqa: TRY003 - its data
    assert isinstance(caught.value.__cause__, cause)
    assert (caught.value.path, caught.value.code, caught.value.errno) == ("s3://b/k", "Odd", errno.EIO)


def test_an_unreachable_server_is_unknown(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MEGFILE_MAX_RETRY_TIMES", "1")
    for call in (lambda: s3.s3_exists(f"{bucket}/c"), lambda: list(s3.s3_scan(bucket))):
        with pytest.raises(s3.S3UnknownError):
            call()


def test_the_environments_variables():
    config = settings.make_config(
        {
            "MEGFILE_MAX_WORKERS": "5",
            "MEGFILE_BLOCK_SIZE": "16Mi",
            "MEGFILE_MAX_BUFFER_SIZE": "1Gi",
            "MEGFILE_MAX_RETRY_TIMES": "7",
            "MEGFILE_S3_MAX_RETRY_TIMES": "3",
            "AWS_S3_ADDRESSING_STYLE": "path",
            "AWS_S3_VERIFY": "false",
        }
    )
    assert (config.max_concurrency, config.request_size, config.part_size) == (5, 16 << 20, 16 << 20)
    assert (config.memory_budget, config.max_attempts) == (1 << 30, 3)
    assert (config.addressing_style, config.verify) == ("path", False)
    assert settings.make_config({"MEGFILE_BLOCK_CAPACITY": "4"}).memory_budget == 32 << 20
    assert settings.make_config({"MEGFILE_READER_BLOCK_SIZE": "4M"}).request_size == 4_000_000
    assert settings.make_config({"MEGFILE_WRITER_BLOCK_SIZE": "1"}).part_size == 5 << 20
    assert settings.make_config({}).max_attempts == 10
    for name in ("MEGFILE_MAX_WORKERS", "AWS_S3_VERIFY"):
        with pytest.raises(aios3.ConfigError, match=name):
            settings.make_config({name: "many"})


def test_a_profile_in_the_environment(bucket, aios3_server, monkeypatch):
    """``s3+there-1://`` is reached by what ``THERE-1__...`` say, and no file need know it."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    credentials = aios3_server.config["credentials"]
    monkeypatch.setenv("THERE-1__OSS_ENDPOINT", aios3_server.endpoint_url)
    monkeypatch.setenv("THERE-1__AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("THERE-1__AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    there = bucket.replace("s3://", "s3+there-1://")
    put(f"{there}/c")
    s3.s3_symlink(f"{there}/c", f"{there}/link")
    assert s3.s3_readlink(f"{there}/link") == f"{there}/c"
    assert list(s3.s3_scan(there)) == [f"{there}/c", f"{there}/link"]
    assert s3.get_endpoint_url("there-1") == aios3_server.endpoint_url
    with pytest.raises(aios3.ConfigError):
        s3.s3_exists(bucket.replace("s3://", "s3+elsewhere://"))


def test_where_requests_go(bucket, aios3_server, monkeypatch, tmp_path):
    assert s3.get_endpoint_url() == aios3_server.endpoint_url
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://second.example")
    monkeypatch.setenv("OSS_ENDPOINT", "http://first.example")
    assert s3.get_endpoint_url() == "http://first.example"
    monkeypatch.delenv("OSS_ENDPOINT")
    assert s3.get_endpoint_url() == "http://second.example"


def test_the_client_is_boto3s(bucket):
    client = s3.get_s3_client(cache_key="mine")
    assert s3.get_s3_client(cache_key="mine") is client
    assert bucket.removeprefix("s3://") in [each["Name"] for each in client.list_buckets()["Buckets"]]
    assert s3.get_s3_client() is not client
    with pytest.raises(s3.UnsupportedError):
        s3.get_s3_client(config=object())
    client.close()
