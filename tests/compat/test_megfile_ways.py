"""megfile's other ways to open, by its functions and by its classes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import aios3
from aios3.compat import megfile as s3

pytestmark = pytest.mark.skipif(not hasattr(aios3, "cached_path"), reason="waits for the other ways to open")

DATA = b"0123456789" * 100


@pytest.fixture
def path(bucket) -> str:
    s3.s3_save_as(io.BytesIO(DATA), f"{bucket}/key")
    return f"{bucket}/key"


READERS = {
    "prefetch": (s3.s3_prefetch_open, s3.S3PrefetchReader, {}),
    "shared": (s3.s3_share_cache_open, s3.S3ShareCacheReader, {"cache_key": "k"}),
    "pipe": (s3.s3_pipe_open, s3.S3PipeHandler, {}),
    "memory": (s3.s3_memory_open, s3.S3MemoryHandler, {}),
    "cached": (s3.s3_cached_open, s3.S3CachedHandler, {}),
}
WRITERS = {name: READERS[name] for name in ("pipe", "memory", "cached")}


@pytest.mark.parametrize("name", READERS)
def test_reads(path, name):
    opened, kind, options = READERS[name]
    with opened(path, "rb", **options) as file:
        assert isinstance(file, kind)
        assert file.read(10) == DATA[:10]
        assert file.read() == DATA[10:]
    with opened(path, "r", **options) as file:
        assert file.read() == DATA.decode()


@pytest.mark.parametrize("name", READERS)
def test_follows_links(path, bucket, name):
    opened, _, options = READERS[name]
    s3.s3_symlink(path, f"{bucket}/link")
    with opened(f"{bucket}/link", "rb", followlinks=True, **options) as file:
        assert file.read() == DATA
    with opened(f"{bucket}/link", "rb", **options) as file:
        assert file.read() == b""


@pytest.mark.parametrize("name", WRITERS)
def test_writes(bucket, name):
    opened, kind, options = WRITERS[name]
    with opened(f"{bucket}/new", "wb", **options) as file:
        assert isinstance(file, kind)
        file.write(DATA)
    assert s3.s3_load_content(f"{bucket}/new") == DATA
    with pytest.raises(ZeroDivisionError), opened(f"{bucket}/half", "wb", **options) as file:
        file.write(DATA)
        raise ZeroDivisionError
    assert not s3.s3_exists(f"{bucket}/half")


@pytest.mark.parametrize("options", [{}, {"cache_path": "file"}], ids=["memory", "cached"])
def test_reads_and_writes_anywhere(path, tmp_path, options):
    options = {name: str(tmp_path / value) for name, value in options.items()}
    with s3.s3_open(path, "rb+", **options) as file:
        file.seek(5)
        file.write(b"XYZ")
    assert s3.s3_load_content(path, 0, 10) == b"01234XYZ89"
    with s3.s3_open(path, "ab", **options) as file:
        file.write(b"end")
    assert s3.s3_load_content(path, -5) == b"89end"


def test_ways_of_s3_open(path, bucket):
    with s3.s3_open(path, "rb", share_cache_key="k", block_size=1 << 20) as file:
        assert file.read() == DATA
    with s3.s3_open(f"{bucket}/head", "wb", limited_seekable=True) as file:
        file.write(b"____" + DATA)
        file.seek(0)
        file.write(b"size")
    assert s3.s3_load_content(f"{bucket}/head") == b"size" + DATA


def test_classes_can_be_made_by_their_constructors(path, tmp_path):
    bucket = path.removeprefix("s3://").partition("/")[0]
    for made in (
        s3.S3ShareCacheReader(bucket, "key", s3_client=None),
        s3.S3PipeHandler(bucket, "key", "rb", s3_client=None),
        s3.S3MemoryHandler(bucket, "key", "rb", s3_client=None),
        s3.S3CachedHandler(bucket, "key", "rb", s3_client=None, cache_path=str(tmp_path / "file")),
    ):
        with made as file:
            assert file.read() == DATA
    with s3.S3LimitedSeekableWriter(bucket, "new", s3_client=None, head_block_size=100, tail_block_size=100) as file:
        file.write(DATA)
        file.seek(2)
        file.write(b"XX")
    assert s3.s3_load_content(f"s3://{bucket}/new", 0, 6) == b"01XX45"


def test_a_local_path_in_the_place_of_an_object(path):
    with s3.S3Cacher(path) as local:
        assert Path(local).read_bytes() == DATA
    assert not Path(local).exists()
    with s3.S3Cacher(path, mode="a") as local, Path(local).open("ab") as file:
        file.write(b"end")
    assert s3.s3_load_content(path) == DATA + b"end"
    cacher = s3.S3Cacher(path, mode="w")
    Path(cacher.cache_path).write_bytes(b"new")
    cacher.close()
    cacher.close()
    assert s3.s3_load_content(path) == b"new"
    with pytest.raises(ZeroDivisionError), s3.S3Cacher(path, mode="w") as local:
        Path(local).write_bytes(b"half")
        raise ZeroDivisionError
    assert s3.s3_load_content(path) == b"new"
    with pytest.raises(ValueError, match="unacceptable mode"):
        s3.S3Cacher(path, mode="x")
