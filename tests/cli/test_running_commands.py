"""``aios3 run``: commands from a file or standard input, side by side, each failure named by its line."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import threading
from types import SimpleNamespace

import pytest
from cli_program import environ_of, run_program, start_program
from hypothesis import example, given
from hypothesis import strategies as st

import aios3.sync as s3
from aios3.cli._stdin import open_to_read
from aios3.cli._streams import CommandOutput, SharedOutput
from aios3.cli._words import quote, split_words
from aios3.testing import FaultyServer, LocalServer, faults
from open_files import open_files_below

OBJECTS = {"a": b"alpha\n", "b": b"beta\n", "c d#1": b"gamma\n", "it's": b"delta\n", "open": b"no line feed"}
ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        with s3.Session(**server.config) as session:
            for key, data in OBJECTS.items():
                s3.write_bytes(f"s3://bucket/{key}", data, session=session)
        yield server


@pytest.fixture(scope="module")
def environ(server):
    return environ_of(server)


@pytest.fixture
def faulty(server):
    with FaultyServer(upstream=server.endpoint_url) as faulty:
        yield faulty


@pytest.mark.parametrize(
    ("lines", "output", "errors", "status"),
    [
        ("", [], [], 0),
        ("\n  \n# cat s3://bucket/a\n", [], [], 0),
        ("cat s3://bucket/a\ncat s3://bucket/b\n", ["alpha", "beta"], [], 0),
        ("cat s3://bucket/a", ["alpha"], [], 0),
        ("cat s3://bucket/a # the first\r\n", ["alpha"], [], 0),
        ("aios3 cat s3://bucket/a", ["alpha"], [], 0),
        (
            "cat 's3://bucket/c d#1'\ncat s3://bucket/c\\ d#1\ncat \"s3://bucket/it's\"",
            ["gamma"] * 2 + ["delta"],
            [],
            0,
        ),
        ("cat s3://bucket/a\n\ncat s3://bucket/none\n", ["alpha"], ["line 3: cat: GetObject s3://bucket/none"], 1),
        ("cat\n", [], ["line 1: cat: the following arguments are required: PATH; see aios3 cat --help"], 1),
        ("nope s3://bucket/a\ncat s3://bucket/a", ["alpha"], ["line 1: there is no command 'nope'"], 1),
        ("cat 's3://bucket/a\ncat s3://bucket/a", ["alpha"], ["line 1: column 5 begins what does not end: '"], 1),
        ("--json\n", [], ["line 1: there is no command"], 1),
        ("run other.txt", [], ["line 1: run: a line of run cannot run another file"], 1),
        ("put s3://bucket/x", [], ["line 1: put: a line of run has no standard input"], 1),
        ("bucket policy set s3://bucket", [], ["line 1: bucket policy: a line of run has no standard input"], 1),
        ("cat /etc/passwd", [], ["line 1: cat: /etc/passwd: is not an S3 path"], 1),
        ("--region nowhere cat s3://bucket/a", ["alpha"], [], 0),
        ("ls -q s3://bucket/a\nls --json s3://bucket/none/", [], ['{"command": "ls", "line": 2, '], 1),
    ],
)
def test_each_line_is_a_command_and_each_failure_has_its_number(environ, lines, output, errors, status):
    done = run_program(environ, "run", stdin=lines.encode())
    assert sorted(done.stdout.decode().splitlines()) == sorted(output)
    found = done.stderr.decode().splitlines()
    assert len(found) == len(errors)
    for line, error in zip(found, errors, strict=True):
        assert line.removeprefix("aios3 run: ").startswith(error)
    assert done.returncode == status


def test_options_of_run_are_those_of_every_line(environ):
    done = run_program(environ, "--json", "run", stdin=b"ls s3://bucket/a\ncat s3://bucket/none")
    assert json.loads(done.stdout)["path"] == "s3://bucket/a"
    assert json.loads(done.stderr)["line"] == 2
    broken = environ | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    url = environ["AWS_ENDPOINT_URL"]
    assert run_program(broken, "run", "--endpoint-url", url, stdin=b"cat s3://bucket/a").stdout == b"alpha\n"


def test_the_lines_of_a_file_run_and_a_missing_file_is_one_line(environ, tmp_path):
    commands = tmp_path / "commands.txt"
    commands.write_text("cat s3://bucket/a\n")
    assert run_program(environ, "run", str(commands)).stdout == b"alpha\n"
    done = run_program(environ, "run", str(tmp_path / "none"))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert b"No such file" in done.stderr


def test_lines_run_side_by_side_and_no_more_than_asked_for(environ, faulty):
    faulty.fail("GetObject", faults.Stall(), times=3)
    surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
    with start_program(surroundings, "run", "--jobs", "3") as program:
        program.stdin.write(b"cat s3://bucket/a\n" * 5)
        program.stdin.close()
        faulty.wait(lambda counts: counts.stalled == 3)
        assert faulty.counts().requests["GetObject"] == 3
        faulty.release()
        assert program.stdout.read() == b"alpha\n" * 5
        assert (program.wait(100), program.stderr.read()) == (0, b"")


def test_lines_one_after_the_other_keep_their_order_and_use_one_connection(environ, faulty):
    surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
    lines = b"cat s3://bucket/open\ncat s3://bucket/a\ncat s3://bucket/b\n" * 10
    done = run_program(surroundings, "run", "-j", "1", stdin=lines)
    assert (done.returncode, done.stdout) == (0, b"no line feedalpha\nbeta\n" * 10)
    assert (faulty.counts().connections, faulty.counts().requests["GetObject"]) == (1, 30)


def test_a_line_runs_before_the_next_one_is_written(environ):
    with start_program(environ, "run") as program:
        for name in ("a", "b"):
            program.stdin.write(f"cat s3://bucket/{name}\n".encode())
            program.stdin.flush()
            assert program.stdout.readline() == OBJECTS[name]
        program.stdin.close()
        assert program.wait(100) == 0


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_ends_all_lines_and_begins_no_more(environ, faulty, number):
    faulty.fail("GetObject", faults.Stall(), times=2)
    surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
    with start_program(surroundings, "run", "-j", "2") as program:
        program.stdin.write(b"ls s3://bucket/a\n" + b"cat s3://bucket/a\n" * 9)
        program.stdin.flush()
        faulty.wait(lambda counts: counts.stalled == 2)
        program.send_signal(number)
        assert (program.wait(100), program.stdout.read(), program.stderr.read()) == (-number, b"a\n", b"")
    assert faulty.counts().requests["GetObject"] == 2


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_ends_the_wait_for_a_line(environ, number):
    with start_program(environ, "run") as program:
        program.stdin.write(b"cat s3://bucket/a\n")
        program.stdin.flush()
        assert program.stdout.readline() == b"alpha\n"
        program.send_signal(number)
        assert (program.wait(100), program.stderr.read()) == (-number, b"")


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("line", ["cat s3://bucket/long", "ls s3://bucket"])
def test_a_signal_ends_lines_whose_output_is_not_read(environ, server, line, number):
    with s3.Session(**server.config) as session:
        s3.write_bytes("s3://bucket/long", b"x" * 500_000, session=session)
    with start_program(environ, "run") as program:
        program.stdin.write(f"{line}\n".encode() * 3000)
        program.stdin.flush()
        assert program.stdout.read(1)
        program.send_signal(number)
        assert program.wait(60) == -number


def test_a_reader_that_leaves_ends_all_lines_quietly(environ):
    with start_program(environ, "run") as program:
        program.stdin.write(b"ls s3://bucket\n" * 3000)
        program.stdin.flush()
        assert program.stdout.read(10)
        program.stdout.close()
        program.stdin.close()
        assert program.stderr.read() == b""
        assert program.wait(100) == 141


def test_requests_of_all_lines_are_counted_together(environ):
    done = run_program(environ, "run", "--stats", stdin=b"cat s3://bucket/a\ncat s3://bucket/b\n")
    assert b"GetObject: 2 requests" in done.stderr
    assert b"all: 2 requests" in done.stderr


def test_numbers_and_requests_are_json_if_results_are(environ, faulty):
    faulty.fail("GetObject", faults.InternalError())
    surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
    done = run_program(surroundings, "--json", "-q", "-v", "cat", "--stats", "s3://bucket/a")
    records = [json.loads(line) for line in done.stderr.splitlines()]
    first, second = (record["request"] for record in records if "request" in record)
    assert (first["status"], first["code"], first["error"], first["attempt"]) == (
        500,
        "InternalError",
        "ServerError",
        1,
    )
    assert (second["status"], second["bytes_read"], second["attempt"]) == (206, 6, 2)
    one, everything = (record["stats"] for record in records if "stats" in record)
    assert (one["operation"], one["requests"], one["retries"], one["errors"]) == ("GetObject", 2, 1, 1)
    assert one["p99_seconds"] >= one["p50_seconds"] > 0
    assert (everything["requests"], everything["bytes_read"]) == (2, 6)


def test_numbers_of_two_servers_are_told_apart(environ, faulty):
    lines = f"cat s3://bucket/a\ncat --endpoint-url {faulty.endpoint_url} s3://bucket/a\n".encode()
    shown = run_program(environ, "run", "--stats", stdin=lines).stderr.decode()
    assert "[default] all: 1 requests" in shown
    assert f"[{faulty.endpoint_url}] all: 1 requests" in shown


async def test_a_file_that_is_opened_while_a_signal_cancels_is_closed(tmp_path, monkeypatch):
    (tmp_path / "lines").write_text("ls\n")
    opened, may_return = threading.Event(), threading.Event()

    def slow_open(path, flags):
        descriptor = os_open(path, flags)
        opened.set()
        assert may_return.wait(30)
        return descriptor

    async def read():
        async with open_to_read(str(tmp_path / "lines")):
            pytest.fail("a cancelled command goes on")

    os_open = os.open
    monkeypatch.setattr("aios3.cli._stdin.os", SimpleNamespace(open=slow_open, close=os.close, O_RDONLY=os.O_RDONLY))
    task = asyncio.create_task(read())
    assert await asyncio.to_thread(opened.wait, 30)
    task.cancel()
    await asyncio.sleep(0)
    may_return.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_files_below(tmp_path) == []


class Recorder:
    """A stream that takes its time: other tasks run while it writes bytes."""

    def __init__(self):
        self.data = b""

    def write(self, text):
        self.data += text.encode()

    async def write_bytes(self, data):
        for index in range(0, len(data), 7):
            self.data += bytes(data[index : index + 7])
            await asyncio.sleep(0)

    def flush(self):
        pass


@pytest.mark.parametrize("longest", [10, 3 << 20], ids=["short lines", "lines longer than what is kept"])
async def test_no_line_of_a_command_has_bytes_of_another(longest, monkeypatch):
    monkeypatch.setattr("aios3.cli._streams._MAX_REST_BYTES", 100)
    recorder = Recorder()
    shared = SharedOutput(recorder)
    length = min(longest, 1000)

    async def write(letter):
        output = CommandOutput(shared)
        text = b"".join(letter * (length - index) + b"\n" for index in range(5)) + letter * 3
        for index in range(0, len(text), 13):
            await output.write_bytes(text[index : index + 13])
            output.write(f"{letter.decode()} beside\n")
        await output.end()
        output.give_up()
        return text

    texts = await asyncio.gather(*(write(bytes([65 + number])) for number in range(6)))
    lines = recorder.data.split(b"\n")
    written = [line for text in texts for line in text.split(b"\n")[:-1]]
    for line in written:
        assert line in lines
    for text in texts:  # the bytes of a command stay in their order, and none is lost
        letter = text[:1]
        assert b"".join(recorder.data.replace(letter + b" beside\n", b"").split(b"\n")).count(letter) == text.count(
            letter
        )


WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)


@given(st.lists(WORDS))
@example(["a#b", "#", "", "'", '"', "\\", "$'", "\n", "\x1b'\\", "~", "a b"])
def test_words_are_read_as_they_were_quoted_on_one_line(words):
    line = " ".join(map(quote, words))
    assert "\n" not in line
    assert split_words(line) == words


@given(st.text("ab #'\"\\\t", max_size=12))
def test_words_are_those_of_shlex(line):
    """The shell's rule for comments is not that of shlex, which cuts ``a#b``."""
    try:
        expected = shlex.split(line)
    except ValueError:
        expected = None
    if "#" in line:
        return
    if expected is None:
        with pytest.raises(ValueError, match="does not end"):
            split_words(line)
    else:
        assert split_words(line) == expected


@pytest.mark.parametrize(
    "line", ["a#b", "a #b", "#a", "a\\ #b", "'a'#b", "a '#b'", "$'\\x23\\n' b", 'a"\\$\\a\\""', "''"]
)
def test_words_are_those_of_bash(line):
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}\n"], capture_output=True, check=True)
    expected = os.fsdecode(done.stdout).split("\0")[:-1]
    assert split_words(line) == (expected if split_words(line) else [])
