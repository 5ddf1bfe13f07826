"""What users of other programs and of the shell type: it does what they mean, or says in one line what to type."""

from __future__ import annotations

import os

import pytest
from writing_state import FILES, OBJECTS, changed

import aios3.sync as s3
from aios3.cli._commands import COMMANDS
from aios3.cli._other_options import COMMANDS_INSTEAD
from aios3.testing import faults

TAKEN = [
    # the line, and what it prints
    ("ls -r --summarize {b}/d", ["b", "e/c", "Total Objects: 2", "Total Size: 6 B"]),
    ("ls --summarize --bytes {b}/d/", ["b", "e/", "Total Objects: 1", "Total Size: 3"]),
    ("ls --json -r --summarize --quiet {b}/d", []),
    ("du -sh {b}/d", ["6 B  2  {b}/d"]),
    ("du -H {b}/d", ["6 B  2  {b}/d"]),
    ("cp f.txt {b}/new --sse", ["cp --sse AES256 f.txt {b}/new"]),
    ("cp --sse aws:kms f.txt {b}/new", ["cp --sse aws:kms f.txt {b}/new"]),
]


@pytest.mark.parametrize(("line", "output"), TAKEN, ids=[row[0] for row in TAKEN])
def test_what_others_call_so_is_done(state, line, output):
    done = state.run(line)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [each.replace("{b}", state.bucket) for each in output]


@pytest.mark.parametrize("option", ["-h", "-lh", "-H", "--human-readable"])
def test_a_listing_for_people_is_no_help(state, option):
    lines = state.run(f"ls {option} {{b}}/d/").stdout.decode().splitlines()
    assert sorted(line.split()[0] for line in lines) == ["-", "3"]


REJECTED = [
    # the line, its status, and what it says
    ("copy f.txt {b}", 2, "there is no command 'copy'; use cp"),
    ("lss {b}", 2, "there is no command 'lss'; use ls"),
    ("zip lst {b}/x", 2, "there is no command 'zip lst'; use zip ls"),
    ("cp f.txt {b} --storge-class X", 2, "--storge-class X; --storage-class is one"),
    ("--profil x ls", 2, "--profil; --profile is one"),
    ("ls {b}/d/nothing-here", 1, "'{b}/d/nothing-here*' lists names that begin so"),
    ("ls -r {b}/a", 1, "'{b}/a*' lists names that begin so"),
    ("cp {b}/d n", 1, "{b}/d is a directory"),
    ("cp {b}/d {b}/n", 1, "{b}/d is a directory"),
    ("mv {b}/d n", 1, "{b}/d is a directory"),
    ("cp t/* {b}/n/", 1, "the shell expands wildcards of local paths, unless they are quoted"),
    ("mv t/[g] {b}/n", 1, "the shell expands wildcards of local paths, unless they are quoted"),
    ("sync f.txt {b}/n", 1, "f.txt is no directory, and sync takes directories; cp copies a file"),
    ("sync {b}/a.txt t", 1, "{b}/a.txt is no directory, and sync takes directories; cp copies a file"),
    ("sync --delete f.txt {b}/d", 1, "f.txt is no directory"),
    ("tail -n +5 {b}/a.txt", 2, "'+5' is not a number from 0 on"),
    ("head -n -1 {b}/a.txt", 2, "'-1' is not a number from 0 on"),
    ("du -d -1 {b}", 2, "'-1' is not a number from 0 on"),
    ("presign --expires-in 604801 {b}/a.txt", 2, "'604801' is not a lifetime from 1s to 7d"),
    ("presign --expires 0s {b}/a.txt", 2, "'0s' is not a lifetime from 1s to 7d"),
    ("cp --part-size 1K f.txt {b}/", 2, "--part-size must be between"),
    ("cp --limit-rate 0 f.txt {b}/", 2, "--limit-rate must be between"),
    ("ls --endpoint-url host {b}", 2, "--endpoint-url must begin with"),
    ("bucket versioning set {b} on", 2, "'on' is not there; set takes enabled, suspended"),
    ("bucket tags set {b} colour", 2, "'colour' is not there; set takes NAME=VALUE"),
    ("bucket cors set {b} no-file", 2, "'no-file' is not there; set takes a file"),
    ("bucket policy set {b} t", 1, "t: Is a directory"),
    ("run t", 1, "t: Is a directory"),
]


@pytest.mark.parametrize(("line", "status", "message"), REJECTED, ids=[row[0] for row in REJECTED])
def test_what_is_not_meant_so_is_one_line_with_what_to_type(state, line, status, message):
    done = state.run(line)
    assert (done.returncode, done.stdout) == (status, b"")
    text = done.stderr.decode()
    assert message.replace("{b}", state.bucket) in text
    assert text.count("\n") == 1
    assert (state.objects(), state.files()) == (OBJECTS, FILES)


@pytest.mark.parametrize(
    ("line", "usage"), [("help cp", "cp"), ("cp help", "cp"), ("help zip ls", "zip ls"), ("zip ls help", "zip ls")]
)
def test_help_is_a_word_as_well(state, line, usage):
    done = state.run(line)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith(f"usage: aios3 {usage} [")


def test_a_file_of_that_name_is_run(state):
    (state.here / "help").write_text(f"cat {state.bucket}/a.txt\n")
    assert state.run("run help").stdout == b"alpha"


def test_commands_of_other_programs_are_none_here_and_what_is_named_instead_is_one():
    for name, instead in COMMANDS_INSTEAD.items():
        assert name not in COMMANDS
        words = instead.split()
        assert words[0].startswith("--") or words[0] in COMMANDS or " ".join(words[:2]) in COMMANDS


@pytest.mark.parametrize(
    ("line", "output"), [("ls", ""), ("ls -r", ""), ("find", ""), ("du", "0 B  0  {path}\n"), ("rm -r", "")]
)
@pytest.mark.parametrize("what", ["bucket", "directory"])
def test_what_is_empty_is_not_missing(state, line, output, what):
    if what == "bucket":
        path = f"{state.bucket}-empty"
        s3.Bucket(path, session=state.session).create()
    else:
        path = f"{state.bucket}/empty/"
        s3.Bucket(state.bucket, session=state.session).put_object("empty/", b"")
    done = state.run(f"{line} {path}")
    assert (done.returncode, done.stderr) == (0, b"")
    if (line, what) != ("rm -r", "directory"):  # it prints that the marker is gone
        assert done.stdout.decode() == output.replace("{path}", path)


@pytest.mark.parametrize("line", ["ls -r", "find", "du"])
@pytest.mark.parametrize("path", ["{b}/none/", "{b}/none", "{b}-none"])
def test_what_is_missing_is_not_empty(state, line, path):
    done = state.run(f"{line} {path}")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


@pytest.mark.parametrize("command", ["cp -r t {b}/n", "mv -r t {b}/n", "sync t {b}/n"])
def test_an_error_is_one_line_whatever_the_name(state, faulty, command):
    name = "two\nlines\x1b[2J"
    (state.here / "t" / name).write_bytes(b"odd")
    faulty.fail("PutObject", faults.Respond(403, "AccessDenied"), key=lambda seen: "two" in seen.target, times=None)
    done = state.run(command)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"t/two\\x0alines\\x1b[2J: " in done.stderr
    assert state.objects() == changed(OBJECTS, {"n/g": b"gee", "n/u/h": b"aitch"})


def test_an_error_of_credentials_names_options_of_the_program(state):
    environ = {name: value for name, value in state.environ.items() if not name.startswith("AWS_")}
    environ |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": os.fspath(state.here / "nowhere")}
    state.environ.clear()
    state.environ.update(environ)
    done = state.run("ls {b}")
    assert done.returncode == 1
    assert b"for a public bucket use --no-sign-request" in done.stderr
    assert b"credentials=" not in done.stderr
