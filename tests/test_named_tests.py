"""Promises of the documents name the tests that keep them; here each of those tests has to exist."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TITLES = {
    "docs/guide/writing.md": "## Promises and their tests",
    "docs/guide/trees.md": "## Promises and their tests",
    "docs/guide/sync.md": "## Promises and their tests",
    "SECURITY.md": "## What is promised",
}
NAMED = re.compile(r"`(tests/[a-z0-9_/]+\.py)(?:::(\w+))?`")


@cache
def defined_in(file: str) -> set[str]:
    """The test functions of a file."""
    nodes = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("document", TITLES)
def test_every_promise_names_a_test(document):
    rows = promises(document)
    assert len(rows) >= 10
    for row in rows:
        assert any(name for _, name in NAMED.findall(row)), row


@pytest.mark.parametrize(
    "document", sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_every_test_that_is_named_exists(document):
    for file, name in NAMED.findall((ROOT / document).read_text(encoding="utf-8")):
        assert (ROOT / file).is_file(), file
        assert not name or name in defined_in(file), f"{file}::{name}"


def test_every_module_of_the_architecture_exists():
    source = ROOT / "src" / "aios3"
    for row in rows_of_modules():
        for module in modules_of(row):
            assert (source / module).exists(), f"{module}: {row}"


def test_no_module_of_the_architecture_has_two_rows():
    """A merge may keep the rows of both sides, and one of them is no longer true."""
    named = Counter(module for row in rows_of_modules() for module in modules_of(row.split("|")[1]))
    assert [module for module, times in named.items() if times > 1] == []


def test_the_layout_of_the_architecture_goes_down_as_imports_do():
    """It says of itself that imports go down the list; the contract that lint-imports holds says which."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    floors = {name: number for number, layer in enumerate(contract["layers"]) for name in layer.split(" | ")}
    layout = (ROOT / "docs/architecture.md").read_text().partition("```text\n")[2].partition("```")[0]
    named = [
        name
        for line in layout.splitlines()
        if not line.startswith(" ")
        for name in takewhile(floors.__contains__, line.split())
    ]
    assert len(named) > 50
    assert len(set(named)) == len(named)
    assert [floors[name] for name in named] == sorted(floors[name] for name in named)


def rows_of_modules() -> list[str]:
    """The rows of the table of modules."""
    lines = (ROOT / "docs/architecture.md").read_text().splitlines()
    rows = [line for line in lines if re.match(r"\| `[\w/]+\.py`", line)]
    assert len(rows) > 100
    return rows


def modules_of(row: str) -> list[str]:
    """The modules that a row names; those without a folder are in that of the first."""
    first, *others = re.findall(r"`([\w/]+\.py)`", row)
    folder = first.rpartition("/")[0]
    return [first, *(each if "/" in each else f"{folder}/{each}".lstrip("/") for each in others)]


def promises(document: str) -> list[str]:
    """The rows of the table of promises, without its head."""
    text = (ROOT / document).read_text(encoding="utf-8")
    section = text.partition(TITLES[document])[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]
