"""Listings of a server that never end: each verb stops with an error or its result, and deletes nothing wrongly."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from tree_s3 import ROOT

import aios3
from aios3._backend import ListPage
from aios3._namespace import pagination
from aios3.errors import PartialFailureError, ServerError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("at_once")

BELOW = {"d/a": b"a", "d/b": b"bb", "d/c": b"ccc", "d/e": b"eeee"}
OTHERS = {"d2": b"beside", "up/only here": b"must stay"}

FIRST_PAGE, EMPTY, CIRCLE, NO_TOKEN = "the first page for ever", "empty for ever", "a circle", "more, and not where"


def never_ends(s3, kind: str) -> None:
    """Have every listing below ``d/`` go on for ever."""
    numbers, ordinary = itertools.count(1), s3.list_objects

    async def list_objects(url, *, token=None, max_keys=1000, **options):
        if not url.key.startswith("d/"):
            return await ordinary(url, token=token, max_keys=max_keys, **options)
        is_first = kind == FIRST_PAGE or token is None or not token.startswith("d/")
        page = await ordinary(url, token=None if is_first else token, max_keys=min(max_keys, 2), **options)
        if kind == EMPTY:
            return ListPage([], [], (), f"t{next(numbers)}")
        if page.token is None and kind != CIRCLE:
            return page
        goes_on = {FIRST_PAGE: f"t{next(numbers)}", CIRCLE: page.token or "t", NO_TOKEN: ""}[kind]
        return ListPage(page.keys, page.stats, page.prefixes, goes_on)

    s3.list_objects = list_objects


VERBS = {
    "getsize": lambda session, _disk: aios3.getsize(f"{ROOT}/d/", session=session),
    "remove": lambda session, _disk: aios3.remove(f"{ROOT}/d/", session=session),
    "move": lambda session, _disk: aios3.move(f"{ROOT}/d/", f"{ROOT}/moved/", session=session),
    "download": lambda session, disk: aios3.download(f"{ROOT}/d/", disk, session=session),
    "sync to the disk": lambda session, disk: aios3.sync_tree(f"{ROOT}/d/", disk, delete=True, session=session),
    "sync of the disk": lambda session, disk: aios3.sync_tree(disk, f"{ROOT}/d/", delete=True, session=session),
    "sync in S3": lambda session, _disk: aios3.sync_tree(f"{ROOT}/d/", f"{ROOT}/up/", delete=True, session=session),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", [FIRST_PAGE, EMPTY, CIRCLE, NO_TOKEN])
async def test_a_verb_on_a_listing_without_end_ends_and_loses_nothing(
    s3, session, tmp_path: Path, monkeypatch, kind, verb
):
    monkeypatch.setattr(pagination, "MAX_EMPTY", 100)
    for key, data in (BELOW | OTHERS).items():
        s3.put(key, data)
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "only here").write_bytes(b"must stay")
    never_ends(s3, kind)
    error: Exception | None = None
    try:
        await VERBS[verb](session, disk)
    except (ServerError, PartialFailureError) as raised:
        error = raised
    left = s3.contents()
    assert {key: left.get(key) for key in OTHERS} == OTHERS
    assert (disk / "only here").read_bytes() == b"must stay"
    if verb == "remove":
        assert error is not None or not any(key.startswith("d/") for key in left)
    elif verb == "move":
        assert all(data in (left.get(key), left.get(f"moved/{key[2:]}")) for key, data in BELOW.items())
    else:
        assert error is not None
        assert {key: left.get(key) for key in BELOW} == BELOW
