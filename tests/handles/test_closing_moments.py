"""Closing at odd moments: nothing stays reserved, and a closed file says so before it looks at anything else."""

from __future__ import annotations

import asyncio
import io

import pytest

import aios3
from aios3._handles import resumable_get
from aios3.errors import ChecksumMismatchError, ClosedHandleError

URL = aios3.S3Url.parse("s3://bucket/key.bin")
DATA = b"0123456789" * 100


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("buffering", ["memory", "disk"])
async def test_a_close_whose_tasks_are_all_cancelled_gives_the_memory_back(s3, memory_session, buffering, turns):
    s3.put("key.bin", DATA)
    file = await aios3.aopen(URL, buffering=buffering, session=memory_session)
    closing = asyncio.create_task(file.aclose())
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await file.aclose()
    await memory_session.tasks.join()
    assert memory_session.budget.used == 0


@pytest.mark.parametrize("join", [False, True])
async def test_a_closed_pipe_writer_takes_nothing_of_a_source(s3, memory_session, join):
    file = await aios3.aopen(URL, "wb", buffering="pipe", join=join, session=memory_session)
    await file.write(b"x")
    await file.aclose()
    source = io.BytesIO(DATA)
    with pytest.raises(ClosedHandleError):
        await file.write_from(source)
    assert source.tell() == 0
    with pytest.raises(ClosedHandleError):
        await file.write_from(io.BytesIO())
    await file.wait()


@pytest.mark.parametrize("buffering", [None, "pipe", "memory"])
@pytest.mark.parametrize("buffer", [b"read-only", 5])
async def test_a_closed_file_says_so_before_it_looks_at_the_buffer(s3, memory_session, buffering, buffer):
    s3.put("key.bin", DATA)
    file = await aios3.aopen(URL, buffering=buffering, session=memory_session)
    await file.aclose()
    with pytest.raises(ClosedHandleError):
        await file.readinto(buffer)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_small_object_that_came_wrong_once_is_read_once_more(s3, memory_session, monkeypatch, times):
    s3.put("key.bin", DATA)
    left = times

    def wrong_at_first(url, _data, _checksums):
        nonlocal left
        if left:
            left -= 1
            message = "a corrupt transfer"
            raise ChecksumMismatchError(message, path=str(url))

    monkeypatch.setattr(resumable_get, "check_whole", wrong_at_first)

    async def read():
        async with aios3.aopen(URL, session=memory_session) as file:
            return await file.read()

    if times == 1:
        assert await read() == DATA
    else:
        with pytest.raises(ChecksumMismatchError):
            await read()
    assert memory_session.budget.used == 0
