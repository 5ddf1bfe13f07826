"""Whole programs against a server: Ctrl-C, notebooks, threads, forks and the end of the interpreter."""

from __future__ import annotations

import contextlib
import signal
import socket
import textwrap
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER_CLOSED = "{} was never closed: it is aborted, and nothing is published\n"
PROLOGUE = """
import atexit, asyncio, gc, multiprocessing, os, sys, threading, warnings
import aios3.sync as s3
from aios3.sync import _loop_thread
warnings.filterwarnings("ignore", "This process", DeprecationWarning)
bucket = sys.argv[1]
path = bucket + "/object"
MIB = 1024 * 1024
def write(path, mib=12):
    file = s3.open(path, "wb", part_size=5 * MIB)
    file.write(bytes(mib * MIB))
    return file
"""


class StallingProxy:
    """Passes requests on, but those whose first line contains one of ``stalled``: they get no response."""

    def __init__(self, endpoint_url: str, *stalled: str) -> None:
        self._target = urlsplit(endpoint_url)
        self._stalled = [text.encode() for text in stalled]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.arrived = threading.Event()
        self.dropped = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            first = client.recv(65536)
            line = first.partition(b"\r\n")[0]
            if any(text in line for text in self._stalled):
                self.arrived.set()
                while client.recv(65536):
                    pass
                self.dropped.set()
                return
            with socket.create_connection((self._target.hostname, self._target.port)) as server:
                server.sendall(first)
                back = threading.Thread(target=_pipe, args=(server, client), daemon=True)
                back.start()
                _pipe(client, server)
                back.join()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def run(run_script, environment, bucket):
    return lambda source: run_script(PROLOGUE + textwrap.dedent(source), bucket, **environment)


@pytest.fixture
def start(start_script, environment, bucket):
    return lambda source, url: start_script(
        PROLOGUE + textwrap.dedent(source), bucket, **(environment | {"AWS_ENDPOINT_URL": url})
    )


@pytest.fixture
def proxy(server) -> Iterator[StallingProxy]:
    with contextlib.ExitStack() as stack:

        def make(*stalled: str) -> StallingProxy:
            proxy = StallingProxy(server.endpoint_url, *stalled)
            stack.callback(proxy.close)
            return proxy

        yield make


# Ctrl-C


@pytest.mark.parametrize(
    "verb",
    ["s3.read_bytes(path)", "s3.open(path).read()", "next(s3.scan(bucket))", "list(s3.scan(bucket))", "s3.stat(path)"],
)
def test_ctrl_c_cancels_the_request_itself(start, proxy, verb):
    stalling = proxy("GET ", "HEAD ")
    script = start(
        f"""
        async def others():
            mine = asyncio.current_task()
            return [task for task in asyncio.all_tasks() if task is not mine and "until_stopped" not in repr(task)]
        try:
            {verb}
        except KeyboardInterrupt:
            print("interrupted", _loop_thread.call(others), flush=True)
        sys.stdin.read(1)
        """,
        stalling.endpoint_url,
    )
    assert stalling.arrived.wait(60), script.communicate()
    script.send_signal(signal.SIGINT)
    assert script.stdout.readline() == "interrupted []\n"
    assert stalling.dropped.wait(60)
    stdout, stderr = script.communicate(timeout=60)
    assert (stdout, stderr, script.returncode) == ("", "", 0)


def test_ctrl_c_in_an_upload_publishes_nothing(start, proxy, bucket, admin):
    stalling = proxy("partNumber=2")
    script = start(
        """
        with s3.open(path, "wb", part_size=5 * MIB) as file:
            file.write(bytes(12 * MIB))
        """,
        stalling.endpoint_url,
    )
    assert stalling.arrived.wait(60), script.communicate()
    script.send_signal(signal.SIGINT)
    _, stderr = script.communicate(timeout=60)
    assert stderr.endswith("\nKeyboardInterrupt\n")
    assert "Warning" not in stderr
    assert script.returncode == -signal.SIGINT
    assert stalling.dropped.wait(60)
    assert not admin.exists(f"{bucket}/object")
    assert admin.uploads(bucket) == []


# A loop that runs already, threads


def test_a_notebook(run, bucket, admin):
    script = run("""
        async def cell():
            s3.write_bytes(path, b"x" * MIB)
            with s3.open(path) as file:
                print(len(file.read()), list(s3.scan(bucket)) == [path])
        asyncio.run(cell())
    """)
    assert (script.stdout, script.stderr, script.returncode) == (f"{1024 * 1024} True\n", "", 0)


def test_threads_that_outlive_the_main_thread(run, server, environment, bucket, admin):
    environment["AWS_ENDPOINT_URL"] = server.endpoint_url.replace("127.0.0.1", "localhost")  # a name to look up
    script = run("""
        def work(number):
            threading.main_thread().join()
            with s3.open(f"{bucket}/{number}", "wb", part_size=5 * MIB) as file:
                file.write(bytes(6 * MIB))
            one_line = f"{s3.getsize(f'{bucket}/{number}') == 6 * MIB}" + os.linesep
            sys.stdout.write(one_line)
        s3.exists(path)
        for number in range(3):
            threading.Thread(target=work, args=(number,)).start()
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("True\n" * 3, "", 0)
    assert len(admin.keys(bucket)) == 3


# Forks


@pytest.mark.parametrize("leave", ["os._exit(0)", "sys.exit()", "raise SystemExit", "file.close()", "del file"])
def test_a_fork_with_an_open_writer(run, bucket, admin, leave):
    script = run(f"""
        with s3.open(path, "wb", part_size=5 * MIB) as file:
            file.write(bytes(12 * MIB))
            child = os.fork()
            if child == 0:
                {leave}
            else:
                print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                file.write(b"the end")
        if child == 0:
            sys.exit()
        print(file.result.size - 12 * MIB)
    """)
    assert script.stderr == ""
    assert script.stdout == "0\n7\n"
    assert admin.get(f"{bucket}/object")[-7:] == b"the end"
    assert admin.uploads(bucket) == []


def test_both_sides_of_a_fork_work(run, bucket, admin):
    script = run("""
        s3.write_bytes(path, b"before")
        reader, paths = s3.open(path), s3.scan(bucket)
        child = os.fork()
        if child == 0:
            for stale in (lambda: reader.read(), lambda: next(paths)):
                try:
                    stale()
                except s3.WrongLoopError:
                    print("stale", flush=True)
            print(s3.read_bytes(path), flush=True)
            s3.write_bytes(bucket + "/child", b"child")
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        print(reader.read(), next(paths) == bucket + "/child")
        reader.close()
    """)
    assert script.stderr == ""
    assert script.stdout == "stale\nstale\nb'before'\nb'before' True\n"
    assert admin.get(f"{bucket}/child") == b"child"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(run_script, environment, bucket, admin, tmp_path, method):
    program = tmp_path / "program.py"
    program.write_text(
        PROLOGUE
        + textwrap.dedent(f"""
        kept = []
        def work(number):
            path = f"{{bucket}}/{{number}}"
            s3.write_bytes(path, b"x" * number)
            kept.append(write(f"{{bucket}}/open{{number}}"))
            return s3.getsize(path)
        if __name__ == "__main__":
            s3.exists(path)
            processes = multiprocessing.get_context("{method}").Pool(2)
            print(sorted(processes.map(work, [1, 2, 3], chunksize=1)))
            processes.close()
            processes.join()
        """)
    )
    script = run_script(program, bucket, **environment)
    assert (script.stdout, script.returncode) == ("[1, 2, 3]\n", 0)
    assert set(script.stderr.splitlines(keepends=True)) == {
        NEVER_CLOSED.format(f"{bucket}/open{number}") for number in (1, 2, 3)
    }
    assert sorted(admin.keys(bucket)) == ["1", "2", "3"]
    assert admin.uploads(bucket) == []


# The end of the interpreter


@pytest.mark.parametrize(
    "leave",
    [
        "file = write(path)",
        "file = write(path, mib=1)",
        "file = s3.open(path, 'w'); file.write('half')",
        "file = write(path); file.cycle = [file]",
        "file = write(path); raise SystemExit(0)",
        "kept = []; thread = threading.Thread(target=lambda: kept.append(write(path))); thread.start(); thread.join()",
    ],
)
def test_an_open_writer_at_the_end_is_aborted(run, bucket, admin, leave):
    script = run(leave)
    assert (script.stdout, script.stderr, script.returncode) == ("", NEVER_CLOSED.format(f"{bucket}/object"), 0)
    assert not admin.exists(f"{bucket}/object")
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize("mib", [0, 12])
def test_an_archive_that_is_left_open_at_the_end_is_aborted(run, bucket, admin, mib):
    script = run(f"""
        archive = s3.create_zip(path, compression="stored", part_size=5 * MIB)
        archive.__enter__().write("a", bytes({mib} * MIB))
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("", NEVER_CLOSED.format(f"{bucket}/object"), 0)
    assert not admin.exists(f"{bucket}/object")
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize(
    "leave",
    [
        "with write(path) as file: sys.exit(3)",
        "import io\nwith io.BufferedWriter(write(path).detach()) as file: sys.exit(3)",
        "file = write(path)\ntry:\n    sys.exit(3)\nfinally:\n    file.close()",
    ],
)
def test_leaving_by_sys_exit_publishes_nothing(run, bucket, admin, leave):
    script = run(leave)
    assert (script.stdout, script.stderr, script.returncode) == ("", "", 3)
    assert not admin.exists(f"{bucket}/object")
    assert admin.uploads(bucket) == []


def test_open_readers_iterators_and_sessions_at_the_end(run, admin, bucket):
    admin.put(f"{bucket}/object", bytes(5_000_000))
    script = run("""
        session = s3.Session()
        reader, other = s3.open(path), s3.open(path, session=session)
        reader.read(10), other.read(10)
        paths = s3.scan(bucket)
        print(next(paths) == path)
        warnings.simplefilter("ignore", ResourceWarning)
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("True\n", "", 0)


@pytest.mark.parametrize("verb", ["s3.read_bytes(path)", "list(s3.scan(bucket))", "s3.open(path).read()"])
def test_a_daemon_thread_in_a_transfer_does_not_hold_up_the_end(start, proxy, verb):
    stalling = proxy("GET ")
    script = start(
        f"""
        def transfer():
            try:
                {verb}
            except s3.ClosedHandleError as error:
                print(error)
        thread = threading.Thread(target=transfer, daemon=True)
        thread.start()
        sys.stdin.readline()
        atexit.unregister(_loop_thread._process.stop)
        atexit.register(thread.join)
        atexit.register(_loop_thread._process.stop)
        """,
        stalling.endpoint_url,
    )
    assert stalling.arrived.wait(60), script.communicate()
    stdout, stderr = script.communicate(timeout=60)
    assert stdout == "The transfer was cancelled, because its session or aios3.sync was closed meanwhile\n"
    assert (stderr, script.returncode) == ("", 0)


def test_a_server_that_does_not_respond_holds_up_the_end_for_a_bounded_time(start, proxy, bucket):
    stalling = proxy("DELETE ")
    script = start("_loop_thread.EXIT_SECONDS = 0.5; file = write(path)", stalling.endpoint_url)
    _, stderr = script.communicate(timeout=60)
    assert stalling.arrived.is_set()
    assert script.returncode == 0
    assert stderr == NEVER_CLOSED.format(f"{bucket}/object") + (
        "aios3.sync could not end its transfers in 0.5 seconds; uploads may be left open\n"
    )


def test_calls_of_atexit_functions(run):
    script = run("""
        def early():
            print("early", s3.exists(path))
        atexit.register(early)
        s3.exists(path)
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("early False\n", "", 0)
