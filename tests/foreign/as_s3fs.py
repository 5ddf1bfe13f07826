"""A plugin of pytest for suites of other projects: their ``s3fs`` is aios3, their server is moto, on a port of its own.

``differences.py`` says which of their tests are expected to fail, and why.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pandas_files
import pytest
import s3fs
import s3fs.core
from differences import DIFFERENCES
from moto.server import ThreadedMotoServer

import aios3.fsspec

if TYPE_CHECKING:
    from collections.abc import Callable

SUITE = os.environ["AIOS3_FOREIGN_SUITE"]
PORT = int(os.environ["AIOS3_FOREIGN_PORT"])
_USES_S3 = frozenset({"s3_example_s3fs", "s3_bucket_private", "s3_bucket_public", "s3so"})
"""Fixtures of pandas and pyarrow that lead to s3fs."""
_WHOLE = frozenset({"dask", "s3fs"})
"""Suites of which every test is about S3."""

aios3.fsspec.register()
s3fs.S3FileSystem = s3fs.core.S3FileSystem = aios3.fsspec.S3FileSystem
s3fs.S3Map = aios3.fsspec.S3Map


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> object:
    """Make some fixtures of the suites ourselves: those that start a server, and files that pandas does not ship."""
    make = {"s3_server": _arrow_server, "s3_base": _server, "datapath": _pandas_files}.get(fixturedef.argname)
    if make is None:
        return None
    value = make(fixturedef, request)
    fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
    return value


def _server(fixturedef: pytest.FixtureDef[object], _request: pytest.FixtureRequest) -> tuple[str, int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=PORT)
    server.start()
    fixturedef.addfinalizer(server.stop)
    return server.get_host_and_port()


def _arrow_server(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> dict[str, object]:
    return {"connection": (*_server(fixturedef, request), "arrow", "apachearrow"), "process": None, "tempdir": None}


def _pandas_files(_fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> Callable[..., str]:
    folder = request.getfixturevalue("tmp_path_factory").mktemp("data")
    pandas_files.write(folder)
    return lambda *parts: str(folder / parts[-1])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that reach s3fs, and expect those to fail that ``differences.py`` names."""
    chosen = [item for item in items if _reaches_s3fs(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
    seen = set()
    for item in items:
        function = item.name.partition("[")[0]
        for name in (function, f"{item.path.name}::{function}"):
            seen.add(name)
            if reason := DIFFERENCES[SUITE].get(name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    if missing := sorted(set(DIFFERENCES[SUITE]) - seen):
        message = f"differences.py names tests that do not exist: {missing}"
        raise pytest.UsageError(message)


def _reaches_s3fs(item: pytest.Item) -> bool:
    if SUITE in _WHOLE:
        return True
    assert isinstance(item, pytest.Function)
    params = item.callspec.params if hasattr(item, "callspec") else {}
    fixtures = set(getattr(item, "fixturenames", ()))
    names_it = "s3fs" in item.function.__code__.co_consts
    return names_it or params.get("filesystem_config") == "py_fsspec_s3fs" or bool(fixtures & _USES_S3)
