"""One suite of CPython's own tests, with ``open`` led to S3 or left alone: ``led.py SUITE OUTCOMES WAY``.

Files below the working directory are led: what is there goes to S3 when it is opened, and what was published comes back
when it is closed, so that ``os`` and ``shutil`` see what a local program would see. The outcome of each test is a line
of OUTCOMES. WAY is ``local``, ``default`` or one of ``buffering=``.
"""

from __future__ import annotations

import builtins
import faulthandler
import io
import itertools
import json
import os
import sys
import unittest
import warnings
from fnmatch import fnmatch
from pathlib import Path

import aios3.sync as s3

BUCKET = os.environ["STDLIB_BUCKET"]
SKIPPED = os.environ["STDLIB_SKIPPED"].split()
LOCAL = "local"
_keys = itertools.count(1)


class Led:
    """``open``, led to S3."""

    def __init__(self, way: str, root: str) -> None:
        self._open = builtins.open
        self._way = way
        self._root = root
        self.opened = 0

    def install(self) -> None:
        """Take the place of the builtin, before any other module has looked it up."""
        builtins.open = io.open = self.open
        publish = s3.RawWriter.close

        def close(raw: s3.RawWriter) -> None:
            place = raw.__dict__.pop("led_to", None)
            publish(raw)
            if place is None:
                return
            try:
                _ = raw.result
            except s3.ClosedHandleError:
                return  # it was given up
            with self._open(place[1], "wb") as file:
                file.write(s3.read_bytes(place[0]))

        s3.RawWriter.close = close

    def open(self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        arguments = (file, mode, buffering, encoding, errors, newline, closefd, opener)
        name = self._name(file, mode)
        if name is None or opener is not None or not closefd or self._is_rejected(name, mode):
            return self._open(*arguments)
        self.opened += 1
        return self._led(name, *arguments[:-2])

    def temporary_file(self, mode="w+b", buffering=-1, encoding=None, newline=None, *_names, errors=None, **_places):
        """Open an object that nobody else knows."""
        self.opened += 1
        if "b" not in mode and encoding is None:
            encoding = io.text_encoding(None)
        url = f"s3://{BUCKET}/{next(_keys)}"
        opened = s3.open(url, mode, self._way_for(mode, buffering), encoding, errors, newline)
        _raw_of(opened).name = self.opened
        return opened

    def _name(self, file, mode) -> str | None:
        """Return the path of a file that is led; None for descriptors, directories, devices and other people's."""
        if not isinstance(file, (str, bytes, os.PathLike)) or not isinstance(mode, str):
            return None
        try:
            folder, base = os.path.split(os.fsdecode(file))
            name = os.path.join(os.path.realpath(folder), base)  # a link before ".." leads elsewhere
            special = os.path.lexists(name) and not os.path.isfile(name)
        except ValueError:
            return None
        return None if special or os.path.islink(name) or not name.startswith(self._root) else name

    def _is_rejected(self, name, mode) -> bool:
        """Tell whether the system itself rejects it: it says so best."""
        exists, folder = os.path.exists(name), os.path.dirname(name)
        if not os.path.isdir(folder) or ("x" in mode and exists) or ("r" in mode and not exists):
            return True
        return not os.access(name if exists else folder, os.W_OK if set(mode) & set("wax+") else os.R_OK)

    def _led(self, name, file, mode, buffering, encoding, errors, newline):
        url = f"s3://{BUCKET}/{next(_keys)}"
        if os.path.exists(name) and "w" not in mode:
            with self._open(name, "rb") as old:
                s3.write_bytes(url, old.read())
        if "b" not in mode and encoding is None:
            encoding = io.text_encoding(None)
        way = self._way_for(mode, buffering)
        opened = s3.open(url, mode, way, encoding, errors, newline)
        raw = _raw_of(opened)
        raw.name = os.fspath(file)
        if set(mode) & set("wax+"):
            raw.led_to = url, name
            if not os.path.exists(name) or "w" in mode:
                self._open(name, "wb").close()
        return opened

    def _way_for(self, mode, buffering):
        if self._way == "default" or not isinstance(buffering, int) or buffering >= 0:
            return buffering
        return self._way


def _raw_of(opened):
    buffer = getattr(opened, "buffer", opened)
    return getattr(buffer, "raw", buffer)


class Outcomes(unittest.TextTestResult):
    """Writes down how each test ends."""

    def __init__(self, path: str) -> None:
        super().__init__(unittest.runner._WritelnDecorator(sys.stderr), False, 1)  # noqa: FBT003
        self._lines = path.open("a", buffering=1)
        self._worst = {}

    def _note(self, test, outcome, error=None):
        self._lines.write(json.dumps([test.id(), outcome, error]) + "\n")

    def note_opened(self, count):
        """Note how many files were led."""
        self._lines.write(json.dumps(["opened", "passed", count]) + "\n")

    def startTest(self, test):
        super().startTest(test)
        self._note(test, "started")

    def addSuccess(self, test):
        super().addSuccess(test)
        self._note(test, "passed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addError(self, test, err):
        super().addError(test, err)
        self._note(test, "failed", _shown(err))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(test, "failed", _shown(err))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed", _shown(err))

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._note(test, "passed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._note(test, "failed", "unexpected success")


def _shown(err) -> str:
    return f"{err[0].__name__}: {err[1]}"[:200]


def _leave_out(tests) -> None:
    """Have those that are too long skip themselves."""
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            _leave_out(test)
        elif any(fnmatch(test.id(), pattern) for pattern in SKIPPED):
            setattr(test, test._testMethodName, lambda test=test: test.skipTest("left out"))


def main() -> None:
    suite, outcomes, way = sys.argv[1:4]
    faulthandler.enable()
    outcomes = Path(outcomes)
    result = Outcomes(outcomes)
    if way != LOCAL:
        s3.exists(f"s3://{BUCKET}/first")  # what this imports is not to be led
        led = Led(way, os.path.realpath(os.getcwd()) + os.sep)
        led.install()
    warnings.simplefilter("default")
    from test import support  # noqa: PLC0415 - after `open` was led

    support.verbose = 0
    tests = unittest.defaultTestLoader.loadTestsFromName(f"test.{suite}")
    for failure in unittest.defaultTestLoader.errors:
        raise ImportError(failure)
    if way != LOCAL and suite == "test_csv":  # which opens all of its files like that
        sys.modules["test.test_csv"].TemporaryFile = led.temporary_file
    _leave_out(tests)
    tests(result)
    result.note_opened(led.opened if way != LOCAL else 0)
    os._exit(0)  # what tests have left open is no concern of ours


if __name__ == "__main__":
    main()
