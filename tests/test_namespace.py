"""Names: what each verb responses, what it asks of S3 for it, and that leaving early leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios3 import _namespace as names
from aios3._entries import Access, FileEntry, StatResult
from aios3._paths import S3Url, path_join
from aios3.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ConfigError,
    CredentialsError,
    InvalidPathError,
    ObjectNotFoundError,
    PathNotDirectoryError,
    UnsupportedError,
)
from fake_backend import FakeBackend, FakeSession, others, settled, until


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def s3(fake):
    async with FakeSession(fake) as session:
        yield session


async def collect(source) -> list:
    return [item async for item in source]


# stat and its relatives


async def test_stat_of_an_object_is_one_head(fake, s3):
    fake.put("s3://b/k", "s3://b/k/x", size=7, mtime=3.0)
    found = await names.stat("s3://b/k", session=s3)
    assert (found.size, found.mtime, found.isdir) == (7, 3.0, False)
    assert fake.calls == ["HEAD s3://b/k"]


async def test_stat_of_a_directory_is_the_sum_and_the_latest(fake, s3):
    fake.put("s3://b/d/a", size=2, mtime=1.0).put("s3://b/d/e/f", size=3, mtime=9.0).put(
        "s3://b/d-1", size=100, mtime=50
    )
    fake.put("s3://b/d/", mtime=4.0)
    fake.page_size = 2
    assert await names.stat("s3://b/d", session=s3) == StatResult(size=5, mtime=9.0, isdir=True)
    assert fake.calls == ["HEAD s3://b/d", "LIST s3://b/d/", "LIST s3://b/d/ ..."]


async def test_a_slash_at_the_end_needs_no_head(fake, s3):
    fake.put("s3://b/k", "s3://b/k/x")
    assert (await names.stat("s3://b/k/", session=s3)).isdir
    assert await names.exists("s3://b/k/", session=s3)
    assert not await names.isfile("s3://b/k/", session=s3)
    assert fake.calls == ["LIST s3://b/k/", "LIST s3://b/k/ max=1"]


async def test_a_marker_makes_a_directory_and_no_file(fake, s3):
    fake.put("s3://b/m/", mtime=5.0)
    assert await names.stat("s3://b/m", session=s3) == StatResult(mtime=5.0, isdir=True)
    assert await names.isdir("s3://b/m", session=s3)
    assert not await names.isfile("s3://b/m/", session=s3)
    assert await names.listdir("s3://b/m", session=s3) == []


async def test_stat_of_buckets(fake, s3):
    fake.put("s3://empty/")
    assert await names.stat("s3://empty", session=s3) == StatResult(isdir=True)
    for path in ("s3://nope", "s3://nope/k", "s3://nope/d/", "s3://", "s3:///k"):
        with pytest.raises(BucketNotFoundError) as caught:
            await names.stat(path, session=s3)
        assert caught.value.errno == errno.ENOENT


async def test_stat_of_nothing(fake, s3):
    fake.put("s3://b/k")
    for path in ("s3://b/x", "s3://b/k/", "s3://b/x/"):
        with pytest.raises(ObjectNotFoundError) as caught:
            await names.stat(path, session=s3)
        assert caught.value.filename == path
        assert not isinstance(caught.value, BucketNotFoundError)


async def test_size_and_time(fake, s3):
    fake.put("s3://b/d/a", size=2, mtime=1.5).put("s3://b/d/b", size=3, mtime=2.5)
    assert await names.getsize("s3://b/d", session=s3) == 5
    assert await names.getmtime("s3://b/d", session=s3) == 2.5
    assert await names.getsize("s3://b/d/a", session=s3) == 2
    assert await names.getmtime("s3://b/d/a", session=s3) == 1.5
    with pytest.raises(ObjectNotFoundError):
        await names.getsize("s3://b/x", session=s3)


@pytest.mark.parametrize(
    ("path", "exists", "isfile", "isdir"),
    [
        ("s3://b/k", True, True, True),
        ("s3://b/k/", True, False, True),
        ("s3://b/k/x", True, True, False),
        ("s3://b/k/x/", False, False, False),
        ("s3://b/d", True, False, True),
        ("s3://b/x", False, False, False),
        ("s3://b/a//", True, False, True),
        ("s3://b/a//b", True, True, False),
        ("s3://b", True, False, True),
        ("s3://b/", True, False, True),
        ("s3://empty", True, False, True),
        ("s3://nope", False, False, False),
        ("s3://nope/k", False, False, False),
        ("s3://", True, False, True),
        ("s3:///k", False, False, False),
    ],
)
async def test_what_is_there(fake, s3, path, exists, isfile, isdir):
    fake.put("s3://empty/", "s3://b/k", "s3://b/k/x", "s3://b/d/y", "s3://b/a//b")
    assert await names.exists(path, session=s3) is exists
    assert await names.isfile(path, session=s3) is isfile
    assert await names.isdir(path, session=s3) is isdir


async def test_requests_of_the_questions(fake, s3):
    fake.put("s3://b/k", "s3://b/d/x")
    await names.exists("s3://b/k", session=s3)
    await names.isfile("s3://b/k", session=s3)
    await names.isdir("s3://b/d", session=s3)
    await names.isdir("s3://b", session=s3)
    assert fake.calls == ["HEAD s3://b/k", "HEAD s3://b/k", "LIST s3://b/d/ max=1", "LIST s3://b max=1"]
    fake.calls.clear()
    await names.exists("s3://b/d", session=s3)
    assert fake.calls == ["HEAD s3://b/d", "LIST s3://b/d/ max=1"]


@pytest.mark.parametrize("verb", [names.exists, names.isfile, names.stat, names.lstat, names.getsize])
async def test_rejected_access_is_raised(fake, s3, verb):
    fake.put("s3://b/k").fail("", "403", 403)
    with pytest.raises(AccessDeniedError):
        await verb("s3://b/k", session=s3)


@pytest.mark.parametrize("verb", [names.exists, names.isdir, names.stat, names.listdir])
async def test_a_rejected_listing_is_raised(fake, s3, verb):
    fake.put("s3://b/k").fail("LIST", "AccessDenied", 403)
    with pytest.raises(AccessDeniedError):
        await verb("s3://b/d", session=s3)


@pytest.mark.parametrize("path", ["k", "/b/k", "http://b/k", "s3://b!/k", "s3://b/" + "x" * 1025, None])
async def test_an_invalid_path_is_rejected(s3, path):
    for verb in (names.stat, names.lstat, names.exists, names.isfile, names.isdir, names.getsize, names.getmtime):
        with pytest.raises(InvalidPathError):
            await verb(path, session=s3)
    for verb in (names.listdir, names.hasbucket, names.access):
        with pytest.raises(InvalidPathError):
            await verb(path, session=s3)
    for verb in (names.scandir, names.scan, names.scan_stat, names.walk):
        with pytest.raises(InvalidPathError):
            await collect(verb(path, session=s3))


async def test_an_empty_page_that_is_not_the_last_one_says_nothing(fake, s3, monkeypatch):
    fake.put("s3://b/d/x")
    real = fake.list_objects

    async def slow_start(url, *, token=None, **options):
        page = await real(url, token=None if token == "go on" else token, **options)
        return page if token else type(page)(keys=[], stats=[], prefixes=[], token="go on")

    monkeypatch.setattr(fake, "list_objects", slow_start)
    assert await names.isdir("s3://b/d", session=s3)
    assert await names.listdir("s3://b/d", session=s3) == ["x"]
    assert await collect(names.scan("s3://b/d", session=s3)) == ["s3://b/d/x"]
    assert await collect(names.walk("s3://b/d", session=s3)) == [("s3://b/d", [], ["x"])]
    assert await collect(names.glob("s3://b/*/x", session=s3)) == ["s3://b/d/x"]
    assert await collect(names.glob("s3://b/**/x", session=s3)) == ["s3://b/d/x"]


# buckets and permissions


async def test_hasbucket(fake, s3):
    fake.put("s3://b/k")
    assert await names.hasbucket("s3://b", session=s3)
    assert await names.hasbucket("s3://b/no/such/key", session=s3)
    assert not await names.hasbucket("s3://nope", session=s3)
    assert not await names.hasbucket("s3://", session=s3)
    assert fake.calls == ["HEAD s3://b", "HEAD s3://b", "HEAD s3://nope"]


async def test_hasbucket_lists_where_head_is_rejected(fake, s3):
    fake.put("s3://b/k").fail("HEAD", "403", 403)
    assert await names.hasbucket("s3://b", session=s3)
    assert not await names.hasbucket("s3://nope", session=s3)
    fake.fail("", "AccessDenied", 403)
    with pytest.raises(AccessDeniedError):
        await names.hasbucket("s3://b", session=s3)


async def test_access_to_read(fake, s3):
    fake.put("s3://b/k", "s3://b/d/x")
    for path in ("s3://b/k", "s3://b/d", "s3://b", "s3://"):
        assert await names.access(path, session=s3)
    for path in ("s3://b/x", "s3://nope", "s3://nope/k", "s3:///k"):
        assert not await names.access(path, session=s3)
    fake.fail("", "AccessDenied", 403)
    for path in ("s3://b/k", "s3://b/d/", "s3://b", "s3://"):
        assert not await names.access(path, session=s3)


async def test_access_to_write_begins_an_upload_and_abandons_it(fake, s3):
    fake.put("s3://b/k")
    assert await names.access("s3://b/k", Access.WRITE, session=s3)
    assert fake.calls == ["CREATE s3://b/k", "ABORT s3://b/k"]
    for path in ("s3://b", "s3://b/d/"):
        fake.calls.clear()
        assert await names.access(path, Access.WRITE, session=s3)
        assert fake.calls[0].startswith(f"CREATE {path_join(path, '.aios3-access-')}")
    for path in ("s3://nope/k", "s3://nope", "s3://", "s3:///k"):
        assert not await names.access(path, Access.WRITE, session=s3)
    fake.fail("CREATE", "AccessDenied", 403)
    assert not await names.access("s3://b/k", Access.WRITE, session=s3)
    assert fake.uploads == {}


async def test_access_raises_for_invalid_modes_and_credentials(fake, s3):
    fake.put("s3://b/k")
    for mode in ("r", 1, None):
        with pytest.raises(ConfigError, match="Access"):
            await names.access("s3://b/k", mode, session=s3)
    fake.fail("", "InvalidAccessKeyId", 403)
    for mode in Access:
        with pytest.raises(CredentialsError):
            await names.access("s3://b/k", mode, session=s3)


@pytest.mark.parametrize("moment", ["CREATE", "ABORT"])
async def test_a_cancelled_access_leaves_no_upload(fake, s3, moment):
    fake.put("s3://b/").close_gate_at(moment)
    task = asyncio.create_task(names.access("s3://b/k", Access.WRITE, session=s3))
    await until(lambda: fake.waiting)
    task.cancel()
    await settled()
    fake.open_gate()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fake.calls == ["CREATE s3://b/k", "ABORT s3://b/k"]
    assert fake.uploads == {}
    assert others() == set()


# symbolic links


@pytest.fixture
def links(fake):
    fake.put("s3://b/target", size=5, mtime=8.0)
    fake.put("s3://b/link", symlink_to="s3://b/target", mtime=2.0)
    fake.put("s3://b/chain", symlink_to="s3://b/link")
    fake.put("s3://b/dangling", symlink_to="s3://b/nowhere")
    fake.put("s3://b/to-nobucket", symlink_to="s3://nope/k")
    fake.put("s3://b/to-dir", symlink_to="s3://b/d/")
    fake.put("s3://b/rubbish", symlink_to="no path")
    fake.put("s3://b/loop-a", symlink_to="s3://b/loop-b")
    fake.put("s3://b/loop-b", symlink_to="s3://b/loop-a")
    fake.put("s3://b/d/x")
    return fake


BROKEN = ["s3://b/dangling", "s3://b/to-nobucket", "s3://b/to-dir", "s3://b/rubbish", "s3://b/loop-a"]


async def test_stat_follows_links_and_lstat_does_not(links, s3):
    for path in ("s3://b/link", "s3://b/chain"):
        found = await names.stat(path, session=s3)
        assert (found.size, found.mtime, found.islnk) == (5, 8.0, True)
    itself = await names.lstat("s3://b/link", session=s3)
    assert (itself.size, itself.mtime, itself.islnk) == (0, 2.0, True)
    assert await names.stat("s3://b/link", follow_symlinks=False, session=s3) == itself
    assert not (await names.stat("s3://b/target", session=s3)).islnk


async def test_size_and_time_of_a_link_are_its_own_unless_followed(links, s3):
    assert await names.getsize("s3://b/link", session=s3) == 0
    assert await names.getsize("s3://b/link", follow_symlinks=True, session=s3) == 5
    assert await names.getmtime("s3://b/link", session=s3) == 2.0
    assert await names.getmtime("s3://b/link", follow_symlinks=True, session=s3) == 8.0


@pytest.mark.parametrize("path", BROKEN)
async def test_a_link_that_leads_nowhere(links, s3, path):
    with pytest.raises(ObjectNotFoundError) as caught:
        await names.stat(path, session=s3)
    is_loop = "loop" in path
    assert caught.value.errno == (errno.ELOOP if is_loop else errno.ENOENT)
    assert path in "".join([str(caught.value), *getattr(caught.value, "__notes__", [])]) or is_loop
    assert (await names.lstat(path, session=s3)).islnk
    for verb in (names.exists, names.isfile, names.access):
        assert await verb(path, session=s3)
        assert not await verb(path, followlinks=True, session=s3)


async def test_a_link_that_leads_somewhere(links, s3):
    for verb in (names.exists, names.isfile, names.access):
        assert await verb("s3://b/chain", followlinks=True, session=s3)
    assert not await names.isdir("s3://b/to-dir", followlinks=True, session=s3)


async def test_writing_through_a_link_asks_at_its_end(links, s3):
    assert await names.access("s3://b/chain", Access.WRITE, followlinks=True, session=s3)
    assert links.calls[-2:] == ["CREATE s3://b/target", "ABORT s3://b/target"]
    assert not await names.access("s3://b/dangling", Access.WRITE, followlinks=True, session=s3)
    assert await names.access("s3://b/new", Access.WRITE, followlinks=True, session=s3)


async def test_links_keep_the_profile(fake, s3):
    fake.put("s3+p://b/t").put("s3+p://b/l", symlink_to="s3://b/t").put("s3+p://b/o", symlink_to="s3+q://b/t")
    await names.stat("s3+p://b/l", session=s3)
    await names.stat("s3+p://b/o", session=s3)
    assert fake.calls == ["HEAD s3+p://b/l", "HEAD s3+p://b/t", "HEAD s3+p://b/o", "HEAD s3+q://b/t"]


async def test_listings_follow_links_if_asked(fake, s3):
    fake.put("s3://b/d/empty", size=0).put("s3://b/d/full").put("s3://b/t", size=5)
    fake.put("s3://b/d/link", symlink_to="s3://b/t").put("s3://b/d/sub/link", symlink_to="s3://b/d/link")
    assert await collect(names.scan("s3://b/d", followlinks=True, session=s3)) == [
        *("s3://b/d/empty", "s3://b/d/full", "s3://b/t", "s3://b/t")
    ]
    heads = sorted(call for call in fake.calls if call.startswith("HEAD"))
    assert [heads.count(f"HEAD s3://b/{key}") for key in ("d/empty", "d/full", "d/link", "t")] == [1, 0, 2, 2]
    found = await collect(names.scan_stat("s3://b/d", followlinks=True, session=s3))
    assert found[2] == FileEntry("t", "s3://b/t", StatResult(size=5, mtime=1.0))
    entries = await collect(names.scandir("s3://b/d", followlinks=True, session=s3))
    assert [(entry.name, entry.path, entry.stat.size) for entry in entries] == [
        ("empty", "s3://b/d/empty", 0), ("full", "s3://b/d/full", 1), ("t", "s3://b/t", 5), ("sub", "s3://b/d/sub/", 0),
    ]  # fmt: skip
    assert await names.listdir("s3://b/d", followlinks=True, session=s3) == ["empty", "full", "sub", "t"]


async def test_a_link_that_leads_nowhere_ends_a_listing_that_follows_it(links, s3):
    with pytest.raises(ObjectNotFoundError):
        await collect(names.scan("s3://b", followlinks=True, session=s3))
    assert "s3://b/dangling" in await collect(names.scan("s3://b", session=s3))


async def test_an_object_removed_since_it_was_listed_is_as_it_was_listed(fake, s3):
    fake.put("s3://b/a", size=0)
    fake.fault = lambda call: fake.buckets["b"].clear() if call.startswith("HEAD") else None
    assert await collect(names.scan("s3://b", followlinks=True, session=s3)) == ["s3://b/a"]


# listings


async def test_scandir_is_in_key_order_with_the_file_before_the_directory(fake, s3):
    fake.put(
        "s3://b/d/k/x",
        "s3://b/d/k",
        "s3://b/d/k-1",
        "s3://b/d/",
        "s3://b/d/\U0001f600",
        "s3://b/d/z",
        "s3://b/e",
        size=3,
    )
    found = await collect(names.scandir("s3://b/d", session=s3))
    assert [(entry.name, entry.path, entry.is_dir()) for entry in found] == [
        ("k", "s3://b/d/k", False),
        ("k-1", "s3://b/d/k-1", False),
        ("k", "s3://b/d/k/", True),
        ("z", "s3://b/d/z", False),
        ("\U0001f600", "s3://b/d/\U0001f600", False),
    ]
    assert found[0].stat.size == 3
    assert await names.listdir("s3://b/d", session=s3) == ["k", "k", "k-1", "z", "\U0001f600"]
    assert fake.calls == ["LIST s3://b/d/ /"] * 2


async def test_names_that_are_empty_are_kept(fake, s3):
    fake.put("s3://b/a//b", "s3://b/a/c", "s3://b//r")
    assert await names.listdir("s3://b/a", session=s3) == ["", "c"]
    entries = await collect(names.scandir("s3://b/a", session=s3))
    assert [(entry.name, entry.path) for entry in entries] == [("", "s3://b/a//"), ("c", "s3://b/a/c")]
    assert await names.listdir("s3://b/a//", session=s3) == ["b"]
    assert await names.listdir("s3://b", session=s3) == ["", "a"]
    assert await names.listdir("s3://b//", session=s3) == ["r"]
    assert await collect(names.scan("s3://b", session=s3)) == ["s3://b//r", "s3://b/a//b", "s3://b/a/c"]
    walked = await collect(names.walk("s3://b", session=s3))
    assert walked == [
        ("s3://b", ["", "a"], []),
        ("s3://b//", [], ["r"]),
        ("s3://b/a", [""], ["c"]),
        ("s3://b/a//", [], ["b"]),
    ]
    assert [path_join(root, file) for root, _, files in walked for file in files] == [
        *("s3://b//r", "s3://b/a/c", "s3://b/a//b")
    ]


async def test_a_directory_is_needed(fake, s3):
    fake.put("s3://b/k", "s3://empty/")
    for verb in (lambda path: names.listdir(path, session=s3), lambda path: collect(names.scandir(path, session=s3))):
        with pytest.raises(PathNotDirectoryError):
            await verb("s3://b/k")
        for path in ("s3://b/k/", "s3://b/x", "s3://b/x/"):
            with pytest.raises(ObjectNotFoundError):
                await verb(path)
        for path in ("s3://nope", "s3://nope/d", "s3:///k"):
            with pytest.raises(BucketNotFoundError):
                await verb(path)
        assert await verb("s3://empty") == []


async def test_a_directory_of_an_objects_name_can_be_listed(fake, s3):
    fake.put("s3://b/k", "s3://b/k/x")
    assert await names.listdir("s3://b/k", session=s3) == ["x"]
    assert fake.calls == ["LIST s3://b/k/ /"]


async def test_the_root_lists_buckets(fake, s3):
    fake.put("s3://b/", "s3://a/")
    assert await names.listdir("s3://", session=s3) == ["a", "b"]
    entries = await collect(names.scandir("s3+p://", session=s3))
    assert [(entry.name, entry.path, entry.is_dir()) for entry in entries] == [
        *(("a", "s3+p://a", True), ("b", "s3+p://b", True))
    ]


@pytest.mark.parametrize("verb", [names.scan, names.scan_stat, names.walk, names.glob, names.glob_stat])
@pytest.mark.parametrize("path", ["s3://", "s3:///k"])
async def test_all_buckets_together_are_not_searched(s3, verb, path):
    with pytest.raises(UnsupportedError, match="bucket"):
        await collect(verb(path, session=s3))


async def test_scan_of_a_file_is_the_file_and_then_its_namesakes_children(fake, s3):
    fake.put("s3://b/k", "s3://b/k/x", "s3://b/k-1", "s3://b/k0")
    assert await collect(names.scan("s3://b/k", session=s3)) == ["s3://b/k", "s3://b/k/x"]
    assert await collect(names.scan("s3://b/k/", session=s3)) == ["s3://b/k/x"]
    assert await collect(names.scan("s3://b/k-1", session=s3)) == ["s3://b/k-1"]
    assert [e.name for e in await collect(names.scan_stat("s3://b/k", session=s3))] == ["k", "x"]


async def test_scan_without_a_match(fake, s3):
    fake.put("s3://b/k", "s3://b/m/", "s3://empty/")
    for path in ("s3://b/x", "s3://b/m", "s3://empty", "s3://nope", "s3://nope/k"):
        for verb in (names.scan, names.scan_stat):
            assert await collect(verb(path, session=s3)) == []
            with pytest.raises(ObjectNotFoundError) as caught:
                await collect(verb(path, missing_ok=False, session=s3))
            assert isinstance(caught.value, BucketNotFoundError) is ("nope" in path)
    assert await collect(names.scan("s3://b/k", missing_ok=False, session=s3)) == ["s3://b/k"]


async def test_scan_skips_markers(fake, s3):
    fake.put("s3://b/d/", "s3://b/d/x", "s3://b/d/e/")
    assert await collect(names.scan("s3://b/d", session=s3)) == ["s3://b/d/x"]
    assert [entry.path for entry in await collect(names.scan_stat("s3://b/d", session=s3))] == ["s3://b/d/x"]


async def test_walk(fake, s3):
    fake.put("s3://b/d/k/x", "s3://b/d/k", "s3://b/d/k-1/y", "s3://b/d/m/", "s3://b/e", "s3://empty/")
    expected = [
        ("s3://b/d", ["k", "k-1", "m"], ["k"]),
        ("s3://b/d/k", [], ["x"]),
        ("s3://b/d/k-1", [], ["y"]),
        ("s3://b/d/m", [], []),
    ]
    assert await collect(names.walk("s3://b/d", session=s3)) == expected
    assert await collect(names.walk("s3://b/d/", session=s3)) == expected
    assert await collect(names.walk("s3://b", session=s3)) == [("s3://b", ["d"], ["e"]), *expected]
    assert await collect(names.walk("s3://empty", session=s3)) == [("s3://empty", [], [])]
    for path in ("s3://b/e", "s3://b/x", "s3://b/x/", "s3://nope", "s3://nope/d"):
        assert await collect(names.walk(path, session=s3)) == []


async def test_paths_keep_the_profile(fake, s3):
    fake.put("s3://b/d/x", "s3://b/d/e/y")
    found = [
        *await collect(names.scan("s3+p://b/d", session=s3)),
        *[entry.path for entry in await collect(names.scan_stat("s3+p://b/d", session=s3))],
        *[entry.path for entry in await collect(names.scandir("s3+p://b/d", session=s3))],
        *[root for root, _, _ in await collect(names.walk("s3+p://b/d", session=s3))],
        *await collect(names.glob("s3+p://b/**", session=s3)),
        *await collect(names.glob("s3+p://b/d/*", session=s3)),
        *await collect(names.glob("s3+p://b/d", session=s3)),
        *[entry.path for entry in await collect(names.glob_stat("s3+p://b/*/", session=s3))],
    ]
    assert len(found) == 16
    assert [path for path in found if not path.startswith("s3+p://b/d")] == []


# Against a model, with pages of every size

keys = st.lists(st.text("ab-/\U0001f600", min_size=1, max_size=6), max_size=14, unique=True)


def run(fake, work):
    async def inside():
        async with FakeSession(fake) as session:
            return await work(session)

    return asyncio.run(inside())


def model_listing(keys, prefix):
    """What is in the directory ``prefix``: names of directories, and of files, markers aside."""
    below = [key[len(prefix) :] for key in keys if key.startswith(prefix) and key != prefix]
    return sorted({name.split("/")[0] for name in below if "/" in name}), sorted(n for n in below if "/" not in n)


@settings(deadline=None)
@given(keys, st.integers(1, 4), st.sampled_from(["", "a", "a/", "a//", "-", "ab/a"]))
def test_listings_are_what_a_model_says(keys, page_size, start):
    fake = FakeBackend(page_size).put("s3://b/", *(f"s3://b/{key}" for key in keys))
    prefix = start if not start or start.endswith("/") else f"{start}/"
    dirs, files = model_listing(keys, prefix)

    async def look(s3):
        path = f"s3://b/{start}"
        scanned = await collect(names.scan(path, session=s3))
        own = [start] if start in keys and not start.endswith("/") else []
        below = [key for key in sorted(keys) if key.startswith(prefix) and not key.endswith("/")]
        assert scanned == [f"s3://b/{key}" for key in own + below]
        assert [entry.path for entry in await collect(names.scan_stat(path, session=s3))] == scanned
        if any(key.startswith(prefix) for key in keys) or not prefix:
            entries = await collect(names.scandir(path, session=s3))
            expected = sorted([prefix + name for name in files] + [f"{prefix}{name}/" for name in dirs])
            assert [entry.path for entry in entries] == [f"s3://b/{name}" for name in expected]
            assert await names.listdir(path, session=s3) == sorted(dirs + files)
            assert await names.isdir(path, session=s3)
            total = await names.stat(f"s3://b/{prefix}", session=s3)
            assert total.size == len([key for key in keys if key.startswith(prefix) and not key.endswith("/")])
        else:
            assert not await names.isdir(path, session=s3)

    run(fake, look)


@settings(deadline=None)
@given(keys, st.integers(1, 4))
def test_walk_visits_every_directory_and_file_once(keys, page_size):
    fake = FakeBackend(page_size).put("s3://b/", *(f"s3://b/{key}" for key in keys))

    def model(prefix):
        dirs, files = model_listing(keys, prefix)
        root = f"s3://b/{prefix}" if prefix == "/" or prefix.endswith("//") else f"s3://b/{prefix}".removesuffix("/")
        return [(root, dirs, files), *(step for name in dirs for step in model(f"{prefix}{name}/"))]

    walked = run(fake, lambda s3: collect(names.walk("s3://b", session=s3)))
    assert walked == model("")
    paths = [path_join(root, name) for root, _, files in walked for name in files]
    assert sorted(paths) == [f"s3://b/{key}" for key in sorted(keys) if not key.endswith("/")]


def test_the_error_of_a_loop_survives_pickling():
    fake = FakeBackend().put("s3://b/l", symlink_to="s3://b/l")
    with pytest.raises(ObjectNotFoundError) as caught:
        run(fake, lambda s3: names.stat("s3://b/l", session=s3))
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ObjectNotFoundError)


# On a server


@pytest.mark.needs("any_key", "key_below_key")
async def test_the_fake_lists_as_a_server_does(fake, session, bucket, admin):
    keys = ["a", "a-b", "a/", "a/b", "a/c/d", "a//e", "a0", "b/c", "\U0001f600/x", "\uffee", "/lead"]
    for key in keys:
        admin.put(f"{bucket}/{key}", b"")
    fake.put(*(f"{bucket}/{key}" for key in keys), size=0)

    async def listing(backend, prefix, **options):
        pages = [await backend.list_objects(url.with_key(prefix), **options)]
        options.pop("start_after", None)
        while pages[-1].token is not None:
            pages.append(await backend.list_objects(url.with_key(prefix), token=pages[-1].token, **options))
        return [(list(page.keys), list(page.prefixes), [stat.size for stat in page.stats]) for page in pages]

    url = S3Url.parse(bucket)
    server = await session.backend(url)
    for prefix in ("", "a", "a/", "a//", "b/c", "x", "/"):
        for options in ({}, {"max_keys": 1}, {"max_keys": 3}, {"start_after": "a/b", "max_keys": 2}):
            for delimiter in ("", "/"):
                asked = {"delimiter": delimiter, **options}
                assert await listing(fake, prefix, **asked) == await listing(server, prefix, **asked), (prefix, asked)


async def test_links_on_a_server(session, bucket, admin):
    admin.put(f"{bucket}/target", b"12345")
    admin.put(f"{bucket}/d/link", Metadata={"symlink_to": f"{bucket}/target"})
    admin.put(f"{bucket}/d/plain", b"1")
    assert (await names.lstat(f"{bucket}/d/link", session=session)).size == 0
    found = await names.stat(f"{bucket}/d/link", session=session)
    assert (found.size, found.islnk) == (5, True)
    scanned = await collect(names.scan(f"{bucket}/d", followlinks=True, session=session))
    assert scanned == [f"{bucket}/target", f"{bucket}/d/plain"]
    described = await collect(names.glob_stat(f"{bucket}/d/*", followlinks=True, session=session))
    assert [(entry.name, entry.stat.size, entry.is_symlink()) for entry in described] == [
        *(("link", 5, True), ("plain", 1, False))
    ]


@pytest.mark.needs("any_key")
async def test_names_that_are_empty_on_a_server(session, bucket, admin):
    for key in ("a//b", "a/c", "/r"):
        admin.put(f"{bucket}/{key}", b"1")
    assert await collect(names.walk(bucket, session=session)) == [
        (bucket, ["", "a"], []),
        (f"{bucket}//", [], ["r"]),
        (f"{bucket}/a", [""], ["c"]),
        (f"{bucket}/a//", [], ["b"]),
    ]
    assert await collect(names.glob(f"{bucket}/**", session=session)) == [
        *(f"{bucket}/{key}" for key in ("/", "/r", "a", "a//", "a//b", "a/c"))
    ]


async def test_a_server_that_says_no_bucket(session, bucket):
    missing = f"{bucket}-missing"
    for path in (missing, f"{missing}/k", f"{missing}/d/"):
        with pytest.raises(BucketNotFoundError):
            await names.stat(path, session=session)
        with pytest.raises(BucketNotFoundError):
            await names.listdir(path, session=session)
        assert not await names.exists(path, session=session)
        assert not await names.access(path, Access.WRITE, session=session)
        assert await collect(names.scan(path, session=session)) == []
        assert await collect(names.walk(path, session=session)) == []
    assert not await names.hasbucket(missing, session=session)
