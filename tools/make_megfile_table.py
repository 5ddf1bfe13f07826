"""Write ``docs/migrating/names.md``: every name of the drop-in module, with the async and the blocking one behind it.

The names behind are read from the module's source: what each function of :mod:`aios3.compat.megfile` calls. With
``--check``, say whether the page is stale.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aios3
from aios3.compat import megfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGET = Path(__file__).parent.parent / "docs" / "migrating" / "names.md"

HEADER = """# megfile's names

<!-- Written by tools/make_megfile_table.py from the code. Do not edit. -->

Every name of `megfile.s3` in its three forms. The last column is imported from `aios3.compat.megfile` and has megfile's
arguments; [From megfile](megfile.md) says what differs.

| asynchronous: `aios3` | blocking: `aios3.sync` | drop-in: `aios3.compat.megfile` |
|---|---|---|
"""

_CALLS = re.compile(r'aios3\.sync\.(\w+)|sync_function\("(\w+)"\)|aios3\.(is_s3|path_join)\b')
_WAY = re.compile(r'"buffering": "(\w+)"|buffering="(\w+)"')
_OWN = re.compile(r"\b(_make|_opened|open_file|s3_iglob|self\._open)\(")


class NothingBehindError(Exception):
    """Raised when a function of the drop-in module calls nothing of aios3."""


def render() -> str:
    """Return the page."""
    return HEADER + "".join(f"| {' | '.join(row)} |\n" for row in rows())


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the cells of each name, functions first, then classes, then errors."""
    names = sorted(megfile.__all__, key=lambda name: (_kind(name), name.lower()))
    for name in names:
        value = getattr(megfile, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            ours = _code(value.__name__ if hasattr(aios3, value.__name__) else value.__mro__[1].__name__)
            yield ours, ours, _code(name)
        elif isinstance(value, type) and not name.startswith("S3"):
            yield _code(name), _code(name), _code(name)
        elif name == "parse_s3_url":
            yield _code("S3Url.parse()"), _code("S3Url.parse()"), _code(f"{name}()")
        else:
            yield (*_behind(name), _code(f"{name}()" if inspect.isfunction(value) else name))


def _kind(name: str) -> int:
    value = getattr(megfile, name)
    if not isinstance(value, type):
        return 0
    return 2 if issubclass(value, BaseException) else 1


def _behind(name: str) -> tuple[str, str]:
    """Return what is behind one function or class of the drop-in module, from its source."""
    value = getattr(megfile, name)
    source = inspect.getsource(value)
    ways = [first or second for first, second in _WAY.findall(source)]
    if ways or (_OWN.search(source) and "open" in _OWN.findall(source)[-1]):
        return _opening("aopen", ways), _opening("open", ways)
    if found := [next(filter(None, groups)) for groups in _CALLS.findall(source)]:
        verb = found[-1]
        return _code(f"{verb}()"), _code(f"{verb}()")
    if name == "s3_glob":
        return _behind("s3_iglob")
    if name == "get_s3_client":
        return _code("get_s3_client()"), _code("get_s3_client()")
    message = f"{name} calls nothing of aios3 that this tool can see"
    raise NothingBehindError(message)


def _opening(function: str, ways: Sequence[str]) -> str:
    if len(ways) != 1:
        return _code(f"{function}()")
    return _code(f'{function}(buffering="{ways[0]}")')


def _code(text: str) -> str:
    return f"`{text}`"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or only check it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is stale")
    check = parser.parse_args(arguments).check
    page = render()
    if page == (TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""):
        return 0
    if check:
        print(f"{TARGET} is stale: run python {Path(__file__).name}", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page, encoding="utf-8")
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
