"""Writing objects: small, large, text, exclusively, by comparison, appending; and nothing at all after a failure."""

from __future__ import annotations

import asyncio

import pytest

import aios3
from conformance.data import MIB, payload

LARGE = 12 * MIB + 345
"""Three parts of the surface's 5 MiB."""


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


@pytest.mark.parametrize("size", [0, 1, 100_000])
async def test_writes_a_small_object(surface, bucket, admin, size):
    async with surface.open(f"{bucket}/small", "wb") as f:
        assert await f.write(payload(size)) == size
        assert await f.tell() == size
    assert admin.get(f"{bucket}/small") == payload(size)


async def test_writes_an_object_of_many_parts(surface, bucket, admin):
    data = payload(LARGE)
    async with surface.open(f"{bucket}/large", "wb") as f:
        for start in range(0, LARGE, 1_000_000):
            await f.write(data[start : start + 1_000_000])
        assert not admin.exists(f"{bucket}/large")
    assert admin.get(f"{bucket}/large") == data


async def test_writes_many_parts_at_once(surface, bucket, admin):
    async with surface.open(f"{bucket}/large", "wb") as f:
        await f.write(memoryview(bytearray(payload(LARGE))))
    assert admin.get(f"{bucket}/large") == payload(LARGE)


async def test_a_write_replaces_the_object(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"something longer")
    async with surface.open(f"{bucket}/x", "wb") as f:
        await f.write(b"new")
    assert admin.get(f"{bucket}/x") == b"new"


async def test_writes_text(surface, bucket, admin):
    async with surface.open(f"{bucket}/text", "w", encoding="utf-16", newline="\r\n") as f:
        await f.write("grüße\n")
        await f.write("\U0001f600")
    assert admin.get(f"{bucket}/text") == "grüße\r\n\U0001f600".encode("utf-16")


@pytest.mark.parametrize("size", [10, LARGE])
async def test_an_exception_publishes_nothing(surface, bucket, admin, size):
    with pytest.raises(MishapError):
        async with surface.open(f"{bucket}/x", "wb") as f:
            await f.write(payload(size))
            raise MishapError
    assert not admin.exists(f"{bucket}/x")
    assert admin.uploads(bucket) == []


async def test_an_exception_in_text_publishes_nothing(surface, bucket, admin):
    with pytest.raises(MishapError):
        async with surface.open(f"{bucket}/x", "w") as f:
            await f.write("text" * 2 * MIB)
            raise MishapError
    assert not admin.exists(f"{bucket}/x")
    assert admin.uploads(bucket) == []


async def test_a_failed_write_keeps_the_old_object(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"old")
    with pytest.raises(MishapError):
        async with surface.open(f"{bucket}/x", "wb") as f:
            await f.write(payload(LARGE))
            raise MishapError
    assert admin.get(f"{bucket}/x") == b"old"


@pytest.mark.parametrize("size", [10, LARGE])
async def test_abort_publishes_nothing(session, bucket, admin, size, no_leaks):
    f = await aios3.aopen(f"{bucket}/x", "wb", session=session)
    await f.write(payload(size))
    await f.abort()
    await f.abort()
    await f.aclose()
    assert not admin.exists(f"{bucket}/x")
    with pytest.raises(aios3.ClosedHandleError):
        await f.write(b"more")


async def test_a_cancelled_write_publishes_nothing(session, bucket, admin, no_leaks):
    writing = asyncio.Event()

    async def write() -> None:
        async with aios3.aopen(f"{bucket}/x", "wb", session=session) as f:
            await f.write(payload(LARGE))
            writing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not admin.exists(f"{bucket}/x")


@pytest.mark.parametrize("size", [10, LARGE])
async def test_the_result_is_what_the_server_has(session, bucket, admin, size, no_leaks):
    async with aios3.aopen(f"{bucket}/x", "wb", session=session) as f:
        await f.write(payload(size))
        with pytest.raises(aios3.ClosedHandleError):
            _ = f.result
    assert f.result.size == size
    assert (await aios3.stat(f"{bucket}/x", session=session)).size == size
    if size == 10:
        assert f.result.etag == admin.etag(f"{bucket}/x")


async def test_stores_what_describes_the_object(surface, bucket, admin):
    options = {"content_type": "text/x-test", "cache_control": "no-store", "metadata": {"colour": "red", "two": "2"}}
    async with surface.open(f"{bucket}/described", "wb", **options) as f:
        await f.write(b"x")
    head = admin.head(f"{bucket}/described")
    assert head["ContentType"] == "text/x-test"
    assert head["CacheControl"] == "no-store"
    described = await surface.stat(f"{bucket}/described")
    assert described.content_type == "text/x-test"
    assert dict(described.metadata) == {"colour": "red", "two": "2"}


async def test_a_large_object_is_described_as_well(surface, bucket):
    async with surface.open(f"{bucket}/large", "wb", content_type="text/x-test", metadata={"colour": "red"}) as f:
        await f.write(payload(LARGE))
    described = await surface.stat(f"{bucket}/large")
    assert (described.size, described.content_type) == (LARGE, "text/x-test")
    assert dict(described.metadata) == {"colour": "red"}


async def test_the_content_type_follows_from_the_key(surface, bucket, admin):
    await surface.write_bytes(f"{bucket}/page.html", b"<p>")
    assert admin.head(f"{bucket}/page.html")["ContentType"] == "text/html"


@pytest.mark.parametrize("size", [10, LARGE])
async def test_exclusive_creation_keeps_what_is_there(surface, bucket, admin, size):
    async with surface.open(f"{bucket}/x", "xb") as f:
        await f.write(payload(size))
    with pytest.raises(aios3.ObjectExistsError):
        async with surface.open(f"{bucket}/x", "xb") as f:
            await f.write(payload(size, seed=1))
    assert admin.get(f"{bucket}/x") == payload(size)


@pytest.mark.parametrize(
    ("size", "writers"),
    [
        pytest.param(10, 8, marks=pytest.mark.needs("create_once"), id="put"),
        pytest.param(6 * MIB, 3, marks=pytest.mark.needs("complete_once"), id="multipart"),
    ],
)
async def test_of_many_that_create_one_wins(surface, bucket, admin, size, writers):
    async def create(number: int) -> bool:
        try:
            async with surface.open(f"{bucket}/x", "xb") as f:
                await f.write(payload(size, number))
        except aios3.ObjectExistsError:
            return False
        return True

    won = await asyncio.gather(*map(create, range(writers)))
    assert won.count(True) == 1
    assert admin.get(f"{bucket}/x") == payload(size, won.index(True))


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(10, marks=pytest.mark.needs("put_if_match"), id="put"),
        pytest.param(LARGE, marks=pytest.mark.needs("complete_if_match"), id="multipart"),
    ],
)
async def test_a_write_compares_and_swaps(surface, bucket, admin, size):
    etag = admin.put(f"{bucket}/x", b"old")
    async with surface.open(f"{bucket}/x", "wb", if_match=etag) as f:
        await f.write(payload(size))
    with pytest.raises(aios3.ObjectChangedError):
        async with surface.open(f"{bucket}/x", "wb", if_match=etag) as f:
            await f.write(payload(size, seed=1))
    assert admin.get(f"{bucket}/x") == payload(size)


@pytest.mark.parametrize("mode", ["xb", "xb+", "ab", "ab+", "rb+", "wb"])
@pytest.mark.parametrize("size", [10, LARGE])
async def test_what_another_client_writes_before_the_close_is_never_replaced(surface, bucket, admin, mode, size):
    """Servers may ignore conditions, so they are asked directly before the write."""
    path, options = f"{bucket}/k", {}
    if "x" not in mode:
        etag = admin.put(path, b"old")
        options = {"if_match": etag} if mode == "wb" else {}
    error = aios3.ObjectExistsError if "x" in mode else aios3.ObjectChangedError
    with pytest.raises(error):
        async with surface.open(path, mode, **options) as f:
            await f.write(payload(size))
            admin.put(path, b"another's")
    assert admin.get(path) == b"another's"


@pytest.mark.parametrize("mode", ["ab", "rb+", "wb"])
async def test_what_another_client_removes_before_the_close_is_not_written_again(surface, bucket, admin, mode):
    path = f"{bucket}/k"
    etag = admin.put(path, b"old")
    options = {"if_match": etag} if mode == "wb" else {}
    error = aios3.ObjectNotFoundError if mode == "wb" else aios3.ObjectChangedError
    with pytest.raises(error):
        async with surface.open(path, mode, **options) as f:
            await f.write(b"new")
            admin.delete(path)
    assert not admin.exists(path)


async def test_appends_to_a_small_object(surface, bucket, admin):
    admin.put(f"{bucket}/log", b"one\n")
    async with surface.open(f"{bucket}/log", "ab") as f:
        assert await f.tell() == 4
        await f.write(b"two\n")
    assert admin.get(f"{bucket}/log") == b"one\ntwo\n"


async def test_appending_to_nothing_creates(surface, bucket, admin):
    async with surface.open(f"{bucket}/log", "ab") as f:
        await f.write(b"one\n")
    assert admin.get(f"{bucket}/log") == b"one\n"


@pytest.mark.needs("part_copy", "parts_of_any_size")
async def test_appends_to_a_large_object(surface, bucket, admin):
    admin.put(f"{bucket}/log", payload(6 * MIB))
    async with surface.open(f"{bucket}/log", "ab") as f:
        await f.write(payload(6 * MIB, seed=1))
    assert admin.get(f"{bucket}/log") == payload(6 * MIB) + payload(6 * MIB, seed=1)


async def test_appends_text(surface, bucket, admin):
    admin.put(f"{bucket}/log", "eins ä\n".encode())
    async with surface.open(f"{bucket}/log", "a", encoding="utf-8") as f:
        await f.write("zwei ö\n")
    assert admin.get(f"{bucket}/log").decode() == "eins ä\nzwei ö\n"


async def test_a_failed_append_keeps_the_old_object(surface, bucket, admin):
    admin.put(f"{bucket}/log", b"one\n")
    with pytest.raises(MishapError):
        async with surface.open(f"{bucket}/log", "ab") as f:
            await f.write(payload(LARGE))
            raise MishapError
    assert admin.get(f"{bucket}/log") == b"one\n"


async def test_writes_from_an_iterable(session, bucket, admin, no_leaks):
    async def pieces():
        for seed in range(6):
            yield payload(MIB, seed)

    async with aios3.aopen(f"{bucket}/x", "wb", session=session) as f:
        assert await f.write_from(pieces()) == 6 * MIB
    assert admin.get(f"{bucket}/x") == b"".join(payload(MIB, seed) for seed in range(6))


@pytest.mark.needs("tags")
async def test_stores_tags(surface, bucket, admin):
    await surface.write_bytes(f"{bucket}/x", b"x", tags={"team": "a b", "c+d": "e=f"})
    assert admin.tags(f"{bucket}/x") == {"team": "a b", "c+d": "e=f"}
