"""flowserv's names do what its documentation says, on a server that is found in the environment."""

from __future__ import annotations

import abc
import io
import sys
import types

import boto3
import pytest

import aios3
from aios3.compat.flowserv import S3Bucket, S3File, S3Volume, UnknownFileError, files, library

TREE = {"data/x": b"1", "data/sub/y": b"22", "data2": b"333", "data2x/z": b"4444"}


@pytest.fixture
def resource(environment):
    resource = boto3.resource("s3")
    yield resource
    resource.meta.client.close()


@pytest.fixture
def name(bucket) -> str:
    return bucket.removeprefix("s3://")


def put_all(resource, name, prefix="", tree=TREE):
    for key, data in tree.items():
        resource.Bucket(name).put_object(Key=f"{prefix}{key}", Body=data)


def objects_at(resource, name, prefix=""):
    found = resource.Bucket(name).objects.filter(Prefix=prefix)
    return {entry.key.removeprefix(prefix): entry.get()["Body"].read() for entry in found}


class Buffer:
    """flowserv's ``IOBuffer``."""

    def __init__(self, data):
        self.buf = io.BytesIO(data)

    def open(self):
        self.buf.seek(0)
        return self.buf


class Memory:
    """Another of flowserv's volumes."""

    def __init__(self, tree=()):
        self.tree = dict(tree)

    def store(self, file, dst):
        with file.open() as opened:
            self.tree[dst] = opened.read()

    def describe(self):
        return "memory"


@pytest.mark.parametrize("prefix", [None, "p", "p/q"])
def test_a_file_is_stored_and_loaded(resource, name, prefix):
    volume = S3Volume(name, prefix)
    volume.store(file=Buffer(b"data"), dst="d/x")
    file = volume.load("d/x")
    assert isinstance(file.open(), io.BytesIO)
    assert file.open().read() == b"data"
    assert file.size() == 4
    assert file.key == (f"{prefix}/d/x" if prefix else "d/x")
    assert objects_at(resource, name) == {file.key: b"data"}
    volume.store(file, "copy")
    assert volume.load("copy").open().getvalue() == b"data"


def test_a_missing_file_is_said_when_it_is_used(resource, name):
    put_all(resource, name)
    volume = S3Volume(name)
    for key in ("nothing", "data"):
        for use in (volume.load(key).open, volume.load(key).size, S3File(volume.bucket, key).open):
            with pytest.raises(UnknownFileError, match=f"unknown file '{key}'"):
                use()
    with pytest.raises(aios3.BucketNotFoundError):
        S3Volume(f"{name}-none").load("x").open()


def test_a_file_is_made_of_a_bucket_of_boto3_or_of_its_name(resource, name):
    put_all(resource, name)
    for bucket in (resource.Bucket(name), name, S3Volume(name, "data").bucket):
        assert S3File(bucket=bucket, key="data/x").open().read() == b"1"


def test_deleting_never_takes_what_only_begins_like_it(resource, name):
    put_all(resource, name, "p/")
    volume = S3Volume(name, "p")
    volume.delete(key="data")
    volume.delete(key="nothing")
    assert objects_at(resource, name, "p/") == {"data2": b"333", "data2x/z": b"4444"}


def test_erasing_keeps_what_is_beside_it(resource, name):
    put_all(resource, name, "p/")
    put_all(resource, name, "p2/")
    S3Volume(name, "p").erase()
    S3Volume(name, "p").erase()
    assert objects_at(resource, name) == {f"p2/{key}": data for key, data in TREE.items()}


def test_names_are_those_in_the_volume(resource, name):
    put_all(resource, name, "p/")
    volume = S3Volume(name, "p")
    assert [key for key, _ in volume.walk("data")] == ["data/sub/y", "data/x"]
    assert {key: file.open().read() for key, file in volume.walk(None)} == TREE
    ((key, file),) = volume.walk(src="data2")
    assert (key, file.size(), file.key) == ("data2", 3, "p/data2")
    assert volume.walk("nothing") == []
    assert volume.query(filter="data2") == ["data2", "data2x/z"]
    assert volume.query("") == sorted(TREE)


def test_a_directory_is_a_volume_of_its_own(resource, name):
    put_all(resource, name, "p/")
    folder = S3Volume(name, "p").get_store_for_folder(key="data", identifier="mine")
    assert (folder.prefix, folder.identifier) == ("p/data", "mine")
    folder.mkdir("nothing is made")
    assert {key: file.open().read() for key, file in folder.walk("")} == {"x": b"1", "sub/y": b"22"}


def test_a_volume_is_written_down_as_flowserv_does(name, environment):
    volume = S3Volume(bucket_id=name, prefix="p", identifier="mine")
    document = {
        "type": "s3",
        "id": "mine",
        "args": [{"key": "bucket", "value": name}, {"key": "prefix", "value": "p"}],
    }
    assert volume.to_dict() == S3Bucket(bucket=name, prefix="p", identifier="mine") == document
    again = S3Volume.from_dict(document)
    assert (again.bucket_id, again.prefix, again.identifier) == (name, "p", "mine")
    assert S3Bucket("b") == {
        "type": "s3",
        "id": None,
        "args": [{"key": "bucket", "value": "b"}, {"key": "prefix", "value": None}],
    }
    assert len(S3Volume(name).identifier) == 32
    assert volume.describe() == f"AWS S3 storage bucket {name}"
    volume.close()


@pytest.mark.parametrize(
    ("src", "dst", "expected"),
    [
        ("data", None, {"x": b"1", "sub/y": b"22"}),
        ("data", "d", {"d/x": b"1", "d/sub/y": b"22"}),
        ("data2", "d", {"d": b"333"}),
        (["data2", "data2x"], None, {"data2": b"333", "z": b"4444"}),
        (None, None, TREE),
    ],
)
def test_trees_are_copied_to_volumes_of_any_kind(resource, name, capsys, src, dst, expected):
    put_all(resource, name, "p/")
    volume, memory, other = S3Volume(name, "p"), Memory(), S3Volume(name, "q")
    assert sorted(volume.copy(src, memory, dst)) == sorted(expected)
    assert memory.tree == expected
    assert volume.copy(src=src, store=other, dst=dst, verbose=True) == sorted(expected)
    assert objects_at(resource, name, "q/") == expected
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"Copy files from {volume.describe()} to {other.describe()}"
    assert len(printed) == 1 + len(expected)


@pytest.fixture
def flowserv(monkeypatch):
    """What of flowserv its drop-in looks for."""
    base, error = types.ModuleType("flowserv.volume.base"), types.ModuleType("flowserv.error")
    base.StorageVolume = abc.ABCMeta("StorageVolume", (), {})
    error.UnknownFileError = type("UnknownFileError", (Exception,), {"__init__": lambda self, file_id: None})
    monkeypatch.setitem(sys.modules, "flowserv", types.ModuleType("flowserv"))
    monkeypatch.setitem(sys.modules, "flowserv.volume", types.ModuleType("flowserv.volume"))
    monkeypatch.setitem(sys.modules, "flowserv.volume.base", base)
    monkeypatch.setitem(sys.modules, "flowserv.error", error)
    files._error_class.cache_clear()
    yield types.SimpleNamespace(StorageVolume=base.StorageVolume, UnknownFileError=error.UnknownFileError)
    files._error_class.cache_clear()


def test_flowserv_knows_the_classes_as_its_own(flowserv, resource, name):
    assert library.error_alias("StorageVolume", S3Volume) is S3Volume
    assert isinstance(S3Volume(name), flowserv.StorageVolume)
    with pytest.raises(flowserv.UnknownFileError) as caught:
        S3Volume(name).load("nothing").open()
    assert isinstance(caught.value, UnknownFileError)
    assert isinstance(caught.value, FileNotFoundError)
    assert str(caught.value) == "unknown file 'nothing'"


def test_without_flowserv_nothing_of_it_is_needed():
    assert library.find("flowserv.no_such_module", "StorageVolume") is None
    assert library.error_alias("StorageVolume", S3Volume) is S3Volume
