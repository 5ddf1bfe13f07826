"""Promises of the documents name the tests that keep them; here each of those tests has to exist."""

from __future__ import annotations

import ast
import re
from functools import cache
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
    rows = [
        line for line in (ROOT / "docs/architecture.md").read_text().splitlines() if re.match(r"\| `[\w/]+\.py`", line)
    ]
    assert len(rows) > 100
    for row in rows:
        first, *others = re.findall(r"`([\w/]+\.py)`", row)
        folder = (source / first).parent
        for module in (source / first, *(source / each if "/" in each else folder / each for each in others)):
            assert module.exists(), f"{module.relative_to(source)}: {row}"


def promises(document: str) -> list[str]:
    """The rows of the table of promises, without its head."""
    text = (ROOT / document).read_text(encoding="utf-8")
    section = text.partition(TITLES[document])[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]
