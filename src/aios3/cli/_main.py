"""The program: options, the command, its exit status. No traceback is shown without ``--debug``."""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from aios3.cli._output import Output
from aios3.cli._parsing import USAGE, help_text, parse
from aios3.cli._signals import Interruption
from aios3.cli._streams import StandardOutput
from aios3.cli._usage import NoCommandError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from aios3.cli._commands import Command

FAILED = 1
NO_READER = 141
"""128 and the number of SIGPIPE, the signal for a write to a closed pipe."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with ``arguments``, or the process's, and return its exit status."""
    # The kernel may end a command that only reads: a handler would wait for a terminal or pipe that is not read.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        command, options = parse(sys.argv[1:] if arguments is None else arguments)
    except NoCommandError:
        sys.stderr.write(help_text())
        return USAGE
    except UsageError as error:
        sys.stderr.write(f"aios3 {error.command}: {error}\n" if error.command else f"aios3: {error}\n")
        return USAGE
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    if sys.stdout is None:
        sys.exit("aios3: standard output is closed")
    _accept_all_names()
    interruption = Interruption()
    output = Output(as_json=options.json, quiet=options.quiet, stream=StandardOutput(interruption))
    try:
        status = _run(command, options, output, interruption)
        output.flush()
    except BrokenPipeError:
        _discard_output()
        return NO_READER
    except OSError as error:  # of the last lines, such as a full disk
        _discard_output()
        return _failed(command, error, options, output)
    return status


def _accept_all_names() -> None:
    """Let standard output take every name, so that none ends a command between two files.

    Bytes of local names that are not UTF-8 are written as they are; characters that the encoding lacks are escapes.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        is_utf8 = codecs.lookup(sys.stdout.encoding).name == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def _discard_output() -> None:
    """Have what is still buffered go nowhere: the interpreter flushes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(command: Command, options: argparse.Namespace, output: Output, interruption: Interruption) -> int:
    try:
        asyncio.run(_until_interrupted(command, options, output, interruption))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, users get one line
        return _failed(command, error, options, output)
    return FAILED if output.errors else 0


async def _until_interrupted(
    command: Command, options: argparse.Namespace, output: Output, interruption: Interruption
) -> None:
    if command.writes:
        interruption.watch()
    try:
        await _with_app(command, options, output)
    finally:
        interruption.end_program()


async def _with_app(command: Command, options: argparse.Namespace, output: Output) -> None:
    from aios3.cli._app import App  # noqa: PLC0415 - imports the library
    from aios3.cli._sessions import Sessions  # noqa: PLC0415 - imports the library

    async with Sessions(output) as sessions:
        try:
            await command.load().RUN[command.name](App(options, output, sessions), options)
        finally:
            if options.stats:
                from aios3.cli._stats import print_stats  # noqa: PLC0415 - seldom asked for

                print_stats(sessions, output)


def _failed(command: Command, error: Exception, options: argparse.Namespace, output: Output) -> int:
    if options.debug:
        traceback.print_exception(error)
    output.error(command.name, error)
    return USAGE if isinstance(error, UsageError) else FAILED
