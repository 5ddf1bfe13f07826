"""Keys are kept byte for byte: written, listed, read and removed under the name they were given."""

from __future__ import annotations

import pytest

from conformance.data import PATH_LIKE_KEYS, PLAIN_KEYS

KEYS = [
    *(pytest.param(key, id=ascii(key)) for key in PLAIN_KEYS),
    *(pytest.param(key, id=ascii(key[:20]), marks=pytest.mark.needs("any_key")) for key in PATH_LIKE_KEYS),
]


@pytest.mark.parametrize("key", KEYS)
async def test_a_key_is_kept(surface, bucket, admin, key):
    path = f"{bucket}/{key}"
    await surface.write_bytes(path, key.encode())
    assert admin.keys(bucket) == [key]
    assert admin.get(path) == key.encode()
    assert [found async for found in surface.scan(bucket)] == [path]
    assert await surface.read_bytes(path) == key.encode()
    assert (await surface.stat(path)).size == len(key.encode())
    await surface.remove(path)
    assert admin.keys(bucket) == []


async def test_many_odd_keys_are_listed_in_order_of_their_bytes(surface, bucket, admin):
    for key in PLAIN_KEYS:
        admin.put(f"{bucket}/{key}")
    listed = [path async for path in surface.scan(f"{bucket}/")]
    assert listed == [f"{bucket}/{key}" for key in sorted(PLAIN_KEYS, key=str.encode)]


@pytest.mark.parametrize(
    "key", ["plus+ and %2F?#", "ünï/\U0001f600", pytest.param("a//b", marks=pytest.mark.needs("any_key"))]
)
async def test_an_odd_key_can_be_copied(surface, bucket, admin, key):
    admin.put(f"{bucket}/{key}", b"data")
    await surface.copy(f"{bucket}/{key}", f"{bucket}/copy of {key}")
    assert admin.get(f"{bucket}/copy of {key}") == b"data"
