"""A process that is killed in the middle of writing: what is on the server is whole objects, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1024 * 1024
OLD = b"what was there before"
PRELUDE = """
import asyncio, hashlib, sys
import aios3
MIB = 1024 * 1024
def content(name, size):
    return hashlib.sha256(name.encode()).digest() * (size // 32)
async def main(bucket):
    async with aios3.Session(part_size=5 * MIB, max_attempts=1) as session:
        await work(bucket, session)
"""
WRITE_LARGE = """
async def work(bucket, session):
    await aios3.write_bytes(bucket + "/target", content("target", 12 * MIB), session=session)
"""
WRITE_SMALL = """
async def work(bucket, session):
    await aios3.write_bytes(bucket + "/target", content("target", MIB), session=session)
"""
APPEND = """
async def work(bucket, session):
    async with aios3.aopen(bucket + "/target", "ab", session=session) as writer:
        await writer.write(content("target", 12 * MIB))
"""
WRITE_MANY = """
async def write(bucket, session, name, size):
    await aios3.write_bytes(f"{bucket}/{name}", content(name, size), session=session)
    print(name, size, flush=True)
async def work(bucket, session):
    for number in range(1000):
        async with asyncio.TaskGroup() as group:
            for task in range(4):
                group.create_task(write(bucket, session, f"{number:03}-{task}", 6 * MIB if task == 0 else 64_000))
"""
RUN = """
asyncio.run(main(sys.argv[1]))
"""


def content(name: str, size: int) -> bytes:
    return hashlib.sha256(name.encode()).digest() * (size // 32)


@pytest.fixture
def start(server, faulty, bucket) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a program that writes through the fault server; it is gone when the test is."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": faulty.endpoint_url,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
    }
    with contextlib.ExitStack() as stack:

        def run(work: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", textwrap.dedent(PRELUDE + work + RUN), bucket]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield run


@pytest.mark.parametrize(
    ("work", "operation", "fault", "stored"),
    [
        pytest.param(WRITE_SMALL, "PutObject", faults.StallUpload(1000), False, id="small object under way"),
        pytest.param(WRITE_SMALL, "PutObject", faults.Stall(), True, id="small object stored, not responded"),
        pytest.param(WRITE_LARGE, "CreateMultipartUpload", faults.Stall(), False, id="upload started"),
        pytest.param(WRITE_LARGE, "UploadPart", faults.StallUpload(1000), False, id="part under way"),
        pytest.param(WRITE_LARGE, "CompleteMultipartUpload", faults.StallUpload(1), False, id="before the completion"),
        pytest.param(WRITE_LARGE, "CompleteMultipartUpload", faults.Stall(), True, id="completed, not responded"),
        pytest.param(APPEND, "UploadPart", faults.StallUpload(1000), False, id="append under way"),
    ],
)
def test_a_kill_leaves_the_old_object_or_the_new_one(start, faulty, admin, bucket, work, operation, fault, stored):
    admin.put(f"{bucket}/target", OLD)
    faulty.fail(operation, fault)
    process = start(work)
    faulty.wait(lambda counts: counts.stalled == 1, 60)
    process.kill()
    process.wait()
    if isinstance(fault, faults.StallUpload):
        faulty.hang_up()  # it does not see that the client has gone
    faulty.wait(lambda counts: counts.open_connections == 0)
    size = MIB if work == WRITE_SMALL else 12 * MIB
    assert admin.get(f"{bucket}/target") == (content("target", size) if stored else OLD)
    assert admin.keys(bucket) == ["target"]


@pytest.mark.parametrize("lines", [1, 6])
def test_a_kill_at_any_moment_leaves_whole_objects_and_all_that_were_acknowledged(start, faulty, admin, bucket, lines):
    process = start(WRITE_MANY)
    acknowledged = [process.stdout.readline().split() for _ in range(lines)]
    process.kill()
    acknowledged += [line.split() for line in process.stdout if line.endswith("\n")]
    faulty.wait(lambda counts: counts.open_connections == 0)
    keys = admin.keys(bucket)
    assert {name for name, _ in acknowledged} <= set(keys)
    for key in keys:
        assert admin.get(f"{bucket}/{key}") == content(key, 6 * MIB if key.endswith("-0") else 64_000)
