"""Glob text -> plan: what a pattern means, what it lists, and what it costs. No I/O."""

from __future__ import annotations

import re
import re._constants as opcodes
import re._parser as parser
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aios3 import _patterns
from aios3._paths import S3Url
from aios3._patterns import Level, Probe, Tree, has_magic, parse, plan
from aios3.errors import InvalidPathError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3._patterns import Alternative, GlobStep


def steps_of(pattern: str, *, recursive: bool = True) -> tuple[GlobStep, ...]:
    return plan(parse(f"s3://b/{pattern}", recursive=recursive).alternatives)


def shape(pattern: str) -> list[tuple[str, str]]:
    return [(type(step).__name__, step.prefix) for step in steps_of(pattern)]


def names_below(prefix: str, keys: list[str]) -> list[str]:
    """What a listing with a delimiter shows: keys, and prefixes that end in ``/``."""
    cut = [key[len(prefix) :].partition("/") for key in keys if key.startswith(prefix)]
    return sorted({prefix + name + slash for name, slash, _ in cut})


def directories_of(keys: list[str]) -> set[str]:
    return {key[: at + 1] for key in keys for at, character in enumerate(key) if character == "/"}


def search(alternatives: tuple[Alternative, ...], keys: list[str], base: str = "") -> Iterator[str]:
    """Walk through a plan over keys in memory; directories end in ``/``."""
    for step in plan(alternatives):
        prefix = base + step.prefix
        if isinstance(step, Probe):
            if step.file and prefix in keys:
                yield prefix
            directory = prefix + "/" if step.file else prefix
            if step.directory is not None and any(key.startswith(directory) for key in keys):
                yield directory
        elif isinstance(step, Tree):
            below = sorted({*keys, *directories_of(keys)})
            for path in (path for path in below if path.startswith(prefix) and path != prefix):
                name = path[len(prefix) :]
                if step.paths.directory(name[:-1]) is not None if path.endswith("/") else step.paths.file(name):
                    yield path
        else:
            yield from search_level(step, keys, base)


def search_level(step: Level, keys: list[str], base: str) -> Iterator[str]:
    for path in names_below(base + step.prefix, [*keys]):
        name = path[len(base + step.directory) :]
        if not path.endswith("/"):
            if step.names.file(name):
                yield path
            continue
        if step.names.directory(name[:-1]) is not None:
            yield path
        if below := step.below(name[:-1]):
            yield from search(below, keys, path)


def find(pattern: str, *keys: str, recursive: bool = True) -> list[str]:
    files = [key for key in keys if not key.endswith("/")]
    assert files == list(keys)
    return list(search(parse(f"s3://b/{pattern}", recursive=recursive).alternatives, files))


def matches(pattern: str, key: str) -> bool:
    return key in find(pattern, key)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ["a", ".a", "a\nb", "*"], ["a/b"]),
        ("a*", ["a", "ab"], ["b", "ba", "a/b"]),
        ("*a*b*", ["ab", "xaxbx", "aabb"], ["ba", "a/b"]),
        ("?", ["a", ".", "\U0001f600"], ["", "ab"]),
        ("a?b", ["axb"], ["a/b", "ab"]),
        ("[ab]", ["a", "b"], ["c", "ab"]),
        ("[!ab]", ["c", "]"], ["a", "b"]),
        ("x[!a]y", ["xby"], ["x/y", "xay"]),
        ("x[+-9]y", ["x.y", "x0y"], ["x/y"]),
        ("[]a]", ["]", "a"], ["b", "[]a]"]),
        ("[!]a]", ["b"], ["]", "a"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[c-a]", [], ["a", "b", "c", "[c-a]"]),
        ("[!c-a]", ["b"], ["ab"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[[]", ["["], ["[[]"]),
        ("[a[&&b||c~~-]", ["&", "|", "[", "-", "a"], ["]", "e"]),
        ("[\\d]", ["\\", "d"], ["1"]),
        ("[*]", ["*"], ["a"]),
        ("[?][{][}]", ["?{}"], ["a{}"]),
        ("[", ["["], ["a"]),
        ("[a", ["[a"], ["a"]),
        ("[]", ["[]"], [""]),
        ("[!]", ["[!]"], ["!", "a"]),
        ("[a/b]", ["[a/b]"], ["a", "b"]),
        ("]", ["]"], []),
        (".+^$()|\\", [".+^$()|\\"], ["a"]),
        ("a{b,c}d", ["abd", "acd"], ["ad", "a{b,c}d"]),
        ("{a}", ["a"], ["{a}"]),
        ("a{,b}", ["a", "ab"], ["a,b"]),
        ("{,}a{,,}", ["a"], []),
        ("a{}b", ["ab"], ["a{}b"]),
        ("{a,{b,c{d,e}}f}", ["a", "bf", "cdf", "cef"], ["b", "cd", "af"]),
        ("{a/b,c}/d", ["a/b/d", "c/d"], ["a/d"]),
        ("x{/,y}z", ["x/z", "xyz"], ["xz"]),
        ("{a,b", ["{a,b"], ["a", "b"]),
        ("a,b}", ["a,b}"], ["a"]),
        ("{a,{b,c}", ["{a,b", "{a,c"], ["a", "b"]),
        ("{a,b}}", ["a}", "b}"], ["a"]),
        ("a,b", ["a,b"], ["a"]),
        ("{a[,}]b,c}", ["a,b", "a}b", "c"], ["ab"]),
        ("[{a,b}]", ["{", ",", "a", "}"], ["ab"]),
        ("{[,x/y}z]", ["[z]", "x/yz]"], ["z"]),
        ("*.{jpg,png}", ["a.jpg", ".png"], ["a.gif", "a/b.jpg"]),
        ("{*,a}*", ["abc", "b"], ["a/b"]),
        ("***", ["abc"], ["a/b"]),
        ("a**b", ["ab", "axb"], ["a/b"]),
        ("**", ["a", "a/b", "a//b", "a/b/c", ".a/.b"], []),
        ("**/a", ["a", "x/a", "x/y/a", "/a", "//a"], ["xa", "a/x"]),
        ("a/**", ["a/b", "a/b/c", "a//b"], ["a", "ab"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a//b"], ["ab", "a/xb", "b"]),
        ("**/a/**/b", ["a/b", "x/a/y/b", "a/a/b/b"], ["b/a", "ab"]),
        ("**/**/a", ["a", "x/a"], []),
        ("**/a*/**/b*", ["a/b", "x/ab/y/ba"], ["a", "b/a"]),
        ("**/*a*b", ["ab", "x/aab", "y/xaxb"], ["x/aba", "a/b"]),
        ("*/**", ["a/b", "a/b/c"], ["a"]),
        ("a//b*", ["a//b", "a//bc"], ["a/b"]),
        ("a/*/b", ["a/x/b", "a//b"], ["a/b"]),
        ("/a*", ["/a", "/ab"], ["a"]),
        ("\U0001f600*", ["\U0001f600", "\U0001f600x"], ["x"]),
        ("{**/,}a", ["a", "x/a", "x/y/a"], []),
        ("x{*/**,y}", ["xy", "xa/b", "x/b"], ["xz"]),
    ],
)
def test_a_pattern_matches_what_it_says_and_nothing_else(pattern, yes, no):
    assert [text for text in yes if not matches(pattern, text)] == []
    assert [text for text in no if text and matches(pattern, text)] == []


def test_two_stars_are_one_star_when_not_recursive():
    keys = ["a", "b/a", "b/c/a"]
    assert find("**/a", *keys, recursive=False) == ["b/a"]
    assert find("**", *keys, recursive=False) == ["a", "b/"]


def test_directories_match_like_files_and_come_after_the_file_of_the_same_name():
    keys = ["k", "k-1", "k/x"]
    assert find("k*", *keys) == ["k", "k-1", "k/"]
    assert find("{k,k-1}", *keys) == ["k", "k-1", "k/"]
    assert find("k", *keys) == ["k", "k/"]


def test_a_slash_at_the_end_means_directories_only():
    keys = ["a", "a/b", "c"]
    assert find("*/", *keys) == ["a/"]
    assert find("a/", *keys) == ["a/"]
    assert find("**/", *keys) == ["a/"]
    assert find("c/", *keys) == []
    assert find("{c,a/}", *keys) == ["a/", "c"]


def test_a_directory_does_not_match_what_lies_below_it():
    keys = ["a/b/c"]
    assert find("a/**", *keys) == ["a/b/", "a/b/c"]
    assert find("a/**/", *keys) == ["a/b/"]


def test_empty_names_are_names():
    assert find("a/*", "a//b", "a/c") == ["a//", "a/c"]
    assert find("a/*/", "a//b", "a/c") == ["a//"]
    assert find("*", "/a") == ["/"]
    assert find("a//", "a//b") == ["a//"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/b*/c", [("Level", "a/b")]),
        ("logs/2024-*/x", [("Level", "logs/2024-")]),
        ("*.jpg", [("Level", "")]),
        ("a/[*]b*", [("Level", "a/*b")]),
        ("a/b", [("Probe", "a/b")]),
        ("", [("Probe", "")]),
        ("**/x", [("Tree", "")]),
        ("a/b/**/x*", [("Tree", "a/b/")]),
        ("**/*.{jpg,png}", [("Tree", "")]),
        ("{b,a}/x*", [("Level", "a/x"), ("Level", "b/x")]),
        ("{a*,ab*}", [("Level", "a")]),
        ("{*,logs/2024/x*}", [("Level", "")]),
        ("{**,logs/x*}", [("Tree", "")]),
        ("{*,a/**}", [("Level", "")]),
        ("{a,a-b}", [("Probe", "a"), ("Probe", "a-b"), ("Probe", "a/")]),
        ("{data,data-2024-*}", [("Probe", "data"), ("Level", "data-2024-"), ("Probe", "data/")]),
        ("{a,a/*}", [("Probe", "a"), ("Level", "a/")]),
        ("{,*}", [("Probe", ""), ("Level", "")]),
        ("{a,a/}", [("Probe", "a")]),
        ("{b,a,b}", [("Probe", "a"), ("Probe", "b")]),
    ],
)
def test_a_plan_lists_the_longest_literal_prefixes_once_and_in_order(pattern, expected):
    assert shape(pattern) == expected


def test_a_level_descends_only_where_something_can_match():
    (level,) = steps_of("a/b*/{c,d*}/e")
    assert isinstance(level, Level)
    assert level.below("x") == ()
    assert shape_of(level.below("b1")) == [("Probe", "c/e"), ("Level", "d")]


def shape_of(alternatives: tuple[Alternative, ...]) -> list[tuple[str, str]]:
    return [(type(step).__name__, step.prefix) for step in plan(alternatives)]


def test_directories_are_written_as_the_pattern_writes_them():
    level = steps_of("{a*,b*/}")[0]
    other = steps_of("{a*,b*/}")[1]
    assert isinstance(level, Level)
    assert isinstance(other, Level)
    assert (level.names.directory("ax"), level.names.directory("bx"), other.names.directory("bx")) == ("", None, "/")
    assert other.names.file("bx") is False
    assert [step.directory for step in steps_of("{x,x/}") if isinstance(step, Probe)] == [""]
    assert [step.directory for step in steps_of("{x/,x}") if isinstance(step, Probe)] == [""]
    assert [step.directory for step in steps_of("x/") if isinstance(step, Probe)] == ["/"]


def test_a_bucket_alone_is_a_directory():
    assert [step.directory for step in plan(parse("s3://b").alternatives) if isinstance(step, Probe)] == [""]
    assert [step.directory for step in plan(parse("s3://b/").alternatives) if isinstance(step, Probe)] == ["/"]
    assert parse("s3+prof://b/*").root == S3Url("b", "", "prof")
    assert parse(S3Url("b", "x*", "prof")) == parse("s3+prof://b/x*")


@pytest.mark.parametrize("path", ["s3://b*/x", "s3://{a,b}/x", "s3://[ab]", "s3://b?", "s3://{a/b,c/d}", "s3://"])
def test_wildcards_in_the_bucket_are_unsupported(path):
    with pytest.raises(UnsupportedError, match="bucket"):
        parse(path)


@pytest.mark.parametrize("path", ["", "/a/*", "http://b/*", "s3://b_ucket!/x", "s3://b/\udc80", 3])
def test_an_invalid_path_is_rejected(path):
    with pytest.raises(InvalidPathError):
        parse(path)


@pytest.mark.parametrize(
    "pattern",
    [
        "{a,b}" * 14,
        "{" + ",".join(map(str, range(10_001))) + "}",
        "{a,b,{" + ",".join(map(str, range(9_999))) + "}}",
        ("{" + ",".join(map(str, range(5_000))) + "}") + "?*" * 101,
        "x" * 200 + "{a,b}" * 40,
    ],
)
def test_an_explosion_of_braces_is_rejected(pattern):
    with pytest.raises(InvalidPathError, match="10,000 alternatives"):
        parse(f"s3://b/{pattern}")


def test_as_many_alternatives_as_are_allowed():
    pattern = "{" + ",".join(map(str, range(10_000))) + "}/x*"
    assert len(steps_of(pattern)) == _patterns.MAX_ALTERNATIVES


def test_braces_may_nest_deeper_than_the_interpreters_stack():
    depth = 5_000
    assert find("{" * depth + "a" + "}" * depth, "a") == ["a"]
    assert matches("{" * depth, "{" * depth)


@pytest.mark.parametrize(
    ("text", "magic"),
    [
        ("a/b.c", False), ("a*", True), ("a?", True), ("[a]", True), ("[*]", True), ("[ab]", True), ("{a,b}", True),
        ("{a}", True), ("[a", False), ("{a", False), ("a}", False), ("a,b]", False), ("", False), ("[a/b]", False),
    ],
)  # fmt: skip
def test_has_magic(text, magic):
    assert has_magic(text) is magic


# The expressions are linear: a structural proof, not a stopwatch.


def loose_runs(pattern: re.Pattern[str]) -> list[int]:
    """Count, in each alternative, the unbounded runs that the engine may come back to: per segment, and over ``/``."""
    tree = parser.parse(pattern.pattern, re.DOTALL)
    return [count_loose(item) for item in tree]


def count_loose(node, *, inside_atomic=False) -> int:
    opcode, argument = node
    if opcode in (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT):
        _, high, body = argument
        own = int(high is opcodes.MAXREPEAT)
        assert not any(count_loose(item) for item in body), "a run inside a run"
        return own
    if opcode is opcodes.POSSESSIVE_REPEAT:
        return 0
    if opcode is opcodes.ATOMIC_GROUP:
        inner = sum(count_loose(item) for item in argument)
        assert inner <= 1, "two runs that give and take between each other"
        return 0
    if opcode is opcodes.SUBPATTERN:
        return sum(count_loose(item) for item in argument[3])
    if opcode is opcodes.BRANCH:
        return max(sum(count_loose(item) for item in branch) for branch in argument[1])
    return 0


@pytest.mark.parametrize(
    "pattern", ["*a" * 60, "**/" + "*a" * 60, "**/a/" * 30 + "b", "**/*a*/" * 30 + "*b", "?*" * 50 + "[!x]" * 50 + "*"]
)
def test_no_expression_has_two_runs_that_give_and_take(pattern):
    (step,) = steps_of(pattern)
    assert isinstance(step, (Level, Tree))
    expression = (step.names if isinstance(step, Level) else step.paths).plain
    assert expression is not None
    assert sum(loose_runs(expression)) <= 1


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 60 + "b", "a" * 1000),
        ("**/a/" * 60 + "b", "a/" * 500 + "c"),
        ("**/*a*a*/" * 30 + "b", "aaaaaaaaa/" * 100 + "c"),
        ("**/" + "*a" * 60 + "b", "a/" * 100 + "a" * 800),
    ],
)
def test_patterns_that_ruin_backtracking_matchers_end(pattern, text):
    assert not matches(pattern, text)


# The oracle: the same pattern, written naively as one expression with every freedom to backtrack.

NAME = "ab.-]"
PARTS = [
    *(("a", "a"), ("b", "b"), ("-", "-"), (".", r"\."), ("]", r"\]"), ("[*]", r"\*")),
    *(("*", "[^/]*"), ("?", "[^/]"), ("[ab]", "[ab]"), ("[!a]", "[^/a]"), ("[+-9]", "(?!/)[+-9]")),
]


def braces(inner):
    return st.lists(inner, min_size=1, max_size=3).map(
        lambda drawn: ("{" + ",".join(text for text, _ in drawn) + "}", "(?:" + "|".join(s for _, s in drawn) + ")")
    )


def joined(parts):
    """One name, as pattern and as naive expression; ``**`` is another thing than two stars."""
    return (
        st.lists(parts, max_size=3)
        .map(lambda drawn: ("".join(text for text, _ in drawn), "".join(source for _, source in drawn)))
        .filter(lambda name: "**" not in name[0])
    )


characters = st.sampled_from(PARTS)
nested = braces(joined(st.one_of(characters, characters, braces(joined(characters)))))
names = joined(st.one_of(characters, characters, characters, nested))
RECURSIVE = ("**", "(?:[^/]*/)*")


@st.composite
def paths(draw) -> tuple[str, str]:
    """Several names of a pattern; the last one is never empty, since that would ask for directories only."""
    start = draw(st.lists(st.one_of(names, names, st.just(RECURSIVE)), max_size=3))
    text = "".join(f"{pattern}/" for pattern, _ in start)
    source = "".join(source if source == RECURSIVE[1] else f"{source}/" for _, source in start)
    if draw(st.integers(0, 3)) == 0:
        return f"{text}**", f"{source}.*"
    pattern, naive = draw(names)
    last, naive_last = draw(characters)
    text += pattern + last
    assume("**" not in pattern + last and text.count("{") < 6)  # more may expand to more than are allowed
    return text, f"{source}{naive}{naive_last}"


keys = (
    st.lists(st.text(NAME, max_size=3), min_size=1, max_size=4).map("/".join).filter(lambda key: key and key[-1] != "/")
)


@settings(deadline=None)
@given(paths(), st.lists(keys, min_size=1, max_size=12, unique=True))
def test_plan_finds_what_a_naive_expression_finds_in_order_and_once(drawn, keys):
    pattern, source = drawn
    expression = re.compile(source, re.DOTALL)
    everything = sorted({*keys, *directories_of(keys)})
    expected = [path for path in everything if expression.fullmatch(path.removesuffix("/"))]
    assert find(pattern, *keys) == expected


@settings(deadline=None)
@given(st.lists(paths(), min_size=2, max_size=4), st.lists(keys, min_size=1, max_size=12, unique=True))
def test_alternatives_are_the_union_of_what_each_finds(drawn, keys):
    together = "{" + ",".join(pattern for pattern, _ in drawn) + "}"
    assume(together.count("{") < 12)  # thousands of expressions take half a minute, and show no more
    apart = {path for pattern, _ in drawn for path in find(pattern, *keys)}
    assert find(together, *keys) == sorted(apart)


@settings(deadline=None)
@given(st.text("ab*?[]!{},/-", max_size=30), keys)
def test_any_text_is_a_pattern(pattern, key):
    found = find(pattern, key)
    assert set(found) <= {key, *directories_of([key]), ""}
    assert found == sorted(set(found))


@settings(deadline=None)
@given(st.text(max_size=20))
def test_without_magic_a_pattern_finds_itself(key):
    assume(not has_magic(key) and key and not key.endswith("/"))
    assert find(key, key) == [key]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20).filter(lambda key: not key.endswith("/")))
def test_everything_can_be_escaped(key):
    escaped = re.sub(r"[*?\[{]", lambda special: f"[{special[0]}]", key)
    assert find(escaped, key) == [key]
