"""Other libraries: ``s3://`` leads them to the embedded server, through aios3."""

from __future__ import annotations

import importlib

import pytest

from fsspec_fixtures import IGNORED, bucket, fs, storage_options

__all__ = ["bucket", "fs", "storage_options"]

collect_ignore_glob = IGNORED


@pytest.fixture
def registered():
    """Serve ``s3://`` with aios3, and with s3fs again afterwards."""
    from aios3.fsspec import S3FileSystem, register  # noqa: PLC0415 - where fsspec is not installed, nothing asks

    registry = importlib.import_module("fsspec.registry")
    before = dict(registry._registry)
    register()
    assert registry.get_filesystem_class("s3") is S3FileSystem
    yield
    registry._registry.clear()
    registry._registry.update(before)
    for instance in list(S3FileSystem._cache.values()):
        instance.close()
    S3FileSystem.clear_instance_cache()
