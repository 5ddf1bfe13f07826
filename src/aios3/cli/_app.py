"""The context of a command: its options, the sessions, and what prints."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from aios3.cli._sessions import Connection
from aios3.cli._usage import UsageError

if TYPE_CHECKING:
    import argparse

    import aios3
    from aios3.cli._output import Output
    from aios3.cli._sessions import Sessions

__all__ = ["App", "UsageError"]


class App:
    """A command's options, its output, and the sessions that it shares with other commands."""

    def __init__(self, options: argparse.Namespace, output: Output, sessions: Sessions) -> None:
        self.options = options
        self.output = output
        self.sessions = sessions
        self._connection = Connection.of(options)

    async def session(self, **overrides: str | None) -> aios3.Session:
        """Return the session for the options, or for another endpoint, profile or region where one is named."""
        named = {name: value for name, value in overrides.items() if value is not None}
        return self.sessions.get(replace(self._connection, **named))  # type: ignore[arg-type]  # those are texts

    def standard_input(self) -> int:
        """Return the descriptor of standard input.

        Raises UsageError where it is closed, and in a line of ``run``, which may come from there.
        """
        if sys.stdin is None:
            message = "standard input is closed"
            raise UsageError(message)
        if self.output.line is not None:
            message = "a line of run has no standard input; give a file"
            raise UsageError(message)
        return sys.stdin.fileno()
