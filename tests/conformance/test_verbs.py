"""The other verbs on one object, on every server: slices, streams, links, moves, MD5, signed URLs."""

from __future__ import annotations

import asyncio
import hashlib
import io
import urllib.request

import pytest

import aios3
from conformance.data import MIB, payload


async def test_a_slice_of_an_object(surface, bucket, admin):
    data = payload(100)
    admin.put(f"{bucket}/x", data)
    for start, stop in ((None, None), (3, 7), (-5, None), (None, -90), (4, 4), (90, 200)):
        assert await surface.load_content(f"{bucket}/x", start, stop) == data[start:stop]
    assert (await surface.load_from(f"{bucket}/x")).read() == data


async def test_a_stream_is_stored_and_left_open(surface, bucket, admin):
    stream = io.BytesIO(payload(6 * MIB))
    await surface.save_as(stream, f"{bucket}/x")
    assert not stream.closed
    assert admin.get(f"{bucket}/x") == payload(6 * MIB)


async def test_links_lead_to_objects(surface, bucket, admin):
    admin.put(f"{bucket}/target", b"data")
    await surface.symlink(f"{bucket}/target", f"{bucket}/link")
    await surface.symlink(f"{bucket}/link", f"{bucket}/second")
    for link in ("link", "second"):
        assert await surface.islink(f"{bucket}/{link}")
        assert await surface.readlink(f"{bucket}/{link}") == f"{bucket}/target"
        assert await surface.load_content(f"{bucket}/{link}", followlinks=True) == b"data"
        assert (await surface.stat(f"{bucket}/{link}")).size == 4
        assert await surface.realpath(f"{bucket}/{link}") == f"{bucket}/target"
    assert not await surface.islink(f"{bucket}/target")
    with pytest.raises(aios3.NotALinkError):
        await surface.readlink(f"{bucket}/target")


async def test_links_to_keys_that_are_not_ascii(surface, bucket, admin):
    admin.put(f"{bucket}/ünïcödé/日本 語", b"data")
    await surface.symlink(f"{bucket}/ünïcödé/日本 語", f"{bucket}/link")
    assert await surface.readlink(f"{bucket}/link") == f"{bucket}/ünïcödé/日本 語"
    assert await surface.load_content(f"{bucket}/link", followlinks=True) == b"data"


@pytest.mark.parametrize("options", [{"metadata": {"by": "me"}}, {"content_type": "text/x"}], ids=min)
async def test_a_link_that_is_copied_with_other_attributes_leads_where_it_did(surface, bucket, admin, options):
    admin.put(f"{bucket}/target", b"data")
    await surface.symlink(f"{bucket}/target", f"{bucket}/tree/link")
    await surface.sync_tree(f"{bucket}/tree", f"{bucket}/copy", **options)
    assert await surface.readlink(f"{bucket}/copy/link") == f"{bucket}/target"
    assert await surface.load_content(f"{bucket}/copy/link", followlinks=True) == b"data"


async def test_a_copy_that_may_not_overwrite(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"data")
    admin.put(f"{bucket}/there", b"old")
    with pytest.raises(FileExistsError):
        await surface.copy(f"{bucket}/x", f"{bucket}/there", overwrite=False)
    assert admin.get(f"{bucket}/there") == b"old"


@pytest.mark.needs("copy_if_absent")
async def test_a_copy_that_need_not_overwrite(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"data")
    await surface.copy(f"{bucket}/x", f"{bucket}/new", overwrite=False)
    assert admin.get(f"{bucket}/new") == b"data"


@pytest.mark.needs("part_copy")
async def test_a_copy_in_parts(surface, bucket, admin):
    admin.put(f"{bucket}/x", payload(17 * MIB), Metadata={"colour": "red"})
    copied = []
    await surface.copy(f"{bucket}/x", f"{bucket}/y", copied.append, multipart_threshold=8 * MIB)
    assert admin.get(f"{bucket}/y") == payload(17 * MIB)
    assert (await surface.stat(f"{bucket}/y")).metadata["colour"] == "red"
    assert sum(copied) == 17 * MIB
    assert len(copied) == 3


@pytest.mark.needs("tags")
@pytest.mark.parametrize("way", ["inside", pytest.param("parts", marks=pytest.mark.needs("upload_tags")), "streamed"])
async def test_a_copy_keeps_tags_however_it_is_made(surface, bucket, admin, server, way):
    admin.put(f"{bucket}/x", payload(6 * MIB), Tagging="a=1&b=%C3%A4")
    credentials = server.config["credentials"]
    other = type(surface)(**{**server.config, "credentials": lambda: credentials})  # who that is, nobody can know
    options = {"parts": {"multipart_threshold": 5 * MIB}, "streamed": {"target_session": other.session}}
    await surface.copy(f"{bucket}/x", f"{bucket}/{way}", **options.get(way, {}))
    assert admin.tags(f"{bucket}/{way}") == {"a": "1", "b": "ä"}
    assert admin.get(f"{bucket}/{way}") == payload(6 * MIB)
    await other.aclose()


async def test_an_object_is_moved(session, bucket, admin):
    admin.put(f"{bucket}/x", b"data")
    admin.put(f"{bucket}/there", b"old")
    for move in (aios3.rename, aios3.move):
        with pytest.raises(FileExistsError):
            await move(f"{bucket}/x", f"{bucket}/there", overwrite=False, session=session)
    assert (admin.get(f"{bucket}/x"), admin.get(f"{bucket}/there")) == (b"data", b"old")
    await aios3.rename(f"{bucket}/x", f"{bucket}/there", session=session)
    assert admin.get(f"{bucket}/there") == b"data"
    assert not admin.exists(f"{bucket}/x")


async def test_md5(surface, bucket, admin):
    etag = admin.put(f"{bucket}/d/x", b"data")
    assert await surface.getmd5(f"{bucket}/d/x") == etag
    assert await surface.getmd5(f"{bucket}/d/x", recalculate=True) == hashlib.md5(b"data").hexdigest()
    inner = hashlib.md5(b"data").hexdigest()
    assert await surface.getmd5(f"{bucket}/d", recalculate=True) == hashlib.md5(inner.encode()).hexdigest()


async def test_touch_and_unlink(surface, bucket, admin):
    await surface.touch(f"{bucket}/x")
    assert admin.get(f"{bucket}/x") == b""
    admin.put(f"{bucket}/x", b"data")
    await surface.touch(f"{bucket}/x")
    assert admin.get(f"{bucket}/x") == b"data"
    await surface.unlink(f"{bucket}/x")
    assert not admin.exists(f"{bucket}/x")
    with pytest.raises(FileNotFoundError):
        await surface.unlink(f"{bucket}/x")


async def test_makedirs_creates_nothing(surface, bucket, admin):
    await surface.makedirs(f"{bucket}/dir")
    assert admin.keys(bucket) == []
    admin.put(f"{bucket}/dir/x")
    await surface.makedirs(f"{bucket}/dir", exist_ok=True)
    with pytest.raises(FileExistsError):
        await surface.makedirs(f"{bucket}/dir")
    with pytest.raises(aios3.BucketNotFoundError):
        await surface.makedirs(f"{bucket}-none/dir")


async def test_anybody_may_use_a_signed_url(surface, bucket, admin):
    def ask(url, method, data=None):
        request = urllib.request.Request(url, data, {"Content-Type": "text/plain"}, method=method)
        with urllib.request.urlopen(request) as response:
            return response.read()

    path = f"{bucket}/a b+c"
    await asyncio.to_thread(ask, await surface.presign(path, 60, "PUT"), "PUT", b"data")
    assert admin.get(path) == b"data"
    assert await asyncio.to_thread(ask, await surface.presign(path, 60), "GET") == b"data"
    await asyncio.to_thread(ask, await surface.presign(path, 60, "DELETE"), "DELETE")
    assert not admin.exists(path)
