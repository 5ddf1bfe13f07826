"""The argument ``s3_resource``, as a session of aios3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aios3.sync
from aios3.compat._sessions import session_of
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any, Protocol

    class S3ServiceResource(Protocol):
        """boto3's resource of S3: ``boto3.resource("s3")``."""

        meta: Any


def session_behind(s3_resource: S3ServiceResource | aios3.sync.Session | None) -> aios3.sync.Session | None:
    """Return the session to use; None is the default one. Raises ConfigError for a value of any other type."""
    if s3_resource is None or isinstance(s3_resource, aios3.sync.Session):
        return s3_resource
    client = getattr(getattr(s3_resource, "meta", None), "client", None)
    if client is None:
        message = f"s3_resource must be boto3.resource('s3'), an aios3.sync.Session or None, not {type(s3_resource)}"
        raise ConfigError(message)
    return session_of(client)
