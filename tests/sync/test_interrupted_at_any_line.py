"""A signal handler that raises at any line of a blocking call leaves no upload open, and never half an object.

A handler of :func:`signal.signal` runs between two instructions of the main thread. Here a trace function raises in its
place, at every line that the main thread runs in :mod:`aios3`, in turn: also while the response that begins an upload
is on its way. The loop has a thread of its own, so what is raised here does not interrupt it.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aios3
import aios3.sync as s3
from aios3 import _session
from aios3.sync import _loop_thread
from handles.fake_s3 import SMALL, FakeS3

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SOURCES = str(Path(aios3.__file__).parent)
DATA = bytes(SMALL["part_size"]) + b"and the beginning of the next part"
PATH = "s3://bucket/k"
MAX_TIMES = 2
"""A line that comes again and again is interrupted only so often."""


class RaisedByHandlerError(BaseException):
    """What the handler raises."""


class Interrupter:
    """Counts the lines that a thread runs in aios3, and raises at one of them."""

    def __init__(self, at: int) -> None:
        self.lines = 0
        self._at = at
        self._seen: Counter[tuple[str, int]] = Counter()

    def run(self, work: Callable[[], object]) -> None:
        sys.settrace(self._enter)
        try:
            work()
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> object:
        is_ours = frame.f_code.co_filename.startswith(SOURCES) and frame.f_code.co_name != "__del__"
        return self._step if is_ours else None

    def _step(self, frame: FrameType, event: str, _argument: object) -> object:
        if event == "line":
            line = frame.f_code.co_filename, frame.f_lineno
            self._seen[line] += 1
            if self._seen[line] > MAX_TIMES:
                return self._step
            self.lines += 1
            if self.lines == self._at:
                raise RaisedByHandlerError
        return self._step


def write_in_a_block(session: s3.Session) -> None:
    with s3.open(PATH, "wb", session=session) as file:
        file.write(DATA)


def write_and_close(session: s3.Session) -> None:
    file = s3.open(PATH, "wb", session=session)
    file.write(DATA)
    file.close()


def write_bytes(session: s3.Session) -> None:
    s3.write_bytes(PATH, DATA, session=session)


def write_text_through_a_pipe(session: s3.Session) -> None:
    with s3.open(PATH, "w", buffering="pipe", encoding="latin-1", session=session) as file:
        file.write(DATA.decode("latin-1"))


@pytest.fixture
def fake(monkeypatch) -> FakeS3:
    made = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: made)
    return made


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "write", [write_in_a_block, write_and_close, write_bytes, write_text_through_a_pipe], ids=lambda each: each.__name__
)
def test_a_handler_that_raises_at_any_line_leaves_no_upload_and_no_half_object(fake, write):
    with s3.Session(**SMALL) as session:
        write(session)  # imports what it needs
        at = 0
        while True:
            at += 1
            fake.objects.clear()
            interrupter = Interrupter(at)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # a file whose closing was interrupted is collected
                with contextlib.suppress(RaisedByHandlerError):
                    interrupter.run(lambda: write(session))
                gc.collect(1)
            _loop_thread.call(session.tasks.join)
            assert fake.uploads == {}, at
            assert "k" not in fake.objects or fake.objects["k"].data == DATA, at
            assert session.budget.used == 0, at
            if interrupter.lines < at:
                break
        assert at > 20
        assert fake.calls["CreateMultipartUpload"] > 5
