"""megfile's clients and addresses."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import aios3.sync
from aios3.compat.megfile.settings import session
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from aios3._boto.boto3_clients import BaseClient

_ENDPOINTS = ("OSS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

_cache = threading.local()


def get_endpoint_url(profile_name: str | None = None) -> str:
    """Return the address of the server: from the environment, then the profile's files, then Amazon's.

    For a profile the environment's names begin with its own: ``PROFILE__OSS_ENDPOINT``.
    """
    profile = profile_name or os.environ.get("AWS_PROFILE")
    start = f"{profile_name.upper()}__" if profile_name else ""
    for name in _ENDPOINTS:
        if value := os.environ.get(start + name):
            return value
    return aios3.sync.get_endpoint_url(profile, session=session())


def get_s3_client(config: object = None, cache_key: str | None = None, profile_name: str | None = None) -> BaseClient:
    """Return a boto3 client; with ``cache_key`` the same one each time in a thread.

    ``config`` is a botocore ``Config`` to make it with instead of the session's. Raises UnsupportedError without boto3.
    """
    if cache_key is None:
        return _make(config, profile_name)
    clients: dict[tuple[str, str | None], BaseClient] = _cache.__dict__.setdefault("clients", {})
    if (cache_key, profile_name) not in clients:
        clients[cache_key, profile_name] = _make(config, profile_name)
    return clients[cache_key, profile_name]


def _make(config: object, profile_name: str | None) -> BaseClient:
    if config is not None:
        message = "get_s3_client(config=...) is not supported: the session's settings make the client"
        raise UnsupportedError(message)
    return aios3.sync.get_s3_client(profile_name, session=session())
