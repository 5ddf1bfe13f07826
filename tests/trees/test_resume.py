"""Large transfers that are interrupted and go on: what is used again, and what is never trusted."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import pytest
from tree_s3 import MIB, ROOT, fail, session_on

import aios3
from aios3._trees import download_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("at_once")
SIZE = 23 * MIB + 7
"""Five parts; ninety-three ranges."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(SIZE))
    return path


async def interrupted_upload(s3, path: Path) -> None:
    """Upload until part 4 is rejected; the parts that are there stay."""
    async with session_on(s3, max_concurrency=1) as session:
        s3.faults = fail("UploadPart", lambda _url, details: details["number"] == 4)
        with pytest.raises(aios3.AccessDeniedError):
            await aios3.upload(path, f"{ROOT}/large", resume=True, session=session)
        s3.faults = None
        s3.calls.clear()
        s3.log.clear()


def sent(s3) -> list[int]:
    return sorted(details["number"] for operation, _, details in s3.log if operation == "UploadPart")


async def test_an_upload_goes_on_with_the_parts_that_are_there(s3, session, large):
    await interrupted_upload(s3, large)
    assert sorted(next(iter(s3.uploads.values())).parts) == [1, 2, 3]
    counted = []
    await aios3.upload(large, f"{ROOT}/large", counted.append, resume=True, session=session)
    assert sent(s3) == [4, 5]
    assert s3.calls["CreateMultipartUpload"] == 0
    assert s3.objects["large"].data == large.read_bytes()
    assert sum(counted) == SIZE
    assert s3.uploads == {}


async def test_an_upload_sends_again_what_is_different_in_the_file_now(s3, session, large):
    await interrupted_upload(s3, large)
    with large.open("r+b") as file:
        file.seek(6 * MIB)
        file.write(b"changed")
    await aios3.upload(large, f"{ROOT}/large", resume=True, session=session)
    assert sent(s3) == [2, 4, 5]
    assert s3.objects["large"].data == large.read_bytes()


async def test_an_upload_of_another_file_does_not_go_on_with_its_parts(s3, session, large):
    await interrupted_upload(s3, large)
    large.write_bytes(os.urandom(SIZE))
    await aios3.upload(large, f"{ROOT}/large", resume=True, session=session)
    assert sent(s3) == [1, 2, 3, 4, 5]
    assert s3.objects["large"].data == large.read_bytes()
    assert len(s3.uploads) == 1  # somebody may still want it: abort_uploads ends it
    aborted = await aios3.abort_uploads(ROOT, 0, session=session)
    assert [upload.key for upload in aborted] == ["large"]
    assert s3.uploads == {}


async def test_parts_of_other_sizes_are_not_used(s3, large):
    await interrupted_upload(s3, large)
    async with session_on(s3, part_size=6 * MIB) as session:
        await aios3.upload(large, f"{ROOT}/large", resume=True, session=session)
    assert sent(s3) == [1, 2, 3, 4]
    assert s3.objects["large"].data == large.read_bytes()
    s3.uploads.clear()


async def test_without_resume_nothing_is_left_and_nothing_is_taken_over(s3, session, large):
    await interrupted_upload(s3, large)
    await aios3.upload(large, f"{ROOT}/large", session=session)
    assert sent(s3) == [1, 2, 3, 4, 5]
    assert s3.calls["ListMultipartUploads"] == 0
    s3.uploads.clear()


async def test_a_file_that_changed_while_it_was_uploaded_is_not_resumed(s3, session, large):
    async def meanwhile(operation, _details):
        if operation == "UploadPart":
            os.utime(large, (1, 1))

    s3.meanwhile = meanwhile
    with pytest.raises(aios3.FileChangedError):
        await aios3.upload(large, f"{ROOT}/large", resume=True, session=session)
    assert s3.uploads == {}


# download


async def interrupted_download(s3, target: Path, count: int = 20, **overrides) -> None:
    async with session_on(s3, max_concurrency=2, **overrides) as session:
        s3.faults = fail("GetObject", lambda *_: s3.calls["GetObject"] > count)
        with pytest.raises(aios3.AccessDeniedError):
            await aios3.download(f"{ROOT}/large", target, resume=True, session=session)
        s3.faults = None
        s3.calls.clear()


async def test_a_download_goes_on_with_the_bytes_that_are_there(s3, session, tmp_path):
    data = os.urandom(SIZE)
    s3.put("large", data)
    target = tmp_path / "large"
    await interrupted_download(s3, target)
    assert not target.exists()
    assert len(list(tmp_path.iterdir())) == 2
    counted = []
    await aios3.download(f"{ROOT}/large", target, counted.append, resume=True, session=session)
    assert target.read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
    assert 93 - 20 <= s3.calls["GetObject"] <= 93 - 17
    assert sum(counted) == SIZE


async def test_a_download_of_another_version_begins_anew(s3, session, tmp_path):
    s3.put("large", os.urandom(SIZE))
    await interrupted_download(s3, tmp_path / "large")
    data = os.urandom(SIZE)
    s3.put("large", data)
    await aios3.download(f"{ROOT}/large", tmp_path / "large", resume=True, session=session)
    assert (tmp_path / "large").read_bytes() == data
    assert s3.calls["GetObject"] == 93
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"etag": 1, "size": 2, "piece": 3, "done": [0]}', "\x00"])
async def test_a_record_that_makes_no_sense_is_not_trusted(s3, session, tmp_path, record):
    data = os.urandom(SIZE)
    s3.put("large", data)
    await interrupted_download(s3, tmp_path / "large")
    [path] = tmp_path.glob(".*.json")
    path.write_text(record)
    await aios3.download(f"{ROOT}/large", tmp_path / "large", resume=True, session=session)
    assert (tmp_path / "large").read_bytes() == data


async def test_the_record_is_written_while_the_download_runs(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(download_file, "_CHECKPOINT_BYTES", MIB)
    s3.put("large", os.urandom(SIZE))
    seen = []

    def recorded():
        return [json.loads(path.read_text())["done"] for path in tmp_path.glob(".*.json")]

    async def meanwhile(operation, _details):
        if operation == "GetObject" and s3.calls["GetObject"] == 40:
            seen.extend(await asyncio.to_thread(recorded))

    s3.meanwhile = meanwhile
    async with session_on(s3, max_concurrency=1) as session:
        await aios3.download(f"{ROOT}/large", tmp_path / "large", resume=True, session=session)
    assert len(seen[0]) >= 32


async def test_two_downloads_do_not_write_into_one_file(s3, session, tmp_path):
    s3.put("large", os.urandom(SIZE))

    async def meanwhile(operation, _details):
        if operation == "GetObject" and s3.calls["GetObject"] == 10:
            s3.meanwhile = None
            with pytest.raises(aios3.UnsupportedError, match="being downloaded already"):
                await aios3.download(f"{ROOT}/large", tmp_path / "large", resume=True, session=session)

    s3.meanwhile = meanwhile
    await aios3.download(f"{ROOT}/large", tmp_path / "large", resume=True, session=session)
    assert (tmp_path / "large").read_bytes() == s3.objects["large"].data
