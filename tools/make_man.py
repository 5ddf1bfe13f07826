"""Write ``docs/man/aios3.1`` from the parsers of the command line, or compare it: ``--check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pages import write_or_check

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from aios3 import __version__  # noqa: E402 - found on the path above
from aios3.cli._commands import COMMANDS  # noqa: E402
from aios3.cli._describing import arguments_of, options_of  # noqa: E402
from aios3.cli._parsing import DESCRIPTION, first_parser, parser_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aios3.cli._commands import Command
    from aios3.cli._describing import Option

PAGE = ROOT / "docs" / "man" / "aios3.1"
STATUS = {
    "0": "All was done.",
    "1": "Some failed; each is one line on standard error.",
    "2": "The arguments make no sense.",
    "130, 143": "Ended by Ctrl-C, or by SIGTERM.",
    "141": "The reader of the output has gone.",
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN": "Credentials.",
    "AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE": "The profile, and the files with profiles.",
    "AWS_REGION, AWS_DEFAULT_REGION": "The region of the buckets.",
    "AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3": "The server, if it is not Amazon's.",
    "NO_COLOR": "Print no colours.",
}
PATHS = """\
A path is s3://bucket/key, s3+profile://bucket/key, or local where a command reads or writes the disk. A path that ends
in / is a directory. Wildcards are * ? [...] {a,b} and **, which spans directories; quote them, because the shell
expands its own. --raw takes them for characters of the key."""


def render() -> str:
    """Return the page."""
    lines = [
        '.\\" Written by tools/make_man.py from the parsers of aios3. Do not edit.',
        f'.TH AIOS3 1 "" "aios3 {__version__}" "User Commands"',
        ".SH NAME",
        r"aios3 \- files of S3 on the command line",
        ".SH SYNOPSIS",
        ".B aios3",
        r"[\fIoptions\fR] \fICOMMAND\fR [\fIarguments\fR]",
        ".SH DESCRIPTION",
        _text(DESCRIPTION),
        ".PP",
        _text(PATHS),
        ".SH OPTIONS OF EVERY COMMAND",
        *_options(options_of(first_parser())),
        ".SH COMMANDS",
        *(line for command in COMMANDS.values() for line in _command(command)),
        ".SH EXIT STATUS",
        *_pairs(STATUS),
        ".SH ENVIRONMENT",
        *_pairs(ENVIRONMENT),
        ".SH FILES",
        *_pairs({"~/.aws/config, ~/.aws/credentials": "Profiles, as all programs for Amazon's services read them."}),
    ]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> Iterator[str]:
    parser = parser_of(command)
    everywhere = {option.names for option in options_of(first_parser())}
    own = [option for option in options_of(parser) if option.names not in everywhere and "--help" not in option.names]
    arguments = list(arguments_of(parser))
    names = " ".join(rf"\fI{_text(argument.metavar)}\fR" for argument in arguments)
    yield f'.SS "{_text(f"aios3 {command.name}")}"'
    yield rf"\fBaios3 {_text(command.name)}\fR [\fIoptions\fR] {names}".rstrip()
    yield ".PP"
    yield _text(f"{command.summary[0].upper()}{command.summary[1:]}.")
    for argument in arguments:
        yield from (".TP", rf"\fI{_text(argument.metavar)}\fR", _text(argument.help))
    yield from _options(own)
    yield from (".PP", "Examples:", ".PP", ".nf", ".RS 4")
    yield from (_text(example) for example in command.examples)
    yield from (".RE", ".fi")


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        value = "" if option.metavar is None else rf" \fI{_text(option.metavar)}\fR"
        names = ", ".join(rf"\fB{_text(name)}\fR" for name in option.names)
        choices = f" ({', '.join(option.choices)})" if option.choices and "|" not in (option.metavar or "") else ""
        yield from (".TP", f"{names}{value}", _text(option.help + choices))


def _pairs(pairs: dict[str, str]) -> Iterator[str]:
    for name, text in pairs.items():
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(text))


def _text(text: str) -> str:
    """Return a text so that roff prints it as it stands."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("^", r"\(ha")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render(), "make_man.py"))
