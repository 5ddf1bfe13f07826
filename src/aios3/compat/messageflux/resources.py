"""What was given as ``s3_resource``, as a session of aios3: one for each boto3 client, for as long as that lives."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

import aios3.sync
from aios3._boto.native import config_of
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any, Protocol

    class S3ServiceResource(Protocol):
        """boto3's resource of S3: ``boto3.resource("s3")``."""

        meta: Any


_lock = threading.Lock()
_sessions: weakref.WeakKeyDictionary[Any, tuple[int, aios3.sync.Session]] = weakref.WeakKeyDictionary()


def session_of(s3_resource: S3ServiceResource | aios3.sync.Session | None) -> aios3.sync.Session | None:
    """Return the session to use; None is the default one. Raises ConfigError for what is none of the three."""
    if s3_resource is None or isinstance(s3_resource, aios3.sync.Session):
        return s3_resource
    client = getattr(getattr(s3_resource, "meta", None), "client", None)
    if client is None:
        message = f"s3_resource must be boto3.resource('s3'), an aios3.sync.Session or None, not {type(s3_resource)}"
        raise ConfigError(message)
    with _lock:
        pid, session = _sessions.get(client, (0, None))
        if session is None or pid != os.getpid() or session.closed:
            session = aios3.sync.Session(config_of(client))
            _sessions[client] = os.getpid(), session
    return session
