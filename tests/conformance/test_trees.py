"""Many objects at once: removed, moved, joined, uploaded, downloaded, synced; local trees are compared with pathlib."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

import aios3
from conformance.data import MIB, payload

TREE = {"a.txt": b"alpha", "a/b/deep": b"deep", "a/c": b"", "z": b"last", "with space/ünï": b"\x00\xff"}
LARGE = 12 * MIB + 345
"""Three parts and three ranges of the sessions of these tests."""


def make_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def tree_at(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def put_all(admin, root: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        admin.put(f"{root}/{name}", data)


def objects_at(admin, bucket: str, prefix: str = "") -> dict[str, bytes]:
    keys = [key for key in admin.keys(bucket) if key.startswith(prefix) and not key.endswith("/")]
    return {key.removeprefix(prefix): admin.get(f"{bucket}/{key}") for key in keys}


# remove


async def test_removes_a_tree_and_nothing_else(surface, bucket, admin):
    put_all(admin, f"{bucket}/tree", TREE)
    put_all(admin, bucket, {"tree.txt": b"stays", "tre": b"stays", "treehouse/x": b"stays"})
    await surface.remove(f"{bucket}/tree")
    assert set(objects_at(admin, bucket)) == {"tree.txt", "tre", "treehouse/x"}


@pytest.mark.needs("key_below_key")
async def test_a_file_goes_before_the_directory_of_its_name(surface, bucket, admin):
    put_all(admin, bucket, {"x": b"file", "x/inside": b"stays"})
    await surface.remove(f"{bucket}/x")
    assert admin.keys(bucket) == ["x/inside"]
    await surface.remove(f"{bucket}/x/")
    assert admin.keys(bucket) == []


@pytest.mark.needs("any_key")
@pytest.mark.parametrize("key", ["carriage\rreturn", "control\x01", "tab\t", " ", "a//b", "&<>\"'"])
async def test_removes_keys_that_xml_would_change(surface, bucket, admin, key):
    admin.put(f"{bucket}/d/stays")
    admin.put(f"{bucket}/tree/{key}")
    admin.put(f"{bucket}/tree/plain")
    await surface.remove(f"{bucket}/tree")
    assert admin.keys(bucket) == ["d/stays"]


@pytest.mark.parametrize("path", ["s3://", "{bucket}", "{bucket}/"])
async def test_a_bucket_is_never_removed(surface, bucket, admin, path):
    admin.put(f"{bucket}/x")
    with pytest.raises(aios3.UnsupportedError):
        await surface.remove(path.format(bucket=bucket), missing_ok=True)
    assert admin.keys(bucket) == ["x"]


async def test_removing_in_a_missing_bucket_is_an_error_in_any_case(surface):
    for path in ("s3://no-such-bucket-here/key", "s3://no-such-bucket-here/dir/"):
        with pytest.raises(aios3.BucketNotFoundError) as caught:
            await surface.remove(path, missing_ok=True)
        assert caught.value.filename == path


# move


@pytest.mark.parametrize("verb", ["move", "rename"])
async def test_moves_an_object(surface, bucket, admin, verb):
    admin.put(f"{bucket}/x", b"data", Metadata={"colour": "red"})
    await getattr(surface, verb)(f"{bucket}/x", f"{bucket}/d/y")
    assert objects_at(admin, bucket) == {"d/y": b"data"}
    assert (await surface.stat(f"{bucket}/d/y")).metadata["colour"] == "red"


@pytest.mark.parametrize("verb", ["move", "rename"])
async def test_moves_a_tree_and_nothing_else(surface, bucket, admin, verb):
    put_all(admin, f"{bucket}/old", TREE)
    put_all(admin, bucket, {"older": b"stays", "new/there": b"stays"})
    await getattr(surface, verb)(f"{bucket}/old", f"{bucket}/new")
    expected = {f"new/{name}": data for name, data in TREE.items()} | {"older": b"stays", "new/there": b"stays"}
    assert objects_at(admin, bucket) == expected


async def test_moving_nothing_is_an_error(surface, bucket, admin):
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.move(f"{bucket}/none", f"{bucket}/new")
    assert admin.keys(bucket) == []


async def test_decision_rename_without_overwrite_keeps_the_source(surface, bucket, admin):
    put_all(admin, bucket, {"x": b"new", "y": b"old"})
    with pytest.raises(FileExistsError):
        await surface.move(f"{bucket}/x", f"{bucket}/y", overwrite=False)
    assert objects_at(admin, bucket) == {"x": b"new", "y": b"old"}


async def test_decision_rename_of_a_tree_without_overwrite_keeps_the_source(surface, bucket, admin):
    before = {f"old/{name}": data for name, data in TREE.items()} | {"new/a/b/deep": b"there first"}
    put_all(admin, bucket, before)
    with pytest.raises(FileExistsError, match="new/a/b/deep"):
        await surface.rename(f"{bucket}/old", f"{bucket}/new", overwrite=False)
    assert objects_at(admin, bucket) == before


@pytest.mark.parametrize("target", ["tree", "tree/", "tree/a", "tree/new/below"])
async def test_decision_rename_into_itself_is_rejected_before_anything_is_touched(surface, bucket, admin, target):
    put_all(admin, f"{bucket}/tree", TREE)
    with pytest.raises(aios3.InvalidPathError, match="same place, or lies below"):
        await surface.rename(f"{bucket}/tree", f"{bucket}/{target}")
    assert objects_at(admin, bucket, "tree/") == TREE


async def test_a_tree_moves_up_only_where_it_does_not_collide_with_itself(surface, bucket, admin):
    put_all(admin, f"{bucket}/a/b", {"x": b"1", "b/x": b"2"})
    with pytest.raises(aios3.InvalidPathError, match="take the place"):
        await surface.move(f"{bucket}/a/b", f"{bucket}/a")
    admin.put(f"{bucket}/up/b/x", b"1")
    await surface.move(f"{bucket}/up/b", f"{bucket}/up")
    assert objects_at(admin, bucket) == {"a/b/x": b"1", "a/b/b/x": b"2", "up/x": b"1"}


async def test_a_bucket_is_never_moved(surface, bucket, admin):
    admin.put(f"{bucket}/x")
    with pytest.raises(aios3.UnsupportedError):
        await surface.move(bucket, f"{bucket}-new")
    assert admin.keys(bucket) == ["x"]


# concat


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [0, 0],
        [3],
        [0, 1, 0, 2],
        [5 * MIB, 5 * MIB],
        [1, 5 * MIB, 2, 11 * MIB, 3],
        [3 * MIB, 6 * MIB, 1],
        [11 * MIB],
        [1 * MIB] * 13,
    ],
)
async def test_joins_in_order(surface, bucket, admin, sizes):
    parts = [payload(size, seed) for seed, size in enumerate(sizes)]
    for number, data in enumerate(parts):
        admin.put(f"{bucket}/part-{number}", data)
    result = await surface.concat([f"{bucket}/part-{number}" for number in range(len(parts))], f"{bucket}/whole")
    assert admin.get(f"{bucket}/whole") == b"".join(parts)
    assert result.size == sum(sizes)


async def test_joins_an_object_with_itself(surface, bucket, admin):
    admin.put(f"{bucket}/x", payload(6 * MIB))
    await surface.concat([f"{bucket}/x", f"{bucket}/x"], f"{bucket}/x")
    assert admin.get(f"{bucket}/x") == payload(6 * MIB) * 2


async def test_joining_what_is_missing_publishes_nothing(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"1")
    admin.put(f"{bucket}/dir/y", b"1")
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.concat([f"{bucket}/x", f"{bucket}/none"], f"{bucket}/whole")
    with pytest.raises(aios3.PathIsDirectoryError):
        await surface.concat([f"{bucket}/x", f"{bucket}/dir"], f"{bucket}/whole")
    assert admin.keys(bucket) == ["dir/y", "x"]


# upload and download


@pytest.mark.parametrize("size", [0, 10, 5 * MIB, LARGE])
async def test_a_file_there_and_back(surface, bucket, admin, tmp_path, size):
    (tmp_path / "file").write_bytes(payload(size))
    counted, states = [], []
    sent = await surface.upload(tmp_path / "file", f"{bucket}/x", counted.append, progress=states.append)
    assert admin.get(f"{bucket}/x") == payload(size)
    assert (sent.copied, sent.bytes, sum(counted)) == (1, size, size)
    assert (states[-1].files_done, states[-1].bytes_done, states[-1].bytes_total) == (1, size, size)
    counted.clear()
    received = await surface.download(f"{bucket}/x", tmp_path / "new dir" / "back", counted.append)
    assert (tmp_path / "new dir" / "back").read_bytes() == payload(size)
    assert (received.copied, received.bytes, sum(counted)) == (1, size, size)
    assert [path.name for path in (tmp_path / "new dir").iterdir()] == ["back"]


async def test_a_tree_there_and_back(surface, bucket, admin, tmp_path):
    tree = TREE | {"large": payload(LARGE)}
    make_tree(tmp_path / "tree", tree)
    sent = await surface.upload(str(tmp_path / "tree"), f"{bucket}/up")
    assert objects_at(admin, bucket, "up/") == tree
    received = await surface.download(f"{bucket}/up", tmp_path / "back")
    assert tree_at(tmp_path / "back") == tree
    assert (sent.copied, sent.bytes) == (received.copied, received.bytes) == (6, sum(map(len, tree.values())))


async def test_a_downloaded_file_has_the_time_of_the_object(surface, bucket, admin, tmp_path):
    admin.put(f"{bucket}/d/x", b"data")
    await surface.download(f"{bucket}/d/x", tmp_path / "one")
    await surface.download(f"{bucket}/d", tmp_path / "tree")
    modified = admin.head(f"{bucket}/d/x")["LastModified"].timestamp()
    assert abs((tmp_path / "one").stat().st_mtime - modified) < 1
    assert abs((tmp_path / "tree" / "x").stat().st_mtime - modified) < 1


async def test_what_is_there_stays_without_overwrite(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"x": b"new", "y": b"new"})
    admin.put(f"{bucket}/up/x", b"old")
    assert (await surface.upload(tmp_path / "tree" / "x", f"{bucket}/up/x", overwrite=False)).skipped == 1
    result = await surface.upload(tmp_path / "tree", f"{bucket}/up", overwrite=False)
    assert (result.copied, result.skipped) == (1, 1)
    assert objects_at(admin, bucket, "up/") == {"x": b"old", "y": b"new"}
    make_tree(tmp_path / "back", {"x": b"mine"})
    result = await surface.download(f"{bucket}/up", tmp_path / "back", overwrite=False)
    assert (result.copied, result.skipped) == (1, 1)
    assert tree_at(tmp_path / "back") == {"x": b"mine", "y": b"new"}


async def test_transfers_of_nothing_are_errors(surface, bucket, admin, tmp_path):
    with pytest.raises(FileNotFoundError):
        await surface.upload(tmp_path / "none", f"{bucket}/x")
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.download(f"{bucket}/none", tmp_path / "x")
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.download(f"{bucket}/none/", tmp_path / "x")
    admin.put(f"{bucket}/x")
    with pytest.raises(aios3.PathIsDirectoryError):
        await surface.download(f"{bucket}/x", f"{tmp_path}/dir/")
    with pytest.raises(aios3.PathIsDirectoryError):
        await surface.download(f"{bucket}/x", tmp_path)
    with pytest.raises(aios3.PathIsDirectoryError):
        await surface.upload(make_tree(tmp_path / "t", {"f": b""}) / "f", f"{bucket}/dir/")
    assert admin.keys(bucket) == ["x"]


@pytest.mark.needs("any_key")
async def test_no_key_leads_out_of_the_directory(surface, bucket, admin, tmp_path):
    names = ["../up", "a/../../up", "/absolute", "a//b", "./here", "fine"]
    put_all(admin, f"{bucket}/tree", dict.fromkeys(names, b"x"))
    with pytest.raises(aios3.PartialFailureError) as caught:
        await surface.download(f"{bucket}/tree", tmp_path / "inside" / "tree")
    assert {path.partition("/tree/")[2] for path in caught.value.failures} == set(names) - {"fine"}
    assert {type(error) for error in caught.value.failures.values()} == {aios3.UnsafeNameError}
    assert tree_at(tmp_path) == {"inside/tree/fine": b"x"}


@pytest.mark.needs("nul_in_key")
async def test_a_key_that_no_file_can_have_is_reported_and_can_be_removed(surface, bucket, admin, tmp_path):
    put_all(admin, f"{bucket}/tree", {"nul\0": b"x", "fine": b"x"})
    with pytest.raises(aios3.PartialFailureError) as caught:
        await surface.download(f"{bucket}/tree", tmp_path / "tree")
    assert {path: type(error) for path, error in caught.value.failures.items()} == {
        f"{bucket}/tree/nul\0": aios3.UnsafeNameError
    }
    assert tree_at(tmp_path) == {"tree/fine": b"x"}
    await surface.remove(f"{bucket}/tree")  # nobody else can: XML has no NUL
    assert admin.keys(bucket) == []


async def test_a_link_in_the_directory_leads_no_key_out_of_it(surface, bucket, admin, tmp_path):
    put_all(admin, f"{bucket}/tree", {"link/x": b"x", "fine": b"x"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await surface.download(f"{bucket}/tree", tmp_path / "inside")
    assert [type(error) for error in caught.value.failures.values()] == [aios3.UnsafeNameError]
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "inside" / "fine").read_bytes() == b"x"


@pytest.mark.needs("key_below_key")
async def test_a_key_below_a_file_is_reported_and_the_file_wins(surface, bucket, admin, tmp_path):
    put_all(admin, f"{bucket}/tree", {"a": b"file", "a.b": b"x", "a/below": b"y", "a/c/below": b"z"})
    with pytest.raises(aios3.PartialFailureError) as caught:
        await surface.download(f"{bucket}/tree", tmp_path / "tree")
    assert set(caught.value.failures) == {f"{bucket}/tree/a/below", f"{bucket}/tree/a/c/below"}
    assert caught.value.completed["copied"] == 2
    assert tree_at(tmp_path / "tree") == {"a": b"file", "a.b": b"x"}


async def test_links_to_directories_are_entered_only_when_asked_for(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"x": b"x"})
    make_tree(tmp_path / "elsewhere", {"y": b"y"})
    (tmp_path / "tree" / "dir").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "tree" / "file").symlink_to(tmp_path / "elsewhere" / "y")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "tree")
    await surface.upload(tmp_path / "tree", f"{bucket}/no")
    assert objects_at(admin, bucket, "no/") == {"x": b"x", "file": b"y"}
    await surface.upload(tmp_path / "tree", f"{bucket}/yes", followlinks=True)
    assert objects_at(admin, bucket, "yes/") == {"x": b"x", "file": b"y", "dir/y": b"y"}


async def test_special_files_are_reported_and_the_rest_is_uploaded(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"x": b"x"})
    os.mkfifo(tmp_path / "tree" / "pipe")
    (tmp_path / "tree" / "dangling").symlink_to("nowhere")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await surface.upload(tmp_path / "tree", f"{bucket}/up")
    assert {Path(path).name for path in caught.value.failures} == {"pipe", "dangling"}
    assert objects_at(admin, bucket, "up/") == {"x": b"x"}


# sync


async def test_syncs_up_and_down_and_then_has_nothing_to_do(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", TREE)
    first = await surface.sync_tree(tmp_path / "tree", f"{bucket}/up")
    assert (first.copied, first.skipped, first.bytes) == (5, 0, sum(map(len, TREE.values())))
    assert objects_at(admin, bucket, "up/") == TREE
    down = await surface.sync_tree(f"{bucket}/up", tmp_path / "down")
    assert (down.copied, down.skipped) == (5, 0)
    assert tree_at(tmp_path / "down") == TREE
    again = await surface.sync_tree(f"{bucket}/up", tmp_path / "down")
    assert (again.copied, again.skipped, again.bytes) == (0, 5, 0)
    across = await surface.sync_tree(f"{bucket}/up", f"{bucket}/copy")
    assert (across.copied, across.skipped) == (5, 0)
    assert objects_at(admin, bucket, "copy/") == TREE


async def test_copies_what_is_newer_or_of_another_size(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"same": b"1", "size": b"22", "newer": b"3", "older": b"4"})
    put_all(admin, f"{bucket}/up", {"same": b"1", "size": b"2", "newer": b"0", "older": b"0"})
    for name, age in {"same": 3600, "size": 3600, "newer": -3600, "older": 3600}.items():
        os.utime(tmp_path / "tree" / name, (time.time() - age,) * 2)
    result = await surface.sync_tree(tmp_path / "tree", f"{bucket}/up")
    assert (result.copied, result.skipped) == (2, 2)
    assert objects_at(admin, bucket, "up/") == {"same": b"1", "size": b"22", "newer": b"3", "older": b"0"}
    await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", checksum=True)
    assert objects_at(admin, bucket, "up/")["older"] == b"4"


async def test_large_files_are_compared_by_checksums(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"large": payload(LARGE), "small": b"1"})
    await surface.upload(tmp_path / "tree", f"{bucket}/up")
    assert (await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", checksum=True)).skipped == 2
    assert (await surface.sync_tree(f"{bucket}/up", tmp_path / "tree", checksum=True)).skipped == 2
    make_tree(tmp_path / "tree", {"large": payload(LARGE, 1), "small": b"2"})
    assert (await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", checksum=True)).copied == 2
    assert objects_at(admin, bucket, "up/") == {"large": payload(LARGE, 1), "small": b"2"}


async def test_force_goes_before_overwrite(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"x": b"new!", "y": b"new!"})
    admin.put(f"{bucket}/up/x", b"old")
    await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", overwrite=False)
    assert objects_at(admin, bucket, "up/") == {"x": b"old", "y": b"new!"}
    await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", overwrite=False, force=True)
    assert objects_at(admin, bucket, "up/") == {"x": b"new!", "y": b"new!"}


async def test_deletes_only_below_the_target_and_only_what_the_globs_mean(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"x": b"x", "keep/me.log": b"l"})
    before = {"up/old": b"1", "up/sub/old": b"2", "up/old.log": b"3", "upper": b"4", "up.txt": b"5"}
    put_all(admin, bucket, before)
    dry = await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", delete=True, dry_run=True, exclude=["**/*.log"])
    assert objects_at(admin, bucket) == before
    assert {(action.kind, action.target) for action in dry.actions} == {
        ("copy", f"{bucket}/up/x"),
        ("delete", f"{bucket}/up/old"),
        ("delete", f"{bucket}/up/sub/old"),
    }
    done = await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", delete=True, exclude=["**/*.log"])
    assert (done.copied, done.deleted) == (dry.copied, dry.deleted) == (1, 2)
    assert objects_at(admin, bucket) == {"up/x": b"x", "up/old.log": b"3", "upper": b"4", "up.txt": b"5"}


async def test_deletes_local_files_and_the_directories_they_leave_empty(surface, bucket, admin, tmp_path):
    put_all(admin, f"{bucket}/tree", {"x": b"x", "d/y": b"y"})
    make_tree(tmp_path / "down", {"x": b"x", "d/old": b"1", "e/f/old": b"2"})
    make_tree(tmp_path, {"outside": b"stays"})
    result = await surface.sync_tree(f"{bucket}/tree", tmp_path / "down", delete=True)
    assert result.deleted == 2
    assert tree_at(tmp_path) == {"down/x": b"x", "down/d/y": b"y", "outside": b"stays"}
    assert not (tmp_path / "down" / "e").exists()


async def test_a_missing_source_never_empties_the_target(surface, bucket, admin, tmp_path):
    put_all(admin, bucket, {"up/x": b"1"})
    with pytest.raises(FileNotFoundError):
        await surface.sync_tree(tmp_path / "none", f"{bucket}/up", delete=True)
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.sync_tree(f"{bucket}/none", f"{bucket}/up", delete=True)
    make_tree(tmp_path / "down", {"x": b"1"})
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.sync_tree(f"{bucket}/none", tmp_path / "down", delete=True)
    assert objects_at(admin, bucket) == {"up/x": b"1"}
    assert tree_at(tmp_path / "down") == {"x": b"1"}


async def test_nothing_is_deleted_after_a_failure(surface, bucket, admin, tmp_path):
    make_tree(tmp_path / "tree", {"x": b"x"})
    (tmp_path / "tree" / "dangling").symlink_to("nowhere")
    admin.put(f"{bucket}/up/old", b"1")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await surface.sync_tree(tmp_path / "tree", f"{bucket}/up", delete=True)
    assert caught.value.completed == {"copied": 1, "skipped": 0, "deleted": 0, "bytes": 1}
    assert objects_at(admin, bucket, "up/") == {"x": b"x", "old": b"1"}


async def test_syncs_one_file(surface, bucket, admin, tmp_path):
    (tmp_path / "x").write_bytes(b"data")
    assert (await surface.sync_tree(tmp_path / "x", f"{bucket}/y")).copied == 1
    assert (await surface.sync_tree(f"{bucket}/y", tmp_path / "z")).copied == 1
    assert (await surface.sync_tree(f"{bucket}/y", tmp_path / "z")).skipped == 1
    assert (await surface.sync_tree(f"{bucket}/y", f"{bucket}/w", dry_run=True)).actions[0].target == f"{bucket}/w"
    assert (tmp_path / "z").read_bytes() == b"data"
    assert objects_at(admin, bucket) == {"y": b"data"}


async def test_a_tree_is_not_synced_into_itself(surface, bucket, admin, tmp_path):
    put_all(admin, f"{bucket}/a", TREE)
    for source, target in (("a", "a"), ("a", "a/b"), ("a/b", "a")):
        with pytest.raises(aios3.InvalidPathError):
            await surface.sync_tree(f"{bucket}/{source}", f"{bucket}/{target}")
    with pytest.raises(aios3.UnsupportedError):
        await surface.sync_tree(tmp_path / "a", tmp_path / "b")
    assert objects_at(admin, bucket, "a/") == TREE


# abort_uploads


async def test_aborts_old_uploads_below_a_path_only(surface, bucket, admin):
    for key in ("d/x", "d/sub/y", "dd/z"):
        admin.put(f"{bucket}/{key}")  # rclone would leave empty folders, and the bucket could not be deleted
        admin.begin_upload(f"{bucket}/{key}")
    assert await surface.abort_uploads(f"{bucket}/d", timedelta(days=365 * 40)) == []  # moto begins all in 2010
    aborted = await surface.abort_uploads(f"{bucket}/d", 0)
    assert [upload.key for upload in aborted] == ["d/sub/y", "d/x"]
    assert admin.uploads(bucket) == ["dd/z"]
    assert [upload.key for upload in await surface.abort_uploads(bucket, 0)] == ["dd/z"]
