"""The options that say what objects are stored with: ``--content-type``, ``--storage-class`` and so on."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, cast

from aios3.cli._units import http_date
from aios3.cli._usage import UsageError
from aios3.cli._words import option_words

if TYPE_CHECKING:
    import aios3
    from aios3.cli._paths import Side

_TEXTS = {
    "content_type": "TYPE",
    "content_encoding": "CODING",
    "content_disposition": "TEXT",
    "content_language": "TAG",
    "cache_control": "TEXT",
    "expires": "TIME",
    "storage_class": "CLASS",
    "acl": "ACL",
    "sse": "METHOD",
    "sse_kms_key_id": "ID",
}
_HELP = {
    "content_type": "by default what the end of the name says",
    "expires": "until when caches may keep it: 2026-11-30, 2026-11-30T12:00:00Z, or the header's own text",
    "storage_class": "such as STANDARD_IA, GLACIER, INTELLIGENT_TIERING",
    "acl": "such as private, public-read, bucket-owner-full-control",
    "sse": "encryption by the server: AES256 (without a value), aws:kms or aws:kms:dsse",
}
_PARSERS = {"expires": http_date}
_PAIRS = {"metadata": "NAME=VALUE", "tags": "NAME=VALUE"}


def _pairs(text: str) -> dict[str, str]:
    """Return ``a=1``, ``a=1,b=2`` or a JSON object as a mapping; raise ArgumentTypeError for anything else."""
    if text.startswith("{"):
        try:
            loaded = json.loads(text)
        except ValueError as error:
            message = f"{text!r} is not JSON: {error}"
            raise argparse.ArgumentTypeError(message) from error
        return {str(name): str(value) for name, value in loaded.items()}
    items = text.split(",")
    if not all("=" in item for item in items):
        items = [text]  # the commas are of a value
    pairs = [item.partition("=") for item in items]
    if any(not name or not separator for name, separator, _ in pairs):
        message = f"{text!r} is not NAME=VALUE"
        raise argparse.ArgumentTypeError(message)
    return {name: value for name, _, value in pairs}


def add_object_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("what objects are stored with")
    for name, metavar in _TEXTS.items():
        option, parse = f"--{name.replace('_', '-')}", _PARSERS.get(name, str)
        without_value: dict[str, Any] = {"nargs": "?", "const": "AES256"} if name == "sse" else {}
        group.add_argument(option, metavar=metavar, type=parse, help=_HELP.get(name), **without_value)
    for name, metavar in _PAIRS.items():
        spellings = [f"--{name}"] if name == "metadata" else ["--tag", "--tags"]
        group.add_argument(
            *spellings, dest=name, metavar=metavar, type=_pairs, action="append", help="several: again, or with commas"
        )


def object_options(options: argparse.Namespace) -> aios3.UploadOptions:
    """Return what was given, as the verbs take it."""
    values: dict[str, Any] = {name: getattr(options, name) for name in _TEXTS}
    for name in _PAIRS:
        pairs = getattr(options, name)
        values[name] = None if pairs is None else {key: value for each in pairs for key, value in each.items()}
    return cast("aios3.UploadOptions", {name: value for name, value in values.items() if value is not None})


def options_for(target: Side, options: argparse.Namespace) -> aios3.UploadOptions:
    """Return what was given for copies at ``target``; raise UsageError for a local one, which keeps none of it."""
    upload_options = object_options(options)
    if upload_options and isinstance(target, str):
        message = "a local file has no content type, storage class or the like; leave these options out"
        raise UsageError(message)
    return upload_options


def object_words(options: aios3.UploadOptions) -> list[str]:
    """Return the words of a command line that say the same."""
    return option_words({name: json.dumps(value) if name in _PAIRS else value for name, value in options.items()})
