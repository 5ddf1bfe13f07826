"""Bytes and keys that the tests store."""

from __future__ import annotations

import functools
import random

MIB = 1 << 20

PLAIN_KEYS = (
    "plain",
    "dir/sub/file.txt",
    "with space",
    " lead and trail ",
    "plus+plus",
    "percent%2Fencoded",
    "100%",
    "question?mark=1&b=2",
    "hash#tag",
    "semi;colon,comma",
    "quote'quote\"",
    "colon:at@dollar$",
    "(round) [square] {curly}",
    "star*",
    "back\\slash",
    "tilde~!",
    "angle<>&amp;",
    "ünïcödé/日本語",
    "e\u0301 is not \u00e9",
    "\U0001f600/\U0001f680",
    "tab\tinside",
)
"""Keys that every server keeps."""

PATH_LIKE_KEYS = (
    "a//b",
    "a///b",
    "/lead",
    "//lead",
    "../up",
    "a/../b",
    "a/./b",
    ".",
    "..",
    "k" * 1024,
    "é" * 512,
    "s3://not-a-bucket",
)
"""Keys that mean something else to whoever takes them for paths of files."""


@functools.cache
def payload(size: int, seed: int = 0) -> bytes:
    """The same random bytes at every call."""
    return random.Random(seed).randbytes(size)
