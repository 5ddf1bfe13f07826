"""Wrong arguments: each of every verb is rejected at once, in the same words on both transports and both faces.

The table is made from the signatures of the public verbs, so a new argument has to be put in it, or to say why not.
"""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import aios3
import aios3.sync
from aios3._arguments import _CHECKS
from aios3.errors import ConfigError
from aios3.testing import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

TRANSPORTS = ["auto", "aiobotocore"]
PATH = "s3://bucket/key"

VERBS: dict[str, tuple[Any, ...]] = {
    "abort_uploads": (PATH,),
    "access": (PATH,),
    "aopen": (PATH,),
    "cached_path": (PATH,),
    "concat": ([PATH], "s3://bucket/whole"),
    "copy": (PATH, "s3://bucket/copy"),
    "create_zip": ("s3://bucket/new.zip",),
    "download": (PATH, "nowhere"),
    "exists": (PATH,),
    "get_endpoint_url": (),
    "get_s3_client": (),
    "getmd5": (PATH,),
    "getmtime": (PATH,),
    "getsize": (PATH,),
    "glob": ("s3://bucket/*",),
    "glob_stat": ("s3://bucket/*",),
    "hasbucket": (PATH,),
    "isdir": (PATH,),
    "isfile": (PATH,),
    "islink": (PATH,),
    "listdir": ("s3://bucket",),
    "load_content": (PATH,),
    "load_from": (PATH,),
    "lstat": (PATH,),
    "makedirs": ("s3://bucket/new",),
    "move": (PATH, "s3://bucket/moved"),
    "open_zip": (PATH,),
    "presign": (PATH,),
    "presign_post": (PATH,),
    "read_bytes": (PATH,),
    "read_many": ([PATH],),
    "read_text": (PATH,),
    "readlink": (PATH,),
    "realpath": (PATH,),
    "remove": (PATH,),
    "remove_many": ([PATH],),
    "rename": (PATH, "s3://bucket/moved"),
    "save_as": (None, PATH),
    "scan": ("s3://bucket",),
    "scan_stat": ("s3://bucket",),
    "scandir": ("s3://bucket",),
    "stat": (PATH,),
    "stat_many": ([PATH],),
    "symlink": (PATH, "s3://bucket/link"),
    "sync_tree": ("s3://bucket/a", "s3://bucket/b"),
    "touch": (PATH,),
    "unlink": (PATH,),
    "upload": (__file__, PATH),
    "walk": ("s3://bucket",),
    "write_bytes": (PATH, b"x"),
    "write_many": ([(PATH, b"x")],),
    "write_text": (PATH, "x"),
}

BOUNDED = {"expires_in", "max_workers", "multipart_threshold", "compresslevel"}
"""Numbers that the verbs check by bounds of their own."""
CHOICES = {"mode", "buffering", "method", "on_error", "compression"}
ELSEWHERE = {"errors", "newline", "limits", "session", "target_session"}
OPTIONS: dict[str, type] = {
    "aopen": aios3.OpenOptions,
    "cached_path": aios3.WriterOptions,
    "create_zip": aios3.WriterOptions,
    "save_as": aios3.WriterOptions,
    "write_bytes": aios3.WriterOptions,
    "write_many": aios3.WriterOptions,
    "write_text": aios3.WriterOptions,
}
MODES = {
    "version_id": {"mode": "rb"},
    "block_size": {"mode": "rb"},
    "request_size": {"mode": "rb"},
    "cache_key": {"mode": "rb", "buffering": "shared"},
    "join": {"mode": "wb", "buffering": "pipe"},
    "head_size": {"mode": "wb", "buffering": "limited"},
    "tail_size": {"mode": "wb", "buffering": "limited"},
    "cache_path": {"mode": "wb", "buffering": "disk"},
}
"""What else :func:`aios3.aopen` must be told before an option is one of its own."""

WRONG: dict[str, list[Any]] = {
    "metadata": [
        {"a": 1},
        [("a", "b")],
        "a=b",
        {"A": "1", "a": "2"},
        {"a": "é"},
        {"a b": "1"},
        {"a": "x\ny"},
        {1: "x"},
        {"a": None},
        {"a": " x"},
        {"": "x"},
        {"é": "x"},
    ],
    "tags": ["a=b", {"a": 1}, [("a", "b")], {"a": None}, {"": "x"}],
    "sse_customer_key": [b"short", b"k" * 33, "k" * 32, 5],
    "if_match": [5, "", '""', '"', b"etag", "a\nb"],
    "version_id": [5, "", b"v", "a\nb"],
    "include": ["*.csv", b"*", 5, [5]],
    "exclude": ["*.csv", b"*", 5, [5]],
    "preserve": ["mtime", b"mtime", 5, ["uid"], [5], [["mtime"]]],
    "older_than": ["1h", [1], object(), True],
    "start": ["1", 1.5, b"1", True],
    "stop": ["1", 1.5, b"1", True],
    "concurrency": ["1", 0, 1.5, True],
    "block_size": ["1", -1, 1.5, True],
    "encoding": [5, "no such encoding"],
    "conditions": ["x", 5, {"a": "b"}],
    "parameters": ["x", [1], {"a": 1}],
    "fields": ["x", [1], {"a": 1}],
    "profile": [5, ["x"], b"x"],
    "cache_path": [5, b"x", ["x"]],
    "errors": [5, "no such handler"],
    "newline": [5, "x"],
    "limits": [5, "x"],
    "session": [5, "x"],
    "target_session": [5, "x"],
}
HEADERS = [5, b"text/plain", True, "a\nb", "a\0b", "\ud800"]
FUNCTIONS = [5, "print", [print]]
FLAGS = ["no", 0, 1, b"", []]
TEXTS = [5, b"x", ["x"]]


def wrong(name: str) -> list[Any]:
    """Return what the argument ``name`` cannot be."""
    if name in WRONG:
        return WRONG[name]
    if name in BOUNDED or name.endswith("_size"):
        return ["1", -5, 1.5, True, [1]]
    if name in CHOICES:
        return [5, "neither", b"r"]
    if name in {"callback", "on_action", "on_extracted", "progress", "progress_callback"}:
        return FUNCTIONS
    if name == "cache_key":
        return TEXTS
    return HEADERS if name in WRITTEN else FLAGS


WRITTEN = set(aios3.WriterOptions.__annotations__) - {"followlinks", "part_size"}
PLACES = {"path", "source", "target", "src", "dst", "link", "src_paths", "dst_path", "paths", "items", "file_object"}
"""Places are judged by :class:`aios3.S3Url`, data by what takes them; both have tests of their own."""
DATA = {"data", "text"}


def arguments_of(verb: str) -> list[str]:
    named = [name for name in inspect.signature(getattr(aios3, verb)).parameters if name != "options"]
    options = OPTIONS[verb].__annotations__ if verb in OPTIONS else {}
    return [name for name in (*named, *options) if name not in PLACES | DATA]


def besides(verb: str, name: str) -> dict[str, Any]:
    """Return what else must be said before ``name`` is an argument of the verb."""
    if verb == "abort_uploads":
        return {"older_than": 60}
    if verb == "aopen":
        return MODES.get(name, {"mode": "wb"} if name in WRITTEN | {"part_size"} else {})
    return {}


CELLS = [(verb, name) for verb in VERBS for name in arguments_of(verb)]


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


async def rejected(verb: str, given: dict[str, Any], session: aios3.Session) -> str:
    """Call the verb, and return the text of the ConfigError that it must raise."""
    made = None
    with pytest.raises(ConfigError) as caught:
        made = getattr(aios3, verb)(*VERBS[verb], **{"session": session} | given)
        if hasattr(made, "__aenter__"):
            async with made:
                pass
        elif hasattr(made, "__await__"):
            await made
        else:
            async for _ in made:
                pass
    return str(caught.value)


def rejected_blocking(verb: str, given: dict[str, Any], session: aios3.sync.Session) -> str:
    verb = {"aopen": "open"}.get(verb, verb)
    with pytest.raises(ConfigError) as caught:
        made = getattr(aios3.sync, verb)(*VERBS[{"open": "aopen"}.get(verb, verb)], **{"session": session} | given)
        if hasattr(made, "__next__"):
            list(made)
        elif hasattr(made, "__enter__"):
            with made:
                pass
    return str(caught.value)


def test_every_verb_of_the_surface_is_in_the_table():
    verbs = {name for name in aios3.__all__ if inspect.isfunction(getattr(aios3, name))}
    assert verbs - {"is_s3", "path_join"} == set(VERBS)


@pytest.mark.parametrize(("verb", "name"), CELLS)
async def test_a_wrong_argument_is_rejected_at_once_and_everywhere_alike(faulty, verb, name):
    given = besides(verb, name)
    faulty.reset()
    for value in wrong(name):
        said = set()
        for transport in TRANSPORTS:
            async with aios3.Session(**faulty.config, transport=transport) as session:
                said.add(await rejected(verb, given | {name: value}, session))
        assert len(said) == 1, value
        assert name.removeprefix("target_") in said.pop(), value
    assert faulty.count() == 0


@pytest.mark.parametrize(("verb", "name"), CELLS)
def test_the_blocking_face_rejects_the_same(faulty, verb, name):
    given = besides(verb, name)
    faulty.reset()
    with aios3.sync.Session(**faulty.config) as session:
        for value in wrong(name):
            if name == "buffering" and not isinstance(value, str):
                continue  # a size, which is taken and rejected as by the builtin open
            assert name.removeprefix("target_") in rejected_blocking(verb, given | {name: value}, session), value
    assert faulty.count() == 0


@pytest.mark.parametrize("name", sorted(_CHECKS))
def test_what_is_right_is_taken_and_none_is_left_open(name):
    from aios3._arguments import check_arguments  # noqa: PLC0415 - beside what is tested

    check_arguments(**{name: None})
    right = {
        "metadata": {"A-b": "x y"},
        "tags": {"a": ""},
        "sse_customer_key": b"k" * 32,
        "include": ["*.csv"],
        "exclude": (),
        "older_than": timedelta(1),
        "conditions": [],
        "parameters": {"a": "b"},
        "fields": {},
        "encoding": "utf-8",
        "expire": 60,
        "doc": {},
        "policy": {},
    }
    numbers = {"lifetime_in_days", "compresslevel", "start", "stop", "block_size", "concurrency", "max_keys"}
    functions = {"callback", "on_action", "on_extracted", "progress", "progress_callback"}
    texts = WRITTEN | {
        "cache_key",
        "compression",
        "delimiter",
        "on_error",
        "prefix",
        "profile",
        "version_id",
        "cache_path",
        "identifier",
        "operation",
        "output_path",
    }
    fallback = 5 if name in numbers else print if name in functions else "x" if name in texts else True
    check_arguments(**{name: right.get(name, fallback)})


async def test_no_key_is_shown():
    with pytest.raises(ConfigError) as caught:
        await aios3.write_bytes(PATH, b"x", sse_customer_key="nobody-may-see")
    assert "nobody-may-see" not in str(caught.value)
