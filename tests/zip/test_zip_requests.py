"""What archives cost: requests and bytes, counted where they arrive; also through the standard library."""

from __future__ import annotations

import io
import random
import re
import tarfile
import zipfile

import pytest

import aios3
import aios3.sync
from aios3.testing import LocalServer
from aios3.testing._moto import _AccountApp

MIB = 1 << 20
NOISE = random.Random(7).randbytes(3 * MIB)
SMALL = {f"dir/{number}.txt": b"%d\n" % number * 700 for number in range(50)}
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class Counted:
    """The GETs that have arrived, as ranges."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []
        self.others = 0

    def __len__(self) -> int:
        return len(self.ranges) + self.others

    @property
    def bytes(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def clear(self) -> None:
        self.ranges.clear()
        self.others = 0


@pytest.fixture
def requests(monkeypatch) -> Counted:
    counted = Counted()
    whole_call = _AccountApp.__call__

    def counting_call(app, environ, start_response):
        found = _RANGE.fullmatch(environ.get("HTTP_RANGE", ""))
        if found:
            counted.ranges.append((int(found[1]), int(found[2])))
        else:
            counted.others += 1
        return whole_call(app, environ, start_response)

    monkeypatch.setattr(_AccountApp, "__call__", counting_call)
    return counted


@pytest.fixture(scope="module")
def server():
    with LocalServer() as running:
        yield running


def packed(*, many: int = 0) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.bin", NOISE)
        for name, data in SMALL.items():
            archive.writestr(name, data, zipfile.ZIP_STORED)
        for number in range(many):
            archive.writestr(f"{number:08}", b"")
        archive.writestr("stored.bin", NOISE, zipfile.ZIP_STORED)
    return target.getvalue()


@pytest.fixture
def sync_session(server):
    with aios3.sync.Session(**server.config) as session:
        yield session


@pytest.fixture
def path(server, sync_session, requests) -> str:
    server.reset()
    aios3.sync.write_bytes("s3://bucket/big.zip", packed(), session=sync_session)
    requests.clear()
    return "s3://bucket/big.zip"


def test_zipfile_opens_in_two_requests_lists_in_none_and_fetches_what_it_reads(path, sync_session, requests):
    with aios3.sync.open(path, session=sync_session) as file, zipfile.ZipFile(file) as archive:
        assert len(requests) == 2
        assert requests.bytes <= 2 * 256 * 1024
        requests.clear()
        assert set(archive.namelist()) == {"first.bin", "stored.bin", *SMALL}
        assert archive.getinfo("stored.bin").file_size == len(NOISE)
        assert len(requests) == 0
        assert archive.read("dir/7.txt") == SMALL["dir/7.txt"]
        assert len(requests) <= 1
        assert requests.bytes <= 64 * 1024


def test_zipfile_reads_random_members_in_a_request_each(path, sync_session, requests):
    with aios3.sync.open(path, session=sync_session) as file, zipfile.ZipFile(file) as archive:
        requests.clear()
        for name in random.Random(3).sample(sorted(SMALL), 10):
            assert archive.read(name) == SMALL[name]
        assert len(requests) <= 10
        assert requests.bytes <= 10 * 64 * 1024


def test_a_seek_in_a_member_costs_no_request_and_its_read_only_what_is_read(path, sync_session, requests):
    with aios3.sync.open(path, session=sync_session) as file, zipfile.ZipFile(file) as archive:
        requests.clear()
        file.seek(MIB)
        file.seek(-10, 2)
        file.seek(2 * MIB)
        assert len(requests) == 0
        with archive.open("first.bin") as member:
            assert member.read(100) == NOISE[:100]
        assert requests.bytes <= 256 * 1024


def test_zipfile_streams_a_large_member_in_few_requests(path, sync_session, requests):
    with aios3.sync.open(path, session=sync_session) as file, zipfile.ZipFile(file) as archive:
        requests.clear()
        assert archive.read("stored.bin") == NOISE
        assert len(requests) <= 6
        assert requests.bytes <= len(NOISE) + 512 * 1024


def test_a_zip_is_written_as_a_stream_and_read_back(path, sync_session):
    with aios3.sync.open(path, "wb", session=sync_session) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", NOISE)
        with archive.open("b.bin", "w") as member:
            member.write(NOISE)
    with aios3.sync.open(path, session=sync_session) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read("b.bin") == NOISE


def test_a_zip_that_fails_while_it_is_written_replaces_nothing(path, sync_session):
    before = aios3.sync.read_bytes(path, session=sync_session)
    with (
        pytest.raises(ZeroDivisionError),
        aios3.sync.open(path, "wb", session=sync_session) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        archive.writestr("a.bin", NOISE)
        raise ZeroDivisionError
    assert aios3.sync.read_bytes(path, session=sync_session) == before


def test_tar_archives_are_written_and_read_in_place(server, sync_session, requests):
    path = "s3://bucket/data.tar"
    with aios3.sync.open(path, "wb", session=sync_session) as file, tarfile.open(fileobj=file, mode="w|") as archive:
        for name, data in {"large.bin": NOISE, **SMALL}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with aios3.sync.open(path, session=sync_session) as file, tarfile.open(fileobj=file) as archive:
        requests.clear()
        assert archive.getnames() == ["large.bin", *SMALL]
        assert requests.bytes < len(NOISE)
        assert archive.extractfile("dir/49.txt").read() == SMALL["dir/49.txt"]
        assert archive.extractfile("large.bin").read() == NOISE


async def test_open_zip_takes_one_request_and_a_small_member_another(server, path, requests):
    async with aios3.Session(**server.config) as session, aios3.open_zip(path, session=session) as z:
        assert len(requests) == 1
        requests.clear()
        assert len(z.names()) == len(z.infolist()) == len(z) == 52
        assert z.stat("stored.bin").size == len(NOISE)
        assert z.glob("dir/1?.txt") == [f"dir/{number}.txt" for number in range(10, 20)]
        assert len(requests) == 0
        assert await z.read("dir/7.txt") == SMALL["dir/7.txt"]
        assert len(requests) == 1
        assert requests.bytes <= len(SMALL["dir/7.txt"]) + 200


async def test_a_small_archive_takes_one_request_with_all_its_members(server, requests):
    server.reset()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in SMALL.items():
            archive.writestr(name, data)
    async with aios3.Session(**server.config) as session:
        await aios3.write_bytes("s3://bucket/small.zip", target.getvalue(), session=session)
        requests.clear()
        async with aios3.open_zip("s3://bucket/small.zip", session=session) as z:
            assert {name: await z.read(name) for name in z.names()} == SMALL
        assert len(requests) == 1


async def test_a_large_directory_takes_one_request_more(server, requests):
    server.reset()
    async with aios3.Session(**server.config) as session:
        await aios3.write_bytes("s3://bucket/many.zip", packed(many=6000), session=session)
        requests.clear()
        async with aios3.open_zip("s3://bucket/many.zip", session=session) as z:
            assert len(requests) == 2
            assert len(z) == 6052
            assert await z.read("00005999") == b""


async def test_small_members_that_lie_together_are_extracted_in_one_request(server, path, requests, tmp_path):
    async with aios3.Session(**server.config) as session, aios3.open_zip(path, session=session) as z:
        requests.clear()
        await z.extract_all(tmp_path, z.glob("dir/*"))
        assert len(requests) == 1
        assert requests.bytes < sum(map(len, SMALL.values())) + 10_000
    assert {f"dir/{file.name}": file.read_bytes() for file in (tmp_path / "dir").iterdir()} == SMALL


async def test_a_seek_in_a_stored_member_fetches_what_is_read(server, path, requests):
    async with (
        aios3.Session(**server.config) as session,
        aios3.open_zip(path, session=session) as z,
        z.open("stored.bin") as file,
    ):
        await file.read(1000)
        requests.clear()
        assert await file.seek(-100_000, aios3.SEEK_END) == len(NOISE) - 100_000
        assert len(requests) == 0
        assert await file.read(1000) == NOISE[-100_000:-99_000]
        assert requests.bytes <= 100_000 + 66_000


async def test_no_bytes_after_a_member_are_fetched_with_it(server, path, requests):
    async with aios3.Session(**server.config) as session, aios3.open_zip(path, session=session) as z:
        requests.clear()
        assert await z.read("first.bin") == NOISE
        assert requests.bytes <= z.getinfo("first.bin").compress_size + 200
