"""Somebody else writes, deletes or creates again at every moment of a verb that deletes, over both transports.

The moments are those before each request and around each look at a local directory. Every one is tried, in every
cell: the verb is run once for each of them. What the other one wrote is there afterwards, unless a sync had seen it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3._engine import backoff
from aios3._trees import file_trees
from servers import amazon
from trees.served_s3 import ServedS3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path

ROOT = "s3://bucket"
OLD, KEPT, NEWER = b"old", b"only here", b"newer, by somebody else"
MAX_MOMENTS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[amazon.Amazon]:
    with amazon.running(tmp_path_factory.mktemp("amazon"), tls=False, leading=False) as running:
        running.add_key("AKID")
        yield running


@pytest.fixture(params=["native", "aiobotocore"])
async def session(request, server, monkeypatch) -> AsyncIterator[aios3.Session]:
    monkeypatch.setattr(backoff, "_INITIAL_DELAY_SECONDS", 0.0005)
    async with aios3.Session(
        endpoint_url=server.url,
        region="us-east-1",
        credentials=aios3.Credentials("AKID", server.keys["AKID"].secret_key),
        transport="auto" if request.param == "native" else request.param,
    ) as opened:
        yield opened


@dataclass
class Scene:
    """One run: the verb's objects, and the moment at which the other one acts."""

    s3: ServedS3
    disk: Path
    moment: int
    act: Callable[[Scene], None]
    counted: Iterator[int] = field(default_factory=itertools.count)
    has_acted: bool = False

    def reach(self) -> None:
        """Let the other one act if this is the moment."""
        if next(self.counted) == self.moment:
            self.has_acted = True
            self.act(self)

    def write(self, key: str) -> None:
        self.s3.put(key, NEWER)

    def delete(self, key: str) -> None:
        self.s3.take(key)


VICTIMS = {"from": "from/x", "to": "to/z"}
"""What a verb deletes: the source of a move, or what only the target of a sync has."""

Verb = "Callable[[Scene, aios3.Session], Coroutine[object, object, object]]"
MOVES: dict[str, Verb] = {
    "move": lambda _, session: aios3.move(f"{ROOT}/from/x", f"{ROOT}/to/x", session=session),
    "rename": lambda _, session: aios3.rename(f"{ROOT}/from/x", f"{ROOT}/to/x", session=session),
    "move tree": lambda _, session: aios3.move(f"{ROOT}/from", f"{ROOT}/to", session=session),
    "rename tree": lambda _, session: aios3.rename(f"{ROOT}/from/", f"{ROOT}/to/", session=session),
}
SYNCS: dict[str, Verb] = {
    "sync_tree inside": lambda _, session: aios3.sync_tree(
        f"{ROOT}/from/", f"{ROOT}/to/", delete=True, session=session
    ),
    "sync_tree up": lambda scene, session: aios3.sync_tree(scene.disk, f"{ROOT}/to/", delete=True, session=session),
    "sync_tree up, filtered": lambda scene, session: aios3.sync_tree(
        scene.disk, f"{ROOT}/to/", delete=True, include=["**/*"], session=session
    ),
}
VERBS = MOVES | SYNCS


def victim_of(verb: str) -> str:
    return VICTIMS["from" if verb in MOVES else "to"]


ACTS: dict[str, Callable[[Scene, str], None]] = {
    "writes": lambda scene, key: scene.write(key),
    "deletes": lambda scene, key: scene.delete(key),
    "deletes and creates again": lambda scene, key: (scene.delete(key), scene.write(key)),
    "creates beside it": lambda scene, key: scene.write(f"{key}-new"),
}


def prepare(scene: Scene) -> None:
    scene.s3.judge = scene.s3.meanwhile = scene.s3.faults = None
    scene.s3.looked_at.clear()
    for key in scene.s3.contents():
        scene.s3.take(key)
    for key, data in {"from/x": OLD, "to/z": KEPT, "beside": KEPT}.items():
        scene.s3.put(key, data)
    shutil.rmtree(scene.disk, ignore_errors=True)
    (scene.disk / "sub").mkdir(parents=True)
    (scene.disk / "x").write_bytes(OLD)
    (scene.disk / "sub" / "y").write_bytes(OLD)


async def runs(
    server: amazon.Amazon, tmp_path: Path, act: Callable[[Scene], None], verb: Verb, session: aios3.Session
) -> AsyncIterator[tuple[Scene, BaseException | None]]:
    """Run ``verb`` once for every moment that it has, and yield each run with what it raised."""
    s3, entries = ServedS3(server), file_trees._entries
    for moment in range(MAX_MOMENTS):
        scene = Scene(s3, tmp_path / "disk", moment, act)
        prepare(scene)
        s3.meanwhile = lambda _operation, scene=scene: scene.reach()

        def looking(tree, directory, scene=scene):
            scene.reach()
            try:
                return entries(tree, directory)
            finally:
                scene.reach()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(file_trees, "_entries", looking)
            error = None
            try:
                await verb(scene, session)
            except (aios3.S3Error, OSError) as raised:
                error = raised
        s3.settle()
        if not scene.has_acted:
            assert moment > 1
            return
        yield scene, error
    pytest.fail(f"the verb has more than {MAX_MOMENTS} moments")


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("verb", VERBS)
async def test_whatever_somebody_else_writes_while_a_verb_deletes_is_still_there(server, tmp_path, session, verb, act):
    victim = victim_of(verb)
    async for scene, error in runs(server, tmp_path, lambda scene: ACTS[act](scene, victim), VERBS[verb], session):
        contents, where = scene.s3.contents(), (scene.moment, error)
        was_seen = verb in SYNCS and NEWER in scene.s3.looked_at.values()  # then it is what the target has too much
        assert act == "deletes" or was_seen or NEWER in contents.values(), where
        assert act != "creates beside it" or OLD in contents.values(), where
        assert contents["beside"] == KEPT
        assert verb in SYNCS or contents["to/z"] == KEPT


@pytest.mark.parametrize("verb", MOVES)
async def test_an_object_that_is_gone_already_is_no_failure_of_a_move_that_has_copied_it(
    server, tmp_path, session, verb
):
    async for scene, error in runs(server, tmp_path, lambda scene: scene.delete("from/x"), VERBS[verb], session):
        assert (error is None) == (scene.s3.contents().get("to/x") == OLD), (scene.moment, error)


def away(scene: Scene) -> None:
    with contextlib.suppress(FileNotFoundError):
        scene.disk.rename(scene.disk.with_name("away"))


def away_for_a_moment(scene: Scene) -> None:
    """Take the source away until the next moment."""
    away(scene)
    reach = scene.reach

    def back() -> None:
        with contextlib.suppress(OSError):
            scene.disk.with_name("away").rename(scene.disk)
        reach()

    scene.reach = back


def emptied(scene: Scene) -> None:
    away(scene)
    scene.disk.mkdir()


@pytest.mark.parametrize("target", ["full", "empty"])
@pytest.mark.parametrize("change", [away, away_for_a_moment, emptied], ids=lambda change: change.__name__)
@pytest.mark.parametrize("verb", ["sync_tree up", "sync_tree up, filtered"])
async def test_a_local_source_that_is_missing_at_any_moment_is_not_taken_for_an_empty_one(
    server, tmp_path, session, verb, change, target
):
    backup = {"to/x": OLD, "to/sub/y": OLD} if target == "full" else {}

    def run(scene: Scene, session: aios3.Session) -> Coroutine[object, object, object]:
        (scene.disk / "new").write_bytes(OLD)
        if target == "empty":
            scene.s3.take("to/z")
        for key, data in backup.items():
            scene.s3.put(key, data)
        return VERBS[verb](scene, session)

    async for scene, error in runs(server, tmp_path, change, run, session):
        contents = scene.s3.contents()
        assert backup.items() <= contents.items(), (scene.moment, error)
        was_emptied = change is emptied and target == "empty"  # nothing is deleted then, so there is nothing to prove
        assert error is not None or contents.get("to/new") == OLD or was_emptied, "it was taken for empty"
        await asyncio.to_thread(shutil.rmtree, scene.disk.with_name("away"), ignore_errors=True)


@pytest.mark.parametrize("to_disk", [False, True], ids=["to S3", "to disk"])
async def test_a_source_in_s3_that_is_missing_at_any_moment_is_not_taken_for_an_empty_one(
    server, tmp_path, session, to_disk
):
    """Its only object is deleted by somebody else; the target keeps the copy that it had."""

    def run(scene: Scene, session: aios3.Session) -> Coroutine[object, object, object]:
        scene.s3.put("to/x", OLD)
        target = scene.disk if to_disk else f"{ROOT}/to/"
        return aios3.sync_tree(f"{ROOT}/from/", target, delete=True, checksum=True, session=session)

    async for scene, error in runs(server, tmp_path, lambda scene: scene.delete("from/x"), run, session):
        kept = (scene.disk / "x").read_bytes() if to_disk else scene.s3.contents().get("to/x")
        assert kept == OLD, (scene.moment, error)
