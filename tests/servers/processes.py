"""The processes of one server: started each in a group of its own, watched until ready, stopped by their ids."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

HOST = "127.0.0.1"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} and not name.startswith("COVERAGE_")
}
"""The environment before any test changed it, without what leads another Python astray or measures a server's lines."""

_START_SECONDS = 90
_STOP_SECONDS = 10
_POLL_SECONDS = 0.05
_LOG_TAIL_BYTES = 4000
_PR_SET_PDEATHSIG = 1
"""Linux's prctl(2): the signal that a process gets when its parent ends."""
_C_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerFailedError(Exception):
    """Raised when a server ends early, or does not become ready; says what its logs say."""


class Processes:
    """The processes that make one server, with their store and logs in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: list[tuple[str, subprocess.Popen[bytes], int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def spawn(
        self, name: str, *command: str | Path, env: Mapping[str, str] | None = None, stop_with: int = signal.SIGTERM
    ) -> None:
        """Start a process that is stopped, with its children, by signal ``stop_with``."""
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.directory,
                env=ENVIRONMENT | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(_end_with_parent, stop_with),  # noqa: PLW1509 - one system call, and no thread of ours holds a lock
            )
        self._running.append((name, process, stop_with))

    def run(self, *command: str | Path, env: Mapping[str, str] | None = None) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.directory,
            env=ENVIRONMENT | dict(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_START_SECONDS,
        )
        if done.returncode:
            message = f"{command} failed with {done.returncode}:\n{done.stdout}{done.stderr}\n{self._logs()}"
            raise ServerFailedError(message)
        return done.stdout

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Poll until ``ready()``; raise ServerFailedError if a process ends, or the time does."""
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            ended = [name for name, process, _ in self._running if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                why = f"{', '.join(ended)} ended" if ended else f"not ready after {_START_SECONDS} s"
                message = f"{what}: {why}\n{self._logs()}"
                raise ServerFailedError(message)
            time.sleep(_POLL_SECONDS)

    def wait_for_http(self, port: int, path: str = "/", *, below: int = 600) -> None:
        """Poll until the response to a GET of ``path`` has a status below ``below``."""
        self.wait_until(lambda: (_http_status(port, path) or below) < below, f"http://{HOST}:{port}{path}")

    def stop(self) -> None:
        """End all processes, the youngest first."""
        while self._running:
            _name, process, stop_with = self._running.pop()
            if process.poll() is not None:
                continue  # and its id may belong to another process by now
            os.killpg(process.pid, stop_with)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _logs(self) -> str:
        tails = []
        for log in sorted(self.directory.glob("*.log")):
            text = log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
            tails.append(f"--- {log.name}\n{text}")
        return "\n".join(tails)


def _end_with_parent(stop_with: int) -> None:
    """Let Linux stop the server even if the tests are killed."""
    if _C_LIBRARY is not None:
        _C_LIBRARY.prctl(_PR_SET_PDEATHSIG, stop_with)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def free_port() -> int:
    """Return a port of loopback that nothing listens on now."""
    return free_ports(1)[0]


def _http_status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
