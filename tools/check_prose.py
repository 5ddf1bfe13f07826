"""Count phrases that are hard to read in docstrings, comments and docs, and compare with a baseline: ``--check``.

``--update`` writes counts that have fallen into ``prose_baseline.json``. ``--list PATTERN`` shows where one stands.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).with_name("prose_baseline.json")
GENERATED = ("src/aios3/sync/__init__.py",)
"""Written by tools/make_sync.py from docstrings that are counted where they stand."""
MAX_SENTENCE_WORDS = 25


class Text(NamedTuple):
    """Words of the project: where they begin, and whether they are a docstring, a comment or a paragraph of a page."""

    file: str
    line: int
    kind: str
    words: str


class Hit(NamedTuple):
    """One phrase to mend."""

    file: str
    line: int
    phrase: str


ANYWHERE = {
    "nobody": r"\b(?:nobody|somebody|everybody)\b",
    "who without a noun": r"(?:(?<=[.:;] )|(?<=, )|(?<=\bfor )|(?<=\bof )|(?<=\bto )|(?<=\bby )|^)(?:who|whoever)\b",
    "is no": r"\b(?:is|are) no\b(?! (?:longer|more)\b)",
    "what is no": r"\bwhat (?:is|are) (?:no|none)\b",
    "behind": r"\bbehind\b",
    "tell": r"\b(?:tells?|told|telling)\b",
    "ours": r"\b(?:ours|our own)\b",
    "meets": r"\b(?:met|meets?)\b",
    "so many": r"\bso (?:many|long)\b",
    "likewise": r"\b(?:likewise|as ever|as above|the latter)\b",
}
"""Patterns of every text."""
BEGINNINGS = {"begins with what": r"What\b", "begins with whether": r"Whether\b"}
"""Patterns of the first words of a docstring: a summary is an imperative, or a noun with its unit."""
LONG = "sentence over 25 words"
_CODE = re.compile(r"(?::\w+:)?(?:``[^`]*``|`[^`]*`)")
_LITERAL_BLOCK = re.compile(r"::[ \t]*\n\s*\n(?P<indent>[ \t]+)[^\n]*(?:\n(?:(?P=indent)[^\n]*|[ \t]*(?=\n|$)))*")
"""Code, tables and drawings after ``::`` in a docstring."""
_SENTENCE = re.compile(r"(?<=[.!?])[\"')*]*\s+(?=[\"'(*]*[A-Z0-9`])|\n\s*\n|\n\s*\* |={5,}")


def texts() -> Iterator[Text]:
    """Yield the docstrings and comments of the source, and the paragraphs of the pages."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in GENERATED:
            yield from of_python(name, path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield from of_page(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def of_python(file: str, source: str) -> Iterator[Text]:
    """Yield the docstrings, those of attributes too, and the comments of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Text(file, node.lineno, "docstring", node.value.value)
    yield from _comments(file, source)


def _comments(file: str, source: str) -> Iterator[Text]:
    """Yield the comments, those on successive lines of their own as one."""
    first, last, words = 0, 0, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if words and (line != last + 1 or token.line[: token.start[1]].strip()):  # not a block that goes on
            yield Text(file, first, "comment", words)
            words = ""
        first, last = (first if words else line), line
        words = f"{words} {token.string.lstrip('#: ')}".strip()
    if words:
        yield Text(file, first, "comment", words)


def of_page(file: str, source: str) -> Iterator[Text]:
    """Yield the paragraphs of a page: no code, no headings, and of tables each row."""
    first, words, fenced = 0, "", False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        stripped = line.strip()
        if stripped.startswith("```"):
            fenced = not fenced
        is_alone = not stripped or fenced or stripped.startswith(("```", "#", "|", "- ", "* ", "<!--"))
        if is_alone and words:
            yield Text(file, first, "page", words)
            words = ""
        if not stripped or fenced or stripped.startswith(("```", "#", "<!--")):
            continue
        if stripped.startswith("|"):
            yield Text(file, number, "table", stripped.strip("|"))
            continue
        first = first if words else number
        words = f"{words} {stripped}".strip()


def hits(text: Text) -> Iterator[tuple[str, Hit]]:
    """Yield each phrase of the text that a pattern finds, with the name of the pattern."""
    plain = _CODE.sub("code", text.words)
    for name, pattern in ANYWHERE.items():
        for match in re.finditer(pattern, plain, re.IGNORECASE):
            yield name, _hit(text, plain, match.start(), match.end())
    if text.kind == "docstring":
        for name, pattern in BEGINNINGS.items():
            if first := re.match(pattern, plain.strip()):
                yield name, _hit(text, plain.strip(), 0, first.end())
        sentences = _CODE.sub("Code", _LITERAL_BLOCK.sub(".", text.words))  # code may begin a sentence
        for sentence in _SENTENCE.split(sentences):
            if len(sentence.split()) > MAX_SENTENCE_WORDS:
                yield LONG, _hit(text, sentence, 0, len(sentence))


def _hit(text: Text, plain: str, start: int, stop: int) -> Hit:
    phrase = " ".join(plain[max(0, start - 30) : stop + 30].split())
    return Hit(text.file, text.line + plain.count("\n", 0, start), phrase)


def find(every: Iterator[Text]) -> dict[str, list[Hit]]:
    """Return the phrases by the names of their patterns."""
    found: dict[str, list[Hit]] = {name: [] for name in (*ANYWHERE, *BEGINNINGS, LONG)}
    for text in every:
        for name, hit in hits(text):
            found[name].append(hit)
    return found


def compare(counts: dict[str, int], baseline: dict[str, int]) -> list[str]:
    """Return a line for each pattern that stands more often than the baseline allows."""
    return [
        f"{name!r}: {count}, and the baseline has {baseline.get(name, 0)}"
        for name, count in counts.items()
        if count > baseline.get(name, 0)
    ]


def lowered(counts: dict[str, int], baseline: dict[str, int]) -> dict[str, int]:
    """Return the baseline with the counts that have fallen; those that have risen stay as they are."""
    return {name: min(count, baseline.get(name, 0)) for name, count in counts.items()}


def main(arguments: list[str]) -> int:
    """Print the counts, and do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a count is above the baseline")
    parser.add_argument("--update", action="store_true", help="lower the baseline to the counts that have fallen")
    parser.add_argument("--list", metavar="PATTERN", action="append", default=[], help="show where a pattern stands")
    options = parser.parse_args(arguments)
    found = find(texts())
    counts = {name: len(of_it) for name, of_it in found.items()}
    baseline: dict[str, int] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else counts
    for name in options.list:
        for hit in found[name]:
            print(f"{hit.file}:{hit.line}: {hit.phrase}")
    if options.update:
        BASELINE.write_text(json.dumps(lowered(counts, baseline), indent=2) + "\n", encoding="utf-8")
    risen = compare(counts, baseline) if options.check else []
    for line in risen:
        print(f"{line}. Say it plainly, as CONTRIBUTING.md asks; --list shows where it stands")
    if not (options.list or options.check):
        for name, count in counts.items():
            print(f"{count:5} {name}")
        print(f"{sum(counts.values()):5} together, {sum(baseline.values())} in the baseline")
    return 1 if risen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
