"""The open files of a storage by themselves: what they show and reject, and who meets whom in a first write."""

from __future__ import annotations

import asyncio
import io

import pytest

import aios3
import aios3.sync
from aios3._storage.counted_copies import copy_with_progress
from aios3._storage.files import AsyncStorageWriter
from trees.tree_s3 import ROOT


@pytest.fixture
def storage(session):
    return aios3.Storage(f"{ROOT}/p", session=session)


async def test_a_file_shows_what_it_is(storage, s3):
    s3.put("p/x", b"data")
    async with storage.open("x") as reader:
        assert (reader.name, repr(reader)) == (f"{ROOT}/p/x", f"<aios3.AsyncStorageReader {ROOT}/p/x>")
    assert repr(reader) == f"<aios3.AsyncStorageReader {ROOT}/p/x closed>"
    async with storage.open("y", "w") as writer:
        assert (writer.name, repr(writer)) == (f"{ROOT}/p/y", f"<aios3.AsyncStorageWriter {ROOT}/p/y>")
    assert repr(writer) == f"<aios3.AsyncStorageWriter {ROOT}/p/y closed>"


def test_a_blocking_file_shows_what_it_is(aios3_server, aios3_bucket):
    with aios3.sync.Session(**aios3_server.config) as session:
        storage = aios3.sync.Storage(f"{aios3_bucket}/p", session=session)
        with storage.open("x", "w") as writer:
            assert repr(writer) == f"<aios3.sync.StorageWriter {aios3_bucket}/p/x>"
            with pytest.raises(aios3.ClosedHandleError, match="close it first"):
                _ = writer.result
            writer.write(b"data")
        assert repr(writer) == f"<aios3.sync.StorageWriter {aios3_bucket}/p/x closed>"
        assert (writer.name, writer.result.size) == (f"{aios3_bucket}/p/x", 4)
        with storage.open("x") as reader:
            assert repr(reader) == f"<aios3.sync.StorageReader {aios3_bucket}/p/x>"
            assert (reader.name, list(reader)) == (f"{aios3_bucket}/p/x", [b"data"])
            with pytest.raises(aios3.ConfigError, match="chunk_size"):
                reader.iter_chunks(0)
        assert repr(reader) == f"<aios3.sync.StorageReader {aios3_bucket}/p/x closed>"


async def test_a_file_is_iterated_in_chunks(storage, s3):
    s3.put("p/x", bytes(6 << 20))
    async with storage.open("x") as reader:
        assert [len(chunk) async for chunk in reader] == [5 << 20, 1 << 20]
        with pytest.raises(aios3.ConfigError, match="chunk_size"):
            await anext(reader.iter_chunks(0))


async def test_a_result_is_known_when_the_file_is_closed(storage):
    async with storage.open("x", "w") as writer:
        for data in (b"", b"data"):
            await writer.write(data)
            with pytest.raises(aios3.ClosedHandleError):
                _ = writer.result
    assert writer.result.size == 4
    async with storage.open("x", "w") as aborted:
        await aborted.write(b"data")
        await aborted.abort()
    with pytest.raises(aios3.ClosedHandleError):
        _ = aborted.result


class Door:
    """An opening that takes until it is let through."""

    def __init__(self):
        self.let, self.asked, self.aborted = asyncio.Event(), asyncio.Event(), False

    async def opened(self):
        self.asked.set()
        await self.let.wait()
        return self

    async def abort(self):
        self.aborted = True


async def test_a_file_that_is_aborted_while_it_begins_is_not_started():
    door = Door()
    writer = AsyncStorageWriter(door, "s3://bucket/x")
    write = asyncio.ensure_future(writer.write(b"data"))
    await door.asked.wait()
    await writer.abort()
    door.let.set()
    with pytest.raises(aios3.ClosedHandleError):
        await write
    assert door.aborted


async def test_a_file_object_that_is_async_is_written_to(storage, s3):
    s3.put("p/x", b"data")
    taken = []

    class Target:
        async def write(self, data):
            taken.append(bytes(data))

    assert await storage.download("x", Target()) == 4
    assert b"".join(taken) == b"data"


async def test_a_full_pipe_that_does_not_wait_is_rejected(storage, s3):
    s3.put("p/x", b"data")

    class Full(io.RawIOBase):
        def write(self, data):
            return None

    with pytest.raises(aios3.ConfigError, match="non-blocking"):
        await storage.download("x", Full())


async def test_a_file_object_that_says_nothing_has_taken_all(storage, s3):
    s3.put("p/x", b"data")
    taken = []

    class Silent:
        def write(self, data):
            taken.append(data)

    async with aios3.aopen(f"{ROOT}/p/x", session=storage.session) as reader:
        assert await copy_with_progress(reader, Silent(), None) == 4
    assert taken == [b"data"]


async def test_a_copy_stops_where_everything_fails(s3, session, at_once):
    for number in range(5000):
        s3.put(f"p/{number:05}", b"")

    def faults(operation, url, _details):
        if operation == "CopyObject":
            raise aios3.AccessDeniedError("no", path=str(url))

    s3.faults = faults
    ours, theirs = aios3.Volume("bucket", "p", session=session), aios3.Volume("bucket", "q", session=session)
    with pytest.raises(aios3.PartialFailureError, match="where it stopped") as caught:
        await ours.copy(None, theirs)
    assert len(caught.value.failures) < 1000 + session.config.max_concurrency
    assert s3.calls["CopyObject"] < 1000 + session.config.max_concurrency


def test_a_blocking_file_that_another_thread_aborts_during_opening_is_aborted():
    aborted = []

    class Opened:
        def abort(self):
            aborted.append(self)

    def begin():
        writer.abort()  # what another thread does just now
        return Opened()

    writer = aios3.sync.StorageWriter(begin, "s3://b/k")
    with pytest.raises(aios3.ClosedHandleError):
        writer.write(b"data")
    assert len(aborted) == 1
