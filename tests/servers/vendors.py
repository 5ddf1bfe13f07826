"""Vendors' S3, as their documents and their users' reports have it: moto, behind what each of them rejects.

They are no copies. Each knows the deviations that programs have met there; everything else is moto's. The sources are
named with the rules in :mod:`servers.vendor_rules`.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from servers.processes import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servers.processes import Processes

_PROGRAM = Path(__file__).parent / "programs" / "serve_vendor.py"


@dataclass(frozen=True, slots=True)
class Vendor:
    """One of them: how it is reached, and which program serves it."""

    name: str
    region: str = "us-east-1"
    domain: str | None = None
    """The domain under which the buckets are hosts of their own; None where they are in the path."""

    USER = ("AKIATEST", "secrettest")
    OTHER = None

    def install(self) -> None:
        """moto is an extra of aios3, installed with it."""

    def start(self, processes: Processes, port: int) -> None:
        """Serve it from a process of its own."""
        processes.spawn(self.name, sys.executable, _PROGRAM, self.name, str(port))
        processes.wait_for_http(port)

    @contextlib.contextmanager
    def reachable(self, port: int) -> Iterator[str]:
        """Lead its host names to loopback in this process; yield the address that a user would set."""
        if self.domain is None:
            yield f"http://{HOST}:{port}"
            return
        system = socket.getaddrinfo

        def getaddrinfo(host: object, service: object, *args: object, **kwargs: object) -> list:
            name = host.decode() if isinstance(host, bytes) else str(host)
            known = name == self.domain or name.endswith(f".{self.domain}")
            return system(HOST if known else host, service, *args, **kwargs)

        with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
            yield f"http://{self.domain}:{port}"


VENDORS: Mapping[str, Vendor] = {
    each.name: each
    for each in (
        Vendor("vendor-r2", region="auto"),
        Vendor("vendor-b2", region="us-west-004"),
        Vendor("vendor-gcs", region="auto"),
        Vendor("vendor-oss", region="oss-cn-hangzhou", domain="oss-cn-hangzhou.aliyuncs.com"),
        Vendor("vendor-wasabi", region="eu-central-2"),
        Vendor("vendor-spaces", region="nyc3"),
        Vendor("vendor-minio"),
    )
}
