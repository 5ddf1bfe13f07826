"""A file that is closed on the way of an exception: nothing is published, and a file that is fine is never given up."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress

import pytest
from fake_s3 import URL
from writers import BINARY, TEXT, close_of, opened

import aios3

WRITERS = [kind for kind in BINARY + TEXT if kind not in ("append", "disk rb+")]


class MishapError(Exception):
    """What goes wrong."""


async def put(file) -> None:
    await file.write("half" if isinstance(file, aios3.AsyncTextWriter) else b"half")


@asynccontextmanager
async def closing_at_the_end(file, close):
    try:
        yield
    finally:
        await close()


async def through_aclosing(file, error):
    class Closable:
        aclose = staticmethod(close_of(file))

    async with aclosing(Closable()):
        await put(file)
        raise error


async def through_an_exit_stack(file, error):
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close_of(file))
        await put(file)
        raise error


async def through_a_context_manager(file, error):
    async with closing_at_the_end(file, close_of(file)):
        await put(file)
        raise error


async def through_a_task_that_waits(file, error):
    async with closing_at_the_end(file, lambda: asyncio.wait_for(close_of(file)(), 30)):
        await put(file)
        raise error


async def through_a_task_of_its_own(file, error):
    async with closing_at_the_end(file, lambda: asyncio.create_task(close_of(file)())):
        await put(file)
        raise error


async def shielded(file, error):
    async with closing_at_the_end(file, lambda: asyncio.shield(close_of(file)())):
        await put(file)
        raise error


async def through_a_plain_with_around_a_generator(file, error):
    async def pieces():
        async with closing_at_the_end(file, close_of(file)):
            yield 1
            raise error

    async with aclosing(pieces()) as items:
        async for _ in items:
            await put(file)


WAYS = [
    through_aclosing,
    through_an_exit_stack,
    through_a_context_manager,
    through_a_task_that_waits,
    through_a_task_of_its_own,
    shielded,
    through_a_plain_with_around_a_generator,
]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_leaving_by_an_exception_publishes_nothing_and_says_so(s3, memory_session, caplog, kind, way):
    s3.put("key.bin", b"old")
    file = await opened(kind, memory_session)
    with caplog.at_level(logging.WARNING, "aios3"), pytest.raises(MishapError):
        await way(file, MishapError())
    await memory_session.promised.join()
    assert s3.objects["key.bin"].data == b"old"
    assert file.closed
    (message,) = caplog.messages
    assert message.startswith(f"{URL}: nothing is published, because it was closed by a with block that MishapError")


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt, SystemExit], ids=lambda e: e.__name__)
@pytest.mark.parametrize("kind", WRITERS)
async def test_a_stopped_program_publishes_nothing_and_logs_no_warning(s3, memory_session, caplog, kind, error):
    file = await opened(kind, memory_session)
    await put(file)
    with caplog.at_level(logging.INFO, "aios3"), suppress(error):
        try:
            raise error
        finally:
            await close_of(file)()
    await memory_session.promised.join()
    assert s3.objects == {}
    assert caplog.messages == []


async def in_an_except_block(file):
    try:
        raise MishapError
    except MishapError:
        await close_of(file)()


async def in_a_finally_block(file):
    with suppress(MishapError):
        try:
            raise MishapError
        finally:
            await close_of(file)()


async def after_an_exception_was_swallowed(file):
    async with AsyncExitStack() as stack:
        stack.enter_context(suppress(MishapError))
        raise MishapError
    await close_of(file)()


async def beside_one(file):
    """In another task that knows nothing of it."""

    async def close():
        await close_of(file)()

    class Handler:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *_):
            await asyncio.create_task(close())
            return True

    async with Handler():
        raise MishapError


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    "way",
    [in_an_except_block, in_a_finally_block, after_an_exception_was_swallowed, beside_one],
    ids=lambda way: way.__name__,
)
async def test_closing_is_the_callers_own_decision(s3, memory_session, caplog, kind, way):
    file = await opened(kind, memory_session)
    await put(file)
    await way(file)
    await memory_session.promised.join()
    assert s3.objects["key.bin"].data == ("half".encode("utf-16") if kind in TEXT else b"half")
    assert caplog.messages == []


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("error", [MishapError, asyncio.CancelledError], ids=lambda e: e.__name__)
async def test_a_file_that_is_opened_while_an_exception_is_on_its_way_is_fine(s3, memory_session, kind, error):
    """Such as the report of a failure."""

    class Reporter:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *_):
            file = await opened(kind, memory_session)
            async with AsyncExitStack() as stack:
                stack.push_async_callback(close_of(file))
                await put(file)

    with pytest.raises(error):
        async with Reporter():
            raise error
    await memory_session.promised.join()
    assert s3.objects["key.bin"].data == ("half".encode("utf-16") if kind in TEXT else b"half")


async def test_what_was_on_its_way_at_the_opening_does_not_excuse_what_comes_later(s3, memory_session):
    class Reporter:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *_):
            file = await opened("prefetch", memory_session)
            async with closing_at_the_end(file, file.aclose):
                raise KeyError

    with pytest.raises(KeyError):
        async with Reporter():
            raise MishapError
    assert s3.objects == {}
