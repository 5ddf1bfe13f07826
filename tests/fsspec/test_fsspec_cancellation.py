"""Whoever cancels a call on many objects has it back when nothing of it runs any more, and nothing is half there."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from aios3.fsspec import S3FileSystem
from aios3.fsspec import local as local_files


@pytest.fixture
async def afs(storage_options):
    fs = S3FileSystem(**storage_options, asynchronous=True, skip_instance_cache=True)
    yield fs
    await fs.aclose()


class Waiting:
    """Stands for the work on one item: it says that it has started, and goes on when it may."""

    def __init__(self):
        self.started = 0
        self.running = 0
        self.two_started = asyncio.Event()

    async def __call__(self, *_arguments, **_options):
        self.started += 1
        self.running += 1
        if self.started == 2:
            self.two_started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # to end takes a turn of the loop
            self.running -= 1


BULK = {
    "get": ("_get_file", lambda fs, paths, local: fs._get(paths, [f"{local}/{name}" for name in "abc"], batch_size=2)),
    "put": ("_put_file", lambda fs, paths, local: fs._put([f"{local}/{name}" for name in "abc"], paths, batch_size=2)),
    "copy": ("_cp_file", lambda fs, paths, local: fs._copy(paths, [f"{each}2" for each in paths], batch_size=2)),
    "mv": ("_cp_file", lambda fs, paths, local: fs._mv(paths, [f"{each}2" for each in paths], batch_size=2)),
    "pipe": ("_pipe_file", lambda fs, paths, local: fs._pipe(dict.fromkeys(paths, b"1"), batch_size=2)),
    "cat": ("_cat_file", lambda fs, paths, local: fs._cat(paths, batch_size=2)),
    "cat returning": ("_cat_file", lambda fs, paths, local: fs._cat(paths, batch_size=2, on_error="return")),
    "cat_ranges": ("_cat_file", lambda fs, paths, local: fs._cat_ranges(paths, 0, 1, batch_size=2)),
    "sizes": ("_size", lambda fs, paths, local: fs._sizes(paths, batch_size=2)),
    "rm": ("_rm_tree", lambda fs, paths, local: fs._rm(paths, recursive=True, batch_size=2)),
}


@pytest.mark.parametrize("verb", BULK)
async def test_a_cancelled_call_leaves_nothing_running(afs, bucket, tmp_path, monkeypatch, verb):
    name, call = BULK[verb]
    work = Waiting()
    monkeypatch.setattr(afs, name, work)
    for each in "abc":
        (tmp_path / each).write_bytes(b"1")
    task = asyncio.ensure_future(call(afs, [f"{bucket}/{each}" for each in "abc"], tmp_path))
    await work.two_started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (work.started, work.running) == (2, 0)


@pytest.mark.parametrize("verb", ["get", "put", "pipe", "cat", "sizes", "rm"])
async def test_a_failed_call_leaves_nothing_running(afs, bucket, tmp_path, monkeypatch, verb):
    name, call = BULK[verb]
    work = Waiting()

    async def first_fails(*arguments, **options):
        if work.started:
            raise RuntimeError("mine")
        await work(*arguments, **options)

    monkeypatch.setattr(afs, name, first_fails)
    for each in "abc":
        (tmp_path / each).write_bytes(b"1")
    with pytest.raises(RuntimeError, match="mine"):
        await call(afs, [f"{bucket}/{each}" for each in "abc"], tmp_path)
    assert (work.started, work.running) == (1, 0)


@pytest.mark.parametrize("verb", ["copy", "cat returning", "cat_ranges"])
async def test_failures_that_are_returned_end_nothing(afs, bucket, tmp_path, monkeypatch, verb):
    name, call = BULK[verb]
    seen = []

    async def fails(*arguments, **_options):
        seen.append(arguments[0])
        raise FileNotFoundError(arguments[0])

    monkeypatch.setattr(afs, name, fails)
    paths = [f"{bucket}/{each}" for each in "abc"]
    if verb == "copy":
        with pytest.raises(FileNotFoundError):
            await call(afs, paths, tmp_path)
    else:
        found = await call(afs, paths, tmp_path)
        assert all(
            isinstance(each, FileNotFoundError) for each in (found.values() if verb.startswith("cat r") else found)
        )
    assert seen == paths


@pytest.mark.parametrize("size", [0, -2])
async def test_no_room_for_any_is_rejected(afs, bucket, size):
    if size == 0:
        assert await afs._sizes([], batch_size=size) == []  # fsspec's 0 is its default
        return
    with pytest.raises(ValueError, match="batch_size"):
        await afs._sizes([f"{bucket}/a"], batch_size=size)


async def test_without_a_limit_all_are_under_way(afs, bucket, monkeypatch):
    work = Waiting()
    monkeypatch.setattr(afs, "_size", work)
    task = asyncio.ensure_future(afs._sizes([f"{bucket}/{number}" for number in range(2000)], batch_size=-1))
    await work.two_started.wait()
    while work.started < 2000:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.running == 0


class HeldOpen:
    """Stands for ``open``: it holds the thread until the caller was cancelled, then opens."""

    def __init__(self, loop):
        self._loop = loop
        self.reached = asyncio.Event()
        self.go_on = threading.Event()
        self.files = []

    def __call__(self, *arguments):
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self.go_on.wait(60)
        self.files.append(Path(arguments[0]).open(*arguments[1:]))  # noqa: SIM115 - closed by who asked for it
        return self.files[-1]


@pytest.mark.parametrize("verb", ["_get_file", "_put_file"])
async def test_a_cancellation_while_a_file_is_opened_leaves_no_file(
    bucket, storage_options, tmp_path, monkeypatch, verb
):
    key = {"SSECustomerKey": b"01234567890123456789012345678901"}  # the way through one open file
    fs = S3FileSystem(**storage_options, s3_additional_kwargs=key, asynchronous=True, skip_instance_cache=True)
    await fs._pipe_file(f"{bucket}/x", b"data")
    held = HeldOpen(asyncio.get_running_loop())
    monkeypatch.setattr(local_files, "open", held, raising=False)
    (tmp_path / "source").write_bytes(b"1")
    arguments = (
        (f"{bucket}/x", str(tmp_path / "t")) if verb == "_get_file" else (str(tmp_path / "source"), f"{bucket}/y")
    )
    task = asyncio.ensure_future(getattr(fs, verb)(*arguments))
    await held.reached.wait()
    task.cancel()
    await asyncio.sleep(0)
    held.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [each.closed for each in held.files] == [True]
    assert [each.name for each in tmp_path.iterdir()] == ["source"]
    assert await fs._find(bucket) == [f"{bucket}/x"]
    await fs.aclose()
