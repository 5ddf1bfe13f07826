"""The sessions of drop-in classes that have none: one for each server and identity, however many objects use it."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Protocol

import aios3.sync
from aios3 import Config, Credentials

_lock = threading.Lock()
_by_settings: dict[tuple[object, ...], aios3.sync.Session] = {}
_by_client: weakref.WeakKeyDictionary[Client, aios3.sync.Session] = weakref.WeakKeyDictionary()


class Client(Protocol):
    """What is looked at of a boto3 client."""

    @property
    def meta(self) -> Any:  # noqa: ANN401 - botocore has no types
        """The address and the region."""


def session_for(config: Config) -> aios3.sync.Session:
    """Return the session of this process for ``config`` and for the environment as it is now."""
    aws = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(("AWS_", "OSS_"))))
    key = (os.getpid(), config, aws)
    with _lock:
        if key not in _by_settings or _by_settings[key].closed:
            _by_settings[key] = aios3.sync.Session(config)
        return _by_settings[key]


def session_of(client: aios3.sync.Session | Client) -> aios3.sync.Session:
    """Return a session that goes where a boto3 client goes, with its region and its credentials; a session as it is."""
    if isinstance(client, aios3.sync.Session):
        return client
    with _lock:
        known = _by_client.get(client)
        if known is None or known.closed:
            known = _by_client[client] = aios3.sync.Session(_config_of(client))
        return known


def _config_of(client: Client) -> Config:
    endpoint, region = client.meta.endpoint_url, client.meta.region_name
    # botocore has no public way to ask a client who it is.
    source = getattr(getattr(client, "_request_signer", None), "_credentials", None)
    if source is None:
        return Config(endpoint_url=endpoint, region=region)

    def current() -> Credentials:
        frozen = source.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    lasting = current()
    return Config(endpoint_url=endpoint, region=region, credentials=current if lasting.session_token else lasting)
