"""The sessions of drop-in classes that have none: one for each server and identity, however many objects use it."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

import aios3.sync
from aios3._boto.boto3_clients import config_of

if TYPE_CHECKING:
    from aios3 import Config


class Client(Protocol):
    """A boto3 client of S3."""

    @property
    def meta(self) -> Any:  # noqa: ANN401 - botocore has no types
        """The address, the region and the settings."""


AnyClient = aios3.sync.Session | Client

_lock = threading.Lock()
_by_settings: dict[tuple[object, ...], aios3.sync.Session] = {}
_by_client: weakref.WeakKeyDictionary[Client, tuple[int, aios3.sync.Session]] = weakref.WeakKeyDictionary()


def session_for(config: Config) -> aios3.sync.Session:
    """Return the session of this process for ``config`` and for the environment as it is now."""
    aws = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(("AWS_", "OSS_"))))
    key = (os.getpid(), config, aws)
    with _lock:
        if key not in _by_settings or _by_settings[key].closed:
            _by_settings[key] = aios3.sync.Session(config)
        return _by_settings[key]


def session_of(client: AnyClient) -> aios3.sync.Session:
    """Return a session that goes where a boto3 client goes, as whoever it is; a session stays as it is."""
    if isinstance(client, aios3.sync.Session):
        return client
    with _lock:
        pid, session = _by_client.get(client, (0, None))
        if session is None or pid != os.getpid() or session.closed:
            session = aios3.sync.Session(config_of(client))
            _by_client[client] = os.getpid(), session
        return session
