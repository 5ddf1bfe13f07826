"""The program ``aios3`` as tests start it: against one server, as a process."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = [sys.executable, "-m", "aios3"]


def environ_of(server, endpoint_url=None):
    """Return the environment in which the program reaches ``server``, by way of another address if one is given."""
    credentials = server.config["credentials"]
    return os.environ | {
        "AWS_ENDPOINT_URL": endpoint_url or server.endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def run_program(environ, *arguments, stdin=b"", cwd=None):
    """Run the program to its end and return it with its output."""
    return subprocess.run(
        [*PROGRAM, *arguments], env=environ, input=stdin, capture_output=True, check=False, timeout=100, cwd=cwd
    )


def start_program(environ, *arguments, **options):
    """Start the program with pipes; use it with ``with``."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*PROGRAM, *arguments], env=environ, **pipes | options)
