"""What io and the standard library promise of a file: the same test passes on an object and on a local file."""

from __future__ import annotations

import contextlib
import copy
import errno
import fcntl
import gzip
import io
import locale
import logging
import os
import pickle
import subprocess
import tarfile
import xml.etree.ElementTree as ET
import zipfile

import pytest

import aios3.sync as s3

MIB = 1 << 20
WHOLE = ["memory", "disk"]


@pytest.fixture
def local(tmp_path):
    """``open`` of one local file."""
    return lambda mode="rb", **options: open(tmp_path / "local", mode, **options)  # noqa: PTH123


@pytest.fixture
def ours(path, session):
    """``open`` of one object."""
    return lambda mode="rb", **options: s3.open(path, mode, session=session, **options)


def outcome(call):
    """Return what a call returns or raises."""
    try:
        return call()
    except (OSError, ValueError, TypeError, LookupError, BufferError) as error:
        return error


def same(found, expected):
    """Tell whether an outcome is the local one: an equal value, or an error that the same ``except`` would catch."""
    return isinstance(found, type(expected)) if isinstance(expected, Exception) else found == expected


# Positions


@pytest.mark.parametrize("buffering", [0, -1])
@pytest.mark.parametrize("mode", ["rb", "rb+", "wb+"])
@pytest.mark.parametrize("seek", [(-1,), (-1, os.SEEK_CUR), (-6, os.SEEK_END)])
def test_a_seek_before_the_start_is_the_systems_error_and_moves_nothing(both, mode, seek, buffering):
    with both("wb") as file:
        file.write(b"12345")
    with both(mode, buffering=buffering) as file:
        with pytest.raises(OSError) as caught:
            file.seek(*seek)
        assert caught.value.errno == errno.EINVAL
        assert file.tell() == 0


def test_the_usual_way_to_read_a_last_line(both):
    with both("wb") as file:
        file.write(b"only line\n")
    with both() as file:
        try:
            file.seek(-2, os.SEEK_END)
            while file.read(1) != b"\n":
                file.seek(-2, os.SEEK_CUR)
        except OSError:
            file.seek(0)
        assert file.readline() == b"only line\n"


@pytest.mark.parametrize("size", [0, 1, 21, 22, 41, 100])
def test_a_file_that_is_not_a_zip_and_an_empty_zip(both, size):
    with both("wb") as file:
        file.write(b"x" * size)
    with both() as file:
        assert not zipfile.is_zipfile(file)
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(file)
    with both("wb") as file, zipfile.ZipFile(file, "w"):
        pass
    with both() as file, zipfile.ZipFile(file) as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize("buffering", [0, -1])
def test_data_and_holes(both, buffering):
    with both("wb") as file:
        file.write(bytes(range(100)))
    with both(buffering=buffering) as file:
        assert file.seek(30, os.SEEK_DATA) == 30
        assert file.read(1) == b"\x1e"
        assert file.seek(30, os.SEEK_HOLE) == 100


# A file on disk stands where its descriptor stands


@pytest.fixture(params=["S3", "local"])
def disk(request, ours, local):
    """``open`` with a descriptor: of an object on disk, and of a local file."""
    if request.param == "local":
        return local
    return lambda mode="rb", **options: ours(mode, **{"buffering": "disk"} | options)


@pytest.fixture
def stored(disk):
    """What is there now."""

    def read():
        with disk() as file:
            return file.read()

    return read


def test_another_process_writes_where_the_file_stands(disk, stored):
    with disk("wb") as file:
        file.write(b"first\n")
        file.flush()
        subprocess.run(["echo", "second"], stdout=file, check=True)
        file.write(b"third\n")
        file.flush()
        subprocess.run(["echo", "fourth"], stdout=file, check=True)
        assert file.tell() == 26
    assert stored() == b"first\nsecond\nthird\nfourth\n"
    with disk("ab") as file:
        subprocess.run(["echo", "fifth"], stdout=file, check=True)
        file.write(b"sixth\n")
    assert stored() == b"first\nsecond\nthird\nfourth\nfifth\nsixth\n"


def test_a_process_reads_where_the_file_stands(disk):
    with disk("wb") as file:
        file.write(b"0123456789")
    with disk() as file:
        file.seek(5)
        assert subprocess.run(["head", "-c", "2"], stdin=file, capture_output=True, check=True).stdout == b"56"
        assert file.tell() in {7, 10}  # head may read ahead
        file.seek(3)
        assert os.read(file.fileno(), 2) == b"34"
        assert file.read(2) == b"56"


@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "rb+", "wb+", "ab+"])
def test_a_descriptor_is_the_one_that_open_gives(disk, stored, mode):
    with disk("wb") as file:
        file.write(b"0123456789")
    with disk(mode) as file:
        flags = fcntl.fcntl(file.fileno(), fcntl.F_GETFL)
        assert bool(flags & os.O_APPEND) == (mode[0] == "a")
        assert (flags & os.O_ACCMODE == os.O_RDONLY) == (mode == "rb")
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == file.tell()
        if mode == "rb":
            with pytest.raises(OSError):
                os.write(file.fileno(), b"x")
            return
        file.write(b"abc")
        file.flush()
        os.write(file.fileno(), b"def")
        assert file.tell() == os.lseek(file.fileno(), 0, os.SEEK_CUR)
        if file.seekable() and mode[0] != "a":
            file.seek(1)
            os.write(file.fileno(), b"Z")
            file.write(b"Y")
    expected = {"wb": b"aZYdef", "wb+": b"aZYdef", "rb+": b"aZYdef6789"}
    assert stored() == expected.get(mode, b"0123456789abcdef")


def test_copies_of_the_descriptor_share_the_position(disk, stored):
    with disk("wb") as file:
        with os.fdopen(os.dup(file.fileno()), "wb") as copied:
            copied.write(b"one")
        file.write(b"two")
        file.flush()
        with open(file.fileno(), "wb", closefd=False) as again:
            again.write(b"three")
        file.truncate()
    assert stored() == b"onetwothree"


@pytest.mark.parametrize(
    "kind", ["BMP", "TIFF", "PPM", "TGA", "GIF", "PCX", "DDS", "EPS", "PNG", "JPEG", "WEBP", "ICO"]
)
def test_pictures(disk, stored, kind):
    image = pytest.importorskip("PIL.Image")
    memory = io.BytesIO()
    image.new("RGB", (30, 20), "red").save(memory, kind)
    with disk("wb") as file:
        image.new("RGB", (30, 20), "red").save(file, kind)
    assert stored() == memory.getvalue()


# Byte order marks and encodings

MARKED = ["utf-16", "utf-32", "utf-8-sig", "utf-16-le", "utf-8"]


def _own_wrapper(file, encoding):
    with io.TextIOWrapper(file, encoding) as text:
        text.write("é")


def _subclass(file, encoding):
    class Text(io.TextIOWrapper):
        def __init__(self, buffer):
            super().__init__(buffer, encoding=encoding)

    with Text(file) as text:
        text.write("é")


def _buffered_once_more(file, encoding):
    with io.TextIOWrapper(io.BufferedWriter(file), encoding) as text:
        text.write("é")


def _element_tree(file, encoding):
    ET.ElementTree(ET.Element("é")).write(file, encoding)


def _pandas(file, encoding):
    pytest.importorskip("pandas").DataFrame({"é": [1]}).to_csv(file, encoding=encoding, index=False)


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("modes", ["w", "wa", "x", "aa"])
@pytest.mark.parametrize("write", [_own_wrapper, _subclass, _buffered_once_more, _element_tree, _pandas])
def test_a_text_wrapper_writes_the_byte_order_mark_once(ours, local, write, encoding, modes):
    for mode in modes:
        for open_ in (ours, local):
            file = open_(f"{mode}b", buffering=0 if write is _buffered_once_more else -1)
            write(file, encoding)
            file.close()
    with ours() as one, local() as other:
        assert one.read() == other.read()


def test_only_a_text_wrapper_under_construction_sees_a_seekable_file(ours):
    with ours("wb") as file:
        for _ in range(2):
            assert [getattr(file, name)() for name in ("readable", "writable", "seekable")] == [False, True, False]
        text = io.TextIOWrapper(file, "utf-8")
        assert not text.seekable()
        assert not file.seekable()
        text.detach()


@pytest.mark.parametrize("mode", ["r", "w", "a", "r+"])
def test_the_encoding_of_the_system(both, mode):
    with both("wb") as file:
        file.write(b"abc")
    with both(mode, encoding="locale") as file:
        assert file.encoding.lower() == locale.getencoding().lower()
    with both(mode, encoding=io.text_encoding(None)):
        pass


@pytest.mark.parametrize(
    "arguments",
    [
        {"encoding": "no such encoding"},
        {"encoding": "hex"},
        {"encoding": 5},
        {"errors": 5},
        {"newline": 5},
        {"newline": b"\n"},
        {"mode": 5},
        {"buffering": 1.5},
        {"buffering": None},
        {"mode": "rb", "encoding": "utf-8"},
        {"mode": "q"},
    ],
)
def test_wrong_arguments_are_rejected_as_by_open(ours, local, arguments):
    for open_ in (ours, local):
        with open_("wb"):
            pass
    given = {"mode": "r"} | arguments
    expected = outcome(lambda: local(**given))
    assert isinstance(expected, Exception)
    assert same(outcome(lambda: ours(**given)), expected)


def test_the_arguments_stand_where_those_of_open_stand(path, session, tmp_path):
    for open_, place, more in ((s3.open, path, {"session": session}), (open, tmp_path / "file", {})):
        with open_(place, "w", -1, "utf-16", "replace", "\r\n", **more) as file:
            assert (file.encoding, file.errors) == ("utf-16", "replace")
            file.write("a\n")
        with open_(place, "rb", 0, **more) as file:
            assert isinstance(file, io.RawIOBase)
            assert file.read() == "a\r\n".encode("utf-16")


# Raw files


class Three:
    """What :func:`operator.index` takes."""

    def __index__(self):
        return 3


RAW_CALLS = {
    "read(None)": lambda file: file.read(None),
    "read(-5)": lambda file: file.read(-5),
    "read(2)": lambda file: file.read(2),
    "read(1.5)": lambda file: file.read(1.5),
    "readinto bytes": lambda file: file.readinto(b"abc"),
    "readinto nothing": lambda file: file.readinto(bytearray()),
    "write str": lambda file: file.write("abc"),
    "write": lambda file: file.write(b"abc"),
    "write every second": lambda file: file.write(memoryview(b"abcdef")[::2]),
    "readinto every second": lambda file: file.readinto(memoryview(bytearray(6))[::2]),
    "seek(1.0)": lambda file: file.seek(1.0),
    "seek(index)": lambda file: file.seek(Three()),
    "seek(0, '0')": lambda file: file.seek(0, "0"),
    "truncate(1.5)": lambda file: file.truncate(1.5),
    "truncate": lambda file: file.truncate(3),
    "truncate(-1)": lambda file: file.truncate(-1),
    "tell": lambda file: file.tell(),
    "mode": lambda file: file.mode,
    "readable": lambda file: file.readable(),
    "writable": lambda file: file.writable(),
    "seekable": lambda file: file.seekable(),
    "readline": lambda file: file.readline(),
    "isatty": lambda file: file.isatty(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "xb", "rb+", "wb+", "ab+"])
@pytest.mark.parametrize("name", RAW_CALLS)
def test_calls_have_the_outcome_of_a_local_file(ours, local, path, session, tmp_path, name, mode, buffering, closed):
    if mode != "xb":
        for open_ in (ours, local):
            with open_("wb") as file:
                file.write(b"0123456789")
    # A file in memory seeks and is cut like a local one; the default way does neither, which the guide says.
    seeks = "+" in mode or mode == "rb" or buffering == 0
    found = []
    for open_, given in ((ours, {"buffering": buffering if seeks else "memory"}), (local, {"buffering": buffering})):
        file = open_(mode, **given)
        if closed:
            file.close()
        found.append(outcome(lambda file=file: RAW_CALLS[name](file)))
        assert file.closed == closed
        file.close()
    result, expected = found
    if isinstance(expected, (TypeError, BufferError)) and isinstance(result, ValueError):
        assert closed or isinstance(result, io.UnsupportedOperation)  # two things are wrong, and either may be said
    elif mode in {"wb", "ab", "xb"} and buffering == 0 and not closed and name.startswith(("seek", "truncate")):
        assert result is False or isinstance(result, (io.UnsupportedOperation, TypeError))
    else:
        assert same(result, expected)


def test_arrays_of_any_shape_and_type(both):
    numpy = pytest.importorskip("numpy")
    arrays = [
        numpy.zeros((0, 3)),
        numpy.arange(6).reshape(2, 3),
        numpy.array(["2024-01-01", "2025-01-01"], "M8[s]"),
        numpy.array([1, 2, 3], ">i4"),
        numpy.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    ]
    for array in arrays:
        with both("wb", buffering=0) as file:
            assert file.write(array) == array.nbytes
        again = numpy.zeros_like(array)
        with both("rb", buffering=0) as file:
            assert file.readinto(again) == array.nbytes
        assert (again == array).all()
    with both("wb", buffering=0) as file, pytest.raises((ValueError, BufferError)):
        file.write(numpy.arange(6)[::2])


def test_a_file_of_mode_w_plus_is_read_by_gzip_as_a_local_one_is(both):
    with both("wb+") as file:
        file.write(gzip.compress(b"data"))
        file.seek(0)
        with gzip.GzipFile(fileobj=file) as archive:
            assert archive.read() == b"data"


@pytest.mark.parametrize("mode", ["rb", "r", "wb", "w", "rb+", "r+"])
@pytest.mark.parametrize("buffering", [0, -1])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_is_rejected_and_the_original_lives(both, mode, buffering, again):
    if buffering == 0 and "b" not in mode:
        pytest.skip("text has a buffer")
    with both("wb") as file:
        file.write(b"abc")
    with both(mode, buffering=buffering) as file:
        with pytest.raises(TypeError, match=r"pickle|instances|serialize"):
            again(file)
        empty = "" if "b" not in mode else b""
        assert file.read(0) == empty if "r" in mode else file.write(empty) == 0


# Ways out are named, and what was swallowed is told


REJECTED = {
    "seek": (lambda file: file.seek(0), "buffering='memory' or 'disk', or with 'limited'"),
    "truncate": (lambda file: file.truncate(3), "buffering='memory' or 'disk'"),
    "fileno": (lambda file: file.fileno(), "buffering='disk'"),
}


@pytest.mark.parametrize("mode", ["wb", "w"])
@pytest.mark.parametrize("buffering", [0, -1, "pipe"])
@pytest.mark.parametrize("call", REJECTED)
def test_a_rejection_names_the_way_out(ours, mode, buffering, call):
    if buffering == 0 and mode == "w":
        pytest.skip("text has a buffer")
    function, way_out = REJECTED[call]
    with ours(mode, buffering=buffering) as file:
        file.write("abc" if mode == "w" else b"abc")
        with pytest.raises(io.UnsupportedOperation, match=way_out):
            function(file)


@pytest.mark.parametrize(("mode", "buffering"), [("rb", "pipe"), ("r", "pipe")])
@pytest.mark.parametrize("seek", [(0,), (0, 1), (0, 2), (5,)])
def test_a_pipe_that_cannot_seek_names_the_way_out(ours, path, session, mode, buffering, seek):
    s3.write_bytes(path, b"a\nb\n" * 1000, session=session)
    with ours(mode, buffering=buffering) as file:
        assert not file.seekable()
        file.read(1)
        with pytest.raises(s3.UnsupportedError, match=r"without buffering='pipe'"):
            file.seek(*seek)
        assert len(file.read()) == 3999


def test_a_library_that_needs_to_seek_says_how_it_could(ours, path, admin):
    image = pytest.importorskip("PIL.Image")
    with pytest.raises(s3.UnsupportedError, match="'limited'"), ours("wb") as file:
        image.new("RGB", (30, 20)).save(file, "TIFF")
    assert not admin.exists(path)


def _swallows(file):
    file.write(b"head")
    with contextlib.suppress(OSError):
        file.seek(0)


def _zip(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"a")


def _tar(file):
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))


def _text(file):
    io.TextIOWrapper(file, "utf-16").write("text")


@pytest.mark.parametrize(("write", "warned"), [(_swallows, True), (_zip, False), (_tar, False), (_text, False)])
def test_a_swallowed_error_of_a_seek_is_reported_at_the_end(ours, path, caplog, write, warned):
    with caplog.at_level(logging.WARNING, "aios3.sync"), ours("wb") as file:
        write(file)
        if not file.closed:
            file.close()
    resume = s3._loop_thread.get_loop_thread().relay.pause(60)
    resume()
    assert (f"{path} is published although seek(0, 0) was rejected" in caplog.text) == warned


def test_a_members_header_has_size_and_checksum_where_they_are_known(path, session):
    with s3.create_zip(path, compression="stored", session=session) as archive:
        archive.write("bytes", b"abc" * MIB)
        archive.write("pieces", [b"abc", b"def"])
        archive.write("empty", b"")
        archive.mkdir("folder")
    with ours_zip(path, session) as archive:
        assert archive.testzip() is None
        described = {info.filename: bool(info.flag_bits & 0x08) for info in archive.infolist()}
        assert described == {"bytes": False, "pieces": True, "empty": False, "folder/": False}
        for info in archive.infolist():
            archive.fp.seek(info.header_offset + 14)
            header = archive.fp.read(12)
            if not described[info.filename]:
                assert header[:4] == info.CRC.to_bytes(4, "little")
                assert header[4:8] == header[8:12] == info.file_size.to_bytes(4, "little")


@contextlib.contextmanager
def ours_zip(path, session):
    with s3.open(path, session=session) as file, zipfile.ZipFile(file) as archive:
        yield archive


# A read that fails on the blocking face


class FailingReader:
    """A handle whose reads fail while they are told to."""

    name = "s3://bucket/key"

    def __init__(self, data, *, seekable=True):
        self._bytes = io.BytesIO(data)
        self.size = len(data)
        self.fails_after = None
        self._seekable = seekable

    def tell(self):
        return self._bytes.tell()

    def seekable(self):
        return self._seekable

    async def seek(self, position):
        assert self._seekable
        return self._bytes.seek(position)

    def _fail(self):
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise s3.RequestTimeoutError("too slow")  # noqa: TRY003

    async def readinto(self, view):
        self._fail()
        return self._bytes.readinto(view)

    async def read(self):
        self._fail()
        return self._bytes.read()

    async def aclose(self):
        pass


CONTENT = bytes(range(251)) * 40_000


@pytest.mark.parametrize("fails_after", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "read",
    [
        lambda file: file.read(5 * MIB),
        lambda file: file.read(),
        lambda file: file.readinto(bytearray(5 * MIB)),
    ],
)
def test_a_read_that_fails_on_the_blocking_face_moves_nothing(bridge, read, fails_after):
    handle = FailingReader(CONTENT)
    with s3.ObjectReader(s3.RawReader(bridge, handle, MIB), MIB) as file:
        assert file.read(1001) == CONTENT[:1001]
        handle.fails_after = fails_after
        try:
            read(file)
        except s3.RequestTimeoutError:
            handle.fails_after = None
            assert file.tell() == 1001
            assert file.read() == CONTENT[1001:]


@pytest.mark.parametrize("buffering", [16, -1])
@pytest.mark.parametrize("before", [0, 2, 16, 20])
@pytest.mark.parametrize(
    "read",
    [
        lambda file: file.read(1.5),
        lambda file: file.read("1"),
        lambda file: file.read(-2),
        lambda file: file.readinto(b"read-only"),
        lambda file: file.readinto("text"),
        lambda file: file.readinto(None),
        lambda file: file.read1("1"),
        lambda file: file.readline(1.5),
        lambda file: file.seek(1.5),
        lambda file: file.seek(0, 9),
    ],
)
def test_a_read_with_a_wrong_argument_moves_nothing(both, read, before, buffering):
    with both("wb") as file:
        file.write(bytes(range(100)))
    with both(buffering=buffering) as file:
        file.read(before)
        with pytest.raises((TypeError, ValueError, OSError)):
            read(file)
        assert file.read(5) == bytes(range(before, before + 5))
        assert file.tell() == before + 5
        assert file.read() == bytes(range(before + 5, 100))


@pytest.mark.parametrize("read", [io.BufferedReader.readline, list, lambda file: file.read1(-1)])
def test_a_file_with_an_unknown_position_raises_until_it_is_sought(bridge, read):
    handle = FailingReader(b"x" * (3 * MIB))
    with s3.ObjectReader(s3.RawReader(bridge, handle, MIB), MIB) as file:
        file.read(1001)
        handle.fails_after = 1
        with contextlib.suppress(s3.RequestTimeoutError):
            while True:
                read(file)
        handle.fails_after = None
        for call in (file.read, file.tell, file.readline, lambda: file.seek(1, os.SEEK_CUR)):
            with pytest.raises(OSError, match=r"broke off .*RequestTimeoutError: too slow"):
                call()
        assert file.seek(1001) == 1001
        assert len(file.read()) == 3 * MIB - 1001


def test_a_pipe_cannot_go_back_so_it_says_that_it_is_torn(bridge):
    handle = FailingReader(CONTENT, seekable=False)
    with s3.ObjectReader(s3.RawReader(bridge, handle, MIB), MIB) as file:
        file.read(1001)
        handle.fails_after = 1
        with pytest.raises(s3.RequestTimeoutError):
            file.read(5 * MIB)
        handle.fails_after = None
        with pytest.raises(OSError, match="open it again"):
            file.read(1)


def test_a_raw_read_that_fails_moves_nothing(bridge):
    handle = FailingReader(CONTENT, seekable=False)
    with s3.RawReader(bridge, handle) as file:
        file.read(1001)
        handle.fails_after = 0
        for call in (lambda: file.read(10), file.readall):
            with pytest.raises(s3.RequestTimeoutError):
                call()
        handle.fails_after = None
        assert file.tell() == 1001
        assert file.read() == CONTENT[1001:]
