"""What was decided against megfile, where it is about many objects; the others of these are in test_faults.py."""

from __future__ import annotations

import asyncio

import pytest
from tree_s3 import ROOT

import aios3
from aios3._entries import SYMLINK_METADATA

TREE = {f"t/{number:04}": bytes([number]) for number in range(10)}


def fill(s3, files=TREE):
    for key, data in files.items():
        s3.put(key, data)


def meeting(s3, operation: str, count: int) -> None:
    """Let no call of ``operation`` go on before ``count`` of them are there: one at a time would wait for ever."""
    there, all_there = 0, asyncio.Event()

    async def meanwhile(called, _details):
        nonlocal there
        if called == operation:
            there += 1
            if there >= count:
                all_there.set()
            await all_there.wait()

    s3.meanwhile = meanwhile


async def test_decision_sync_is_concurrent(s3, session, tmp_path):
    for name, data in TREE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    meeting(s3, "PutObject", 10)
    await aios3.sync_tree(tmp_path / "t", f"{ROOT}/t", session=session)
    assert s3.contents() == TREE
    meeting(s3, "GetObject", 10)
    await aios3.sync_tree(f"{ROOT}/t", tmp_path / "back", session=session)
    assert len(list((tmp_path / "back").iterdir())) == 10
    meeting(s3, "CopyObject", 10)
    await aios3.move(f"{ROOT}/t", f"{ROOT}/u", session=session)
    assert len(s3.contents()) == 10


async def test_decision_remove_is_concurrent(s3, session):
    fill(s3, {f"t/{number:05}": b"" for number in range(4500)})
    meeting(s3, "DeleteObjects", 5)
    await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.contents() == {}


async def test_decision_across_profiles_the_bytes_come_through_here(s3, session):
    fill(s3)
    await aios3.sync_tree(f"{ROOT}/t", "s3+other://bucket/synced", session=session)
    assert {key: data for key, data in s3.contents().items() if key.startswith("synced/")} == {
        f"synced/{key[2:]}": data for key, data in TREE.items()
    }
    await aios3.move(f"{ROOT}/t", "s3+other://bucket/moved", session=session)
    await aios3.concat([f"{ROOT}/moved/0001", "s3+other://bucket/moved/0002"], f"{ROOT}/both", session=session)
    assert s3.objects["both"].data == b"\x01\x02"
    assert s3.calls["CopyObject"] == s3.calls["UploadPartCopy"] == 0
    assert len([key for key in s3.contents() if key.startswith("moved/")]) == 10
    assert not [key for key in s3.contents() if key.startswith("t/")]


@pytest.mark.parametrize("target", ["t", "t/below"])
async def test_decision_rename_sees_the_same_place_through_another_profile(s3, session, target):
    fill(s3)
    with pytest.raises(aios3.InvalidPathError, match="same place"):
        await aios3.move(f"{ROOT}/t", f"s3+other://bucket/{target}", session=session)
    assert s3.contents() == TREE


async def test_decision_sync_of_one_file_takes_the_fewest_requests(s3, session, tmp_path):
    fill(s3)
    await aios3.sync_tree(f"{ROOT}/t/0001", f"{ROOT}/new", session=session)
    assert dict(s3.calls) == {"HeadObject": 2, "CopyObject": 1}
    s3.calls.clear()
    await aios3.sync_tree(f"{ROOT}/t/0001", tmp_path / "new", session=session)
    assert dict(s3.calls) == {"HeadObject": 1, "GetObject": 1}
    s3.calls.clear()
    await aios3.sync_tree(tmp_path / "new", f"{ROOT}/newer", session=session)
    assert dict(s3.calls) == {"HeadObject": 1, "PutObject": 1}


async def test_markers_are_skipped_as_files_and_removed_with_their_directory(s3, session, tmp_path):
    fill(s3, {"t/": b"", "t/d/": b"", "t/d/x": b"x", "t/empty/": b""})
    result = await aios3.download(f"{ROOT}/t", tmp_path / "t", session=session)
    assert result.copied == 1
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["d", "empty"]
    await aios3.move(f"{ROOT}/t", f"{ROOT}/u", session=session)
    assert sorted(s3.contents()) == ["u/", "u/d/", "u/d/x", "u/empty/"]
    await aios3.remove(f"{ROOT}/u", session=session)
    assert s3.contents() == {}


async def test_a_directory_of_markers_alone_is_there(s3, session, tmp_path):
    s3.put("t/", b"")
    assert (await aios3.download(f"{ROOT}/t", tmp_path / "t", session=session)).copied == 0
    (tmp_path / "t").mkdir(exist_ok=True)
    (tmp_path / "t" / "old").write_bytes(b"")
    assert (await aios3.sync_tree(f"{ROOT}/t", tmp_path / "t", delete=True, session=session)).deleted == 1


async def test_links_in_s3_are_followed_only_when_asked_for(s3, session, tmp_path):
    s3.put("data", b"what it leads to")
    s3.put("t/link", b"", islnk=True, metadata={SYMLINK_METADATA: f"{ROOT}/data"})
    await aios3.download(f"{ROOT}/t", tmp_path / "no", session=session)
    assert (tmp_path / "no" / "link").read_bytes() == b""
    await aios3.download(f"{ROOT}/t", tmp_path / "yes", followlinks=True, session=session)
    assert (tmp_path / "yes" / "link").read_bytes() == b"what it leads to"
    await aios3.download(f"{ROOT}/t/link", tmp_path / "one", followlinks=True, session=session)
    assert (tmp_path / "one").read_bytes() == b"what it leads to"
    await aios3.sync_tree(f"{ROOT}/t", f"{ROOT}/u", followlinks=True, session=session)
    assert s3.objects["u/link"].data == b"what it leads to"
