"""moto, as ``aios3.testing.LocalServer`` serves it, in a process of its own so that it takes no time from the tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servers.processes import Processes

USER = ("AKIATEST", "secrettest")
OTHER = None

_PROGRAM = Path(__file__).parent / "programs" / "serve_moto.py"


def install() -> None:
    """moto is an extra of aios3, installed with it."""


def start(processes: Processes, port: int) -> None:
    """Start the embedded server by itself."""
    processes.spawn("moto", sys.executable, _PROGRAM, str(port))
    processes.wait_for_http(port)
