"""Policies that allow one prefix only: what is missing is rejected, and only listings of a directory response."""

from __future__ import annotations

import pytest
from tree_s3 import ROOT

import aios3
from handles.fake_s3 import rejection

FILES = {"ok/dir/a": b"a", "ok/dir/b/c": b"c"}
SLASHES = pytest.mark.parametrize("slash", ["", "/"])


@pytest.fixture(params=["ok/", "ok/dir/"])
def policy(request, s3):
    """Allow listing of prefixes that begin with one, and objects below ``ok/``; a HEAD of what is missing is 403."""
    for key, data in FILES.items():
        s3.put(key, data)

    def faults(operation, url, _details):
        if operation == "ListObjectsV2":
            allowed = url.key.startswith(request.param)
        else:
            is_read = operation in {"HeadObject", "GetObject"}
            allowed = url.key.startswith("ok/") and (url.key in s3.objects or not is_read)
        if not allowed:
            raise rejection(operation, url, "AccessDenied", 403)

    s3.faults = faults
    return request.param


@SLASHES
@pytest.mark.usefixtures("policy")
async def test_a_directory_is_downloaded(s3, session, tmp_path, slash):
    for verb in (aios3.download, aios3.sync_tree):
        target = tmp_path / verb.__name__
        await verb(f"{ROOT}/ok/dir{slash}", target, session=session)
        assert (target / "a").read_bytes() == b"a"
        assert (target / "b" / "c").read_bytes() == b"c"


@SLASHES
async def test_a_directory_is_moved_synced_and_removed(s3, session, policy, slash):
    there = "ok/new" if policy == "ok/" else "ok/dir/new"
    if policy == "ok/":
        await aios3.move(f"{ROOT}/ok/dir{slash}", f"{ROOT}/{there}", session=session)
        await aios3.sync_tree(f"{ROOT}/{there}{slash}", f"{ROOT}/ok/dir", delete=True, session=session)
        assert s3.contents() == FILES | {key.replace("ok/dir", there): data for key, data in FILES.items()}
    await aios3.remove(f"{ROOT}/ok/dir{slash}", session=session)
    assert not [key for key in s3.contents() if key.startswith("ok/dir")]


async def test_one_file_goes_where_none_is(s3, session, policy, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    for name, verb, options in [
        ("up", aios3.upload, {"overwrite": False}),
        ("synced", aios3.sync_tree, {}),
    ]:
        if policy == "ok/":
            await verb(tmp_path / "x", f"{ROOT}/ok/{name}", **options, session=session)
            assert s3.contents()[f"ok/{name}"] == b"x"
        await verb(tmp_path / "x", f"{ROOT}/ok/dir/{name}", **options, session=session)
        assert s3.contents()[f"ok/dir/{name}"] == b"x"


@pytest.mark.usefixtures("policy")
async def test_an_object_that_may_be_listed_and_not_read_is_not_taken_for_missing(s3, session, tmp_path):
    """``ok/dir`` is an object and a directory; removing the directory would be the wrong one."""
    s3.put("ok/dir", b"secret")
    allowed = s3.faults

    def faults(operation, url, details):
        if operation in {"HeadObject", "GetObject"} and url.key == "ok/dir":
            raise rejection(operation, url, "AccessDenied", 403)
        if operation == "ListObjectsV2" and url.key == "ok/dir":
            return
        allowed(operation, url, details)

    s3.faults = faults
    for verb in (
        aios3.remove(f"{ROOT}/ok/dir", session=session),
        aios3.move(f"{ROOT}/ok/dir", f"{ROOT}/ok/new", session=session),
        aios3.download(f"{ROOT}/ok/dir", tmp_path / "x", session=session),
        aios3.sync_tree(f"{ROOT}/ok/dir", tmp_path / "x", session=session),
    ):
        with pytest.raises(aios3.AccessDeniedError):
            await verb
    assert s3.contents() == FILES | {"ok/dir": b"secret"}


@pytest.mark.usefixtures("policy")
async def test_what_may_not_be_seen_at_all_stays_rejected(session, tmp_path):
    for verb in (
        aios3.remove(f"{ROOT}/no/dir", session=session),
        aios3.move(f"{ROOT}/no/dir", f"{ROOT}/ok/new", session=session),
        aios3.download(f"{ROOT}/no/dir", tmp_path / "x", session=session),
        aios3.sync_tree(f"{ROOT}/no/dir", tmp_path / "x", session=session),
    ):
        with pytest.raises(aios3.AccessDeniedError):
            await verb
