"""Lines for what a command does, or would do: each is a command again, which ``aios3 run`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3 import is_s3
from aios3._patterns import has_magic
from aios3.cli._words import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3 import TransferAction
    from aios3.cli._app import App


class ActionPrinter:
    """Prints each file that is done; ``words`` are the options that the lines repeat, ``rm_words`` those of ``rm``."""

    def __init__(self, app: App, command: str, words: Sequence[str] = (), rm_words: Sequence[str] = ()) -> None:
        self._app = app
        self._command = command
        self._words = tuple(words)
        self._rm_words = tuple(rm_words)

    def __call__(self, action: TransferAction) -> None:
        """Print one action of a verb on trees."""
        if action.kind == "delete":
            self.print("rm", None, action.target, self._rm_words)
        else:
            self.print(self._command, action.source, action.target, self._words)

    def print(self, command: str, source: str | None, target: str | None, words: Sequence[str] = ()) -> None:
        """Print that ``command`` was, or would be, done."""
        paths = [_path_word(path) for path in (source, target) if path is not None]
        is_marker = command == "rm" and target is not None and target.endswith("/")
        raw = ["--raw"] if is_marker or any(has_magic(path) for path in paths) else []
        record = {
            "command": command,
            "source": source,
            "target": target,
            "dry_run": True if self._app.options.dry_run else None,
        }
        line = " ".join(map(quote, (command, *raw, *words, *paths)))
        is_local = command == "rm" and target is not None and not is_s3(target)
        self._app.output.result(record, f"# of this disk: {line}" if is_local else line)


def _path_word(path: str) -> str:
    """Return a path so that it is not taken for an option or a stream."""
    return f"./{path}" if path.startswith("-") else path
