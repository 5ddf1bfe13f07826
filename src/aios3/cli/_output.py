"""Print results on stdout, errors on stderr, as lines for people or as JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from aios3.cli._streams import StandardOutput
from aios3.cli._words import quote
from aios3.errors import CredentialsError, PartialFailureError, S3Error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aios3.cli._streams import Stream

_UNPRINTABLE = {number: f"\\x{number:02x}" for number in (*range(32), 127)}
"""Control characters of a key could command a terminal; there they are shown as escapes."""


class DirectoryName(str):
    """The name of a directory, which a terminal shows in blue, as it does those of ``ls``."""

    __slots__ = ()


class Output:
    """Prints results and errors of a command, and counts the errors.

    With ``as_json`` each of both is one JSON object a line. With ``quiet`` only errors are printed. A command that
    ``run`` has read has the number of its ``line``.
    """

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, stream: Stream | None = None, line: int | None = None
    ) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.errors = 0
        self.line = line
        self.stream: Stream = stream or StandardOutput()
        self._is_terminal = sys.stdout.isatty()
        self._has_colors = self._is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def result(self, record: Mapping[str, object], *lines: str) -> None:
        """Print one result: ``record`` as JSON, or ``lines`` for people."""
        if self.quiet:
            return
        if self.as_json:
            self.stream.write(json.dumps({key: value for key, value in record.items() if value is not None}) + "\n")
        else:
            self.stream.write("".join(f"{self._colored(line, self.shown(line))}\n" for line in lines))

    def dry_run(self, record: Mapping[str, object], words: Iterable[str]) -> None:
        """Print what would be done, as a line that ``run`` takes."""
        self.result({**record, "dry_run": True}, " ".join(map(quote, words)))

    def table(
        self, records: Iterable[Mapping[str, object]], rows: Iterable[Sequence[str]], right: Sequence[int]
    ) -> None:
        """Print ``records`` as JSON, or ``rows`` in columns; those of ``right`` are aligned to the right."""
        if self.as_json or self.quiet:
            for record in records:
                self.result(record, "")
            return
        cells = [list(row) for row in rows]
        shown = [[self.shown(cell) for cell in row] for row in cells]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for row, texts in zip(cells, shown, strict=True):
            padded = [
                text.rjust(width) if index in right else text.ljust(width)
                for index, (text, width) in enumerate(zip(texts, widths, strict=True))
            ]
            padded[-1] = self._colored(row[-1], texts[-1])
            self.stream.write("  ".join(padded).rstrip() + "\n")

    def shown(self, text: str) -> str:
        """Return ``text`` without characters that would command a terminal; as it stands where there is none."""
        return text.translate(_UNPRINTABLE) if self._is_terminal else text

    def _colored(self, cell: str, shown: str) -> str:
        """Return what is shown of a cell, in colour if that is meant and the terminal has colours."""
        return f"\x1b[1;34m{shown}\x1b[0m" if self._has_colors and isinstance(cell, DirectoryName) else shown

    def note(self, text: str) -> None:
        """Print a line for people on stderr, unless quiet."""
        if not self.quiet:
            self.stream.write_error(f"{text}\n")

    def report(self, record: Mapping[str, object], text: str) -> None:
        """Print what an option asks for besides results, on stderr, also if quiet: ``record`` as JSON, or ``text``."""
        line = json.dumps(record) if self.as_json else self.shown(text)
        self.stream.write_error(f"{line}\n")

    def error(self, command: str, error: BaseException) -> None:
        """Print and count an error; of a :class:`PartialFailureError` each failure is one line."""
        if isinstance(error, PartialFailureError) and error.failures:
            for path, failure in error.failures.items():
                self._error(command, failure, path)
        else:
            self._error(command, error, getattr(error, "path", None))

    def _error(self, command: str, error: BaseException, path: str | None) -> None:
        self.errors += 1
        message = message_of(error)
        if self.as_json:
            record = {
                "command": command,
                "line": self.line,
                "error": type(error).__name__,
                "path": path,
                "code": getattr(error, "code", None),
                "message": message,
            }
            self.stream.write_error(
                json.dumps({key: value for key, value in record.items() if value is not None}) + "\n"
            )
        else:
            prefix = "" if path is None or path in message else f"{path}: "
            program = "aios3" if self.line is None else f"aios3 run: line {self.line}:"
            name = f"{command}: " if command else ""
            self.stream.write_error(f"{program} {name}{prefix}{message}".translate(_UNPRINTABLE) + "\n")

    def flush(self) -> None:
        """Write what is buffered; raise BrokenPipeError if the reader has gone."""
        self.stream.flush()


_AS_OPTIONS = {"credentials=, ": "", "credentials='anonymous'": "--no-sign-request"}
"""Arguments of the library that its messages name, and what stands for them on the command line."""


def message_of(error: BaseException) -> str:
    """Return what an error says, in one line; of an error without words, its class."""
    if isinstance(error, OSError) and not isinstance(error, S3Error) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    else:
        text = str(error) or type(error).__name__
    if isinstance(error, CredentialsError):
        for argument, option in _AS_OPTIONS.items():
            text = text.replace(argument, option)
    return " ".join(text.split("\n"))
