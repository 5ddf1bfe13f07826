"""Ways out that take a whole process: signals, exits and forks, with a request under way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
OLD = b"what was there before"
PROLOGUE = """
import asyncio, os, signal, sys, threading, time
import aios3, aios3.sync as s3
bucket, local, way = sys.argv[1:4]
MIB, target = 1 << 20, bucket + "/target"
LARGE = bytes(11 * MIB)
session_options = dict(part_size=5 * MIB, max_attempts=1)
if way == "SIGTERM with a handler":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
if way == "exit" or way == "fork":
    def leave():
        sys.stdin.readline()
        if way == "exit":
            os.kill(os.getpid(), signal.SIGUSR1)
        else:
            child = os.fork()
            if child == 0:
                os._exit(0 if s3.exists(bucket + "/small") else 1)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(5))
    leaving = threading.Thread(target=leave, daemon=True)
    leaving.start()
"""
EPILOGUE = """
if way == "fork":
    leaving.join()
"""
SUBJECTS = {
    "sync write": """
        with s3.open(target, "wb", part_size=5 * MIB) as file:
            file.write(LARGE)
    """,
    "sync upload": "s3.upload(local, target)",
    "sync copy in parts": "s3.copy(bucket + '/large', target, multipart_threshold=5 * MIB)",
    "sync create_zip": """
        with s3.create_zip(target, compression="stored") as archive:
            archive.write("a", LARGE)
    """,
    "async write": """
        async def main():
            async with aios3.aopen(target, "wb", part_size=5 * MIB) as file:
                await file.write(LARGE)
        asyncio.run(main())
    """,
    "async upload in a session that is never closed": """
        async def main():
            session = aios3.Session(part_size=5 * MIB)
            await aios3.upload(local, target, session=session)
        asyncio.run(main())
    """,
}
STATES = {"creating": "CreateMultipartUpload", "part under way": "UploadPart*"}
WAYS = ("Ctrl-C", "Ctrl-C twice", "SIGTERM", "SIGTERM with a handler", "exit", "fork")


@pytest.fixture
def start(server, faulty, bucket, tmp_path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program whose requests go through the fault server."""
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    environment = os.environ | keys | {"AWS_ENDPOINT_URL": faulty.endpoint_url, "AWS_REGION": server.region}
    (tmp_path / "local").write_bytes(bytes(11 * MIB))
    with contextlib.ExitStack() as stack:

        def run(source: str, way: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-W", "ignore", "-c", PROLOGUE + textwrap.dedent(source) + EPILOGUE]
            process = subprocess.Popen(
                [*command, bucket, str(tmp_path / "local"), way],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield run


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("transport", ["auto"])
def test_a_process_is_left(start, faulty, admin, bucket, subject, way, state, transport):
    admin.put(f"{bucket}/target", OLD)
    admin.put(f"{bucket}/large", bytes(11 * MIB))
    admin.put(f"{bucket}/small", b"x")
    faulty.fail(STATES[state], faults.Stall())
    process = start(SUBJECTS[subject], way)
    faulty.wait(lambda counts: counts.stalled == 1, 60)
    _leave(process, way)
    faulty.release()
    if way == "fork":
        assert process.stdout.readline() == "0\n"
    _, stderr = process.communicate(timeout=60)
    codes = {"SIGTERM": -signal.SIGTERM, "SIGTERM with a handler": 143, "exit": 5, "fork": 0}
    assert process.returncode == codes.get(way, -signal.SIGINT), stderr
    faulty.wait(lambda counts: counts.open_connections == 0, 10)
    if way == "fork":
        assert len(admin.get(f"{bucket}/target")) >= 11 * MIB
    else:
        assert admin.get(f"{bucket}/target") == OLD
    if way != "SIGTERM":  # it ends a process at once: a lifecycle rule aborts what is left
        assert admin.uploads(bucket) == []


def _leave(process: subprocess.Popen[str], way: str) -> None:
    """Leave the process while its request stands still."""
    if way.startswith("Ctrl-C"):
        for _ in range(2 if way == "Ctrl-C twice" else 1):
            process.send_signal(signal.SIGINT)
    elif way.startswith("SIGTERM"):
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.write("\n")
        process.stdin.flush()
