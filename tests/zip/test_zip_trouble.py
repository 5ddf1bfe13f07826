"""Archives while something goes wrong: the object is replaced, a body breaks, the caller gives up."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import zipfile
from dataclasses import replace

import pytest
from zip_s3 import URL, session_on

import aios3
from aios3 import StatResult, _session
from handles.fake_s3 import FakeS3

MIB = 1 << 20
NOISE = random.Random(5).randbytes(2 * MIB)
LINES = b"".join(b"%d\n" % number for number in range(200_000))


def packed(seed: int = 0) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("noise.bin", NOISE[seed:] + NOISE[:seed])
        archive.writestr("lines.txt", LINES)
        archive.writestr("stored.bin", NOISE, zipfile.ZIP_STORED)
    return target.getvalue()


ARCHIVE = packed()


@pytest.mark.parametrize("server_looks", [True, False])
@pytest.mark.parametrize("name", ["noise.bin", "lines.txt", "stored.bin"])
async def test_an_archive_that_is_replaced_meanwhile_is_never_mixed(s3, opened, server_looks, name):
    s3.ignores_conditions = not server_looks
    async with opened(ARCHIVE) as z:
        s3.put("archive.zip", packed(seed=1))
        with pytest.raises(aios3.ObjectChangedError):
            await z.read(name)


async def test_a_member_that_is_open_when_the_archive_is_replaced_raises(s3, opened):
    async with opened(ARCHIVE) as z, z.open("noise.bin") as file:
        start = await file.read(100)
        s3.put("archive.zip", packed(seed=1))
        with pytest.raises(aios3.ObjectChangedError):
            await file.read()
    assert start == NOISE[:100]


@pytest.mark.parametrize("name", ["noise.bin", "lines.txt", "stored.bin"])
async def test_a_body_that_breaks_is_resumed_where_it_broke(s3, opened, name):
    cuts = random.Random(name)
    async with opened(ARCHIVE) as z:

        def cut(body):
            body.broken_after = cuts.randrange(1, 200_000)

        s3.break_body = cut
        assert await z.read(name) == {"noise.bin": NOISE, "lines.txt": LINES, "stored.bin": NOISE}[name]


@pytest.mark.parametrize(("mtime", "stays"), [(0.5, False), (1.0, True), (2.0, True)])
async def test_an_object_is_taken_for_its_member_only_if_it_is_as_new_as_the_archive(s3, opened, mtime, stays):
    other = bytes(len(NOISE))
    s3.put("out/noise.bin", other)
    s3.objects["out/noise.bin"] = replace(s3.objects["out/noise.bin"], stat=StatResult(size=len(other), mtime=mtime))
    async with opened(ARCHIVE) as z:
        places = await z.extract_all("s3://bucket/out", resume=True)
    assert len(places) == 3
    assert s3.objects["out/noise.bin"].data == (other if stays else NOISE)
    assert s3.objects["out/lines.txt"].data == LINES


async def test_what_was_extracted_before_an_error_is_not_read_again(s3, opened, tmp_path):
    async with opened(ARCHIVE) as z:
        await z.extract_all(tmp_path, ["noise.bin", "stored.bin"])
        s3.break_body = lambda body: setattr(body, "broken_after", 0)
        assert await z.extract_all(tmp_path, ["noise.bin", "stored.bin"], resume=True) == [
            str(tmp_path / "noise.bin"),
            str(tmp_path / "stored.bin"),
        ]
        with pytest.raises(aios3.TruncatedBodyError):
            await z.extract_all(tmp_path, resume=True)


async def test_a_body_that_always_breaks_is_raised_and_writes_nothing(s3, opened, tmp_path):
    async with opened(ARCHIVE) as z:
        s3.break_body = lambda body: setattr(body, "broken_after", 0)
        with pytest.raises(aios3.TruncatedBodyError):
            await z.extract_all(tmp_path)
        with pytest.raises(aios3.TruncatedBodyError):
            await z.extract_all("s3://bucket/out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert set(s3.objects) == {"archive.zip"}


async def test_a_server_that_ignores_ranges_is_slow_and_right(s3, opened):
    s3.ignores_ranges = True
    async with opened(ARCHIVE) as z:
        assert await z.read("lines.txt") == LINES
        assert await z.read("stored.bin") == NOISE


@pytest.mark.parametrize("left", [0, 1, 100_000])
async def test_an_archive_whose_tail_breaks_on_its_way_is_opened(s3, opened, left):
    s3.break_body = lambda body: setattr(body, "broken_after", left if s3.calls["GetObject"] == 1 else None)
    async with opened(ARCHIVE) as z:
        assert await z.read("noise.bin") == NOISE


async def test_a_session_that_is_closed_closes_its_members(s3):
    s3.put("archive.zip", ARCHIVE)
    async with session_on(s3) as session, aios3.open_zip(URL, session=session) as z:
        file = await z.open("noise.bin")
        await session.aclose()
        assert file.closed
        with pytest.raises(aios3.ClosedHandleError):
            await file.read()


@pytest.mark.loop_variants
async def test_every_kind_of_loop_reads_extracts_and_writes(opened, session, tmp_path):
    async with opened(ARCHIVE) as z:
        await z.extract_all(tmp_path)
        assert await z.read("lines.txt") == (tmp_path / "lines.txt").read_bytes() == LINES
    async with aios3.create_zip("s3://bucket/new.zip", session=session) as z:
        await z.add(tmp_path / "noise.bin")
    async with aios3.open_zip("s3://bucket/new.zip", session=session) as z:
        assert await z.read("noise.bin") == NOISE


async def test_a_missing_archive_is_a_missing_file(session):
    with pytest.raises(FileNotFoundError):
        async with aios3.open_zip(URL, session=session):
            pass


async def test_a_missing_member_is_a_missing_file(opened):
    async with opened(ARCHIVE) as z:
        with pytest.raises(FileNotFoundError, match="no member 'nobody'"):
            z.open("nobody")
        with pytest.raises(FileNotFoundError):
            await z.extract("nobody", "s3://bucket/out")
        assert "nobody" not in z
        assert "lines.txt" in z


async def test_a_member_is_a_file_that_cannot_do_everything(opened):
    async with opened(ARCHIVE) as z, z.open("lines.txt") as file:
        assert (file.name, file.mode, file.size) == ("lines.txt", "rb", len(LINES))
        assert (file.readable(), file.writable(), file.seekable()) == (True, False, True)
        assert file.stat() == z.stat("lines.txt")
        assert await file.readall() == LINES
        with pytest.raises(aios3.UnsupportedError):
            file.fileno()
        for offset, whence in ((-1, 0), (-1, 3), (-len(LINES) - 1, 2)):
            with pytest.raises(aios3.InvalidRangeError):
                await file.seek(offset, whence)
        with pytest.raises(aios3.InvalidRangeError):
            await anext(file.chunks(0))
        assert "lines.txt" in repr(file)
        assert "3 members" in repr(z)


async def test_going_back_in_a_large_member_does_not_begin_again(s3, opened):
    """Fifteen of sixteen MiB are not fetched again, because a state was kept on the way."""
    content = b"".join(NOISE[number:] + NOISE[:number] for number in range(8))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large", content)
    async with opened(target.getvalue()) as z, z.open("large") as file:
        assert await file.read() == content
        s3.log.clear()
        assert await file.seek(-1_500_000, aios3.SEEK_END)
        assert await file.read(100) == content[-1_500_000:][:100]
        starts = [details["start"] for operation, _, details in s3.log if operation == "GetObject"]
        assert all(start >= len(content) - 4 * MIB for start in starts)
        assert await file.read() == content[-1_500_000:][100:]


async def test_nothing_is_read_from_what_is_closed(opened):
    async with opened(ARCHIVE) as z:
        file = await z.open("lines.txt")
        other = await z.open("stored.bin")
        await file.aclose()
        with pytest.raises(aios3.ClosedHandleError):
            await file.read(1)
    assert other.closed
    with pytest.raises(aios3.ClosedHandleError):
        await other.read(1)
    with pytest.raises(aios3.ClosedHandleError):
        await z.read("lines.txt")
    with pytest.raises(aios3.ClosedHandleError):
        await z.extract_all("s3://bucket/out")


async def test_a_forgotten_member_gives_its_memory_back_and_is_named(opened, session):
    async with opened(ARCHIVE) as z:
        before = session.budget.retained
        file = await z.open("lines.txt")
        await file.read(10)
        forgotten = [file]
        del file
        with pytest.warns(ResourceWarning, match=r"lines\.txt"):
            forgotten.clear()
        while session.budget.retained > before:
            await asyncio.sleep(0)


async def test_members_are_read_side_by_side_in_little_memory(opened, session):
    async with opened(ARCHIVE) as z:
        names = ["noise.bin", "lines.txt", "stored.bin"] * 4
        found = await asyncio.gather(*map(z.read, names))
        assert found == [NOISE, LINES, NOISE] * 4


async def test_many_reads_at_once_stay_within_the_memory_of_the_session(opened, session):
    most = 0
    take, try_acquire = session.budget.acquire, session.budget.try_acquire

    async def watched(size: int) -> None:
        nonlocal most
        await take(size)
        most = max(most, session.budget.used)

    def watched_at_once(size: int) -> bool:
        nonlocal most
        taken = try_acquire(size)
        most = max(most, session.budget.used)
        return taken

    session.budget.acquire, session.budget.try_acquire = watched, watched_at_once
    async with opened(ARCHIVE) as z:
        await asyncio.gather(*(z.read("lines.txt") for _ in range(100)))
    assert 0 < most <= session.budget.limit


async def reading(session, tmp_path):
    async with aios3.open_zip(URL, session=session) as z:
        await z.read("lines.txt")
        async with z.open("noise.bin") as file:
            await file.seek(MIB)
            await file.read(1000)
            await file.seek(0)
            await file.read(1000)
        async with z.open("stored.bin") as file:
            async for _ in file.chunks(100_000):
                pass


async def extracting(session, tmp_path):
    async with aios3.open_zip(URL, session=session) as z:
        await z.extract_all(tmp_path)


async def extracting_to_s3(session, tmp_path):
    async with aios3.open_zip(URL, session=session) as z:
        await z.extract_all("s3://bucket/out")


async def creating(session, tmp_path):
    async with aios3.create_zip("s3://bucket/new.zip", session=session) as z:
        await z.write("noise.bin", NOISE * 3)
        await z.add("s3://bucket/archive.zip")


SCENARIOS = [reading, extracting, extracting_to_s3, creating]


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_cancelled_archive_leaves_nothing(monkeypatch, tmp_path, scenario):
    """Each scenario is cancelled after more and more turns of the loop, until it is done before."""
    fake = FakeS3()
    fake.put("archive.zip", ARCHIVE)
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    cancelled = 0
    for turns in (*range(0, 60, 3), *range(60, 400, 17), *range(400, 4000, 301)):
        for key in [key for key in fake.objects if key != "archive.zip"]:
            del fake.objects[key]
        before = asyncio.all_tasks()
        async with session_on(fake) as session:
            task = asyncio.create_task(scenario(session, tmp_path))
            for _ in range(turns):
                await asyncio.sleep(0)
            if not task.cancel():
                break
            with contextlib.suppress(asyncio.CancelledError):
                await task
            cancelled += task.cancelled()
        assert asyncio.all_tasks() == before
        assert [path for path in tmp_path.rglob(".*")] == []  # noqa: C416 - names of files that are not whole
        if scenario is creating and task.cancelled():
            assert "new.zip" not in fake.objects
    assert cancelled > 10


async def test_an_exception_publishes_nothing(s3, session):
    with pytest.raises(ZeroDivisionError):
        async with aios3.create_zip(URL, session=session) as z:
            await z.write("noise.bin", NOISE * 4)
            raise ZeroDivisionError
    assert s3.objects == {}


async def failing():
    yield NOISE
    raise ZeroDivisionError


async def test_an_archive_with_a_torn_member_is_never_published(s3, session):
    """Also if the caller has caught the error: the archive would have a member that is not whole."""
    with pytest.raises(aios3.ClosedHandleError, match="ZeroDivisionError"):
        async with aios3.create_zip(URL, session=session) as z:
            await z.write("good", b"good")
            with pytest.raises(ZeroDivisionError):
                await z.write("torn", failing())
            with pytest.raises(aios3.ClosedHandleError):
                await z.write("more", b"more")
    assert s3.objects == {}


@pytest.mark.parametrize("name", ["/absolute", "../up", "a//b", "back\\slash", "C:drive", "", "nul\0"])
async def test_no_archive_is_written_that_could_not_be_extracted(s3, session, name):
    async with aios3.create_zip(URL, session=session) as z:
        with pytest.raises(aios3.UnsafeNameError):
            await z.write(name, b"data")
    assert zipfile.ZipFile(io.BytesIO(s3.objects["archive.zip"].data)).namelist() == []


async def test_a_name_is_written_once(session):
    async with aios3.create_zip(URL, session=session) as z:
        await z.write("a", b"first")
        with pytest.raises(aios3.ObjectExistsError):
            await z.write("a", b"second")
    async with aios3.open_zip(URL, session=session) as z:
        assert await z.read("a") == b"first"


async def test_members_written_from_several_tasks_do_not_mix(session):
    async with aios3.create_zip(URL, session=session) as z:
        contents = {f"{number}": NOISE[number : number + 300_000] for number in range(8)}
        await asyncio.gather(*(z.write(name, data) for name, data in contents.items()))
    async with aios3.open_zip(URL, session=session) as z:
        assert {name: await z.read(name) for name in z.names()} == contents


async def test_a_file_that_grows_while_it_is_added_is_not_taken(s3, session, tmp_path):
    path = tmp_path / "growing"
    path.write_bytes(NOISE)

    class Growing(io.FileIO):
        def read(self, size=-1):
            with path.open("ab") as file:
                file.write(b"more" if path.stat().st_size == len(NOISE) else b"")
            return super().read(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", lambda *_args, **_options: Growing(path))
        with pytest.raises(aios3.FileChangedError):
            async with aios3.create_zip(URL, session=session) as z:
                await z.add(path)
    assert s3.objects == {}


async def test_an_option_that_is_none_is_said_so(session):
    for options in ({"compression": "zip"}, {"mode": "a"}, {"colour": "red"}):
        with pytest.raises(aios3.ConfigError):
            async with aios3.create_zip(URL, session=session, **options):
                pass
