"""The count of hard phrases: what it finds and leaves, and a baseline that only falls."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "tools" / "check_prose.py"
_spec = importlib.util.spec_from_file_location("check_prose", PATH)
assert _spec is not None
assert _spec.loader is not None
check_prose = importlib.util.module_from_spec(_spec)
sys.modules["check_prose"] = check_prose
_spec.loader.exec_module(check_prose)

LONG = " ".join(["word"] * 26) + "."
FOUND = {
    "nobody": "Nobody waits for it.",
    "who without a noun": "Who waits is woken in order.",
    "is no": "A missing key is no failure.",
    "what is no": "Skip what is no object.",
    "behind": "The bytes behind the position.",
    "tell": "The server tells its region.",
    "ours": "The connection is ours.",
    "meets": "Errors that a request meets.",
    "so many": "Wait for so many seconds.",
    "likewise": "The same for uploads, likewise.",
    "begins with what": "What the server said.",
    "begins with whether": "Whether the key exists.",
    check_prose.LONG: f"The states::\n\n    a table\n\n``Code`` begins it: {LONG}",
}
PLAIN = (
    "Return True if the key exists.",
    "The client who signs it.",  # a noun stands before it
    "Waiters are admitted in FIFO order. The limit is no longer raised.",
    "Use ``tell()`` and `behind`.",  # names of code
    " ".join(["word"] * 25) + ".",
    "A first sentence of a few words. " * 5,
    "Two sentences begin with code. " + "``size`` is one of two. :meth:`read` is the other. " * 5,
    f"The states::\n\n    {LONG[:-1]}\n\n    {LONG[:-1]}\n\nA sentence after them.",
    "It does one of these\n\n" + "* one thing of several words,\n" * 9,
)


def names(text: str) -> set[str]:
    source = f'"""{text}"""\n'
    return {name for text in check_prose.of_python("a.py", source) for name, _ in check_prose.hits(text)}


@pytest.mark.parametrize("pattern", FOUND)
def test_each_pattern_is_found_in_a_docstring(pattern):
    assert pattern in names(FOUND[pattern])


def test_every_pattern_has_an_example_here():
    assert set(FOUND) == {*check_prose.ANYWHERE, *check_prose.BEGINNINGS, check_prose.LONG}


@pytest.mark.parametrize("text", PLAIN)
def test_plain_sentences_are_left_alone(text):
    assert names(text) == set()


def test_hits_name_their_line_in_docstrings_attribute_docs_and_comments():
    source = (
        '"""Read."""\n\nA = 1\n"""First.\n\nNobody."""\n\n# One line,\n# and somebody.\nB = "everybody"  # everybody\n'
    )
    found = check_prose.find(check_prose.of_python("a.py", source))["nobody"]
    assert sorted(hit.line for hit in found) == [6, 8, 10]


def test_strings_of_code_are_not_counted():
    assert names('Read."""\n\nX = "nobody is told"\n"""Value.') == set()


def test_pages_are_counted_without_code_and_headings():
    page = "# Nobody\n\nNobody\nreads it.\n\n```python\nnobody = 1\n```\n\n| nobody | everybody |\n\n`nobody`\n"
    found = check_prose.find(check_prose.of_page("a.md", page))["nobody"]
    assert [hit.line for hit in found] == [3, 10, 10]


def test_a_count_that_rises_is_named_and_one_that_falls_is_not():
    assert check_prose.compare({"a": 2, "b": 1, "c": 1}, {"a": 1, "b": 5}) == [
        "'a': 2, and the baseline has 1",
        "'c': 1, and the baseline has 0",
    ]


def test_updating_lowers_the_baseline_and_never_raises_it():
    assert check_prose.lowered({"a": 2, "b": 1}, {"a": 1, "b": 5}) == {"a": 1, "b": 1}


def test_the_command_fails_above_the_baseline_and_updates_only_downwards(tmp_path, monkeypatch, capsys):
    (tmp_path / "src").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "src" / "a.py").write_text('"""Nobody and somebody."""\n')
    monkeypatch.setattr(check_prose, "ROOT", tmp_path)
    baseline = tmp_path / "baseline.json"
    monkeypatch.setattr(check_prose, "BASELINE", baseline)
    baseline.write_text(json.dumps({"nobody": 1}))
    assert check_prose.main(["--check", "--update"]) == 1
    assert "'nobody': 2" in capsys.readouterr().out
    assert json.loads(baseline.read_text())["nobody"] == 1
    (tmp_path / "src" / "a.py").write_text('"""Read."""\n')
    assert check_prose.main(["--check", "--update"]) == 0
    assert json.loads(baseline.read_text())["nobody"] == 0


def test_the_project_is_not_above_its_baseline():
    assert check_prose.main(["--check"]) == 0
