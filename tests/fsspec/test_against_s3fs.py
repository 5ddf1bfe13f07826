"""The same calls on s3fs and on aios3, where s3fs is installed: results and errors, and each known difference."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from aios3.fsspec import S3FileSystem
from server_options import options_of

s3fs = pytest.importorskip("s3fs")

KEYS = {"a.txt": b"text", "d/1": b"one", "d/2": b"two", "d/e/3": b"three", "dd/4": b"", "z": b"zz" * 5000}
PATHS = (
    "",
    "B",
    "B/",
    "B/a.txt",
    "B/d",
    "B/d/",
    "B/d/1",
    "B/d/e",
    "B/dd",
    "B/none",
    "B/none/",
    "s3://B/d/e/3",
    "no-bucket-x",
)
PATTERNS = ("B/*", "B/d*", "B/d/*", "B/**", "B/d/**", "B/*/1", "B/[ad]*", "B/?", "B/none*", "B/d/**/3", "B/d/e/*")

_NAMES = itertools.count(1)

READS = [
    *[(verb, (path,), {}) for verb in ("exists", "isfile", "isdir", "info", "ls", "size") for path in PATHS],
    *[("find", (path,), options) for path in PATHS[1:-1] for options in ({}, {"maxdepth": 1}, {"maxdepth": 2})],
    *[("find", ("B",), {"prefix": prefix, "detail": True}) for prefix in ("d", "d/", "d/e", "a", "x")],
    *[("glob", (pattern,), options) for pattern in PATTERNS for options in ({}, {"detail": True})],
    *[
        ("du", (path,), options)
        for path in ("B", "B/d", "B/a.txt")
        for options in ({}, {"total": False}, {"maxdepth": 1})
    ],
    *[("cat", (path,), {}) for path in ("B/a.txt", "B/none", "B/dd/4", ["B/a.txt", "B/d/1"], "B/d/*")],
    *[
        ("cat_file", ("B/z",), {"start": start, "end": end})
        for start, end in itertools.product((None, 0, 5, 9_990, -10), (None, 5, 10, 10_000, -5))
        if not (start == 9_990 and end in {5, 10})
        and not (start == -10 and end in {5, 10})
        and start != end
        and (start, end) != (None, 0)
    ],
    *[("cat_ranges", (["B/z", "B/none", "B/z"], [0, 0, 10], [5, 5, 20]), {})],
    *[("head", ("B/z", size), {}) for size in (0, 5, 20_000)],
    *[("tail", ("B/z", size), {}) for size in (1, 5, 20_000)],
    *[
        ("walk", (path,), options)
        for path in ("B", "B/d", "B/none")
        for options in ({}, {"maxdepth": 1}, {"topdown": False})
    ],
    *[(verb, (path,), {}) for verb in ("modified", "checksum") for path in ("B/a.txt", "B/none")],
    *[("split_path", (path,), {}) for path in ("s3://B/k/l", "B/k/", "B", "s3a://B/k")],
    *[("read_block", ("B/z", 10, 20), {}), ("metadata", ("B/a.txt",), {}), ("get_tags", ("B/a.txt",), {})],
]

CHANGES = [
    ("pipe", ("B/new", b"1"), {}),
    ("pipe", ({"B/n/1": b"1", "B/n/2": b"2"},), {}),
    ("pipe_file", ("B/a.txt", b"x"), {"mode": "create"}),
    ("touch", ("B/new",), {}),
    ("touch", ("B/a.txt",), {}),
    ("touch", ("B/a.txt",), {"truncate": False}),
    ("copy", ("B/a.txt", "B/b.txt"), {}),
    ("copy", ("B/a.txt", "B/d/"), {}),
    ("copy", ("B/d", "B/new"), {"recursive": True}),
    ("copy", ("B/d/*", "B/new/"), {}),
    ("copy", ("B/none", "B/x"), {}),
    ("mv", ("B/a.txt", "B/b.txt"), {}),
    ("rm", ("B/a.txt",), {}),
    ("rm", ("B/d",), {"recursive": True}),
    ("rm", ("B/none",), {"recursive": True}),
    ("rm", ("B/none",), {}),
    ("rm", (["B/a.txt", "B/z"],), {}),
    ("rm", ("B/d*",), {"recursive": True}),
    ("rm_file", ("B/a.txt",), {}),
    ("mkdir", ("B",), {}),
    ("mkdir", ("B/sub",), {}),
    ("makedirs", ("B",), {"exist_ok": True}),
    ("rmdir", ("B/d",), {}),
    ("rmdir", ("B/none",), {}),
    ("put_tags", ("B/a.txt", {"a": "1"}), {}),
    ("put_tags", ("B/a.txt", {"a": "1"}), {"mode": "x"}),
    ("setxattr", ("B/a.txt",), {"one": "1"}),
    ("merge", ("B/all", ["B/d/1"]), {}),
]

DIFFERENT = {
    # The pattern matches a directory; of one aios3 says so.
    ("cat", "B/d/*"): ("FileNotFoundError", "IsADirectoryError"),
}
"""What s3fs and what aios3 make of a call, where that is not the same."""


@pytest.fixture(scope="module")
def both(aios3_server):
    options = {**options_of(aios3_server), "skip_instance_cache": True, "use_listings_cache": False}
    theirs, ours = s3fs.S3FileSystem(**options), S3FileSystem(**options)
    yield theirs, ours
    ours.close()
    theirs.close_session(theirs.loop, theirs._s3creator)


@pytest.fixture(scope="module")
def shared(both, aios3_server):
    """Return a bucket that no test changes."""
    return filled(both[1], aios3_server)


def filled(fs, server):
    bucket = server.create_bucket(f"both-{next(_NAMES)}").removeprefix("s3://")
    fs.pipe({f"{bucket}/{key}": data for key, data in KEYS.items()})
    return bucket


def placed(value, bucket):
    if isinstance(value, str):
        return (
            value.replace("B", bucket, 1)
            if value.removeprefix("s3://").removeprefix("s3a://").startswith("B")
            else value
        )
    if isinstance(value, (list, tuple)):
        return type(value)(placed(each, bucket) for each in value)
    return {placed(name, bucket): each for name, each in value.items()} if isinstance(value, dict) else value


COMPARED = ("name", "size", "type", "ETag", "LastModified", "StorageClass")


def plain(value, bucket):
    """Return what callers use of a result, without the bucket's name."""
    if isinstance(value, BaseException):
        return next(
            kind
            for kind in (
                FileNotFoundError,
                FileExistsError,
                IsADirectoryError,
                PermissionError,
                ValueError,
                OSError,
                BaseException,
            )
            if isinstance(value, kind)
        ).__name__
    if isinstance(value, dict) and "type" in value:
        kept = COMPARED if value["type"] == "file" else ("name", "size", "type")
        return {name: plain(value.get(name), bucket) for name in kept}
    if isinstance(value, dict):
        return {plain(name, bucket): plain(each, bucket) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, bucket) for each in value]
    return value.replace(bucket, "B") if isinstance(value, str) else value


def outcome(fs, verb, arguments, options, bucket):
    try:
        found = getattr(fs, verb)(*placed(arguments, bucket), **options)
        return plain(list(found) if verb == "walk" else found, bucket)
    except Exception as error:  # noqa: BLE001 - its class is what is compared
        return plain(error, bucket)


@pytest.mark.parametrize(("verb", "arguments", "options"), READS, ids=repr)
def test_what_is_read_is_the_same(both, shared, verb, arguments, options):
    theirs, ours = (outcome(fs, verb, arguments, options, shared) for fs in both)
    assert (theirs, ours) == DIFFERENT.get((verb, str(arguments[0])), (theirs, theirs))


@pytest.mark.parametrize(("verb", "arguments", "options"), CHANGES, ids=repr)
def test_what_is_changed_is_the_same(both, aios3_server, verb, arguments, options):
    found = []
    for fs in both:
        bucket = filled(both[1], aios3_server)
        result = outcome(fs, verb, arguments, options, bucket)
        failure = result if isinstance(result, str) and result.endswith("Error") else None
        left = {}
        with contextlib.suppress(FileNotFoundError):
            theirs = both[0]
            theirs.invalidate_cache()
            left = {
                name.removeprefix(bucket): (theirs.cat_file(name), theirs.get_tags(name))
                for name in theirs.find(bucket)
            }
        found.append((failure, left))
    assert found[1] == found[0]
