"""A bridge for each test, and scripts in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aios3.sync as s3
from aios3._entries import WriteResult
from aios3.errors import ClosedHandleError
from aios3.sync._files import BUFFER_SIZE, ObjectReader, ObjectWriter, TextWriter
from aios3.sync._loop_thread import LoopThread
from aios3.sync._raw import RawWriter
from aios3.sync._raw_reader import RawReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def bridge() -> Iterator[LoopThread]:
    bridge = LoopThread()
    yield bridge
    bridge.stop()


@pytest.fixture
def logged(bridge: LoopThread) -> Callable[[], None]:
    """Wait until the bridge's records and warnings have been handled."""

    def settle() -> None:
        resume = bridge.relay.pause(60)
        resume()

    return settle


@pytest.fixture
def tasks(bridge: LoopThread) -> Callable[[], set[str]]:
    """Names of the tasks on the bridge's loop, but for the one that asks and the loop's own."""

    async def names() -> set[str]:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        return {task.get_name() for task in others if "_until_stopped" not in repr(task)}

    return lambda: bridge.call(names)


@pytest.fixture
def ctrl_c() -> Callable[[], None]:
    """Do to the main thread what Ctrl-C does; called on the loop's thread."""
    return lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.fixture
def start_script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program in another interpreter, with all warnings shown; end it with the test if it still runs."""
    with contextlib.ExitStack() as stack:

        def start(source: str | Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
            program = [str(source)] if isinstance(source, Path) else ["-c", textwrap.dedent(source)]
            process = subprocess.Popen(
                [sys.executable, "-W", "always", *program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def run_script(start_script) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in another interpreter, to its end."""

    def run(source: str | Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = start_script(source, *arguments, **environment)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def environment(server):
    """What makes the default session of a program reach the server."""
    return {
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
    }


@pytest.fixture
def session(server):
    with s3.Session(**server.config, part_size=5 << 20) as session:
        yield session


@pytest.fixture
def path(bucket):
    return f"{bucket}/file.bin"


@pytest.fixture(params=["S3", "local"])
def both(request, path, tmp_path, session):
    """``open`` of an object and of a local file, in turn: the same test has to pass on both."""
    if request.param == "S3":

        def open_(mode="rb", *arguments, **options):
            return s3.open(path, mode, *arguments, session=session, **options)

        return open_
    return lambda mode="rb", *arguments, **options: open(tmp_path / "file.bin", mode, *arguments, **options)  # noqa: PTH123


class FakeReader:
    """What a raw reader needs of AsyncPrefetchReader, over bytes; remembers how much was asked for."""

    name = "s3://bucket/key"

    def __init__(self, data: bytes) -> None:
        self._bytes = io.BytesIO(data)
        self.size = len(data)
        self.asked: list[int] = []
        self.closed = False

    def tell(self) -> int:
        return self._bytes.tell()

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        raise io.UnsupportedOperation

    async def seek(self, position: int) -> int:
        return self._bytes.seek(position)

    async def readinto(self, view: memoryview) -> int:
        self.asked.append(len(view))
        return self._bytes.readinto(view)

    async def read(self) -> bytes:
        self.asked.append(-1)
        return self._bytes.read()

    async def aclose(self) -> None:
        self.closed = True


class FakeWriter:
    """What a raw writer needs of AsyncMultipartWriter; says how it ended, and fails if it is told to."""

    name = "s3://bucket/key"

    def __init__(self, mode: str = "wb", before: bytes = b"") -> None:
        self.mode = mode
        self.data = bytearray(before)
        self.end: str | None = None
        self.ended = threading.Event()
        self.fail_at: dict[str, BaseException] = {}

    def tell(self) -> int:
        return len(self.data)

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def fileno(self) -> int:
        raise io.UnsupportedOperation

    @property
    def result(self) -> WriteResult:
        if self.end != "published":
            raise ClosedHandleError(str(self.end))
        return WriteResult(len(self.data))

    async def write(self, view: memoryview) -> int:
        self._fail("write")
        self.data += view
        return len(view)

    async def aclose(self) -> None:
        self._fail("aclose")
        self.settle("published")

    async def abort(self) -> None:
        self.settle("aborted")
        self._fail("abort")

    def settle(self, end: str) -> None:
        self.end = self.end or end
        self.ended.set()

    def _fail(self, where: str) -> None:
        if where in self.fail_at:
            raise self.fail_at[where]


@pytest.fixture
def reading(bridge: LoopThread) -> Iterator[Callable[..., ObjectReader | RawReader]]:
    """Open bytes for reading, as ``open`` does with an object."""
    with contextlib.ExitStack() as stack:

        def open_(data: bytes, buffer_size: int = BUFFER_SIZE) -> ObjectReader | RawReader:
            raw = stack.enter_context(RawReader(bridge, FakeReader(data), buffer_size))
            return stack.enter_context(ObjectReader(raw, buffer_size)) if buffer_size else raw

        yield open_


@pytest.fixture
def writing(bridge: LoopThread) -> Callable[..., ObjectWriter | RawWriter | TextWriter]:
    """Open a fake for writing: raw, buffered, or as text."""

    def open_(fake: FakeWriter, layer: str = "buffered") -> ObjectWriter | RawWriter | TextWriter:
        raw = RawWriter(bridge, fake)
        if layer == "raw":
            return raw
        buffered = ObjectWriter(raw)
        return buffered if layer == "buffered" else TextWriter(buffered, raw, "w", ("utf-8", "strict", None))

    return open_


@pytest.fixture
def fake_reader() -> type[FakeReader]:
    return FakeReader


@pytest.fixture
def fake_writer() -> type[FakeWriter]:
    return FakeWriter
