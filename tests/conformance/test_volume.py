"""Volume on every server: loaded, stored, deleted exactly, walked, copied as whole trees; a directory is the oracle."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import pytest

import aios3
import aios3.sync
from conformance.data import MIB, payload
from conformance.places import volume_on

LARGE = 6 * MIB + 1
TREE = {"data/x": b"1", "data/sub/y": b"22", "data2": b"333", "data2x/z": b"4444", "other/data/x": b"55555"}


def put_all(admin, root, files=TREE):
    for name, data in files.items():
        admin.put(f"{root}/{name}", data)


def objects_at(admin, bucket, prefix=""):
    return {key[len(prefix) :]: admin.get(f"{bucket}/{key}") for key in admin.keys(bucket) if key.startswith(prefix)}


def make_tree(root, files=TREE):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def tree_at(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def read(file):
    async with file.open() as reader:
        return await reader.read()


async def walked(volume, *src):
    return {name: await read(file) async for name, file in volume.walk(*src)}


async def test_a_file_is_loaded_and_its_size_is_known_without_reading_it(surface, bucket, admin):
    admin.put(f"{bucket}/p/x", payload(LARGE))
    volume = volume_on(surface, bucket, "p")
    file = volume.load("x")
    assert file.name == "x"
    assert await file.size() == LARGE
    assert await read(file) == payload(LARGE)


async def test_a_missing_file_is_said_when_it_is_used(surface, bucket, admin):
    admin.put(f"{bucket}/d/x")
    volume = volume_on(surface, bucket)
    for key, error in (("nothing", aios3.ObjectNotFoundError), ("d", aios3.PathIsDirectoryError)):
        file = volume.load(key)
        with pytest.raises(error):
            await file.size()
        with pytest.raises(error):
            await read(file)


class Handle:
    """What flowserv passes around: ``open()`` gives a file that the caller closes."""

    def __init__(self, data):
        self.data = data
        self.opened = []

    def open(self):
        self.opened.append(io.BytesIO(self.data))
        return self.opened[-1]


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_a_handle_is_stored_and_closed(surface, bucket, admin, size):
    volume, handle = volume_on(surface, bucket, "p"), Handle(payload(size))
    await volume.store(handle, "d/x")
    assert admin.get(f"{bucket}/p/d/x") == payload(size)
    assert [file.closed for file in handle.opened] == [True]


async def test_files_bytes_and_files_of_volumes_are_stored(surface, bucket, admin):
    volume, stream = volume_on(surface, bucket, "p"), io.BytesIO(b"stream")
    await volume.store(stream, "stream")
    await volume.store(b"bytes", "bytes")
    await volume.store([b"pie", b"ces"], "pieces")
    await volume.store(volume.load("bytes"), "copy")
    assert not stream.closed
    assert objects_at(admin, bucket, "p/") == {
        "stream": b"stream",
        "bytes": b"bytes",
        "pieces": b"pieces",
        "copy": b"bytes",
    }


async def test_a_handle_of_an_async_program_is_stored(session, bucket, admin):
    admin.put(f"{bucket}/x", b"data")
    closed = []

    class Handle:
        async def open(self):
            return self

        async def read(self, size):
            data, self.left = self.left[:size], self.left[size:]
            return data

        async def aclose(self):
            closed.append(True)

        left = b"data"

    class Outer:
        async def open(self):
            return Handle()

    await aios3.Volume(bucket.removeprefix("s3://"), session=session).store(Outer(), "y")
    assert admin.get(f"{bucket}/y") == b"data"
    assert closed == [True]


async def test_a_source_that_breaks_stores_nothing(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"old")

    class Breaking(Handle):
        def open(self):
            self.opened.append(_Reader(self.data))
            return self.opened[-1]

    handle = Breaking(payload(LARGE))
    with pytest.raises(OSError, match="the disk is broken"):
        await volume_on(surface, bucket).store(handle, "x")
    assert [file.closed for file in handle.opened] == [True]
    assert objects_at(admin, bucket) == {"x": b"old"}


class _Reader(io.BytesIO):
    def read(self, size=-1):
        data = super().read(size)
        if not data:
            raise OSError(5, "the disk is broken")
        return data


@pytest.mark.parametrize("key", ["data", "data/", "data2", "data/sub", "nothing", "other"])
async def test_deleting_takes_what_a_directory_on_disk_would_lose(surface, bucket, admin, tmp_path, key):
    """And so ``data`` never takes ``data2`` with it."""
    put_all(admin, f"{bucket}/p")
    admin.put(f"{bucket}/pdata", b"beside")
    here = make_tree(tmp_path)
    await volume_on(surface, bucket, "p").delete(key)
    target = here / key
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    assert objects_at(admin, bucket, "p/") == tree_at(here)
    assert admin.exists(f"{bucket}/pdata")


@pytest.mark.needs("key_below_key")
async def test_deleting_takes_a_file_and_a_directory_of_one_name(surface, bucket, admin):
    put_all(admin, bucket, {"data": b"1", "data/x": b"2", "data/": b"", "data2": b"3", "data.txt": b"4"})
    await volume_on(surface, bucket).delete("data")
    assert objects_at(admin, bucket) == {"data2": b"3", "data.txt": b"4"}


async def test_an_empty_key_deletes_nothing(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    for volume in (volume_on(surface, bucket, "p"), volume_on(surface, bucket)):
        with pytest.raises(aios3.PathIsDirectoryError):
            await volume.delete("")
    assert objects_at(admin, bucket, "p/") == TREE


async def test_erasing_keeps_what_is_beside_the_volume(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    put_all(admin, f"{bucket}/p2", {"x": b"1"})
    await volume_on(surface, bucket, "p").erase()
    assert objects_at(admin, bucket) == {"p2/x": b"1"}
    await volume_on(surface, bucket, "p").erase()
    await volume_on(surface, bucket).erase()
    assert admin.keys(bucket) == []


@pytest.mark.parametrize("src", [(), ("",), (None,), ("data",), ("data/",), ("data2",), ("data/x",), ("nothing",)])
async def test_walking_finds_what_a_walk_of_a_directory_finds(surface, bucket, admin, tmp_path, src):
    put_all(admin, f"{bucket}/p")
    here = make_tree(tmp_path)
    top = here / (src[0] if src and src[0] else "")
    found = [top] if top.is_file() else top.rglob("*")
    expected = {path.relative_to(here).as_posix(): path.read_bytes() for path in found if path.is_file()}
    assert await walked(volume_on(surface, bucket, "p"), *src) == expected


async def test_what_a_walk_has_found_knows_its_size(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    sizes = {name: await file.size() async for name, file in volume_on(surface, bucket, "p").walk()}
    assert sizes == {name: len(data) for name, data in TREE.items()}


async def test_a_query_is_by_what_names_begin_with(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    volume = volume_on(surface, bucket, "p")
    assert [name async for name in volume.query("data")] == sorted(name for name in TREE if name.startswith("data"))
    assert [name async for name in volume.query()] == sorted(TREE)
    assert [name async for name in volume.query("nothing")] == []


async def test_a_missing_bucket_is_not_an_empty_volume(surface, bucket):
    volume, there = volume_on(surface, f"{bucket}-none"), volume_on(surface, bucket)
    with pytest.raises(aios3.BucketNotFoundError):
        await walked(volume)
    with pytest.raises(aios3.BucketNotFoundError):
        [name async for name in volume.query()]
    with pytest.raises(aios3.BucketNotFoundError):
        await volume.erase()
    with pytest.raises(aios3.BucketNotFoundError):
        await volume.copy(None, there)
    with pytest.raises(aios3.BucketNotFoundError):
        await volume.mkdir("d")


async def test_a_directory_needs_no_making(surface, bucket, admin):
    admin.put(f"{bucket}/p/x")
    volume = volume_on(surface, bucket, "p")
    await volume.mkdir("d/e")
    await volume.mkdir("d/e")
    assert admin.keys(bucket) == ["p/x"]
    with pytest.raises(FileExistsError):
        await volume.mkdir("x")


async def test_a_directory_is_a_volume_of_its_own(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    volume = volume_on(surface, bucket, "p")
    folder = volume.get_store_for_folder("data", "mine")
    assert (folder.identifier, folder.prefix, folder.bucket) == ("mine", "p/data", volume.bucket)
    assert await walked(folder) == {"x": b"1", "sub/y": b"22"}
    await folder.delete("x")
    assert admin.exists(f"{bucket}/p/data2")
    assert not admin.exists(f"{bucket}/p/data/x")


async def test_a_volume_can_be_written_down_and_read_again(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    module = aios3 if surface.name == "async" else aios3.sync
    for args in (("p", "mine"), (None, None), ("p/", "mine")):
        volume = volume_on(surface, bucket, *args)
        document = json.loads(json.dumps(volume.to_dict()))
        assert document == {
            "type": "s3",
            "id": volume.identifier,
            "args": [{"key": "bucket", "value": volume.bucket}, {"key": "prefix", "value": args[0]}],
        }
        again = module.Volume.from_dict(document, session=surface.session)
        assert again.to_dict() == document
        assert (again.url, again.describe()) == (volume.url, volume.describe())


async def test_a_closed_volume_can_be_used(surface, bucket, admin):
    put_all(admin, bucket)
    volume = volume_on(surface, bucket)
    await volume.close()
    await volume.close()
    assert await walked(volume) == TREE


# copies of trees


@pytest.mark.parametrize(
    ("src", "dst", "expected"),
    [
        (None, None, TREE),
        ("", "d", {f"d/{name}": data for name, data in TREE.items()}),
        ("data", None, {"x": b"1", "sub/y": b"22"}),
        ("data/", "d/", {"d/x": b"1", "d/sub/y": b"22"}),
        ("data2", None, {"data2": b"333"}),
        ("data2", "d", {"d": b"333"}),
        (("other", "data2"), None, {"data/x": b"55555", "data2": b"333"}),
    ],
)
async def test_trees_are_copied_and_only_what_was_named(surface, bucket, admin, src, dst, expected):
    put_all(admin, f"{bucket}/p")
    copied = await volume_on(surface, bucket, "p").copy(src, volume_on(surface, bucket, "q"), dst)
    assert objects_at(admin, bucket, "q/") == expected
    assert copied == sorted(expected)
    assert objects_at(admin, bucket, "p/") == TREE


async def test_several_trees_are_copied_at_once(surface, bucket, admin):
    files = {f"{folder}/{folder}{number}": f"{number}".encode() for folder in "ab" for number in range(40)}
    put_all(admin, f"{bucket}/p", files | {"c": b"c", "left/out": b""})
    states = []
    copied = await volume_on(surface, bucket, "p").copy(
        ["a", "b", "c"], volume_on(surface, bucket, "q"), progress=states.append
    )
    expected = {name.partition("/")[2]: data for name, data in files.items()} | {"c": b"c"}
    assert objects_at(admin, bucket, "q/") == expected
    assert copied == sorted(expected)
    assert (states[-1].files_done, states[-1].files_total) == (81, 81)
    assert states[-1].bytes_done == states[-1].bytes_total == sum(map(len, files.values())) + 1


async def test_a_tree_is_copied_between_servers_whose_settings_differ(surface, bucket, admin, server):
    """Two sessions that may not read each other's buckets, as far as anybody can know: the bytes come through here."""
    put_all(admin, f"{bucket}/p", TREE | {"large": payload(LARGE)})
    credentials = server.config["credentials"]
    other = type(surface)(**{**server.config, "credentials": lambda: credentials})
    try:
        copied = await volume_on(surface, bucket, "p").copy(None, volume_on(other, bucket, "q"))
        assert copied == sorted([*TREE, "large"])
        assert objects_at(admin, bucket, "q/") == TREE | {"large": payload(LARGE)}
    finally:
        await other.aclose()


async def test_what_s3_keeps_with_a_file_is_copied_with_it(surface, bucket, admin):
    admin.put(f"{bucket}/p/x", b"data", ContentType="text/csv", Metadata={"colour": "red"})
    await volume_on(surface, bucket, "p").copy("x", volume_on(surface, bucket, "q"))
    head = admin.head(f"{bucket}/q/x")
    assert head["ContentType"] == "text/csv"
    kept = {name.lower(): value for name, value in head["Metadata"].items()}
    assert kept | {"colour": "red"} == kept  # rclone adds its own time


async def test_a_tree_is_never_copied_into_itself(surface, bucket, admin):
    put_all(admin, f"{bucket}/p")
    volume, whole = volume_on(surface, bucket, "p"), volume_on(surface, bucket)
    for source, src, target, dst in (
        (volume, None, volume, None),
        (volume, "data", volume, "data/copy"),
        (volume, "other/data", volume, None),
        (whole, "p", volume, None),
        (whole, None, volume, "backup"),
    ):
        with pytest.raises(aios3.InvalidPathError):
            await source.copy(src, target, dst)
    assert objects_at(admin, bucket, "p/") == TREE
    assert await volume.copy("data", volume, "data3") == ["data3/sub/y", "data3/x"]  # that is beside it


async def test_a_copy_of_a_missing_name_is_an_error(surface, bucket, admin):
    volume = volume_on(surface, bucket, "p")
    with pytest.raises(aios3.ObjectNotFoundError):
        await volume.copy("nothing", volume_on(surface, bucket, "q"))
    assert await volume.copy(None, volume_on(surface, bucket, "q")) == []
    admin.put(f"{bucket}/p/x", b"1")
    with pytest.raises(aios3.PathIsDirectoryError):
        await volume.copy("x", volume_on(surface, bucket, "q"), "d/")
    assert admin.keys(bucket) == ["p/x"]


async def test_files_go_from_the_disk_into_a_volume_and_back(surface, bucket, admin, tmp_path):
    """With the verbs of aios3, which take a volume as a path."""
    make_tree(tmp_path / "here")
    volume = volume_on(surface, bucket, "p")
    await surface.upload(tmp_path / "here", volume.url)
    assert await walked(volume) == TREE
    await surface.download(volume.url, tmp_path / "there")
    assert tree_at(Path(tmp_path / "there")) == TREE


async def test_a_walk_may_be_left_early(surface, bucket, admin):
    put_all(admin, bucket, {f"{number:03}": b"" for number in range(30)})
    async with contextlib.aclosing(volume_on(surface, bucket).walk()) as walk:
        assert [(await anext(walk))[0] for _ in range(3)] == ["000", "001", "002"]
