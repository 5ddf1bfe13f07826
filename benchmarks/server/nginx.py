"""Start and stop nginx, and install it from Debian where it is missing."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from server import objects

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
MODULES = Path("/usr/lib/nginx/modules")
PACKAGES = ("nginx-light", "libnginx-mod-http-lua", "openssl")
FIRST_BYTE_SECONDS = 0.03
CONNECTION_RATE = "90m"
"""MiB a second of one connection of the S3-like server, as nginx writes it."""
START_SECONDS = 30
TMPFS = Path("/dev/shm")
SPACE_NEEDED = 2 << 30

_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}
"""For glibc: a body's buffer is used again, instead of mapped anew for each request."""


class CannotStartError(Exception):
    """Raised when the server cannot be installed or does not start; the text says what to do."""


@dataclass(frozen=True)
class Servers:
    """Where the three shapes of the server are, and the folder with their files."""

    plain: str
    tls: str
    s3like: str
    ca: str
    folder: str

    def endpoint(self, shape: str) -> str:
        """Return the URL of one shape."""
        return str(asdict(self)[shape])


@contextlib.contextmanager
def running(processor: int) -> Iterator[Servers]:
    """Serve from ``processor`` until the block ends; the process is stopped by its own id."""
    _ensure_installed()
    with tempfile.TemporaryDirectory(prefix="aios3-bench-", dir=_place()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        ports = _free_ports(3)
        _fill(folder, ports, processor)
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx"
        process = subprocess.Popen(
            [program, "-p", name, "-e", "stderr", "-c", str(folder / "nginx.conf")], env=os.environ | _KEEP_MEMORY
        )
        try:
            _wait(process, ports)
            urls = [f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}", f"http://127.0.0.1:{ports[2]}"]
            yield Servers(*urls, ca=str(folder / "ca.pem"), folder=name)
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _ensure_installed() -> None:
    if (MODULES / "ngx_http_lua_module.so").exists() and shutil.which("openssl"):
        return
    command = f"apt-get install {' '.join(PACKAGES)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        message = f"nginx with its Lua module is needed; on Debian: {command}"
        raise CannotStartError(message)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", *arguments], env=environment, check=True, stdout=sys.stderr)


def _place() -> str | None:
    """Return tmpfs if there is room for the objects, else the usual place for temporary files."""
    if TMPFS.is_dir() and shutil.disk_usage(TMPFS).free > SPACE_NEEDED:
        return str(TMPFS)
    print("no room on tmpfs: objects are on disk, and served from the page cache", file=sys.stderr)
    return None


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _fill(folder: Path, ports: list[int], processor: int) -> None:
    objects.make_objects(folder / "objects" / "bench")
    objects.make_entries(folder / "entries.xml")
    objects.make_certificate(folder)
    settings = {
        "modules": MODULES,
        "user": "user root;" if os.geteuid() == 0 else "",
        "affinity": f"{1 << processor:b}",
        "folder": folder,
        "scripts": HERE,
        "keys": objects.KEYS,
        "large": len(objects.LARGE_OBJECTS),
        "first_byte_seconds": FIRST_BYTE_SECONDS,
        "connection_rate": CONNECTION_RATE,
        "plain": ports[0],
        "tls": ports[1],
        "slow": ports[2],
    }
    template = Template((HERE / "nginx.conf").read_text())
    (folder / "nginx.conf").write_text(template.substitute(settings))


def _wait(process: subprocess.Popen[bytes], ports: list[int]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/_received", timeout=5):
            return
        time.sleep(0.05)
    message = f"nginx did not start (exit status {process.poll()}); its messages are above"
    raise CannotStartError(message)
