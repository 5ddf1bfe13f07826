"""Commands that write, each with a request at which a test ends it, and what it leaves if nothing ends it."""

from __future__ import annotations

from writing_state import FILES, OBJECTS

MIB = 1 << 20
BIG = bytes(range(256)) * (12 * MIB // 256)
"""Three parts of 5 MiB, and more than one range."""


OBJECTS_BEFORE = OBJECTS | {"big": BIG}
FILES_BEFORE = FILES | {"large": BIG}
PARTS = "--part-size 5M --concurrency 2"
ROWS = [
    # the line, the operation that stalls, and what the command then leaves: objects, files
    (f"cp {PARTS} large {{b}}/new", "UploadPart", {"new": BIG}, {}),
    (f"cp {PARTS} large {{b}}/a.txt", "UploadPart", {"a.txt": BIG}, {}),
    ("cp f.txt {b}/new", "PutObject", {"new": b"file"}, {}),
    ("cp -r t {b}/n", "PutObject", {"n/g": b"gee", "n/u/h": b"aitch"}, {}),
    (f"cp {PARTS} {{b}}/big new", "GetObject", {}, {"new": BIG}),
    (f"cp {PARTS} {{b}}/big f.txt", "GetObject", {}, {"f.txt": BIG}),
    ("cp -r {b}/d n", "GetObject", {}, {"n/b": b"bee", "n/e/c": b"sea"}),
    ("cp {b}/big {b}/n/", "CopyObject", {"n/big": BIG}, {}),
    (f"cp {PARTS} --to-region eu-central-1 {{b}}/big {{b}}/new", "UploadPart", {"new": BIG}, {}),
    (f"mv {PARTS} large {{b}}/new", "UploadPart", {"new": BIG}, {"large": None}),
    ("mv -r t {b}/n", "PutObject", {"n/g": b"gee", "n/u/h": b"aitch"}, {"t/g": None, "t/u/h": None}),
    ("mv -r {b}/d {b}/n", "CopyObject", {"n/b": b"bee", "n/e/c": b"sea", "d/b": None, "d/e/c": None}, {}),
    ("mv {b}/a.txt new", "DeleteObject", {"a.txt": None}, {"new": b"alpha"}),
    ("rm -r {b}/d", "DeleteObjects", {"d/b": None, "d/e/c": None}, {}),
    ("rm {b}/a.txt", "DeleteObject", {"a.txt": None}, {}),
    ("sync --delete t {b}/d", "PutObject", {"d/g": b"gee", "d/u/h": b"aitch", "d/b": None, "d/e/c": None}, {}),
    ("sync --delete {b}/d t", "GetObject", {}, {"t/b": b"bee", "t/e/c": b"sea", "t/g": None, "t/u/h": None}),
]


def make_large(state):
    """Store BIG in the bucket and in the directory."""
    state.put("big", BIG)
    (state.here / "large").write_bytes(BIG)


def assert_nothing_is_half(found, before, end):
    """Fail for other contents than those before and at the end, and for a missing name that both have."""
    assert set(found) <= set(before) | set(end)
    for name, data in found.items():
        assert data in (before.get(name), end.get(name))
    assert set(before) & set(end) <= set(found)
