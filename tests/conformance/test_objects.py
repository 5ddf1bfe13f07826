"""One object at a time: read, write, copy, remove."""

from __future__ import annotations

import pytest

import aios3
from conformance.data import payload


async def test_bytes_there_and_back(surface, bucket, admin):
    result = await surface.write_bytes(f"{bucket}/x", payload(100_000))
    assert result.size == 100_000
    assert result.etag == admin.etag(f"{bucket}/x")
    assert await surface.read_bytes(f"{bucket}/x") == payload(100_000)


async def test_text_there_and_back(surface, bucket, admin):
    await surface.write_text(f"{bucket}/x", "grüße\n\U0001f600", encoding="utf-16")
    assert admin.get(f"{bucket}/x") == "grüße\n\U0001f600".encode("utf-16")
    assert await surface.read_text(f"{bucket}/x", encoding="utf-16") == "grüße\n\U0001f600"


async def test_removes_an_object(surface, bucket, admin):
    admin.put(f"{bucket}/x")
    await surface.remove(f"{bucket}/x")
    assert not admin.exists(f"{bucket}/x")


async def test_removing_nothing_is_an_error_unless_allowed(surface, bucket):
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.remove(f"{bucket}/none")
    await surface.remove(f"{bucket}/none", missing_ok=True)


async def test_copies_with_its_description(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"data", ContentType="text/x-test", Metadata={"colour": "red"})
    await surface.copy(f"{bucket}/x", f"{bucket}/y")
    assert admin.get(f"{bucket}/y") == b"data"
    copied = await surface.stat(f"{bucket}/y")
    assert copied.content_type == "text/x-test"
    assert copied.metadata["colour"] == "red"  # rclone adds a time of its own


async def test_copying_nothing_is_an_error(surface, bucket, admin):
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.copy(f"{bucket}/none", f"{bucket}/y")
    assert admin.keys(bucket) == []
