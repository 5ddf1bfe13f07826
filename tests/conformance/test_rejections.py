"""What must fail: wrong names, wrong credentials, other people's buckets; with the class and fields that say why."""

from __future__ import annotations

import errno

import pytest

import aios3
from surfaces import AsyncSurface, SyncSurface


@pytest.fixture(params=[AsyncSurface, SyncSurface], ids=["async", "sync"])
async def as_user(request, server):
    """Make a surface with other credentials."""
    opened = []

    def make(access_key, secret_key):
        surface = request.param(**server.config_of(access_key, secret_key))
        opened.append(surface)
        return surface

    yield make
    for surface in opened:
        await surface.aclose()


async def test_a_missing_key(surface, bucket):
    path = f"{bucket}/none"
    with pytest.raises(FileNotFoundError) as caught:
        async with surface.open(path):
            pass
    assert isinstance(caught.value, aios3.ObjectNotFoundError)
    assert not isinstance(caught.value, aios3.BucketNotFoundError)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, path)
    for failing in (surface.stat(path), surface.read_bytes(path), surface.getsize(path)):
        with pytest.raises(aios3.ObjectNotFoundError):
            await failing


async def test_a_missing_bucket(surface, bucket):
    path = f"{bucket}-none/key"
    for failing in (surface.read_bytes(path), surface.write_bytes(path, b"x")):
        with pytest.raises(aios3.BucketNotFoundError) as caught:
            await failing
        assert caught.value.code == "NoSuchBucket"
    with pytest.raises(aios3.ObjectNotFoundError):
        async with surface.open(path, "wb") as f:
            await f.write(b"x" * (6 << 20))


async def test_listing_what_is_not_there(surface, bucket):
    with pytest.raises(aios3.ObjectNotFoundError):
        await surface.listdir(f"{bucket}/none")
    assert [path async for path in surface.scan(f"{bucket}/none")] == []
    with pytest.raises(aios3.ObjectNotFoundError):
        _ = [path async for path in surface.scan(f"{bucket}/none", missing_ok=False)]


async def test_a_directory_is_no_file(surface, bucket, admin):
    admin.put(f"{bucket}/dir/x")
    for path in (bucket, f"{bucket}/dir/"):
        with pytest.raises(IsADirectoryError):
            await surface.read_bytes(path)
        with pytest.raises(IsADirectoryError):
            async with surface.open(path, "wb"):
                pass


@pytest.mark.needs("signatures")
async def test_a_wrong_secret(as_user, server, bucket, admin):
    admin.put(f"{bucket}/x", b"secret")
    surface = as_user(server.access_key, "wrong-secret")
    for failing in (
        surface.read_bytes(f"{bucket}/x"),
        surface.write_bytes(f"{bucket}/y", b"x"),
        surface.listdir(bucket),
    ):
        with pytest.raises(PermissionError) as caught:
            await failing
        assert isinstance(caught.value, aios3.CredentialsError)
    assert admin.keys(bucket) == ["x"]


@pytest.mark.needs("signatures")
async def test_an_unknown_user(as_user, bucket, admin):
    admin.put(f"{bucket}/x", b"secret")
    with pytest.raises(PermissionError):
        await as_user("AKIANOBODY", "secret").read_bytes(f"{bucket}/x")


@pytest.mark.needs("two_users")
async def test_another_users_bucket(as_user, server, bucket, admin):
    admin.put(f"{bucket}/x", b"secret")
    surface = as_user(*server.other)
    rejected = (PermissionError, FileNotFoundError)  # Swift's buckets are only visible in their own account
    for failing in (surface.read_bytes(f"{bucket}/x"), surface.write_bytes(f"{bucket}/x", b"mine")):
        with pytest.raises(rejected):
            await failing
    assert not await surface.access(f"{bucket}/x")
    assert admin.get(f"{bucket}/x") == b"secret"
