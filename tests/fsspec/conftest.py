"""The tests of the filesystem for fsspec need fsspec, and run on every server that ``--server`` names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fsspec_fixtures import IGNORED, bucket, fs, storage_options

if TYPE_CHECKING:
    from admin import Admin

__all__ = ["bucket", "fs", "storage_options"]

collect_ignore_glob = IGNORED


@dataclass(frozen=True)
class OneOfTheServers:
    """A server as the fixtures of ``aios3.testing`` show the embedded one."""

    name: str
    endpoint_url: str
    config: dict[str, Any]
    admin: Admin

    def create_bucket(self, name: str) -> str:
        """Make a bucket and return its path."""
        return self.admin.create_bucket(name)


@pytest.fixture(scope="session")
def aios3_server(server, admin):
    """Stand in the place of the embedded server, which is one of those that ``--server`` names."""
    return OneOfTheServers(server.name, server.endpoint_url, server.config, admin)
