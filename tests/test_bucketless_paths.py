"""Paths without a bucket, and blank ones: each of every verb, on both transports and both faces.

A verb says at once what is wrong with the path, and sends nothing. A verb that asks whether something is there may
respond instead. The table is made from the signatures of the public verbs.
"""

from __future__ import annotations

import inspect
import io
import re
from typing import TYPE_CHECKING, Any

import pytest

import aios3
import aios3.sync
from aios3.errors import BucketNotFoundError, InvalidPathError, S3Error, UnsupportedError
from aios3.testing import FaultyServer
from test_arguments import PLACES, TRANSPORTS, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT, KEY_ONLY = "s3://", "s3:///key"
PATHS = ["", " ", ROOT, KEY_ONLY]
QUESTIONS = {
    "exists": {ROOT: True, KEY_ONLY: False},
    "isdir": {ROOT: True, KEY_ONLY: False},
    "isfile": {ROOT: False, KEY_ONLY: False},
    "islink": {ROOT: False, KEY_ONLY: False},
    "hasbucket": {ROOT: False, KEY_ONLY: False},
    "access": {KEY_ONLY: False},
}
"""Verbs that respond, and what. All buckets together are a directory."""
OF_ALL_BUCKETS = {"listdir", "scandir", "access"}
"""Verbs that ask the server for its buckets at ``s3://``."""
LOCAL = {("download", "dst"), ("upload", "src"), ("sync_tree", "src"), ("sync_tree", "dst")}
"""Arguments that name local files as well: a blank is a name there."""
BESIDES = {"abort_uploads": {"older_than": 60}}


def cells() -> Iterator[tuple[str, str, str]]:
    for verb, arguments in VERBS.items():
        names = list(inspect.signature(getattr(aios3, verb)).parameters)[: len(arguments)]
        for name in names:
            for path in PATHS if name in PLACES - {"file_object"} else ():
                if (path == " " and (verb, name) in LOCAL) or (path == ROOT and verb in OF_ALL_BUCKETS):
                    continue
                yield verb, name, path


CELLS = list(cells())


def arguments_with(verb: str, name: str, path: str) -> list[Any]:
    """Return the arguments of the table, with ``path`` in the place of one."""
    given = [io.BytesIO(b"x") if each is None else each for each in VERBS[verb]]
    index = list(inspect.signature(getattr(aios3, verb)).parameters).index(name)
    whole = given[index]
    if isinstance(whole, list):
        given[index] = [(path, *whole[0][1:]) if isinstance(whole[0], tuple) else path]
    else:
        given[index] = path
    return given


def options_of(verb: str, session: object) -> dict[str, Any]:
    takes_session = "session" in inspect.signature(getattr(aios3, verb)).parameters
    return BESIDES.get(verb, {}) | ({"session": session} if takes_session else {})


async def outcome(verb: str, given: list[Any], session: aios3.Session) -> object:
    """Return what the verb responds, or the error that it raises."""
    try:
        made = getattr(aios3, verb)(*given, **options_of(verb, session))
        if hasattr(made, "__aenter__"):
            async with made as entered:
                return entered
        if hasattr(made, "__await__"):
            return await made
        return [each async for each in made] if hasattr(made, "__anext__") else made
    except S3Error as error:
        return error


def outcome_blocking(verb: str, given: list[Any], session: aios3.sync.Session) -> object:
    try:
        made = getattr(aios3.sync, {"aopen": "open"}.get(verb, verb))(*given, **options_of(verb, session))
        if hasattr(made, "__next__"):
            return list(made)
        if hasattr(made, "__enter__"):
            with made as entered:
                return entered
    except S3Error as error:
        return error
    return made


def check(verb: str, name: str, path: str, found: object) -> None:
    if path in QUESTIONS.get(verb, {}):
        assert found is QUESTIONS[verb][path]
        return
    assert isinstance(found, InvalidPathError | BucketNotFoundError | UnsupportedError), repr(found)
    assert repr(path) in str(found)
    wanted = "bucket|A local path is needed here" if (verb, name) in LOCAL else "bucket"
    assert re.search(wanted, str(found))


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.mark.parametrize(("verb", "name", "path"), CELLS)
async def test_a_path_without_a_bucket_is_rejected_before_any_request(faulty, verb, name, path):
    faulty.reset()
    for transport in TRANSPORTS:
        async with aios3.Session(**faulty.config, transport=transport) as session:
            check(verb, name, path, await outcome(verb, arguments_with(verb, name, path), session))
    assert faulty.count() == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_blocking_face_rejects_the_same(faulty, transport):
    faulty.reset()
    with aios3.sync.Session(**faulty.config, transport=transport) as session:
        for verb, name, path in CELLS:
            found = outcome_blocking(verb, arguments_with(verb, name, path), session)
            try:
                check(verb, name, path, found)
            except AssertionError as error:
                error.add_note(f"{verb}({name}={path!r})")
                raise
    assert faulty.count() == 0
