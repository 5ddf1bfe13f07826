"""A bucket and a directory in a known state, and what a command has made of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli_program import run_program

import aios3.sync as s3

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = {"a.txt": b"alpha", "d/b": b"bee", "d/e/c": b"sea", "x[1].txt": b"odd", "x1.txt": b"even"}
FILES = {"f.txt": b"file", "t/g": b"gee", "t/u/h": b"aitch"}
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class State:
    """What a command finds."""

    environ: dict[str, str]
    session: s3.Session
    bucket: str
    here: Path

    def run(self, line, **options):
        """Run the program in the directory; ``{b}`` in its arguments is the bucket."""
        return run_program(self.environ, *self.words(line), cwd=self.here, **options)

    def words(self, line):
        """Return arguments, of which none has a space in it."""
        return line.replace("{b}", self.bucket).split()

    def objects(self):
        """Return the objects of the bucket by their keys; None if there is no bucket."""
        bucket = s3.Bucket(self.bucket, session=self.session)
        if not bucket.exists():
            return None
        return {one.key: s3.read_bytes(one.url, session=self.session) for one in bucket.list_objects()}

    def files(self):
        """Return the files of the directory by their names, also those whose names are hidden."""
        found = (path for path in self.here.rglob("*") if path.is_file())
        return {path.relative_to(self.here).as_posix(): path.read_bytes() for path in found}

    def uploads(self):
        """Return the keys of open uploads."""
        return [each.key for each in s3.Bucket(self.bucket, session=self.session).list_uploads()]

    def put(self, key, data):
        """Store one more object."""
        s3.write_bytes(f"{self.bucket}/{key}", data, session=self.session)


def make_state(environ, session, here):
    """Make a bucket with OBJECTS, and FILES in ``here``."""
    bucket = f"s3://state-{next(_NUMBERS)}"
    s3.Bucket(bucket, session=session).create()
    for key, data in OBJECTS.items():
        s3.write_bytes(f"{bucket}/{key}", data, session=session)
    for name, data in FILES.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(data)
    return State(environ, session, bucket, here)


def changed(before, changes):
    """Return ``before`` with ``changes``; None takes a name away."""
    return {name: data for name, data in {**before, **changes}.items() if data is not None}
