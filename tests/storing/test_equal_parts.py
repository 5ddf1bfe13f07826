"""Servers that take only parts of one size, as Cloudflare R2 does: long uploads must not fail after all was sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3 import _session
from aios3._engine import parts
from handles.fake_s3 import SMALL, FakeS3, rejection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MIB = 1 << 20
R2 = "https://account.r2.cloudflarestorage.com"


class EqualS3(FakeS3):
    """Rejects, at the completion, parts of which one but the last has another size, or the last is larger."""

    async def complete_multipart_upload(self, url, upload_id, parts, **terms):
        sizes = [len(self.uploads[upload_id].parts[part.number]) for part in parts]
        if len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0]:
            raise rejection("CompleteMultipartUpload", url, "InvalidPart", 400)
        return await super().complete_multipart_upload(url, upload_id, parts, **terms)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> EqualS3:
    fake = EqualS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    return fake


@pytest.fixture
async def session(s3: EqualS3) -> AsyncIterator[aios3.Session]:
    async with aios3.Session(**SMALL | {"memory_budget": 64 * MIB}) as opened:
        yield opened
        assert opened.budget.used == 0
    assert s3.uploads == {}


async def copy(session: aios3.Session, _path: str) -> None:
    await aios3.copy("s3://bucket/large", "s3://bucket/new", multipart_threshold=5 * MIB, session=session)


async def upload(session: aios3.Session, path: str) -> None:
    await aios3.upload(path, "s3://bucket/new", session=session)


async def write(session: aios3.Session, _path: str) -> None:
    await aios3.write_bytes("s3://bucket/new", bytes(23 * MIB), session=session)


async def change(session: aios3.Session, _path: str) -> None:
    async with aios3.aopen("s3://bucket/large", "rb+", buffering="disk", session=session) as file:
        await file.write(b"changed")


async def append(session: aios3.Session, _path: str) -> None:
    async with aios3.aopen("s3://bucket/large", "ab", session=session) as file:
        await file.write(bytes(7 * MIB))


async def append_little(session: aios3.Session, _path: str) -> None:
    async with aios3.aopen("s3://bucket/small", "ab", session=session) as file:
        await file.write(bytes(12 * MIB))


async def concat(session: aios3.Session, _path: str) -> None:
    names = ("small", "large", "tiny", "large", "empty", "tiny")
    await aios3.concat([f"s3://bucket/{name}" for name in names], "s3://bucket/new", 5 * MIB, session=session)


async def limited(session: aios3.Session, _path: str) -> None:
    options = {"buffering": "limited", "head_size": 6 * MIB, "tail_size": 100}
    async with aios3.aopen("s3://bucket/new", "wb", session=session, **options) as file:
        await file.write(bytes(23 * MIB))


async def stream(session: aios3.Session, _path: str) -> None:
    async with aios3.aopen("s3://bucket/new", "wb", session=session) as file:
        for _ in range(8):
            await file.write(bytes(5 * MIB))
            await file.drain()


KNOWN = (copy, upload, write, change, append_little, concat)
"""The size is known, or parts do not differ, or (concat) nothing is lost by a second attempt: right on every server."""
NOT_KNOWN = (append, limited, stream)


def fill(s3: EqualS3) -> dict[str, bytes]:
    data = {"large": os.urandom(20 * MIB + 1), "small": os.urandom(100), "tiny": b"x", "empty": b""}
    for key, each in data.items():
        s3.put(key, each)
    return data


@pytest.fixture
def growing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parts of a stream grow after the fourth, as they do after the 5,000th."""
    monkeypatch.setattr(parts, "CONSTANT_SIZE_PARTS", 4)
    monkeypatch.setattr(parts, "PARTS_PER_SIZE", 1)


@pytest.fixture
def local(tmp_path) -> str:
    path = tmp_path / "file"
    path.write_bytes(bytes(23 * MIB))
    return str(path)


@pytest.mark.usefixtures("growing_early")
@pytest.mark.parametrize("verb", [*KNOWN, *NOT_KNOWN], ids=lambda verb: verb.__name__)
async def test_parts_are_equal_where_the_server_is_known(s3, session, verb, local):
    s3.url = R2
    fill(s3)
    await verb(session, local)


@pytest.mark.usefixtures("growing_early")
@pytest.mark.parametrize("verb", KNOWN, ids=lambda verb: verb.__name__)
async def test_parts_are_equal_on_every_server_where_the_size_is_known(s3, session, verb, local):
    fill(s3)
    await verb(session, local)


@pytest.mark.usefixtures("growing_early")
@pytest.mark.parametrize("verb", NOT_KNOWN, ids=lambda verb: verb.__name__)
async def test_a_rejection_is_named_publishes_nothing_and_is_remembered(s3, session, verb, local):
    data = fill(s3)
    with pytest.raises(aios3.UnsupportedError, match="parts of different sizes"):
        await verb(session, local)
    assert {key: stored.data for key, stored in s3.objects.items()} == data
    await verb(session, local)


async def test_the_bytes_are_right(s3, session):
    s3.url = R2
    data = fill(s3)
    await append(session, "")
    assert s3.objects["large"].data == data["large"] + bytes(7 * MIB)
    large = s3.objects["large"].data
    await concat(session, "")
    assert s3.objects["new"].data == data["small"] + large + b"x" + large + b"x"
    copied = [details for operation, _, details in s3.log if operation == "UploadPartCopy"]
    assert {details["stop"] - details["start"] for details in copied} == {5 * MIB}


async def test_a_stream_that_needs_too_many_equal_parts_says_so(s3, session, monkeypatch):
    monkeypatch.setattr(parts, "CONSTANT_SIZE_PARTS", 4)
    monkeypatch.setattr(parts, "MAX_PARTS", 6)
    s3.url = R2
    with pytest.raises(aios3.UnsupportedError, match="use a larger part_size"):
        await stream(session, "")
    assert s3.objects == {}
