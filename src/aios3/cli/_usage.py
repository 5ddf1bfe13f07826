"""The error of arguments that make no sense, apart from the library, which a wrong option need not import."""

from __future__ import annotations


class UsageError(Exception):
    """Raised for arguments that make no sense together; the program ends with status 2."""

    def __init__(self, message: str, *, command: str | None = None) -> None:
        super().__init__(message)
        self.command = command
        """The command, if the parser of its arguments raised it."""


class NoCommandError(UsageError):
    """Raised for arguments without a command."""

    def __init__(self) -> None:
        super().__init__("there is no command")
