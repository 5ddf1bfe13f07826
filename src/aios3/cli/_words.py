"""Words of a line as a POSIX shell reads and writes them, with ``$'...'`` for control characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_PART = re.compile(
    r"""
    (?P<space>\s+)
    | '(?P<single>[^']*)'
    | \$'(?P<ansi>(?:[^'\\]|\\.)*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.)
    | (?P<plain>[^\s'"\\])
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_DOUBLE_QUOTES = re.compile(r'\\([\\"$`])')
_IN_ANSI_QUOTES = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[\\'\"nrtabefv])")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_SAFE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\']")
_HAS_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def split_words(line: str) -> list[str]:
    r"""Return the words of a line; ``#`` begins a comment where a word could begin.

    Nothing is expanded. Raise ValueError for a quote or a ``\`` without its end.
    """
    words: list[str] = []
    word: str | None = None
    position = 0
    while position < len(line) and (word is not None or line[position] != "#"):
        part = _PART.match(line, position)
        if part is None:
            message = f"column {position + 1} begins what does not end: {line[position]}"
            raise ValueError(message)
        position = part.end()
        if part.lastgroup == "space":
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + _text_of(part)
    return words if word is None else [*words, word]


def _text_of(part: re.Match[str]) -> str:
    assert part.lastgroup is not None
    text = part[part.lastgroup]
    if part.lastgroup == "double":
        return _IN_DOUBLE_QUOTES.sub(r"\1", text)
    if part.lastgroup == "ansi":
        return _IN_ANSI_QUOTES.sub(lambda match: _control_of(match[1]), text)
    return text


def _control_of(name: str) -> str:
    return chr(int(name[1:], 16)) if name.startswith("x") else _CONTROLS.get(name, name)


def quote(word: str) -> str:
    """Return a word so that a shell, and :func:`split_words`, read it as it is; one line, whatever is in it."""
    if _SAFE.fullmatch(word):
        return word
    if _HAS_CONTROL.search(word):
        return "$'" + _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", word) + "'"
    return "'" + word.replace("'", "'\"'\"'") + "'"


def option_words(options: Mapping[str, object]) -> list[str]:
    """Return options, by their names in a namespace, as words; None and False are options that were not given.

    An option and its value are one word where the value alone would look like an option.
    """
    words: list[str] = []
    for name, value in options.items():
        option, text = f"--{name.replace('_', '-')}", str(value)
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [f"{option}={text}"] if text.startswith("-") else [option, text]
    return words


def repeated_words(options: argparse.Namespace, *names: str) -> list[str]:
    """Return the words of those options of ``names`` that were given."""
    return option_words({name: getattr(options, name) for name in names})
