"""Every name of another library's page is in its drop-in module, with parameters, their order and their defaults."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest

from aios3.compat import megfile

MODULES = {"megfile": 49, "keg_storage": 12, "flowserv": 17}
"""How many names each page has."""
PAGES = {
    module: json.loads((Path(__file__).parent / f"{module}_signatures.json").read_text(encoding="utf-8"))
    for module in MODULES
}
KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "rest",
}
ADDED = {
    "megfile": {"max_workers", "block_forward", "atomic", "encoding", "errors"},
    "keg_storage": {"extra_args"},
    "flowserv": set(),
}
"""What later versions have renamed or added, and what megfile's decorators take."""
LEFT_OUT_OF_THE_PAGE = {
    "megfile": {
        *("S3ShareCacheReader", "s3_share_cache_open", "parse_s3_url", "S3Exception"),
        *("S3CachedHandler", "S3MemoryHandler", "S3PipeHandler"),  # what the page's functions return
        *("Access", "FileEntry", "StatResult"),
    },
    "keg_storage": {"FileMode", "ListEntry", "ShareLinkOperation"},
    "flowserv": set(),
}


def ours(module: str, dotted: str) -> list[list[str | None]]:
    owner, _, method = dotted.partition(".")
    found = getattr(importlib.import_module(f"aios3.compat.{module}"), owner)
    is_bound = bool(method) and not isinstance(inspect.getattr_static(found, method), staticmethod)
    parameters = list(inspect.signature(getattr(found, method) if method else found).parameters.values())
    return [[each.name, KINDS[each.kind], default_of(each)] for each in parameters[is_bound:]]


def default_of(parameter: inspect.Parameter) -> str | None:
    if parameter.default is inspect.Parameter.empty:
        return None
    return "Access.READ" if parameter.default is megfile.Access.READ else repr(parameter.default)


@pytest.mark.parametrize("module", MODULES)
def test_the_page_was_read(module):
    assert len(PAGES[module]) == MODULES[module]


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, page in PAGES.items() for name in page])
def test_a_name_has_the_parameters_of_the_page(module, name):
    found = ours(module, name)
    wanted = PAGES[module][name]
    assert found[: len(wanted)] == wanted
    assert {parameter for parameter, _, _ in found[len(wanted) :]} <= ADDED[module]
    assert all(default is not None for _, _, default in found[len(wanted) :])
    assert module != "megfile" or all(kind == "keyword" for _, kind, _ in found[len(wanted) :])


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_exported_that_the_other_library_has_not(module):
    exported = importlib.import_module(f"aios3.compat.{module}")
    errors = {name for name in exported.__all__ if name.endswith("Error")}
    whole = {name for name in PAGES[module] if "." not in name}
    assert set(exported.__all__) - errors - LEFT_OUT_OF_THE_PAGE[module] == whole
    assert all(hasattr(exported, name) for name in exported.__all__)


EXPORTED = [
    (module, name)
    for module in MODULES
    for name in importlib.import_module(f"aios3.compat.{module}").__all__
    if not name.endswith("Error")
]


@pytest.mark.parametrize(("module", "name"), EXPORTED)
def test_everything_is_described(module, name):
    found = getattr(importlib.import_module(f"aios3.compat.{module}"), name)
    assert inspect.getdoc(found)
    if inspect.isclass(found):
        members = {key: value for key, value in vars(found).items() if not key.startswith("_")}
        assert all(inspect.getdoc(value) for value in members.values() if inspect.isfunction(value))
