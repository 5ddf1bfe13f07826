"""Open files as fsspec's users know them: nothing is there before it is committed, and what is there is whole."""

from __future__ import annotations

import gc
import io
import pickle
import warnings

import pytest
from fsspec.utils import read_block

import aios3
import fsspec
from aios3.fsspec import S3FileSystem

MIB = 1 << 20
LINES = b"".join(b"line %d\n" % number for number in range(20_000)) + b"the end"
LARGE = bytes(range(256)) * (12 * MIB // 256)


@pytest.fixture
def path(fs, bucket):
    fs.pipe(f"{bucket}/x", LINES)
    return f"{bucket}/x"


@pytest.fixture
def file(fs, path):
    with fs.open(path, "rb") as file:
        yield file


class TestReading:
    def test_it_reads_as_bytesio_does(self, file):
        expected = io.BytesIO(LINES)
        for size, place in ((10, 0), (5, 100_000), (-1, len(LINES) - 3), (0, 7), (100, 7)):
            assert file.seek(place) == expected.seek(place)
            assert file.read(size) == expected.read(size)
            assert file.tell() == file.loc == expected.tell()
        assert file.seek(-20, 2) == expected.seek(-20, 2)
        assert file.readline() == expected.readline()
        assert file.read() == expected.read()

    def test_lines_are_the_same_however_they_are_read(self, fs, path):
        lines = io.BytesIO(LINES).readlines()
        with fs.open(path) as file:
            assert list(file) == lines
        with fs.open(path) as file:
            assert file.readlines() == lines
        with fs.open(path) as file:
            assert [next(file), file.readline(), *file] == lines
        with fs.open(path, "r") as text:
            assert text.readlines() == [line.decode() for line in lines]

    def test_it_reads_into_memory_of_the_caller(self, file):
        buffer = bytearray(100)
        assert file.readinto(buffer) == 100
        assert file.readinto1(memoryview(buffer)[:10]) > 0
        assert bytes(buffer[20:]) == LINES[20:100]

    @pytest.mark.parametrize("blocks", [None, 3, 7, 100])
    @pytest.mark.parametrize("char", [b"\n", b"line 1", b"\nline 99\n", b"nowhere"])
    def test_readuntil_finds_what_lies_across_blocks(self, file, char, blocks):
        end = LINES.find(char)
        expected = LINES[: end + len(char)] if end >= 0 else LINES
        assert file.readuntil(char, blocks=blocks if len(expected) < 5000 else None) == expected
        assert file.tell() == len(expected)

    def test_blocks_end_at_delimiters(self, fs, path):
        expected = read_block(io.BytesIO(LINES), 1000, 500, b"\n")
        assert fs.read_block(path, 1000, 500, b"\n") == expected
        assert fs.head(path, 10) + fs.tail(path, 10) == LINES[:10] + LINES[-10:]

    @pytest.mark.parametrize("size", [-1, -2, -4096, None])
    @pytest.mark.parametrize("method", ["read", "readline", "readlines"])
    def test_every_negative_size_means_all(self, file, method, size):
        """Python's buffered files take -1 only; fsspec's read_block asks for less than that."""
        expected = io.BytesIO(LINES)
        file.seek(1000), expected.seek(1000)
        assert getattr(file, method)(size) == getattr(expected, method)(size)
        assert file.tell() == expected.tell()
        file.seek(1000)
        assert file.read1(-1 if size is None else size) == LINES[1000:][: file.tell() - 1000] != b""

    @pytest.mark.parametrize("offset", [len(LINES), len(LINES) + 5000])
    @pytest.mark.parametrize("length", [10, None])
    def test_a_block_after_the_end_is_empty(self, fs, path, offset, length):
        assert fs.read_block(path, offset, length) == b""

    def test_it_says_what_it_is(self, file, fs, path):
        assert (file.mode, file.readable(), file.writable(), file.seekable()) == ("rb", True, False, True)
        assert file.size == len(LINES) == file.details["size"] == file.info()["size"]
        assert (file.fs, file.path, file.full_name) == (fs, path, f"s3://{path}")
        assert file.blocksize == fs.blocksize
        file.close()
        assert (file.closed, file.readable()) == (True, False)
        with pytest.raises(ValueError, match="closed"):
            file.read()

    def test_one_file_sees_one_version(self, fs, bucket):
        fs.pipe(f"{bucket}/large", LARGE)
        with fs.open(f"{bucket}/large") as file:
            file.read(10)
            fs.pipe(f"{bucket}/large", LARGE[::-1])
            file.seek(9 * MIB)
            with pytest.raises(aios3.ObjectChangedError):
                file.read(10)

    def test_a_file_that_was_only_read_may_be_forgotten(self, fs, path):
        """As with s3fs: pyarrow and others leave it to the garbage collector. A warning fails this test."""
        handles = []
        for _ in range(3):
            file = fs.open(path)
            assert file.read(4) == LINES[:4]
            handles.append(file._file.raw._handle)
            del file
            gc.collect()
        fs.close()
        assert all(handle.closed for handle in handles)

    @pytest.mark.parametrize(
        "read",
        [
            lambda file: file.read(),
            lambda file: b"".join(file.readlines()),
            b"".join,
            lambda file: b"".join(iter(lambda: file.read1(1 << 16), b"")),
            lambda file: file.readuntil(b"nowhere"),
        ],
        ids=["read", "readlines", "iterate", "read1", "readuntil"],
    )
    def test_a_file_without_a_name_is_read(self, fs, path, read):
        assert fs.open(path).read() == LINES
        assert fs.open(path).readline() == LINES.partition(b"\n")[0] + b"\n"
        assert fs.open(path).readinto(bytearray(10)) == 10
        assert fs.open(path).tell() == 0
        assert read(fs.open(path)) == LINES
        assert len([line for line in fs.open(path)]) == 20_001  # noqa: C416 - the loop keeps the iterator alone

    def test_a_pickled_file_stands_where_it_stood(self, file):
        file.seek(1000)
        with pickle.loads(pickle.dumps(file)) as other:
            assert other.read(20) == file.read(20) == LINES[1000:1020]

    @pytest.mark.parametrize(
        "cache_type", ["none", "bytes", "mmap", "readahead", "first", "blockcache", "background", "all", "parts"]
    )
    def test_the_cache_types_of_fsspec_are_taken(self, fs, path, cache_type):
        with fs.open(path, cache_type=cache_type, block_size=64 * 1024, cache_options={}, fill_cache=False) as file:
            assert file.read() == LINES
            assert file.blocksize == 64 * 1024

    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"cache_type": "magic"}, ValueError, "Unknown cache_type 'magic'"),
            ({"block_size": 0}, ValueError, "block_size"),
            ({"block_size": "1MB"}, ValueError, "block_size"),
            ({"version_id": "v"}, ValueError, "version aware"),
            ({"mode": "r+b"}, OSError, "not supported"),
        ],
        ids=str,
    )
    def test_what_cannot_be_meant_is_rejected(self, fs, path, options, error, words):
        with pytest.raises(error, match=words):
            fs.open(path, **options)

    @pytest.mark.parametrize("name", ["missing", "d"])
    def test_what_is_no_object_cannot_be_opened(self, fs, path, bucket, name):
        fs.pipe(f"{bucket}/d/x", b"1")
        with pytest.raises((FileNotFoundError, IsADirectoryError)):
            fs.open(f"{bucket}/{name}")


class TestWriting:
    @pytest.mark.parametrize("size", [0, 5, len(LARGE)])
    @pytest.mark.parametrize("mode", ["wb", "xb"])
    def test_an_object_is_there_when_the_file_is_closed(self, fs, bucket, mode, size):
        path = f"{bucket}/new"
        with fs.open(path, mode) as file:
            assert file.write(LARGE[:size]) == size
            assert file.tell() == size
            assert not fs.exists(path)
        assert fs.cat(path) == LARGE[:size]
        assert (file.closed, file.size) == (True, size)

    @pytest.mark.parametrize("size", [5, len(LARGE)])
    @pytest.mark.parametrize("mode", ["wb", "xb", "ab", "w"])
    def test_an_exception_publishes_nothing(self, fs, path, bucket, mode, size):
        target = f"{bucket}/new" if mode == "xb" else path
        data = LARGE[:size]
        with pytest.raises(RuntimeError, match="mine"), fs.open(target, mode) as file:
            file.write(data.decode("latin-1") if mode == "w" else data)
            raise RuntimeError("mine")
        assert fs.find(bucket) == [path]
        assert fs.cat(path) == LINES
        assert fs.list_multipart_uploads(bucket) == []

    def test_a_compressed_file_is_published_whole_or_not_at_all(self, fs, path, bucket):
        with fs.open(f"{bucket}/x.gz", "wb", compression="infer") as file:
            file.write(LINES)
        with fs.open(f"{bucket}/x.gz", "rb", compression="infer") as file:
            assert file.read() == LINES
        with pytest.raises(RuntimeError), fs.open(f"{bucket}/y.gz", "wb", compression="infer") as file:
            file.write(LINES)
            raise RuntimeError
        assert not fs.exists(f"{bucket}/y.gz")

    @pytest.mark.parametrize("mode", ["wb", "w"])
    def test_a_file_that_is_forgotten_publishes_nothing(self, fs, path, mode):
        file = fs.open(path, mode)
        file.write("lost" if mode == "w" else b"lost")
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            del file
            gc.collect()
        assert any("nothing was published" in str(each.message) for each in heard)
        assert fs.cat(path) == LINES

    def test_x_rejects_at_open(self, fs, path):
        with pytest.raises(FileExistsError):
            fs.open(path, "xb")

    @pytest.mark.parametrize("size", [0, 5, pytest.param(len(LARGE), marks=pytest.mark.needs("complete_once"))])
    def test_x_rejects_again_when_it_is_committed(self, fs, bucket, size):
        file = fs.open(f"{bucket}/new", "xb")
        file.write(LARGE[:size])
        fs.pipe(f"{bucket}/new", b"faster")
        with pytest.raises(FileExistsError):
            file.close()
        assert fs.cat(f"{bucket}/new") == b"faster"

    @pytest.mark.parametrize("before", [None, b"", b"old", LARGE])
    def test_append_writes_behind_what_is_there(self, fs, bucket, before):
        if before is not None:
            fs.pipe(f"{bucket}/log", before, ContentType="a/b")
        with fs.open(f"{bucket}/log", "ab") as file:
            assert file.tell() == len(before or b"")
            file.write(b" and new")
        assert fs.cat(f"{bucket}/log") == (before or b"") + b" and new"
        if before:
            assert fs.info(f"{bucket}/log", refresh=True)["ContentType"] == "a/b"

    def test_parameters_of_s3_are_stored(self, fs, bucket):
        with fs.open(f"{bucket}/x", "wb", ContentType="a/b", Metadata={"n": "v"}, acl="private") as file:
            file.write(b"1")
        assert fs.info(f"{bucket}/x", refresh=True)["ContentType"] == "a/b"
        assert fs.metadata(f"{bucket}/x") == {"n": "v"}

    @pytest.mark.parametrize("options", [{"block_size": 1024}, {"ContentTipe": "a"}, {"cache_type": "magic"}])
    def test_what_cannot_be_meant_is_rejected_and_nothing_is_lost(self, fs, path, options):
        with pytest.raises(
            ValueError, match=next(iter(options.values())) if "cache_type" in options else "part_size|ContentTipe"
        ):
            fs.open(path, "wb", **options)
        assert fs.cat(path) == LINES

    def test_a_closed_file_takes_nothing(self, fs, path):
        with fs.open(path, "wb") as file:
            file.write(b"new")
        with pytest.raises(ValueError, match="closed"):
            file.write(b"lost")
        assert fs.cat(path) == b"new"

    def test_a_writing_file_cannot_be_pickled_or_read(self, fs, bucket):
        with fs.open(f"{bucket}/x", "wb") as file:
            with pytest.raises(TypeError):
                pickle.dumps(file)
            with pytest.raises(OSError, match="read"):
                file.read()


class TestTransactions:
    def test_files_appear_together(self, fs, bucket):
        with fs.transaction:
            for name in "ab":
                with fs.open(f"{bucket}/{name}", "wb") as file:
                    file.write(LARGE)
            assert fs.find(bucket) == []
        assert fs.find(bucket) == [f"{bucket}/a", f"{bucket}/b"]
        assert fs.cat(f"{bucket}/b") == LARGE

    def test_an_exception_discards_all(self, fs, bucket):
        with pytest.raises(RuntimeError), fs.transaction:
            for name, data in (("a", b"1"), ("b", LARGE)):
                with fs.open(f"{bucket}/{name}", "wb") as file:
                    file.write(data)
            raise RuntimeError
        assert fs.find(bucket) == []
        assert fs.list_multipart_uploads(bucket) == []

    def test_a_file_without_autocommit_waits(self, fs, bucket):
        file = fs.open(f"{bucket}/a", "wb", autocommit=False)
        file.write(b"1")
        file.close()
        assert file.closed
        assert fs.find(bucket) == []
        with pytest.raises(ValueError, match="closed"):
            file.write(b"2")
        file.commit()
        assert fs.cat(f"{bucket}/a") == b"1"

    def test_a_discarded_file_never_appears(self, fs, bucket):
        file = fs.open(f"{bucket}/a", "wb", autocommit=False)
        file.write(LARGE)
        file.close()
        file.discard()
        file.discard()
        assert fs.find(bucket) == []
        assert fs.list_multipart_uploads(bucket) == []


class TestOutcomes:
    """A file is published or discarded, once; who asks for the other afterwards is told."""

    @pytest.fixture
    def file(self, fs, bucket):
        file = fs.open(f"{bucket}/a", "wb", autocommit=False)
        file.write(b"1")
        file.close()
        return file

    def test_what_is_discarded_cannot_be_committed(self, fs, bucket, file):
        file.discard()
        for _ in range(2):
            with pytest.raises(ValueError, match="has been discarded"):
                file.commit()
        file.close()
        assert fs.find(bucket) == []

    def test_what_is_published_cannot_be_discarded(self, fs, bucket, file):
        file.commit()
        file.commit()
        with pytest.raises(ValueError, match="has been published"):
            file.discard()
        assert fs.cat(f"{bucket}/a") == b"1"

    def test_what_could_not_be_published_is_not_said_to_be(self, fs, bucket):
        file = fs.open(f"{bucket}/a", "xb", autocommit=False)
        file.write(b"1")
        file.close()
        fs.pipe(f"{bucket}/a", b"faster")
        with pytest.raises(FileExistsError):
            file.commit()
        with pytest.raises(ValueError, match="could not be published"):
            file.commit()
        file.discard()
        assert fs.cat(f"{bucket}/a") == b"faster"

    def test_an_exception_behind_the_close_is_the_one_that_is_raised(self, fs, bucket):
        with pytest.raises(RuntimeError, match="mine"), fs.open(f"{bucket}/a", "wb") as file:
            file.write(b"1")
            file.close()
            raise RuntimeError("mine")
        assert fs.cat(f"{bucket}/a") == b"1"

    @pytest.mark.parametrize("leave", ["an exception", "discard"])
    def test_a_transaction_publishes_the_others(self, fs, bucket, leave):
        with fs.transaction:
            with fs.open(f"{bucket}/a", "wb") as file:
                file.write(b"1")
            if leave == "discard":
                given_up = fs.open(f"{bucket}/b", "wb")
                given_up.write(b"2")
                given_up.discard()
            else:
                with pytest.raises(RuntimeError), fs.open(f"{bucket}/b", "wb") as file:
                    file.write(b"2")
                    raise RuntimeError
        assert fs.find(bucket) == [f"{bucket}/a"]


class TestAsync:
    @pytest.fixture
    async def afs(self, storage_options):
        fs = S3FileSystem(**storage_options, asynchronous=True, skip_instance_cache=True)
        yield fs
        await fs.aclose()

    async def test_files_of_coroutines_write_and_read(self, afs, bucket):
        async with await afs.open_async(f"{bucket}/x", "wb") as file:
            await file.write(LARGE)
            await file.flush()
            assert not await afs._exists(f"{bucket}/x")
        async with await afs.open_async(f"{bucket}/x") as file:
            assert file.size == len(LARGE)
            assert await file.read(10) == LARGE[:10]
            assert file.tell() == 10
            assert await file.read(-2) == LARGE[10:]

    async def test_an_exception_publishes_nothing(self, afs, bucket):
        with pytest.raises(RuntimeError):
            async with await afs.open_async(f"{bucket}/x", "wb") as file:
                await file.write(b"1")
                raise RuntimeError
        assert await afs._find(bucket) == []

    @pytest.mark.parametrize("options", [{"mode": "r"}, {"mode": "rb", "compression": "gzip"}])
    async def test_text_and_compression_are_left_to_the_blocking_open(self, afs, bucket, options):
        with pytest.raises(ValueError, match="bytes"):
            await afs.open_async(f"{bucket}/x", **options)

    async def test_a_file_that_reads_takes_nothing(self, afs, bucket):
        await afs._pipe_file(f"{bucket}/x", b"1")
        async with await afs.open_async(f"{bucket}/x") as file:
            with pytest.raises(OSError, match="'rb'"):
                await file.write(b"2")


def test_fsspec_open_reaches_it_by_the_neutral_protocol(bucket, storage_options):
    with fsspec.open(f"aios3://{bucket}/x", "wt", **storage_options) as file:
        file.write("text")
    with fsspec.open(f"aios3://{bucket}/x", "rt", **storage_options) as file:
        assert file.read() == "text"
    fsspec.filesystem("aios3", **storage_options).close()
