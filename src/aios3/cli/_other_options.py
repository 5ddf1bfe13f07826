"""Options of ``aws s3`` and ``s5cmd``: those that change nothing here, and what to use for those that are not here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WITHOUT_EFFECT = {
    "--page-size": "N",
    "--expected-size": "N",
    "--progress-frequency": "N",
    "--checksum-mode": "MODE",
    "--progress-multiline": None,
    "--show-progress": None,
    "--ignore-glacier-warnings": None,
    "--validate-same-s3-paths": None,
    "--no-cli-pager": None,
}
"""Options that ask for what is done anyway, by the names of their values. Pages are full, and parts fit any size.
Bodies are compared with their checksums, and a move onto itself is rejected."""

INSTEAD = {
    "--bucket-name-prefix": "name the buckets with a pattern: ls 's3://data-*'",
    "--case-conflict": "keys that differ in case only need a disk that tells them apart",
    "--checksum-algorithm": "a checksum goes to Amazon in any case; the profile has request_checksum_calculation",
    "--color": "NO_COLOR=1 switches colours off",
    "--copy-props": "a copy inside S3 keeps all that the options do not name",
    "--credentials-file": "set AWS_SHARED_CREDENTIALS_FILE",
    "--etag": "ls --json and stat show the ETag",
    "--exit-on-error": "run stops for nothing; a script sees the exit status of each command",
    "--force-glacier-transfer": "restore archived objects first, with another program",
    "--grants": "--acl takes a canned ACL",
    "--if-size-differ": "sync --size-only copies by size",
    "--if-source-newer": "sync copies what is newer",
    "--install-completion": "completion bash prints the script",
    "--log": "-v shows requests, --debug tracebacks",
    "--metadata-directive": "a copy inside S3 keeps what the options do not name; --metadata replaces metadata alone",
    "--no-follow-symlinks": "links to files are read; those to directories are not entered without --follow-symlinks",
    "--no-guess-mime-type": "--content-type application/octet-stream stores that type",
    "--output": "--json prints one JSON object a line",
    "--query": "--json prints one JSON object a line, which jq selects from",
    "--show-fullpath": "ls --json has whole paths",
    "--sse-c": "the Python library takes sse_customer_key=, the program no keys",
    "--sse-c-copy-source": "the Python library takes sse_customer_key=, the program no keys",
    "--sse-c-copy-source-key": "the Python library takes sse_customer_key=, the program no keys",
    "--sse-c-key": "the Python library takes sse_customer_key=, the program no keys",
    "--use-list-objects-v1": "servers are listed with ListObjectsV2 only",
    "--version-id": "cat, cp and stat take it, and rm, which deletes a version",
    "--website-redirect": "set it with another program",
}
"""The advice on each option that is rejected."""


def add_without_effect(to: argparse.ArgumentParser | argparse._ArgumentGroup, *, default: str | None) -> None:
    """Add the options that change nothing; the help does not show them."""
    for option, metavar in _WITHOUT_EFFECT.items():
        action = "store_true" if metavar is None else "store"
        to.add_argument(option, dest="without_effect", action=action, default=default, help=argparse.SUPPRESS)


COMMANDS_INSTEAD = {
    "bucket-version": "bucket versioning",
    "check": "cmp",
    "configure": "--profile with the files that aws configure writes",
    "copy": "cp",
    "copyto": "cp",
    "delete": "rm",
    "deletefile": "rm",
    "diff": "cmp",
    "dir": "ls -l",
    "link": "presign",
    "list": "ls",
    "ll": "ls -l",
    "lsf": "ls -r",
    "lsjson": "ls --json",
    "lsl": "ls -l",
    "mkdir": "mb",
    "move": "mv",
    "moveto": "mv",
    "pipe": "put",
    "purge": "rm -r",
    "rcat": "put",
    "remove": "rm",
    "rmdir": "rb",
    "size": "du",
    "touch": "put",
    "version": "--version",
}
"""Commands of other programs, and what does the same here."""


def advice_on(message: str, options: Iterable[str]) -> str | None:
    """Return what to use for the first option that ``message`` of argparse does not know.

    It is of another program, or nearly one of ``options``.
    """
    words = message.removeprefix("unrecognized arguments: ").split()
    if message == " ".join(words):
        return None
    names = [word.partition("=")[0] for word in words if word.startswith("--")]
    instead = next((INSTEAD[name] for name in names if name in INSTEAD), None)
    return instead or next((f"{near} is one" for name in names if (near := _nearest(name, options))), None)


def advice_on_command(name: str, commands: Iterable[str]) -> str:
    """Return what to use for a command that is not there, or which ones are."""
    instead = COMMANDS_INSTEAD.get(name) or _nearest(name, commands)
    return f"use {instead}" if instead else f"there are {', '.join(commands)}"


def _nearest(name: str, names: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    return next(iter(get_close_matches(name, names, 1)), None)
