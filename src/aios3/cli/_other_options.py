"""Options of ``aws s3`` and ``s5cmd``: those that change nothing here, and what to use for those that are not here."""

from __future__ import annotations

import argparse

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
    "--humanize": "ls -l and du show sizes for people, --bytes exact ones",
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
    "--summarize": "du adds up sizes and numbers",
    "--use-list-objects-v1": "servers are listed with ListObjectsV2 only",
    "--version-id": "cat --version-id ID PATH > FILE reads an older version, rm --version-id deletes one",
    "--website-redirect": "set it with another program",
}
"""The advice on each option that is rejected."""


def add_without_effect(to: argparse.ArgumentParser | argparse._ArgumentGroup, *, default: str | None) -> None:
    """Add the options that change nothing; the help does not show them."""
    for option, metavar in _WITHOUT_EFFECT.items():
        action = "store_true" if metavar is None else "store"
        to.add_argument(option, dest="without_effect", action=action, default=default, help=argparse.SUPPRESS)


def advice_on(message: str) -> str | None:
    """Return what to use for the first option of another program that ``message`` of argparse does not know."""
    words = message.removeprefix("unrecognized arguments: ").split()
    known = (INSTEAD.get(word.partition("=")[0]) for word in words)
    return next((advice for advice in known if advice), None) if message != " ".join(words) else None
