"""Storage on every server: files by name, opened, listed, copied, sent and received, and links to them."""

from __future__ import annotations

import asyncio
import io
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

import aios3
from conformance.data import MIB, payload
from conformance.places import storage_on

LARGE = 6 * MIB + 1


async def entries(storage, prefix=""):
    return [entry async for entry in storage.list(prefix)]


async def names(storage, prefix=""):
    return [entry.name for entry in await entries(storage, prefix)]


@pytest.mark.parametrize("size", [1, LARGE])
async def test_a_file_comes_back_as_it_was_written(surface, bucket, admin, size):
    storage = storage_on(surface, f"{bucket}/place")
    data = payload(size)
    async with storage.open("d/x", "w") as writer:
        assert await writer.write(data[: size // 2]) == size // 2
        assert await writer.write(bytearray(data[size // 2 :])) == size - size // 2
    assert admin.get(f"{bucket}/place/d/x") == data
    async with storage.open("d/x") as reader:
        assert reader.size == size
        assert await reader.read(10) == data[:10]
        assert [piece async for piece in reader.iter_chunks(MIB)] == [
            data[at : at + MIB] for at in range(10, size, MIB)
        ]
        assert await reader.read(1) == b""


@pytest.mark.parametrize("written", [[], [b"", b""]])
async def test_what_nothing_was_written_into_is_not_created_and_replaces_nothing(surface, bucket, admin, written):
    storage = storage_on(surface, bucket)
    admin.put(f"{bucket}/old", b"old")
    for name in ("new", "old"):
        async with storage.open(name, "w") as writer:
            for data in written:
                await writer.write(data)
        assert writer.result is None
    assert {key: admin.get(f"{bucket}/{key}") for key in admin.keys(bucket)} == {"old": b"old"}


async def test_no_upload_is_started_before_a_part_is_full(surface, bucket, admin):
    storage = storage_on(surface, bucket)
    async with storage.open("x", "w") as writer:
        await writer.write(payload(MIB))
        assert admin.uploads(bucket) == []
        await writer.write(payload(5 * MIB))
        await writer.abort()
    assert admin.keys(bucket) == []


async def test_a_write_that_is_left_by_an_exception_or_aborted_publishes_nothing(surface, bucket, admin):
    storage = storage_on(surface, bucket)
    admin.put(f"{bucket}/x", b"old")
    for size in (1, LARGE):
        with pytest.raises(ZeroDivisionError):
            async with storage.open("x", "w") as writer:
                await writer.write(payload(size))
                raise ZeroDivisionError
        async with storage.open("x", "w") as writer:
            await writer.write(payload(size))
            await writer.abort()
            await writer.abort()
    assert admin.get(f"{bucket}/x") == b"old"
    assert admin.uploads(bucket) == []


async def test_closing_any_number_of_times_is_closing_once(surface, bucket, admin):
    storage = storage_on(surface, bucket)
    async with storage.open("x", "w") as writer:
        await writer.write(b"one")
        await writer.close()
        await writer.close()
        assert writer.closed
        await writer.abort()  # too late: it is published
        with pytest.raises(aios3.ClosedHandleError):
            await writer.write(b"two")
        with pytest.raises(aios3.ClosedHandleError):
            await writer.write(b"")
    assert writer.result.size == 3
    async with storage.open("x") as reader:
        await reader.close()
        await reader.close()
        assert reader.closed
        with pytest.raises(ValueError, match="closed"):
            await reader.read(1)
    assert admin.get(f"{bucket}/x") == b"one"


async def test_options_are_those_of_aopen(surface, bucket, admin):
    storage = storage_on(surface, bucket)
    async with storage.open("x", "wb", content_type="text/csv", metadata={"colour": "red"}) as writer:
        await writer.write(b"1,2")
    assert admin.head(f"{bucket}/x")["ContentType"] == "text/csv"
    metadata = admin.head(f"{bucket}/x")["Metadata"]
    assert {name.lower(): value for name, value in metadata.items()} == {"colour": "red"}
    for mode, options in (("rw", {}), ("a", {}), ("rt", {}), ("r", {"content_type": "x"}), ("w", {"version_id": "x"})):
        with pytest.raises(aios3.ConfigError):
            async with storage.open("x", mode, **options):
                pass


async def test_names_are_listed_by_what_they_begin_with(surface, bucket, admin):
    for key in ("p/d/x", "p/d/y", "p/d2/z", "p/d.txt", "q/d/x"):
        admin.put(f"{bucket}/{key}", key.encode())
    storage = storage_on(surface, f"{bucket}/p")
    assert await names(storage) == ["d.txt", "d/x", "d/y", "d2/z"]
    assert await names(storage, "d") == ["d.txt", "d/x", "d/y", "d2/z"]
    assert await names(storage, "d/") == ["d/x", "d/y"]
    assert await names(storage, "nothing") == []
    (entry,) = await entries(storage, "d2")
    assert (entry.name, entry.size) == ("d2/z", 6)
    assert entry.last_modified.replace(microsecond=0) == admin.head(f"{bucket}/p/d2/z")["LastModified"]
    with pytest.raises(aios3.BucketNotFoundError):
        await names(storage_on(surface, f"{bucket}-none"))


@pytest.mark.needs("any_key")
async def test_directory_markers_are_not_listed_as_files(surface, bucket, admin):
    admin.put(f"{bucket}/d/x")
    admin.put(f"{bucket}/d/", b"")
    assert await names(storage_on(surface, bucket)) == ["d/x"]


async def test_a_file_is_copied_and_deleted(surface, bucket, admin):
    storage = storage_on(surface, f"{bucket}/p")
    admin.put(f"{bucket}/p/x", b"data", ContentType="text/csv")
    await storage.copy("x", "d/y")
    assert admin.get(f"{bucket}/p/d/y") == b"data"
    assert admin.head(f"{bucket}/p/d/y")["ContentType"] == "text/csv"
    await storage.delete("x")
    await storage.delete("x")
    with pytest.raises(aios3.PathIsDirectoryError):
        await storage.delete("d")
    assert admin.keys(bucket) == ["p/d/y"]
    with pytest.raises(aios3.ObjectNotFoundError):
        await storage.copy("x", "z")


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_a_local_file_goes_up_and_comes_back(surface, bucket, admin, tmp_path, size):
    storage = storage_on(surface, f"{bucket}/p")
    (tmp_path / "here").write_bytes(payload(size))
    await storage.put(tmp_path / "here", "d/x")
    assert admin.get(f"{bucket}/p/d/x") == payload(size)
    await storage.get("d/x", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == payload(size)


async def test_get_and_put_take_files_and_never_trees(surface, bucket, admin, tmp_path):
    storage = storage_on(surface, bucket)
    admin.put(f"{bucket}/d/x", b"data")
    with pytest.raises(aios3.ObjectNotFoundError):
        await storage.get("nothing", tmp_path / "there")
    with pytest.raises(aios3.PathIsDirectoryError):
        await storage.get("d", tmp_path / "there")
    with pytest.raises(aios3.PathIsDirectoryError):
        await storage.get("d/x", tmp_path)
    with pytest.raises(aios3.PathIsDirectoryError):
        await storage.put(tmp_path, "there")
    with pytest.raises(FileNotFoundError):
        await storage.put(tmp_path / "nothing", "there")
    assert list(tmp_path.iterdir()) == []
    assert admin.keys(bucket) == ["d/x"]


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_file_objects_go_up_and_come_back_with_progress(surface, bucket, admin, size):
    storage, data = storage_on(surface, bucket), payload(size)
    source, sent, received = io.BytesIO(data), [], []
    result = await storage.upload(source, "x", progress_callback=sent.append, content_type="text/csv")
    assert result.size == size
    assert not source.closed
    assert admin.get(f"{bucket}/x") == data
    assert admin.head(f"{bucket}/x")["ContentType"] == "text/csv"
    target = io.BytesIO()
    assert await storage.download("x", target, progress_callback=received.append) == size
    assert target.getvalue() == data
    for told in (sent, received):
        assert told == sorted(set(told))
        assert told[-1:] == ([size] if size else [])


class Slow(io.RawIOBase):
    """A file that takes a few bytes at a time, as a pipe may."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.taken += data[:100_000]
        return min(len(data), 100_000)


async def test_a_file_object_that_takes_little_at_once_gets_everything(surface, bucket, admin):
    admin.put(f"{bucket}/x", payload(MIB))
    target = Slow()
    await storage_on(surface, bucket).download("x", target)
    assert target.taken == payload(MIB)


async def test_an_upload_whose_source_or_callback_fails_publishes_nothing(surface, bucket, admin):
    storage = storage_on(surface, bucket)

    class Broken(io.BytesIO):
        def read(self, size=-1):
            data = super().read(size)
            if not data:
                raise OSError(5, "the disk is broken")
            return data

    def reject(total):
        if total > 5 * MIB:
            raise ZeroDivisionError

    with pytest.raises(OSError, match="the disk is broken"):
        await storage.upload(Broken(payload(LARGE)), "x")
    with pytest.raises(ZeroDivisionError):
        await storage.upload(io.BytesIO(payload(LARGE)), "x", progress_callback=reject)
    with pytest.raises(aios3.ConfigError):
        await storage.upload(io.StringIO("text"), "x")
    assert admin.keys(bucket) == []
    assert admin.uploads(bucket) == []


async def test_what_is_missing_is_said_when_it_is_opened(surface, bucket, admin):
    storage = storage_on(surface, bucket)
    admin.put(f"{bucket}/d/x")
    for name, error in (("x", aios3.ObjectNotFoundError), ("d", aios3.PathIsDirectoryError)):
        with pytest.raises(error):
            async with storage.open(name):
                pass
        with pytest.raises(error):
            await storage.download(name, io.BytesIO())


def ask(url, method, data=None, **headers):
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return response.read(), response.headers


async def test_anybody_may_follow_a_link_while_it_lasts(surface, bucket, admin):
    storage = storage_on(surface, f"{bucket}/p")
    until = datetime.now(UTC) + timedelta(minutes=5)
    up = await storage.link_to("a b+c", "upload", until, content_type="text/csv")
    await asyncio.to_thread(ask, up, "PUT", b"1,2", **{"Content-Type": "text/csv"})
    assert admin.get(f"{bucket}/p/a b+c") == b"1,2"
    assert admin.head(f"{bucket}/p/a b+c")["ContentType"] == "text/csv"
    down = await storage.link_to("a b+c", "download", timedelta(minutes=5))
    body, _ = await asyncio.to_thread(ask, down, "GET")
    assert body == b"1,2"
    gone = await storage.link_to("a b+c", "remove", 300)
    await asyncio.to_thread(ask, gone, "DELETE")
    assert admin.keys(bucket) == []


async def test_a_link_says_how_a_response_is_to_be_saved(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"data")
    link = await storage_on(surface, bucket).link_to("x", "download", 60, "Bericht 1.csv", "text/csv")
    body, headers = await asyncio.to_thread(ask, link, "GET")
    assert body == b"data"
    assert headers["Content-Type"].partition(";")[0] == "text/csv"
    assert headers["Content-Disposition"] == 'attachment; filename="Bericht 1.csv"'


async def test_names_stay_as_they_are_and_inside_the_place(surface, bucket, admin):
    storage = storage_on(surface, f"{bucket}/p")
    for name in ("with space", "plus+plus", "percent%2F", "ünï/日本"):
        async with storage.open(name, "w") as writer:
            await writer.write(name.encode())
        assert admin.get(f"{bucket}/p/{name}") == name.encode()
    assert set(await names(storage)) == {"with space", "plus+plus", "percent%2F", "ünï/日本"}


@pytest.mark.needs("any_key")
async def test_dots_do_not_lead_out_of_the_place(surface, bucket, admin):
    storage = storage_on(surface, f"{bucket}/p")
    async with storage.open("../x", "w") as writer:
        await writer.write(b"data")
    assert admin.keys(bucket) == ["p/../x"]
    assert await names(storage) == ["../x"]
