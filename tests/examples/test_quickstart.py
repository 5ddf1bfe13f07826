from __future__ import annotations

import io
import os
import random
import re
from pathlib import Path

import pytest
from rich.console import Console

import aios3


@pytest.fixture
def quickstart(load_example):
    return load_example("quickstart")


@pytest.fixture
def directory(tmp_path) -> Path:
    """A directory with what real ones hold."""
    root = tmp_path / "root"
    files = {
        "a.txt": b"a",
        "b.txt": b"",
        "sub/c.txt": b"c" * 3_000_000,
        "sub/deep/er/d.bin": random.Random(1).randbytes(100_000),
        "sub/a b+c%20#?&.txt": b"odd",
        "sub/[x] {y} *.txt": b"a pattern",
        "ä/🙂.txt": "ü".encode(),
        ".hidden/.file": b"hidden",
        "sub/new\nline.txt": b"control",
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "empty" / "inside").mkdir(parents=True)
    return root


def names(tree) -> set[str]:
    return {file.path.relative_to(tree.root).as_posix() for file in tree.files}


def test_it_copies_a_directory_and_finds_it_equal(run_example, directory):
    (directory / "link.txt").symlink_to("a.txt")
    (directory / "dangling").symlink_to("nowhere")
    (directory / "circle").symlink_to(directory)
    result = run_example("quickstart", str(directory))
    assert result.stderr == ""
    assert result.returncode == 0
    assert "All 9 files are equal." in result.stdout
    assert "Left out (3)" in result.stdout
    assert "Empty directories, which S3 does not have: 1" in result.stdout
    counts = dict(re.findall(r"(upload|scan|glob \S+|walk|read \(sync\)|read) +\S+ +(\d+)", result.stdout))
    assert counts == {
        "upload": "9",
        "scan": "9",
        "glob **/*.txt": "7",
        "walk": "9",
        "read": "9",
        "read (sync)": "1",
    }


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: None, "there is no such directory"),
        (lambda path: path.write_bytes(b""), "it is not a directory"),
        (lambda path: path.mkdir(), "there is no file in it that can be read"),
    ],
)
def test_a_directory_that_cannot_be_used_is_explained(run_example, tmp_path, make, reason):
    path = tmp_path / "x"
    make(path)
    result = run_example("quickstart", str(path))
    assert result.returncode == 2
    assert result.stderr == f"error: {str(path)!r}: {reason}\n"


def test_what_cannot_be_copied_is_left_out_with_the_reason(quickstart, directory, monkeypatch):
    os.mkfifo(directory / "pipe")
    (directory / "to_directory").symlink_to("sub")
    (directory / "dangling").symlink_to("nowhere")
    (directory / os.fsdecode(b"latin-\xe4.txt")).write_bytes(b"x")
    nested = directory.joinpath(*["n" * 200] * 6)
    nested.mkdir(parents=True)
    (nested / "long.txt").write_bytes(b"x")
    whole_open = Path.open

    def guarded_open(path: Path, *arguments, **options):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return whole_open(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", guarded_open)
    tree = quickstart.find_files(directory)
    reasons = sorted(line.rpartition("': ")[2] for line in tree.skipped)
    assert "a.txt" not in names(tree)
    assert "b.txt" in names(tree)
    assert len(tree.files) == 7
    assert len(reasons) == 7
    assert {"Permission denied", "not a regular file", "a link to a directory", "No such file or directory"} < set(
        reasons
    )
    assert any("not valid Unicode" in line for line in tree.skipped)
    assert any("S3 allows 1024" in line for line in tree.skipped)
    assert all(line.isprintable() for line in tree.skipped)


def test_a_directory_that_cannot_be_listed_is_left_out_unless_it_is_the_one(quickstart, directory):
    tree = quickstart.Tree(directory)
    quickstart.note_directory(tree, PermissionError(13, "Permission denied", str(directory / "sub")))
    assert tree.skipped == [f"'{directory}/sub': Permission denied"]
    with pytest.raises(quickstart.DirectoryError, match="Permission denied"):
        quickstart.note_directory(tree, PermissionError(13, "Permission denied", str(directory)))


def test_the_standard_library_is_taken_without_packages_and_bytecode(quickstart, directory):
    (directory / "site-packages").mkdir()
    (directory / "site-packages" / "x.py").write_bytes(b"")
    (directory / "sub" / "__pycache__").mkdir()
    (directory / "sub" / "__pycache__" / "c.pyc").write_bytes(b"")
    tree = quickstart.find_files(directory, quickstart.NOT_THE_LIBRARY)
    assert len(tree.files) == 8
    assert len(quickstart.find_files(directory).files) == 10


@pytest.mark.parametrize("damage", ["changed", "truncated", "lost", "added"])
def test_any_difference_is_found_and_ends_in_status_1(quickstart, directory, monkeypatch, capsys, damage):
    scan = quickstart.scan

    async def damage_then_scan(report, tree, session):
        root = quickstart.ROOT
        if damage == "changed":
            await aios3.write_bytes(f"{root}/a.txt", b"b", session=session)
        elif damage == "truncated":
            await aios3.write_bytes(f"{root}/sub/deep/er/d.bin", b"b", session=session)
        elif damage == "lost":
            await aios3.remove(f"{root}/a.txt", session=session)
        else:
            await aios3.write_bytes(f"{root}/more.txt", b"b", session=session)
        await scan(report, tree, session)

    monkeypatch.setattr(quickstart, "scan", damage_then_scan)
    assert quickstart.main([str(directory)]) == 1
    output = capsys.readouterr()
    if damage == "lost":  # the step that reads it stops at once
        assert "a.txt" in output.err
    else:
        assert "Differences (" in output.out
        assert "are equal" not in output.out
    if damage == "changed":
        assert f"read: '{quickstart.ROOT}/a.txt' has another SHA-256 than the file" in output.out
        assert f"read (sync): '{quickstart.ROOT}/a.txt' has another SHA-256" in output.out


def test_never_more_than_the_bound_are_in_flight(quickstart):
    running = most = 0
    done = []

    async def work(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await quickstart.anyio.lowlevel.checkpoint()
        running -= 1
        done.append(number)

    quickstart.anyio.run(quickstart.for_each, range(1000), work)
    assert most == quickstart.IN_FLIGHT
    assert sorted(done) == list(range(1000))


def test_progress_is_a_line_a_tenth_where_there_is_no_terminal(quickstart):
    console = Console(file=io.StringIO(), width=80)
    with quickstart.progress(console, "upload", 2450) as advance:
        for _ in range(2450):
            advance()
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "upload: 245 of 2,450 files"
    assert lines[-1] == "upload: 2,450 of 2,450 files"
    assert len(lines) == 10


def test_progress_is_a_bar_on_a_terminal(quickstart):
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with quickstart.progress(console, "upload", 3) as advance:
        for _ in range(3):
            advance()
    assert "upload" in console.file.getvalue()
    assert "3/3" in console.file.getvalue()
    assert "━" in console.file.getvalue()


def test_long_lists_are_cut(quickstart):
    console = Console(file=io.StringIO(), width=80)
    quickstart.print_some(console, "Things", [f"[bold]{number}" for number in range(25)])
    lines = console.file.getvalue().splitlines()
    assert lines[1] == "  [bold]0"
    assert lines[-1] == "  and 5 more"
    assert len(lines) == 22
