"""Commands with ``--on``: the same work as without it, no option ignored, and a second run that goes on."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

import pytest
from cli_program import start_program
from writing_state import OBJECTS, make_state

from aios3.cli import _on_engines
from aios3.cli._app import App
from aios3.cli._commands import COMMANDS
from aios3.cli._engines import Engine, parse_engine
from aios3.cli._on_engines import _OF_COMMAND, _OF_EVERY_COMMAND, RunState, _reject_unknown_options, run_text
from aios3.cli._output import Output
from aios3.cli._parsing import first_parser, parse, parser_of
from aios3.cli._sessions import Sessions
from aios3.cli._usage import UsageError
from aios3.distributed import split
from aios3.errors import ConfigError
from aios3.testing import faults
from imported import imported_by

ON = "--on processes:1 --range-keys 2"
LINES = {
    "cp": "cp -r {b}/d {b}/new/",
    "rm": "rm -r {b}/d",
    "sync": "sync {b}/d {b}/new/",
    "cmp": "cmp --checksum {b}/d {b}/x/",
    "du": "du {b}/d",
}
SAME = [
    "cp -r {b}/d {b}/new/",
    "cp -r -n {b}/d {b}/other --exclude e/*",
    "sync --delete {b}/d {b}/other",
    "sync --delete --include *.txt {b}/d/ {b}/other/",
    "rm -r {b}/d {b}/other/",
]


def fill(state):
    for key in ("d/1.txt", "d/2.txt", "d/3", "other/2.txt", "other/b", "other/z", "other/sub/z.txt"):
        state.put(key, f"at {key}".encode())


@pytest.mark.parametrize("line", SAME)
def test_an_engine_leaves_the_objects_that_the_command_alone_leaves(server, session, state, tmp_path, line):
    (tmp_path / "alone").mkdir()
    alone = make_state(state.environ, session, tmp_path / "alone")
    fill(state)
    fill(alone)
    expected = alone.run(line)
    done = state.run(f"{line} {ON}")
    assert (done.returncode, done.stderr) == (expected.returncode, expected.stderr) == (0, b"")
    assert state.objects() == alone.objects() != OBJECTS


@pytest.mark.parametrize("line", ["du --bytes {b}/d {b}/other {b}", "cmp --checksum {b}/d {b}/other", "rm -r {b}/none"])
def test_an_engine_prints_what_the_command_alone_prints(state, line):
    fill(state)
    alone, done = state.run(line), state.run(f"{line} {ON}")
    assert (done.returncode, done.stderr) == (alone.returncode, alone.stderr)
    lines = sorted(alone.stdout.splitlines())
    extra = [each for each in lines if each.startswith(b"+ ")]
    kept = [each for each in lines if each not in extra]
    count = [b"+ %d objects are only in the second" % len(extra)] if extra else []
    assert sorted(done.stdout.splitlines()) == sorted(kept + count)


def test_json_has_each_range_and_the_sum(state):
    fill(state)
    done = state.run(f"cp -r --json {{b}}/d {{b}}/new/ {ON}")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    ranges = [each["report"] for each in records if "report" in each]
    assert len(ranges) == len(records) - 1 > 1
    assert sum(each["counts"]["copied"] for each in ranges) == records[-1]["summary"]["counts"]["copied"] == 5


def test_each_key_that_failed_is_a_line_and_the_status_is_1(state, faulty):
    fill(state)
    faulty.fail("CopyObject", faults.Respond(400, "InvalidArgument"), key="*new/2.txt", times=None)
    done = state.run(f"cp -r {{b}}/d {{b}}/new/ {ON}")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("aios3 cp: ")
    assert "2.txt" in line
    assert {"new/1.txt", "new/3", "new/b"} <= state.objects().keys()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_workers_and_the_next_run_goes_on(server, session, state, faulty, tmp_path, number):
    fill(state)
    (tmp_path / "reports").mkdir()
    reports = make_state(state.environ, session, tmp_path / "reports").bucket
    line = f"cp -r {{b}}/d {{b}}/new/ {ON} --report {reports}/run"
    faulty.fail("CopyObject", faults.Stall(), nth=3, times=None)
    with start_program(state.environ, *state.words(line), cwd=state.here) as program:
        faulty.wait(lambda counts: counts.stalled >= 1)
        program.send_signal(number)
        _, errors = program.communicate(timeout=100)  # ends when no worker has its pipes any more
    assert (program.returncode, errors) == (-number, b"")
    faulty.reset()
    done = state.run(f"{line} --json")
    assert done.returncode == 0, done.stderr
    expected = {key.replace("d/", "new/", 1): data for key, data in state.objects().items() if key.startswith("d/")}
    assert {key: data for key, data in state.objects().items() if key.startswith("new/")} == expected
    again = state.run(f"{line} --json")
    assert all(json.loads(each)["report"]["is_earlier"] for each in again.stdout.splitlines()[:-1])


def unknown_options():
    for command in LINES:
        for action in parser_of(COMMANDS[command])._actions:
            if action.option_strings and action.dest not in {"help", *_OF_EVERY_COMMAND, *_OF_COMMAND[command]}:
                yield command, action


@pytest.mark.parametrize(
    ("command", "action"), list(unknown_options()), ids=[f"{name} {one.dest}" for name, one in unknown_options()]
)
def test_no_option_that_the_job_does_not_know_is_ignored(command, action):
    _, options = parse(LINES[command].replace("{b}", "s3://b").split() + ON.split())
    _reject_unknown_options(options, command)
    setattr(options, action.dest, True if action.nargs == 0 else "given")
    with pytest.raises(UsageError, match=r"--[a-z-]+ does not go with --on"):
        _reject_unknown_options(options, command)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cp s3://b/d s3://b/n/", "add -r"),
        ("rm s3://b/d", "add -r"),
        ("cmp s3://b/d s3://b/x", "add --checksum"),
        ("rm -r s3://b/d --dry-run", "--dry-run does not go with --on; without --on it prints"),
    ],
)
def test_commands_whose_work_is_another_without_an_option_need_it(line, words):
    command, options = parse([*line.split(), *ON.split()])
    with pytest.raises(UsageError, match=words):
        _reject_unknown_options(options, command.name)


@pytest.mark.parametrize("line", ["du -sh s3://b/d", "du s3://b/d --page-size 100", "rm -r s3://b/d --show-progress"])
def test_options_without_an_effect_have_none_on_an_engine_either(line):
    command, options = parse([*line.split(), *ON.split()])
    _reject_unknown_options(options, command.name)


def test_a_command_without_an_engine_does_not_import_their_code():
    program = "from aios3.cli._commands import COMMANDS; [each.load() for each in COMMANDS.values()]"
    assert not {each for each in imported_by(program) if each.startswith("aios3.distributed")}


def test_every_option_that_is_allowed_exists():
    for command, names in _OF_COMMAND.items():
        known = {action.dest for action in parser_of(COMMANDS[command])._actions}
        assert names | {"on", "report", "range_keys", "limit_requests"} <= known
        assert first_parser().get_default("json") is False


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cp -r {b}/a.txt {b}/n/", "is an object"),
        ("cp -r t {b}/n/", "t: is not an S3 path"),
        ("cp -r {b}/d n", "n: is not an S3 path"),
        ("cp -r {b}/d {b}/x {b}/n/", "one source"),
        ("cp -r {b}/d* {b}/n/", "has wildcards"),
        ("cp -r - {b}/n/", "a stream"),
        ("rm -r {b}/a.txt", "is an object"),
        ("rm -r {b}/d --exclude b", "--exclude does not go with --on"),
    ],
)
def test_what_an_engine_cannot_do_is_rejected_before_anything_is_done(state, line, words):
    done = state.run(f"{line} {ON}")
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert state.objects() == OBJECTS


def test_options_of_engines_are_rejected_without_one(state):
    for option in ("--report {b}/r", "--range-keys 5", "--limit-requests 9"):
        done = state.run(f"rm -r {{b}}/d {option}")
        assert done.returncode == 2
        assert b"add --on" in done.stderr
    assert state.objects() == OBJECTS


@pytest.mark.parametrize(
    ("number", "words"),
    [("0", "'0' is not a number from 1 on"), ("0.5", "not a number from 1 on"), ("2000000", "from 1 to 1,000,000")],
)
def test_a_rate_of_requests_that_makes_no_sense_is_rejected(state, number, words):
    done = state.run(f"rm -r {{b}}/d {ON} --limit-requests {number}")
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert state.objects() == OBJECTS


class StopError(Exception):
    """Ends a command where its workers would begin."""


@pytest.mark.parametrize(("option", "rate"), [("", None), ("--limit-requests 4", 4)])
def test_a_rate_is_that_of_the_workers_and_of_what_is_read_before_them(state, monkeypatch, option, rate):
    for name, value in state.environ.items():
        monkeypatch.setenv(name, value)
    rates = {}

    async def splitting(root, keys, *, session):
        rates["read before"] = session.config.max_requests_per_second
        return await split(root, keys, session=session)

    def running(*_arguments, requests_per_second, **_options):
        rates["workers"] = requests_per_second
        raise StopError

    monkeypatch.setattr(_on_engines, "split", splitting)
    monkeypatch.setattr(_on_engines, "run", running)
    command, options = parse(state.words(f"cp -r {{b}}/d {{b}}/new/ {ON} {option}"))

    async def work():
        output = Output()
        async with Sessions(output) as sessions:
            await _on_engines.do_on_engine(App(options, output, sessions), command.name)

    with pytest.raises(StopError):
        asyncio.run(work())
    assert rates == {"read before": rate, "workers": rate}


def test_a_report_inside_of_the_tree_is_rejected(state):
    done = state.run(f"cp -r {{b}}/d {{b}}/n/ {ON} --report {{b}}/d/run")
    assert done.returncode == 1
    assert b"put it elsewhere" in done.stderr
    assert ConfigError.__name__ not in done.stderr.decode()
    assert state.objects() == OBJECTS


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("processes", Engine("processes")),
        ("processes:3", Engine("processes", processes=3)),
        ("dask://host:8786", Engine("dask", "tcp://host:8786")),
        ("ray", Engine("ray")),
        ("ray://host:10001", Engine("ray", "ray://host:10001")),
    ],
)
def test_engines_are_named_by_scheme_and_address(text, engine):
    assert parse_engine(text) == engine


@pytest.mark.parametrize(
    "text", ["", "process", "processes:", "processes:0", "processes:x", "dask", "dask://", "ray://"]
)
def test_a_text_that_names_no_engine_is_rejected(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_engine(text)


def test_the_progress_is_that_of_the_whole_run():
    state = RunState(3, 12, 30_000, 120_000, 5 * 1024**3, 0.125)
    assert run_text(state, 10.0) == "3/12 ranges  30,000/120,000 objects  5.0 GiB  1:00 left"
