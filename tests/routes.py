"""How many coroutines a call begins on its way to the socket: a server that responds at once, and a hook that counts.

Each coroutine costs about half a microsecond, and one frame more in every traceback. ``tools/count_coroutines.py``
prints the figures beside the most that each may be; ``tests/test_routes.py`` compares them.
"""

from __future__ import annotations

import asyncio
import contextlib
import dis
import functools
import inspect
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import aios3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from types import CodeType, FrameType

    Operation = Callable[[aios3.Session, "Counting"], Coroutine[None, None, list[str]]]

ROOT = "s3://bucket"
SMALL = 4096
LARGE = 16 << 20
PART = 5 << 20
_PACKAGE = str(Path(aios3.__file__).parent)
_KEYS = ["tree/a.txt", "tree/b/c.txt", "tree/d.txt"]
_OBJECT = 'ETag: "0123456789abcdef0123456789abcdef"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n'


def _xml(root: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inner}</{root}>'.encode()


class _Handler(BaseHTTPRequestHandler):
    """Serves the sizes that keys name, takes all that is sent, and sends a head together with its body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def _respond(self, status: int, body: bytes = b"", headers: str = _OBJECT, *, length: int | None = None) -> None:
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status} OK\r\nContent-Length: {size}\r\nx-amz-request-id: 1\r\n{headers}\r\n"
        self.wfile.write(head.encode() + (b"" if self.command == "HEAD" else body))

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).partition("/bucket")[2].lstrip("/")

    @property
    def _query(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}

    def _size(self) -> int | None:
        return {"small": SMALL, "large": LARGE}.get(self._key)

    def do_HEAD(self) -> None:
        size = self._size()
        self._respond(404, headers="", length=0) if size is None else self._respond(200, length=size)

    def do_GET(self) -> None:
        if "list-type" in self._query:
            prefix = self._query.get("prefix", "")
            self._respond(200, self._page([key for key in _KEYS if key.startswith(prefix)]), "")
            return
        size = self._size()
        if size is None:
            self._respond(404, _xml("Error", "<Code>NoSuchKey</Code><Message>none</Message>"), "")
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            self._respond(200, bytes(size))
            return
        start, stop = int(asked[1]), min(int(asked[2]) + 1, size)
        self._respond(206, bytes(stop - start), f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n{_OBJECT}")

    def _page(self, keys: list[str]) -> bytes:
        listed = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;0&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys
        )
        return _xml("ListBucketResult", f"<Name>bucket</Name><IsTruncated>false</IsTruncated>{listed}")

    def _take(self) -> None:
        left = int(self.headers.get("Content-Length", 0))
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))

    def do_PUT(self) -> None:
        self._take()
        self._respond(200)

    def do_POST(self) -> None:
        self._take()
        if "uploads" in self._query:
            self._respond(200, _xml("InitiateMultipartUploadResult", "<UploadId>1</UploadId>"), "")
        else:
            self._respond(200, _xml("CompleteMultipartUploadResult", "<ETag>&quot;0-2&quot;</ETag>"), "")


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve on a free port of loopback; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="routes server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@functools.cache
def _first(code: CodeType) -> int:
    """Return where a coroutine stands when it begins to run; at each later call it is further on."""
    return next(each.offset for each in dis.get_instructions(code) if each.opname == "RESUME")


_SYSTEM_CALLS = {"send", "sendmsg", "recv", "recv_into", "poll", "setsockopt", "getsockopt"}
"""Methods of sockets and selectors, each of which is one call of the system."""


class Counting:
    """The coroutines of aios3 that this thread begins inside of a ``with`` block: a list for each task, in order."""

    def __init__(self) -> None:
        self._started: dict[int, list[str]] = {}
        self._tasks: list[object] = []
        self.calls = 0
        """How often a function of aios3 is called, or a coroutine of it goes on."""
        self.system_calls = 0

    def _look(self, frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(_PACKAGE):
            self.calls += 1
        elif event == "c_call" and getattr(arg, "__name__", "") in _SYSTEM_CALLS:
            self.system_calls += 1
        if event != "call" or not code.co_flags & inspect.CO_COROUTINE or frame.f_lasti > _first(code):
            return
        if code.co_filename.startswith(_PACKAGE):
            task = asyncio.current_task()
            self._tasks.append(task)  # one that is gone must not give its id to another
            name = f"{Path(code.co_filename).relative_to(_PACKAGE)}:{code.co_qualname}"
            self._started.setdefault(id(task), []).append(name)

    def __enter__(self) -> None:
        sys.setprofile(self._look)

    def __exit__(self, *_exc: object) -> None:
        sys.setprofile(None)

    @property
    def all(self) -> list[str]:
        """All of them."""
        return [name for names in self._started.values() for name in names]

    @property
    def of_last_request(self) -> list[str]:
        """Those of the last task that has sent a request."""
        return [names for names in self._started.values() if any(name.startswith("_http/") for name in names)][-1]


async def _read_bytes(session: aios3.Session, counting: Counting) -> list[str]:
    await aios3.read_bytes(f"{ROOT}/small", session=session)
    with counting:
        data = await aios3.read_bytes(f"{ROOT}/small", session=session)
    assert len(data) == SMALL
    return counting.all


async def _read_file(session: aios3.Session, counting: Counting) -> list[str]:
    await aios3.read_bytes(f"{ROOT}/small", session=session)
    with counting:
        async with aios3.aopen(f"{ROOT}/small", session=session) as file:
            data = await file.read()
    assert len(data) == SMALL
    return counting.all


async def _read_at(session: aios3.Session, counting: Counting) -> list[str]:
    async with aios3.aopen(f"{ROOT}/large", session=session) as file:
        await file.read_at(6 << 20, 1000)
        with counting:
            data = await file.read_at(8 << 20, 1000)
    assert len(data) == 1000
    return counting.all


async def _read_64_kib(session: aios3.Session, counting: Counting) -> list[str]:
    async with aios3.aopen(f"{ROOT}/large", session=session) as file:
        await file.read_at(6 << 20, 64 << 10)
        with counting:
            data = await file.read_at(8 << 20, 64 << 10)
    assert len(data) == 64 << 10
    return counting.all


async def _write_bytes(session: aios3.Session, counting: Counting) -> list[str]:
    await aios3.write_bytes(f"{ROOT}/new", bytes(SMALL), session=session)
    with counting:
        await aios3.write_bytes(f"{ROOT}/new", bytes(SMALL), session=session)
    return counting.all


async def _write_part(session: aios3.Session, counting: Counting) -> list[str]:
    data = bytes(PART)
    async with aios3.aopen(f"{ROOT}/new", "wb", session=session) as file:
        await file.write(data)  # it is held back until it is known that the object has another part
        for count in (1, 2):
            counting = Counting()
            with counting:
                await file.write(data)
                while session.stats().bytes_written < count * PART:
                    await asyncio.sleep(0)
    return counting.of_last_request


async def _upload_file(session: aios3.Session, counting: Counting) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "file.bin").write_bytes(bytes(SMALL))
        for _ in range(2):
            counting = Counting()
            with counting:
                await aios3.upload(name, f"{ROOT}/target", session=session)
    return counting.of_last_request


async def _stat(session: aios3.Session, counting: Counting) -> list[str]:
    await aios3.stat(f"{ROOT}/small", session=session)
    with counting:
        await aios3.stat(f"{ROOT}/small", session=session)
    return counting.all


async def _scan(session: aios3.Session, counting: Counting) -> list[str]:
    for _ in range(2):
        counting = Counting()
        with counting:
            paths = [path async for path in aios3.scan(f"{ROOT}/tree", session=session)]
        assert len(paths) == len(_KEYS)
    return counting.all


async def _scan_once(session: aios3.Session, counting: Counting) -> list[str]:
    await anext(aiter(aios3.scan(f"{ROOT}/tree", session=session)))
    with counting:
        paths = [path async for path in aios3.scan(f"{ROOT}/tree", session=session)]
    assert len(paths) == len(_KEYS)
    return counting.all


OPERATIONS: dict[str, Operation] = {
    "read_bytes, small": _read_bytes,
    "aopen + read + close, small": _read_file,
    "read_at": _read_at,
    "write_bytes, small": _write_bytes,
    "a part of an upload": _write_part,
    "a file of a tree upload": _upload_file,
    "stat": _stat,
    "scan": _scan,
}
"""What is counted: each does it once, where the session has sent such requests before."""


REQUESTS: dict[str, Operation] = {
    "a small get": _read_bytes,
    "a small put": _write_bytes,
    "a read of 64 KiB": _read_64_kib,
    "a page of a listing": _scan_once,
}
"""The requests whose calls of functions and of the system are counted."""


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[aios3.Session]:
    with serving() as url:
        async with aios3.Session(
            endpoint_url=url, region="us-east-1", credentials=aios3.Credentials("key", "secret"), part_size=PART
        ) as session:
            yield session


async def coroutines_of(name: str) -> list[str]:
    """Return the coroutines of aios3 that one operation begins."""
    async with _session() as session:
        return await OPERATIONS[name](session, Counting())


async def calls_of(name: str) -> tuple[int, int]:
    """Return the calls of functions of aios3 and of the system that one request takes: the fewest of several times.

    A response that comes in more pieces takes more, and so does a session whose first responses were slow.
    """
    counted = []
    for _ in range(4):
        async with _session() as session:
            for _ in range(5):
                counting = Counting()
                await REQUESTS[name](session, counting)
                counted.append((counting.calls, counting.system_calls))
    return min(calls for calls, _ in counted), min(system_calls for _, system_calls in counted)


CEILINGS = {
    "read_bytes, small": 9,
    "aopen + read + close, small": 17,
    "read_at": 12,
    "write_bytes, small": 8,
    "a part of an upload": 6,
    "a file of a tree upload": 12,  # one look of a thread at the file after its upload is among them
    "stat": 7,
    "scan": 23,
}
"""The most coroutines that an operation may begin. Lower a figure when the count is lower; never raise one."""

CALL_CEILINGS = {
    "a small get": (130, 4),
    "a small put": (140, 4),
    "a read of 64 KiB": (192, 6),
    "a page of a listing": (435, 17),
}
"""The most calls of aios3's functions and of the system that a request may take. Never raise a figure."""


def main(shown: list[str]) -> None:
    """Print how many coroutines each operation begins beside its ceiling, and which ones those of ``shown`` begin."""
    print("coroutines  at most")  # noqa: T201 - it is a program
    for name in OPERATIONS:
        started = asyncio.run(coroutines_of(name))
        print(f"{len(started):10}  {CEILINGS[name]:7}  {name}")  # noqa: T201 - likewise
        if name in shown:
            print(*(f"{'':21}{each}" for each in started), sep="\n")  # noqa: T201 - likewise
    print("\nfunctions  at most  system calls  at most")  # noqa: T201 - likewise
    for name in REQUESTS:
        calls, system_calls = asyncio.run(calls_of(name))
        most_calls, most_system_calls = CALL_CEILINGS[name]
        figures = f"{calls:9}  {most_calls:7}  {system_calls:12}  {most_system_calls:7}"
        print(f"{figures}  {name}")  # noqa: T201 - likewise
