"""A machine for each test, with services that give credentials and an S3 that takes only those."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import pytest
from credential_drivers import DATA
from credential_sources import Place

from aios3 import _credentials
from servers import accounts, amazon
from servers.amazon_objects import Object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[amazon.Amazon]:
    """An S3 that knows who may ask, and responds as Amazon's."""
    with amazon.running(tmp_path_factory.mktemp("s3"), tls=False, leading=False) as running:
        yield running


@pytest.fixture
def place(s3: amazon.Amazon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A machine whose clock for credentials is that of the services."""
    import botocore.credentials  # noqa: PLC0415 - slow to import
    import botocore.utils  # noqa: PLC0415

    s3.reset()
    s3.add_bucket("bucket", "us-east-1").objects["key"] = Object(DATA, '"etag"')
    with accounts.running(s3) as services:
        monkeypatch.setattr(_credentials, "time", types.SimpleNamespace(time=services.now))
        monkeypatch.setattr(botocore.utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)  # between its attempts
        machine = Place(services, tmp_path, monkeypatch)
        machine.env(AWS_ENDPOINT_URL_S3=s3.url, AWS_DEFAULT_REGION="us-east-1", AWS_MAX_ATTEMPTS="1")
        yield machine
