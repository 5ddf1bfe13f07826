"""A file that changes while its bytes are on their way, and then looks older than the object with the former ones."""

from __future__ import annotations

import asyncio
import os

import pytest
from tree_s3 import MIB, ROOT

import aios3

VERBS = {
    "upload": lambda root, session: aios3.upload(root / "file", f"{ROOT}/file", session=session),
    "upload a tree": lambda root, session: aios3.upload(root, ROOT, session=session),
    "sync_tree": lambda root, session: aios3.sync_tree(root, ROOT, session=session),
    "sync_tree of a file": lambda root, session: aios3.sync_tree(root / "file", f"{ROOT}/file", session=session),
    "Storage.put": lambda root, session: aios3.Storage(ROOT, session=session).put(root / "file", "file"),
}
PUBLISHING = {10: "PutObject", 12 * MIB: "CompleteMultipartUpload"}
"""The request that makes the object, by the size of the file: at that moment all has been read."""
OLD_TIME = (1_000_000_000, 1_000_000_000)


def write(path, filling: int, size: int) -> None:
    path.write_bytes(bytes([filling]) * size)
    os.utime(path, OLD_TIME)


def changing(s3, path, size: int, times: int) -> None:
    """Rewrite the file, with the same size, each of the first ``times`` times that it is published."""

    async def meanwhile(operation, _details):
        if operation == PUBLISHING[size] and s3.calls[operation] < times:
            await asyncio.to_thread(rewrite, path, s3.calls[operation] + 1, size)

    s3.meanwhile = meanwhile


def rewrite(path, filling: int, size: int) -> None:
    write(path.with_name(".new"), filling, size)
    path.with_name(".new").replace(path)


@pytest.mark.parametrize("size", PUBLISHING)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_file_that_changed_during_its_last_request_is_uploaded_again(s3, session, tmp_path, verb, size):
    write(tmp_path / "file", 0, size)
    changing(s3, tmp_path / "file", size, 1)
    await VERBS[verb](tmp_path, session)
    assert s3.objects["file"].data == (tmp_path / "file").read_bytes() == b"\x01" * size
    assert s3.calls[PUBLISHING[size]] == 2


@pytest.mark.parametrize("size", PUBLISHING)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_file_that_changes_during_each_request_is_an_error(s3, session, tmp_path, verb, size):
    write(tmp_path / "file", 0, size)
    changing(s3, tmp_path / "file", size, 99)
    with pytest.raises((aios3.FileChangedError, aios3.PartialFailureError), match="upload it again"):
        await VERBS[verb](tmp_path, session)
    assert s3.calls[PUBLISHING[size]] == 3
    assert s3.uploads == {}


async def test_a_file_that_may_only_be_created_is_not_replaced_with_its_later_bytes(s3, session, tmp_path):
    write(tmp_path / "file", 0, 10)
    changing(s3, tmp_path / "file", 10, 1)
    with pytest.raises(aios3.FileChangedError, match="upload it again"):
        await aios3.upload(tmp_path / "file", f"{ROOT}/file", overwrite=False, session=session)
    assert s3.calls["PutObject"] == 1


@pytest.mark.parametrize("size", PUBLISHING)
async def test_a_file_that_is_deleted_during_its_last_request_is_uploaded(s3, session, tmp_path, size):
    write(tmp_path / "file", 0, size)

    async def meanwhile(operation, _details):
        if operation == PUBLISHING[size]:
            await asyncio.to_thread((tmp_path / "file").unlink)

    s3.meanwhile = meanwhile
    assert (await aios3.upload(tmp_path, ROOT, session=session)).copied == 1
    assert s3.objects["file"].data == bytes(size)


async def test_of_many_files_each_one_that_changed_is_uploaded_again(s3, session, tmp_path):
    names, at_once = [f"{number:02}" for number in range(40)], session.config.max_concurrency
    for name in names:
        write(tmp_path / name, 0, 10)
    all_there = asyncio.Event()
    arrived = 0

    async def meanwhile(operation, _details):
        nonlocal arrived
        if operation == "PutObject":
            arrived += 1
            if arrived == at_once:
                await asyncio.to_thread(lambda: [rewrite(tmp_path / name, 1, 10) for name in names])
                all_there.set()
            await all_there.wait()

    s3.meanwhile = meanwhile
    await aios3.sync_tree(tmp_path, ROOT, session=session)
    assert s3.contents() == dict.fromkeys(names, b"\x01" * 10)
    assert s3.calls["PutObject"] == len(names) + at_once
