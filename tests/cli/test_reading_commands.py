"""The program ``aios3`` as a shell runs it: what it prints, on which stream, and its exit status."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request

import pytest
from cli_program import run_program

import aios3
import aios3.sync as s3
from aios3.cli._commands import COMMANDS
from aios3.cli._units import UnitError, format_seconds, format_size, format_time, parse_age, parse_size, parse_time
from aios3.testing import FaultyServer, LocalServer, faults

LINES = b"".join(b"line %d\n" % number for number in range(30_000))
"""Longer than the first look at the end of a file, so that ``tail`` has to go back twice."""
OBJECTS = {
    "logs/2026/a.log": LINES,
    "logs/2026/b.log": b"b" * 2048,
    "logs/new.log": b"one\ntwo\nthree",
    "odd/[x]*.txt": b"odd",
    "odd/bell\x07.txt": b"",
    "empty": b"",
    "returns": b"a\nb\rc\nd\n",
}


@pytest.fixture(scope="module")
def environ():
    with LocalServer() as server:
        credentials = server.config["credentials"]
        with s3.Session(**server.config) as session:
            for key, data in OBJECTS.items():
                s3.write_bytes(f"s3://bucket/{key}", data, session=session)
        yield os.environ | {
            "AWS_ENDPOINT_URL": server.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def run(environ, *arguments, check=None):
    done = run_program(environ, *arguments)
    if check is not None:
        assert (done.returncode, done.stderr) == (check, b"")
    return done


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["ls"], ["bucket/"]),
        (["ls", "s3://bucket"], ["empty", "logs/", "odd/", "returns"]),
        (["ls", "s3://bucket/logs"], ["2026/", "new.log"]),
        (["ls", "s3://bucket/logs/"], ["2026/", "new.log"]),
        (["ls", "-r", "s3://bucket/logs"], ["2026/a.log", "2026/b.log", "new.log"]),
        (["ls", "s3://bucket/logs/new.log"], ["new.log"]),
        (["ls", "s3://bucket/logs/**/*.log"], ["2026/a.log", "2026/b.log", "new.log"]),
        (["ls", "s3://bucket/logs/202?/b.log"], ["2026/b.log"]),
        (["ls", "--raw", "s3://bucket/odd/[x]*.txt"], ["[x]*.txt"]),
        (["find", "s3://bucket", "--larger", "2K"], ["s3://bucket/logs/2026/a.log"]),
        (
            ["find", "s3://bucket", "--smaller", "1", "--newer", "1d"],
            ["s3://bucket/empty", "s3://bucket/odd/bell\x07.txt"],
        ),
        (["find", "s3://bucket/logs", "--older", "1d"], []),
        (["find", "s3://bucket/**/b.*", "--type", "f"], ["s3://bucket/logs/2026/b.log"]),
        (["find", "s3://bucket/**/b.*", "--type", "l"], []),
        (["find", "s3://bucket/*", "--older", "1d"], []),
        (["find", "s3://bucket/l*", "--type", "f"], []),
        (["du", "s3://bucket/*"], ["8 B  2  s3://bucket/"]),
        (["du", "--bytes", "s3://bucket/logs/2026"], [f"{len(LINES) + 2048}  2  s3://bucket/logs/2026"]),
        (["cat", "s3://bucket/logs/new.log"], ["one", "two", "three"]),
        (["head", "-n", "2", "s3://bucket/logs/new.log"], ["one", "two"]),
        (["head", "-c", "5", "s3://bucket/logs/new.log"], ["one", "t"]),
        (["head", "s3://bucket/empty"], []),
        (["tail", "-n", "2", "s3://bucket/logs/new.log"], ["two", "three"]),
        (["tail", "-n", "0", "s3://bucket/logs/new.log"], []),
        (["tail", "-c", "5", "s3://bucket/logs/new.log"], ["three"]),
        (["tail", "-c", "0", "s3://bucket/logs/new.log"], []),
    ],
    ids=lambda value: " ".join(value) if value and value[0] in {"ls", "find", "du", "cat", "head", "tail"} else "",
)
def test_what_a_command_prints(environ, arguments, lines):
    done = run(environ, *arguments, check=0)
    assert done.stdout.decode().splitlines() == lines


def test_cat_and_the_end_of_a_long_file_are_its_bytes(environ):
    assert run(environ, "cat", "s3://bucket/logs/2026/*.log", check=0).stdout == LINES + b"b" * 2048
    lines = LINES.splitlines(keepends=True)
    for count in (1, 10, 20_000, 40_000):
        done = run(environ, "tail", "-n", str(count), "s3://bucket/logs/2026/a.log", check=0)
        assert done.stdout == b"".join(lines[-count:])


def test_a_table_is_aligned_and_has_sizes_for_people(environ):
    lines = run(environ, "ls", "-l", "s3://bucket/logs/", check=0).stdout.decode().splitlines()
    assert re.fullmatch(r" +-  +2026/", lines[0])
    assert re.fullmatch(r"13 B  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  STANDARD  new\.log", lines[1])
    assert lines[0].index("2026/") == lines[1].index("new.log")
    depths = run(environ, "du", "-d", "1", "s3://bucket/logs/", check=0).stdout.decode().splitlines()
    assert [line.split()[-1] for line in depths] == ["s3://bucket/logs/", "s3://bucket/logs/2026/"]


def test_json_has_one_object_a_line(environ):
    done = run(environ, "ls", "--json", "-r", "s3://bucket", check=0)
    found = {record["path"]: record["size"] for record in map(json.loads, done.stdout.splitlines())}
    assert found == {f"s3://bucket/{key}": len(data) for key, data in OBJECTS.items()}
    done = run(environ, "--json", "stat", "s3://bucket/empty", "s3://bucket/missing")
    assert json.loads(done.stdout)["size"] == 0
    error = json.loads(done.stderr)
    assert (error["command"], error["error"], error["path"]) == ("stat", "ObjectNotFoundError", "s3://bucket/missing")
    assert done.returncode == 1


def test_a_link_reads_the_object_without_credentials(environ):
    url = run(environ, "presign", "--expires", "1h", "s3://bucket/logs/new.log", check=0).stdout.decode().strip()
    assert "X-Amz-Expires=3600" in url
    with urllib.request.urlopen(url) as response:
        assert response.read() == OBJECTS["logs/new.log"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "usage: aios3"),
        (["nope"], 2, "there is no command 'nope'"),
        (["cat"], 2, "required: PATH"),
        (["--concurency", "3", "ls"], 2, "--concurency"),
        (["ls", "/tmp"], 2, "/tmp: is not an S3 path; write s3://bucket/key"),
        (["ls", "https://bucket/"], 2, "scheme 'https' is not supported"),
        (["find", "s3://bucket", "--larger", "huge"], 2, "'huge' is not a size"),
        (["find", "s3://bucket", "--newer", "soon"], 2, "'soon' is not a time"),
        (["ls", "s3://bucket/missing/"], 1, "s3://bucket/missing/"),
        (["ls", "s3://missing-bucket/"], 1, "the bucket does not exist"),
        (["cat", "s3://bucket/missing"], 1, "s3://bucket/missing"),
        (["cat", "s3://bucket/logs/"], 1, "s3://bucket/logs/"),
        (["cat", "s3://bucket/*.nothing"], 1, "*.nothing"),
        (["tail", "-c", "0", "s3://bucket/missing"], 1, "s3://bucket/missing"),
        (["ls", "--concurrency", "0"], 2, "'0' is not a number from 1 on"),
        (["ls", "--part-size", "9" * 400], 2, "is more than S3 can hold"),
        (["ls", "--endpoint-url", "http://user:hidden@host", "s3://bucket"], 2, "password"),
        (["ls", "--endpoint-url", "no url", "s3://bucket"], 2, "no url"),
    ],
)
def test_what_is_wrong_is_one_line_without_a_traceback(environ, arguments, status, message):
    done = run(environ, *arguments)
    assert (done.returncode, done.stdout) == (status, b"")
    text = done.stderr.decode()
    assert message in text
    assert "Traceback" not in text
    assert "hidden" not in text
    assert not arguments or text.count("\n") == 1


def test_what_can_be_done_is_done_although_a_path_is_missing(environ):
    done = run(environ, "cat", "s3://bucket/missing", "s3://bucket/logs/new.log")
    assert (done.returncode, done.stdout) == (1, b"one\ntwo\nthree")
    assert b"s3://bucket/missing" in done.stderr


def test_a_reader_that_leaves_ends_the_program_quietly(environ):
    command = [sys.executable, "-m", "aios3", "cat", *["s3://bucket/logs/2026/a.log"] * 20]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout.read(10) == LINES[:10]
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait(100) == 141


def test_a_terminal_is_not_commanded_by_keys(environ):
    parent, child = pty.openpty()
    try:
        command = [sys.executable, "-m", "aios3", "ls", "s3://bucket/odd/"]
        subprocess.run(command, env=environ, stdout=child, check=True, timeout=100)
        assert os.read(parent, 1000).decode().splitlines() == ["[x]*.txt", "bell\\x07.txt"]
    finally:
        os.close(parent)
        os.close(child)


@pytest.mark.parametrize("arguments", [["ls"], ["ls", "-l"]], ids=" ".join)
@pytest.mark.parametrize(
    ("variables", "is_blue"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_a_terminal_shows_directories_in_blue(environ, arguments, variables, is_blue):
    parent, child = pty.openpty()
    surroundings = {name: value for name, value in environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    try:
        command = [sys.executable, "-m", "aios3", *arguments, "s3://bucket/logs/"]
        subprocess.run(command, env=surroundings | variables, stdout=child, check=True, timeout=100)
        first, second = os.read(parent, 1000).decode().splitlines()
        assert first.endswith("\x1b[1;34m2026/\x1b[0m" if is_blue else " 2026/" if "-l" in arguments else "2026/")
        assert second.endswith("new.log")
        assert ("\x1b" in first) == is_blue
    finally:
        os.close(parent)
        os.close(child)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, -2), (signal.SIGTERM, -15)])
def test_a_signal_ends_the_program_without_a_traceback(environ, number, status):
    with FaultyServer(upstream=environ["AWS_ENDPOINT_URL"]) as faulty:
        faulty.fail("GetObject", faults.Stall())
        command = [sys.executable, "-m", "aios3", "cat", "s3://bucket/logs/new.log"]
        surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
        with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
            faulty.wait(lambda counts: counts.requests.get("GetObject") == 1)
            program.send_signal(number)
            output, errors = program.communicate(timeout=100)
    assert (program.returncode, output, errors) == (status, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "arguments", [["cat", *["s3://bucket/logs/2026/a.log"] * 20], ["find", *["s3://bucket"] * 999]]
)
def test_a_signal_ends_a_program_whose_output_is_not_read(environ, arguments, number):
    command = [sys.executable, "-m", "aios3", *arguments]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout.read(1)
        program.send_signal(number)
        assert program.wait(60) == -number


def test_a_closed_or_full_output_is_one_line(environ):
    for redirection in (">&-", ">/dev/full"):
        line = f"{sys.executable} -m aios3 ls s3://bucket {redirection}"
        done = subprocess.run(line, shell=True, env=environ, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
        assert b"Traceback" not in done.stderr


def test_lines_end_at_line_feeds_only(environ):
    assert run(environ, "tail", "-n", "2", "s3://bucket/returns", check=0).stdout == b"b\rc\nd\n"
    assert run(environ, "head", "-n", "1", "s3://bucket/returns", check=0).stdout == b"a\n"


def test_stats_and_requests_are_shown_on_stderr(environ):
    done = run(environ, "cat", "-v", "--stats", "s3://bucket/logs/new.log")
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\nthree")
    first, *rest = done.stderr.decode().splitlines()
    assert re.fullmatch(r"GetObject s3://bucket/logs/new\.log 20[06] \d+ ms 13 B", first)
    assert rest[0].startswith("GetObject: 1 requests, 0 retries, 0 errors, 13 B read")
    assert rest[-1].startswith("all: 1 requests")


def _imports(environ, *arguments):
    """Return what Python imports: a measurement of coverage imports modules of its own at the start."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("arguments", [["--help"], ["cat", "s3://bucket/empty"], ["ls", "s3://bucket/"]], ids=str)
def test_a_command_imports_no_other_one_and_nothing_that_starts_slowly(environ, arguments):
    imported = _imports(environ, "-m", "aios3", *arguments) - _imports(environ, "-c", "")
    assert "aios3.cli._main" in imported
    slow = {
        "aiobotocore",
        "botocore",
        "rich",
        "zipfile",
        "configparser",
        "anyio",
        "aios3._trees",
        "aios3._zip",
        "aios3._buckets",
    }
    others = {f"aios3.cli.{each.module}" for name, each in COMMANDS.items() if name != arguments[0]}
    own = {f"aios3.cli.{COMMANDS[arguments[0]].module}"} if arguments[0] in COMMANDS else set()
    assert imported & (slow | others - own) == set()


def test_help_names_every_command_and_gives_two_examples(environ):
    commands = run(environ, "--help", check=0).stdout.decode()
    for name in ("ls", "find", "du", "stat", "cat", "head", "tail", "presign"):
        assert re.search(rf"^  {name}  ", commands, re.MULTILINE)
        assert run(environ, name, "--help", check=0).stdout.decode().count(f"  aios3 {name}") + (name == "stat") >= 2
    assert run(environ, "--version", check=0).stdout.decode() == f"aios3 {aios3.__version__}\n"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10", 10),
        ("1K", 1024),
        ("1KiB", 1024),
        ("1KB", 1000),
        ("1.5m", 3 << 19),
        ("2 GiB", 2 << 30),
        ("5B", 5),
    ],
)
def test_sizes_are_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1X", "1 2", "K", "1e3", "nan"])
def test_a_text_that_is_no_size_age_or_time_is_an_error(text):
    for parse in (parse_size, parse_age, parse_time):
        with pytest.raises(UnitError, match="is not a"):
            parse(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1048524, "1023.9 KiB"), (1048575, "1.0 MiB")]
)
def test_sizes_are_written(size, text):
    assert format_size(size) == text


def test_times_are_written():
    assert [format_seconds(value) for value in (0.0501, 12.34, 125, 3723)] == ["50 ms", "12.3 s", "2:05", "1:02:03"]
    assert format_time(parse_time("2026-11-30T12:00:00Z")) == "2026-11-30T12:00:00Z"
    assert parse_time("2026-11-30") == parse_time("2026-11-30T01:00:00+01:00")
