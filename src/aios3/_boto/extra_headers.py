"""Headers that botocore would reject or rewrite: what a server has said of an object, sent back to it as it was."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aios3._backend import PutOptions

_added: ContextVar[Mapping[str, str]] = ContextVar("aios3 headers of this request")


def as_stored(options: PutOptions | None) -> dict[str, str]:
    """Return the headers that botocore has no parameters for: it takes metadata in ASCII only, and dates only."""
    if options is None:
        return {}
    headers = {} if options.expires is None else {"Expires": options.expires}
    if options.metadata_as_stored:
        headers |= {f"x-amz-meta-{name}": value for name, value in options.metadata.items()}
    return headers


@contextmanager
def adding(headers: Mapping[str, str]) -> Iterator[None]:
    """Add ``headers`` to the requests that are made inside."""
    token = _added.set(headers)
    try:
        yield
    finally:
        _added.reset(token)


def add_headers(params: dict[str, Any], **_kwargs: object) -> None:
    """Do so, before the request is signed; what botocore calls before it sends one."""
    for name, value in _added.get({}).items():
        params["headers"][name] = value
