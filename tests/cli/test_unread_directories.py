"""Directories of the disk that cannot be read: what they have is unknown, and is not called absent."""

from __future__ import annotations

import os
import signal

import pytest

from aios3.cli._main import main


@pytest.fixture
def run(monkeypatch, state, capsys):
    """Run the program in this process, where ``t/u`` cannot be listed."""
    original, handler = os.scandir, signal.getsignal(signal.SIGINT)

    def scandir(path):
        if os.fspath(path).endswith("/u"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for name, value in state.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(state.here)

    def run(line):
        status = main(state.words(line))
        shown = capsys.readouterr()
        return status, sorted(shown.out.splitlines()), shown.err

    yield run
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize(
    ("line", "status", "shown"),
    [
        ("cmp t {b}/n", 1, ["+ x"]),
        ("cmp --checksum {b}/n t", 1, ["- x"]),
        ("cmp --exclude u/ t {b}/n", 1, ["+ x"]),
        ("cmp --exclude u/ --exclude x t {b}/n", 0, []),
        ("cmp --include g t {b}/n", 1, []),
    ],
)
def test_a_comparison_calls_nothing_absent_that_may_be_there(state, run, line, status, shown):
    for name in ("g", "u/h", "u/i/j", "x"):
        state.put(f"n/{name}", b"gee" if name == "g" else b"aitch")
    ended, printed, errors = run(line)
    assert (ended, printed) == (status, shown)
    assert errors.count("\n") == ("--exclude u/" not in line)


@pytest.mark.parametrize("line", ["sync --delete t {b}/n", "sync --delete --include u/h t {b}/n", "mv -r t {b}/m"])
def test_what_may_be_there_stays(state, run, line):
    state.put("n/u/h", b"aitch")
    status, _, errors = run(line)
    assert (status, errors.count("\n")) == (1, 1)
    assert state.objects()["n/u/h"] == b"aitch"
    assert (state.here / "t/u/h").read_bytes() == b"aitch"
