"""Arguments of the program: global options before and after a command, and the command's own."""

from __future__ import annotations

import argparse
import functools
import sys
from typing import TYPE_CHECKING, NoReturn

from aios3.cli._commands import COMMANDS
from aios3.cli._other_options import add_without_effect, advice_on, advice_on_command
from aios3.cli._units import parse_count, parse_size
from aios3.cli._usage import NoCommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aios3.cli._commands import Command

USAGE = 2
"""Exit status for arguments that make no sense."""
DESCRIPTION = "List, read and write objects of S3, and of servers that speak its protocol."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        advice = advice_on(message, self._option_string_actions)
        text = f"{message}; {advice}" if advice else f"{message}; see {self.prog} --help"
        raise UsageError(text, command=command or None)


def parse(arguments: Sequence[str], defaults: argparse.Namespace | None = None) -> tuple[Command, argparse.Namespace]:
    """Return the command and its options; global options may stand before and after the command.

    ``defaults`` has the global options of a command that this one is a part of. Raises UsageError for what cannot be
    understood, SystemExit where help or the version was printed instead.
    """
    name, options = _parse_first(arguments, defaults)
    if name == "help" and options.rest:
        return parse([*options.rest, "--help"], defaults)
    if name == "help":
        _print_and_exit(help_text())
    if name == "s3":
        message = "leave out the word s3: aios3 ls s3://bucket/"
        raise UsageError(message)
    if options.version:
        _print_and_exit(f"aios3 {_version()}\n")
    if name is None and options.help:
        _print_and_exit(help_text())
    if name is None:
        raise NoCommandError
    group = subcommands(name)
    if group:
        subcommand, options = _parse_first(options.rest, options)
        name = f"{name} {subcommand}"
        if subcommand == "help" or (subcommand is None and options.help):
            _print_and_exit(help_text(group))
    if name not in COMMANDS:
        typed = name.removesuffix(" None")
        message = f"there is no command {typed!r}; {advice_on_command(typed, group or COMMANDS)}"
        raise UsageError(message)
    command = COMMANDS[name]
    is_asked = options.help or (options.rest == ["help"] and name != "run")  # a file may have that name
    rest = ["--help", *options.rest] if is_asked else options.rest
    return command, parser_of(command).parse_args(rest, options)


def _parse_first(
    arguments: Sequence[str], defaults: argparse.Namespace | None
) -> tuple[str | None, argparse.Namespace]:
    """Parse the global options before a command; return its name, and leave its arguments in ``rest``."""
    options = argparse.Namespace() if defaults is None else argparse.Namespace(**vars(defaults))
    first_parser().parse_args(arguments, options)
    name: str | None = options.command
    end = len(arguments) - len(options.rest)
    if name is not None and arguments[end - 1] == "--":  # argparse drops it after a command
        options.rest = ["--", *options.rest]
    return name, options


def global_options(options: argparse.Namespace) -> argparse.Namespace:
    """Return those of ``options`` that every command has."""
    own = {"help", "version", "command", "rest"}
    names = {action.dest for action in first_parser()._actions} - own  # noqa: SLF001 - argparse has no other list
    return argparse.Namespace(**{name: getattr(options, name) for name in names})


def subcommands(name: str) -> dict[str, Command]:
    """Return the commands whose names are two words, the first of them ``name``."""
    return {each: command for each, command in COMMANDS.items() if each.startswith(f"{name} ")}


@functools.cache
def first_parser() -> argparse.ArgumentParser:
    """Return the parser of what stands before the arguments of a command."""
    first = _Parser(prog="aios3", add_help=False, allow_abbrev=False)
    _add_options(first, default=None)
    first.add_argument("-h", "--help", action="store_true", help="print this help")
    first.add_argument("--version", action="store_true", help="print the version")
    first.add_argument("command", nargs="?")
    first.add_argument("rest", nargs=argparse.REMAINDER)
    return first


@functools.cache
def parser_of(command: Command) -> argparse.ArgumentParser:
    """Return the parser of one command's arguments and of the global options."""
    examples = "\n".join(f"  {example}" for example in command.examples)
    parser = _Parser(
        prog=f"aios3 {command.name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    command.load().ARGUMENTS[command.name](parser)
    short = () if "-h" in parser._option_string_actions else ("-h",)  # noqa: SLF001 - ls -lh, du -sh
    parser.add_argument(*short, "--help", action="help", help="print this help")
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
    to.add_argument(
        *("--concurrency", "--numworkers"),
        type=parse_count,
        metavar="N",
        default=default,
        help="requests at a time (32)",
    )
    to.add_argument("--part-size", type=parse_size, metavar="SIZE", default=default, help="bytes of a part (8M)")
    to.add_argument(
        "--limit-rate", type=parse_size, metavar="SIZE", default=default, help="bytes a second, up and down together"
    )
    to.add_argument(
        "--dry-run",
        "--dryrun",
        action="store_true",
        default=flag,
        help="print what would be done, as lines for aios3 run",
    )
    to.add_argument("--json", action="store_true", default=flag, help="print one JSON object a line")
    to.add_argument("-q", "--quiet", "--only-show-errors", action="store_true", default=flag, help="print errors only")
    to.add_argument("-v", "--verbose", action="store_true", default=flag, help="print each request on stderr")
    to.add_argument("--no-progress", action="store_true", default=flag, help="show no bar")
    to.add_argument("--stats", "--stat", action="store_true", default=flag, help="print numbers of requests at the end")
    to.add_argument("--debug", action="store_true", default=flag, help="print the traceback of an error")
    add_without_effect(to, default=default)


def _print_and_exit(text: str) -> NoReturn:
    sys.stdout.write(text)
    raise SystemExit(0)


def _version() -> str:
    import aios3  # noqa: PLC0415 - the help needs nothing of the library

    return aios3.__version__


def help_text(commands: Mapping[str, Command] = COMMANDS) -> str:
    """Return the help of the program, or of commands whose names begin with the same word."""
    width = max(map(len, commands)) + 2
    lines = [f"  {command.name:{width}}{command.summary}" for command in commands.values()]
    return "\n".join(
        (
            "usage: aios3 [options] COMMAND [arguments]",
            "",
            DESCRIPTION,
            "",
            "commands:",
            *lines,
            "",
            "aios3 COMMAND --help tells more, with examples.",
            "",
        )
    )
