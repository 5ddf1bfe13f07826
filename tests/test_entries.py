"""What verbs return: values that the stat module, os.DirEntry's users and pickle understand."""

from __future__ import annotations

import dataclasses
import os
import pickle
import stat

import pytest

from aios3 import Access, FileEntry, StatResult, WriteResult

FILE = StatResult(size=5, mtime=1.5, etag="e")
DIRECTORY = StatResult(size=7, mtime=2.5, isdir=True)
LINK = StatResult(islnk=True)


@pytest.mark.parametrize(
    ("result", "kind", "letter"),
    [(FILE, "S_ISREG", "-"), (DIRECTORY, "S_ISDIR", "d"), (LINK, "S_ISLNK", "l")],
)
def test_the_stat_module_understands_the_mode(result, kind, letter):
    names = ["S_ISREG", "S_ISDIR", "S_ISLNK", "S_ISFIFO", "S_ISSOCK", "S_ISBLK", "S_ISCHR"]
    assert [name for name in names if getattr(stat, name)(result.st_mode)] == [kind]
    assert stat.filemode(result.st_mode) == letter + "-" * 9


@pytest.mark.parametrize("result", [FILE, DIRECTORY, LINK])
def test_the_names_of_os_stat_result_mean_the_same(result):
    assert (result.st_size, result.st_mtime) == (result.size, result.mtime)
    assert result.ctime == 0.0
    for name in ("st_size", "st_mtime", "st_mode"):
        assert hasattr(os.stat_result, name)


@pytest.mark.parametrize(
    ("result", "kinds"), [(FILE, (True, False, False)), (DIRECTORY, (False, True, False)), (LINK, (True, False, True))]
)
def test_kinds(result, kinds):
    entry = FileEntry("name", "s3://b/name", result)
    for each in (result, entry):
        assert (each.is_file(), each.is_dir(), each.is_symlink()) == kinds
    for name in ("is_file", "is_dir", "is_symlink", "name", "path", "stat"):
        assert hasattr(os.DirEntry, name)


@pytest.mark.parametrize("value", [FILE, DIRECTORY, FileEntry("n", "s3://b/n", FILE), WriteResult(5, "e", "v", "c")])
def test_results_are_values(value):
    assert pickle.loads(pickle.dumps(value)) == value
    assert dataclasses.replace(value) == value
    assert not hasattr(value, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


def test_results_share_no_dictionary():
    for name in ("metadata", "headers", "checksums"):
        assert getattr(StatResult(), name) is not getattr(StatResult(), name)


def test_what_is_not_known_is_empty():
    assert dataclasses.astuple(StatResult()) == (0, 0.0, False, False, None, None, None, None, {}, {}, {}, 0, 0.0)
    assert dataclasses.astuple(WriteResult(5)) == (5, None, None, None)


def test_what_access_asks_for():
    assert [access.name for access in Access] == ["READ", "WRITE"]
