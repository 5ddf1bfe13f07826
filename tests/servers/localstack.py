"""LocalStack's S3: the emulator that keeps whole-object checksums of multipart uploads. Needs Python 3.13."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from servers.installing import newer_python, venv
from servers.processes import HOST

if TYPE_CHECKING:
    from servers.processes import Processes

USER = ("AKIATEST", "secrettest")
OTHER = None

_PROGRAM = Path(__file__).parent / "programs" / "serve_localstack.py"


def install() -> Path:
    """Install LocalStack, with the versions of its dependencies that it still starts with.

    Python 3.12 starts it as well, but every call then fails on a name that came to `warnings` in 3.13.
    """
    return venv(
        "localstack",
        "localstack-core[base-runtime]==4.14.0",
        "cbor2<5.9",
        "cryptography<45",
        "pyopenssl<25.1",
        "service_identity",
        python=newer_python((3, 13)),
    )


def start(processes: Processes, port: int) -> None:
    """Run it with its own Python."""
    home = processes.directory
    settings = {
        "SERVICES": "s3",
        "EAGER_SERVICE_LOADING": "1",
        "GATEWAY_LISTEN": f"{HOST}:{port}",
        "LOCALSTACK_HOST": f"localhost:{port}",
        "LOCALSTACK_VOLUME_DIR": str(home / "volume"),
        "FILESYSTEM_ROOT": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "LS_LOG": "warning",
    }
    processes.spawn("localstack", install() / "python", _PROGRAM, env=settings)
    processes.wait_for_http(port, "/_localstack/health", below=300)
