"""Ways out that take a whole process: signals, exits and forks, with a request under way."""

from __future__ import annotations

import os
import signal
import textwrap
from typing import TYPE_CHECKING

import pytest
import ways_table as table

from aios3.testing import faults
from zygote import Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zygote import Program

MIB = 1 << 20
OLD = b"what was there before"
LARGE = bytes(6 * MIB)
"""A part and a rest."""
PROLOGUE = """
import asyncio, os, signal, sys, tempfile, threading
import aios3, aios3.sync as s3
endpoint, bucket, local, way, transport = sys.argv[1:]
if transport != "auto":
    import functools
    from aios3 import _session
    _session.Session.__init__ = functools.partialmethod(_session.Session.__init__, transport=transport)
os.environ["AWS_ENDPOINT_URL"] = endpoint
tempfile.tempdir = os.path.dirname(local) + "/temporary"
MIB, target = 1 << 20, bucket + "/target"
LARGE = bytes(6 * MIB)
def end(code):
    os.write(1, b"ending\\n")
    sys.exit(code)
def handle_signals():
    loop = asyncio.get_running_loop()
    if way == "SIGTERM, handled":
        loop.add_signal_handler(signal.SIGTERM, end, 143)
    if way == "exit":
        loop.add_signal_handler(signal.SIGUSR1, end, 5)
if way == "SIGTERM, handled":
    signal.signal(signal.SIGTERM, lambda *_: end(143))
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
    signal.signal(signal.SIGUSR1, lambda *_: end(5))
    leaving = threading.Thread(target=leave, daemon=True)
    leaving.start()
small_parts = s3.Session(part_size=5 * MIB, block_size=MIB >> 4, request_size=MIB >> 2)
"""
EPILOGUE = """
if way == "fork":
    leaving.join()
"""
WRITING = """
with s3.open(target, {mode!r}, {options}) as file:
    file.write({data})
"""


def writing(mode: str = "wb", options: str = "part_size=5 * MIB", data: str = "LARGE") -> str:
    return WRITING.format(mode=mode, options=options, data=data)


SUBJECTS = {
    "sync.open": writing(),
    "sync.open append": writing("ab"),
    "sync.open pipe": writing(options="buffering='pipe', part_size=5 * MIB"),
    "sync.open limited": writing(options="buffering='limited', head_size=5 * MIB, tail_size=0, part_size=5 * MIB"),
    "sync.open text": writing("w", "encoding='latin-1', part_size=5 * MIB", "LARGE.decode('latin-1')"),
    "sync.open memory": writing(options="buffering='memory', part_size=5 * MIB"),
    "sync.open disk": writing(options="buffering='disk', part_size=5 * MIB"),
    "sync.upload": "s3.upload(local + '/target', target, session=small_parts)",
    "sync.copy in parts": "s3.copy(bucket + '/large', target, multipart_threshold=5 * MIB)",
    "sync.concat": "s3.concat([bucket + '/large'], target)",
    "sync.sync_tree": "s3.sync_tree(local, bucket, session=small_parts)",
    "sync.create_zip": """
        with s3.create_zip(target, compression="stored", session=small_parts) as archive:
            archive.write("a", LARGE)
    """,
    "sync.Storage.open": """
        with s3.Storage(bucket).open("target", "wb", part_size=5 * MIB) as file:
            file.write(LARGE)
    """,
    "sync.Storage.put": "s3.Storage(bucket, session=small_parts).put(local + '/target', 'target')",
    "sync.Volume.store": "s3.Volume(bucket[5:], session=small_parts).store(LARGE, 'target')",
    "sync.Bucket.upload_object": """
        with open(local + "/target", "rb") as stream:
            s3.Bucket(bucket, session=small_parts).upload_object("target", stream)
    """,
    "sync.move tree": "s3.move(bucket + '/tree/', bucket + '/moved/')",
    "sync.download": "s3.download(bucket + '/tree/file', local + '/target', session=small_parts)",
    "async write": """
        async def main():
            handle_signals()
            async with aios3.aopen(target, "wb", part_size=5 * MIB) as file:
                await file.write(LARGE)
        asyncio.run(main())
    """,
    "async upload, session never closed": """
        async def main():
            handle_signals()
            session = aios3.Session(part_size=5 * MIB)
            await aios3.upload(local + "/target", target, session=session)
        asyncio.run(main())
    """,
}
CODES = {table.SIGTERM: -signal.SIGTERM, table.HANDLED: 143, table.EXIT: 5, table.FORK: 0}
"""Exit statuses; of the other ways it is that of a program that Ctrl-C has ended."""
RECEIVED = bytes(range(256)) * 2048


def cells() -> Iterator[tuple[str, str, str]]:
    for subject, states in table.PROCESS_SUBJECTS.items():
        for state in states:
            for way in table.PROCESS_WAYS:
                yield subject, state, way


def test_every_subject_of_the_table_has_a_program():
    assert set(SUBJECTS) == set(table.PROCESS_SUBJECTS)


@pytest.fixture(scope="module")
def zygote(server) -> Iterator[Zygote]:
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    running = Zygote(os.environ | keys | {"AWS_REGION": server.region}, ["aios3.sync"], options=["-W", "ignore"])
    yield running
    running.close()


@pytest.fixture
def local(tmp_path) -> Path:
    """The directory of local files, beside the one for temporary files."""
    (tmp_path / "temporary").mkdir()
    directory = tmp_path / "local"
    directory.mkdir()
    return directory


@pytest.mark.parametrize(("subject", "state", "way"), list(cells()))
@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
def test_a_process_is_left(zygote, faulty, admin, bucket, local, subject, state, way, transport):
    prepare(admin, bucket, local, subject)
    operation, fault = table.PLACES[state]
    for name in operation.split("|"):
        faulty.fail(name, fault, nth=2 if state == table.RECEIVING else 1)  # where there is a file already
    if way != table.FORK:
        faulty.fail("UploadPart*", faults.Stall(), times=None)  # it must not be done before it is left
    source = PROLOGUE + textwrap.dedent(SUBJECTS[subject]) + EPILOGUE
    with zygote.run(source, faulty.endpoint_url, bucket, str(local), way, transport) as program:
        faulty.wait(lambda counts: counts.stalled >= 1, 60)
        assert spoke_botocore(faulty) == (transport == "aiobotocore")
        leave(program, way)
        if way == table.FORK:
            faulty.release()
            assert program.stdout.readline() == "0\n"
        elif way in (table.HANDLED, table.EXIT):
            assert program.stdout.readline() == "ending\n"
        if state == table.CREATING:
            faulty.release()  # without its response nobody knows what to abort
        assert program.wait() == CODES.get(way, -signal.SIGINT), program.stderr.read()
    faulty.release()
    faulty.wait(lambda counts: counts.open_connections == 0, 10)
    check(admin, bucket, local, subject, table.process_stored_after(state, way))
    if subject == "sync.move tree":
        assert admin.exists(f"{bucket}/tree/file") == (way != table.FORK), "deleted where it was moved, and only there"


UNDER_WAY = {
    "an open file": """
        kept.append(await aios3.aopen(target, "wb", session=session))
        await kept[0].write(LARGE)
        await kept[0].drain()
    """,
    "a file of the default session": """
        kept.append(await aios3.aopen(target, "wb", part_size=5 * MIB))
        await kept[0].write(LARGE)
        await kept[0].drain()
    """,
    "an upload": "await aios3.upload(local + '/target', target, session=session)",
    "a copy in parts": "await aios3.copy(bucket + '/large', target, multipart_threshold=5 * MIB, session=session)",
}
LEFT_LOOPS = {
    "stopped": "threading.Thread(target=stop, daemon=True).start(); loop.run_forever()",
    "stopped and closed": "threading.Thread(target=stop, daemon=True).start(); loop.run_forever(); loop.close()",
    "running in a daemon thread": """
        threading.Thread(target=loop.run_forever, daemon=True).start()
        sys.stdin.readline()
    """,
}
LEAVING_A_LOOP = """
loop, kept, session = asyncio.new_event_loop(), [], aios3.Session(part_size=5 * MIB)
def stop():
    sys.stdin.readline()
    loop.call_soon_threadsafe(loop.stop)
async def main():
    await asyncio.sleep(0)
{work}
task = loop.create_task(main())
{leaving}
"""


@pytest.mark.parametrize("loop", LEFT_LOOPS)
@pytest.mark.parametrize("work", UNDER_WAY)
@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
def test_a_program_ends_that_leaves_its_loop_as_it_is(zygote, faulty, admin, bucket, local, work, loop, transport):
    """CPython 3.11 would wait for ever where a thread is started so late that it cannot begin."""
    prepare(admin, bucket, local, "sync.copy in parts")
    faulty.fail("UploadPart*", faults.Stall(), times=None)
    body = textwrap.indent(textwrap.dedent(UNDER_WAY[work]), "    ")
    source = PROLOGUE + LEAVING_A_LOOP.format(work=body, leaving=textwrap.dedent(LEFT_LOOPS[loop]))
    with zygote.run(source, faulty.endpoint_url, bucket, str(local), "", transport) as program:
        faulty.wait(lambda counts: counts.stalled >= 1, 60)
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.wait() == 0, program.stderr.read()
    faulty.release()
    faulty.wait(lambda counts: counts.open_connections == 0, 10)
    assert admin.uploads(bucket) == []
    assert admin.get(f"{bucket}/target") == OLD


SIGNALLED_WHILE_SIGNED = """
signal.signal(signal.SIGTERM, lambda *_: end(143))
from aios3._boto import upload_stream
read = upload_stream.UploadStream.read
def read_and_signal(stream, size=-1):
    if len(stream) == 5 * MIB:
        signal.raise_signal(signal.SIGTERM)
    return read(stream, size)
upload_stream.UploadStream.read = read_and_signal
"""


@pytest.mark.parametrize("subject", ["async write", "async upload, session never closed"])
def test_a_signal_while_botocore_reads_a_part_to_sign_it_leaves_no_upload(
    zygote, faulty, admin, bucket, local, subject
):
    prepare(admin, bucket, local, subject)
    source = PROLOGUE + SIGNALLED_WHILE_SIGNED + textwrap.dedent(SUBJECTS[subject])
    with zygote.run(source, faulty.endpoint_url, bucket, str(local), "while signed", "aiobotocore") as program:
        assert program.stdout.readline() == "ending\n"
        assert program.wait() == 143, program.stderr.read()
    assert "AbortMultipartUpload" in [each.operation for each in faulty.requests]
    check(admin, bucket, local, subject, "old")


def spoke_botocore(faulty) -> bool:
    """Return whether a program has used the transport of aiobotocore for its objects."""
    return "otocore" in next(each for each in faulty.requests if each.key).headers.get("user-agent", "")


def prepare(admin, bucket: str, local: Path, subject: str) -> None:
    """Store what a subject needs, and what it must not harm."""
    admin.put(f"{bucket}/small", b"x")
    admin.put(f"{bucket}/target", LARGE if subject == "sync.open append" else OLD)
    (local / "target").write_bytes(OLD if subject == "sync.download" else LARGE)
    if subject in ("sync.copy in parts", "sync.concat"):
        admin.put(f"{bucket}/large", LARGE)
    if subject in ("sync.download", "sync.move tree"):
        admin.put(f"{bucket}/tree/file", RECEIVED)


def leave(program: Program, way: str) -> None:
    """Leave the process while its request stands still."""
    if way in (table.CTRL_C, table.CTRL_C_TWICE):
        for _ in range(2 if way == table.CTRL_C_TWICE else 1):
            os.kill(program.pid, signal.SIGINT)
    elif way in (table.SIGTERM, table.HANDLED):
        os.kill(program.pid, signal.SIGTERM)
    else:
        program.stdin.write("\n")
        program.stdin.flush()


def check(admin, bucket: str, local: Path, subject: str, stored: str) -> None:
    """Compare what is stored and what is left with the table."""
    uploads = admin.uploads(bucket)
    assert uploads == (["target"] if stored == table.SIGNALLED else [])
    left = sorted(each.name for each in local.iterdir() if each.name != "target")
    assert bool(left) == (stored == table.SIGNALLED_FILE), left
    assert list((local.parent / "temporary").iterdir()) == []
    if subject == "sync.download":
        assert (local / "target").read_bytes() == (RECEIVED if stored == "new" else OLD)
    elif subject == "sync.move tree":
        assert admin.get(f"{bucket}/moved/file") == RECEIVED
    elif stored == "new":
        assert len(admin.get(f"{bucket}/target")) >= len(LARGE)
    else:
        assert admin.get(f"{bucket}/target") == (LARGE if subject == "sync.open append" else OLD)
