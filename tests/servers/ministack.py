"""MiniStack: an emulator that is near to Amazon on conditional writes and checksums, and checks no signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers.installing import venv
from servers.processes import HOST

if TYPE_CHECKING:
    from pathlib import Path

    from servers.processes import Processes

USER = ("AKIATEST", "secrettest")
OTHER = None


def install() -> Path:
    """Install MiniStack."""
    return venv("ministack", "ministack==1.5.33")


def start(processes: Processes, port: int) -> None:
    """Serve S3 from memory; it would listen on all addresses if it were not told otherwise."""
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": HOST, "SERVICES": "s3", "LOG_LEVEL": "WARNING"}
    known = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), USER, strict=True))  # for presigned URLs
    processes.spawn("ministack", install() / "ministack", env=settings | known)
    processes.wait_for_http(port)
