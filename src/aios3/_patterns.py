"""Glob text -> plan: what to list, and what of it matches. Pure; the I/O is :mod:`aios3._namespace`'s.

====================  =================================================================================
``*``                 any run of characters, also an empty one, and also one that begins with a dot; never ``/``
``**``                as a whole segment: any number of segments; elsewhere, and with ``recursive=False``, like ``*``
``?``                 one character; never ``/``
``[abx-z]``           one of these characters; never ``/``
``[!abx-z]``          one other character; never ``/``
``{a,b/c,}``          each alternative in its place; they nest, may be empty, and may contain ``/``
``[*]`` ``[{]`` ...   that character itself: a set of one
``/`` at the end      directories only
====================  =================================================================================

A ``[`` or ``{`` that is never closed, a ``}`` that was never opened and a ``,`` outside braces stand for themselves.
A directory never matches a pattern that begins with the directory's own path: ``a/**`` is what lies below ``a``.

Braces are expanded first, so that a pattern is a set of alternatives. :func:`plan` turns them into steps that cover
disjoint ranges of keys, in order. The steps, one after another, yield every match once, in key order. Every regular
expression here matches in time proportional to pattern times text. All runs but the last one of a segment are atomic.
That loses no match, because the earliest position for a chunk of fixed length leaves the most room.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from aios3._paths import S3Url, is_arn, is_s3, split_bucket
from aios3.errors import InvalidPathError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aios3._paths import AnyPath

MAX_ALTERNATIVES = 10_000
"""How many alternatives the braces of one pattern may expand to; a few lines of ``{a,b}{a,b}...`` make billions."""
MAX_TOKENS = 1_000_000
"""How many wildcards and stretches of text those alternatives may have together."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The pattern of one name between two ``/``."""

    prefix: str
    """The text that every matching name begins with."""
    source: str
    """The regular expression of the whole name."""
    literal: bool = False
    """True if ``prefix`` is the only name that matches."""
    recursive: bool = False
    """True if this is ``**``: any number of names."""


_RECURSIVE = Segment(prefix="", source="", recursive=True)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to match: the names along the path, below some directory. No segments: that directory itself."""

    segments: tuple[Segment, ...]
    directories_only: bool


@dataclass(frozen=True, slots=True)
class Glob:
    """A parsed pattern: the bucket to look in, and the alternatives to look for."""

    root: S3Url
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Decides which names match, or which paths of several names. ``slashed`` is for patterns that end in ``/``."""

    plain: re.Pattern[str] | None
    slashed: re.Pattern[str] | None

    def file(self, text: str) -> bool:
        """Return whether a file of this name matches."""
        return self.plain is not None and self.plain.fullmatch(text) is not None

    def directory(self, text: str) -> str | None:
        """Return the end of the path of a directory of this name if it matches: nothing, or ``/``."""
        if self.file(text):
            return ""
        return "/" if self.slashed is not None and self.slashed.fullmatch(text) is not None else None


@dataclass(frozen=True, slots=True)
class Probe:
    """Look whether one file exists, one directory, or either."""

    prefix: str
    """The file's key; for a directory alone its prefix, which ends in ``/`` or is empty."""
    file: bool
    directory: str | None
    """As in :meth:`Matcher.directory`; None if a directory is not asked for."""


@dataclass(frozen=True, slots=True)
class Level:
    """List one directory, from ``prefix`` on, and descend into the directories that can match."""

    prefix: str
    directory: str
    """The prefix of the directory itself, so that what follows it in a key is a name."""
    names: Matcher
    deeper: tuple[tuple[re.Pattern[str], Alternative], ...]
    """Where to descend: the directories of such a name, to look there for the rest of the pattern."""

    def below(self, name: str) -> tuple[Alternative, ...]:
        """Return what to look for in the directory ``name``; nothing if nothing in it can match."""
        return tuple(rest for names, rest in self.deeper if names.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Tree:
    """List everything below the directory ``prefix`` and match whole paths."""

    prefix: str
    paths: Matcher


GlobStep = Probe | Level | Tree


def has_magic(text: str) -> bool:
    """Return whether ``text`` as a pattern means anything else than itself; an escape such as ``[*]`` does."""
    tokens = _without_stray_braces(_tokens(text))
    return any(token.kind not in {"text", "slash"} for token in tokens) or text != "".join(t.text for t in tokens)


def parse(path: AnyPath, *, recursive: bool = True) -> Glob:
    """Take a glob path apart.

    Raises UnsupportedError if the bucket is missing or has a wildcard in its name. Raises InvalidPathError for a text
    that is not an S3 path, and for braces that expand to more than 10,000 alternatives.
    """
    if not is_s3(path):
        S3Url.parse(path)  # raises, and says what a path looks like
    text = str(path)
    scheme, _, rest = text.partition("://")
    bucket, _, pattern = rest.partition("/")
    if is_arn(rest):
        bucket, pattern = split_bucket(rest, text)
    if any(character in bucket for character in "*?[{"):
        message = f"No wildcards in the bucket's name, please: {text!r}; aios3.listdir('s3://') lists the buckets"
        raise UnsupportedError(message, path=text)
    root = S3Url.parse(f"{scheme}://{bucket}")
    if not bucket:
        message = f"{text!r} has no bucket, and all buckets together cannot be searched; write 's3://bucket/pattern'"
        raise UnsupportedError(message, path=text)
    _check_unicode(text)
    expanded = _expand(_without_stray_braces(_tokens(pattern)), text)
    whole_bucket = not pattern and rest.endswith("/")
    alternatives = (_alternative(tokens, recursive=recursive, whole_bucket=whole_bucket) for tokens in expanded)
    return Glob(root, tuple(dict.fromkeys(alternatives)))


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"{text!r} is not valid Unicode, so it has no UTF-8 form and matches no key: {error.reason}"
        raise InvalidPathError(message, path=text) from error


def relative(pattern: str) -> Matcher:
    """Return what matches a glob of paths below some directory; raise InvalidPathError like :func:`parse`."""
    return _matcher(parse(f"s3://any/{pattern}").alternatives)


# Text -> tokens


class _Token(NamedTuple):
    kind: str
    """``text``, ``stars``, ``any``, ``set``, ``brace`` (also the comma) or ``slash``."""
    text: str


_Tokens = tuple[_Token, ...]

_SLASH = _Token("slash", "/")
_OUTSIDE_SETS = r"(?P<stars>\*+)|(?P<any>\?)|(?P<brace>[{},])|(?P<text>[^*?\[{},]+|\[)"
_WITH_SETS = re.compile(rf"(?P<set>\[!?+(?:\][^\]]*+|[^\]]++)\])|{_OUTSIDE_SETS}", re.DOTALL)
_WITHOUT_SETS = re.compile(_OUTSIDE_SETS, re.DOTALL)


def _tokens(text: str) -> Iterator[_Token]:
    """Split ``text``; a set ends in its own segment or is none. Braces in a set are characters like others."""
    for index, name in enumerate(text.split("/")):
        if index:
            yield _SLASH
        # After the last "]" no set can close. Trying there would cost the square of the length for "[[[[[...".
        closed = name.rfind("]") + 1
        matches = itertools.chain(_WITH_SETS.finditer(name, 0, closed), _WITHOUT_SETS.finditer(name, closed))
        yield from (_token(str(match.lastgroup), match[0]) for match in matches)


def _token(kind: str, text: str) -> _Token:
    is_escape = kind == "set" and len(text) == len("[x]")
    return _Token("text", text[1]) if is_escape else _Token(kind, text)


def _without_stray_braces(tokens: Iterable[_Token]) -> list[_Token]:
    """Turn into text: braces without a partner, and commas outside of braces."""
    result = list(tokens)
    braces = [index for index, token in enumerate(result) if token.kind == "brace"]
    paired: set[int] = set()
    opened: list[tuple[int, list[int]]] = []
    for index in braces:
        if result[index].text == "{":
            opened.append((index, []))
        elif opened and result[index].text == ",":
            opened[-1][1].append(index)
        elif opened:
            start, commas = opened.pop()
            paired.update([start, *commas, index])
    for index in braces:
        if index not in paired:
            result[index] = _Token("text", result[index].text)
    return result


# Tokens -> alternatives


class _Branches:
    """The alternatives of one pair of braces, while they are read; the whole pattern is the outermost pair."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._finished: list[_Tokens] = []
        self._current: list[_Tokens] = [()]
        self._run: list[_Token] = []

    def add(self, token: _Token) -> None:
        self._run.append(token)

    def add_each(self, endings: list[_Tokens]) -> None:
        starts = self._with_run()
        self._check(len(starts) * len(endings), sum(map(len, starts)) * len(endings) + sum(map(len, endings)))
        self._current = list(dict.fromkeys(start + end for start in starts for end in endings))

    def close_one(self) -> None:
        self._finished += self._with_run()
        self._check(len(self._finished), 0)
        self._current = [()]

    def close(self) -> list[_Tokens]:
        self.close_one()
        return list(dict.fromkeys(self._finished))

    def _with_run(self) -> list[_Tokens]:
        run, self._run = tuple(self._run), []
        self._check(len(self._current), len(self._current) * len(run))
        return [tokens + run for tokens in self._current]

    def _check(self, alternatives: int, tokens: int) -> None:
        if alternatives > MAX_ALTERNATIVES or tokens > MAX_TOKENS:
            shown = self._path if len(self._path) < 100 else self._path[:97] + "..."  # noqa: PLR2004 - one line
            message = f"The braces of {shown!r} expand to more than {MAX_ALTERNATIVES:,} alternatives; use fewer"
            raise InvalidPathError(message, path=self._path)


def _expand(tokens: Iterable[_Token], path: str) -> list[_Tokens]:
    """Multiply the braces out, without recursion: how deep they nest is up to the caller's caller."""
    branches = [_Branches(path)]
    for token in tokens:
        if token.kind != "brace":
            branches[-1].add(token)
        elif token.text == "{":
            branches.append(_Branches(path))
        elif token.text == ",":
            branches[-1].close_one()
        else:
            endings = branches.pop().close()
            branches[-1].add_each(endings)
    return branches.pop().close()


def _alternative(tokens: _Tokens, *, recursive: bool, whole_bucket: bool) -> Alternative:
    if not tokens:
        return Alternative((), directories_only=whole_bucket)
    directories_only = tokens[-1] == _SLASH
    segments: list[Segment] = []
    for name in _split(tokens[:-1] if directories_only else tokens):
        segment = _segment(name, recursive=recursive)
        if not (segment.recursive and segments and segments[-1].recursive):
            segments.append(segment)
    return Alternative(tuple(segments), directories_only)


def _split(tokens: _Tokens) -> Iterator[_Tokens]:
    name: list[_Token] = []
    for token in tokens:
        if token == _SLASH:
            yield tuple(name)
            name = []
        else:
            name.append(token)
    yield tuple(name)


# Alternatives -> regular expressions


def _segment(tokens: _Tokens, *, recursive: bool) -> Segment:
    if recursive and tokens == (_Token("stars", "**"),):
        return _RECURSIVE
    texts = list(itertools.takewhile(lambda token: token.kind == "text", tokens))
    prefix = "".join(token.text for token in texts)
    return Segment(prefix, _name_source(tokens), literal=len(texts) == len(tokens))


def _name_source(tokens: _Tokens) -> str:
    """Write the expression of one name: chunks of fixed length, with runs of anything between them."""
    chunks = [""]
    after_star = False
    for token in tokens:
        if token.kind != "stars":
            chunks[-1] += _character_source(token)
        elif not after_star:
            chunks.append("")
        after_star = token.kind == "stars"
    first, *others = chunks
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle) + (f"[^/]*{last}" if last else "[^/]*+")


def _character_source(token: _Token) -> str:
    if token.kind == "text":
        return re.escape(token.text)
    if token.kind == "any":
        return "[^/]"
    negated = token.text.startswith("[!")
    members = _set_members(token.text[2:-1] if negated else token.text[1:-1])
    if negated:
        return f"[^/{members}]"
    return f"(?!/)[{members}]" if members else "(?!)"  # a set of only reversed ranges has no member


def _set_members(text: str) -> str:
    members = ""
    at = 0
    while at < len(text):
        low, dash, high = text[at], text[at + 1 : at + 2], text[at + 2 : at + 3]
        if dash == "-" and high:
            members += f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""
            at += 3
        else:
            members += re.escape(low)
            at += 1
    return members


def _path_source(segments: Sequence[Segment]) -> str:
    """Write the expression of a whole path; the chunks between two ``**`` are atomic like those between two ``*``."""
    groups: list[list[str]] = [[]]
    for segment in segments:
        if segment.recursive:
            groups.append([])
        else:
            groups[-1].append(f"(?>{segment.source})")
    first, *others = groups
    if not others:
        return "/".join(first)
    *middle, last = others
    start = "".join(f"{name}/" for name in first)
    between = "".join("(?>(?:[^/]*+/)*?" + "".join(f"{name}/" for name in group) + ")" for group in middle)
    return start + between + ("(?:[^/]*+/)*" + "/".join(last) if last else ".*+")


def _union(sources: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(dict.fromkeys(sources))
    return re.compile(joined, re.DOTALL) if joined else None


def _matcher(alternatives: Sequence[Alternative]) -> Matcher:
    sources = [(_path_source(alternative.segments), alternative.directories_only) for alternative in alternatives]
    return Matcher(
        plain=_union(source for source, directories_only in sources if not directories_only),
        slashed=_union(source for source, directories_only in sources if directories_only),
    )


# Alternatives -> steps


class _Way(NamedTuple):
    """An alternative, and how far its text leads before the first wildcard."""

    prefix: str
    directory: str
    alternative: Alternative
    literal: bool


def _way(alternative: Alternative) -> _Way:
    names = [segment.prefix for segment in itertools.takewhile(lambda s: s.literal, alternative.segments)]
    if len(names) == len(alternative.segments):
        return _Way("/".join(names), "", alternative, literal=True)
    directory = "".join(f"{name}/" for name in names)
    return _Way(directory + alternative.segments[len(names)].prefix, directory, alternative, literal=False)


@functools.lru_cache(maxsize=256)
def plan(alternatives: tuple[Alternative, ...]) -> tuple[GlobStep, ...]:
    """Return the steps that find every match below a directory once, in key order.

    A listing takes over every alternative whose text begins with its prefix, because it will see those keys anyway.
    So no two listings overlap. A probe finds the first key of its own range, so it comes before a listing of the rest.
    """
    groups: list[list[_Way]] = []
    prefixes: list[str] = []  # of the groups, in order, none of them the beginning of another
    probes: list[Probe] = []
    for way in sorted(map(_way, alternatives), key=lambda way: (way.literal, way.prefix)):
        before = bisect.bisect_right(prefixes, way.prefix) - 1
        if before >= 0 and way.prefix.startswith(prefixes[before]) and way.alternative.segments:
            groups[before].append(way)
        elif way.literal:
            probes += _probes(way)
        else:
            groups.append([way])
            prefixes.append(way.prefix)
    return tuple(_in_order([*_distinct(probes), *map(_listing, groups)]))


def _listing(ways: Sequence[_Way]) -> GlobStep:
    prefix, directory = ways[0].prefix, ways[0].directory
    depth = directory.count("/")
    inside = [Alternative(w.alternative.segments[depth:], w.alternative.directories_only) for w in ways]
    if any(alternative.segments[0].recursive for alternative in inside):
        return Tree(directory, _matcher(inside))
    names = _matcher([alternative for alternative in inside if len(alternative.segments) == 1])
    return Level(prefix, directory, names, tuple(_deeper(inside)))


def _deeper(alternatives: Sequence[Alternative]) -> Iterator[tuple[re.Pattern[str], Alternative]]:
    """Collect the first names of the alternatives that go deeper, by the rest that they have in common."""
    names_by_rest: dict[Alternative, list[str]] = {}
    for alternative in alternatives:
        name, *rest = alternative.segments
        if rest:
            key = Alternative(tuple(rest), alternative.directories_only)
            names_by_rest.setdefault(key, []).append(name.source)
    for rest_of_path, sources in names_by_rest.items():
        yield re.compile("|".join(sources), re.DOTALL), rest_of_path


def _probes(way: _Way) -> Iterator[Probe]:
    segments, directories_only = way.alternative.segments, way.alternative.directories_only
    if segments and not directories_only:
        yield Probe(way.prefix, file=True, directory=None)
    yield Probe(f"{way.prefix}/" if segments else "", file=False, directory="/" if directories_only else "")


def _distinct(probes: Iterable[Probe]) -> Iterable[Probe]:
    """Keep one probe a path; where ``{a,a/}`` asks for a directory twice, the one whose path has no final ``/``."""
    by_prefix: dict[str, Probe] = {}
    for probe in probes:
        if by_prefix.setdefault(probe.prefix, probe).directory == "/":
            by_prefix[probe.prefix] = probe
    return by_prefix.values()


def _in_order(steps: Iterable[GlobStep]) -> list[GlobStep]:
    """Sort steps, and join the probes of a file ``a`` and a directory ``a/`` if no other path sorts between them."""
    joined: list[GlobStep] = []
    for step in sorted(steps, key=lambda step: (step.prefix, not isinstance(step, Probe))):
        last = joined[-1] if joined else None
        if isinstance(step, Probe) and isinstance(last, Probe) and last.file and step.prefix == f"{last.prefix}/":
            joined[-1] = Probe(last.prefix, file=True, directory=step.directory)
        else:
            joined.append(step)
    return joined
