"""fsspec's own tests of a filesystem: where copies, downloads and uploads go, and what may not be overwritten."""

from __future__ import annotations

import itertools

import pytest
from fsspec.tests import abstract

from aios3.fsspec import S3FileSystem
from server_options import options_of

pytestmark = pytest.mark.filterwarnings("ignore:Class-scoped fixtures:pytest.PytestRemovedIn10Warning")
"""Of fsspec's own fixtures."""

_NAMES = itertools.count(1)


@pytest.fixture(scope="module")
def module_fs(aios3_server):
    found = S3FileSystem(**options_of(aios3_server), skip_instance_cache=True)
    yield found
    found.close()


@pytest.fixture
def abstract_bucket(aios3_server):
    return aios3_server.create_bucket(f"abstract-{next(_NAMES)}").removeprefix("s3://")


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs(self, request):
        return request.getfixturevalue("module_fs")

    @pytest.fixture
    def fs_path(self, abstract_bucket):
        return abstract_bucket

    @pytest.fixture
    def fs_join(self):
        return lambda *names: "/".join(names)

    @pytest.fixture
    def supports_empty_directories(self):
        return False


class TestCopy(abstract.AbstractCopyTests, Fixtures):
    pass


class TestGet(abstract.AbstractGetTests, Fixtures):
    pass


class TestPut(abstract.AbstractPutTests, Fixtures):
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):
    pass
