"""The table of ways out: however what is under way is left, the right thing is stored, and nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import warnings
from typing import TYPE_CHECKING

import anyio
import pytest
import ways_table as table
from fault_common import TRANSPORTS
from ways_subjects import MIDDLE_SIZES, MishapError, Scene, begin, check_stored, prepare, run

import aios3
from aios3.testing import faults
from open_files import open_files_below

if TYPE_CHECKING:
    from collections.abc import Callable

    from ways_table import Cell

    from aios3.testing import FaultyServer

_TURNS = 20
"""Turns of the loop in which a cancellation arrives wherever it goes."""


def params():
    for transport in TRANSPORTS:
        for cell in table.cells():
            marks = [pytest.mark.xfail(reason=cell.reason, strict=True)] if cell.reason else []
            yield pytest.param(transport, cell, id=f"{transport}-{cell.id}", marks=marks)


def test_the_table_says_why_a_cell_is_empty():
    for subject, states in table.SUBJECTS.items():
        assert set(states) <= set(table.STATES)
        for state in states:
            assert any(table.senseless(subject, state, way) is None for way in table.WAYS)
    assert set(table.FAILING) <= {(cell.subject, cell.state, cell.way) for cell in table.cells()}


@pytest.mark.parametrize(("transport", "cell"), list(params()), indirect=["transport"])
def test_a_way_out_ends_as_the_table_says(
    transport, cell, faulty, options, bucket, admin, tmp_path, temporary_directory
):
    sizes = MIDDLE_SIZES if cell.state == table.STORING else {}
    config = options(faulty, max_attempts=2) | sizes
    local = tmp_path / "local"
    local.mkdir()
    scene = asyncio.run(_play(cell, faulty, config, bucket, admin, local))
    faulty.release()
    with warnings.catch_warnings():
        # A transport that had bytes to send when its loop ended closes when it is collected: aiohttp does not abort it.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    faulty.wait(lambda counts: counts.open_connections == 0, 10)
    assert scene.session.budget.used == 0
    check_stored(scene, cell.stored, admin)
    assert list(temporary_directory.iterdir()) == []
    assert not open_files_below(tmp_path)


async def _play(cell: Cell, faulty: FaultyServer, config: dict, bucket, admin, local) -> Scene:
    """Bring the subject into its state, leave it by the way, and look that nothing is left on the loop."""
    scene = Scene(bucket, aios3.Session(**config), local, cell.subject, cell.state)
    await asyncio.to_thread(prepare, scene, admin)
    place = table.PLACES.get(cell.state)
    if place is not None:
        for operation in place[0].split("|"):
            faulty.fail(operation, place[1])
    if cell.state == table.ABORTING and not scene.fails_inside:
        faulty.fail("UploadPart*", faults.Respond(403, "AccessDenied"), times=None)
    if cell.way == table.LOOP:
        scene.task = asyncio.create_task(run(scene))
        await _reached(scene, faulty)
        if cell.state not in (table.COMPLETING, table.STORING):
            threading.Thread(target=_release_soon, args=(faulty,), daemon=True).start()
        return scene
    await _WAYS[cell.way](scene, faulty)
    faulty.release()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait(left, timeout=5) if left else None
    assert scene.session.tasks.active == 0
    assert scene.session.policy.limiter.in_use == 0
    assert scene.session.budget.used == 0
    assert scene.session.budget.waiting == 0
    uploads = await asyncio.to_thread(admin.uploads, bucket)
    assert uploads == [], "while the session is still open"
    await scene.session.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return scene


def _release_soon(faulty: FaultyServer) -> None:
    """Let the server respond while the loop is ending; it must not matter when exactly."""
    for _ in range(3):
        faulty.release()


async def _reached(scene: Scene, faulty: FaultyServer) -> None:
    if scene.state in table.PLACES:
        await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled >= 1)
    if scene.stays:
        await scene.inside.wait()


def _response(scene: Scene, faulty: FaultyServer) -> None:
    """Let the server go on, but not with a request that is sent by half: its rest may be with the system already."""
    if scene.state not in (table.COMPLETING, table.STORING):
        faulty.release()


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _leave(scene: Scene, faulty: FaultyServer, leave: Callable[[asyncio.Task], None], error) -> None:
    """Run the subject, leave it, let the server respond, and wait for ``error``."""
    task = asyncio.create_task(run(scene))
    await _reached(scene, faulty)
    leave(task)
    await _turns()
    _response(scene, faulty)
    with pytest.raises(error):
        await task


async def by_exception(scene, faulty):
    def fail(_task):
        scene.fails = True
        scene.go.set()

    await _leave(scene, faulty, fail, MishapError)


async def by_cancel(scene, faulty):
    await _leave(scene, faulty, lambda task: task.cancel(), asyncio.CancelledError)


async def by_two_cancels(scene, faulty):
    task = asyncio.create_task(run(scene))
    await _reached(scene, faulty)
    for _ in range(2):
        task.cancel()
        await _turns()
    _response(scene, faulty)
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_timeout(scene, faulty):
    async def limited():
        async with asyncio.timeout(None) as scope:
            scopes.append(scope)
            await run(scene)

    scopes: list[asyncio.Timeout] = []
    task = asyncio.create_task(limited())
    await _reached(scene, faulty)
    scopes[0].reschedule(0)
    await _turns()
    _response(scene, faulty)
    with pytest.raises(TimeoutError):
        await task


async def by_scope(scene, faulty):
    scope = anyio.CancelScope()

    async def scoped():
        with scope:
            await run(scene)

    task = asyncio.create_task(scoped())
    await _reached(scene, faulty)
    scope.cancel()
    await _turns()
    _response(scene, faulty)
    await task
    assert scope.cancelled_caught


async def by_abort(scene, faulty):
    task = asyncio.create_task(run(scene))
    await _reached(scene, faulty)
    aborting = asyncio.create_task(scene.file.abort())
    await _turns()
    if scene.state == table.CREATING:
        faulty.release()  # without its response nobody knows what to abort
    await aborting
    _response(scene, faulty)
    scene.go.set()
    with contextlib.suppress(aios3.ClosedHandleError):  # leaving the block of an aborted file is no error
        await task


async def by_collection(scene, faulty):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        await begin(scene)
        if scene.state in table.PLACES:
            await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled >= 1)
        scene.file = None
        gc.collect()
    assert [warning for warning in seen if "unclosed file" in str(warning.message)]
    await _turns()
    _response(scene, faulty)


async def by_closing_the_session(scene, faulty):
    task = asyncio.create_task(run(scene))
    await _reached(scene, faulty)
    closing = asyncio.create_task(scene.session.aclose())
    await _turns()
    _response(scene, faulty)
    await closing
    scene.go.set()
    failed = (MishapError, aios3.AccessDeniedError, aios3.PartialFailureError)  # and was aborting because of it
    first = (*failed, aios3.ClosedHandleError) if scene.state == table.ABORTING else aios3.ClosedHandleError
    if scene.state not in (table.COMPLETED, table.STORED, table.DELETED):
        with pytest.raises(first):
            await task
        return
    found = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(found, aios3.PartialFailureError):  # of a move whose copies are there
        found = next(iter(found.failures.values()))
    # The response may still come before the request is stopped.
    assert isinstance(found, aios3.ClosedHandleError) or not isinstance(found, BaseException)


async def by_cancelling_all(scene, faulty):
    def cancel_all(_task):
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    await _leave(scene, faulty, cancel_all, asyncio.CancelledError)


_WAYS = {
    table.EXCEPTION: by_exception,
    table.CANCEL: by_cancel,
    table.TWICE: by_two_cancels,
    table.TIMEOUT: by_timeout,
    table.SCOPE: by_scope,
    table.ABORT: by_abort,
    table.COLLECTED: by_collection,
    table.CLOSED: by_closing_the_session,
    table.ALL: by_cancelling_all,
}
