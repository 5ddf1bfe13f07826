"""A hook that is slow costs bounded memory while requests run, and bounded time when the session closes."""

from __future__ import annotations

import asyncio

import pytest

import aios3
import virtual_time
from aios3._backend import GetOptions
from aios3._observe import Observer, hook_tasks
from aios3._operations import HeadObject


def tell(observer: Observer, key: str = "k") -> None:
    """Have a request begin and end."""
    observer.begin(HeadObject(aios3.S3Url("bucket", key), GetOptions()), 1).done(None)


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "aios3.request"]


async def test_beyond_the_bound_events_are_dropped_and_counted_and_logged_once(caplog):
    heard: list[str] = []
    released = asyncio.Event()

    async def slow(event):
        await released.wait()
        heard.append(event.key)

    observer = Observer(slow)
    for number in range(hook_tasks.MAX_TASKS + 5):
        tell(observer, str(number))
    assert observer.hook_tasks.running == hook_tasks.MAX_TASKS
    assert observer.hook_tasks.dropped == 5
    (line,) = warnings(caplog)
    assert "slower than the requests: 1000 of its tasks run" in line
    released.set()
    await observer.hook_tasks.aclose()
    tell(observer, "later")
    await observer.hook_tasks.aclose()
    assert heard == [*map(str, range(hook_tasks.MAX_TASKS)), "later"]
    assert warnings(caplog) == [line]


async def test_a_session_says_how_many_were_dropped(config, bucket, monkeypatch):
    monkeypatch.setattr(hook_tasks, "MAX_TASKS", 1)
    released = asyncio.Event()
    heard: list[str] = []

    async def slow(event):
        await released.wait()
        heard.append(event.key)

    async with aios3.Session(config, on_request=slow) as session:
        for name in ("a", "b", "c"):
            await aios3.write_bytes(f"{bucket}/{name}", b"abc", session=session)
        assert session.stats().events_dropped == 2
        assert session.stats().requests == 3
        released.set()
    assert heard == ["a"]


def test_a_hook_that_is_not_async_gets_every_event():
    heard: list[str] = []
    observer = Observer(lambda event: heard.append(event.key))
    for number in range(hook_tasks.MAX_TASKS + 5):
        tell(observer, str(number))
    assert len(heard) == hook_tasks.MAX_TASKS + 5
    assert observer.hook_tasks.dropped == 0


async def _hears(session: aios3.Session, key: str) -> None:
    async with session:
        tell(session.observer, key)


def closing(hook) -> float:
    """Close a session of which ``hook`` has just been told something; return how long that took."""

    async def work() -> float:
        await _hears(aios3.Session(on_request=hook), "k")
        return asyncio.get_running_loop().time()

    return virtual_time.run(work())


def test_closing_a_session_waits_for_a_hook_as_long_as_it_has_promised(caplog):
    heard: list[str] = []

    async def slow(event):
        await asyncio.sleep(hook_tasks.CLOSING_SECONDS - 0.1)
        heard.append(event.key)

    assert closing(slow) == pytest.approx(hook_tasks.CLOSING_SECONDS - 0.1)
    assert heard == ["k"]
    assert warnings(caplog) == []


def test_a_hook_that_never_ends_is_cancelled_and_the_log_says_so(caplog):
    ended: list[str] = []

    async def hangs(event):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(event.key)
            raise

    assert closing(hangs) == pytest.approx(hook_tasks.CLOSING_SECONDS)
    assert ended == ["k"]
    assert warnings(caplog) == ["Tasks of on_request that had not ended in 5 s were cancelled: 1"]


def test_a_hook_that_ignores_its_cancellation_keeps_no_session_open(caplog):
    async def stubborn(event):
        while True:
            try:
                await asyncio.sleep(20)
                break
            except asyncio.CancelledError:
                continue

    assert closing(stubborn) == pytest.approx(hook_tasks.CLOSING_SECONDS + 1)
    assert len(warnings(caplog)) == 1


def test_a_hook_that_closes_its_own_session_waits_for_itself_no_longer_than_for_others():
    async def closes(event):
        await session.aclose()

    session = aios3.Session(on_request=closes)

    async def work() -> float:
        await _hears(session, "k")
        return asyncio.get_running_loop().time()

    assert virtual_time.run(work()) <= hook_tasks.CLOSING_SECONDS + 1
    assert session.closed


@pytest.mark.parametrize("kind", ["coroutine", "future", "object"])
async def test_whatever_can_be_awaited_is_and_what_it_raises_is_logged(caplog, kind):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            raise LookupError

    async def fails():
        raise LookupError

    def hook(event):
        if kind == "future":
            future = asyncio.get_running_loop().create_future()
            future.set_exception(LookupError())
            return future
        return fails() if kind == "coroutine" else Awaitable()

    observer = Observer(hook)
    tell(observer)
    await observer.hook_tasks.aclose()
    (record,) = [record for record in caplog.records if record.name == "aios3.request"]
    assert record.getMessage() == "on_request has failed at HeadObject; the request goes on"
    assert isinstance(record.exc_info[1], LookupError)
