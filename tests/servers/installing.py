"""Where the servers' programs come from: virtual environments in the user's cache, and Debian packages for root."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from servers.processes import ENVIRONMENT

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aios3-servers"
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
"""The response of Debian's policy-rc.d that keeps a package from starting its service."""


class UnavailableError(Exception):
    """Raised when a server cannot be installed here; says what is missing."""


def _own_python() -> str:
    """Return the Python that this environment was made from, so that all environments share what is installed."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    return str(base) if base.exists() else sys.executable


def venv(name: str, *requirements: str, python: str = _own_python()) -> Path:
    """Return the ``bin`` folder of a virtual environment with ``requirements``, which is made if it is not there."""
    identity = hashlib.sha256("\n".join((python, *requirements)).encode()).hexdigest()[:12]
    home = _CACHE / f"{name}-{identity}"
    done = home / "installed"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}-{identity}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            _run(python, "-m", "venv", str(home))
            _run(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements)
            done.touch()
    return home / "bin"


def debian(packages: tuple[str, ...], *, programs: tuple[str, ...]) -> None:
    """Install Debian ``packages`` if one of their ``programs`` is missing; raise UnavailableError for who may not."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        message = f"{', '.join(missing)} not found; install the Debian packages {' '.join(packages)} (or run as root)"
        raise UnavailableError(message)
    policy = Path("/usr/sbin/policy-rc.d")
    if not policy.exists():
        policy.write_text(_NO_SERVICES)
        policy.chmod(0o755)
    _run("apt-get", "update", "-qq")
    _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)


def newer_python(least: tuple[int, int]) -> str:
    """Return a Python of version ``least`` or later; raise UnavailableError if none is found."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    names = [f"python{least[0]}.{minor}" for minor in range(least[1], least[1] + 3)]
    found = [sys.executable, *filter(None, map(shutil.which, names)), *map(str, pyenv.glob("3.*/bin/python"))]
    for python in found:
        if _version(python) >= least:
            return python
    message = f"no Python {least[0]}.{least[1]} or later on PATH or under {pyenv}"
    raise UnavailableError(message)


def _version(python: str) -> tuple[int, int]:
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    major, minor = done.stdout.split() if done.returncode == 0 else ("0", "0")
    return int(major), int(minor)


def _run(*command: str) -> None:
    environment = ENVIRONMENT | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment
    )
    if done.returncode:
        message = f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout[-4000:]}"
        raise UnavailableError(message)
