"""What a thread opens while nobody waits for it any more is closed, and what it has made is removed."""

from __future__ import annotations

import asyncio
import threading

import pytest

import aios3
from aios3._paths import S3Url
from aios3._threads import in_thread, made_in_thread
from aios3._trees import partial_file, pruning, same_content, source_file
from aios3._trees.same_content import FileAt, has_same_content
from open_files import open_files_below
from trees.tree_s3 import ROOT

MIB = 1 << 20


class Gate:
    """Holds a function up after it has made something, until the test opens it."""

    def __init__(self, function) -> None:
        self._function = function
        self._open = threading.Event()
        self._made = threading.Event()

    def __call__(self, *arguments):
        made = self._function(*arguments)
        self._made.set()
        assert self._open.wait(30)
        return made

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._made.wait, 30)

    def open(self) -> None:
        self._open.set()


VERBS = {
    "download": (
        partial_file,
        "create",
        lambda s3, local: aios3.download(f"{ROOT}/tree/file", local / "new", session=s3),
    ),
    "download to go on with": (
        partial_file,
        "resume",
        lambda s3, local: aios3.download(f"{ROOT}/tree/file", local / "new", resume=True, session=s3),
    ),
    "upload": (source_file, "_open", lambda s3, local: aios3.upload(local / "large", f"{ROOT}/up", session=s3)),
    "sync with deletions": (
        pruning,
        "Anchor",
        lambda s3, local: aios3.sync_tree(local, f"{ROOT}/tree", delete=True, session=s3),
    ),
    "compare": (
        same_content,
        "_open_local",
        lambda s3, local: has_same_content(
            FileAt(s3, S3Url.parse(f"{ROOT}/tree/file")), FileAt(s3, str(local / "large"))
        ),
    ),
}


def cancel(task: asyncio.Task) -> None:
    task.cancel()


def cancel_all(_task: asyncio.Task) -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


@pytest.mark.parametrize("leave", [cancel, cancel_all])
@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_that_is_cancelled_while_a_thread_opens_a_file_leaves_none(
    verb, leave, s3, session, tmp_path, monkeypatch
):
    s3.put("tree/file", bytes(MIB))
    (tmp_path / "large").write_bytes(bytes(6 * MIB))
    module, name, run = VERBS[verb]
    gate = Gate(getattr(module, name))
    gate.close = getattr(getattr(module, name), "close", None)  # of a class
    monkeypatch.setattr(module, name, gate)
    task = asyncio.create_task(run(session, tmp_path))
    await gate.reached()
    leave(task)
    await asyncio.sleep(0)
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_files_below(tmp_path) == []
    kept = {path.name for path in tmp_path.iterdir()} - {"large"}
    assert bool(kept) == (verb == "download to go on with"), kept
    assert s3.uploads == {}


async def test_what_is_made_is_returned_and_what_fails_is_raised():
    unmade: list[object] = []
    assert await made_in_thread(lambda: "made", unmade.append) == "made"
    with pytest.raises(ZeroDivisionError):
        await made_in_thread(lambda: 1 // 0, unmade.append)
    assert unmade == []


async def test_a_cancelled_caller_waits_until_its_thread_has_ended():
    gate = Gate(lambda: None)
    task = asyncio.create_task(in_thread(gate))
    await gate.reached()
    for _ in range(3):
        cancel_all(task)
        await asyncio.sleep(0)
    assert not task.done()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task
