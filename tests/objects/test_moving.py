"""Copying with conditions, and moving: what fails leaves the source, and what was in the way unless it was to go."""

from __future__ import annotations

import asyncio
import os

import pytest

import aios3
from aios3._adapting_backend import AdaptingBackend
from aios3.errors import from_response

MIB = 1 << 20
MOVES = pytest.mark.parametrize("verb", [aios3.rename, aios3.move], ids=["rename", "move"])


@pytest.fixture
async def source(aios3_bucket, aios3_session) -> str:
    path = f"{aios3_bucket}/source"
    await aios3.write_bytes(
        path, b"data", session=aios3_session, metadata={"colour": "red"}, tags={"a": "1"}, storage_class="STANDARD_IA"
    )
    return path


async def kept(path, session) -> tuple:
    stat = await aios3.stat(path, session=session)
    tags = await (await session.admin(aios3.S3Url.parse(path))).get_tags(aios3.S3Url.parse(path))
    return await aios3.read_bytes(path, session=session), dict(stat.metadata), stat.storage_class, tags


KEPT = (b"data", {"colour": "red"}, "STANDARD_IA", {"a": "1"})


async def test_a_copy_carries_metadata_tags_and_storage_class(aios3_bucket, aios3_session, source, requests):
    calls = []
    result = await aios3.copy(source, f"{aios3_bucket}/target", calls.append, session=aios3_session)
    assert requests == ["HEAD source", "PUT target"]
    assert calls == [4]
    assert result.size == 4
    assert await kept(f"{aios3_bucket}/target", aios3_session) == KEPT


async def test_a_copy_in_parts_carries_them_too(aios3_bucket, aios3_session, requests):
    data = os.urandom(12 * MIB)
    path, target = f"{aios3_bucket}/large", f"{aios3_bucket}/target"
    await aios3.write_bytes(
        path, data, session=aios3_session, metadata={"colour": "red"}, tags={"a": "1"}, storage_class="STANDARD_IA"
    )
    requests.clear()
    calls = []
    result = await aios3.copy(path, target, calls.append, multipart_threshold=5 * MIB, session=aios3_session)
    assert sum(calls) == result.size == len(data)
    assert calls.count(5 * MIB) == 2  # parts are at least 5 MiB, and all but the last have one size
    assert not any(request.startswith("GET") and "tagging" not in request for request in requests)
    assert await kept(target, aios3_session) == (data, *KEPT[1:])


async def test_a_copy_between_profiles_carries_them_too(aios3_bucket, aios3_session, source, other_profile):
    calls = []
    target = f"{aios3_bucket}/target".replace("s3://", other_profile)
    await aios3.copy(source, target, calls.append, session=aios3_session)
    assert sum(calls) == 4
    assert await kept(f"{aios3_bucket}/target", aios3_session) == KEPT


async def test_a_copy_between_sessions_is_streamed(aios3_bucket, aios3_session, source, requests):
    credentials = aios3.Credentials("another", "key")
    async with aios3.Session(aios3_session.config, credentials=credentials) as other:
        await aios3.copy(source, f"{aios3_bucket}/target", target_session=other, session=aios3_session)
        assert requests == ["GET source", "GET source?tagging", "PUT target"]
        assert other.budget.used == 0
    assert await kept(f"{aios3_bucket}/target", aios3_session) == KEPT


async def test_a_copy_between_sessions_of_the_same_settings_stays_inside_s3(
    aios3_bucket, aios3_session, source, requests
):
    async with aios3.Session(aios3_session.config, max_concurrency=3) as other:
        await aios3.copy(source, f"{aios3_bucket}/target", target_session=other, session=aios3_session)
        with pytest.raises(aios3.InvalidPathError):
            await aios3.copy(source, source, target_session=other, session=aios3_session)
    assert requests == ["HEAD source", "PUT target"]


async def test_a_link_is_copied_as_one_or_followed(aios3_bucket, aios3_session, source):
    link = f"{aios3_bucket}/link"
    await aios3.symlink(source, link, session=aios3_session)
    await aios3.copy(link, f"{aios3_bucket}/still a link", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/still a link", session=aios3_session) == source
    await aios3.copy(link, f"{aios3_bucket}/target", followlinks=True, session=aios3_session)
    assert await kept(f"{aios3_bucket}/target", aios3_session) == KEPT
    with pytest.raises(aios3.InvalidPathError, match="onto itself"):
        await aios3.copy(link, source, followlinks=True, session=aios3_session)
    assert await kept(source, aios3_session) == KEPT


@pytest.mark.parametrize("there", [True, False])
async def test_a_copy_that_may_not_overwrite(aios3_bucket, aios3_session, source, requests, there):
    target = f"{aios3_bucket}/target"
    if there:
        await aios3.write_bytes(target, b"old", session=aios3_session)
        requests.clear()
        with pytest.raises(aios3.ObjectExistsError) as caught:
            await aios3.copy(source, target, overwrite=False, session=aios3_session)
        assert caught.value.filename == target
        assert requests == ["HEAD target"]
        assert await aios3.read_bytes(target, session=aios3_session) == b"old"
    else:
        await aios3.copy(source, target, overwrite=False, session=aios3_session)
        assert await kept(target, aios3_session) == KEPT


async def test_overwrite_false_sends_a_precondition(aios3_bucket, aios3_session, source, monkeypatch):
    """Somebody else may write the target between the look and the copy: S3 decides, with If-None-Match."""
    asked = []
    copy_object = AdaptingBackend.copy_object

    async def look(self, *args, **kwargs):
        asked.append(kwargs["terms"])
        return await copy_object(self, *args, **kwargs)

    monkeypatch.setattr(AdaptingBackend, "copy_object", look)
    await aios3.copy(source, f"{aios3_bucket}/target", overwrite=False, session=aios3_session)
    assert asked[0].condition.if_absent
    assert asked[0].if_match == (await aios3.stat(source, session=aios3_session)).etag


@pytest.mark.parametrize("size", [1, 5 * MIB - 1, 6 << 30])
async def test_a_threshold_that_s3_does_not_allow(aios3_bucket, aios3_session, requests, size):
    with pytest.raises(aios3.ConfigError):
        await aios3.copy(f"{aios3_bucket}/a", f"{aios3_bucket}/b", multipart_threshold=size, session=aios3_session)
    assert requests == []


@MOVES
async def test_moves_an_object(aios3_bucket, aios3_session, source, requests, verb):
    await verb(source, f"{aios3_bucket}/target", session=aios3_session)
    # The second look is for servers that ignore If-Match of a deletion.
    assert requests == ["HEAD source", "PUT target", "HEAD source", "DELETE source"]
    assert await kept(f"{aios3_bucket}/target", aios3_session) == KEPT
    assert not await aios3.exists(source, session=aios3_session)


@MOVES
async def test_rename_and_move_without_overwrite_keep_the_source(aios3_bucket, aios3_session, source, verb):
    """Decided: ``rename/move(overwrite=False)`` onto an existing file; megfile deletes the source."""
    target = f"{aios3_bucket}/target"
    await aios3.write_bytes(target, b"old", session=aios3_session)
    with pytest.raises(FileExistsError):
        await verb(source, target, overwrite=False, session=aios3_session)
    assert await kept(source, aios3_session) == KEPT
    assert await aios3.read_bytes(target, session=aios3_session) == b"old"


@MOVES
async def test_a_move_onto_itself_is_rejected_before_anything_is_touched(
    aios3_bucket, aios3_session, source, requests, verb
):
    """Decided: ``rename(dir, dir)`` or into its own child; megfile destroys the data."""
    with pytest.raises(aios3.InvalidPathError, match="the same place"):
        await verb(source, source, session=aios3_session)
    assert requests == []
    assert await kept(source, aios3_session) == KEPT


@MOVES
async def test_a_move_that_fails_leaves_the_source(aios3_bucket, aios3_session, source, verb, monkeypatch):
    async def reject(_self, _old, new, **_kwargs):
        raise from_response(operation="CopyObject", path=str(new), code="AccessDenied", status=403)

    monkeypatch.setattr(AdaptingBackend, "copy_object", reject)
    with pytest.raises(aios3.AccessDeniedError):
        await verb(source, f"{aios3_bucket}/target", session=aios3_session)
    assert await kept(source, aios3_session) == KEPT
    assert not await aios3.exists(f"{aios3_bucket}/target", session=aios3_session)


async def test_a_source_that_cannot_be_removed_is_named_in_the_error(aios3_bucket, aios3_session, source, monkeypatch):
    async def reject(_self, url, _version=None, **_conditions):
        raise from_response(operation="DeleteObject", path=str(url), code="AccessDenied", status=403)

    monkeypatch.setattr(AdaptingBackend, "delete_object", reject)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.rename(source, f"{aios3_bucket}/target", session=aios3_session)
    assert caught.value.completed == {"copied": 1, "deleted": 0}
    assert isinstance(caught.value.failures[source], aios3.AccessDeniedError)


@MOVES
async def test_a_link_is_moved_itself(aios3_bucket, aios3_session, source, verb):
    await aios3.symlink(source, f"{aios3_bucket}/link", session=aios3_session)
    await verb(f"{aios3_bucket}/link", f"{aios3_bucket}/moved", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/moved", session=aios3_session) == source
    assert await kept(source, aios3_session) == KEPT


async def test_a_link_that_is_streamed_to_another_profile_leads_to_the_same_object(
    aios3_bucket, aios3_session, source, other_profile
):
    there = aios3_bucket.replace("s3://", other_profile)
    async with aios3.Session(endpoint_url=aios3_session.config.endpoint_url) as session:
        await aios3.symlink(f"{there}/source", f"{there}/link", session=session)
    await aios3.copy(f"{there}/link", f"{aios3_bucket}/copy", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/copy", session=aios3_session) == f"{there}/source"


@MOVES
async def test_what_is_not_there_is_not_moved(aios3_bucket, aios3_session, verb):
    with pytest.raises(aios3.ObjectNotFoundError):
        await verb(f"{aios3_bucket}/none", f"{aios3_bucket}/target", session=aios3_session)


@pytest.mark.parametrize("kind", ["in parts", "streamed"])
async def test_a_copy_that_is_cancelled_leaves_nothing(aios3_bucket, aios3_session, monkeypatch, kind):
    source, target = f"{aios3_bucket}/large", f"{aios3_bucket}/target"
    await aios3.write_bytes(source, bytes(12 * MIB), session=aios3_session)
    started = asyncio.Event()

    async def never(*_args, **_kwargs):
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(AdaptingBackend, "upload_part_copy" if kind == "in parts" else "upload_part", never)
    async with aios3.Session(aios3_session.config, region="eu-west-1") as other:
        to = other if kind == "streamed" else aios3_session
        copying = asyncio.create_task(
            aios3.copy(source, target, multipart_threshold=5 * MIB, target_session=to, session=aios3_session)
        )
        await started.wait()
        copying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copying
        client = await aios3.get_s3_client(session=aios3_session)
        bucket = aios3_bucket.removeprefix("s3://")
        assert "Uploads" not in await client.list_multipart_uploads(Bucket=bucket)
        assert not await aios3.exists(target, session=aios3_session)
        for session in (aios3_session, other):
            assert (session.tasks.active, session.budget.used, session.budget.waiting) == (0, 0, 0)


async def test_a_callback_that_fails_leaves_nothing(aios3_bucket, aios3_session):
    source, target = f"{aios3_bucket}/large", f"{aios3_bucket}/target"
    await aios3.write_bytes(source, bytes(12 * MIB), session=aios3_session)

    def fail(_count):
        raise ZeroDivisionError

    async with aios3.Session(aios3_session.config, region="eu-west-1") as other:
        for to in (aios3_session, other):
            with pytest.raises(ZeroDivisionError):
                await aios3.copy(
                    source, target, fail, multipart_threshold=5 * MIB, target_session=to, session=aios3_session
                )
            assert not await aios3.exists(target, session=aios3_session)
            assert to.budget.used == 0
    client = await aios3.get_s3_client(session=aios3_session)
    assert "Uploads" not in await client.list_multipart_uploads(Bucket=aios3_bucket.removeprefix("s3://"))
