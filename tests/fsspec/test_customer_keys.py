"""Objects that are encrypted with a key of the caller's (SSE-C): S3 does not even describe them without it."""

from __future__ import annotations

import pytest

from aios3.fsspec import S3FileSystem

KEY = b"01234567890123456789012345678901"


@pytest.fixture
def keyed(storage_options):
    fs = S3FileSystem(**storage_options, s3_additional_kwargs={"SSECustomerKey": KEY}, skip_instance_cache=True)
    yield fs
    fs.close()


@pytest.fixture
def path(keyed, bucket):
    keyed.pipe(f"{bucket}/d/k", b"secret", Metadata={"n": "v"})
    return f"{bucket}/d/k"


def received(fs, path, local):
    fs.get(path, str(local / "f"))
    return (local / "f").read_bytes()


READS = {
    "info": (lambda fs, path, local: fs.info(path)["size"], 6),
    "exists": (lambda fs, path, local: fs.exists(path), True),
    "isfile": (lambda fs, path, local: fs.isfile(path), True),
    "size": (lambda fs, path, local: fs.size(path), 6),
    "ls": (lambda fs, path, local: fs.ls(path), ["{}"]),
    "find": (lambda fs, path, local: fs.find(path), ["{}"]),
    "cat": (lambda fs, path, local: fs.cat(path), b"secret"),
    "cat_file": (lambda fs, path, local: fs.cat_file(path, start=-3), b"ret"),
    "head": (lambda fs, path, local: fs.head(path, 2), b"se"),
    "get": (received, b"secret"),
    "open": (lambda fs, path, local: fs.open(path).read(), b"secret"),
    "metadata": (lambda fs, path, local: fs.metadata(path), {"n": "v"}),
    "cat recursive": (lambda fs, path, local: list(fs.cat(path, recursive=True).values()), [b"secret"]),
}


@pytest.mark.parametrize("verb", READS)
def test_it_is_read(keyed, path, tmp_path, verb):
    read, expected = READS[verb]
    assert read(keyed, path, tmp_path) == ([path] if expected == ["{}"] else expected)


CHANGES = {
    "mv": (lambda fs, path, to: fs.mv(path, to), {"{to}": b"secret"}),
    "mv with options": (lambda fs, path, to: fs.mv(path, to, ContentType="a/b"), {"{to}": b"secret"}),
    "mv recursive": (
        lambda fs, path, to: fs.mv(path.rpartition("/")[0], to, recursive=True),
        {"{to}/k": b"secret"},
    ),
    "copy": (lambda fs, path, to: fs.copy(path, to), {"{path}": b"secret", "{to}": b"secret"}),
    "pipe": (lambda fs, path, to: fs.pipe(path, b"new"), {"{path}": b"new"}),
    "rm": (lambda fs, path, to: fs.rm(path), {}),
    "rm recursive": (lambda fs, path, to: fs.rm(path, recursive=True), {}),
    "rm a tree": (lambda fs, path, to: fs.rm(path.rpartition("/")[0], recursive=True), {}),
    "setxattr": (lambda fs, path, to: fs.setxattr(path, other="1"), {"{path}": b"secret"}),
}


COPIED = pytest.mark.needs("customer_key_copy")


@pytest.mark.parametrize("verb", [pytest.param(each, marks=COPIED if each == "setxattr" else ()) for each in CHANGES])
def test_it_is_changed(keyed, path, bucket, verb):
    change, expected = CHANGES[verb]
    change(keyed, path, f"{bucket}/to")
    keyed.invalidate_cache()
    found = {name: keyed.cat_file(name) for name in keyed.find(bucket)}
    assert found == {name.format(path=path, to=f"{bucket}/to"): data for name, data in expected.items()}
    if verb == "setxattr":
        assert keyed.metadata(path) == {"n": "v", "other": "1"}


@pytest.mark.parametrize("verb", ["open", "pipe_file", "touch"])
def test_it_is_not_replaced_where_that_is_forbidden(keyed, path, verb):
    with pytest.raises((FileExistsError, ValueError)):
        if verb == "open":
            keyed.open(path, "xb")
        elif verb == "touch":
            keyed.touch(path, truncate=False)
        else:
            keyed.pipe_file(path, b"1", mode="create")
    assert keyed.cat(path) == b"secret"
