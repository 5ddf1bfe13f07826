"""Tests of a web service (web_service.py) against an S3 that fails: copy it for a service of your own.

    pytest examples/test_service_under_faults.py

The service runs in the test's process, as its framework's test client runs it; only its endpoint is another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

import aios3
import aios3.sync
from aios3.testing import FaultyServer, faults
from web_service import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * 4 * 1024


@pytest.fixture(scope="module")
def running() -> Iterator[FaultyServer]:
    """Yield one S3 that can fail, for all tests."""
    with FaultyServer(buckets=["files"]) as server:
        yield server


@pytest.fixture
def s3(running: FaultyServer) -> FaultyServer:
    """Return it without faults, with one object."""
    running.reset()
    running.storage.reset()
    with aios3.sync.Session(**running.storage.config) as session:
        aios3.sync.write_bytes("s3://files/data", CONTENT, session=session)
    return running


@pytest.fixture
def client(s3: FaultyServer) -> Iterator[TestClient]:
    """Yield a client of the service."""
    config = aios3.Config(**s3.config).with_options(max_attempts=2, part_size=5 * MIB)
    with TestClient(create_app("s3://files", config)) as client:
        yield client


def stored(s3: FaultyServer, key: str) -> bytes | None:
    """Look behind the faults."""
    with aios3.sync.Session(**s3.storage.config) as session:
        path = f"s3://files/{key}"
        return aios3.sync.read_bytes(path, session=session) if aios3.sync.exists(path, session=session) else None


def test_a_download_survives_a_broken_connection(client: TestClient, s3: FaultyServer) -> None:
    """The client of the service sees nothing of it."""
    s3.fail("GetObject", faults.ResetAfter(bytes=1000))
    response = client.get("/files/data")
    assert response.status_code == 200
    assert response.content == CONTENT
    assert s3.counts().faults == 1


def test_an_overloaded_s3_is_an_overloaded_service(client: TestClient, s3: FaultyServer) -> None:
    """503 from S3 becomes 503 of the service, after its attempts."""
    s3.fail("GetObject", faults.SlowDown(), times=None)
    assert client.get("/files/data").status_code == 503
    assert s3.count("GetObject") == 2


@pytest.mark.parametrize("fault", [faults.ResetUpload(after=1000), faults.InternalError(), faults.ExpiredToken()])
def test_a_failed_upload_leaves_what_was_there(client: TestClient, s3: FaultyServer, fault: faults.Fault) -> None:
    """Neither half an object nor an upload that costs money stays."""
    s3.fail("UploadPart", fault, times=None)
    assert client.put("/files/data", content=bytes(6 * MIB)).status_code == 502
    assert stored(s3, "data") == CONTENT
    assert s3.count("AbortMultipartUpload") == 1


def test_an_upload_whose_response_is_lost_is_not_reported_as_failed(client: TestClient, s3: FaultyServer) -> None:
    """The object is there; saying otherwise would make the client send it again."""
    s3.fail("CompleteMultipartUpload", faults.DropResponse())
    assert client.put("/files/new", content=CONTENT * 6).status_code == 201
    assert stored(s3, "new") == CONTENT * 6
