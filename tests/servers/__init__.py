"""S3 servers to test against: each is installed where it is missing, started on loopback, and stopped by its own pid.

``running("ceph")`` is a context manager that yields a :class:`Server`; ``python tests/servers/run.py ceph`` does the
same by hand. What a server cannot do is declared, with the reason, in :mod:`servers.capabilities`.
"""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servers.capabilities import LACKS
from servers.installing import UnavailableError
from servers.processes import Processes, free_port
from servers.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aios3 import Credentials

__all__ = ["LIGHT", "NAMES", "Server", "UnavailableError", "install", "running"]

NAMES = ("moto", "rclone", "ceph", "swift", "ministack", "localstack", *VENDORS)
LIGHT = ("moto", "rclone")
"""What starts in a second or two and needs nothing but PyPI."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and who may use it."""

    name: str
    endpoint_url: str
    access_key: str
    secret_key: str
    other: tuple[str, str] | None
    """Access key and secret of a second user, who may not see the first one's buckets; None where there are none."""
    region: str = "us-east-1"
    admin_url: str = ""
    """Where the server is for who prepares it, buckets in the path; the endpoint itself unless it takes none there."""

    @property
    def lacks(self) -> Mapping[str, str]:
        """The capabilities that the server has not, with the reasons."""
        return LACKS[self.name]

    @property
    def config(self) -> dict[str, str | Credentials]:
        """The settings of an :class:`aios3.Session` that reach the server."""
        return self.config_of(self.access_key, self.secret_key)

    def config_of(self, access_key: str, secret_key: str) -> dict[str, str | Credentials]:
        """The settings of a session with other credentials."""
        from aios3 import Credentials  # noqa: PLC0415 - installing and running by hand does without aios3

        credentials = Credentials(access_key, secret_key)
        return {"endpoint_url": self.endpoint_url, "region": self.region, "credentials": credentials}


def install(name: str) -> None:
    """Install what server ``name`` needs; raise UnavailableError where that is impossible."""
    _made_by(name).install()


def _made_by(name: str) -> Any:
    return VENDORS.get(name) or importlib.import_module(f"servers.{name}")


@contextlib.contextmanager
def running(name: str, port: int = 0) -> Iterator[Server]:
    """Install and start server ``name`` with an empty store; stop it and delete the store afterwards."""
    maker = _made_by(name)
    maker.install()
    with (
        tempfile.TemporaryDirectory(prefix=f"aios3-{name}-", ignore_cleanup_errors=True) as directory,
        Processes(Path(directory)) as processes,
        contextlib.ExitStack() as stack,
    ):
        port = port or free_port()
        maker.start(processes, port)
        url = f"http://127.0.0.1:{port}"
        if name not in VENDORS:
            yield Server(name, url, *maker.USER, other=maker.OTHER, admin_url=url)
            return
        endpoint_url = stack.enter_context(maker.reachable(port))
        yield Server(name, endpoint_url, *maker.USER, other=maker.OTHER, region=maker.region, admin_url=url)
