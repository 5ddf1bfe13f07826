"""The commands ``bucket ...``: configuration of a bucket as JSON, in the form of S3's API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import aios3
from aios3.cli._app import UsageError
from aios3.cli._names import STANDARD_STREAM, require_s3
from aios3.cli._stdin import open_to_read, read_chunks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from aios3.cli._app import App

    Document = dict[str, Any]

_CORS_MEMBERS = {
    "AllowedOrigins": "origins",
    "AllowedMethods": "methods",
    "AllowedHeaders": "headers",
    "ExposeHeaders": "expose_headers",
    "MaxAgeSeconds": "max_age_seconds",
    "ID": "id",
}
_VERSIONING_WORDS = {"enabled": True, "suspended": False}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of configuration: how it is read, written and deleted, and the words that may stand for a document."""

    get: Callable[[aios3.Bucket], Awaitable[Document | None]]
    put: Callable[[aios3.Bucket, Document], Awaitable[None]]
    delete: Callable[[aios3.Bucket], Awaitable[None]] | None
    words: Callable[[list[str]], Document | None] = lambda _words: None


async def _get_versioning(bucket: aios3.Bucket) -> Document:
    status = await bucket.get_versioning()
    return {} if status is None else {"Status": status}


async def _put_versioning(bucket: aios3.Bucket, document: Document) -> None:
    status = str(document.get("Status", "")).lower()
    if document.keys() != {"Status"} or status not in _VERSIONING_WORDS:
        message = "versioning is 'enabled' or 'suspended', or a document {\"Status\": \"Enabled\"}"
        raise UsageError(message)
    await bucket.set_versioning(_VERSIONING_WORDS[status])


def _versioning_of(words: list[str]) -> Document | None:
    is_status = len(words) == 1 and words[0].lower() in _VERSIONING_WORDS
    return {"Status": words[0]} if is_status else None


async def _get_lifecycle(bucket: aios3.Bucket) -> Document:
    return {"Rules": await bucket.get_lifecycle()}


async def _put_lifecycle(bucket: aios3.Bucket, document: Document) -> None:
    await bucket.put_lifecycle(_listed(document, "Rules"))


async def _get_cors(bucket: aios3.Bucket) -> Document:
    rules = await bucket.get_cors()
    return {"CORSRules": [_cors_document(rule) for rule in rules]}


def _cors_document(rule: aios3.CorsRule) -> Document:
    values = {member: getattr(rule, name) for member, name in _CORS_MEMBERS.items()}
    return {member: value for member, value in values.items() if value not in (None, ())}


async def _put_cors(bucket: aios3.Bucket, document: Document) -> None:
    await bucket.put_cors([_cors_rule(rule) for rule in _listed(document, "CORSRules")])


def _cors_rule(rule: Document) -> aios3.CorsRule:
    unknown = rule.keys() - _CORS_MEMBERS.keys()
    missing = {"AllowedOrigins", "AllowedMethods"} - rule.keys()
    if unknown or missing:
        problem = f"has {min(unknown)!r}" if unknown else f"lacks {min(missing)!r}"
        message = f"a CORS rule {problem}; its members are {', '.join(_CORS_MEMBERS)}"
        raise UsageError(message)
    return aios3.CorsRule(**{_CORS_MEMBERS[member]: value for member, value in rule.items()})


async def _get_tags(bucket: aios3.Bucket) -> Document:
    tags = await bucket.get_tags()
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


async def _put_tags(bucket: aios3.Bucket, document: Document) -> None:
    tags = _listed(document, "TagSet")
    if any(tag.keys() != {"Key", "Value"} for tag in tags):
        message = 'a tag is {"Key": ..., "Value": ...} in a document'
        raise UsageError(message)
    await bucket.put_tags({tag["Key"]: tag["Value"] for tag in tags})


def _tags_of(words: list[str]) -> Document | None:
    if not words or not all("=" in word for word in words):
        return None
    pairs = (word.partition("=") for word in words)
    return {"TagSet": [{"Key": key, "Value": value} for key, _, value in pairs]}


def _listed(document: Document, member: str) -> list[Document]:
    """Return the list that is the one member of a document; raise UsageError for another document."""
    listed = document.get(member)
    if (
        document.keys() != {member}
        or not isinstance(listed, list)
        or not all(isinstance(each, dict) for each in listed)
    ):
        message = f'the document must be an object with one list, {{"{member}": [...]}}, as get prints it'
        raise UsageError(message)
    return listed


_KINDS = {
    "versioning": _Kind(_get_versioning, _put_versioning, None, _versioning_of),
    "lifecycle": _Kind(_get_lifecycle, _put_lifecycle, lambda bucket: bucket.put_lifecycle([])),
    "policy": _Kind(aios3.Bucket.get_policy, aios3.Bucket.put_policy, lambda bucket: bucket.put_policy(None)),
    "cors": _Kind(_get_cors, _put_cors, lambda bucket: bucket.put_cors([])),
    "tags": _Kind(_get_tags, _put_tags, lambda bucket: bucket.put_tags({}), _tags_of),
}
_VALUES = {
    "versioning": "enabled, suspended, or a file with the document",
    "tags": "NAME=VALUE ..., or a file with the document",
}


def _arguments(name: str, parser: argparse.ArgumentParser) -> None:
    actions = ["get", "set"] if _KINDS[name].delete is None else ["get", "set", "delete"]
    parser.add_argument("action", choices=actions, help=f"{', '.join(actions)}: print, replace or delete it")
    parser.add_argument("bucket", metavar="BUCKET", help="s3://bucket")
    parser.add_argument(
        "value", nargs="*", metavar="VALUE", help=f"of set: {_VALUES.get(name, 'a file with the document')} (-)"
    )


async def _run(name: str, app: App, options: argparse.Namespace) -> None:
    kind = _KINDS[name]
    bucket = aios3.Bucket(require_s3(options.bucket), session=await app.session())
    if options.action != "set" and options.value:
        message = f"{options.action} takes no value; only set does"
        raise UsageError(message)
    if options.action == "get":
        lines = json.dumps(await kind.get(bucket), indent=2, default=_plain)
        app.output.result({"path": str(bucket.url), name: json.loads(lines)}, *lines.splitlines())
        return
    document = await _document(name, app, options) if options.action == "set" else None
    if document is None and kind.delete is None:
        message = f"{name} cannot be deleted; set another value"
        raise UsageError(message)
    if options.dry_run:
        words = ["bucket", name, options.action, options.bucket, *options.value]
        app.output.dry_run({"command": f"bucket {name} {options.action}", "target": str(bucket.url)}, words)
    elif document is not None:
        await kind.put(bucket, document)
    elif kind.delete is not None:
        await kind.delete(bucket)


async def _document(name: str, app: App, options: argparse.Namespace) -> Document | None:
    """Return the document that is to be set; None for ``null``, which ``get`` prints where there is none."""
    words: list[str] = options.value or [STANDARD_STREAM]
    document = _KINDS[name].words(words)
    if document is not None:
        return document
    if len(words) > 1:
        message = f"give one file with the document, not {' '.join(words)!r}"
        raise UsageError(message)
    if options.dry_run and words[0] == STANDARD_STREAM:
        message = "--dry-run does not read standard input; give the file with the document"
        raise UsageError(message)
    try:
        return _parsed(await _read(app, words[0]), words[0])
    except FileNotFoundError as error:
        message = f"{words[0]!r} is not there; set takes {_VALUES.get(name, 'a file with the document')}"
        raise UsageError(message) from error


async def _read(app: App, path: str) -> bytes:
    if path == STANDARD_STREAM:
        return b"".join([chunk async for chunk in read_chunks(app.standard_input())])
    async with open_to_read(path) as descriptor:
        return b"".join([chunk async for chunk in read_chunks(descriptor)])


def _parsed(data: bytes, path: str) -> Document | None:
    source = "standard input" if path == STANDARD_STREAM else path
    try:
        document: object = json.loads(data)
    except ValueError as error:
        message = f"{source} is not JSON: {error}"
        raise UsageError(message) from error
    if document is None or isinstance(document, dict):
        return document
    message = f"{source} is not a JSON object, as get prints it"
    raise UsageError(message)


def _plain(value: object) -> str:
    """Return a time as S3's documents have it."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)


ARGUMENTS = {f"bucket {name}": partial(_arguments, name) for name in _KINDS}
RUN = {f"bucket {name}": partial(_run, name) for name in _KINDS}
