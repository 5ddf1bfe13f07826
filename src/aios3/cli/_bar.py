"""The bar of a transfer on standard error: files, bytes, rate and time left in one line that is drawn again."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from aios3.cli._units import format_seconds, format_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3 import TransferState
    from aios3.cli._app import App
    from aios3.cli._streams import Stream

S = TypeVar("S")

_REDRAW_SECONDS = 0.1
_LINE_SECONDS = 5.0
"""Time between two lines on a terminal that cannot draw a line again."""
_CLEAR = "\r\x1b[K"


def open_bar(app: App, name: str) -> Bar[TransferState] | None:
    """Return the bar of a transfer in this process; see :func:`open_bar_of`."""
    return open_bar_of(app, name, bar_text)


def open_bar_of(app: App, name: str, describe: Callable[[S, float], str]) -> Bar[S] | None:
    """Return a bar if standard error is a terminal and nothing forbids it; results are then printed above it.

    ``describe`` says how far something is, from its state and the seconds since it began. A line of ``run`` has no bar:
    the bars of lines that run side by side would be drawn over each other.
    """
    options = app.options
    if options.no_progress or options.quiet or options.json or options.dry_run:
        return None
    if app.output.line is not None or not sys.stderr.isatty():
        return None
    bar = Bar(app.output.stream, name, describe, redraws=os.environ.get("TERM") not in {None, "dumb"})
    app.output.stream = bar
    return bar


class Bar(Generic[S]):
    """A stream that draws a bar below what is written to it; call it with the state of the transfer."""

    def __init__(self, stream: Stream, name: str, describe: Callable[[S, float], str], *, redraws: bool) -> None:
        self._stream = stream
        self._name = name
        self._describe = describe
        self._redraws = redraws
        self._began = self._drawn = time.monotonic()
        self._is_shown = False
        self._state: S | None = None

    def __call__(self, state: S) -> None:
        """Draw the state, unless it was drawn a moment ago."""
        self._state, now = state, time.monotonic()
        if now - self._drawn >= (_REDRAW_SECONDS if self._redraws else _LINE_SECONDS):
            self._drawn = now
            self._draw()

    def finish(self) -> None:
        """Show the last state and leave it on the screen."""
        if self._state is not None and (self._is_shown or not self._redraws):
            self._draw()
            if self._redraws:
                self._stream.write_error("\n")
        self._is_shown = False

    def write(self, text: str) -> None:
        """Write whole lines above the bar."""
        self._clear()
        self._stream.write(text)

    def write_error(self, text: str) -> None:
        """Write whole lines to standard error, above the bar."""
        self._clear()
        self._stream.write_error(text)

    async def write_bytes(self, data: bytes | memoryview) -> None:
        """Write bytes; return when they have been written."""
        self._clear()
        await self._stream.write_bytes(data)

    def flush(self) -> None:
        """Write what is buffered."""
        self._stream.flush()

    def _clear(self) -> None:
        if self._is_shown:
            self._stream.write_error(_CLEAR)
            self._is_shown = False

    def _draw(self) -> None:
        assert self._state is not None
        line = f"{self._name}  {self._describe(self._state, time.monotonic() - self._began)}"
        if not self._redraws:
            self._stream.write_error(f"{line}\n")
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write_error(f"{_CLEAR}{line[:width]}")
        self._is_shown = True


def bar_text(state: TransferState, seconds: float) -> str:
    """Describe how far a transfer is that began ``seconds`` ago."""
    rate = state.bytes_done / seconds if seconds > 0 else 0.0
    parts = [
        f"{state.files_done:,}/{state.files_total:,} files",
        f"{format_size(state.bytes_done)}/{format_size(state.bytes_total)}",
        f"{format_size(round(rate))}/s",
    ]
    bytes_left = state.bytes_total - state.bytes_done
    if bytes_left > 0 and rate > 0:
        parts.append(f"{format_seconds(bytes_left / rate)} left")
    return "  ".join(parts)
