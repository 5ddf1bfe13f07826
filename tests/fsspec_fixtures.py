"""Fixtures of tests of the filesystem for fsspec, and of libraries over it: an instance on the embedded server."""

from __future__ import annotations

import importlib.util

import pytest

from server_options import options_of

HAS_FSSPEC = importlib.util.find_spec("fsspec") is not None and importlib.util.find_spec("fsspec").origin is not None
IGNORED = [] if HAS_FSSPEC else ["test_*.py"]  # where it is not installed, a folder of tests has its name


@pytest.fixture
def storage_options(aios3_server):
    return options_of(aios3_server)


@pytest.fixture
def fs(storage_options):
    from aios3.fsspec import S3FileSystem  # noqa: PLC0415 - where it is not installed, nothing asks for this

    found = S3FileSystem(**storage_options, skip_instance_cache=True)
    yield found
    found.close()


@pytest.fixture
def bucket(aios3_bucket) -> str:
    return aios3_bucket.removeprefix("s3://")
