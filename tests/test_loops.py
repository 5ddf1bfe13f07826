"""A test that waits for ever ends at its limit, on every loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

import loops

LOOPS = loops.ASYNCIO | loops.VARIANTS


@pytest.fixture
def alarm():
    """A signal whose handler fails the test, as pytest-timeout's does."""

    def fail(_signum, _frame):
        pytest.fail("it has taken too long")

    before = signal.signal(signal.SIGUSR1, fail)
    yield signal.SIGUSR1
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("moment", ["in a callback", "in a pause"])
def test_a_test_that_waits_for_ever_ends_at_its_limit(alarm, name, moment):
    async def wait() -> None:
        if moment == "in a callback":
            asyncio.get_running_loop().call_soon(signal.raise_signal, alarm)
        else:
            threading.Thread(target=os.kill, args=(os.getpid(), alarm)).start()
        await asyncio.Event().wait()

    with (
        asyncio.Runner(loop_factory=LOOPS[name]) as runner,
        pytest.raises((pytest.fail.Exception, RuntimeError), match=r"too long|stopped before"),
    ):
        runner.run(wait())
