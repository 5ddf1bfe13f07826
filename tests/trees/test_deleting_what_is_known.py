"""What is deleted, and what must not be: when the source cannot be read, is not there, or somebody else writes."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from tree_s3 import ROOT, fail

import aios3
from aios3._trees import file_trees

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("at_once")

BACKUP = {"up/a.csv": b"a", "up/sub/x.csv": b"x", "up/sub/y.txt": b"y", "up/z.csv": b"z"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A local tree; ``z.csv`` of its backup has been deleted here."""
    root = tmp_path / "src"
    (root / "sub").mkdir(parents=True)
    for key, data in BACKUP.items():
        if key != "up/z.csv":
            (root / key.removeprefix("up/")).write_bytes(data)
    return root


def backed_up(s3) -> None:
    for key, data in BACKUP.items():
        s3.put(key, data)
        s3.objects[key].stat = s3.objects[key].stat.__class__(size=len(data), mtime=4e9, etag=s3.objects[key].stat.etag)


# what cannot be read

FILTERS: dict[str, dict[str, list[str]]] = {
    "all": {},
    "include files": {"include": ["**/*.csv"]},
    "include another directory": {"include": ["other/", "*.csv"]},
    "exclude files": {"exclude": ["**/*.txt"]},
    "exclude the directory": {"exclude": ["sub/"]},
}


def reject_scandir(monkeypatch, source: Path, error: int) -> None:
    original = os.scandir

    def scandir(path):
        if os.fspath(path) == str(source / "sub"):
            raise OSError(error, os.strerror(error), path)
        return original(path)

    monkeypatch.setattr(file_trees.os, "scandir", scandir)


def break_listing(monkeypatch, source: Path, error: int) -> None:
    """Fail in the middle of a directory, behind its first entry."""
    original = os.scandir

    class Broken:
        def __init__(self, entries):
            self._entries = entries

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._entries.close()

        def __iter__(self):
            yield next(self._entries)
            raise OSError(error, os.strerror(error))

    def scandir(path):
        return Broken(original(path)) if os.fspath(path) == str(source / "sub") else original(path)

    monkeypatch.setattr(file_trees.os, "scandir", scandir)


def reject_stat(monkeypatch, source: Path, error: int) -> None:
    """Let a file be listed, and its description fail; so does the directory's, whose kind is not known then."""
    original = os.scandir

    class Entry:
        def __init__(self, entry):
            self._entry, self.name, self.path = entry, entry.name, entry.path

        def is_dir(self):
            raise OSError(error, os.strerror(error), self.path)

        def is_symlink(self):
            return self._entry.is_symlink()

        def stat(self, **_):
            raise OSError(error, os.strerror(error), self.path)

    class Entries:
        def __init__(self, entries):
            self._entries = entries

        def __enter__(self):
            return [Entry(each) if each.name == "sub" else each for each in self._entries]

        def __exit__(self, *_):
            self._entries.close()

    monkeypatch.setattr(file_trees.os, "scandir", lambda path: Entries(original(path)))


BREAKS = {"scandir": reject_scandir, "readdir": break_listing, "stat": reject_stat}
ERRNOS = [errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOENT, errno.ENOTDIR]


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("error", ERRNOS, ids=errno.errorcode.get)
@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
async def test_nothing_is_deleted_while_a_directory_of_the_source_cannot_be_read(
    s3, session, source, monkeypatch, breaks: Callable, error, filters
):
    backed_up(s3)
    breaks(monkeypatch, source, error)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session, **filters)
    [failure] = caught.value.failures.values()
    assert failure.errno == error
    assert caught.value.completed["deleted"] == 0
    assert s3.contents() == BACKUP


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
async def test_too_many_open_files_end_the_sync_at_once(s3, session, source, monkeypatch, error, filters):
    backed_up(s3)
    reject_scandir(monkeypatch, source, error)
    with pytest.raises(OSError) as caught:
        await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session, **filters)
    assert caught.value.errno == error
    assert s3.contents() == BACKUP


async def test_an_excluded_directory_need_not_be_readable_where_nothing_is_deleted(s3, session, source, monkeypatch):
    reject_scandir(monkeypatch, source, errno.EACCES)
    done = await aios3.sync_tree(source, f"{ROOT}/up", exclude=["sub/"], session=session)
    assert done.copied == 1


async def test_what_could_be_in_a_directory_that_cannot_be_read_is_not_left_out_in_silence(
    s3, session, source, monkeypatch
):
    reject_scandir(monkeypatch, source, errno.EACCES)
    with pytest.raises(aios3.PartialFailureError):
        await aios3.sync_tree(source, f"{ROOT}/up", include=["**/*.csv"], session=session)


async def test_a_link_that_leads_nowhere_and_is_excluded_keeps_nothing_from_being_deleted(s3, session, source):
    backed_up(s3)
    (source / "broken").symlink_to("nowhere")
    done = await aios3.sync_tree(source, f"{ROOT}/up", delete=True, exclude=["broken"], session=session)
    assert done.deleted == 1
    assert "up/z.csv" not in s3.contents()


# where it is not there


def gone(source: Path) -> None:
    source.rename(source.with_name("elsewhere"))


def replaced(source: Path) -> None:
    gone(source)
    source.mkdir()


def replaced_by_a_copy(source: Path) -> None:
    gone(source)
    shutil.copytree(source.with_name("elsewhere"), source)


def without_access(source: Path) -> None:
    source.with_name("file").write_bytes(b"")
    gone(source)
    source.with_name("file").rename(source)


CHANGES = {"gone": gone, "empty": replaced, "copy": replaced_by_a_copy, "file": without_access}


def at_listing(s3, source: Path, change: Callable[[Path], None], count: int) -> None:
    """Change the source when the target is listed for the ``count``-th time."""

    async def meanwhile(operation, _details):
        if operation == "ListObjectsV2" and s3.calls[operation] == count - 1:
            s3.meanwhile = None
            await asyncio.to_thread(change, source)

    s3.meanwhile = meanwhile


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_source_that_is_another_one_at_the_end_empties_nothing(s3, session, source, change, dry_run):
    backed_up(s3)
    at_listing(s3, source, change, 1)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.sync_tree(source, f"{ROOT}/up", delete=True, dry_run=dry_run, session=session)
    assert caught.value.completed["deleted"] == 0
    assert s3.contents() == BACKUP


@pytest.mark.parametrize("switch", [False, True], ids=["the same", "another"])
async def test_a_link_to_the_source_that_is_switched_empties_nothing(s3, session, source, tmp_path, switch):
    backed_up(s3)
    (tmp_path / "next").mkdir()
    (tmp_path / "current").symlink_to(source)

    def change(_source: Path) -> None:
        (tmp_path / "new").symlink_to(tmp_path / "next" if switch else source)
        (tmp_path / "new").rename(tmp_path / "current")

    at_listing(s3, source, change, 1)
    verb = aios3.sync_tree(tmp_path / "current", f"{ROOT}/up", delete=True, session=session)
    if switch:
        with pytest.raises(aios3.PartialFailureError, match="taken the place"):
            await verb
        assert s3.contents() == BACKUP
    else:
        assert (await verb).deleted == 1


class Listed:
    """What a directory had in it at one moment."""

    def __init__(self, entries):
        with entries:
            self._entries = list(entries)

    def __enter__(self):
        return self._entries

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("missing", ["root", "root at first", "directory"])
async def test_a_source_that_is_away_for_a_moment_empties_nothing(s3, session, source, monkeypatch, missing):
    backed_up(s3)
    original, away = os.scandir, source if missing == "root" else source / "sub"

    def scandir(path):
        if os.fspath(path) != str(source):
            return original(path)
        away.rename(source.with_name("away"))
        try:
            return Listed(original(path))
        finally:
            source.with_name("away").rename(away)

    if missing == "root at first":
        await asyncio.to_thread(gone, source)
    else:
        monkeypatch.setattr(file_trees.os, "scandir", scandir)
    with pytest.raises((FileNotFoundError, aios3.PartialFailureError)):
        await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session)
    assert s3.contents() == BACKUP


async def test_a_file_that_comes_to_the_source_meanwhile_keeps_its_backup(s3, session, source, monkeypatch):
    backed_up(s3)
    original = os.scandir

    def scandir(path):
        entries = Listed(original(path))
        (source / "z.csv").write_bytes(b"z")
        return entries

    monkeypatch.setattr(file_trees.os, "scandir", scandir)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session)
    assert caught.value.completed["deleted"] == 0
    assert s3.contents() == BACKUP


@pytest.mark.parametrize("key", ["link/x", "Sub/x.csv", "sub//x.csv", ".x.aios3-part", "../src/a.csv", "./a.csv"])
async def test_another_spelling_of_what_the_source_has_keeps_nothing_from_being_deleted(s3, session, source, key):
    (source.parent / "linked").mkdir()
    (source.parent / "linked" / "x").write_bytes(b"")
    (source / "link").symlink_to(source.parent / "linked")
    (source / ".x.aios3-part").write_bytes(b"")
    s3.put(f"up/{key}", b"")
    assert (await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session)).deleted == 1
    assert f"up/{key}" not in s3.contents()


@pytest.mark.parametrize(("key", "to_disk"), [("/t", False), ("/t", True), ("", True)])
async def test_a_source_in_s3_that_vanishes_empties_nothing(s3, session, tmp_path, to_disk, key):
    """Its objects are there while it is listed, and none is when it comes to deleting."""
    s3.put("t/a", b"")
    (tmp_path / "zzz").write_bytes(b"only here")
    if not to_disk:
        s3.put("down/zzz", b"only here")

    async def meanwhile(operation, _details):
        if operation == "ListObjectsV2" and s3.calls[operation] == (1 if to_disk else 2):
            del s3.objects["t/a"]

    s3.meanwhile = meanwhile
    target = tmp_path if to_disk else f"{ROOT}/down"
    with pytest.raises(aios3.PartialFailureError, match="neither an object nor a directory"):
        await aios3.sync_tree(f"{ROOT}{key}", target, delete=True, session=session)
    assert (tmp_path / "zzz").exists()
    assert to_disk or s3.contents()["down/zzz"] == b"only here"


# what somebody else writes


@pytest.mark.parametrize(
    ("amazon", "ignores", "moment"),
    [
        (True, False, "CopyObject"),
        (False, False, "CopyObject"),
        (False, False, "HeadObject"),
        (False, True, "CopyObject"),
        (False, True, "HeadObject"),
    ],
)
async def test_a_move_keeps_a_concurrent_write_to_the_source(s3, session, amazon, ignores, moment):
    """Amazon decides by the condition; the others are looked at directly before."""
    s3.amazon, s3.ignores_conditions = amazon, ignores
    s3.put("a", b"old")

    def write(operation, _url, _details):
        if operation == moment and (operation != "HeadObject" or s3.calls[operation] == 2):
            s3.put("a", b"newer")

    s3.faults = write
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.move(f"{ROOT}/a", f"{ROOT}/b", session=session)
    assert isinstance(caught.value.failures[f"{ROOT}/a"], aios3.ObjectChangedError)
    assert s3.contents()["a"] == b"newer"


async def test_a_move_on_aws_decides_at_the_moment_of_the_deletion(s3, session):
    s3.amazon = True
    s3.put("a", b"old")
    s3.faults = lambda operation, *_: s3.put("a", b"newer") and None if operation == "DeleteObject" else None
    with pytest.raises(aios3.PartialFailureError):
        await aios3.move(f"{ROOT}/a", f"{ROOT}/b", session=session)
    assert s3.contents() == {"a": b"newer", "b": b"old"}
    assert s3.calls["HeadObject"] == 2  # to find it, and to tell one that is newer from one that is gone


@pytest.mark.parametrize("amazon", [False, True])
async def test_a_deletion_whose_response_is_lost_is_no_newer_version(s3, session, amazon):
    s3.amazon, s3.attempts = amazon, 3
    s3.put("a", b"old")
    lost = [aios3.ConnectionFailedError("lost")]
    s3.faults = lambda operation, *_: lost.pop() if operation == "DeleteObject" and lost else None
    await aios3.move(f"{ROOT}/a", f"{ROOT}/b", session=session)
    assert s3.contents() == {"b": b"old"}


@pytest.mark.parametrize(("code", "status"), [("NotImplemented", 501), ("InvalidArgument", 400)])
async def test_a_server_that_rejects_conditions_is_looked_at_and_asked_only_once(s3, session, code, status):
    s3.attempts = 3
    for name in ("a", "b", "c"):
        s3.put(name, b"old")
    s3.faults = fail("DeleteObject", lambda _url, details: details["if_match"] is not None, code, status)
    for name in ("a", "b"):
        await aios3.move(f"{ROOT}/{name}", f"{ROOT}/new/{name}", session=session)
    assert [details["if_match"] is not None for called, _, details in s3.log if called == "DeleteObject"] == [
        True,
        False,
        False,
    ]
    reject = s3.faults
    s3.faults = lambda operation, url, details: (
        reject(operation, url, details) or (s3.put("c", b"newer") and None if operation == "CopyObject" else None)
    )
    with pytest.raises(aios3.PartialFailureError):
        await aios3.move(f"{ROOT}/c", f"{ROOT}/new/c", session=session)
    assert s3.contents()["c"] == b"newer"


@pytest.mark.parametrize("verb", ["move", "sync"])
@pytest.mark.parametrize("moment", ["ListObjectsV2", "DeleteObjects"])
async def test_a_tree_deletion_keeps_a_concurrent_write(s3, session, source, verb, moment):
    backed_up(s3)
    s3.put("from/z.csv", b"z")
    victim = "from/z.csv" if verb == "move" else "up/z.csv"

    def write(operation, _url, details):
        last_list = operation == "ListObjectsV2" and s3.calls[operation] > 1
        if moment == operation and (last_list or operation == "DeleteObjects"):
            assert operation != "DeleteObjects" or details["if_match"] == {victim: s3.objects[victim].stat.etag}
            s3.faults = None
            s3.put(victim, b"newer")

    s3.faults = write
    with pytest.raises(aios3.PartialFailureError) as caught:
        if verb == "move":
            await aios3.move(f"{ROOT}/from", f"{ROOT}/to", session=session)
        else:
            await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session)
    assert {path: type(error) for path, error in caught.value.failures.items()} == {
        f"{ROOT}/{victim}": aios3.ObjectChangedError
    }
    assert s3.contents()[victim] == b"newer"


@pytest.mark.parametrize("code", ["AccessDenied", "NotImplemented"])
async def test_without_permission_for_conditions_an_unchanged_object_is_deleted(s3, session, source, code):
    """Amazon S3 wants s3:GetObject for an ETag, which a backup that only writes has not."""
    backed_up(s3)
    rejected = [code]
    s3.rejected = lambda _key: rejected.pop() if rejected else None
    assert (await aios3.sync_tree(source, f"{ROOT}/up", delete=True, session=session)).deleted == 1
    conditions = [details["if_match"] for called, _, details in s3.log if called == "DeleteObjects"]
    assert [condition is not None for condition in conditions] == [True, False]


def write(path: Path) -> None:
    path.write_bytes(b"newer")


def replace_it(path: Path) -> None:
    path.with_name("fresh").write_bytes(path.read_bytes())
    path.with_name("fresh").rename(path)


def lead_away(path: Path) -> None:
    """Put a link to another directory, which has a file of that name, in the place of its directory."""
    other = path.parent.parent.parent / "other"
    other.mkdir()
    (other / path.name).write_bytes(b"somebody else's")
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(other)


@pytest.mark.parametrize("change", [write, replace_it, lead_away])
async def test_a_local_file_that_is_another_one_by_now_is_not_removed(s3, session, tmp_path, monkeypatch, change):
    s3.put("t/a", b"a")
    victim = tmp_path / "down" / "sub" / "old"
    victim.parent.mkdir(parents=True)
    victim.write_bytes(b"old")
    original = file_trees.LocalTree.batches

    async def batches(tree):
        async for batch in original(tree):
            yield batch
        await asyncio.to_thread(change, victim)

    monkeypatch.setattr(file_trees.LocalTree, "batches", batches)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.sync_tree(f"{ROOT}/t", tmp_path / "down", delete=True, session=session)
    assert list(caught.value.failures) == [str(victim)]
    assert victim.exists()
    assert caught.value.completed["deleted"] == 0


async def test_local_directories_that_are_empty_then_go_and_others_stay(s3, session, tmp_path):
    s3.put("t/a", b"a")
    for name in ("x/y/old", "x/z/old"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "x/z/kept").symlink_to("nowhere")
    done = await aios3.sync_tree(f"{ROOT}/t", tmp_path, delete=True, exclude=["x/z/kept"], session=session)
    assert done.deleted == 2
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "a",
        "x",
        "x/z",
        "x/z/kept",
    ]


# responses about many deletions


async def test_a_server_that_takes_a_bulk_deletion_for_something_else_is_asked_for_each(s3, session):
    """Google's responds with 400 InvalidArgument."""
    for number in range(5):
        s3.put(f"t/{number}", b"")
    s3.knows_bulk, s3.bulk_rejection, s3.attempts = False, ("InvalidArgument", 400), 3
    await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.contents() == {}


async def test_a_key_that_the_response_leaves_out_is_asked_for_again_and_then_named(s3, session):
    for number in range(5):
        s3.put(f"t/{number}", b"")
    s3.rejected = lambda key: s3.UNNAMED if key == "t/3" else None
    with pytest.raises(aios3.PartialFailureError, match="invalid response") as caught:
        await aios3.remove(f"{ROOT}/t", session=session)
    assert list(caught.value.failures) == [f"{ROOT}/t/3"]
    assert s3.deleted_at_once == [5, 1, 1]
