"""Signals that end a command which must give back what it holds."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """The first of the ending signals cancels a task; the next one ends the program at once.

    A write to a terminal or pipe that is not read may block the event loop, which then cancels nothing. So lines are
    written by :meth:`write`. A signal then leads the write that blocks to nowhere, and drops all after it. Nothing is
    raised there: the line may be of a request whose response is still needed, such as the id of a new upload.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that has come; None if there was none."""
        self._writing_to: TextIO | None = None
        self._watched: list[signal.Signals] = []

    def watch(self) -> None:
        """Have signals cancel the task that is running now."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def interrupt(number: int, _frame: FrameType | None) -> None:
            self.number = number
            self._unwatch()
            loop.call_soon_threadsafe(task.cancel)
            if self._writing_to is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._writing_to.fileno())

        for each in _ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:  # such as SIGHUP below nohup
                signal.signal(each, interrupt)
                self._watched.append(each)

    def write(self, stream: TextIO, text: str) -> None:
        """Write ``text``, or flush if it is empty, unless a signal comes first."""
        if self.number is not None:
            return
        self._writing_to = stream
        try:
            if text:
                stream.write(text)
            else:
                stream.flush()
        finally:
            self._writing_to = None

    def end_program(self) -> None:
        """End the process by the signal that has come, as programs that started it expect; leave its threads.

        Do nothing if there was none: from now on the kernel ends the process.
        """
        self._unwatch()
        if self.number is not None:
            _flush_without_waiting()
            os.kill(os.getpid(), self.number)

    def _unwatch(self) -> None:
        while self._watched:
            signal.signal(self._watched.pop(), signal.SIG_DFL)


def _flush_without_waiting() -> None:
    """Write what was printed as far as its reader takes it at once."""
    descriptor = sys.stdout.fileno()
    was_blocking = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    try:
        sys.stdout.flush()
    except OSError:
        return  # the reader is slow, or has gone
    finally:
        os.set_blocking(descriptor, was_blocking)
