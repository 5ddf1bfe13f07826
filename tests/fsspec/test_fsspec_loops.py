"""One instance serves every thread, every event loop, and the child after a fork."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fsspec.asyn import sync

from aios3.fsspec import S3FileSystem

FORK_BESIDE_THREADS = ("-W", "ignore:This process:DeprecationWarning")
"""Python 3.12 and later warn of it."""


@pytest.fixture
def path(fs, bucket):
    fs.pipe(f"{bucket}/x", b"data")
    return f"{bucket}/x"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_instance_serves_loops_and_threads_at_once(path, storage_options, asynchronous):
    fs = S3FileSystem(**storage_options, asynchronous=asynchronous, skip_instance_cache=True)

    async def many():
        found = await asyncio.gather(*(fs._cat_file(path) for _ in range(5)))
        session = fs.session()
        return found, session

    def loop_of_its_own():
        return asyncio.run(many())

    with ThreadPoolExecutor(4) as threads:
        on_loops = [threads.submit(loop_of_its_own) for _ in range(3)]
        blocking = [threads.submit(fs.cat, path) for _ in range(3)]
        assert [each.result() for each in blocking] == [b"data"] * 3
        sessions = [each.result()[1] for each in on_loops]
        assert all(each.result()[0] == [b"data"] * 5 for each in on_loops)
    assert len(set(map(id, sessions))) == 3
    assert all(session.has_ended for session in sessions)  # each closed with its loop
    assert fs.cat(path) == b"data"
    fs.close()


NOTEBOOK = """
import asyncio, json, sys
from aios3.fsspec import S3FileSystem
path, options = sys.argv[1], json.loads(sys.argv[2])
fs = S3FileSystem(**options)

async def cell():
    assert fs.cat(path) == b"data"
    assert await fs._cat_file(path) == b"data"
    assert [entry async for entry in fs.find_iter(path.partition("/")[0])]

asyncio.run(cell())
print("read twice")
"""


def test_blocking_methods_work_inside_a_loop_as_in_a_notebook(path, storage_options):
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", NOTEBOOK, path, json.dumps(storage_options)]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert (shown.returncode, shown.stdout.strip(), shown.stderr) == (0, "read twice", "")


def test_others_can_schedule_on_its_loop(fs, path):
    assert sync(fs.loop, fs._cat_file, path) == b"data"


def test_a_loop_that_was_given_is_used(storage_options, path):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        fs = S3FileSystem(**storage_options, loop=loop, skip_instance_cache=True)
        assert fs.loop is loop
        assert fs.cat(path) == b"data"
        fs.close()
        with fs.open(path) as file:
            assert file.read() == b"data"
            assert file.metadata() == {}
        for mode in ("xb", "wb", "ab"):
            with fs.open(f"{path}-new", mode) as file:
                file.write(mode.encode())
        assert fs.cat(f"{path}-new") == b"wbab"
        with pytest.raises(FileExistsError):
            fs.open(path, "xb")
        with fs.open(f"{path}.gz", "wb", compression="gzip") as file:
            file.write(b"packed")
        with fs.open(f"{path}.gz", "rt", compression="gzip") as file:
            assert file.read() == "packed"
    finally:
        fs.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        S3FileSystem(**storage_options, skip_instance_cache=True).close()


def test_what_is_closed_opens_anew(fs, path):
    fs.close()
    assert fs.cat(path) == b"data"


FORK = """
import json, os, sys
from aios3.fsspec import S3FileSystem
path, options = sys.argv[1], json.loads(sys.argv[2])
fs = S3FileSystem(**options)
assert fs.cat(path) == b"data"
reader = fs.open(path)
for depth in range(2):
    child = os.fork()
    if child:
        break
assert fs.cat(path) == b"data"
assert fs.find(path.partition("/")[0]) == [path]
assert S3FileSystem(**options).cat(path) == b"data"
with fs.open(path) as file:
    assert file.read() == b"data"
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert fs.cat(path) == b"data"
    if depth == 0:
        assert reader.read() == b"data"
        reader.close()
        print("parent and children read")
else:
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_parent_and_children_read_after_a_fork(path, storage_options):
    command = [
        sys.executable,
        "-W",
        "error::ResourceWarning",
        *FORK_BESIDE_THREADS,
        "-c",
        FORK,
        path,
        json.dumps(storage_options),
    ]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert (shown.returncode, shown.stdout.strip(), shown.stderr) == (0, "parent and children read", "")
