"""Rules for arguments, by name, in every verb: invalid ones are rejected before anything is sent.

The same name means the same in every verb, so the rules stand here once. Values are not shown where they may be secret.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from aios3.errors import ConfigError

KEY_BYTES = 32
"""The size of a key of a customer's (SSE-C): AES-256."""

_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""Characters that headers cannot hold: line breaks, NUL and other controls, and text that is not valid Unicode."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

T = TypeVar("T")
Judge = Callable[[str, object], None]


def check_arguments(**arguments: object) -> None:
    """Raise ConfigError for the first of ``arguments`` that cannot be what its name says. None is always left open."""
    for name, value in arguments.items():
        judge = _CHECKS.get(name)
        if judge is not None and value is not None:
            judge(name, value)


def _reject(name: str, what: str, value: object, *, show: bool = True) -> ConfigError:
    actual = repr(value) if show and isinstance(value, (str, int, float)) else type(value).__name__
    return ConfigError(f"{name} must be {what}, not {actual}")


def _is_kind(name: str, value: object, *, kinds: tuple[type, ...], what: str) -> None:
    if not isinstance(value, kinds):
        raise _reject(name, what, value)


def _is_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _reject(name, "True or False", value)


def _is_header(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise _reject(name, "a str", value)
    if _UNFIT.search(value):
        message = f"{name} must fit into a header, without line breaks and control characters, not {value!r}"
        raise ConfigError(message)


def _is_name(name: str, value: object) -> None:
    _is_header(name, value)
    if not value:
        message = f"{name} must not be empty; leave it out instead"
        raise ConfigError(message)


def _is_etag(name: str, value: object) -> None:
    _is_name(name, value)
    if isinstance(value, str) and not value.strip('"'):
        message = f"{name} must have the ETag of a version, not {value!r}; leave it out instead"
        raise ConfigError(message)


def _is_key(name: str, value: object) -> None:
    if not isinstance(value, (bytes, bytearray)):
        raise _reject(name, f"bytes, {KEY_BYTES} of them", value, show=False)
    if len(value) != KEY_BYTES:
        message = f"{name} must have {KEY_BYTES} bytes, not {len(value)}"
        raise ConfigError(message)


def _is_metadata(name: str, value: object) -> None:
    seen: dict[str, str] = {}
    for key, text in _texts(name, value).items():
        if not _TOKEN.fullmatch(key):
            message = f"{name} cannot be named {key!r}: only ASCII letters, digits and !#$%&'*+-.^_`|~ can"
            raise ConfigError(message)
        if (other := seen.setdefault(key.lower(), key)) != key:
            message = f"{name} has {other!r} and {key!r}, and S3 keeps one of them: it knows no capitals in names"
            raise ConfigError(message)
        if not text.isascii() or _UNFIT.search(text) or text != text.strip(" \t"):
            message = (
                f"{name} {key!r} cannot be {text!r}: S3 keeps ASCII, without control characters and without spaces at "
                "the ends; encode it, for example with base64"
            )
            raise ConfigError(message)


def _is_tags(name: str, value: object) -> None:
    if "" in _texts(name, value):
        message = f"{name} must not have an empty name"
        raise ConfigError(message)


def _texts(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise _reject(name, "a mapping of str to str", value)
    for key, text in value.items():
        for each in (key, text):
            if not isinstance(each, str):
                message = f"{name} must be a mapping of str to str, and not hold {each!r} of type {type(each).__name__}"
                raise ConfigError(message)
    return value


def _is_texts(name: str, value: object) -> None:
    _texts(name, value)


def _is_number(name: str, value: object, *, least: int | None) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise _reject(name, "a whole number", value)
    if least is not None and int(value) < least:
        raise _reject(name, f"at least {least}", value)


def _is_function(name: str, value: object) -> None:
    if not callable(value):
        raise _reject(name, "a function, or None", value)


def _is_patterns(name: str, value: object) -> None:
    """Reject a text by itself: each of its letters would be taken for a pattern."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise _reject(name, "a list of patterns", value)
    for each in value:
        if not isinstance(each, str):
            msg = f"Each of {name}"
            raise _reject(msg, "a str", each)


def _is_codec(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise _reject(name, "a str", value)
    try:
        codecs.lookup(value)
    except LookupError as error:
        raise _reject(name, "an encoding that Python knows", value) from error


def _is_age(name: str, value: object) -> None:
    if not isinstance(value, (timedelta, int, float)) or isinstance(value, bool):
        raise _reject(name, "a timedelta or a number of seconds", value)


def _is_moment(name: str, value: object) -> None:
    if not isinstance(value, (datetime, timedelta, int)) or isinstance(value, bool):
        raise _reject(name, "a datetime, a timedelta or a number of seconds", value)


def check_writable(name: str, value: object) -> None:
    """Raise ConfigError unless ``value`` can be written to: before the request, and not after it."""
    if not callable(getattr(value, "write", None)):
        raise _reject(name, "a binary file with write()", value)


def list_of(name: str, values: object, kind: type[T]) -> list[T]:
    """Return ``values`` as a list; raise ConfigError unless each is of ``kind``."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise _reject(name, f"a list of {kind.__name__}", values)
    items = list(values)
    for each in items:
        if not isinstance(each, kind):
            message = f"Each of {name}"
            raise _reject(message, f"a {kind.__name__}", each)
    return items


_FLAGS = (
    "allow_public_access",
    "checksum",
    "delete",
    "dry_run",
    "enabled",
    "exact_times",
    "exist_ok",
    "follow_symlinks",
    "followlinks",
    "force",
    "join",
    "listing",
    "missing_ok",
    "ordered",
    "overwrite",
    "parallel",
    "recalculate",
    "recursive",
    "resume",
    "size_only",
    "unblock",
    "versions",
)
_HEADERS = (
    "acl",
    "cache_control",
    "content_disposition",
    "content_encoding",
    "content_language",
    "content_type",
    "expires",
    "sse",
    "sse_kms_key_id",
    "storage_class",
)
_TEXTS = (
    "cache_key",
    "compression",
    "delimiter",
    "identifier",
    "on_error",
    "operation",
    "output_path",
    "prefix",
    "profile",
)
_TEXT = partial(_is_kind, kinds=(str,), what="a str")

_CHECKS: dict[str, Judge] = {
    **dict.fromkeys(_FLAGS, _is_flag),
    **dict.fromkeys(_HEADERS, _is_header),
    **dict.fromkeys(_TEXTS, _TEXT),
    "version_id": _is_name,
    "if_match": _is_etag,
    **dict.fromkeys(("callback", "on_action", "on_extracted", "progress", "progress_callback"), _is_function),
    **dict.fromkeys(
        ("compresslevel", "lifetime_in_days", "max_keys", "start", "stop"), partial(_is_number, least=None)
    ),
    "block_size": partial(_is_number, least=0),
    "concurrency": partial(_is_number, least=1),
    **dict.fromkeys(("parameters", "fields"), _is_texts),
    **dict.fromkeys(("include", "exclude"), _is_patterns),
    **dict.fromkeys(("doc", "policy"), partial(_is_kind, kinds=(Mapping,), what="a mapping")),
    "cache_path": partial(_is_kind, kinds=(str, os.PathLike), what="the name of a file"),
    "conditions": partial(_is_kind, kinds=(list, tuple), what="a list of conditions"),
    "encoding": _is_codec,
    "expire": _is_moment,
    "metadata": _is_metadata,
    "older_than": _is_age,
    "sse_customer_key": _is_key,
    "tags": _is_tags,
}
