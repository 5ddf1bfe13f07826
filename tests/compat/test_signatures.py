"""Every name of megfile's page is here, with its parameters, in their order, with their defaults."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from aios3.compat import megfile

PAGE = json.loads((Path(__file__).parent / "megfile_signatures.json").read_text(encoding="utf-8"))
KINDS = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "rest",
}
ADDED = {"max_workers", "block_forward", "atomic", "encoding", "errors"}
"""What megfile 4 and 5 have renamed or added, and what its decorators take."""
LEFT_OUT_OF_THE_PAGE = {"S3ShareCacheReader", "s3_share_cache_open", "parse_s3_url"}
HANDLES = {"S3CachedHandler", "S3MemoryHandler", "S3PipeHandler"}
"""What the page's functions return."""


def ours(name: str) -> list[list[str | None]]:
    found = inspect.signature(getattr(megfile, name)).parameters.values()
    return [[each.name, KINDS[each.kind], default_of(each)] for each in found]


def default_of(parameter: inspect.Parameter) -> str | None:
    if parameter.default is inspect.Parameter.empty:
        return None
    return "Access.READ" if parameter.default is megfile.Access.READ else repr(parameter.default)


def test_the_page_was_read():
    assert len(PAGE) == 48


@pytest.mark.parametrize("name", PAGE)
def test_a_name_has_the_parameters_of_the_page(name):
    found = ours(name)
    wanted = PAGE[name]
    assert found[: len(wanted)] == wanted
    assert {parameter for parameter, _, _ in found[len(wanted) :]} <= ADDED
    assert all(kind == "keyword" and default is not None for _, kind, default in found[len(wanted) :])


def test_nothing_is_exported_that_megfile_has_not():
    errors = {name for name in megfile.__all__ if name.endswith("Error")} | {"S3Exception"}
    values = {"Access", "FileEntry", "StatResult"}
    assert set(megfile.__all__) - errors - values - HANDLES - LEFT_OUT_OF_THE_PAGE == set(PAGE)
    assert all(hasattr(megfile, name) for name in megfile.__all__)


@pytest.mark.parametrize("name", [name for name in megfile.__all__ if not name.endswith("Error")])
def test_everything_is_described(name):
    assert inspect.getdoc(getattr(megfile, name))
