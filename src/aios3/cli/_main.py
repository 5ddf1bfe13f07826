"""The program: options, the command, its exit status. No traceback is shown without ``--debug``."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from aios3.cli._commands import COMMANDS
from aios3.cli._output import Output
from aios3.cli._units import parse_count, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3.cli._app import App
    from aios3.cli._commands import Command

FAILED = 1
USAGE = 2
NO_READER = 141
"""128 and the number of SIGPIPE, the signal for a write to a closed pipe."""

_DESCRIPTION = "List and read objects of S3, and of servers that speak its protocol."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with ``arguments``, or the process's, and return its exit status."""
    try:
        command, options = parse(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    if sys.stdout is None:
        sys.exit("aios3: standard output is closed")
    # Every command only reads, so the kernel may end it: a handler would wait for a terminal or pipe that is not read.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options.output = Output(as_json=options.json, quiet=options.quiet)
    try:
        status = _run(command, options)
        options.output.flush()
    except BrokenPipeError:
        _discard_output()
        return NO_READER
    except OSError as error:  # of the last lines, such as a full disk
        _discard_output()
        return _failed(command, error, options)
    return status


def _discard_output() -> None:
    """Have what is still buffered go nowhere: the interpreter flushes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(arguments: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """Return the command and its options; global options may stand before and after the command.

    Raises SystemExit with status 2 for what cannot be understood, with 0 after ``--help`` and ``--version``.
    """
    first = _Parser(prog="aios3", description=_DESCRIPTION, add_help=False, allow_abbrev=False)
    _add_options(first, default=None)
    first.add_argument("-h", "--help", action="store_true")
    first.add_argument("--version", action="store_true")
    first.add_argument("command", nargs="?")
    first.add_argument("rest", nargs=argparse.REMAINDER)
    options = first.parse_args(arguments)
    if options.version:
        _print_and_exit(f"aios3 {_version()}\n")
    if options.command is None and options.help:
        _print_and_exit(_help())
    if options.command is None:
        first.exit(USAGE, _help())
    if options.command not in COMMANDS:
        first.error(f"there is no command {options.command!r}; there are {', '.join(COMMANDS)}")
    command = COMMANDS[options.command]
    rest = ["--help", *options.rest] if options.help else options.rest
    return command, parser_of(command).parse_args(rest, options)


def parser_of(command: Command) -> argparse.ArgumentParser:
    """Return the parser of one command's arguments and of the global options."""
    examples = "\n".join(f"  {example}" for example in command.examples)
    parser = _Parser(
        prog=f"aios3 {command.name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.load().ARGUMENTS[command.name](parser)
    _add_options(parser.add_argument_group("options of every command"), default=argparse.SUPPRESS)
    return parser


def _add_options(to: argparse.ArgumentParser | argparse._ArgumentGroup, *, default: str | None) -> None:
    flag = False if default is None else default
    to.add_argument("--endpoint-url", metavar="URL", default=default, help="the server, if it is not Amazon's")
    to.add_argument("--profile", metavar="NAME", default=default, help="profile of ~/.aws/config")
    to.add_argument("--region", metavar="NAME", default=default, help="region of the buckets")
    to.add_argument("--no-sign-request", action="store_true", default=flag, help="send requests without credentials")
    to.add_argument("--no-verify-ssl", action="store_true", default=flag, help="accept any TLS certificate")
    to.add_argument("--ca-bundle", metavar="FILE", default=default, help="authorities to trust, in PEM format")
    to.add_argument("--request-payer", choices=["requester"], default=default, help="agree to pay for requests")
    to.add_argument("--concurrency", type=parse_count, metavar="N", default=default, help="requests at a time (32)")
    to.add_argument("--part-size", type=parse_size, metavar="SIZE", default=default, help="bytes of a part (8M)")
    to.add_argument("--json", action="store_true", default=flag, help="print one JSON object a line")
    to.add_argument("-q", "--quiet", action="store_true", default=flag, help="print errors only")
    to.add_argument("-v", "--verbose", action="store_true", default=flag, help="print each request on stderr")
    to.add_argument("--no-progress", action="store_true", default=flag, help="show no bar")
    to.add_argument("--stats", action="store_true", default=flag, help="print numbers of requests at the end")
    to.add_argument("--debug", action="store_true", default=flag, help="print the traceback of an error")


def _print_and_exit(text: str) -> NoReturn:
    sys.stdout.write(text)
    raise SystemExit(0)


def _version() -> str:
    import aios3  # noqa: PLC0415 - the help needs nothing of the library

    return aios3.__version__


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {command.name:{width}}{command.summary}" for command in COMMANDS.values()]
    return "\n".join(
        (
            "usage: aios3 [options] COMMAND [arguments]",
            "",
            _DESCRIPTION,
            "",
            "commands:",
            *lines,
            "",
            "aios3 COMMAND --help tells more, with examples.",
            "",
        )
    )


def _run(command: Command, options: argparse.Namespace) -> int:
    try:
        asyncio.run(_with_app(command, options))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, users get one line
        return _failed(command, error, options)
    return FAILED if options.output.errors else 0


async def _with_app(command: Command, options: argparse.Namespace) -> None:
    from aios3.cli._app import App  # noqa: PLC0415 - imports the library

    async with App(options, options.output) as app:
        try:
            await command.load().RUN[command.name](app, options)
        finally:
            if options.stats:
                _show_stats(app, options.output)


def _failed(command: Command, error: Exception, options: argparse.Namespace) -> int:
    from aios3.cli._app import UsageError  # noqa: PLC0415 - imports the library

    if options.debug:
        traceback.print_exception(error)
    options.output.error(command.name, error)
    return USAGE if isinstance(error, UsageError) else FAILED


def _show_stats(app: App, output: Output) -> None:
    from aios3.cli._stats import stats_lines  # noqa: PLC0415 - seldom asked for

    for line in stats_lines(app):
        output.note(line)
