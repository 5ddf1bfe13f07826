"""The page of megfile's names is that of the code, and what it names is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import aios3
from aios3.compat import megfile

PATH = Path(__file__).parents[2] / "tools" / "make_megfile_table.py"
COMING = {"cached_path", "concat", "download", "sync_tree", "upload"}
"""What is written elsewhere at the same time."""


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_megfile_table", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(tool):
    assert tool.main(["--check"]) == 0


def test_a_stale_page_is_seen(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "TARGET", tmp_path / "docs" / "names.md")
    assert tool.main(["--check"]) == 1
    assert "is stale" in capsys.readouterr().err
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0


def test_every_name_has_its_three_forms(tool):
    rows = list(tool.rows())
    assert {re.search(r"\w+", compat)[0] for _, _, compat in rows} == set(megfile.__all__)
    for asynchronous, blocking, _ in rows:
        for cell, module in ((asynchronous, aios3), (blocking, aios3.sync)):
            name = re.search(r"\w+", cell)[0]
            assert name in COMING or hasattr(module, name), cell


def test_a_function_that_calls_no_verb_is_rejected(tool, monkeypatch):
    monkeypatch.setattr(megfile, "s3_stat", lambda path: path)
    with pytest.raises(tool.NothingBehindError, match="s3_stat calls nothing"):
        list(tool.rows())
