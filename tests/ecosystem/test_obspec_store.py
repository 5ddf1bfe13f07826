"""The methods of obspec: what async-tiff and others ask for, and what they are told when it is not there."""

from __future__ import annotations

import asyncio
import inspect
import io
import pickle
from datetime import UTC

import pytest

import aios3
from aios3.obspec import ObjectStore

DATA = bytes(range(256)) * 4
LARGE = bytes(range(256)) * (9 << 12)


@pytest.fixture
def options(aios3_server):
    return dict(aios3_server.config)


@pytest.fixture
def store(aios3_bucket, options):
    return ObjectStore(f"{aios3_bucket}/root", **options)


@pytest.fixture
async def path(store):
    await store.put_async("k", DATA)
    return "k"


PROTOCOLS = (
    "GetAsync", "GetRangeAsync", "GetRangesAsync", "HeadAsync", "ListAsync", "ListWithDelimiterAsync", "PutAsync",
    "DeleteAsync", "CopyAsync", "RenameAsync",
)  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_methods_have_the_arguments_of_the_protocols(protocol):
    obspec = pytest.importorskip("obspec")
    described = getattr(obspec, protocol)
    [name] = [each for each in vars(described) if each.endswith("_async")]
    theirs, ours = (inspect.signature(getattr(each, name)).parameters for each in (described, ObjectStore))
    assert {each: value.kind for each, value in ours.items()} == {each: value.kind for each, value in theirs.items()}
    required = [each for each, value in theirs.items() if value.default is inspect.Parameter.empty]
    assert [each for each, value in ours.items() if value.default is inspect.Parameter.empty] == required


class TestRanges:
    @pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 10), (1000, 1024), (1000, 5000), (0, 1024)])
    async def test_a_range_is_a_slice(self, store, path, start, stop):
        assert await store.get_range_async(path, start=start, end=stop) == DATA[start:stop]
        assert await store.get_range_async(path, start=start, length=stop - start) == DATA[start:stop]

    async def test_several_come_in_their_order(self, store, path):
        expected = [DATA[9:12], DATA[0:3], DATA[5:8]]
        assert await store.get_ranges_async(path, starts=[9, 0, 5], ends=[12, 3, 8]) == expected
        assert await store.get_ranges_async(path, starts=[9, 0, 5], lengths=[3, 3, 3]) == expected
        assert await store.get_ranges_async(path, starts=[], ends=[]) == []

    @pytest.mark.parametrize(("start", "stop"), [(5, 5), (6, 5), (-3, 5), (1024, 1030), (2000, 2001)])
    async def test_one_without_bytes_is_an_error(self, store, path, start, stop):
        with pytest.raises(aios3.InvalidRangeError):
            await store.get_range_async(path, start=start, end=stop)
        with pytest.raises(aios3.InvalidRangeError):
            await store.get_ranges_async(path, starts=[0, start], ends=[1, stop])

    @pytest.mark.parametrize("bounds", [{}, {"end": 5, "length": 5}], ids=str)
    async def test_a_range_needs_one_end(self, store, path, bounds):
        with pytest.raises(ValueError, match="end or its length"):
            await store.get_range_async(path, start=0, **bounds)

    async def test_each_start_needs_an_end(self, store, path):
        for more in ({"ends": [1]}, {"lengths": [1]}, {"lengths": [1, 2, 3]}):
            with pytest.raises(ValueError, match="2 starts"):
                await store.get_ranges_async(path, starts=[0, 1], **more)


class TestGet:
    @pytest.mark.parametrize("size", [0, 5, 1024, len(LARGE)])
    async def test_a_whole_object(self, store, size):
        await store.put_async("x", LARGE[:size])
        found = await store.get_async("x")
        assert (found.range, found.meta["size"]) == ((0, size), size)
        assert await found.buffer_async() == LARGE[:size]
        again = await store.get_async("x")
        assert b"".join([bytes(chunk) async for chunk in again]) == LARGE[:size]

    @pytest.mark.parametrize(
        ("wanted", "span"),
        [
            ((5, 10), (5, 10)),
            ([1000, 9999], (1000, 1024)),
            ({"offset": 1000}, (1000, 1024)),
            ({"suffix": 24}, (1000, 1024)),
        ],
        ids=str,
    )
    async def test_a_range(self, store, path, wanted, span):
        found = await store.get_async(path, options={"range": wanted})
        assert (found.range, found.meta["size"]) == (span, 1024)
        assert await found.buffer_async() == DATA[slice(*span)]
        assert (
            b"".join([bytes(chunk) async for chunk in await store.get_async(path, options={"range": wanted})])
            == (DATA[slice(*span)])
        )

    @pytest.mark.parametrize("wanted", [(5, 5), (2000, 2001), {"offset": 1024}, {"suffix": 0}], ids=str)
    async def test_a_range_without_bytes_is_an_error(self, store, path, wanted):
        with pytest.raises(aios3.InvalidRangeError):
            await store.get_async(path, options={"range": wanted})

    async def test_the_description_alone(self, store, path):
        found = await store.get_async(path, options={"head": True})
        assert (found.range, await found.buffer_async(), found.meta["size"]) == ((0, 0), b"", 1024)

    async def test_what_comes_later_is_of_the_same_version(self, store):
        await store.put_async("x", LARGE)
        found = await store.get_async("x")
        await store.put_async("x", LARGE[::-1])
        with pytest.raises(aios3.ObjectChangedError):
            await found.buffer_async()
        with pytest.raises(aios3.ObjectChangedError):
            async for _ in found:
                pass

    async def test_a_condition_is_heeded(self, store, path):
        etag = (await store.head_async(path))["e_tag"]
        for more in ({}, {"range": (0, 4)}):
            assert (await store.get_async(path, options={"if_match": etag, **more})).meta["e_tag"] == etag
            with pytest.raises(aios3.ObjectChangedError):
                await store.get_async(path, options={"if_match": '"other"', **more})

    @pytest.mark.parametrize("wanted", [{"if_none_match": '"x"'}, {"if_modified_since": 5}, {"rnage": (0, 1)}], ids=str)
    async def test_what_is_not_supported_is_rejected_by_name(self, store, path, wanted):
        with pytest.raises(OSError, match=next(iter(wanted))):
            await store.get_async(path, options=wanted)

    @pytest.mark.parametrize("wanted", ["0-5", (1, 2, 3), {"begin": 5}, 7], ids=str)
    async def test_what_is_no_range_is_rejected(self, store, path, wanted):
        with pytest.raises(ValueError, match="range must be"):
            await store.get_async(path, options={"range": wanted})

    async def test_what_is_missing_is_a_file_not_found(self, store):
        for ask in (
            store.get_async("none"),
            store.get_async("none", options={"range": (0, 1)}),
            store.head_async("none"),
            store.get_range_async("none", start=0, end=1),
            store.rename_async("none", "other"),
            store.copy_async("none", "other"),
        ):
            with pytest.raises(FileNotFoundError):
                await ask


async def chunks():
    for part in (DATA[:100], DATA[100:]):
        yield part


class TestPut:
    @pytest.mark.parametrize("mode", [None, "overwrite", "create"])
    @pytest.mark.parametrize(
        "source",
        [lambda _: DATA, lambda _: memoryview(DATA), lambda _: io.BytesIO(DATA), lambda path: path,
         lambda path: path.open("rb"), lambda _: [DATA[:5], DATA[5:]], lambda _: iter([DATA]), lambda _: chunks()],
        ids=["bytes", "memoryview", "BytesIO", "path", "file", "list", "iterator", "async iterator"],
    )  # fmt: skip
    async def test_every_kind_of_data(self, store, tmp_path, source, mode):
        (tmp_path / "f").write_bytes(DATA)
        data = source(tmp_path / "f")
        result = await store.put_async("new", data, mode=mode, use_multipart=False, chunk_size=5, max_concurrency=1)
        if isinstance(data, io.BufferedReader):
            data.close()
        found = await store.get_async("new")
        assert (await found.buffer_async(), found.meta["e_tag"]) == (DATA, result["e_tag"])

    @pytest.mark.parametrize("data", [b"1", b""])
    async def test_create_replaces_nothing(self, store, path, data):
        with pytest.raises(FileExistsError):
            await store.put_async(path, data, mode="create")
        assert (await store.head_async(path))["size"] == len(DATA)

    async def test_one_version_is_replaced_and_no_other(self, store, path):
        before = await store.head_async(path)
        result = await store.put_async(path, b"new", mode={"e_tag": before["e_tag"], "version": None})
        with pytest.raises(aios3.ObjectChangedError):
            await store.put_async(path, b"late", mode={"e_tag": before["e_tag"]})
        assert (await store.head_async(path))["e_tag"] == result["e_tag"]

    @pytest.mark.parametrize("mode", ["replace", {"version": "v"}, {}], ids=str)
    async def test_an_unknown_mode_is_rejected_and_nothing_is_written(self, store, path, mode):
        with pytest.raises(ValueError, match=r"mode|e_tag"):
            await store.put_async(path, b"1", mode=mode)
        assert (await store.head_async(path))["size"] == len(DATA)

    async def test_attributes_and_tags_are_kept(self, store, options):
        given = {"Content-Type": "a/b", "Cache-Control": "no-store", "mine": "1"}
        await store.put_async("x", b"1", attributes=given, tags={"t": "v"})
        assert (await store.get_async("x")).attributes == given


class TestNames:
    async def test_listings_are_of_segments(self, store, aios3_bucket, options):
        for key in ("a/b", "a/c/d", "ab", "z"):
            await store.put_async(key, key.encode())
        await ObjectStore(aios3_bucket, **options).put_async("outside", b"1")

        async def paths(*arguments, **more):
            return [meta["path"] async for page in store.list_async(*arguments, **more) for meta in page]

        assert await paths() == ["a/b", "a/c/d", "ab", "z"]
        assert await paths("a") == await paths("a/") == ["a/b", "a/c/d"]
        assert await paths(offset="a/c/d") == ["ab", "z"]
        found = await store.list_with_delimiter_async("a")
        assert (found["common_prefixes"], [meta["path"] for meta in found["objects"]]) == (["a/c"], ["a/b"])
        meta = found["objects"][0]
        assert (meta["size"], meta["last_modified"].tzinfo) == (3, UTC)

    async def test_deletions_are_of_objects_alone(self, store):
        for key in ("a", "a/b", "c", "d*"):
            await store.put_async(key, b"1")
        await store.delete_async("a")
        await store.delete_async(["c", "d*", "missing"])
        assert [meta["path"] async for page in store.list_async() for meta in page] == ["a/b"]

    @pytest.mark.parametrize("verb", ["copy_async", "rename_async"])
    async def test_copies_and_moves(self, store, path, verb):
        await store.put_async("there", b"kept")
        with pytest.raises(FileExistsError):
            await getattr(store, verb)(path, "there", overwrite=False)
        assert (await store.head_async("there"))["size"] == 4
        await getattr(store, verb)(path, "there")
        assert await (await store.get_async("there")).buffer_async() == DATA
        left = [meta["path"] async for page in store.list_async() for meta in page]
        assert left == (["k", "there"] if verb == "copy_async" else ["there"])

    @pytest.mark.parametrize("verb", ["copy_async", "rename_async"])
    async def test_a_directory_is_no_object_also_where_it_has_a_marker(self, store, aios3_bucket, options, verb):
        async with aios3.Session(**options) as session:
            client = await aios3.get_s3_client(session=session)
            await client.put_object(Bucket=aios3_bucket.removeprefix("s3://"), Key="root/d/", Body=b"")
        await store.put_async("d/x", DATA)
        with pytest.raises(IsADirectoryError):
            await getattr(store, verb)("d/", "e/")
        assert [meta["path"] async for page in store.list_async() for meta in page] == ["d/x"]

    def test_a_store_is_a_value(self, store, options):
        assert pickle.loads(pickle.dumps(store)) == store
        assert hash(pickle.loads(pickle.dumps(store))) == hash(store)
        assert "SECRET" not in repr(store).upper()
        for arguments, error in ((("bucket",), ValueError), (("s3://b", {}), TypeError)):
            with pytest.raises(error):
                ObjectStore(*arguments, **({} if len(arguments) > 1 else options))


def test_one_store_serves_several_loops(store):
    asyncio.run(store.put_async("k", DATA))
    for _ in range(2):
        assert asyncio.run(store.get_range_async("k", start=0, end=4)) == DATA[:4]
