"""Searching by pattern: against the standard library on the same tree, and what is asked of S3 for it."""

from __future__ import annotations

import asyncio
import gc
import glob as stdlib
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aios3 import _namespace as names
from aios3._entries import FileEntry, StatResult
from aios3._namespace.pages import MAX_PREFETCHED
from aios3.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ClosedHandleError,
    InvalidPathError,
    ObjectNotFoundError,
    ServerError,
    UnsupportedError,
)
from fake_backend import FakeBackend, FakeSession


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def s3(fake):
    async with FakeSession(fake) as session:
        yield session


async def find(pattern, s3, **options) -> list[str]:
    """Search with both verbs, which must agree; paths are given and returned without the bucket."""
    paths = [path async for path in names.glob(f"s3://b/{pattern}", session=s3, **options)]
    entries = [entry async for entry in names.glob_stat(f"s3://b/{pattern}", session=s3, **options)]
    assert [entry.path for entry in entries] == paths
    return [path.removeprefix("s3://b/") for path in paths]


async def asked_for(pattern, s3) -> list[str]:
    s3.fake.calls.clear()
    async for _ in names.glob(f"s3://b/{pattern}", session=s3):
        pass
    return [call.replace("s3://b/", "") for call in s3.fake.calls]


# What is found


async def test_matches_are_in_key_order_with_the_file_before_the_directory(fake, s3):
    fake.put("s3://b/a/k/x", "s3://b/a/k", "s3://b/a/k-1", "s3://b/a/\U0001f600", "s3://b/a/z", "s3://b/a/\uffee")
    assert await find("a/*", s3) == ["a/k", "a/k-1", "a/k", "a/z", "a/\uffee", "a/\U0001f600"]
    assert await find("{a/z,a/k*,**/x}", s3) == ["a/k", "a/k-1", "a/k", "a/k/x", "a/z"]
    assert await find("{a/k,a/k-1}", s3) == ["a/k", "a/k-1", "a/k"]


async def test_overlapping_alternatives_are_yielded_once(fake, s3):
    fake.put("s3://b/a.jpg", "s3://b/d/a.jpg", "s3://b/d/b.png")
    assert await find("{*.jpg,a*,a.jpg}", s3) == ["a.jpg"]
    assert await find("{**,d/*,d/**,d}", s3) == ["a.jpg", "d", "d/a.jpg", "d/b.png"]
    assert await find("**/*.{jpg,png}", s3) == ["a.jpg", "d/a.jpg", "d/b.png"]


async def test_a_slash_at_the_end_finds_directories_and_writes_it(fake, s3):
    fake.put("s3://b/a", "s3://b/a/b/c", "s3://b/a-1")
    assert await find("a*", s3) == ["a", "a-1", "a"]
    assert await find("a*/", s3) == ["a/"]
    assert await find("**/", s3) == ["a/", "a/b/"]
    assert await find("a/", s3) == ["a/"]
    assert await find("{a,a-1}/", s3) == ["a/"]
    assert await find("{a,a/}", s3) == ["a", "a"]
    assert await find("a/*/*", s3) == ["a/b/c"]
    assert await find("a/*/*/", s3) == []


async def test_markers_are_directories_and_no_files(fake, s3):
    fake.put("s3://b/m/", "s3://b/d/e/")
    assert await find("*", s3) == ["d", "m"]
    assert await find("**", s3) == ["d", "d/e", "m"]
    assert await find("m", s3) == ["m"]
    assert await find("m/*", s3) == []
    assert await find("m/**", s3) == []


async def test_empty_names_are_found(fake, s3):
    fake.put("s3://b/a//b", "s3://b//r")
    assert await find("*", s3) == ["/", "a"]
    assert await find("a/*", s3) == ["a//"]
    assert await find("a/*/*", s3) == ["a//b"]
    assert await find("a//*", s3) == ["a//b"]
    assert await find("**", s3) == ["/", "/r", "a", "a//", "a//b"]
    assert await find("**/b", s3) == ["a//b"]
    assert await find("/*", s3) == ["/r"]


async def test_two_stars_without_recursion(fake, s3):
    fake.put("s3://b/x", "s3://b/a/x", "s3://b/a/b/x")
    assert await find("**/x", s3) == ["a/b/x", "a/x", "x"]
    assert await find("**/x", s3, recursive=False) == ["a/x"]


async def test_without_magic(fake, s3):
    fake.put("s3://b/k", "s3://b/k/x", "s3://b/k-1", "s3://b/[a]", "s3://b/{b", "s3://b/*")
    assert await find("k", s3) == ["k", "k"]
    assert await find("k/x", s3) == ["k/x"]
    assert await find("nothing", s3) == []
    assert await find("[[]a]", s3) == ["[a]"]
    assert await find("{b", s3) == ["{b"]
    assert await find("[*]", s3) == ["*"]
    entries = [entry async for entry in names.glob_stat("s3://b/k", session=s3)]
    assert [(entry.name, entry.is_dir(), entry.stat.size) for entry in entries] == [("k", False, 1), ("k", True, 0)]


async def test_a_bucket_is_a_directory(fake, s3):
    fake.put("s3://b/")
    for path in ("s3://b", "s3://b/", "s3+p://b"):
        assert [found async for found in names.glob(path, session=s3)] == [path]
    assert [found async for found in names.glob("s3://nope", session=s3)] == []


async def test_nothing_found(fake, s3):
    fake.put("s3://b/k")
    for path in ("s3://b/x*", "s3://b/x", "s3://b/**/x", "s3://b/k/", "s3://nope/*", "s3://nope/x", "s3://nope"):
        for verb in (names.glob, names.glob_stat):
            assert [found async for found in verb(path, session=s3)] == []
            with pytest.raises(ObjectNotFoundError) as caught:
                [found async for found in verb(path, missing_ok=False, session=s3)]
            assert isinstance(caught.value, BucketNotFoundError) is ("nope" in path)
    assert await find("k", s3, missing_ok=False) == ["k"]


async def test_what_cannot_be_searched_is_rejected(fake, s3):
    for path, error in [
        ("s3://", UnsupportedError), ("s3://b*/k", UnsupportedError), ("s3://{a,b}/k", UnsupportedError),
        ("b/*", InvalidPathError), ("s3://b/" + "{a,b}" * 20, InvalidPathError), (None, InvalidPathError),
    ]:  # fmt: skip
        with pytest.raises(error):
            [found async for found in names.glob(path, session=s3)]
    fake.put("s3://b/k").fail("LIST", "AccessDenied", 403)
    for pattern in ("*", "**", "k", "k/", "*/x"):
        with pytest.raises(AccessDeniedError):
            await find(pattern, s3)


async def test_glob_stat_describes_and_follows_links_if_asked(fake, s3):
    fake.put("s3://b/d/t", size=5, mtime=2.0).put("s3://b/l", symlink_to="s3://b/d/t").put("s3://b/e", size=0)
    plain = [entry async for entry in names.glob_stat("s3://b/*", session=s3)]
    assert plain == [
        FileEntry("d", "s3://b/d", StatResult(isdir=True)),
        FileEntry("e", "s3://b/e", StatResult(mtime=1.0)),
        FileEntry("l", "s3://b/l", StatResult(mtime=1.0)),
    ]
    followed = [entry async for entry in names.glob_stat("s3://b/*", followlinks=True, session=s3)]
    assert followed[:2] == plain[:2]
    assert followed[2] == FileEntry("l", "s3://b/l", StatResult(size=5, mtime=2.0, islnk=True))
    assert await find("l", s3, followlinks=True) == ["l"]


async def test_a_name_longer_than_any_key_is_not_looked_for(fake, s3):
    fake.put("s3://b/" + "d" * 1000 + "/x")
    assert await asked_for("x" * 2000 + "*", s3) == []
    assert await asked_for("d*/" + "x" * 100, s3) == ["LIST d /"]


async def test_names_that_are_not_utf_8_do_not_disturb(fake, s3):
    fake.put("s3://b/k/x")
    fake.buckets["b"]["\udcff/x"] = StatResult()
    assert await find("*", s3) == ["k", "\udcff"]
    assert await find("k*/x", s3) == ["k/x"]


# What is asked for it


@pytest.mark.parametrize(
    ("pattern", "calls"),
    [
        ("a/b*", ["LIST a/b /"]),
        ("a/b*/c", ["LIST a/b /", "LIST a/b1/c max=2", "LIST a/b2/c max=2"]),
        ("a/b*/c/", ["LIST a/b /", "LIST a/b1/c/ max=1", "LIST a/b2/c/ max=1"]),
        ("a/b*/c*", ["LIST a/b /", "LIST a/b1/c /", "LIST a/b2/c /"]),
        ("a/[bx]*/**", ["LIST a/ /", "LIST a/b1/", "LIST a/b2/", "LIST a/x/"]),
        ("a/?[!2]/c", ["LIST a/ /", "LIST a/b1/c max=2"]),
        ("a/*/nothing/*", ["LIST a/ /", *(f"LIST a/{name}/nothing/ /" for name in ("b1", "b2", "x"))]),
        ("a/**/c", ["LIST a/"]),
        ("**/*.{c,d,e}", ["LIST s3://b"]),
        ("{a,z}/b*", ["LIST a/b /", "LIST z/b /"]),
        ("a/{b1,b2}", ["LIST a/b1 max=2", "LIST a/b2 max=2"]),
        ("a/x/c", ["LIST a/x/c max=2"]),
        ("missing", ["LIST missing max=2"]),
        ("a/b1/", ["LIST a/b1/ max=1"]),
        ("s", ["LIST s max=2", "LIST s/ max=1"]),
        ("t", ["LIST t max=2"]),
    ],
)
async def test_only_what_can_match_is_listed(fake, s3, pattern, calls):
    fake.put("s3://b/a/b1/c", "s3://b/a/b1-z", "s3://b/a/b2/c", "s3://b/a/b2/d", "s3://b/a/x/c", "s3://b/y/b3/c")
    fake.put("s3://b/s", "s3://b/s-1", "s3://b/s-2", "s3://b/s/x", "s3://b/t", "s3://b/t0")
    assert await asked_for(pattern, s3) == [call.replace("s3://b/", "") for call in calls]


async def test_a_search_that_is_left_asks_no_more(fake, s3):
    fake.put(*(f"s3://b/d{n}/x" for n in range(9)))
    async for path in names.glob("s3://b/d*/x", session=s3):
        assert path == "s3://b/d0/x"
        break
    for _ in range(50):
        await asyncio.sleep(0)
    assert fake.calls[:2] == ["LIST s3://b/d /", "LIST s3://b/d0/x max=2"]
    assert len(fake.calls) <= 3  # the match ahead


async def test_directories_are_listed_side_by_side_more_and_more_of_them(fake, s3):
    fake.put(*(f"s3://b/d{n:02}/x" for n in range(60)))
    ahead: list[int] = []
    seen = []
    async for path in names.glob("s3://b/d*/x", session=s3):
        seen.append(path)
        for _ in range(50):
            await asyncio.sleep(0)
        ahead.append(len(fake.calls) - 1 - len(seen))
    assert seen == [f"s3://b/d{n:02}/x" for n in range(60)]
    assert ahead[0] <= 2
    assert max(ahead) == MAX_PREFETCHED
    assert len(fake.calls) == 61


async def test_an_error_in_a_prefetched_directory_is_raised_at_its_position(fake, s3):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    fake.put(*(f"s3://b/d{n:02}/x" for n in range(60)))
    fake.fault = lambda call: ServerError(call) if "d20" in call or "d22" in call else None
    seen = []
    with pytest.raises(ServerError, match="d20"):
        async for path in names.glob("s3://b/d*/x", session=s3):
            seen.append(path)  # noqa: PERF401 - a comprehension would lose what came before the error
    assert len(seen) == 20
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert reported == []


@pytest.mark.parametrize("way", ["cancel", "close the session"])
@pytest.mark.parametrize(("verb", "path"), [(names.glob, "s3://b/{d,e}*/x*"), (names.walk, "s3://b")])
async def test_leaving_with_many_directories_under_way_leaves_nothing(fake, verb, path, way):
    fake.put(*(f"s3://b/d{n:02}/x" for n in range(60)))
    s3 = FakeSession(fake)
    source = verb(path, session=s3)
    for _ in range(20):
        await anext(source)
    fake.gate = lambda _: False
    task = asyncio.create_task(exhaust(source))
    while fake.waiting < MAX_PREFETCHED:
        await asyncio.sleep(0)
    if way == "cancel":
        task.cancel()
    else:
        await s3.aclose()
    with pytest.raises(asyncio.CancelledError if way == "cancel" else ClosedHandleError):
        await task
    await source.aclose()
    assert (fake.waiting, fake.interrupted >= MAX_PREFETCHED) == (0, True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await s3.aclose()


async def exhaust(source) -> None:
    async for _ in source:
        pass


# Against the standard library, on the same tree

NAMES = st.text("ab.-[", min_size=1, max_size=3).filter(lambda name: name not in {".", ".."})
TREE = st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=10)
PARTS = ["a", "b", ".", "-", "[", "*", "*", "?", "[ab]", "[!a]", "[a-]", "[]a]", "[[]", "]"]
NAME_PATTERNS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join)
PATTERNS = st.lists(st.one_of(NAME_PATTERNS, NAME_PATTERNS, st.just("**")), min_size=1, max_size=4).map("/".join)


def is_portable(pattern: str) -> bool:
    """Whether ``.`` and ``..``, which a file system has and S3 has not, stay out of it."""
    return not {".", ".."} & set(pattern.split("/"))


def possible(tree: list[str]) -> list[str]:
    """Leave out paths that a file system cannot hold beside the others: below what is a file."""
    return [path for path in sorted(set(tree)) if not any(other.startswith(f"{path}/") for other in tree)]


def search(keys, pattern, page_size) -> list[str]:
    fake = FakeBackend(page_size).put("s3://b/", *(f"s3://b/{key}" for key in keys))

    async def inside():
        async with FakeSession(fake) as session:
            return await find(pattern, session)

    return asyncio.run(inside())


def make_tree(root: str, keys: list[str]) -> None:
    for key in keys:
        path = Path(root, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def by_stdlib(root: str, pattern: str) -> list[str]:
    """What :func:`glob.glob` finds, but for its one difference: with ``a/**`` it also finds ``a/`` itself."""
    found = stdlib.glob(pattern, root_dir=root, recursive=True, include_hidden=True)  # noqa: PTH207 - the oracle
    kept = [path for path in set(found) if pattern.endswith("/") or not path.endswith("/")]
    return sorted(kept, key=lambda path: f"{path}/" if Path(root, path).is_dir() and path[-1] != "/" else path)


@settings(deadline=None)
@given(TREE, PATTERNS, st.integers(1, 3))
def test_glob_finds_what_the_standard_librarys_glob_finds(tree, pattern, page_size):
    assume(is_portable(pattern))
    keys = possible(tree)
    with tempfile.TemporaryDirectory() as root:
        make_tree(root, keys)
        assert search(keys, pattern, page_size) == by_stdlib(root, pattern)


@settings(deadline=None)
@given(TREE, PATTERNS, st.integers(1, 3))
def test_glob_finds_the_directories_that_the_standard_librarys_glob_finds(tree, pattern, page_size):
    assume(is_portable(pattern) and "**" not in pattern.split("/")[-1])
    keys = possible(tree)
    with tempfile.TemporaryDirectory() as root:
        make_tree(root, keys)
        assert search(keys, f"{pattern}/", page_size) == by_stdlib(root, f"{pattern}/")


def for_pathlib(pattern: str) -> str:
    """Leave out what pathlib rejects, ``**`` in a name, and a last ``**``: directories only until Python 3.13."""
    *above, last = pattern.split("/")
    names = [name if name == "**" else re.sub(r"\*+", "*", name) for name in above]
    return "/".join([*names, re.sub(r"\*+", "*", last)])


@settings(deadline=None)
@given(TREE, PATTERNS.map(for_pathlib), st.integers(1, 3))
def test_glob_finds_what_pathlib_finds(tree, pattern, page_size):
    assume(is_portable(pattern))
    keys = possible(tree)
    with tempfile.TemporaryDirectory() as root:
        make_tree(root, keys)
        found = {str(path.relative_to(root)) for path in Path(root).glob(pattern)}
        assert set(search(keys, pattern, page_size)) == found


def balanced(names: tuple[str, str]) -> str:
    """Join two names; leave brackets out unless as many are closed as are opened.

    A bracket that one alternative leaves open would be closed in the next: together that is another pattern.
    """
    pattern = "/".join(names)
    if pattern.count("[") == pattern.count("]"):
        return pattern
    return "/".join(name.replace("[", "").replace("]", "") or "a" for name in names)


@settings(deadline=None)
@given(st.lists(st.tuples(NAME_PATTERNS, NAME_PATTERNS).map(balanced), min_size=1, max_size=3), TREE, st.integers(1, 3))
def test_braces_find_what_their_alternatives_find(patterns, tree, page_size):
    keys = possible(tree)
    found = search(keys, "{" + ",".join(patterns) + "}", page_size)
    apart = [path for pattern in patterns for path in search(keys, pattern, page_size)]
    assert sorted(found) == sorted(set(apart))
    assert len(found) == len(set(found))
