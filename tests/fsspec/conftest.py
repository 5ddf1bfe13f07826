"""The tests of the filesystem for fsspec need fsspec."""

from __future__ import annotations

from fsspec_fixtures import IGNORED, bucket, fs, storage_options

__all__ = ["bucket", "fs", "storage_options"]

collect_ignore_glob = IGNORED
