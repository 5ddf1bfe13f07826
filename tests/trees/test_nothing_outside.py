"""Nothing is made outside of the directory that was named: no file, no directory, not for an instant."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tree_s3 import MIB, ROOT

import aios3
from aios3._trees import beneath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = ("sub/new/deep/x", "sub/x", "sub/marked/")


# What makes the verbs write below "sub"


async def download(session, target):
    await aios3.download(f"{ROOT}/t", target, session=session)


async def resume(session, target):
    await aios3.download(f"{ROOT}/large", target, resume=True, session=session)


async def sync(session, target):
    await aios3.sync_tree(f"{ROOT}/t", target, session=session)


async def delete(session, target):
    await aios3.sync_tree(f"{ROOT}/none", target, delete=True, session=session)


async def extract_all(session, target):
    async with aios3.open_zip(f"{ROOT}/archive.zip", session=session) as archive:
        await archive.extract_all(target)


async def extract_directory(session, target):
    async with aios3.open_zip(f"{ROOT}/archive.zip", session=session) as archive:
        await archive.extract("sub/marked/", target)


async def extract_file(session, target):
    async with aios3.open_zip(f"{ROOT}/archive.zip", session=session) as archive:
        await archive.extract("sub/new/deep/x", target)


VERBS = [download, resume, sync, extract_all, extract_directory, extract_file]


# How "sub" leads away


def to_a_directory(root: Path, outside: Path) -> None:
    (root / "sub").symlink_to(outside)


def relatively(root: Path, outside: Path) -> None:
    (root / "sub").symlink_to(os.path.relpath(outside, root))


def by_another_link(root: Path, outside: Path) -> None:
    (root / "sub").symlink_to("second")
    (root / "second").symlink_to(outside)


def through_a_directory_inside(root: Path, outside: Path) -> None:
    (root / "inner").mkdir()
    (root / "inner" / "away").symlink_to(outside)
    (root / "sub").symlink_to("inner/away")


def to_what_is_not_there(root: Path, outside: Path) -> None:
    (root / "sub").symlink_to(outside / "missing")


def to_the_directory_above(root: Path, outside: Path) -> None:
    outside.rmdir()
    (root / "sub").symlink_to("../outside")
    outside.mkdir()


def one_level_deeper(root: Path, outside: Path) -> None:
    (root / "sub").mkdir()
    for name in ("new", "marked"):
        (root / "sub" / name).symlink_to(outside)
    (root / "sub" / "x").symlink_to(outside / "x")  # a link in a file's place is replaced


LAYOUTS = [
    to_a_directory,
    relatively,
    by_another_link,
    through_a_directory_inside,
    to_what_is_not_there,
    to_the_directory_above,
    one_level_deeper,
]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def contents(s3) -> None:
    for key in KEYS:
        s3.put(f"t/{key}", b"" if key.endswith("/") else b"x")
    s3.put("large/sub/new/deep/x", bytes(MIB))
    s3.put("none/", b"")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        for key in KEYS:
            z.writestr(key, b"")
    s3.put("archive.zip", archive.getvalue())


@pytest.fixture(autouse=True)
def watched(monkeypatch, outside: Path) -> Iterator[None]:
    """See a directory that is made outside also if it is removed again."""
    original, made = os.mkdir, []

    def mkdir(path, mode=0o777, *, dir_fd=None):
        original(path, mode, dir_fd=dir_fd)
        above = Path(path).parent if dir_fd is None else Path(f"/proc/self/fd/{dir_fd}")
        made.append(above.resolve() / Path(path).name)

    monkeypatch.setattr(os, "mkdir", mkdir)
    yield
    assert not [path for path in made if path.is_relative_to(outside) and path != outside]


def errors_of(error: BaseException) -> list[Exception]:
    return list(error.failures.values()) if isinstance(error, aios3.PartialFailureError) else [error]


@pytest.mark.parametrize("with_descriptors", [True, False], ids=["descriptors", "paths"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("verb", VERBS)
async def test_nothing_is_made_where_a_link_leads_out(
    session, root, outside, monkeypatch, verb: Callable, layout: Callable, with_descriptors
):
    monkeypatch.setattr(beneath, "_HAS_DESCRIPTORS", with_descriptors)
    layout(root, outside)
    with pytest.raises(aios3.S3Error) as caught:
        await verb(session, root)
    assert {type(error) for error in errors_of(caught.value)} == {aios3.UnsafeNameError}
    assert list(outside.iterdir()) == []
    assert not [path for path in root.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("with_descriptors", [True, False], ids=["descriptors", "paths"])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("leads_to", ["other", "deep/er", "../root/other", "loose"])
async def test_links_that_stay_inside_are_followed(session, root, monkeypatch, verb, leads_to, with_descriptors):
    monkeypatch.setattr(beneath, "_HAS_DESCRIPTORS", with_descriptors)
    if leads_to != "loose":
        (root / leads_to).resolve().mkdir(parents=True)
    (root / "sub").symlink_to(leads_to)
    if leads_to == "loose" and not with_descriptors:
        with pytest.raises((OSError, aios3.S3Error)):
            await verb(session, root)
        return
    await verb(session, root)
    there = (root / "sub").resolve()
    assert there.is_relative_to(root)
    made = {path.relative_to(there).as_posix() for path in there.rglob("*")}
    assert made
    assert made <= {"new", "new/deep", "new/deep/x", "x", "marked"}


async def test_a_root_that_is_a_link_is_where_the_user_has_named_it(session, tmp_path, root):
    (tmp_path / "named").symlink_to(root)
    await aios3.download(f"{ROOT}/t", tmp_path / "named", session=session)
    assert (root / "sub" / "new" / "deep" / "x").read_bytes() == b"x"


@pytest.mark.parametrize("verb", [download, sync, extract_file, extract_directory])
async def test_a_directory_that_a_link_replaces_in_between_leads_nowhere(session, root, outside, monkeypatch, verb):
    """The link comes directly before a directory is entered, after everything above it was."""
    original, once, one_thread = beneath._step, threading.Lock(), threading.RLock()

    def step(here, name, *, make):
        with one_thread:  # others of the verb's threads see the directory or the link, never neither
            if name in {"new", "marked"} and once.acquire(blocking=False):
                (root / "sub").rename(root / "moved")
                (root / "sub").symlink_to(outside)
            return original(here, name, make=make)

    monkeypatch.setattr(beneath, "_step", step)
    try:
        await verb(session, root)
    except aios3.S3Error as error:
        assert {type(each) for each in errors_of(error)} == {aios3.UnsafeNameError}  # noqa: PT017 - of later files
    assert list(outside.iterdir()) == []
    assert (root / "moved").is_dir()


async def test_a_directory_that_a_link_replaces_while_a_file_arrives_keeps_the_file(s3, session, root, outside):
    s3.put("one/sub/x", bytes(MIB))

    async def meanwhile(operation, _details):
        if operation == "GetObject":
            await asyncio.to_thread(replace)

    def replace() -> None:
        if (root / "sub").is_dir() and not (root / "sub").is_symlink():
            (root / "sub").rename(root / "moved")
            (root / "sub").symlink_to(outside)

    s3.meanwhile = meanwhile
    await aios3.download(f"{ROOT}/one", root, session=session)
    assert list(outside.iterdir()) == []
    assert [path.name for path in (root / "moved").iterdir()] == ["x"]


async def test_a_loop_of_links_is_an_error_that_says_so(session, root):
    (root / "sub").symlink_to("second")
    (root / "second").symlink_to("sub")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.download(f"{ROOT}/t", root, session=session)
    assert all(isinstance(error, OSError) for error in caught.value.failures.values())
    assert sorted(path.name for path in root.iterdir()) == ["second", "sub"]


async def test_a_deletion_never_goes_through_a_link(s3, session, root, outside):
    (outside / "old").write_bytes(b"somebody else's")
    (root / "sub").symlink_to(outside)
    (root / "old").write_bytes(b"")
    done = await aios3.sync_tree(f"{ROOT}/none", root, delete=True, session=session)
    assert done.deleted == 1
    assert (outside / "old").exists()


async def test_errors_of_the_operating_system_name_the_whole_path(session, root):
    (root / "sub").write_bytes(b"a file")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.download(f"{ROOT}/t", root, session=session)
    for error in caught.value.failures.values():
        assert isinstance(error, NotADirectoryError)
        assert error.filename == str(root / "sub")
        assert str(error) == f"[Errno {errno.ENOTDIR}] {os.strerror(errno.ENOTDIR)}: {str(root / 'sub')!r}"


# markers of directories


@pytest.mark.parametrize("verb", [aios3.download, aios3.sync_tree])
async def test_marked_directories_are_made_on_a_disk(s3, session, root, verb):
    for key in ("m/", "m/empty/", "m/a/b/"):
        s3.put(key, b"")
    done = await verb(f"{ROOT}/m", root / "new", session=session)
    assert (done.copied, done.skipped) == (0, 0)
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == [
        "new",
        "new/a",
        "new/a/b",
        "new/empty",
    ]


@pytest.mark.parametrize("verb", [aios3.download, aios3.sync_tree])
async def test_a_marker_with_a_body_is_named_because_no_directory_holds_it(s3, session, root, verb):
    s3.put("m/n/", b"abc")
    s3.put("m/n/x", b"x")
    with pytest.raises(aios3.PartialFailureError, match="3 bytes have no place") as caught:
        await verb(f"{ROOT}/m", root, session=session)
    assert list(caught.value.failures) == [f"{ROOT}/m/n/"]
    assert (root / "n" / "x").read_bytes() == b"x"


async def test_an_empty_marker_beside_a_file_of_its_name_is_not_an_error(s3, session, root):
    s3.put("m/n", b"a file")
    s3.put("m/n/", b"")
    assert (await aios3.download(f"{ROOT}/m", root, session=session)).copied == 1
    assert (root / "n").read_bytes() == b"a file"


@pytest.mark.parametrize("profile", ["s3://bucket", "s3+other://bucket"])
async def test_markers_go_along_inside_s3_with_their_bodies(s3, session, profile):
    files = {"m/": b"", "m/empty/": b"", "m/n/": b"abc", "m/n/x": b"x"}
    for key, data in files.items():
        s3.put(key, data)
    done = await aios3.sync_tree(f"{ROOT}/m", f"{profile}/synced", session=session)
    assert (done.copied, done.skipped) == (2, 0)  # empty ones are not counted
    await aios3.move(f"{ROOT}/m", f"{profile}/moved", session=session)
    for place in ("synced", "moved"):
        found = {key: data for key, data in s3.contents().items() if key.startswith(place)}
        assert found == {key.replace("m/", f"{place}/", 1): data for key, data in files.items()}


async def test_a_sync_deletes_no_marker_that_only_the_target_has(s3, session, root):
    (root / "made").mkdir()
    (root / "x").write_bytes(b"x")
    for key in ("up/made/", "up/gone/", "up/noted/"):
        s3.put(key, b"note" if key == "up/noted/" else b"")
    assert (await aios3.sync_tree(root, f"{ROOT}/up", delete=True, session=session)).deleted == 0
    assert set(s3.contents()) >= {"up/made/", "up/gone/", "up/noted/"}


async def test_a_marker_with_a_body_is_not_lost_when_its_directory_becomes_a_bucket(s3, session):
    s3.put("m/", b"abc")
    s3.put("m/x", b"x")
    with pytest.raises(aios3.PartialFailureError, match="nothing was deleted"):
        await aios3.move(f"{ROOT}/m", ROOT, session=session)
    assert s3.contents()["m/"] == b"abc"
    assert s3.contents()["m/x"] == b"x"
