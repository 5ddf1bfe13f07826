"""Start the processes that are measured, one at a time, with an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from job import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from rows import Row
    from server.nginx import Servers

WORKER = Path(__file__).with_name("worker.py")
TIMEOUT_SECONDS = 300
KEPT = ("PATH", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH")


class FailedError(Exception):
    """Raised when a process failed; the text is the last line that it said."""


@dataclass(frozen=True)
class Workers:
    """Runs workloads: aios3 with one Python, the other libraries with ``peers_python``."""

    servers: Servers
    own_python: str
    peers_python: str
    processor: int

    def describe(self, library: str) -> dict[str, Any]:
        """Return versions and what is absent, as the library's module says."""
        return self._run(library, "plain", "--describe")

    def verify(self, library: str, row: Row, divide: int) -> None:
        """Do the workload once and compare every byte; on the slow server for some seconds only."""
        originals = f"{self.servers.folder}/objects/bench"
        limit = 600 if row.shape == "plain" else 2
        self._measure(library, row, divide, limit, "--originals", originals)

    def measure(self, library: str, row: Row, divide: int, limit_seconds: float) -> dict[str, Any]:
        """Do the workload once, and return what it took."""
        return self._measure(library, row, divide, limit_seconds)

    def _measure(self, library: str, row: Row, divide: int, limit_seconds: float, *more: str) -> dict[str, Any]:
        arguments = ["--endpoint", self.servers.endpoint(row.shape), "--counter", self.servers.plain]
        if row.shape == "tls":
            arguments += ["--ca", self.servers.ca]
        if row.shape == "s3like":
            arguments += ["--medium"]
        limits = ["--divide", str(divide), "--limit-seconds", str(limit_seconds)]
        return self._run(library, row.shape, row.workload, *arguments, *limits, *more)

    def _run(self, library: str, shape: str, *arguments: str) -> dict[str, Any]:
        python = self.own_python if library == "aios3" else self.peers_python
        command = [python, str(WORKER), library, *arguments, "--processor", str(self.processor)]
        environment = self._environment(shape)
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            message = f"not done after {TIMEOUT_SECONDS} s"
            raise FailedError(message) from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise FailedError(lines[-1][:300])
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def _environment(self, shape: str) -> dict[str, str]:
        """Return what a library may find out by itself: where the server is and who it is; no files of this user."""
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {
            "HOME": self.servers.folder,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.servers.endpoint(shape),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }
        if shape == "tls":
            environment |= {"AWS_CA_BUNDLE": self.servers.ca, "SSL_CERT_FILE": self.servers.ca}
        return environment
