"""S3Path: the words of pathlib, with pathlib as oracle where keys are ordinary; and the verbs it is bound to."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aios3
import aios3.sync
from aios3 import S3Path, S3Url

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..") and not aios3.is_s3(name)
)
ordinary = st.lists(names, max_size=5).map("/".join)
suffixes = st.sampled_from(["", ".txt", ".tar.gz", ".x y", "txt", ".", "a/b", ".a/b"])


def ours(key: str) -> S3Path:
    return S3Path(f"s3://bucket/{key}")


def theirs(key: str) -> PurePosixPath:
    return PurePosixPath(f"/{key}")


def key_of(path: S3Path | PurePosixPath) -> str:
    return path.key if isinstance(path, S3Path) else str(path)[1:]


def outcome(call):
    """What a call returns, or that it rejects."""
    try:
        found = call()
    except ValueError:
        return ValueError
    return key_of(found) if isinstance(found, (S3Path, PurePosixPath)) else found


@given(ordinary)
def test_names_are_pathlibs(key):
    left, right = ours(key), theirs(key)
    for word in ("name", "suffix", "suffixes", "stem"):
        assert getattr(left, word) == getattr(right, word), word
    assert left.parts[1:] == right.parts[1:]
    assert key_of(left.parent) == key_of(right.parent)
    assert [key_of(each) for each in left.parents] == [key_of(each) for each in right.parents]


@given(ordinary, names, suffixes)
def test_changed_names_are_pathlibs(key, name, suffix):
    left, right = ours(key), theirs(key)
    assert outcome(lambda: left.with_name(name)) == outcome(lambda: right.with_name(name))
    assert outcome(lambda: left.with_suffix(suffix)) == outcome(lambda: right.with_suffix(suffix))
    assert outcome(lambda: left.with_stem(name)) == outcome(lambda: right.with_stem(name))


@given(ordinary, ordinary, ordinary)
def test_joining_is_pathlibs(key, other, third):
    assert key_of(ours(key) / other) == key_of(theirs(key) / other)
    assert key_of(ours(key).joinpath(other, third)) == key_of(theirs(key).joinpath(other, third))
    assert ours(key) / other / third == S3Path(f"s3://bucket/{key}", other, third)


@given(ordinary, ordinary)
def test_being_below_is_pathlibs(key, other):
    for left, right in ((key, other), (f"{other}/{key}".strip("/"), other)):
        assert ours(left).is_relative_to(ours(right)) == theirs(left).is_relative_to(theirs(right))
        mine = outcome(lambda left=left, right=right: ours(left).relative_to(ours(right)))
        pathlibs = outcome(lambda left=left, right=right: str(theirs(left).relative_to(theirs(right))))
        assert mine == ("" if pathlibs == "." else pathlibs)


words = st.lists(
    st.text("ab.", min_size=1, max_size=3).filter(lambda text: text not in (".", "..")), min_size=1, max_size=3
)
patterns = st.lists(
    st.text("ab.*?", min_size=1, max_size=3).filter(lambda text: text not in (".", "..")), min_size=1, max_size=3
)


@given(words, patterns, st.booleans())
def test_matching_is_pathlibs(key, pattern, rooted):
    text = "/" * rooted + "/".join(pattern)
    # pathlib counts the root as a name, which "?" matches; the place of a root is a bucket's here, and no name.
    other = theirs("/".join(key)) if rooted else PurePosixPath("/".join(key))
    assert ours("/".join(key)).match(text) == other.match(text)


@given(ordinary, ordinary)
def test_order_and_equality(key, other):
    left, right = ours(key), ours(other)
    assert (left == right) == (key == other)
    assert (hash(left) == hash(right)) or key != other
    assert (left < right, left <= right, left > right, left >= right) == (
        key < other,
        key <= other,
        key > other,
        key >= other,
    )


@given(ordinary)
def test_a_path_can_be_stored(key):
    path = ours(key)
    for stored in (pickle.loads(pickle.dumps(path)), copy.copy(path), copy.deepcopy(path)):
        assert stored == path
        assert type(stored) is S3Path
    assert S3Path(path) == S3Path(str(path)) == S3Path(path.url) == path
    assert eval(repr(path)) == path


@pytest.mark.parametrize(
    ("key", "name", "parent"),
    [
        ("a/", "a", ""),
        ("a//b", "b", "a//"),
        ("a//", "", "a"),
        ("/lead", "lead", "/"),
        ("/", "", ""),
        ("a/../b", "b", "a/.."),
        ("..", "..", ""),
        (".", ".", ""),
    ],
)
def test_keys_that_are_not_file_paths(key, name, parent):
    path = ours(key)
    assert (path.key, path.name, path.parent.key) == (key, name, parent)
    assert path.parents[-1].key == ""
    assert ours("a/") != ours("a")


def test_what_a_path_consists_of():
    path = S3Path("s3+me://bucket/a/b.txt")
    assert (path.bucket, path.key, path.profile, path.anchor) == ("bucket", "a/b.txt", "me", "s3+me://bucket/")
    assert str(path.parent / "c") == "s3+me://bucket/a/c"
    assert path.url == S3Url("bucket", "a/b.txt", "me")
    assert (path / "").key == path.key
    assert (path / "/c").key == "a/b.txt/c"
    assert path / "s3://other/c" == S3Path("s3://other/c") == path / S3Path("s3://other/c")
    assert S3Path("s3://bucket").parent == S3Path("s3://bucket/")
    assert not path.is_relative_to("s3://bucket")
    with pytest.raises(TypeError):
        path / 5
    for wrong in (lambda: path.match(""), lambda: path.with_name("a/b"), lambda: S3Path("s3://bucket").with_name("x")):
        with pytest.raises(ValueError, match=r"empty|Invalid"):
            wrong()


@pytest.mark.parametrize("cls", [S3Path, aios3.sync.S3Path])
def test_a_path_is_a_value(cls):
    path = cls("s3://bucket/key")
    with pytest.raises(AttributeError):
        path.url = S3Url("other")
    with pytest.raises((AttributeError, TypeError)):
        path.colour = "red"
    assert {path: 1}[cls(path)] == 1
    assert repr(path) == "S3Path('s3://bucket/key')"
    assert type(path / "x") is type(path.parent) is type(path.with_suffix(".a")) is cls
    assert pickle.loads(pickle.dumps(path)) == path


@pytest.mark.parametrize("use", [os.fspath, open, os.stat])
def test_an_s3path_is_not_a_file_system_path(use):
    """What takes paths of files gets a clear response, instead of a file of a strange name."""
    with pytest.raises(TypeError, match="s3://bucket/key is an object of S3 and has no name in the file system"):
        use(S3Path("s3://bucket/key"))


def test_nothing_else_with_a_url_is_taken_for_a_path():
    class Response:
        url = "s3://bucket/key"

    with pytest.raises(aios3.InvalidPathError):
        S3Url.parse(Response())
    assert not aios3.is_s3(Response())
    assert aios3.is_s3(S3Path("s3://bucket"))
    assert aios3.path_join(S3Path("s3://bucket/a"), "b") == "s3://bucket/a/b"


BOUND = {
    "is_dir": "isdir",
    "is_file": "isfile",
    "is_symlink": "islink",
    "mkdir": "makedirs",
    "open": "aopen",
}


def test_methods_are_the_verbs_themselves():
    for name, method in vars(S3Path).items():
        if inspect.isfunction(method) and method.__qualname__.partition(".")[0] != "S3Path":
            assert method is getattr(aios3, BOUND.get(name, name))


def test_async_and_blocking_classes_have_the_same_methods():
    async_methods, sync_methods = (
        {name: member for name, member in vars(cls).items() if inspect.isfunction(member)}
        for cls in (S3Path, aios3.sync.S3Path)
    )
    assert set(async_methods) == set(sync_methods)
    for name in set(async_methods) - {"open"}:
        ours, theirs = (list(inspect.signature(each[name]).parameters)[1:] for each in (async_methods, sync_methods))
        assert ours == theirs, name


async def test_a_program_in_pathlibs_words(aios3_bucket, aios3_session):
    options = {"session": aios3_session}
    root = S3Path(aios3_bucket) / "[a]{b}"
    await (root / "x.txt").write_text("grüße", **options)
    await (root / "sub" / "y.bin").write_bytes(b"data", **options)
    assert await (root / "x.txt").read_text(**options) == "grüße"
    assert await (root / "sub/y.bin").read_bytes(1, 3, **options) == b"at"
    assert [path async for path in root.iterdir(**options)] == [root / "sub", root / "x.txt"]
    assert [path async for path in root.glob("*.txt", **options)] == [root / "x.txt"]
    assert [path async for path in root.rglob("*.bin", **options)] == [root / "sub" / "y.bin"]
    walked = [step async for step in root.walk(**options)]
    assert walked == [(root, ["sub"], ["x.txt"]), (root / "sub", [], ["y.bin"])]
    assert await root.is_dir(**options)
    assert await (root / "x.txt").is_file(**options)
    assert not await (root / "z").exists(**options)
    assert (await (root / "x.txt").stat(**options)).size == 7
    async with (root / "x.txt").open("r", **options) as file:
        assert await file.read() == "grüße"
    await (root / "link").symlink_to(root / "x.txt", **options)
    assert await (root / "link").is_symlink(**options)
    assert await (root / "link").readlink(**options) == await (root / "link").resolve(**options) == root / "x.txt"
    with pytest.raises(FileExistsError):
        await (root / "link").symlink_to(root / "sub/y.bin", **options)
    assert await (root / "x.txt").rename(root / "new.txt", **options) == root / "new.txt"
    assert await (root / "sub/y.bin").replace(root / "new.txt", **options) == root / "new.txt"
    assert await (root / "new.txt").read_bytes(**options) == b"data"
    await (root / "touched").touch(**options)
    await (root / "new.txt").unlink(**options)
    await (root / "dir").mkdir(**options)
    assert [path.name async for path in root.iterdir(**options)] == ["link", "touched"]
    with pytest.raises(ValueError, match="empty pattern"):
        _ = [path async for path in root.glob("", **options)]


def test_the_same_program_without_await(aios3_server):
    aios3_server.create_bucket("paths")
    with aios3.sync.Session(**aios3_server.config) as session:
        root = aios3.sync.S3Path("s3://paths/dir")
        (root / "x.txt").write_text("grüße", session=session)
        with (root / "y").open("wb", session=session) as file:
            file.write(b"data")
        assert list(root.iterdir(session=session)) == [root / "x.txt", root / "y"]
        assert [type(path) for path in root.glob("*", session=session)] == [aios3.sync.S3Path] * 2
        assert list(root.walk(session=session)) == [(root, [], ["x.txt", "y"])]
        assert (root / "y").rename(root / "z", session=session) == root / "z"
        (root / "link").symlink_to(root / "z", session=session)
        assert (root / "link").readlink(session=session) == root / "z"
        assert (root / "z").read_bytes(session=session) == b"data"
        assert aios3.sync.stat(root / "z", session=session).size == 4
