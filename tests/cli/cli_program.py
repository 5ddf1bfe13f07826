"""The program ``aios3`` as tests start it: against one server, as a process.

A program that runs to its end is forked from a process that has imported what it needs (measured: 0.1 s instead of 0.5
to 0.8 s of the processor). One that a test talks to, or ends, is started as users start it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zygote import Zygote

PROGRAM = [sys.executable, "-m", "aios3"]
_IMPORTED = ("aios3.cli", "aios3._boto.boto_backend", "aiobotocore.session", "httptools")
"""Modules that a command imports when it needs them are left to it: it must do that itself."""
_AS_STARTED = """
import json, os, runpy, sys, time
directory, environ, arguments = json.loads(sys.argv[1])
os.chdir(directory)
os.environ.clear()
os.environ.update(environ)
time.tzset()
sys.path[0] = directory
sys.argv[1:] = arguments
runpy.run_module("aios3", run_name="__main__", alter_sys=True)
"""
_READ_AT_THE_START = ("COVERAGE", "LANG", "LC_", "LD_", "PYTHON")
"""What an interpreter reads of its environment when it starts, and a fork would not."""


class _Forks:
    """The process that programs are forked from, while the tests of the command line run."""

    zygote: Zygote | None = None


@contextlib.contextmanager
def forked_programs():
    """Let ``run_program`` fork in the block, instead of starting an interpreter for each program."""
    _Forks.zygote = Zygote(os.environ, _IMPORTED)
    try:
        yield
    finally:
        _Forks.zygote.close()
        _Forks.zygote = None


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
    if _Forks.zygote is None or _of_start(environ) != _of_start(os.environ):
        return subprocess.run(
            [*PROGRAM, *arguments], env=environ, input=stdin, capture_output=True, check=False, timeout=100, cwd=cwd
        )
    job = json.dumps([str(cwd or Path.cwd()), dict(environ), [os.fsdecode(each) for each in arguments]])
    with ThreadPoolExecutor() as threads, _Forks.zygote.run(_AS_STARTED, job) as program:
        threads.submit(_feed, program.stdin.buffer, stdin)
        printed, told = (threads.submit(pipe.buffer.read) for pipe in (program.stdout, program.stderr))
        return subprocess.CompletedProcess(arguments, program.wait(), printed.result(), told.result())


def _of_start(environ):
    """Return what of an environment matters to the start of an interpreter."""
    return {name: value for name, value in environ.items() if name.startswith(_READ_AT_THE_START)}


def _feed(pipe, data):
    """Write to a program that need not read it all."""
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(data)


def start_program(environ, *arguments, **options):
    """Start the program with pipes; use it with ``with``."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*PROGRAM, *arguments], env=environ, **pipes | options)
