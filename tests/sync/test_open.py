"""``open`` and the programs that work on its files, on a server; the oracle is ``builtins.open``."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import gzip
import io
import json
import os
import pickle
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

import aios3
import aios3.sync as s3
from aios3.sync import _files, _loop_thread

MIB = 1024 * 1024


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


# The same as builtins.open


@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "shift_jis"])
def test_text(both, newline, encoding):
    lines = ["one\n", "two\r\n", "three\r", "\n", "vier" * 5000]
    with both("w", encoding=encoding, newline=newline) as file:
        assert file.write(lines[0]) == 4
        file.writelines(lines[1:])
        assert (file.encoding, file.errors, file.mode) == (encoding, "strict", "w")
    with both("rb") as file:
        written = file.read()
    assert written.decode(encoding) == "".join(lines).replace("\n", {None: os.linesep, "": "\n"}.get(newline, newline))
    with both("r", encoding=encoding, newline=newline) as file:
        first, position = file.readline(), file.tell()
        rest = file.read()
        file.seek(position)
        assert file.read() == rest
        file.seek(0)
        assert file.read() == first + rest
    with both("rt", encoding=encoding, newline=newline) as file:
        assert list(file) == io.TextIOWrapper(io.BytesIO(written), encoding, newline=newline).readlines()


def test_appending_text_writes_no_second_byte_order_mark(both):
    for mode in ("w", "a", "a"):
        with both(mode, encoding="utf-16") as file:
            assert file.tell() == (0 if mode == "w" else file.buffer.tell())
            file.write("ä")
    with both("rb") as file:
        assert file.read() == "äää".encode("utf-16")


def test_line_buffering_sends_each_line_on(both):
    with both("w", buffering=1, encoding="utf-8") as file:
        assert file.line_buffering
        file.write("half a line")
        assert file.buffer.raw.tell() == 0
        file.write(" and its end\n")
        assert file.buffer.raw.tell() == 24


def test_errors_of_encoding(both):
    with contextlib.suppress(UnicodeEncodeError), both("w", encoding="ascii") as file:
        file.write("ä")
    with both("w", encoding="ascii", errors="xmlcharrefreplace") as file:
        file.write("ä")
    with both() as file:
        assert file.read() == b"&#228;"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("q",), {}),
        (("",), {}),
        (("rw",), {}),
        (("rr",), {}),
        (("btr",), {}),
        (("b",), {}),
        (("rb",), {"encoding": "utf-8"}),
        (("rb",), {"errors": "strict"}),
        (("rb",), {"newline": ""}),
        (("w",), {"newline": "\t"}),
        (("w",), {"buffering": 0}),
    ],
)
def test_arguments_that_make_no_sense_are_rejected(both, arguments, options):
    with pytest.raises(ValueError):
        both(*arguments, **options)


def test_unknown_encodings_are_rejected_before_anything_is_written(both, path):
    for encoding in ("no such encoding", "hex"):
        with pytest.raises((LookupError, ValueError)):
            both("w", encoding=encoding)


def test_line_buffering_of_bytes_is_warned_of(both):
    with pytest.warns(RuntimeWarning, match="buffering=1"), both("wb", buffering=1):
        pass


@pytest.mark.parametrize("buffering", [-5, -1, 2, 100, 10 * MIB])
def test_any_size_of_buffer(both, buffering):
    data = os.urandom(3 * MIB)
    with both("wb", buffering=buffering) as file:
        assert sum(file.write(data[start : start + 300_000]) for start in range(0, len(data), 300_000)) == len(data)
    with both("rb", buffering=max(buffering, 5000)) as file:
        assert file.read(100) + file.read(2 * MIB) + file.read() == data


def test_buffering_must_be_a_number(both):
    with pytest.raises(TypeError):
        both("rb", buffering=1.5)


def test_missing_and_existing_files(both):
    with pytest.raises(FileNotFoundError) as caught:
        both("rb")
    assert caught.value.filename is not None
    with both("xb") as file:
        file.write(b"first")
    with pytest.raises(FileExistsError), both("xb") as file:
        file.write(b"second")
    with both() as file:
        assert file.read() == b"first"


def test_the_classes_are_the_standard_librarys(path, session):
    kinds = {
        ("wb", -1): (io.BufferedWriter, s3.ObjectWriter),
        ("wb", 0): (io.RawIOBase, s3.RawWriter),
        ("w", -1): (io.TextIOWrapper, s3.TextWriter),
        ("rb", -1): (io.BufferedReader, s3.ObjectReader),
        ("rb", 0): (io.RawIOBase, s3.RawReader),
        ("r", -1): (io.TextIOWrapper, s3.TextReader),
    }
    for (mode, buffering), classes in kinds.items():
        with s3.open(path, mode, buffering=buffering, session=session) as file:
            assert isinstance(file, classes[0])
            assert type(file) is classes[1]
            assert file.name == path


def test_what_only_objects_have(path, session, admin):
    with s3.open(path, "wb", session=session, content_type="text/x-test", metadata={"colour": "red"}) as file:
        file.write(b"abc")
    assert file.result.etag == admin.head(path)["ETag"].strip('"')
    for mode in ("rb", "r"):
        with s3.open(path, mode, session=session) as file:
            assert (file.size, file.stat().size, file.stat().content_type) == (3, 3, "text/x-test")
            assert file.stat().metadata == {"colour": "red"}
    with s3.open(path, "w", session=session) as file:
        file.write("four")
    assert file.result.size == 4
    with pytest.raises(ValueError, match="Unknown option 'colour'"):
        s3.open(path, session=session, colour="red")


# What works on files works on these


def test_zipfile(both):
    with both("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"a" * 100_000)
        with archive.open("b.bin", "w") as member:
            member.write(os.urandom(3 * MIB))
    with both() as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "b.bin"]
        with archive.open("b.bin") as member:
            member.seek(2 * MIB)
            assert len(member.read()) == MIB


@pytest.mark.parametrize("mode", ["w", "w:gz", "w|", "w|xz"])
def test_tarfile(both, mode):
    with both("wb") as file, tarfile.open(fileobj=file, mode=mode) as archive:
        for name in ("a", "b"):
            info = tarfile.TarInfo(name)
            info.size = 200_000
            archive.addfile(info, io.BytesIO(name.encode() * info.size))
    for reading in ("r", "r|*"):
        with both() as file, tarfile.open(fileobj=file, mode=reading) as archive:
            assert [archive.extractfile(member).read(3) for member in archive] == [b"aaa", b"bbb"]


def test_gzip_csv_json_and_pickle(both):
    rows = [["name", "größe"], ["a\nb", "1"], ['"', "2"]]
    with both("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    with both("r", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == rows
    with both("wb") as file, gzip.open(file, "wt", encoding="utf-8") as text:
        json.dump(rows, text)
    with both() as file, gzip.open(file) as data:
        assert json.load(data) == rows
    with both("wb") as file:
        pickle.dump(rows, file)
    with both() as file:
        assert pickle.load(file) == rows


def test_pandas(both):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"name": ["a", "b"] * 5000, "number": range(10_000)})
    with both("wb") as file:
        table.to_csv(file, index=False)
    with both() as file:
        assert pandas.read_csv(file).equals(table)
    with both("w", encoding="utf-8") as file:
        table.to_json(file)
    with both("r", encoding="utf-8") as file:
        assert pandas.read_json(file)["number"].sum() == table["number"].sum()
    pytest.importorskip("pyarrow")
    with both("wb") as file:
        table.to_parquet(file)
        assert not file.closed
    with both() as file:
        assert pandas.read_parquet(file, columns=["number"])["number"].equals(table["number"])


def test_pyarrow(both):
    pyarrow = pytest.importorskip("pyarrow")
    parquet, arrow_csv = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.csv")
    table = pyarrow.table({"number": range(100_000), "text": ["x" * 50] * 100_000})
    with both("wb") as file:
        parquet.write_table(table, file, row_group_size=10_000)
    with both() as file:
        stored = parquet.ParquetFile(file)
        assert stored.num_row_groups == 10
        assert stored.read_row_group(7, columns=["number"])["number"][0].as_py() == 70_000
        assert stored.read().equals(table)
    with both("wb") as file:
        arrow_csv.write_csv(table, file)
    with both() as file:
        assert arrow_csv.read_csv(file).equals(table)


def test_pillow(both):
    image = pytest.importorskip("PIL.Image")
    with both("wb") as file:
        image.new("RGB", (640, 480), "red").save(file, "PNG")
    with both() as file, image.open(file) as picture:
        assert (picture.format, picture.size, picture.getpixel((5, 5))) == ("PNG", (640, 480), (255, 0, 0))


# Nothing is published by mistake


def _gzip(file):
    with gzip.open(file, "wb") as archive:
        archive.write(os.urandom(12 * MIB))
        raise MishapError


def _zip(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("member", os.urandom(12 * MIB))
        raise MishapError


def _text(file):
    with io.TextIOWrapper(file, "utf-8") as text:
        text.write("half" * 3 * MIB)
        raise MishapError


def _tar(file):
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("member")
        info.size = 12 * MIB
        archive.addfile(info, io.BytesIO(os.urandom(info.size)))
        raise MishapError


def _parquet(file):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"number": os.urandom(MIB)})
    with parquet.ParquetWriter(file, table.schema) as writer:
        writer.write_table(table)
        raise MishapError


def _arrow_stream(file):
    pyarrow = pytest.importorskip("pyarrow")
    with pyarrow.PythonFile(file, "w") as stream:
        stream.write(os.urandom(12 * MIB))
        raise MishapError


def _pandas(file):
    pandas = pytest.importorskip("pandas")

    class Text:
        def __str__(self):
            raise MishapError

    pandas.DataFrame({"text": ["x" * 1000] * 10_000 + [Text()]}).to_csv(file)


def _pillow(file):
    image = pytest.importorskip("PIL.Image")
    with contextlib.closing(file):
        image.effect_noise((1500, 1500), 50).save(file, "PNG")
        raise MishapError


@pytest.mark.parametrize("fail", [_gzip, _zip, _text, _tar, _parquet, _arrow_stream, _pandas, _pillow])
def test_an_exception_publishes_nothing_and_leaves_no_upload(bucket, path, session, admin, fail):
    with pytest.raises(MishapError), s3.open(path, "wb", session=session) as file:
        fail(file)
    assert not admin.exists(path)
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize("fail", [_gzip, _zip, _text, _tar, _parquet, _arrow_stream, _pandas, _pillow])
def test_an_exception_in_the_library_alone_publishes_nothing(bucket, path, session, admin, fail):
    file = s3.open(path, "wb", session=session)
    with pytest.raises(MishapError):
        fail(file)
    file.abort()
    assert not admin.exists(path)
    assert admin.uploads(bucket) == []


@pytest.mark.needs("put_if_match")
def test_a_rejected_completion_is_raised_by_close(path, session, admin):
    admin.put(path, b"theirs")
    file = s3.open(path, "wb", session=session, if_match=admin.head(path)["ETag"])
    file.write(b"ours")
    admin.put(path, b"changed")
    with pytest.raises(s3.ObjectChangedError):
        file.close()
    assert admin.get(path) == b"changed"


def test_a_session_closes_before_its_file(bucket, path, server, admin):
    with s3.Session(**server.config) as session:
        file = s3.open(path, "wb", session=session)
        file.write(bytes(20 * MIB))
        reader_of_nothing = s3.scan(bucket, session=session)
    with pytest.raises(s3.ClosedHandleError):
        file.close()
    with pytest.raises(s3.ClosedHandleError):
        next(reader_of_nothing)
    assert not admin.exists(path)
    assert admin.uploads(bucket) == []


def test_many_threads_read_and_write(bucket, session):
    def work(number):
        path = f"{bucket}/{number}"
        data = bytes([number]) * (MIB + number)
        with s3.open(path, "wb", session=session) as file:
            file.write(data)
        with s3.open(path, session=session) as file:
            assert file.read() == data
        return s3.getsize(path, session=session)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(24))) == [MIB + number for number in range(24)]
    assert sum(1 for _ in s3.scan(bucket, session=session)) == 24


def test_sessions(server, bucket):
    session = s3.Session(**server.config)
    with session as entered:
        assert entered is session
        assert isinstance(session, aios3.Session)
        assert s3.hasbucket(bucket, session=session)
    assert session.closed
    session.close()
    with pytest.raises(s3.ClosedHandleError):
        s3.hasbucket(bucket, session=session)
    copy = pickle.loads(pickle.dumps(session))
    assert type(copy) is s3.Session
    with copy:
        assert s3.hasbucket(bucket, session=copy)


def test_an_async_session_works_if_no_other_loop_uses_it(server, bucket):
    session = aios3.Session(**server.config)
    assert s3.hasbucket(bucket, session=session)
    _loop_thread.call(session.aclose)


@pytest.mark.parametrize("mode", ["rb", "wb"])
def test_ctrl_c_at_the_moment_of_opening_leaves_nothing_open(path, server, admin, ctrl_c, mode):
    admin.put(path, bytes(MIB))
    opened = []

    with s3.Session(**server.config) as session:

        async def open_and_interrupt() -> object:
            opened.append(await aios3.aopen(path, mode, session=session))
            ctrl_c()
            return opened[0]

        with pytest.raises(KeyboardInterrupt):
            _files._open_handle(_loop_thread.get_loop_thread(), open_and_interrupt)
        _loop_thread.call(asyncio.sleep, 0)
        assert [handle.closed for handle in opened] == [True]
    assert len(admin.get(path)) == MIB


@pytest.mark.parametrize("mode", ["r", "w"])
def test_a_wrapper_that_cannot_be_made_leaves_nothing_open(path, session, admin, monkeypatch, mode):
    admin.put(path, b"before")
    made = []

    class Broken:
        def __init__(self, buffer, raw, *_settings, **_options):
            made.append(raw)
            raise MishapError

    monkeypatch.setattr(_files, "TextReader", Broken)
    monkeypatch.setattr(_files, "TextWriter", Broken)
    with pytest.raises(MishapError):
        s3.open(path, mode, session=session)
    assert [raw.closed for raw in made] == [True]
    assert admin.get(path) == b"before"
