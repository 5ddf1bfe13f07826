"""megfile's verbs on many objects, and between S3 and local files."""

from __future__ import annotations

import io

import pytest

import aios3.sync
from aios3.compat import megfile as s3

pytestmark = pytest.mark.skipif(not hasattr(aios3.sync, "upload"), reason="waits for the verbs on trees")


def put(*paths: str, data: bytes = b"data") -> None:
    for path in paths:
        s3.s3_save_as(io.BytesIO(data), path)


def test_up_and_down(bucket, tmp_path):
    local, seen = tmp_path / "a", []
    local.write_bytes(b"data")
    s3.s3_upload(str(local), f"{bucket}/a", seen.append)
    assert (s3.s3_load_content(f"{bucket}/a"), sum(seen)) == (b"data", 4)
    put(f"{bucket}/a", data=b"newer")
    s3.s3_upload(local, f"{bucket}/a", overwrite=False)
    s3.s3_download(f"{bucket}/a", str(tmp_path / "deep" / "b"))
    assert (tmp_path / "deep" / "b").read_bytes() == b"newer"
    assert (tmp_path / "deep" / "b").stat().st_mtime == pytest.approx(s3.s3_getmtime(f"{bucket}/a"), abs=1)
    s3.s3_download(f"{bucket}/a", f"file://{tmp_path}/a", overwrite=False)
    assert local.read_bytes() == b"data"


def test_directories_instead_of_files_are_errors(bucket, tmp_path):
    put(f"{bucket}/dir/a")
    for wrong in (
        lambda: s3.s3_upload(str(tmp_path), f"{bucket}/x"),
        lambda: s3.s3_upload(__file__, f"{bucket}/x/"),
        lambda: s3.s3_download(f"{bucket}/dir", str(tmp_path / "x")),
        lambda: s3.s3_download(f"{bucket}/dir/a", f"{tmp_path}/x/"),
    ):
        with pytest.raises(IsADirectoryError):
            wrong()
    with pytest.raises(FileNotFoundError):
        s3.s3_upload(str(tmp_path / "none"), f"{bucket}/x")
    with pytest.raises(s3.S3FileNotFoundError):
        s3.s3_download(f"{bucket}/none", str(tmp_path / "x"))
    with pytest.raises(OSError, match="local path"):
        s3.s3_download(f"{bucket}/dir/a", "s3://other/x")


def test_joins(bucket):
    put(f"{bucket}/a", data=b"one")
    put(f"{bucket}/b", data=b"two")
    s3.s3_concat([f"{bucket}/a", f"{bucket}/b"], f"{bucket}/c", block_size=0, max_workers=4)
    assert s3.s3_load_content(f"{bucket}/c") == b"onetwo"


def test_syncs(bucket):
    put(f"{bucket}/from/a", f"{bucket}/from/d/b")
    s3.s3_sync(f"{bucket}/from", f"{bucket}/to")
    assert list(s3.s3_scan(f"{bucket}/to")) == [f"{bucket}/to/a", f"{bucket}/to/d/b"]
    put(f"{bucket}/to/a", data=b"mine")
    s3.s3_sync(f"{bucket}/from", f"{bucket}/to", overwrite=False)
    assert s3.s3_load_content(f"{bucket}/to/a") == b"mine"
    s3.s3_sync(f"{bucket}/from", f"{bucket}/to", force=True)
    assert s3.s3_load_content(f"{bucket}/to/a") == b"data"


def test_moves_and_removes_trees(bucket):
    put(f"{bucket}/from/a", f"{bucket}/from/d/b")
    for target in (f"{bucket}/from", f"{bucket}/from/child"):
        with pytest.raises(ValueError, match="same place"):
            s3.s3_move(f"{bucket}/from", target)
    assert len(list(s3.s3_scan(f"{bucket}/from"))) == 2
    s3.s3_move(f"{bucket}/from", f"{bucket}/to")
    assert list(s3.s3_scan(bucket)) == [f"{bucket}/to/a", f"{bucket}/to/d/b"]
    s3.s3_remove(f"{bucket}/to")
    assert s3.s3_listdir(bucket) == []
