"""Two actors on the same trees: one runs verbs, with faults and cancellations; the other writes and deletes beside it.

The other acts between two requests of the verb, at places that hypothesis chooses, so that what fails can be repeated.
Everything that is written is unique. S3 and the disk are watched: whatever a verb makes disappear must be what that
verb is for, and what it has looked at. **Nothing that nobody has deleted is ever gone.**

It runs on S3 in memory, which has no transport, and over both transports on an S3 that verifies signatures and heeds
conditions. ``HYPOTHESIS_PROFILE=thorough`` runs many more examples.

A fault can hide behind another defence: a sync whose missing source counts as empty is stopped by
its second look at the source. Such faults have tests of their own in ``test_deleting_what_is_known.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tree_s3 import ROOT, TreeS3

import aios3
from aios3 import _session
from aios3._backend import CopyOptions
from aios3._engine import backoff
from aios3._threads import in_thread
from aios3._trees import file_trees
from handles.fake_s3 import SMALL, rejection
from servers import amazon
from servers.amazon_objects import Response, perform
from servers.amazon_objects import rejection as responded_rejection
from thorough import examples
from trees.served_s3 import ServedS3

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from servers.amazon_objects import Asked

DIRECTORIES = st.sampled_from(["a", "b"])
ALL = [f"{directory}/{name}" for directory in ("a", "b") for name in ("x", "c/y")]
"""Few, so that the two meet often."""
KEYS = st.sampled_from(ALL)
OTHER = {"a": "b", "b": "a"}
STARTS = st.sampled_from(["full", "full", "empty target", "empty target", "as it is"])
FILTERS = st.sampled_from([{}, {"include": ["**/x"]}, {"exclude": ["c/"]}])


@dataclass(frozen=True)
class Act:
    """What happens before the ``number``-th request of a verb, or the ``1 - number``-th look at a local directory."""

    number: int
    kind: str
    name: str
    aim: str
    """``source`` or ``target``: ``name`` is to be one that the verb works on."""

    def aimed(self, source: str, to: str) -> Act:
        """Return the same for a verb from ``source`` to ``to``, each a key or the directory of some."""
        place = {"source": source, "target": to}.get(self.aim)
        if place is None:
            return self
        return replace(self, name=place if "/" in place else f"{place}/{self.name.partition('/')[2]}")


FAULTS = {"error": ("InternalError", 500), "rejected": ("AccessDenied", 403), "lost": ("", 0)}
WRITES = ["other_write", "write_locally"]
KINDS = [*WRITES * 3, "other_delete", "delete_locally", "take_away", "empty", *FAULTS, "cancel"]
LOCAL = {"write_locally", "delete_locally", "take_away", "empty"}
AIMS = ["source", "source", "target", "anywhere"]


def scripts(kinds: list[str], numbers: list[int]) -> st.SearchStrategy[list[Act]]:
    """Scripts that act between the first look of a verb and its last request more often than before and after."""
    numbers = [*numbers, 1, *(2, 3, 4) * 2, 5, 6]
    acts = st.builds(Act, st.sampled_from(numbers), st.sampled_from(kinds), KEYS, st.sampled_from(AIMS))
    return st.lists(acts, min_size=1, max_size=3)


SCRIPTS = scripts(KINDS, [-1, 0])
REMOTE_SCRIPTS = scripts([kind for kind in KINDS if kind not in LOCAL], [])
"""For verbs that never look at the disk."""


ENTRIES = file_trees._entries
SETTINGS = SMALL | {"max_concurrency": 1}
"""One request at a time, so that what fails can be repeated."""


class WatchedS3(TreeS3):
    """S3 that heeds conditions, knows which versions were looked at, and tells ``machine`` of what a verb replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 3
        self.looked_at: dict[str, bytes] = {}
        self.judge: Callable[[str, str, bytes, bool], None] | None = None
        """Called with how, the key, what is gone, and whether that was looked at, for whatever a verb makes vanish."""
        self._times = itertools.count(2)

    def put(self, key, data, **fields):
        self._vanishing("replaced", key)
        etag = super().put(key, data, **fields)
        self.objects[key].stat = replace(self.objects[key].stat, mtime=float(next(self._times)))
        return etag

    def take(self, key: str) -> bytes | None:
        """Delete an object for the other one; return what it was."""
        found = self.objects.pop(key, None)
        return found and found.data

    def settle(self) -> None:
        """Wait until no request is worked on: here none is, once a verb has ended."""

    def _vanishing(self, how: str, key: str) -> None:
        before = self.objects.get(key)
        if before is not None and self.judge is not None:
            self.judge(how, key, before.data, self.looked_at.get(key) == before.data)

    def _look(self, key: str) -> None:
        if key in self.objects:
            self.looked_at[key] = self.objects[key].data

    async def head_object(self, url, options):
        found = await super().head_object(url, options)
        self._look(url.key)
        return found

    async def list_objects(self, url, **options):
        page = await super().list_objects(url, **options)
        for key in page.keys:
            self._look(key)
        return page

    async def copy_object(self, source, target, *, options, terms=None):
        terms = terms or CopyOptions()
        lost = await self._call("CopyObject", target)
        found = self._find("CopyObject", source)
        if terms.if_match is not None and terms.if_match != found.stat.etag:
            raise rejection("CopyObject", target, "PreconditionFailed", 412)
        self._check("CopyObject", target, terms.condition)
        etag = self.put(target.key, found.data)
        await self._response(lost)
        return aios3.WriteResult(len(found.data), etag, None, None)

    async def delete_object(self, url, version_id=None, *, if_match=None, requires_condition=False):
        lost = await self._call("DeleteObject", url, if_match=if_match)
        if if_match is not None:
            self._find("DeleteObject", url)
            if self.objects[url.key].stat.etag != if_match:
                raise rejection("DeleteObject", url, "PreconditionFailed", 412)
        self._vanishing("deleted", url.key)
        self.objects.pop(url.key, None)
        await self._response(lost)

    async def delete_objects(self, url, keys, *, if_match=None):
        for key in keys:
            assert if_match is None or key in if_match

        def tell(key: str) -> None:
            if self._mismatch(key, if_match or {}) is None:
                self._vanishing("deleted", key)

        self.rejected = tell
        return await super().delete_objects(url, keys, if_match=if_match)


class TwoActors(RuleBasedStateMachine):
    """``alive`` is what somebody has written, and nobody has deleted or replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count(1)
        self.patch = pytest.MonkeyPatch()
        self.s3, self.session = self.connect()
        for module in ("aios3._trees.delete_keys", "aios3._engine.retry_policy", "aios3._session"):
            self.patch.setattr(f"{module}.retry_delay", lambda _failures: 0)
        self.runner = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp(prefix="aios3-two-")).resolve()
        self.disk = self.root / "disk"
        self.disk.mkdir()
        self.alive: set[bytes] = set()
        self.allowed: Callable[[str, str, bytes], bool] = lambda *_: False
        self.justly_gone: set[bytes] = set()
        self.violations: list[str] = []
        self.written_locally: list[tuple[str, bytes, bool]] = []
        """Name and content of what the other one wrote during a verb, and whether the disk had been listed by then."""
        self.deleted_locally: set[str] = set()
        self.listing = True
        self.needs_look = True
        self.away: Path | None = None
        self.listing_directory = False

    def connect(self) -> tuple[Any, aios3.Session]:
        """Return an S3 that is watched, and a session on it."""
        s3 = WatchedS3()
        self.patch.setattr(_session, "_make_transport", lambda *_args: s3)
        return s3, aios3.Session(**SETTINGS)

    def teardown(self) -> None:
        self.runner.run(self.session.aclose())
        self.runner.close()
        self.patch.undo()
        shutil.rmtree(self.root)

    # What the other one does

    def token(self) -> bytes:
        return b"token %06d" % next(self.numbers)

    def other_write(self, key: str) -> None:
        self.other_delete(key)
        token = self.token()
        self.s3.put(key, token)
        self.alive.add(token)

    def other_delete(self, key: str) -> None:
        data = self.s3.take(key)
        if data is not None:
            self.alive.discard(data)

    def write_locally(self, name: str) -> None:
        path = self.disk / name
        token = self.token()
        before = path.read_bytes() if path.is_file() else None
        with contextlib.suppress(OSError):  # the directory is away
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(token)
            self.alive.add(token)
            self.written_locally.append((name, token, not self.listing))
            if before is not None:
                self.alive.discard(before)

    def delete_locally(self, name: str) -> None:
        path = self.disk / name
        if path.is_file():
            self.alive.discard(path.read_bytes())
            path.unlink()
        self.deleted_locally.add(name)

    def take_away(self, name: str) -> None:
        """Take a directory away until the next look at a directory: the same one comes back, with all that it had."""
        directory = self.disk / name.partition("/")[0]
        if directory.is_dir() and self.listing_directory:
            directory.rename(self.root / "away")
            self.away = directory

    def bring_back(self) -> None:
        directory, self.away = self.away, None
        if directory is not None and not directory.exists():
            (self.root / "away").rename(directory)

    def empty(self, name: str) -> None:
        """Put an empty directory in the place of one that may be read or written just now."""
        directory = self.disk / name.partition("/")[0]
        if directory.is_dir():
            directory.rename(self.root / f"kept-{next(self.numbers)}")
            directory.mkdir()

    # How a verb is run

    def do(self, verb: Any, *arguments: Any, script: list[Act], **options: Any) -> None:
        """Run a verb while the other one acts; ``allowed`` says what it may delete and replace in S3."""
        self.s3.looked_at.clear()
        self.justly_gone.clear()
        self.written_locally.clear()
        self.deleted_locally.clear()
        self.s3.judge = self.judge
        self.patch.setattr(file_trees, "_entries", self.looking_at_directories(script))
        with contextlib.suppress(aios3.S3Error, OSError, asyncio.CancelledError):
            self.runner.run(self.run_beside(verb(*arguments, **options, session=self.session), script))
        self.s3.settle()
        self.s3.judge = self.s3.meanwhile = self.s3.faults = None
        self.alive -= self.justly_gone - self.everything()

    def looking_at_directories(self, script: list[Act]) -> Callable[..., Any]:
        """Let the other one act around the looks at local directories, which no request separates."""
        counted = itertools.count(0)

        def entries(tree, directory):
            number, self.listing_directory = -next(counted), True
            for act in script:
                if act.number == number and act.kind in LOCAL:
                    getattr(self, act.kind)(act.name)
            try:
                return ENTRIES(tree, directory)
            finally:
                self.bring_back()
                self.listing_directory = False

        return entries

    async def run_beside(self, work: Coroutine[Any, Any, object], script: list[Act]) -> None:
        task, counted = asyncio.ensure_future(work), itertools.count(1)
        self.listing = True

        async def meanwhile(operation: str, _details: object) -> None:
            for act in self.due(operation, next(counted), script):
                if act.kind in LOCAL:
                    await in_thread(getattr(self, act.kind), act.name)  # a cancellation must not leave it running
                else:
                    self.act(act, task.cancel)

        self.s3.meanwhile = meanwhile
        await task

    def due(self, operation: str, number: int, script: list[Act]) -> list[Act]:
        """Return what happens before the ``number``-th request."""
        self.listing = self.listing and operation in {"HeadObject", "ListObjectsV2"}
        return [act for act in script if act.number == number]

    def act(self, act: Act, cancel: Callable[[], object]) -> None:
        if act.kind == "cancel":
            cancel()
        elif act.kind in FAULTS:
            self.s3.faults = self.fault(act.kind)
        elif act.kind in LOCAL:
            getattr(self, act.kind)(act.name)
        else:
            judge, self.s3.judge = self.s3.judge, None
            getattr(self, act.kind)(act.name)
            self.s3.judge = judge

    def fault(self, kind: str) -> Callable[..., object]:
        def once(operation, url, _details):
            self.s3.faults = None
            if kind == "lost":
                return aios3.ConnectionFailedError("the response was lost")
            raise rejection(operation, url, *FAULTS[kind])

        return once

    def judge(self, how: str, key: str, data: bytes, looked_at: bool) -> None:
        self.justly_gone.add(data)
        if not self.allowed(how, key, data) or (self.needs_look and how == "deleted" and not looked_at):
            self.violations.append(f"{data!r} at {key} was {how}; looked at before: {looked_at}")

    def everything(self) -> set[bytes]:
        there = set(self.s3.contents().values())
        return there | {path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def local(self) -> dict[str, bytes]:
        files = (path for path in self.disk.rglob("*") if path.is_file())
        return {path.relative_to(self.disk).as_posix(): path.read_bytes() for path in files}

    def has_copy(self, key: str, data: bytes, script: list[Act]) -> bool:
        """Tell whether what is deleted is at ``key``, or the other one has taken it away there."""
        return self.s3.contents().get(key) == data or key in names_of(script, "other_write", "other_delete")

    # The verbs

    @initialize()
    def both_sides_have_everything(self):
        self.fill_both_sides()

    @rule()
    def fill_both_sides(self):
        for key in ALL:
            if key not in self.s3.contents():
                self.other_write(key)
            if not (self.disk / key).exists():
                self.write_locally(key)

    def begin(self, start: str, script: list[Act], source: str, to: str | None = None) -> list[Act]:
        """Let the other one prepare what a verb finds: everything, or nothing at its target; aim what it will do."""
        if start != "as it is":
            self.fill_both_sides()
        for key in ALL:
            if start == "empty target" and to is not None and f"{key}/".startswith(f"{to}/"):
                self.other_delete(key)
                self.delete_locally(key)
        return [act.aimed(source, to or source) for act in script]

    @rule(key=KEYS)
    def somebody_writes(self, key):
        self.other_write(key)

    @rule(name=KEYS)
    def somebody_writes_locally(self, name):
        self.write_locally(name)

    @rule(key=KEYS, start=STARTS, script=REMOTE_SCRIPTS)
    def write(self, key, start, script):
        script = self.begin(start, script, key)
        token = self.token()
        self.alive.add(token)
        self.allowed = lambda how, where, _data: (how, where) == ("replaced", key)
        self.do(aios3.write_bytes, f"{ROOT}/{key}", token, script=script)
        if token not in self.everything():
            self.alive.discard(token)  # it failed, or the other one has replaced it

    @rule(source=KEYS, to=KEYS, overwrite=st.booleans(), start=STARTS, script=REMOTE_SCRIPTS)
    def copy(self, source, to, overwrite, start, script):
        script = self.begin(start, script, source, to)
        self.allowed = lambda how, key, _data: overwrite and (how, key) == ("replaced", to)
        self.do(aios3.copy, f"{ROOT}/{source}", f"{ROOT}/{to}", overwrite=overwrite, script=script)

    @rule(source=KEYS, to=KEYS, overwrite=st.booleans(), start=STARTS, script=REMOTE_SCRIPTS)
    def move_object(self, source, to, overwrite, start, script):
        script = self.begin(start, script, source, to)

        def allowed(how, key, data):
            if how == "replaced":
                return overwrite and key == to
            return key == source and self.has_copy(to, data, script)

        self.allowed = allowed
        self.do(aios3.move, f"{ROOT}/{source}", f"{ROOT}/{to}", overwrite=overwrite, script=script)

    @rule(source=DIRECTORIES, overwrite=st.booleans(), start=STARTS, script=REMOTE_SCRIPTS)
    def move_tree(self, source, overwrite, start, script):
        to = OTHER[source]
        script = self.begin(start, script, source, to)

        def allowed(how, key, data):
            if how == "replaced":
                return overwrite and key.startswith(f"{to}/")
            return key.startswith(f"{source}/") and self.has_copy(to + key[len(source) :], data, script)

        self.allowed = allowed
        self.do(aios3.rename, f"{ROOT}/{source}/", f"{ROOT}/{to}/", overwrite=overwrite, script=script)

    @rule(path=DIRECTORIES | KEYS, start=STARTS, script=REMOTE_SCRIPTS)
    def remove(self, path, start, script):
        """Its own work is to delete; what is written to a key between its look and the deletion goes with it."""

        script = self.begin(start, script, path)
        self.needs_look = False
        self.allowed = lambda how, key, _data: how == "deleted" and f"{key}/".startswith(f"{path}/")
        self.do(aios3.remove, f"{ROOT}/{path}", script=script)
        self.needs_look = True

    @rule(source=DIRECTORIES, overwrite=st.booleans(), start=STARTS, script=SCRIPTS)
    def upload(self, source, overwrite, start, script):
        to = OTHER[source]
        script = self.begin(start, script, source, to)
        self.allowed = lambda how, key, _data: overwrite and how == "replaced" and key.startswith(f"{to}/")
        self.do(aios3.upload, self.disk / source, f"{ROOT}/{to}", overwrite=overwrite, script=script)

    def mirrored(self, source: str, to: str, present: set[str], *, delete: bool) -> None:
        """Allow a sync to replace below ``to``, and to delete there what was missing in ``source`` at some time."""

        def allowed(how, key, _data):
            if how == "replaced":
                return key.startswith(f"{to}/")
            missing = source + key[len(to) :] not in present - self.deleted_locally
            return delete and key.startswith(f"{to}/") and missing

        self.allowed = allowed

    @rule(source=DIRECTORIES, options=FILTERS, delete=st.booleans(), start=STARTS, script=SCRIPTS)
    def sync_up(self, source, options, delete, start, script):
        to = OTHER[source]
        script = self.begin(start, script, source, to)
        self.mirrored(source, to, set(self.local()), delete=delete)
        options = {"delete": delete, "checksum": True} | options
        self.do(aios3.sync_tree, self.disk / source, f"{ROOT}/{to}", script=script, **options)

    @rule(source=DIRECTORIES, options=FILTERS, delete=st.booleans(), start=STARTS, script=REMOTE_SCRIPTS)
    def sync_inside(self, source, options, delete, start, script):
        to = OTHER[source]
        script = self.begin(start, script, source, to)
        self.mirrored(source, to, set(self.s3.contents()) - names_of(script, "other_delete"), delete=delete)
        options = {"delete": delete, "checksum": True} | options
        self.do(aios3.sync_tree, f"{ROOT}/{source}/", f"{ROOT}/{to}/", script=script, **options)

    @rule(source=DIRECTORIES, overwrite=st.booleans(), start=STARTS, script=SCRIPTS)
    def download(self, source, overwrite, start, script):
        to = OTHER[source]
        script = self.begin(start, script, source, to)
        self.receive(aios3.download, source, to, script, {"overwrite": overwrite})

    @rule(source=DIRECTORIES, options=FILTERS, delete=st.booleans(), start=STARTS, script=SCRIPTS)
    def sync_down(self, source, options, delete, start, script):
        to = OTHER[source]
        script = self.begin(start, script, source, to)
        self.receive(aios3.sync_tree, source, to, script, {"delete": delete, "checksum": True} | options)

    def receive(self, verb: Any, source: str, to: str, script: list[Act], options: dict[str, Any]) -> None:
        """Run what writes to the disk, and justify everything that is gone from there."""
        before = [(name, data, False) for name, data in self.local().items()]
        in_source = {key for key in self.s3.contents() if key.startswith(f"{source}/")}
        ever = in_source | names_of(script, "other_write")
        always = in_source - names_of(script, "other_delete")
        self.allowed = lambda *_: False
        self.do(verb, f"{ROOT}/{source}/", self.disk / to, script=script, **options)
        there = self.everything()
        for name, data, is_late in before + self.written_locally:
            if data in there or data not in self.alive or not name.startswith(f"{to}/"):
                continue  # the last ones would be missed by the invariant
            key = source + name[len(to) :]
            replaced = options.get("overwrite", True) and key in ever and self.is_somewhere(name)
            removed = options.get("delete") and key not in always and not is_late
            if replaced or removed:
                self.alive.discard(data)

    def is_somewhere(self, name: str) -> bool:
        """Tell whether there is a file of the name, or the other one has taken it or its directory away."""
        _, _, rest = name.partition("/")
        places = [self.disk / name, *(kept / rest for kept in self.root.glob("kept-*"))]
        return name in self.deleted_locally or any(place.is_file() for place in places)

    # What must always be true

    @invariant()
    def nothing_that_nobody_has_deleted_is_gone(self):
        assert self.violations == []
        assert self.alive <= self.everything(), self.alive - self.everything()

    @invariant()
    def nothing_is_left(self):
        assert not self.s3.uploads
        assert not [path for path in self.root.rglob("*") if path.name.endswith(".aios3-part")]
        assert self.session.tasks.active == 0
        assert self.session.budget.used == 0


class TwoActorsOnAServer(TwoActors):
    """The same over a transport; the other one acts in the thread of the server, while the request waits."""

    server: amazon.Amazon
    transport: str

    def connect(self) -> tuple[Any, aios3.Session]:
        self.patch.setattr(backoff, "_INITIAL_DELAY_SECONDS", 0.0005)
        s3 = ServedS3(self.server)
        credentials = aios3.Credentials("AKID", self.server.keys["AKID"].secret_key)
        place = {"endpoint_url": self.server.url, "region": "us-east-1", "credentials": credentials}
        return s3, aios3.Session(**SETTINGS, **place, transport=self.transport)

    async def run_beside(self, work: Coroutine[Any, Any, object], script: list[Act]) -> None:
        task, counted, loop = asyncio.ensure_future(work), itertools.count(1), asyncio.get_running_loop()
        self.listing = True

        def meanwhile(operation: str) -> None:
            for act in self.due(operation, next(counted), script):
                self.act(act, lambda: loop.call_soon_threadsafe(task.cancel))

        self.s3.meanwhile = meanwhile
        await task

    def fault(self, kind: str) -> Callable[..., object]:
        def once(asked: Asked) -> Response:
            self.s3.faults = None
            if kind != "lost":
                code, status = FAULTS[kind]
                return responded_rejection(status, code, "said by the test")
            perform(asked)
            return Response(502, b"nobody knows whether it was done")

        return once


def names_of(script: list[Act], *kinds: str) -> set[str]:
    return {act.name for act in script if act.kind in kinds}


@pytest.mark.timeout(3600)  # of many examples
def test_no_object_is_lost_that_was_not_deleted():
    run_machine(TwoActors, examples(30))


@pytest.mark.timeout(3600)  # of many examples
@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
def test_no_object_is_lost_on_a_server_that_was_not_deleted(transport, tmp_path):
    with amazon.running(tmp_path, tls=False, leading=False) as server:
        server.add_key("AKID")
        machine = type(f"TwoActorsOver_{transport}", (TwoActorsOnAServer,), {"server": server, "transport": transport})
        run_machine(machine, examples(10))


def run_machine(machine: type[TwoActors], count: int) -> None:
    machine.TestCase.settings = settings(
        max_examples=count,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    machine.TestCase("runTest").runTest()
