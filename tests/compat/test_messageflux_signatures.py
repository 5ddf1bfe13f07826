"""Every name of messageflux's page is here, with its parameters, in their order, with their defaults."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from aios3.compat import messageflux

PAGE = json.loads((Path(__file__).parent / "messageflux_signatures.json").read_text(encoding="utf-8"))
KINDS = {inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional", inspect.Parameter.VAR_KEYWORD: "any"}


def ours(name: str) -> object:
    """What ``name`` is, in the page's words."""
    owner, _, method = name.removeprefix("static ").partition(".")
    cls = getattr(messageflux, owner)
    if not method and issubclass(cls, Exception):
        return f"error: {cls.__base__.__name__}"
    found = inspect.getattr_static(cls, method) if method else cls
    if isinstance(found, property):
        return "property"
    assert isinstance(found, staticmethod) == name.startswith("static ")
    parameters = inspect.signature(getattr(cls, method) if method else cls).parameters.values()
    rows = [[each.name, KINDS[each.kind], default_of(each)] for each in parameters]
    return rows if not method or isinstance(found, staticmethod) else rows[1:]


def default_of(parameter: inspect.Parameter) -> str | None:
    return None if parameter.default is inspect.Parameter.empty else repr(parameter.default)


def test_the_page_was_read():
    assert len(PAGE) == 27


@pytest.mark.parametrize("name", PAGE)
def test_a_name_is_what_the_page_says(name):
    assert ours(name) == PAGE[name]


def test_nothing_is_exported_that_messageflux_has_not():
    assert set(messageflux.__all__) == {name for name in PAGE if "." not in name}
    for owner in ("S3Bucket", "S3Object"):
        public = {f"{owner}.{name}" for name in vars(getattr(messageflux, owner)) if not name.startswith("_")}
        assert public == {name.removeprefix("static ") for name in PAGE if f"{owner}." in name}


@pytest.mark.parametrize("name", PAGE)
def test_everything_is_described(name):
    owner, _, method = name.removeprefix("static ").partition(".")
    cls = getattr(messageflux, owner)
    assert inspect.getdoc(inspect.getattr_static(cls, method) if method else cls)
