"""Opening: modes and options are checked at once, as open() checks them; what is opened is what the mode says."""

from __future__ import annotations

import itertools
import mimetypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aios3
from aios3 import AsyncMultipartWriter, AsyncPrefetchReader, AsyncTextReader, AsyncTextWriter
from aios3._adapting_backend import AdaptingBackend
from aios3._storing.write_plan import guess_type, read_types
from aios3.errors import ConfigError, from_response

PATH = "s3://bucket/key"
MIB = 1 << 20

READING = {
    "version_id": "v",
    "if_match": "e",
    "sse_customer_key": bytes(32),
    "block_size": 4096,
    "request_size": 4096,
    "followlinks": True,
}
WRITING = {
    "content_type": "text/plain",
    "content_encoding": "gzip",
    "content_disposition": "inline",
    "content_language": "de",
    "cache_control": "no-store",
    "expires": "Wed, 02 Jan 2030 00:00:00 GMT",
    "metadata": {"a": "b"},
    "storage_class": "STANDARD",
    "acl": "private",
    "tags": {"a": "b"},
    "sse": "AES256",
    "sse_kms_key_id": "k",
    "sse_customer_key": bytes(32),
    "if_match": "e",
    "part_size": 5 * MIB,
    "followlinks": True,
}
OF_WAYS = {
    "cache_key": "k",
    "cache_path": "/nowhere",
    "join": False,
    "head_size": 5 * MIB,
    "tail_size": 5 * MIB,
}
READING_MODES = ["rb", "br", "r", "rt", "tr"]
WRITING_MODES = ["wb", "bw", "ab", "ba", "w", "wt", "tw", "a", "at", "ta"]
CREATING_MODES = ["xb", "bx", "x", "xt", "tx"]


def builtin_accepts(mode: str) -> bool:
    try:
        open(os.devnull, mode).close()  # noqa: PTH123 - it is open() that is asked
    except FileExistsError:
        return True
    except ValueError:
        return False
    return True


ALL_MODES = ["".join(letters) for size in range(5) for letters in itertools.product("rwxabtz ", repeat=size)]
VALID_MODES = [mode for mode in ALL_MODES if builtin_accepts(mode)]


def test_the_modes_are_those_of_open():
    accepted = []
    for mode in ALL_MODES:
        try:
            aios3.aopen(PATH, mode)
        except ConfigError as error:
            assert repr(mode) in str(error)  # noqa: PT017 - the other modes raise nothing
        else:
            accepted.append(mode)
    assert accepted == VALID_MODES
    assert sorted(accepted) == sorted(READING_MODES + WRITING_MODES + CREATING_MODES)


@pytest.mark.parametrize("mode", ["r+", "w+", "a+", "x+t"])
def test_text_is_not_read_and_written_at_once(mode):
    with pytest.raises(ConfigError, match=r"text cannot be read and written at once.*aios3\.sync\.open"):
        aios3.aopen(PATH, mode)


@pytest.mark.parametrize("mode", ["rb+", "+br", "wb+", "w+b", "xb+", "ab+"])
def test_a_mode_that_reads_and_writes_needs_the_whole_object(mode):
    aios3.aopen(PATH, mode)
    aios3.aopen(PATH, mode, buffering="memory")
    aios3.aopen(PATH, mode, buffering="disk")
    for way in ("prefetch", "shared", "pipe", "limited"):
        with pytest.raises(ConfigError, match=r"needs 'memory' or 'disk'|has the modes"):
            aios3.aopen(PATH, mode, buffering=way)


WAYS = {"prefetch": "rwxa", "shared": "r", "pipe": "rwx", "memory": "rwxa", "disk": "rwxa", "limited": "wx"}


@pytest.mark.parametrize("kind", "rwxa")
@pytest.mark.parametrize("way", WAYS)
def test_each_way_has_its_modes(way, kind):
    for mode in (kind, kind + "b"):
        if kind in WAYS[way]:
            aios3.aopen(PATH, mode, buffering=way)
        else:
            with pytest.raises(ConfigError, match=f"buffering='{way}' has the modes"):
                aios3.aopen(PATH, mode, buffering=way)


@pytest.mark.parametrize(
    ("way", "mode", "own"),
    [
        ("shared", "rb", {"cache_key"}),
        ("pipe", "rb", set()),
        ("pipe", "wb", {"join"}),
        ("memory", "rb", set()),
        ("memory", "rb+", set()),
        ("disk", "rb", {"cache_path"}),
        ("disk", "ab+", {"cache_path"}),
        ("limited", "wb", {"head_size", "tail_size"}),
        ("prefetch", "rb", set()),
        ("prefetch", "wb", set()),
    ],
)
def test_each_way_has_its_options(way, mode, own):
    for name, value in OF_WAYS.items():
        if name in own:
            aios3.aopen(PATH, mode, buffering=way, **{name: value})
        else:
            with pytest.raises(ConfigError, match=name):
                aios3.aopen(PATH, mode, buffering=way, **{name: value})


@pytest.mark.parametrize(
    "wrong",
    [{"cache_key": 5}, {"cache_path": 5}, {"join": 0}, {"followlinks": "no"}, {"head_size": 1}, {"tail_size": -1}],
)
def test_an_option_of_a_way_has_its_type(wrong):
    way, mode = {"cache_key": ("shared", "rb"), "cache_path": ("disk", "rb"), "join": ("pipe", "wb")}.get(
        next(iter(wrong)), ("limited", "wb")
    )
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        aios3.aopen(PATH, mode, buffering=way, **wrong)


@pytest.mark.parametrize("way", ["", "Prefetch", 0, 65536, True, ["pipe"]])
def test_no_other_way(way):
    with pytest.raises(ConfigError, match="buffering must be one of 'prefetch', 'shared'"):
        aios3.aopen(PATH, buffering=way)


@pytest.mark.parametrize("mode", ["U", "rU", "R", "rb ", "read", "rbt", "rr"])
def test_no_other_mode(mode):
    with pytest.raises(ConfigError, match=r"invalid mode .*: one of 'r', 'w', 'x', 'a'"):
        aios3.aopen(PATH, mode)


def test_the_lists_of_options_are_whole():
    assert set(READING) == set(aios3.ReaderOptions.__annotations__)
    assert set(WRITING) == set(aios3.WriterOptions.__annotations__)
    assert set(READING) | set(WRITING) | set(OF_WAYS) == aios3.OpenOptions.__optional_keys__


@pytest.mark.parametrize(
    ("mode", "known"),
    [(mode, READING) for mode in READING_MODES]
    + [(mode, WRITING) for mode in WRITING_MODES]
    + [(mode, {name: value for name, value in WRITING.items() if name != "if_match"}) for mode in CREATING_MODES],
)
def test_options_belong_to_modes(mode, known):
    """All without an event loop: nothing is awaited, and nothing asked of a server, before they are checked."""
    aios3.aopen(PATH, mode, **known)
    for name, value in (READING | WRITING).items():
        if name in known:
            aios3.aopen(PATH, mode, **{name: value})
        else:
            with pytest.raises(ConfigError, match=name):
                aios3.aopen(PATH, mode, **{name: value})


@pytest.mark.parametrize(("mode", "known", "purpose"), [("rb", READING, "reading"), ("w", WRITING, "writing")])
def test_an_unknown_option_is_rejected_with_the_names_of_the_known_ones(mode, known, purpose):
    with pytest.raises(ConfigError, match=f"Unknown option 'blocksize', 'zip' for {purpose}") as caught:
        aios3.aopen(PATH, mode, zip=1, blocksize=2)
    assert all(name in str(caught.value) for name in known)


def test_creating_and_replacing_contradict_each_other():
    with pytest.raises(ConfigError, match="use mode 'w' with if_match"):
        aios3.aopen(PATH, "xb", if_match="e")


@pytest.mark.parametrize("mode", VALID_MODES)
def test_only_text_takes_settings_of_text(mode):
    for settings in ({"encoding": "utf-16"}, {"errors": "replace"}, {"newline": "\n"}):
        if "b" in mode:
            with pytest.raises(ConfigError, match=f"A binary mode takes no {next(iter(settings))}"):
                aios3.aopen(PATH, mode, **settings)
        else:
            aios3.aopen(PATH, mode, **settings)
    if "b" not in mode:
        with pytest.raises(ConfigError, match="utf-9"):
            aios3.aopen(PATH, mode, encoding="utf-9")


@pytest.mark.parametrize("mode", ["rb", "w", "ab", "x"])
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("key", aios3.InvalidPathError),
        ("s3://", aios3.InvalidPathError),
        ("s3:///key", aios3.InvalidPathError),
        (None, aios3.InvalidPathError),
        ("s3://bucket", aios3.PathIsDirectoryError),
        ("s3://bucket/directory/", aios3.PathIsDirectoryError),
        (aios3.S3Url("bucket"), aios3.PathIsDirectoryError),
    ],
)
def test_a_path_that_can_be_no_object_is_rejected_at_once(path, error, mode):
    with pytest.raises(error):
        aios3.aopen(path, mode)


@pytest.mark.parametrize("mode", [None, 5, b"rb", ["r", "b"], {"r"}])
def test_a_mode_is_a_text(mode):
    with pytest.raises(ConfigError, match=f"not {type(mode).__name__}"):
        aios3.aopen(PATH, mode)


@pytest.mark.parametrize("value", [0, 1, -1, True, 5.0 * MIB, "8 MiB", None, 6 << 30])
@pytest.mark.parametrize(("mode", "name"), [("rb", "block_size"), ("r", "request_size"), ("wb", "part_size")])
def test_sizes_are_checked_at_once(mode, name, value):
    with pytest.raises(ConfigError, match=name):
        aios3.aopen(PATH, mode, **{name: value})


@pytest.mark.parametrize("options", [{"block_size": 9 * MIB}, {"request_size": 64 << 10}])
async def test_sizes_that_contradict_the_session_are_rejected_before_any_request(unreachable_session, options):
    with pytest.raises(ConfigError, match="must not be smaller than block_size"):
        await aios3.aopen(PATH, session=unreachable_session, **options)


@pytest.fixture
async def unreachable_session():
    credentials = aios3.Credentials("AKIA", "hunter2")
    async with aios3.Session(endpoint_url="http://127.0.0.1:1", credentials=credentials, max_attempts=1) as session:
        yield session


@pytest.mark.parametrize("mode", ["rb", "r", "xb", "a"])
async def test_an_endpoint_that_is_not_there(unreachable_session, mode):
    with pytest.raises(aios3.ConnectionFailedError, match=r"http://127\.0\.0\.1:1") as caught:
        await aios3.aopen(PATH, mode, session=unreachable_session)
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.path == PATH
    errors = [caught.value]
    while errors[-1].__cause__ or errors[-1].__context__:
        errors.append(errors[-1].__cause__ or errors[-1].__context__)
    assert not any("hunter2" in f"{error!r} {error}" for error in errors)


@pytest.mark.parametrize("mode", ["rb", "wb"])
async def test_a_session_that_is_none_is_rejected(mode):
    with pytest.raises(ConfigError, match=r"must be an aios3\.Session, not str"):
        await aios3.aopen(PATH, mode, session="session")


async def test_nothing_happens_to_a_file_that_is_never_opened(unreachable_session):
    opening = aios3.aopen(PATH, "ab", session=unreachable_session)
    await opening.__aexit__(None, None, None)
    del opening


@pytest.mark.parametrize(
    ("mode", "kind", "shown"),
    [
        ("rb", AsyncPrefetchReader, "rb"),
        ("br", AsyncPrefetchReader, "rb"),
        ("r", AsyncTextReader, "r"),
        ("tr", AsyncTextReader, "r"),
        ("wb", AsyncMultipartWriter, "wb"),
        ("ba", AsyncMultipartWriter, "ab"),
        ("xb", AsyncMultipartWriter, "xb"),
        ("w", AsyncTextWriter, "w"),
        ("ta", AsyncTextWriter, "a"),
        ("x", AsyncTextWriter, "x"),
    ],
)
async def test_what_a_mode_opens(aios3_bucket, aios3_session, mode, kind, shown):
    path = f"{aios3_bucket}/key"
    if "x" not in mode:
        await aios3.write_bytes(path, b"old", session=aios3_session)
    opening = aios3.aopen(path, mode, session=aios3_session)
    async with opening as file:
        assert type(file) is kind
        assert (file.mode, file.name, file.path, file.closed) == (shown, path, aios3.S3Url.parse(path), False)
        assert repr(file).startswith(f"<aios3.{kind.__name__} {path} ")
    assert file.closed
    if "x" not in mode:
        awaited = await aios3.aopen(path, mode, session=aios3_session)
        assert type(awaited) is kind
        await awaited.aclose()


async def test_reading_is_the_default(aios3_bucket, aios3_session):
    await aios3.write_bytes(f"{aios3_bucket}/key", b"data", session=aios3_session)
    async with aios3.aopen(f"{aios3_bucket}/key", session=aios3_session) as file:
        assert await file.read() == b"data"


async def test_an_opening_may_be_entered_again(aios3_bucket, aios3_session):
    opening = aios3.aopen(f"{aios3_bucket}/log", "ab", session=aios3_session)
    for _ in range(3):
        async with opening as file:
            await file.write(b"x")
    assert await aios3.read_bytes(f"{aios3_bucket}/log", session=aios3_session) == b"xxx"


async def test_an_opening_is_entered_once_at_a_time(aios3_bucket, aios3_session):
    opening = aios3.aopen(f"{aios3_bucket}/log", "wb", session=aios3_session)
    async with opening as file:
        with pytest.raises(ConfigError, match="entered already"):
            async with opening:
                pytest.fail("it was entered twice")
        assert not file.closed
        await file.write(b"x")
    assert file.result.size == 1


async def test_options_arrive(aios3_bucket, aios3_session):
    path, data = f"{aios3_bucket}/key", os.urandom(6 * MIB)
    described = {"content_type": "text/x-test", "cache_control": "no-store", "metadata": {"a": "b"}}
    async with aios3.aopen(path, "wb", session=aios3_session, part_size=5 * MIB, **described) as file:
        await file.write(data)
    assert file.result.etag.endswith("-2")
    async with aios3.aopen(path, session=aios3_session, block_size=64 << 10, request_size=MIB) as file:
        assert await file.read_at(0, 6 * MIB) == data
        stat = file.stat()
        assert (stat.content_type, stat.headers["cache-control"], stat.metadata) == (
            "text/x-test",
            "no-store",
            {"a": "b"},
        )
        assert [len(view) async for view in file.chunks()] == [64 << 10] * 96


async def test_a_reader_requests_at_most_request_size_bytes(aios3_bucket, aios3_session, monkeypatch):
    path, spans = f"{aios3_bucket}/key", []
    await aios3.write_bytes(path, bytes(3 * MIB), session=aios3_session)
    get = AdaptingBackend.get_object

    async def note(self, url, *, start, stop, options):
        spans.append(stop - start)
        return await get(self, url, start=start, stop=stop, options=options)

    monkeypatch.setattr(AdaptingBackend, "get_object", note)
    async with aios3.aopen(path, session=aios3_session, block_size=64 << 10, request_size=512 << 10) as file:
        assert len(await file.read()) == 3 * MIB
    assert max(spans) <= 512 << 10
    assert sum(spans) >= 3 * MIB
    assert len(spans) >= 6


async def test_a_reader_may_ask_for_a_version(aios3_bucket, aios3_session):
    path = f"{aios3_bucket}/key"
    await version_objects(aios3_session, path)
    first = await aios3.write_bytes(path, b"first", session=aios3_session)
    second = await aios3.write_bytes(path, b"second", session=aios3_session)
    assert first.version_id != second.version_id
    async with aios3.aopen(path, session=aios3_session, version_id=first.version_id) as file:
        assert await file.read() == b"first"
        assert file.stat().version_id == first.version_id
    async with aios3.aopen(path, "r", session=aios3_session, if_match=second.etag) as file:
        assert await file.read() == "second"
    with pytest.raises(aios3.ObjectChangedError):
        await aios3.aopen(path, session=aios3_session, if_match=first.etag)


async def version_objects(session: aios3.Session, path: str) -> None:
    url = aios3.S3Url.parse(path)
    client = await aios3.get_s3_client(session=session)
    await client.put_bucket_versioning(Bucket=url.bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.mark.parametrize("mode", ["rb", "r"])
async def test_a_directory_is_no_file(aios3_bucket, aios3_session, mode):
    await aios3.write_bytes(f"{aios3_bucket}/a/b/c", b"", session=aios3_session)
    for directory in ("a", "a/b"):
        path = f"{aios3_bucket}/{directory}"
        with pytest.raises(aios3.PathIsDirectoryError, match=f"{path} is a directory") as caught:
            await aios3.aopen(path, mode, session=aios3_session)
        assert caught.value.filename == path
        assert isinstance(caught.value.__cause__, aios3.ObjectNotFoundError)


@pytest.mark.parametrize("mode", ["rb", "r"])
async def test_nothing_is_there(aios3_bucket, aios3_session, mode):
    await aios3.write_bytes(f"{aios3_bucket}/keys", b"", session=aios3_session)
    with pytest.raises(aios3.ObjectNotFoundError, match="GetObject") as caught:
        async with aios3.aopen(f"{aios3_bucket}/key", mode, session=aios3_session):
            pytest.fail("there is nothing to enter")
    error = caught.value
    assert type(error) is aios3.ObjectNotFoundError
    assert (error.code, error.status, error.filename) == ("NoSuchKey", 404, f"{aios3_bucket}/key")
    assert error.request_id in str(error)


@pytest.mark.parametrize("mode", ["rb", "xb", "ab", "w"])
async def test_no_such_bucket(aios3_session, mode):
    with pytest.raises(aios3.BucketNotFoundError, match="no-such-bucket-here") as caught:
        async with aios3.aopen("s3://no-such-bucket-here/key", mode, session=aios3_session) as file:
            await file.write(b"data" if "b" in mode else "data")
    assert caught.value.code == "NoSuchBucket"


async def test_without_permission_to_list_the_error_names_the_request(aios3_bucket, aios3_session, monkeypatch):
    async def reject(_self, url, **_kwargs):
        raise from_response(operation="ListObjectsV2", path=str(url), code="AccessDenied", status=403)

    monkeypatch.setattr(AdaptingBackend, "list_objects", reject)
    with pytest.raises(aios3.ObjectNotFoundError) as caught:
        await aios3.aopen(f"{aios3_bucket}/key", session=aios3_session)
    assert caught.value.operation == "GetObject"


async def test_what_says_that_the_bucket_is_missing_is_not_asked_why(aios3_session, monkeypatch):
    async def unexpected(_self, url, **_kwargs):
        pytest.fail(f"{url} was listed")

    monkeypatch.setattr(AdaptingBackend, "list_objects", unexpected)
    with pytest.raises(aios3.BucketNotFoundError, match="GetObject"):
        await aios3.aopen("s3://no-such-bucket-here/key", session=aios3_session)


@pytest.mark.parametrize("mode", ["xb", "x"])
async def test_creating_rejects_what_is_there_before_anything_is_written(aios3_bucket, aios3_session, mode):
    path = f"{aios3_bucket}/key"
    await aios3.write_bytes(path, b"old", session=aios3_session)
    with pytest.raises(aios3.ObjectExistsError, match="mode 'x' creates only; use 'w' to replace it") as caught:
        async with aios3.aopen(path, mode, session=aios3_session):
            pytest.fail("there is nothing to enter")
    assert isinstance(caught.value, FileExistsError)
    assert caught.value.filename == path
    assert await aios3.read_bytes(path, session=aios3_session) == b"old"


async def test_appending_only_to_the_right_version(aios3_bucket, aios3_session):
    path = f"{aios3_bucket}/log"
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.aopen(path, "ab", session=aios3_session, if_match="e")
    written = await aios3.write_bytes(path, b"one", session=aios3_session)
    with pytest.raises(aios3.ObjectChangedError):
        await aios3.aopen(path, "ab", session=aios3_session, if_match="0" * 32)
    async with aios3.aopen(path, "ab", session=aios3_session, if_match=written.etag) as file:
        assert file.tell() == 3
        await file.write(b"two")
    assert await aios3.read_bytes(path, session=aios3_session) == b"onetwo"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("page.html", "text/html"),
        ("data.json", "application/json"),
        ("photo.JPG", "image/jpeg"),
        ("backup.tar.gz", "application/gzip"),
        ("backup.tar.xz", "application/x-xz"),
        ("table.csv.bz2", "application/x-bzip2"),
        ("no-extension", None),
        ("strange.zzz-unknown", None),
    ],
)
@pytest.mark.parametrize("fresh", [True, False])
async def test_the_type_follows_from_the_name(monkeypatch, name, expected, fresh):
    """What is packed is called what it is packed as: a browser would unpack what is said to be packed text."""
    monkeypatch.setattr(mimetypes, "inited", not fresh)
    await read_types()
    assert guess_type(name) == expected


def test_a_type_checker_knows_what_a_mode_opens():
    pytest.importorskip("mypy", reason="mypy is not installed")
    root = Path(__file__).parent.parent
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "tests/typing_aopen.py"], cwd=root, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
