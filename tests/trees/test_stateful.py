"""Random sequences of verbs on S3 and on the local disk, against plain dictionaries and pathlib."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import aios3
from aios3.testing import LocalServer
from thorough import examples

DIRECTORIES = st.sampled_from(["a", "b", "a/c", "é"])
NAMES = st.sampled_from(["x", "y", "c/z", "sp ace"])
DATA = st.sampled_from([b"", b"1", b"22", b"333"])
_BUCKETS = itertools.count(1)


def below(files: dict[str, bytes], directory: str) -> dict[str, bytes]:
    return {name[len(directory) + 1 :]: data for name, data in files.items() if name.startswith(f"{directory}/")}


def read(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class Trees(RuleBasedStateMachine):
    """``remote`` and ``local`` are what S3 and the disk must hold."""

    server: LocalServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.session = aios3.Session(**self.server.config)
        self.bucket = self.server.create_bucket(f"state-{next(_BUCKETS)}")
        self.root = Path(tempfile.mkdtemp(prefix="aios3-state-"))
        self.remote: dict[str, bytes] = {}
        self.local: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.runner.run(self.session.aclose())
        self.runner.close()
        shutil.rmtree(self.root)

    def do(self, verb, *arguments, **options):
        return self.runner.run(verb(*arguments, **options, session=self.session))

    def at(self, name: str) -> str:
        return f"{self.bucket}/{name}"

    @rule(directory=DIRECTORIES, name=NAMES, data=DATA)
    def write(self, directory, name, data):
        self.do(aios3.write_bytes, self.at(f"{directory}/{name}"), data)
        self.remote[f"{directory}/{name}"] = data

    @rule(directory=DIRECTORIES, name=NAMES, data=DATA)
    def write_locally(self, directory, name, data):
        path = self.root / directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.local[f"{directory}/{name}"] = data

    @rule(source=DIRECTORIES, to=DIRECTORIES, name=NAMES)
    def copy(self, source, to, name):
        if f"{source}/{name}" in self.remote and source != to:
            self.do(aios3.copy, self.at(f"{source}/{name}"), self.at(f"{to}/{name}"))
            self.remote[f"{to}/{name}"] = self.remote[f"{source}/{name}"]

    @rule(directory=DIRECTORIES)
    def remove(self, directory):
        gone = below(self.remote, directory)
        try:
            self.do(aios3.remove, self.at(directory))
        except aios3.ObjectNotFoundError:
            assert not gone
        else:
            assert gone
        for name in gone:
            del self.remote[f"{directory}/{name}"]

    @rule(source=DIRECTORIES, to=DIRECTORIES, overwrite=st.booleans())
    def move(self, source, to, overwrite):
        moved, there = below(self.remote, source), below(self.remote, to)
        rejected: type[Exception] | None = None
        if f"{to}/".startswith(f"{source}/") or (
            below(self.remote, f"{source}/{source[len(to) + 1 :]}") and (f"{source}/".startswith(f"{to}/"))
        ):
            rejected = aios3.InvalidPathError
        elif not overwrite and moved.keys() & there.keys():
            rejected = aios3.ObjectExistsError
        elif not moved:
            rejected = aios3.ObjectNotFoundError
        try:
            self.do(aios3.move, self.at(source), self.at(to), overwrite)
        except aios3.S3Error as error:
            if rejected is None or not isinstance(error, rejected):
                raise
            return
        assert rejected is None
        for name in moved:
            del self.remote[f"{source}/{name}"]
        self.remote |= {f"{to}/{name}": data for name, data in moved.items()}

    @rule(source=DIRECTORIES, to=DIRECTORIES, overwrite=st.booleans())
    def upload(self, source, to, overwrite):
        if not (self.root / source).is_dir():
            return
        sent, there = below(self.local, source), below(self.remote, to)
        result = self.do(aios3.upload, self.root / source, self.at(to), overwrite=overwrite)
        new = {name: data for name, data in sent.items() if overwrite or name not in there}
        assert (result.copied, result.skipped) == (len(new), len(sent) - len(new))
        self.remote |= {f"{to}/{name}": data for name, data in new.items()}

    @rule(source=DIRECTORIES, to=DIRECTORIES, overwrite=st.booleans())
    def download(self, source, to, overwrite):
        received, there = below(self.remote, source), below(self.local, to)
        try:
            self.do(aios3.download, self.at(source), self.root / to, overwrite=overwrite)
        except aios3.ObjectNotFoundError:
            assert not received
        new = {name: data for name, data in received.items() if overwrite or name not in there}
        self.local |= {f"{to}/{name}": data for name, data in new.items()}

    @rule(source=DIRECTORIES, to=DIRECTORIES, delete=st.booleans(), up=st.booleans())
    def sync(self, source, to, delete, up):
        ours, theirs = (self.local, self.remote) if up else (self.remote, self.local)
        wanted, there = below(ours, source), below(theirs, to)
        sides = (self.root / source, self.at(to)) if up else (self.at(source), self.root / to)
        try:
            result = self.do(aios3.sync_tree, *sides, checksum=True, delete=delete)
        except FileNotFoundError:
            assert not wanted
            return
        extra = there.keys() - wanted.keys() if delete else set()
        changed = {name for name, data in wanted.items() if there.get(name) != data}
        assert (result.copied, result.deleted) == (len(changed), len(extra))
        theirs |= {f"{to}/{name}": data for name, data in wanted.items()}
        for name in extra:
            del theirs[f"{to}/{name}"]

    @rule(names=st.lists(st.tuples(DIRECTORIES, NAMES), max_size=4), to=DIRECTORIES)
    def concat(self, names, to):
        sources = [f"{directory}/{name}" for directory, name in names]
        try:
            self.do(aios3.concat, map(self.at, sources), self.at(f"{to}/x"))
        except aios3.ObjectNotFoundError:
            assert not self.remote.keys() >= set(sources)
        else:
            self.remote[f"{to}/x"] = b"".join(self.remote[name] for name in sources)

    @invariant()
    def both_sides_are_as_they_must_be(self):
        async def contents():
            paths = [path async for path in aios3.scan(self.bucket, session=self.session)]
            return {path[len(self.bucket) + 1 :]: await aios3.read_bytes(path, session=self.session) for path in paths}

        assert self.runner.run(contents()) == self.remote
        assert read(self.root) == self.local


def test_random_sequences_of_verbs():
    with LocalServer(buckets=()) as server:
        Trees.server = server
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
        Trees.TestCase.settings = settings(
            max_examples=examples(12), stateful_step_count=15, deadline=None, suppress_health_check=checks
        )
        Trees.TestCase("runTest").runTest()
