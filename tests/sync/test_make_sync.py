"""The generator of ``aios3.sync``, and that what it has written is not stale."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import textwrap
from pathlib import Path

import pytest

import aios3
import aios3.sync

PATH = Path(__file__).parents[2] / "tools" / "make_sync.py"

VERBS = '''
    from __future__ import annotations
    import contextlib
    import datetime
    import enum
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
        from fractions import Fraction
        from decimal import Decimal as Money
        from typing import Unpack
        from aios3 import Session, WriterOptions

    class Shape(enum.Enum):
        ROUND = 1

    class Local: ...

    async def weigh(path: str, /, *more: bytes, shape: Shape = Shape.ROUND, session: Session | None = None) -> Fraction:
        """Weigh it.

        More about that.
        """

    async def store(data: Mapping[str, Money], **options: Unpack[WriterOptions]) -> dict[str, Local]:
        """Store it."""

    async def pieces(path: datetime.date, size: int = 8 * 1024) -> AsyncIterator[tuple[str, Sequence[int]]]:
        """Yield pieces."""
        yield path, [size]

    async def more(*, text: str = "ä'") -> AsyncGenerator[str, None]:
        """Yield more."""
        yield text

    @contextlib.asynccontextmanager
    async def borrowed(path: str, /, *, deep: bool = False) -> AsyncIterator[Fraction]:
        """Borrow it."""
        yield 1

    def plain(path: str) -> str: ...

    class AsyncThing: ...
    def aopen(path: str): ...
'''

INIT = """
    from fakes3.verbs import *
    from fakes3.verbs import Shape, AsyncThing
    __all__ = ["AsyncThing", "Shape", "borrowed", "aopen", "more", "pieces", "plain", "store", "weigh"]
"""


@pytest.fixture(scope="module")
def make_sync():
    spec = importlib.util.spec_from_file_location("make_sync", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Make a package like aios3, with these verbs."""

    def make(verbs: str, init: str = INIT):
        package = tmp_path / "fakes3"
        package.mkdir()
        (package / "verbs.py").write_text(textwrap.dedent(verbs))
        (package / "__init__.py").write_text(textwrap.dedent(init))
        return importlib.import_module("fakes3")

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "fakes3"]:
        del sys.modules[name]


def functions(source: str) -> dict[str, str]:
    tree = ast.parse(source)
    return {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_verbs_become_one_line_with_their_types(make_sync, fake):
    written = functions(make_sync.render(fake(VERBS)))
    assert written == {
        "weigh": "def weigh(path: str, /, *more: bytes, shape: Shape=Shape.ROUND, session: _aios3.Session | None=None)"
        ' -> Fraction:\n    """Weigh it."""\n'
        "    return _loop_thread.call(_aios3.weigh, path, *more, shape=shape, session=session)",
        "store": "def store(data: Mapping[str, Money], **options: Unpack[WriterOptions]) -> dict[str, Local]:\n"
        '    """Store it."""\n    return _loop_thread.call(_aios3.store, data, **options)',
        "pieces": "def pieces(path: datetime.date, size: int=8 * 1024) -> SyncIterator[tuple[str, Sequence[int]]]:\n"
        '    """Yield pieces."""\n    return _iterate(_aios3.pieces, path, size)',
        "borrowed": "def borrowed(path: str, /, *, deep: bool=False) -> SyncContext[Fraction]:\n"
        '    """Borrow it."""\n    return _enter(_aios3.borrowed, path, deep=deep)',
        "more": 'def more(*, text: str="ä\'") -> SyncIterator[str]:\n'
        '    """Yield more."""\n    return _iterate(_aios3.more, text=text)',
    }


def test_names_of_annotations_are_imported_from_where_they_come(make_sync, fake):
    lines = [line.strip() for line in make_sync.render(fake(VERBS)).splitlines()]
    for line in (
        "from decimal import Decimal as Money",
        "from fractions import Fraction",
        "import datetime",
        "from collections.abc import Mapping, Sequence",
        "from fakes3.verbs import Local",
        "from fakes3 import Shape, plain",
        "from aios3 import WriterOptions",
    ):
        assert line in lines
    assert not any("AsyncThing" in line or "aopen" in line for line in lines if "import" in line or '",' in line)


PATHS = '''
    from __future__ import annotations
    from typing import TypeVar
    from collections.abc import AsyncGenerator
    P = TypeVar("P", bound="Pure")

    async def weigh(path: str, scale: int = 1) -> float:
        """Weigh it."""

    class Pure: ...

    class S3Path(Pure):
        """A path, asynchronous: ``await path.mass()``."""

        mass = weigh

        async def up(self: P, steps: int) -> P:
            """Up."""

        async def below(self: P) -> AsyncGenerator[P, None]:
            """Yield what is below."""
            yield self
'''


def test_methods_of_paths_are_verbs_or_cross(make_sync, fake):
    package = fake(PATHS, "from fakes3.verbs import S3Path, Pure, weigh\n__all__ = ['Pure', 'S3Path', 'weigh']")
    (made,) = [node for node in ast.parse(make_sync.render(package)).body if isinstance(node, ast.ClassDef)]
    assert ast.unparse(made.bases[0]) == "Pure"
    assert ast.get_docstring(made) == "A path: ``path.mass()``."
    assert [ast.unparse(node) for node in made.body if isinstance(node, ast.FunctionDef)] == [
        'def mass(self, scale: int=1) -> float:\n    """Weigh it."""\n    return weigh(self, scale)',
        'def up(self, steps: int) -> Self:\n    """Up."""\n    return _loop_thread.call(_aios3.S3Path.up, self, steps)',
        (
            'def below(self) -> SyncIterator[Self]:\n    """Yield what is below."""\n'
            "    return _iterate(_aios3.S3Path.below, self)"
        ),
    ]


HANDLES = '''
    from __future__ import annotations
    import contextlib
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from collections.abc import AsyncIterator
        from fractions import Fraction
        from aios3._handles.opening import Opening

    class AsyncThing: ...

    class AsyncZipArchive:
        """An archive."""

        def __init__(self) -> None: ...

        def __len__(self) -> int:
            """Return how many."""

        @property
        def weight(self) -> Fraction:
            """How heavy it is."""

        def names(self, *, deep: bool = False) -> list[str]:
            """Return the names."""

        def open(self, name: str) -> Opening[AsyncThing]:
            """Open one."""

        async def read(self, name: str, /, *, size: int = -1) -> bytes:
            """Read one."""

        async def aclose(self) -> None:
            """Close it."""

        async def _private(self) -> None: ...

    @contextlib.asynccontextmanager
    async def open_zip(path: str) -> AsyncIterator[AsyncZipArchive]:
        """Open it."""
        yield AsyncZipArchive()

    def plain(path: str) -> str: ...
'''


def test_the_value_of_a_context_manager_has_a_blocking_version(make_sync, fake):
    names = ["AsyncZipArchive", "open_zip", "plain"]
    init = f"from fakes3.verbs import {', '.join(names)}\n__all__ = {names}"
    source = make_sync.render(fake(HANDLES, init))
    (made,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    assert made.name == "ZipArchive"
    assert [ast.unparse(node) for node in made.body if isinstance(node, ast.FunctionDef)] == [
        "def __init__(self, handle: _aios3.AsyncZipArchive) -> None:\n    self._handle = handle",
        'def __len__(self) -> int:\n    """Return how many."""\n    return self._handle.__len__()',
        '@property\ndef weight(self) -> Fraction:\n    """How heavy it is."""\n    return self._handle.weight',
        (
            'def names(self, *, deep: bool=False) -> list[str]:\n    """Return the names."""\n'
            "    return self._handle.names(deep=deep)"
        ),
        (
            'def open(self, name: str) -> ObjectReader:\n    """Open one."""\n'
            "    return _open_member(self._handle.open(name))"
        ),
        (
            'def read(self, name: str, /, *, size: int=-1) -> bytes:\n    """Read one."""\n'
            "    return _loop_thread.call(self._handle.read, name, size=size)"
        ),
        'def close(self) -> None:\n    """Close it."""\n    return _loop_thread.call(self._handle.aclose)',
    ]
    assert functions(source)["open_zip"] == (
        'def open_zip(path: str) -> SyncContext[ZipArchive]:\n    """Open it."""\n'
        "    return _enter_as(ZipArchive, _aios3.open_zip, path)"
    )
    assert "AsyncThing" not in source


def test_output_is_deterministic_and_formatted(make_sync, fake):
    package = fake(VERBS)
    source = make_sync.render(package)
    assert make_sync.render(package) == source == make_sync._format(source)


@pytest.mark.parametrize(
    ("verbs", "complaint"),
    [
        ("async def verb(): pass", "no docstring or no return type"),
        ("async def verb() -> Nowhere:\n  'Do.'", "where Nowhere"),
        ("async def verb() -> AsyncIterator:\n  'Do.'\n  yield 1", "does not say what is yielded"),
        ("def make():\n  async def verb() -> int:\n    'Do.'\n  return verb\nverb = make()", "not written as an async"),
    ],
)
def test_what_cannot_be_carried_over_is_rejected(make_sync, fake, verbs, complaint):
    package = fake("from __future__ import annotations\n" + verbs, "from fakes3.verbs import verb\n__all__ = ['verb']")
    with pytest.raises(make_sync.StaleError, match=complaint):
        make_sync.render(package)


def test_the_package_is_not_stale(make_sync):
    assert make_sync.main(["--check"]) == 0


def test_a_stale_file_is_noticed_and_then_written(make_sync, tmp_path, monkeypatch, capsys):
    target = tmp_path / "__init__.py"
    target.write_text("old")
    monkeypatch.setattr(make_sync, "TARGET", target)
    assert make_sync.main(["--check"]) == 1
    assert "is stale" in capsys.readouterr().err
    assert target.read_text() == "old"
    assert make_sync.main([]) == 0
    assert make_sync.main(["--check"]) == 0


def test_every_verb_has_a_blocking_version_with_the_same_parameters():
    for name in set(aios3.__all__) & set(aios3.sync.__all__):
        verb, twin = getattr(aios3, name), getattr(aios3.sync, name)
        made_of = inspect.unwrap(verb) if inspect.isfunction(verb) else verb  # a context manager is made of a generator
        if inspect.iscoroutinefunction(verb) or inspect.isasyncgenfunction(made_of):
            ours = [(p.name, p.kind, p.default) for p in inspect.signature(twin).parameters.values()]
            assert ours == [(p.name, p.kind, p.default) for p in inspect.signature(verb).parameters.values()]
            assert not inspect.iscoroutinefunction(twin)
        elif name not in ("Bucket", "S3Object", "S3Path", "Session", "Storage", "Volume", "VolumeFile"):
            assert twin is verb


@pytest.mark.parametrize("name", ["Bucket", "S3Object"])
def test_every_method_has_a_blocking_version_with_the_same_parameters(name):
    async_class, twin = getattr(aios3, name), getattr(aios3.sync, name)
    made_by_python = {"__annotations__", "__orig_bases__", "__parameters__"}  # some of them when they are asked for
    assert vars(async_class).keys() - vars(twin).keys() <= made_by_python
    for method in vars(async_class):
        ours, theirs = getattr(twin, method), getattr(async_class, method)
        if inspect.iscoroutinefunction(theirs) or inspect.isasyncgenfunction(theirs):
            found = [
                [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()] for f in (ours, theirs)
            ]
            assert found[0] == found[1]
            assert not inspect.iscoroutinefunction(ours)
            assert not inspect.isasyncgenfunction(ours)


def test_what_is_missing_is_only_what_asyncio_alone_can_use():
    missing = set(aios3.__all__) - set(aios3.sync.__all__)
    assert missing == {"aopen", *(name for name in aios3.__all__ if name.startswith("Async"))}
    assert all(hasattr(aios3.sync, name) for name in aios3.sync.__all__)
