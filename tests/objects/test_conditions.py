"""``if_match`` of the verbs that replace or remove: each verb, in each state of the object, over both transports.

The server is one that compares, one that ignores the condition, or one that rejects it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

import aios3
import aios3.sync
from aios3.errors import (
    ConfigError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    PathIsDirectoryError,
    UnsupportedError,
)
from servers import amazon
from servers.amazon_objects import etag, rejection
from trees.served_s3 import ServedS3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = "s3://bucket"
SOURCE, OLD, NEWER = bytes(range(256)) * (6 << 12), b"old", b"newer, by somebody else"
SOURCE_PATH, TARGET_PATH = f"{ROOT}/from/x", f"{ROOT}/to/x"
TRANSPORTS = {"native": "auto", "aiobotocore": "aiobotocore"}
DECIDING = {"PUT", "POST", "DELETE"}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[amazon.Amazon]:
    with amazon.running(tmp_path_factory.mktemp("amazon"), tls=False, leading=False) as running:
        running.add_key("AKID")
        running.add_key("OTHER")
        yield running


def settings(server, transport):
    return {
        "endpoint_url": server.url,
        "region": "us-east-1",
        "credentials": aios3.Credentials("AKID", server.keys["AKID"].secret_key),
        "transport": TRANSPORTS[transport],
        "max_attempts": 1,
        "part_size": 5 << 20,
    }


@dataclass(frozen=True)
class Place:
    """A session, and one that reaches the same server under another name and with another key."""

    session: aios3.Session
    elsewhere: aios3.Session


@pytest.fixture(params=TRANSPORTS)
async def place(request, server) -> AsyncIterator[Place]:
    given = settings(server, request.param)
    key = aios3.Credentials("OTHER", server.keys["OTHER"].secret_key)
    other = given | {"endpoint_url": server.url.replace("127.0.0.1", "localhost"), "credentials": key}
    async with aios3.Session(**given) as session, aios3.Session(**other) as elsewhere:
        yield Place(session, elsewhere)


COPIES = {
    "copy": lambda place, if_match: aios3.copy(SOURCE_PATH, TARGET_PATH, if_match=if_match, session=place.session),
    "copy in parts": lambda place, if_match: aios3.copy(
        SOURCE_PATH, TARGET_PATH, if_match=if_match, multipart_threshold=5 << 20, session=place.session
    ),
    "copy through here": lambda place, if_match: aios3.copy(
        SOURCE_PATH, TARGET_PATH, if_match=if_match, target_session=place.elsewhere, session=place.session
    ),
    "move": lambda place, if_match: aios3.move(SOURCE_PATH, TARGET_PATH, if_match=if_match, session=place.session),
    "rename": lambda place, if_match: aios3.rename(SOURCE_PATH, TARGET_PATH, if_match=if_match, session=place.session),
}
REMOVALS = {
    "remove": lambda place, if_match: aios3.remove(TARGET_PATH, if_match=if_match, session=place.session),
    "unlink": lambda place, if_match: aios3.unlink(TARGET_PATH, if_match=if_match, session=place.session),
}
VERBS = COPIES | REMOVALS
STATES = {
    "equal": (OLD, None, ""),
    "changed": (NEWER, ObjectChangedError, "as if_match says"),
    "absent": (None, ObjectNotFoundError, "of if_match|nothing at this path"),
}


@pytest.fixture
def s3(server) -> ServedS3:
    return filled(server)


def filled(server, target: bytes | None = OLD) -> ServedS3:
    s3 = ServedS3(server)
    s3.put("from/x", SOURCE)
    s3.put("to/y", OLD)
    if target is not None:
        s3.put("to/x", target)
    return s3


def ignore(asked):
    """Be a server that does not know conditions of writes."""
    if asked.method in DECIDING:
        asked.headers.pop("if-match", None)
        asked.headers.pop("if-none-match", None)


def reject(asked):
    """Be a server that rejects conditions of writes."""
    if asked.method in DECIDING and "if-match" in asked.headers:
        return rejection(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
    return None


def contents_after(verb: str, target: bytes | None, *, done: bool) -> dict[str, bytes]:
    """Return what is stored once a verb has come to its end, or has changed nothing."""
    contents = {"from/x": SOURCE, "to/x": target, "to/y": OLD}
    if done:
        contents["to/x"] = SOURCE if verb in COPIES else None
    if done and verb in {"move", "rename"}:
        contents["from/x"] = None
    return {key: data for key, data in contents.items() if data is not None}


@pytest.mark.parametrize("heeds", [True, False], ids=["compares", "ignores"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
@pytest.mark.parametrize("verb", VERBS)
async def test_only_the_version_of_if_match_is_replaced_or_removed(server, place, verb, state, quoted, heeds):
    target, expected, said = STATES[state]
    s3 = filled(server, target)
    if not heeds:
        s3.faults = ignore
    run = partial(VERBS[verb], place, etag(OLD) if quoted else etag(OLD).strip('"'))
    if expected is None:
        await run()
    else:
        with pytest.raises(expected, match=said) as caught:
            await run()
        assert caught.value.path == TARGET_PATH
    s3.settle()
    assert s3.contents() == contents_after(verb, target, done=expected is None)
    assert s3.uploads == {}


@pytest.mark.parametrize("verb", VERBS)
async def test_what_is_written_between_the_look_and_the_request_stays(s3, place, verb):
    def write_first(asked):
        if asked.method in DECIDING and "if-match" in asked.headers:
            s3.put(asked.key, NEWER)

    s3.faults = write_first
    with pytest.raises(ObjectChangedError):
        await VERBS[verb](place, etag(OLD))
    s3.settle()
    assert s3.contents() == contents_after(verb, NEWER, done=False)
    assert s3.uploads == {}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_server_that_rejects_the_condition_is_named_and_nothing_changes(s3, place, verb):
    s3.faults = reject
    for _ in range(2):  # the second time it is known
        with pytest.raises(UnsupportedError, match="if_match= cannot be honoured") as caught:
            await VERBS[verb](place, etag(OLD))
        assert caught.value.path == TARGET_PATH
    s3.settle()
    assert s3.contents() == contents_after(verb, OLD, done=False)
    assert s3.uploads == {}
    s3.faults = None


async def _write(place, _file, **options):
    async with aios3.aopen(TARGET_PATH, "wb" if options else "xb", session=place.session, **options) as file:
        await file.write(SOURCE)


async def _copy(place, _file, **options):
    options = options or {"overwrite": False}
    await aios3.copy(SOURCE_PATH, TARGET_PATH, multipart_threshold=5 << 20, session=place.session, **options)


async def _copy_through(place, _file, **options):
    options = options or {"overwrite": False}
    await aios3.copy(SOURCE_PATH, TARGET_PATH, target_session=place.elsewhere, session=place.session, **options)


async def _upload(place, file, **_options):
    done = await aios3.upload(file, TARGET_PATH, overwrite=False, session=place.session)
    if done.skipped:
        raise ObjectExistsError("skipped", path=TARGET_PATH)


async def _upload_resumable(place, file, **_options):
    done = await aios3.upload(file, TARGET_PATH, overwrite=False, resume=True, session=place.session)
    if done.skipped:
        raise ObjectExistsError("skipped", path=TARGET_PATH)


LONG = {
    ("open", "xb"): _write,
    ("open", "if_match"): _write,
    ("copy", "overwrite=False"): _copy,
    ("copy", "if_match"): _copy,
    ("copy through here", "overwrite=False"): _copy_through,
    ("copy through here", "if_match"): _copy_through,
    ("upload", "overwrite=False"): _upload,
    ("upload with resume", "overwrite=False"): _upload_resumable,
}
MOMENTS = {
    "creating": lambda asked: "uploads" in asked.query,
    "part": lambda asked: asked.query.get("partNumber") == "2",
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("verb", LONG, ids=" ".join)
async def test_what_is_written_while_parts_are_sent_stays_where_conditions_are_ignored(
    server, place, tmp_path, verb, moment
):
    """Parts may take minutes: a look before them says nothing about what the completion would replace."""
    (tmp_path / "file").write_bytes(SOURCE)
    replaces = verb[1] == "if_match"
    s3 = filled(server, OLD if replaces else None)

    def write_meanwhile(asked):
        ignore(asked)
        if asked.method in DECIDING and MOMENTS[moment](asked):
            s3.put("to/x", NEWER)

    s3.faults = write_meanwhile
    with pytest.raises(ObjectChangedError if replaces else ObjectExistsError) as caught:
        await LONG[verb](place, tmp_path / "file", **({"if_match": etag(OLD)} if replaces else {}))
    assert caught.value.path == TARGET_PATH
    s3.settle()
    assert s3.contents() == contents_after("copy", NEWER, done=False)
    assert "resume" in verb[0] or s3.uploads == {}


DIRECTORIES = {
    "move": lambda place: aios3.move(f"{ROOT}/from", TARGET_PATH, if_match=etag(OLD), session=place.session),
    "move by a slash": lambda place: aios3.move(f"{ROOT}/from/", TARGET_PATH, if_match="x", session=place.session),
    "move to a directory": lambda place: aios3.move(SOURCE_PATH, f"{ROOT}/to/", if_match="x", session=place.session),
    "rename": lambda place: aios3.rename(f"{ROOT}/from", TARGET_PATH, if_match=etag(OLD), session=place.session),
    "remove": lambda place: aios3.remove(f"{ROOT}/to", if_match=etag(OLD), session=place.session),
    "remove if it is there": lambda place: aios3.remove(f"{ROOT}/to", True, if_match="x", session=place.session),
    "remove by a slash": lambda place: aios3.remove(f"{ROOT}/to/", if_match=etag(OLD), session=place.session),
    "unlink": lambda place: aios3.unlink(f"{ROOT}/to", if_match=etag(OLD), session=place.session),
}


@pytest.mark.parametrize("verb", DIRECTORIES)
async def test_a_directory_has_no_etag(s3, place, verb):
    with pytest.raises(PathIsDirectoryError):
        await DIRECTORIES[verb](place)
    assert s3.contents() == contents_after(verb, OLD, done=False)


@pytest.mark.parametrize("verb", ["remove", "unlink"])
async def test_a_missing_object_is_fine_where_that_is_asked_for(server, place, verb):
    s3 = filled(server, None)
    await getattr(aios3, verb)(TARGET_PATH, missing_ok=True, if_match=etag(OLD), session=place.session)
    assert s3.contents() == contents_after(verb, None, done=False)


async def test_a_removal_under_a_condition_is_told_to_on_action(s3, place):
    told = []
    await aios3.remove(TARGET_PATH, if_match=etag(OLD), on_action=told.append, session=place.session)
    assert [(each.kind, each.target) for each in told] == [("delete", TARGET_PATH)]
    assert "to/x" not in s3.contents()


async def test_two_conditions_contradict_each_other(s3, place):
    for verb in (aios3.copy, aios3.move, aios3.rename):
        with pytest.raises(ConfigError, match=r"overwrite=False .*if_match"):
            await verb(SOURCE_PATH, TARGET_PATH, overwrite=False, if_match="x", session=place.session)
    assert s3.contents() == contents_after("copy", OLD, done=False)


async def test_of_many_that_take_a_lock_over_one_wins(s3, place):
    s3.put("from/x", OLD + b"!")
    outcomes = await asyncio.gather(*(VERBS["copy"](place, etag(OLD)) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, aios3.WriteResult) for each in outcomes) == 1
    assert {type(each) for each in outcomes} <= {aios3.WriteResult, ObjectChangedError}


BLOCKING = {
    "copy": lambda session, if_match: aios3.sync.copy(SOURCE_PATH, TARGET_PATH, if_match=if_match, session=session),
    "move": lambda session, if_match: aios3.sync.move(SOURCE_PATH, TARGET_PATH, if_match=if_match, session=session),
    "rename": lambda session, if_match: aios3.sync.rename(SOURCE_PATH, TARGET_PATH, if_match=if_match, session=session),
    "remove": lambda session, if_match: aios3.sync.remove(TARGET_PATH, if_match=if_match, session=session),
    "unlink": lambda session, if_match: aios3.sync.unlink(TARGET_PATH, if_match=if_match, session=session),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", BLOCKING)
def test_the_blocking_face_has_the_same(server, verb, state, transport):
    target, expected, said = STATES[state]
    s3 = filled(server, target)
    with aios3.sync.Session(**settings(server, transport)) as session:
        if expected is None:
            BLOCKING[verb](session, etag(OLD))
        else:
            with pytest.raises(expected, match=said):
                BLOCKING[verb](session, etag(OLD))
    s3.settle()
    assert s3.contents() == contents_after(verb, target, done=expected is None)
