"""Wrong arguments of methods: of buckets, storages, volumes and zip archives, rejected at once on both transports.

The table is made from the signatures of the public methods, so a new argument has to be put in it, or to say why not.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import aios3
import aios3.sync
from aios3.errors import ConfigError
from aios3.testing import FaultyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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


ZIP_ARCHIVE: dict[tuple[str, str], list[Any]] = {
    ("extract", "overwrite"): FLAGS,
    ("extract_all", "overwrite"): FLAGS,
    ("extract_all", "resume"): FLAGS,
    ("extract_all", "dry_run"): FLAGS,
    ("extract_all", "on_extracted"): [5, "print", *ODD],
    ("extract_all", "members"): [5, 5.5, [5], [None], "member", b"member", object()],
}
ZIP_WRITER: dict[tuple[str, str], list[Any]] = {
    ("write", "name"): [None, 5, 5.5, ["x"], object()],
    ("write", "data"): [None, 5, 5.5, object()],
    ("write", "mtime"): ["now", True, *ODD[1:]],
    ("write", "compression"): ["gzip", 5, *ODD],
    ("add", "compression"): ["gzip", 5, *ODD],
    ("add", "name"): [5, 5.5, ["x"], object()],
    ("mkdir", "name"): [None, 5, 5.5, ["x"], object()],
}
RIGHT_IN_ZIP: dict[str, tuple[Any, ...]] = {
    "extract": ("member", "nowhere"),
    "extract_all": ("nowhere",),
    "write": ("new", b"x"),
    "add": ("s3://bucket/archive.zip",),
    "mkdir": ("new",),
}
NOT_IN_ZIP_TABLE = {"member", "to", "path"}
"""Judged by the archive, the disk and :class:`aios3.S3Url`."""


@pytest.mark.parametrize(("owner", "table"), [(aios3.AsyncZipArchive, ZIP_ARCHIVE), (aios3.AsyncZipWriter, ZIP_WRITER)])
def test_every_argument_of_zip_methods_is_in_the_table(owner, table):
    lookups = {"getinfo", "glob", "open", "read", "stat"}
    named = {
        (name, argument)
        for name, function in inspect.getmembers(owner, callable)
        if not name.startswith("_") and name not in lookups
        for argument in inspect.signature(function).parameters
        if argument != "self" and argument not in NOT_IN_ZIP_TABLE
    }
    assert named == set(table)


def in_zip(function: Callable[..., Any], method: str, argument: str, value: object) -> Any:
    """Call a method of an archive with one wrong argument."""
    bound = inspect.signature(function).bind_partial(*RIGHT_IN_ZIP[method])
    bound.arguments[argument] = value
    return function(*bound.args, **bound.kwargs)


@pytest.mark.parametrize(("method", "argument"), ZIP_ARCHIVE)
async def test_a_wrong_argument_of_an_archive_is_rejected_and_nothing_is_extracted(faulty, session, method, argument):
    async with aios3.create_zip("s3://bucket/archive.zip", session=session) as written:
        await written.write("member", b"x")
    async with aios3.open_zip("s3://bucket/archive.zip", session=session) as archive:
        count = faulty.count()
        for value in ZIP_ARCHIVE[method, argument]:
            with pytest.raises(ConfigError, match=f"(?i){argument.removesuffix('s')}"):
                await use(in_zip(getattr(archive, method), method, argument, value))
        assert faulty.count() == count


@pytest.mark.parametrize(("method", "argument"), ZIP_WRITER)
async def test_a_wrong_argument_of_a_zip_writer_is_rejected_and_the_archive_stays_whole(session, method, argument):
    path = "s3://bucket/archive.zip"
    async with aios3.create_zip(path, session=session) as written:
        await written.write("before", b"x")
        for value in ZIP_WRITER[method, argument]:
            with pytest.raises(ConfigError, match="write from" if argument == "data" else argument):
                await use(in_zip(getattr(written, method), method, argument, value))
        await written.write("after", b"y")
    async with aios3.open_zip(path, session=session) as archive:
        assert {name: await archive.read(name) for name in archive.names()} == {"before": b"x", "after": b"y"}


def test_a_wrong_argument_of_a_blocking_zip_is_the_same_error(faulty):
    path = "s3://bucket/archive.zip"
    with aios3.sync.Session(**faulty.config) as session:
        with aios3.sync.create_zip(path, session=session) as written:
            for (method, argument), values in ZIP_WRITER.items():
                for value in values:
                    with pytest.raises(ConfigError, match="write from" if argument == "data" else argument):
                        in_zip(getattr(written, method), method, argument, value)
            written.write("member", b"x")
        with aios3.sync.open_zip(path, session=session) as archive:
            for (method, argument), values in ZIP_ARCHIVE.items():
                for value in values:
                    with pytest.raises(ConfigError, match=f"(?i){argument.removesuffix('s')}"):
                        in_zip(getattr(archive, method), method, argument, value)
            assert archive.read("member") == b"x"


BLOCKING_OWNERS = {
    "Bucket": lambda session: aios3.sync.Bucket("bucket", session=session),
    "Storage": lambda session: aios3.sync.Storage("s3://bucket", session=session),
    "Volume": lambda session: aios3.sync.Volume("bucket", session=session),
}


@pytest.mark.parametrize("owner", BLOCKING_OWNERS)
def test_a_wrong_argument_of_a_blocking_method_is_the_same_error(faulty, owner):
    faulty.reset()
    with aios3.sync.Session(**faulty.config) as session:
        made = BLOCKING_OWNERS[owner](session)
        for method in methods_of(owner):
            function = getattr(made, method.name)
            for value in WRONG[method.argument]:
                with pytest.raises(ConfigError, match=f"(?i){method.argument.removesuffix('_in_days')}"):
                    consume(function(**arguments_for(function, method.argument, value)))
    assert faulty.count() == 0


def consume(made: Any) -> None:
    """Do what a caller of the blocking face does with what a method has returned."""
    if isinstance(made, Iterator):
        list(made)
    elif hasattr(made, "__enter__"):
        with made:
            pass
