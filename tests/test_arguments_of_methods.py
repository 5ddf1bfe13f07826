"""Wrong arguments of methods: of buckets, storages, volumes and zip archives, rejected at once on both transports.

The table is made from the signatures of the public methods, so a new argument has to be put in it, or to say why not.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import aios3
from aios3.errors import ConfigError
from aios3.testing import FaultyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

ODD = [5.5, b"x", ["x"], object()]
TEXTS = [5, *ODD]
FLAGS = ["no", 0, 1, *ODD]
NUMBERS = ["1", True, *ODD]
MAPPINGS = ["a=b", 5, *ODD]
WRONG: dict[str, list[Any]] = {
    "allow_public_access": FLAGS,
    "content_encoding": TEXTS,
    "content_type": TEXTS,
    "delimiter": TEXTS,
    "doc": MAPPINGS,
    "enabled": FLAGS,
    "exist_ok": FLAGS,
    "expire": ["1", True, *ODD],
    "file_object": [5, "name", *ODD],
    "force": FLAGS,
    "identifier": TEXTS,
    "lifetime_in_days": NUMBERS,
    "listing": FLAGS,
    "max_keys": NUMBERS,
    "metadata": MAPPINGS,
    "mode": ["neither", 5, *ODD],
    "older_than": ["1h", True, [1], object()],
    "operation": ["neither", *TEXTS],
    "output_path": TEXTS,
    "overwrite": FLAGS,
    "policy": ["{}", 5, *ODD],
    "prefix": TEXTS,
    "profile": TEXTS,
    "progress": [5, "print", *ODD],
    "progress_callback": [5, "print", *ODD],
    "rules": [5, "x", [1], ["x"], 5.5],
    "store": ["s3://bucket", None, 5, *ODD],
    "tags": MAPPINGS,
    "unblock": FLAGS,
    "version_id": TEXTS,
    "versions": FLAGS,
    "writable_stream": [5, "name", *ODD],
}
RIGHT: dict[str, Any] = {
    "data": b"x",
    "dest": "nowhere",
    "dst": "new",
    "expire": 60,
    "file": b"x",
    "file_object": None,
    "key": "key",
    "mode": "rb",
    "older_than": 60,
    "operation": "download",
    "path": "key",
    "pattern": "*",
    "src": "key",
    "store": None,
    "stream": b"x",
    "to": "nowhere",
    "writable_stream": None,
}
PLACES = {"key", "path", "new_path", "dest", "name", "src", "dst", "member", "to", "members", "pattern"}
"""Names are judged by :class:`aios3.S3Url`, by the archive or by the disk; they have tests of their own."""
DATA = {"data", "stream", "file", "days", "session"}
"""Data is judged by what takes it; a lifetime may be any whole number."""
PREFIX_IS_A_KEY = {("Volume", "query")}
"""Here ``prefix`` is a name in the volume, and InvalidPathError says so."""


@dataclass(frozen=True)
class Method:
    owner: str
    name: str
    argument: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}-{self.argument}"


OWNERS: dict[str, Callable[[aios3.Session], Any]] = {
    "Bucket": lambda session: aios3.Bucket("bucket", session=session),
    "Storage": lambda session: aios3.Storage("s3://bucket", session=session),
    "Volume": lambda session: aios3.Volume("bucket", session=session),
}
CLASSES = {"Bucket": aios3.Bucket, "Storage": aios3.Storage, "Volume": aios3.Volume}


def methods_of(owner: str) -> Iterator[Method]:
    for name, function in inspect.getmembers(CLASSES[owner], callable):
        if name.startswith("_"):
            continue
        for each in inspect.signature(function).parameters.values():
            is_named = each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL) and each.name != "self"
            is_source = (owner, name, each.name) == ("Storage", "upload", "file_object")
            if is_named and not is_source and each.name not in PLACES | DATA and (owner, name) not in PREFIX_IS_A_KEY:
                yield Method(owner, name, each.name)


CELLS = [method for owner in OWNERS for method in methods_of(owner)]


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(params=["auto", "aiobotocore"])
async def session(request, faulty) -> AsyncIterator[aios3.Session]:
    async with aios3.Session(**faulty.config, transport=request.param) as opened:
        yield opened


async def use(made: Any) -> None:
    """Do what a caller does with what a method has returned."""
    if hasattr(made, "__aenter__"):
        async with made:
            pass
    elif hasattr(made, "__await__"):
        await made
    elif hasattr(made, "__anext__"):
        async for _ in made:
            pass


def arguments_for(function: Callable[..., Any], argument: str, value: object) -> dict[str, Any]:
    """Return what the function must be given, and the wrong value."""
    needed = {
        name: RIGHT[name]
        for name, each in inspect.signature(function).parameters.items()
        if each.default is each.empty and name in RIGHT
    }
    return needed | {argument: value}


@pytest.mark.parametrize("method", CELLS, ids=str)
async def test_a_wrong_argument_of_a_method_is_rejected_before_anything_is_sent(faulty, session, method):
    faulty.reset()
    for value in WRONG[method.argument]:
        function = getattr(OWNERS[method.owner](session), method.name)
        with pytest.raises(ConfigError, match=f"(?i){method.argument.removesuffix('_in_days')}"):
            await use(function(**arguments_for(function, method.argument, value)))
    assert faulty.count() == 0


ZIP_METHODS = {
    "extract": lambda archive, value: archive.extract("member", "nowhere", overwrite=value),
    "extract_all": lambda archive, value: archive.extract_all("nowhere", overwrite=value),
}


@pytest.mark.parametrize("value", FLAGS, ids=[f"{number}" for number in range(len(FLAGS))])
@pytest.mark.parametrize("method", ZIP_METHODS)
async def test_a_wrong_argument_of_an_archive_is_rejected_and_nothing_is_extracted(faulty, session, method, value):
    async with aios3.create_zip("s3://bucket/archive.zip", session=session) as written:
        await written.write("member", b"x")
    async with aios3.open_zip("s3://bucket/archive.zip", session=session) as archive:
        count = faulty.count()
        with pytest.raises(ConfigError, match="overwrite"):
            await use(ZIP_METHODS[method](archive, value))
        assert faulty.count() == count
