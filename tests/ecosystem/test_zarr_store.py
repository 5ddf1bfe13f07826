"""A store of zarr: zarr's own tests of a store, and what S3 adds to them."""

from __future__ import annotations

import asyncio
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import boto3
import numpy as np
import pytest

import aios3
from aios3.testing import FaultyServer, faults

zarr = pytest.importorskip("zarr")

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest  # noqa: E402 - if zarr is there
from zarr.core.buffer import cpu, default_buffer_prototype  # noqa: E402
from zarr.testing.store import StoreTests  # noqa: E402

from aios3.zarr import S3Store  # noqa: E402

PROTOTYPE = default_buffer_prototype()

_NAMES = itertools.count(1)


def buffer(data):
    return cpu.Buffer.from_bytes(data)


@pytest.fixture
def options(aios3_server):
    return dict(aios3_server.config)


@pytest.fixture
def client(aios3_server):
    credentials = aios3_server.config["credentials"]
    found = boto3.client(
        "s3",
        endpoint_url=aios3_server.endpoint_url,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        region_name="us-east-1",
    )
    yield found
    found.close()


@pytest.fixture
def faulty(aios3_server):
    with FaultyServer(upstream=aios3_server) as server:
        yield server


@pytest.fixture
def watched(faulty, store, options):
    """Return the store as it is seen through the faulty server."""
    return S3Store(store.path, **{**options, "endpoint_url": faulty.endpoint_url})


@pytest.fixture
def store(aios3_bucket, options):
    return S3Store(f"{aios3_bucket}/root", **options)


class TestStoreOfZarr(StoreTests[S3Store, cpu.Buffer]):
    store_cls = S3Store
    buffer_cls = cpu.Buffer

    @pytest.fixture
    def store_kwargs(self, aios3_server, client):
        self.client = client
        return {"path": f"{aios3_server.create_bucket(f'zarr-{next(_NAMES)}')}/a/b", **aios3_server.config}

    def _place(self, store, key):
        url = aios3.S3Url.parse(store.path)
        return {"Bucket": url.bucket, "Key": f"{url.key}/{key}"}

    async def set(self, store, key, value):
        self.client.put_object(**self._place(store, key), Body=value.to_bytes())

    async def get(self, store, key):
        return buffer(self.client.get_object(**self._place(store, key))["Body"].read())

    def test_store_repr(self, store):
        assert repr(store) == f"S3Store({store.path!r})"
        assert repr(store.with_read_only(read_only=True)) == f"S3Store({store.path!r}, read_only=True)"

    def test_store_supports_writes(self, store):
        assert store.supports_writes

    def test_store_supports_listing(self, store):
        assert store.supports_listing


class TestRanges:
    DATA = bytes(range(100))

    @pytest.mark.parametrize(
        ("byte_range", "expected"),
        [
            (RangeByteRequest(0, 1), slice(0, 1)),
            (RangeByteRequest(90, 200), slice(90, None)),
            (RangeByteRequest(5, 5), slice(5, 5)),
            (OffsetByteRequest(0), slice(0, None)),
            (OffsetByteRequest(99), slice(99, None)),
            (SuffixByteRequest(1), slice(-1, None)),
            (SuffixByteRequest(100), slice(0, None)),
            (SuffixByteRequest(1000), slice(0, None)),
            (SuffixByteRequest(0), slice(0, 0)),
        ],
        ids=str,
    )
    async def test_a_range_is_a_slice(self, store, byte_range, expected):
        await store.set("k", buffer(self.DATA))
        found = await store.get("k", PROTOTYPE, byte_range)
        assert found.to_bytes() == self.DATA[expected]

    @pytest.mark.parametrize("byte_range", [RangeByteRequest(200, 300), OffsetByteRequest(200)], ids=str)
    async def test_one_behind_the_value_is_an_error(self, store, byte_range):
        await store.set("k", buffer(self.DATA))
        with pytest.raises(aios3.InvalidRangeError):
            await store.get("k", PROTOTYPE, byte_range)

    @pytest.mark.parametrize(
        "byte_range", [None, RangeByteRequest(0, 1), OffsetByteRequest(3), SuffixByteRequest(3)], ids=str
    )
    async def test_a_missing_value_is_none_and_a_missing_bucket_an_error(self, store, options, byte_range):
        assert await store.get("k", PROTOTYPE, byte_range) is None
        nowhere = S3Store("s3://no-such-bucket-here/root", **options)
        with pytest.raises(aios3.BucketNotFoundError):
            await nowhere.get("k", PROTOTYPE, byte_range)
        with pytest.raises(aios3.BucketNotFoundError):
            await nowhere.exists("k")
        with pytest.raises(aios3.BucketNotFoundError):
            await nowhere.getsize("k")

    async def test_a_missing_value_is_one_request(self, faulty, watched):
        assert await watched.get("warm", PROTOTYPE) is None
        before = len(faulty.requests)
        assert await watched.get("k", PROTOTYPE) is None
        assert len(faulty.requests) - before == 1

    async def test_parts_of_several_values_come_in_their_order(self, store):
        for key in "ab":
            await store.set(key, buffer(key.encode() * 10))
        wanted = [("b", RangeByteRequest(0, 2)), ("none", None), ("a", SuffixByteRequest(3)), ("b", None)]
        found = await store.get_partial_values(PROTOTYPE, wanted)
        assert [each and each.to_bytes() for each in found] == [b"bb", None, b"aaa", b"b" * 10]


class TestWrites:
    @pytest.mark.parametrize("size", [0, 5, 12 << 20])
    async def test_one_of_several_writers_at_once_succeeds(self, store, size):
        values = [bytes([number]) * size for number in range(4)]
        await asyncio.gather(*(store.set_if_not_exists("k", buffer(value)) for value in values))
        assert (await store.get("k", PROTOTYPE)).to_bytes() in values
        await store.set_if_not_exists("k", buffer(b"late"))
        assert await store.getsize("k") == size

    @pytest.mark.parametrize("verb", ["set", "set_if_not_exists"])
    @pytest.mark.parametrize("value", [b"bytes", "text", None, 5], ids=str)
    async def test_what_is_no_buffer_is_rejected_and_nothing_is_written(self, store, verb, value):
        await store.set("k", buffer(b"1"))
        with pytest.raises(TypeError, match="Buffer"):
            await getattr(store, verb)("k", value)
        assert (await store.get("k", PROTOTYPE)).to_bytes() == b"1"

    @pytest.mark.parametrize(
        "write",
        [
            lambda store: store.set("k", buffer(b"1")),
            lambda store: store.set_if_not_exists("new", buffer(b"1")),
            lambda store: store.delete("k"),
            lambda store: store.delete_dir(""),
            lambda store: store.clear(),
            lambda store: store._set_many([("k", buffer(b"1"))]),
        ],
        ids=["set", "set_if_not_exists", "delete", "delete_dir", "clear", "set_many"],
    )
    async def test_a_read_only_store_changes_nothing(self, store, write):
        await store.set("k", buffer(b"kept"))
        with pytest.raises(ValueError, match="read-only"):
            await write(store.with_read_only(read_only=True))
        assert [key async for key in store.list()] == ["k"]
        assert (await store.get("k", PROTOTYPE)).to_bytes() == b"kept"

    async def test_a_directory_is_deleted_and_its_neighbours_stay(self, store, client, aios3_bucket):
        keys = ["a/b", "a/c/d", "ab", "a"]
        for key in keys:
            await store.set(key, buffer(b"1"))
        client.put_object(Bucket=aios3_bucket.removeprefix("s3://"), Key="rooted", Body=b"1")
        await store.delete_dir("a")
        assert [key async for key in store.list()] == ["a", "ab"]
        await store.clear()
        assert [
            each["Key"] for each in client.list_objects_v2(Bucket=aios3_bucket.removeprefix("s3://"))["Contents"]
        ] == ["rooted"]

    async def test_what_could_not_be_deleted_is_named(self, faulty, watched, store):
        for key in ("d/a", "d/b"):
            await store.set(key, buffer(b"1"))
        faulty.fail("DeleteObjects", faults.Respond(403, "AccessDenied"), times=None)
        with pytest.raises(aios3.PartialFailureError) as failure:
            await watched.delete_dir("d")
        assert sorted(failure.value.failures) == [f"{store.path}/d/{name}" for name in "ab"]


class TestNames:
    async def test_markers_of_directories_are_no_values(self, store, client, aios3_bucket):
        client.put_object(Bucket=aios3_bucket.removeprefix("s3://"), Key="root/d/", Body=b"")
        await store.set("d/x", buffer(b"123"))
        assert [key async for key in store.list()] == ["d/x"]
        assert [name async for name in store.list_dir("")] == ["d"]
        assert [name async for name in store.list_dir("d")] == ["x"]
        assert await store.getsize_prefix("") == 3

    async def test_a_value_with_the_name_of_a_directory_is_listed_once(self, store):
        for key in ("a", "a/b"):
            await store.set(key, buffer(b"1"))
        assert [name async for name in store.list_dir("")] == ["a"]
        assert [key async for key in store.list_prefix("a")] == ["a", "a/b"]

    async def test_a_store_may_be_a_bucket(self, aios3_bucket, options):
        whole = S3Store(aios3_bucket, **options)
        await whole.set("a/b", buffer(b"1"))
        assert [key async for key in whole.list()] == ["a/b"]
        assert (await whole.get("a/b", PROTOTYPE)).to_bytes() == b"1"

    def test_equal_places_are_equal(self, options):
        store = S3Store("s3://b/r", **options)
        assert store == S3Store("s3://b/r/", **options)
        assert hash(store) == hash(S3Store("s3://b/r", **options)) == hash(S3Store("s3://b/r/", **options))
        assert store != S3Store("s3://b/q", **options)
        assert store != S3Store("s3://b/r", **{**options, "region": "eu-west-1"})
        assert store != store.with_read_only(read_only=True)
        assert str(store) == "s3://b/r"

    def test_no_secret_is_shown(self):
        store = S3Store("s3://b/r", credentials=aios3.Credentials("AKIA", "nobody-may-see"))
        assert "nobody" not in repr(store) + str(store)
        assert pickle.loads(pickle.dumps(store)) == store

    @pytest.mark.parametrize(
        ("arguments", "more", "error"),
        [
            (("s3://",), {}, ValueError),
            (("bucket/key",), {}, ValueError),
            ((5,), {}, ValueError),
            (("s3://b", {"region": "x"}), {}, TypeError),
            (("s3://b",), {"endpoint": "http://a:1"}, ValueError),
        ],
        ids=str,
    )
    def test_what_cannot_be_meant_is_rejected_at_once(self, arguments, more, error):
        with pytest.raises(error):
            S3Store(*arguments, **more)


def test_one_store_serves_zarrs_loop_and_others_at_once(store):
    array = zarr.create_array(store, shape=(40, 40), chunks=(10, 10), dtype="i4")
    array[:] = np.arange(1600).reshape(40, 40)

    async def read():
        opened = await zarr.api.asynchronous.open_array(store=pickle.loads(pickle.dumps(store)))
        return await opened.getitem((slice(None), 3))

    with ThreadPoolExecutor(3) as threads:
        columns = list(threads.map(lambda _: asyncio.run(read()), range(3)))
    for column in (*columns, zarr.open_array(store)[:, 3]):
        assert column.tolist() == [40 * row + 3 for row in range(40)]


@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")
def test_groups_shards_and_consolidated_metadata(store):
    group = zarr.create_group(store, attributes={"title": "all"})
    sharded = group.create_array("s", shape=(64, 64), chunks=(8, 8), shards=(32, 32), dtype="f4")
    sharded[10:20, 10:20] = 1.0
    zarr.consolidate_metadata(store)
    found = zarr.open_consolidated(store.with_read_only(read_only=True), mode="r")
    assert found.attrs["title"] == "all"
    assert [name for name, _ in found.arrays()] == ["s"]
    assert float(found["s"][:].sum()) == 100.0
    assert float(found["s"][40:50, 40:50].sum()) == 0.0
    del group["s"]
    assert "s" not in zarr.open_group(store, mode="r", use_consolidated=False)
