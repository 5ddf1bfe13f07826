"""The command ``run``: commands from a file, one a line, several at once, over the same connections."""

from __future__ import annotations

import os
import traceback
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._trees.runner import for_each
from aios3.cli._app import App, UsageError
from aios3.cli._names import STANDARD_STREAM
from aios3.cli._output import Output
from aios3.cli._parsing import global_options, parse
from aios3.cli._stdin import open_to_read, read_lines
from aios3.cli._streams import CommandOutput, SharedOutput
from aios3.cli._units import parse_count
from aios3.cli._words import split_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    from aios3.cli._commands import Command

_JOBS = 16


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", metavar="FILE", default=STANDARD_STREAM, help="commands, one a line (standard input)"
    )
    parser.add_argument(
        "-j", "--jobs", type=parse_count, default=_JOBS, metavar="N", help=f"commands at a time ({_JOBS})"
    )


async def _run(app: App, options: argparse.Namespace) -> None:
    lines = Lines(app)
    if options.file == STANDARD_STREAM:
        await lines.run(app.standard_input(), options.jobs)
        return
    async with open_to_read(options.file) as descriptor:
        await lines.run(descriptor, options.jobs)


class Lines:
    """Commands of one file, which share the sessions and standard output of ``app``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._shared = SharedOutput(app.output.stream)
        self._defaults = global_options(app.options)

    async def run(self, descriptor: int, jobs: int) -> None:
        """Run every line of an open file, at most ``jobs`` at once; failures are printed and counted."""
        await for_each(_numbered(descriptor), self._run_line, jobs)

    async def _run_line(self, numbered: tuple[int, str]) -> None:
        number, line = numbered
        stream = CommandOutput(self._shared)
        output = Output(stream=stream, as_json=self._defaults.json, quiet=self._defaults.quiet, line=number)
        try:
            await self._run_text(line, output)
            await stream.end()
        finally:
            stream.give_up()
            self._app.output.errors += output.errors
        self._shared.flush()

    async def _run_text(self, line: str, output: Output) -> None:
        try:
            parsed = self._parsed(line)
            if parsed is not None:
                await self._run_command(*parsed, output)
        except UsageError as error:
            output.error(error.command or "", error)

    def _parsed(self, line: str) -> tuple[Command, argparse.Namespace] | None:
        """Return the command of a line; None if there is nothing but a comment."""
        try:
            words = split_words(line)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if words and words[0] == "aios3":
            del words[0]
        if not words:
            return None
        try:
            command, options = parse(words, self._defaults)
        except SystemExit:  # it has printed help
            return None
        if command.name == "run":
            message = "a line of run cannot run another file"
            raise UsageError(message, command=command.name)
        return command, options

    async def _run_command(self, command: Command, options: argparse.Namespace, output: Output) -> None:
        output.as_json, output.quiet = options.json, options.quiet
        self._app.options.stats |= options.stats
        try:
            await command.load().RUN[command.name](App(options, output, self._app.sessions), options)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the failure of this line
            if options.debug:
                traceback.print_exception(error)
            output.error(command.name, error)


async def _numbered(descriptor: int) -> AsyncGenerator[tuple[int, str], None]:
    number = 0
    async with aclosing(read_lines(descriptor)) as lines:
        async for line in lines:
            number += 1
            yield number, os.fsdecode(line)


ARGUMENTS = {"run": _run_arguments}
RUN = {"run": _run}
