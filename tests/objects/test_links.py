"""Symbolic links: made as megfile makes them, kept where megfile loses them, and never a way to lose an object."""

from __future__ import annotations

import errno
import quopri
from base64 import b64encode

import boto3
import pytest

import aios3
from aios3 import InvalidPathError, NotALinkError, ObjectExistsError, ObjectNotFoundError, PathIsDirectoryError
from aios3._entries import link_metadata, link_target
from aios3._responses import is_symlink


@pytest.fixture
def boto(aios3_server):
    credentials = aios3_server.config["credentials"]
    client = boto3.client(
        "s3",
        endpoint_url=aios3_server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
    )
    yield client
    client.close()


async def test_a_link_is_the_object_that_megfile_makes(aios3_bucket, aios3_session, boto):
    await aios3.symlink(f"{aios3_bucket}/target", f"{aios3_bucket}/link", session=aios3_session)
    found = boto.head_object(Bucket=aios3_bucket.removeprefix("s3://"), Key="link")
    assert found["ContentLength"] == 0
    assert found["Metadata"] == {"symlink_to": f"{aios3_bucket}/target"}


async def test_a_link_that_megfile_made_is_read(aios3_bucket, aios3_session, boto):
    bucket = aios3_bucket.removeprefix("s3://")
    boto.put_object(Bucket=bucket, Key="link", Metadata={"symlink_to": f"{aios3_bucket}/target"})
    boto.put_object(Bucket=bucket, Key="target", Body=b"data")
    assert await aios3.islink(f"{aios3_bucket}/link", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/link", session=aios3_session) == f"{aios3_bucket}/target"
    assert await aios3.load_content(f"{aios3_bucket}/link", followlinks=True, session=aios3_session) == b"data"


async def test_what_links_cost(aios3_bucket, aios3_session, requests):
    source, link = f"{aios3_bucket}/target", f"{aios3_bucket}/link"
    await aios3.write_bytes(source, b"data", session=aios3_session)
    requests.clear()
    await aios3.symlink(source, link, session=aios3_session)
    assert requests == ["HEAD target", "PUT link"]
    for verb, expected in (
        (aios3.readlink, ["HEAD link"]),
        (aios3.islink, ["HEAD link"]),
        (aios3.realpath, ["HEAD link", "HEAD target"]),
    ):
        requests.clear()
        await verb(link, session=aios3_session)
        assert requests == expected, verb.__name__


async def test_chains_do_not_grow(aios3_bucket, aios3_session):
    for source, link in (("target", "one"), ("one", "two"), ("two", "three")):
        await aios3.symlink(f"{aios3_bucket}/{source}", f"{aios3_bucket}/{link}", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/three", session=aios3_session) == f"{aios3_bucket}/target"


async def test_links_keep_the_profile(aios3_bucket, aios3_session, other_profile):
    """Decided: symlinks forget the profile in megfile."""
    there = aios3_bucket.replace("s3://", other_profile)
    await aios3.write_bytes(f"{aios3_bucket}/target", b"data", session=aios3_session)
    environment = aios3.Session(endpoint_url=aios3_session.config.endpoint_url)
    async with environment as session:
        await aios3.symlink(f"{there}/target", f"{there}/link", session=session)
        assert await aios3.readlink(f"{there}/link", session=session) == f"{there}/target"
        assert await aios3.realpath(f"{there}/link", session=session) == f"{there}/target"
        assert await aios3.load_content(f"{there}/link", followlinks=True, session=session) == b"data"
        await aios3.symlink(f"{there}/target", f"{aios3_bucket}/mixed", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/mixed", session=aios3_session) == f"{there}/target"


async def test_a_link_with_a_profile_to_a_path_without_one_is_rejected(aios3_bucket, aios3_session, requests):
    """Whoever read it would take the link's profile, and reach another object or none."""
    with pytest.raises(InvalidPathError, match="name one in both paths"):
        await aios3.symlink("s3://bucket/target", "s3+other://bucket/link", session=aios3_session)
    assert requests == []


@pytest.mark.parametrize(
    "key",
    [
        "grüße/日本語",
        " lead and trail ",
        "two  blanks",
        "tab\tinside",
        "k" * 1024,
        "é" * 512,
        "a b",
        "%2F+",
    ],
    ids=ascii,
)
async def test_every_key_can_be_linked_to(aios3_bucket, aios3_session, key):
    await aios3.write_bytes(f"{aios3_bucket}/{key}", b"data", session=aios3_session)
    await aios3.symlink(f"{aios3_bucket}/{key}", f"{aios3_bucket}/link", session=aios3_session)
    assert await aios3.readlink(f"{aios3_bucket}/link", session=aios3_session) == f"{aios3_bucket}/{key}"
    assert await aios3.load_content(f"{aios3_bucket}/link", followlinks=True, session=aios3_session) == b"data"
    assert await aios3.exists(f"{aios3_bucket}/link", followlinks=True, session=aios3_session)


def test_what_a_header_carries_stands_there_as_it_is():
    assert link_metadata("s3://b/plain key") == {"symlink_to": "s3://b/plain key"}
    for awkward in ("s3://b/ä", "s3://b/line\nbreak", "s3://b/tab\t", "s3://b/end ", "s3://b/a  b"):
        stored = link_metadata(awkward)
        assert stored["symlink_to"].startswith("=?UTF-8?B?")
        assert link_target(stored) == awkward
    for text in ("s3://b/ä", "=?UTF-8?B?invalid!?=", "=?UTF-8?B?/w==?=", "=?UTF-8?Q?=FF?=", "=?UTF-8?B?ä?="):
        assert link_target({"symlink_to": text}) == text


@pytest.mark.parametrize("target", ["s3://b/ünïcödé/日本 語", "s3://b/a_b=c?d\u0301"])
def test_a_link_is_read_however_s3_encodes_it_again(target):
    """Amazon S3 decodes what it is sent, and responds with Q where most of it is readable."""
    quoted = quopri.encodestring(target.encode(), header=True, quotetabs=True).decode().replace("=\n", "")
    assert quoted.isascii()
    for word in (
        f"=?UTF-8?Q?{quoted}?=",
        f"=?utf-8?q?{quoted}?=",
        f"=?utf-8?b?{b64encode(target.encode()).decode()}?=",
    ):
        assert link_target({"symlink_to": word}) == target


def test_a_link_is_one_though_radosgw_has_renamed_its_metadata():
    metadata = {"symlink-to": "s3://b/target"}
    assert is_symlink(0, metadata)
    assert link_target(metadata) == "s3://b/target"
    assert not is_symlink(1, metadata)
    assert not is_symlink(0, {"symlinkto": "s3://b/target"})


async def test_a_link_back_to_itself_destroys_nothing(aios3_bucket, aios3_session):
    path, link = f"{aios3_bucket}/object", f"{aios3_bucket}/link"
    await aios3.write_bytes(path, b"data", session=aios3_session)
    await aios3.symlink(path, link, session=aios3_session)
    for source, target in ((path, path), (link, path)):
        with pytest.raises(InvalidPathError, match="would lead back to itself"):
            await aios3.symlink(source, target, session=aios3_session)
    assert await aios3.read_bytes(path, session=aios3_session) == b"data"


async def test_loops_are_seen(aios3_bucket, aios3_session, boto):
    for name, target in (("a", "b"), ("b", "a")):
        boto.put_object(
            Bucket=aios3_bucket.removeprefix("s3://"), Key=name, Metadata={"symlink_to": f"{aios3_bucket}/{target}"}
        )
    for failing in (
        aios3.load_content(f"{aios3_bucket}/a", followlinks=True, session=aios3_session),
        aios3.realpath(f"{aios3_bucket}/a", session=aios3_session),
        aios3.copy(f"{aios3_bucket}/a", f"{aios3_bucket}/c", followlinks=True, session=aios3_session),
        aios3.getmd5(f"{aios3_bucket}/a", followlinks=True, session=aios3_session),
    ):
        with pytest.raises(ObjectNotFoundError) as caught:
            await failing
        assert caught.value.errno == errno.ELOOP
    assert not await aios3.exists(f"{aios3_bucket}/a", followlinks=True, session=aios3_session)
    await aios3.symlink(f"{aios3_bucket}/a", f"{aios3_bucket}/d", session=aios3_session)
    assert await aios3.islink(f"{aios3_bucket}/d", session=aios3_session)


async def test_objects_that_are_not_links(aios3_bucket, aios3_session):
    await aios3.write_bytes(f"{aios3_bucket}/dir/object", b"", session=aios3_session)
    with pytest.raises(NotALinkError) as caught:
        await aios3.readlink(f"{aios3_bucket}/dir/object", session=aios3_session)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(ObjectNotFoundError):
        await aios3.readlink(f"{aios3_bucket}/none", session=aios3_session)
    with pytest.raises(PathIsDirectoryError):
        await aios3.readlink(f"{aios3_bucket}/dir", session=aios3_session)
    for path in ("dir/object", "none", "dir", "dir/", ""):
        assert not await aios3.islink(f"{aios3_bucket}/{path}", session=aios3_session)
    assert not await aios3.islink("s3://", session=aios3_session)
    assert await aios3.realpath(f"{aios3_bucket}/dir/object", session=aios3_session) == f"{aios3_bucket}/dir/object"


async def test_a_link_with_overwrite_false_replaces_nothing(aios3_bucket, aios3_session):
    await aios3.write_bytes(f"{aios3_bucket}/object", b"data", session=aios3_session)
    with pytest.raises(ObjectExistsError):
        await aios3.symlink(f"{aios3_bucket}/x", f"{aios3_bucket}/object", overwrite=False, session=aios3_session)
    assert await aios3.read_bytes(f"{aios3_bucket}/object", session=aios3_session) == b"data"
    await aios3.symlink(f"{aios3_bucket}/x", f"{aios3_bucket}/new", overwrite=False, session=aios3_session)
    assert await aios3.islink(f"{aios3_bucket}/new", session=aios3_session)


@pytest.mark.parametrize(("source", "link"), [("dir/", "link"), ("", "link"), ("object", "dir/"), ("object", "")])
async def test_directories_are_neither_links_nor_linked_to(aios3_bucket, aios3_session, requests, source, link):
    with pytest.raises(PathIsDirectoryError):
        await aios3.symlink(f"{aios3_bucket}/{source}", f"{aios3_bucket}/{link}", session=aios3_session)
    assert requests == []
