"""``aios3 zip``: archives listed, read, extracted and written as the shell asks, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from cli_program import environ_of, run_program, start_program

import aios3.sync as s3
from aios3.testing import FaultyServer, LocalServer, faults

sys.path.insert(0, str(Path(__file__).parents[1] / "zip"))
from crafted import DEVICE, LINK, Member, archive

ARCHIVE = "s3://bucket/archive.zip"
MEMBERS = {"read.me": b"read me\n", "docs/a.md": b"# a\n", "docs/deep/b.md": b"# b\n" * 5000, "[x]*": b"odd\n"}
ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    data = BytesIO()
    with zipfile.ZipFile(data, "w", compression) as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 11, 30, 12, 0, 0))
            info.compress_type = compression
            file.writestr(info, content)
    return data.getvalue()


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def environ(server):
    return environ_of(server) | {"TZ": "UTC"}


@pytest.fixture
def stored(server):
    """A session whose bucket has the archive, and no object besides it, before and after each test."""
    with s3.Session(**server.config) as session:
        bucket = s3.Bucket("bucket", session=session)
        bucket.clear_objects()
        s3.write_bytes(ARCHIVE, zipped(MEMBERS), session=session)
        yield session
        assert bucket.list_uploads() == []


def files_below(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_members_are_listed(environ, stored):
    assert run_program(environ, "zip", "ls", ARCHIVE).stdout.decode().splitlines() == list(MEMBERS)
    assert run_program(environ, "zip", "ls", ARCHIVE, "docs/**").stdout == b"docs/a.md\ndocs/deep/b.md\n"
    assert run_program(environ, "zip", "ls", "--raw", ARCHIVE, "[x]*", "[x]*").stdout == b"[x]*\n"
    long = run_program(environ, "zip", "ls", "-l", ARCHIVE, "docs/deep/*").stdout.decode().split()
    with zipfile.ZipFile(BytesIO(zipped(MEMBERS))) as file:
        packed = file.getinfo("docs/deep/b.md").compress_size
    assert long == ["19.5", "KiB", str(packed), "B", "2026-11-30T12:00:00Z", "deflate", "docs/deep/b.md"]


def test_members_are_described_as_json(environ, stored):
    lines = run_program(environ, "--json", "zip", "ls", ARCHIVE).stdout.splitlines()
    found = {record["member"]: record for record in map(json.loads, lines)}
    assert {name: record["size"] for name, record in found.items()} == {k: len(v) for k, v in MEMBERS.items()}
    assert found["read.me"]["crc32"] == f"{zipfile.crc32(MEMBERS['read.me']):08x}"
    assert {record["path"] for record in found.values()} == {ARCHIVE}


def test_members_are_written_to_standard_output(environ, stored):
    done = run_program(environ, "zip", "cat", ARCHIVE, "read.me", "docs/**/*.md")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == MEMBERS["read.me"] + MEMBERS["docs/a.md"] + MEMBERS["docs/deep/b.md"]


@pytest.mark.parametrize("chosen", [[], ["docs/**", "read.me"]], ids=["all", "some"])
def test_members_are_extracted_to_the_disk_and_to_s3(environ, stored, tmp_path, chosen):
    expected = {name: data for name, data in MEMBERS.items() if not chosen or name != "[x]*"}
    done = run_program(environ, "zip", "extract", ARCHIVE, *chosen, "--to", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert files_below(tmp_path / "out") == expected
    assert sorted(done.stdout.decode().splitlines()) == sorted(str(tmp_path / "out" / name) for name in expected)
    assert run_program(environ, "zip", "extract", ARCHIVE, *chosen, "-d", "s3://bucket/out").returncode == 0
    found = {path: s3.read_bytes(path, session=stored) for path in s3.scan("s3://bucket/out", session=stored)}
    assert found == {f"s3://bucket/out/{name}": data for name, data in expected.items()}


def test_members_are_extracted_to_where_the_program_runs(environ, stored, tmp_path):
    assert run_program(environ, "zip", "extract", ARCHIVE, "read.me", cwd=tmp_path).stdout == b"./read.me\n"
    assert files_below(tmp_path) == {"read.me": MEMBERS["read.me"]}


def test_a_file_that_is_there_is_replaced_unless_that_is_forbidden(environ, stored, tmp_path):
    (tmp_path / "read.me").write_text("mine")
    arguments = ["zip", "extract", ARCHIVE, "read.me", "--to", str(tmp_path)]
    assert run_program(environ, *arguments, "--no-overwrite").returncode == 1
    assert (tmp_path / "read.me").read_text() == "mine"
    assert run_program(environ, *arguments).returncode == 0
    assert (tmp_path / "read.me").read_bytes() == MEMBERS["read.me"]


CHANGED = {"none": None, "another": b"mine", "of that size": b"READ ME\n", "shorter": b"read", "longer": b"read me\n\n"}
"""What may be in the place of ``read.me``."""
NEWER = ("S3", "of that size")
"""An object that is newer than the archive and has the member's size is taken for the member."""


@pytest.mark.parametrize(
    ("where", "there"), [(where, there) for where in ("disk", "S3") for there in CHANGED if (where, there) != NEWER]
)
def test_an_extraction_goes_on_with_what_is_not_there(environ, stored, tmp_path, there, where):
    to = str(tmp_path / "out") if where == "disk" else "s3://bucket/out"
    arguments = ["zip", "extract", ARCHIVE, "--to", to]
    assert run_program(environ, *arguments).returncode == 0
    again = run_program(environ, *arguments, "--resume")
    assert (again.returncode, again.stdout, again.stderr) == (0, b"", b"")
    if CHANGED[there] is None:
        s3.unlink("s3://bucket/out/read.me", session=stored) if where == "S3" else (tmp_path / "out/read.me").unlink()
    elif where == "S3":
        s3.write_bytes("s3://bucket/out/read.me", CHANGED[there], session=stored)
    else:
        (tmp_path / "out" / "read.me").write_bytes(CHANGED[there])
    plan = run_program(environ, *arguments, "--resume", "--dry-run").stdout
    assert plan.count(b" --resume ") == len(MEMBERS)
    done = run_program(environ, "run", stdin=plan)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{to}/read.me\n"
    found = (
        files_below(tmp_path / "out")
        if where == "disk"
        else {
            path.removeprefix("s3://bucket/out/"): s3.read_bytes(path, session=stored)
            for path in s3.scan("s3://bucket/out", session=stored)
        }
    )
    assert found == MEMBERS


def test_what_is_resumed_replaces_no_link_by_what_it_leads_to(environ, stored, tmp_path):
    (tmp_path / "elsewhere").write_bytes(MEMBERS["read.me"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "read.me").symlink_to(tmp_path / "elsewhere")
    done = run_program(environ, "zip", "extract", ARCHIVE, "read.me", "--resume", "--to", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (tmp_path / "out" / "read.me").is_symlink()
    assert (tmp_path / "out" / "read.me").read_bytes() == MEMBERS["read.me"]


def test_a_dry_run_writes_nothing_and_prints_what_run_does(environ, stored, tmp_path):
    out = tmp_path / "out dir"
    lines = run_program(environ, "--dry-run", "zip", "extract", ARCHIVE, "--to", str(out)).stdout
    assert lines.count(b"\n") == len(MEMBERS)
    assert list(tmp_path.iterdir()) == []
    assert run_program(environ, "run", stdin=lines).returncode == 0
    assert files_below(out) == MEMBERS
    options = ["--no-clobber", "--level", "0"]
    lines = run_program(environ, "zip", "create", "--dry-run", *options, "s3://bucket/new.zip", str(out)).stdout
    assert s3.listdir("s3://bucket/", session=stored) == ["archive.zip"]
    assert run_program(environ, "run", stdin=lines).returncode == 0
    with zipfile.ZipFile(BytesIO(s3.read_bytes("s3://bucket/new.zip", session=stored))) as made:
        assert {name: made.read(name) for name in made.namelist()} == MEMBERS
        assert all(info.compress_size >= info.file_size for info in made.infolist())  # --level 0 packs nothing
    assert run_program(environ, "run", stdin=lines).returncode == 1  # --no-clobber is one of the words


HOSTILE = {
    "above": Member(b"../evil"),
    "above a directory": Member(b"a/../../evil"),
    "absolute": Member(b"/tmp/evil"),
    "a drive": Member(b"C:/evil"),
    "backslashes": Member(b"..\\evil"),
    "a link": Member(b"evil", b"/etc", mode=LINK),
    "a device": Member(b"evil", mode=DEVICE),
    "two at one place": Member(b"good"),
    "a wrong checksum": Member(b"evil", crc=1),
}


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_is_written_outside_or_half(environ, stored, tmp_path, member):
    s3.write_bytes(ARCHIVE, archive(Member(b"good"), member), session=stored)
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    before = files_below(tmp_path)
    if member.crc is None:
        done = run_program(environ, "--dry-run", "zip", "extract", ARCHIVE, "--to", str(out))
        assert (done.returncode, done.stdout) == (1, b"")
    done = run_program(environ, "zip", "extract", ARCHIVE, "--to", str(out))
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert files_below(tmp_path).keys() - before.keys() <= {"deep/out/good"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_no_link_of_the_directory_leads_outside(environ, stored, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "docs").symlink_to(tmp_path / "elsewhere")
    done = run_program(environ, "zip", "extract", ARCHIVE, "docs/**", "--to", str(tmp_path / "out"))
    assert done.returncode == 1
    assert files_below(tmp_path / "elsewhere") == {}


def test_an_archive_that_explodes_is_rejected_unless_it_is_trusted(environ, stored, tmp_path):
    s3.write_bytes(ARCHIVE, zipped({"zeros": bytes(4 << 20)}), session=stored)
    done = run_program(environ, "zip", "extract", ARCHIVE, "--to", str(tmp_path))
    assert (done.returncode, files_below(tmp_path)) == (1, {})
    arguments = ["zip", "extract", ARCHIVE, "--no-limits", "--to", str(tmp_path)]
    assert run_program(environ, *arguments).returncode == 0
    assert (tmp_path / "zeros").stat().st_size == 4 << 20


@pytest.mark.parametrize("trust", [[], ["--no-limits"]], ids=["a stranger's", "trusted"])
def test_more_bytes_than_allowed_are_not_extracted(environ, stored, tmp_path, trust):
    done = run_program(environ, "zip", "extract", ARCHIVE, "--max-size", "1K", *trust, "--to", str(tmp_path))
    assert (done.returncode, files_below(tmp_path)) == (1, {})
    assert b"max_total_bytes=1,024" in done.stderr


def test_files_directories_and_objects_become_an_archive(environ, stored, tmp_path):
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "ä b").write_bytes(b"deep")
    (tmp_path / "tree" / "top").write_bytes(b"top")
    (tmp_path / "single").write_bytes(b"single")
    for name in ("x/1.log", "x/y/2.log", "x/3.txt", "z"):
        s3.write_bytes(f"s3://bucket/logs/{name}", name.encode(), session=stored)
    sources = ["tree", "single", "s3://bucket/logs/x/**/*.log", "s3://bucket/logs/z"]
    done = run_program(environ, "zip", "create", "s3://bucket/new.zip", *sources, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    names = ["deep/ä b", "top", "single", "1.log", "y/2.log", "z"]
    assert done.stdout.decode().splitlines() == names
    data = s3.read_bytes("s3://bucket/new.zip", session=stored)
    with zipfile.ZipFile(BytesIO(data)) as made:
        assert made.testzip() is None
        assert made.namelist() == names
        assert [made.read(name) for name in names] == [b"deep", b"top", b"single", b"x/1.log", b"x/y/2.log", b"z"]
        assert {info.compress_type for info in made.infolist()} == {zipfile.ZIP_DEFLATED}


def test_compression_is_as_asked(environ, stored, tmp_path):
    (tmp_path / "a").write_bytes(bytes(10_000))
    for compression, number in (("stored", 0), ("bzip2", 12), ("lzma", 14)):
        arguments = ["zip", "create", "--compression", compression, ARCHIVE, str(tmp_path / "a")]
        assert run_program(environ, *arguments).returncode == 0
        with zipfile.ZipFile(BytesIO(s3.read_bytes(ARCHIVE, session=stored))) as made:
            assert [info.compress_type for info in made.infolist()] == [number]


def test_an_archive_among_its_sources_is_left_out(environ, stored):
    s3.write_bytes("s3://bucket/d/one", b"1", session=stored)
    for _ in range(2):
        assert run_program(environ, "zip", "create", "s3://bucket/d/all.zip", "s3://bucket/d/").stdout == b"one\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["ls", "s3://bucket/none.zip"], 1, "the object does not exist"),
        (["ls", "archive.zip"], 2, "is not an S3 path"),
        (["ls", ARCHIVE, "none"], 1, "There is no member 'none'"),
        (["ls", ARCHIVE, "none*"], 1, "No member of s3://bucket/archive.zip matches 'none*'"),
        (["ls", "s3://bucket/no-zip"], 1, "it was cut, or is no zip"),
        (["cat", ARCHIVE], 2, "required: MEMBER; see aios3 zip cat --help"),
        (["cat", ARCHIVE, "docs/"], 1, "There is no member 'docs/'"),
        (["nope"], 2, "there is no command 'zip nope'; there are zip ls, zip cat, zip extract, zip create"),
        ([], 2, "there is no command 'zip'"),
        (["create", "new.zip", "/etc/passwd"], 2, "is not an S3 path"),
        (["create", "s3://bucket/new.zip", "/none"], 1, "/none: No such file or directory"),
        (["create", "s3://bucket/new.zip", "https://host/a"], 2, "scheme 'https' is not supported"),
        (["create", "s3://bucket/new.zip", "/dev/null"], 2, "is neither a file nor a directory"),
        (["create", "s3://bucket/new.zip", "s3://bucket/none"], 1, "s3://bucket/none"),
        (["create", "s3://bucket/new.zip", "s3://bucket/none*"], 1, "s3://bucket/none*"),
        (["create", "s3://bucket/new.zip", "s3://bucket/no-zip", "s3://bucket/none/"], 1, "s3://bucket/none"),
        (["create", "s3://bucket/new.zip", "s3://bucket/no-zip", "s3://bucket/no-*"], 1, "'no-zip'"),
        (["create", "s3://bucket/new.zip", "--level", "12", "s3://bucket/no-zip"], 1, "from -1 to 9"),
        (["create", "--no-overwrite", ARCHIVE, "s3://bucket/no-zip"], 1, "archive.zip"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_with_an_archive_is_one_line_and_writes_nothing(environ, stored, arguments, status, message):
    s3.write_bytes("s3://bucket/no-zip", b"text", session=stored)
    done = run_program(environ, "zip", *arguments)
    text = done.stderr.decode()
    assert message in text
    assert (done.returncode, text.count("\n")) == (status, 1)
    assert "Traceback" not in text
    assert sorted(s3.listdir("s3://bucket/", session=stored)) == ["archive.zip", "no-zip"]
    assert s3.read_bytes(ARCHIVE, session=stored) == zipped(MEMBERS)


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("way", ["alone", "in run"])
def test_a_signal_while_an_archive_is_written_leaves_the_old_one_and_no_upload(
    environ, stored, server, tmp_path, way, number
):
    (tmp_path / "big").write_bytes(os.urandom(20 << 20))
    line = ["zip", "create", ARCHIVE, str(tmp_path / "big")]
    with FaultyServer(upstream=server.endpoint_url) as faulty:
        faulty.fail("UploadPart", faults.Stall(), times=None)
        surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
        with start_program(surroundings, *(line if way == "alone" else ["run"])) as program:
            if way == "in run":
                program.stdin.write(" ".join(line).encode() + b"\n")
                program.stdin.flush()
            faulty.wait(lambda counts: counts.stalled > 0)
            program.send_signal(number)
            assert (program.wait(100), program.stderr.read()) == (-number, b"")
        assert faulty.counts().requests["AbortMultipartUpload"]
    assert s3.read_bytes(ARCHIVE, session=stored) == zipped(MEMBERS)


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_while_members_are_extracted_leaves_whole_files_only(environ, stored, server, tmp_path, number):
    members = {"first": b"first", "big": os.urandom(3 << 20), "last": b"last"}
    s3.write_bytes(ARCHIVE, zipped(members, zipfile.ZIP_STORED), session=stored)
    with FaultyServer(upstream=server.endpoint_url) as faulty:
        faulty.fail("GetObject", faults.Stall(after=1 << 20), nth=2, times=None)
        surroundings = environ | {"AWS_ENDPOINT_URL": faulty.endpoint_url}
        with start_program(surroundings, "zip", "extract", ARCHIVE, "--to", str(tmp_path)) as program:
            faulty.wait(lambda counts: counts.stalled > 0)
            program.send_signal(number)
            assert (program.wait(100), program.stderr.read()) == (-number, b"")
    found = files_below(tmp_path)
    assert found.items() <= members.items()
    assert "big" not in found
    assert run_program(environ, "zip", "extract", ARCHIVE, "--to", str(tmp_path)).returncode == 0
    assert files_below(tmp_path) == members
