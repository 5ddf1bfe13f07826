"""A local path in the place of an object: what is downloaded, uploaded and removed; and links, followed or not."""

# ruff: noqa: ASYNC240 - a test may block its loop

import asyncio
import os
from pathlib import Path

import pytest
from fake_s3 import MIB, URL

import aios3
from aios3._entries import SYMLINK_METADATA
from aios3.errors import ConfigError, ObjectChangedError, ObjectExistsError, ObjectNotFoundError, PathIsDirectoryError

pytestmark = pytest.mark.loop_variants

OLD = b"old bytes"


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


def append(path, data):
    with open(path, "ab") as file:  # noqa: PTH123
        file.write(data)


async def test_reads(s3, memory_session, tmp_path):
    data = os.urandom(3 * MIB)
    s3.put("dir/table.csv", data)
    async with aios3.cached_path("s3://bucket/dir/table.csv", cache_path=tmp_path, session=memory_session) as local:
        assert type(local) is str
        assert Path(local).name == "table.csv"
        assert tmp_path in Path(local).parents
        assert Path(local).read_bytes() == data
        Path(local).write_bytes(b"changed, and nobody cares")
        Path(local + "-journal").touch()  # programs leave things beside a file
    assert list(tmp_path.iterdir()) == []
    assert s3.objects["dir/table.csv"].data == data
    assert not s3.calls["PutObject"]


async def test_writes(s3, memory_session, tmp_path):
    for size in (0, 10, 12 * MIB):
        data = os.urandom(size)
        async with aios3.cached_path(URL, "w", tmp_path, content_type="text/x-test", session=memory_session) as local:
            assert Path(local).read_bytes() == b""
            replacement = Path(local + ".new")
            replacement.write_bytes(data)
            replacement.replace(local)  # as careful programs write
        assert s3.objects["key.bin"].data == data
        assert s3.objects["key.bin"].stat.content_type == "text/x-test"
        assert list(tmp_path.iterdir()) == []


async def test_appends(s3, memory_session):
    async with aios3.cached_path(URL, "a", session=memory_session) as local:
        append(local, b"one ")
    s3.objects["key.bin"].stat.metadata["kept"] = "1"
    async with aios3.cached_path(URL, "a", session=memory_session) as local:
        append(local, b"two")
    assert s3.objects["key.bin"].data == b"one two"
    assert s3.objects["key.bin"].stat.metadata == {"kept": "1"}
    assert not Path(local).exists()


async def test_what_was_replaced_meanwhile_is_not_written_over(s3, memory_session):
    s3.put("key.bin", OLD)
    with pytest.raises(ObjectChangedError, match="changed since it was opened"):
        async with aios3.cached_path(URL, "a", session=memory_session) as local:
            append(local, b"more")
            s3.put("key.bin", b"another's")
    assert s3.objects["key.bin"].data == b"another's"
    assert not Path(local).parent.exists()


@pytest.mark.parametrize("mode", ["r", "w", "a"])
@pytest.mark.parametrize("named", [False, True])
async def test_an_exception_publishes_nothing_and_removes_the_file(s3, memory_session, tmp_path, mode, named):
    s3.put("key.bin", OLD)
    place = tmp_path / "copy" if named else tmp_path
    with pytest.raises(MishapError):
        async with aios3.cached_path(URL, mode, place, session=memory_session) as local:
            append(local, b"more")
            assert (local == str(place)) is named
            raise MishapError
    assert s3.objects["key.bin"].data == OLD
    assert list(tmp_path.iterdir()) == []


async def test_a_file_of_the_callers_is_not_overwritten(s3, memory_session, tmp_path):
    s3.put("key.bin", OLD)
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="exists already"):
        async with aios3.cached_path(URL, cache_path=tmp_path / "mine", session=memory_session):
            pytest.fail("it was overwritten")
    assert (tmp_path / "mine").read_bytes() == b"mine"


async def test_a_program_that_removed_the_file_is_an_error(s3, memory_session, tmp_path):
    with pytest.raises(FileNotFoundError):
        async with aios3.cached_path(URL, "w", tmp_path, session=memory_session) as local:
            Path(local).unlink()
    assert s3.objects == {}
    assert list(tmp_path.iterdir()) == []


async def test_nothing_is_there(s3, memory_session, tmp_path):
    s3.put("dir/inside", b"")
    for path, error in ((URL, ObjectNotFoundError), ("s3://bucket/dir", PathIsDirectoryError)):
        with pytest.raises(error):
            async with aios3.cached_path(path, cache_path=tmp_path, session=memory_session):
                pytest.fail("there is nothing to enter")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"mode": "rb"}, {"mode": "x"}, {"join": False}, {"part_size": 1}])
async def test_what_is_wrong_is_said_at_once(s3, memory_session, wrong):
    with pytest.raises(ConfigError):
        async with aios3.cached_path(URL, **({"mode": "w"} | wrong), session=memory_session):
            pytest.fail("it was entered")
    assert not s3.calls


@pytest.mark.parametrize("name", ["a" * 400 + ".csv", "ä" * 200, "..", "nul\0nul", "日本"])
async def test_any_key_has_a_local_name(s3, memory_session, name):
    key = f"dir/{name}"
    s3.put(key, OLD)
    async with aios3.cached_path(f"s3://bucket/{key}", session=memory_session) as local:
        assert Path(local).read_bytes() == OLD
        assert not name.endswith(".csv") or local.endswith(".csv")


async def test_one_left_by_its_tasks_end_is_removed(s3, memory_session, tmp_path):
    s3.put("key.bin", OLD)
    entered = asyncio.Event()

    async def use():
        async with aios3.cached_path(URL, "a", tmp_path, session=memory_session):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


# Links


def link(s3, key, target):
    s3.put(key, b"", metadata={SYMLINK_METADATA: target}, islnk=True)


READING = [{}, {"buffering": "shared"}, {"buffering": "pipe"}, {"buffering": "memory"}, {"buffering": "disk"}]


@pytest.mark.parametrize("way", READING, ids=str)
async def test_a_link_is_read_at_its_target_if_asked_for(s3, memory_session, way):
    s3.put("key.bin", OLD)
    link(s3, "one", "s3://bucket/two")
    link(s3, "two", str(URL))
    async with aios3.aopen("s3://bucket/one", followlinks=True, session=memory_session, **way) as file:
        assert await file.read() == OLD
        assert file.path == URL
    async with aios3.aopen("s3://bucket/one", session=memory_session, **way) as file:
        assert await file.read() == b""
        assert file.stat().islnk
    s3.calls.clear()
    async with aios3.aopen(URL, followlinks=True, session=memory_session, **way):
        assert s3.calls == {"GetObject": 1}  # what is no link costs nothing more


@pytest.mark.parametrize("way", READING, ids=str)
async def test_a_link_that_leads_nowhere_is_not_read(s3, memory_session, way):
    link(s3, "one", "s3://bucket/nothing")
    link(s3, "loop", "s3://bucket/loop")
    for key in ("one", "loop"):
        with pytest.raises(ObjectNotFoundError):
            await aios3.aopen(f"s3://bucket/{key}", followlinks=True, session=memory_session, **way)


WRITING = [{}, {"buffering": "pipe"}, {"buffering": "memory"}, {"buffering": "disk"}, {"buffering": "limited"}]


@pytest.mark.parametrize("way", WRITING, ids=str)
async def test_a_link_is_written_at_its_target(s3, memory_session, way):
    link(s3, "one", "s3://bucket/target")
    for data in (b"first", b"second"):  # at first the link leads nowhere: the target is created
        async with aios3.aopen("s3://bucket/one", "wb", followlinks=True, session=memory_session, **way) as file:
            await file.write(data)
        assert s3.objects["target"].data == data
    assert s3.objects["one"].stat.islnk
    with pytest.raises(ObjectExistsError):
        await aios3.aopen("s3://bucket/one", "xb", followlinks=True, session=memory_session, **way)
    async with aios3.aopen("s3://bucket/one", "wb", session=memory_session, **way):
        pass
    assert not s3.objects["one"].stat.islnk
    link(s3, "loop", "s3://bucket/loop")
    with pytest.raises(ObjectNotFoundError, match="leads back to itself"):
        await aios3.aopen("s3://bucket/loop", "wb", followlinks=True, session=memory_session, **way)


@pytest.mark.parametrize("way", ["memory", "disk"])
async def test_a_linked_object_is_changed_in_place(s3, memory_session, way):
    s3.put("key.bin", OLD)
    link(s3, "one", str(URL))
    for mode in ("rb+", "ab"):
        async with aios3.aopen(
            "s3://bucket/one", mode, buffering=way, followlinks=True, session=memory_session
        ) as file:
            await file.write(b"OLD")
    assert s3.objects["key.bin"].data == b"OLD" + OLD[3:] + b"OLD"
    assert s3.objects["one"].stat.islnk


async def test_a_linked_object_has_a_path(s3, memory_session):
    s3.put("key.bin", OLD)
    link(s3, "one", str(URL))
    async with aios3.cached_path("s3://bucket/one", "a", followlinks=True, session=memory_session) as local:
        assert Path(local).name == "key.bin"
        append(local, b"!")
    assert s3.objects["key.bin"].data == OLD + b"!"
