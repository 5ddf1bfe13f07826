"""A process that has imported modules, and makes programs by forking: each begins, works and ends as one of its own.

Run as a script it takes jobs from the socket whose descriptor is its first argument; the others name the modules. It
has one thread and no event loop, so what it forks is as good as new, without the time that an interpreter and the
imports take.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_MESSAGE_BYTES = 1 << 16
PATIENCE_SECONDS = 100


@dataclass
class Program:
    """One program that runs, or has run."""

    pid: int
    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]
    responses: IO[str] = field(repr=False)
    returncode: int | None = None

    def wait(self) -> int:
        """Wait for its end; return what ``subprocess`` calls ``returncode``. Raises TimeoutError."""
        if self.returncode is None:
            self.returncode = int(self.responses.readline())
        return self.returncode


class Zygote:
    """The tests' side of it; runs one program at a time."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str], *, options: Sequence[str] = ()) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX)
        self._connection.settimeout(PATIENCE_SECONDS)
        self._responses = self._connection.makefile("r")
        with theirs:
            command = [sys.executable, *options, __file__, str(theirs.fileno()), *modules]
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,  # its programs have pipes, and what Python makes of them at its start
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    @contextlib.contextmanager
    def run(self, source: str, *arguments: str) -> Iterator[Program]:
        """Run a source as a program; one that still runs at the end of the block is killed."""
        with contextlib.ExitStack() as stack:
            (their_in, stdin), (stdout, their_out), (stderr, their_err) = os.pipe(), os.pipe(), os.pipe()
            files = [
                stack.enter_context(os.fdopen(fd, mode)) for fd, mode in ((stdin, "w"), (stdout, "r"), (stderr, "r"))
            ]
            theirs = [their_in, their_out, their_err]
            socket.send_fds(self._connection, [json.dumps([source, *arguments]).encode()], theirs)
            for descriptor in theirs:
                os.close(descriptor)
            program = Program(int(self._responses.readline()), *files, self._responses)
            try:
                yield program
            finally:
                if program.returncode is None:
                    os.kill(program.pid, signal.SIGKILL)
                    program.wait()

    def close(self) -> None:
        """End the process; raise what it says of itself."""
        self._responses.close()
        self._connection.close()
        printed, told = self._process.communicate(timeout=PATIENCE_SECONDS)
        if printed or told or self._process.returncode:
            raise ChildProcessError(self._process.returncode, (printed + told).decode(errors="replace"))


def serve(connection: socket.socket) -> str | None:
    """Fork for each job. Returns its source in the program; None in this process, when nobody asks any more."""
    while True:
        job, descriptors, _flags, _address = socket.recv_fds(connection, MAX_MESSAGE_BYTES, 3)
        if not job:
            return None
        pid = os.fork()
        if pid == 0:
            connection.close()
            return _begin(json.loads(job), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(b"%d\n" % pid)
        connection.send(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _begin(job: list[str], descriptors: list[int]) -> str:
    """Give a program its arguments and files."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    source, *sys.argv[1:] = job
    return source


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a program that ends need not look at what it has from here
    with socket.socket(fileno=int(sys.argv[1])) as jobs:
        program_source = serve(jobs)
    if program_source is not None:
        exec(compile(program_source, "<program>", "exec"), {"__name__": "__main__"})
