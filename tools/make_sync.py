"""Write ``src/aios3/sync/__init__.py`` from the signatures of ``aios3``; with ``--check``, say whether that is due.

Each coroutine function, async generator function and async context manager becomes a function of one line that crosses
to the background loop, and so do the methods of some classes; what else ``aios3`` exports is exported as it is, but for
what only asyncio can use. Needs ruff.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import importlib
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

TARGET = Path(__file__).parent.parent / "src" / "aios3" / "sync" / "__init__.py"

OWN = {
    "_clients": ("get_s3_client",),
    "_context": ("SyncContext",),
    "_files": ("open",),
    "_iterator": ("SyncIterator",),
    "_layers": ("ObjectFile", "ObjectReader", "ObjectWriter", "TextReader", "TextWriter"),
    "_raw": ("RawWriter",),
    "_raw_reader": ("RawReader",),
    "_session": ("Session",),
    "_storage": ("StorageReader", "StorageWriter"),
}
"""What the package defines itself, by module; it takes the place of what has the same name in aios3."""

HEADER = '''# Written by tools/make_sync.py from the signatures of aios3. Do not edit.
"""aios3 for programs that are not asynchronous: the same functions without ``await``, and ``open`` for ``aopen``.

Each function is described in full at its twin in :mod:`aios3`. They run on one background event loop, which the first
call starts. They may be called from any thread, in a notebook where a loop runs already, and after a fork; Ctrl-C
cancels the transfer itself. ``session`` is a :class:`Session` of this module, or an :class:`aios3.Session` that no
other loop uses; without one, all calls share a default session.
"""

# ruff: noqa: A004, E501, PLR0913 - open is meant to take the name of builtins.open; the rest is the twins'
from __future__ import annotations
'''


SELVES = {"P": "Self", "B": "Self", "ObjectT": "S3Object", "F": "VolumeFile"}
"""Type variables of methods of classes, and what they are in the class that is written."""

TWIN_CLASSES = ("S3Path", "S3Object", "Bucket", "Storage", "VolumeFile", "Volume")
"""Classes whose methods are verbs: each is written anew, over the same base; a base's parameter comes before it."""

BY_HAND = {
    "S3Path": (("open", "from aios3.sync._files import open as _open", "_open"),),
    "S3Object": (("stream", "from aios3.sync._files import stream as _stream", "_stream"),),
    "Storage": (("open", "from aios3.sync._storage import open_stored as _open_stored", "_open_stored"),),
    "VolumeFile": (("open", "from aios3.sync._storage import open_file as _open_file", "_open_file"),),
}
"""By class, the methods that are written elsewhere: the name, where it comes from, and what it is called there."""

HANDLES = {"AsyncZipArchive": "ZipArchive", "AsyncZipWriter": "ZipWriter"}
"""Classes of what async context managers enter, and the blocking ones that are written for them."""


class StaleError(Exception):
    """Raised when a signature cannot be carried over."""


def render(package: ModuleType) -> str:
    """Return the source of the blocking twin of ``package``, formatted."""
    own = {name for names in OWN.values() for name in names}
    twins = [name for name in TWIN_CLASSES if name in package.__all__]
    own |= set(twins)
    names = [name for name in package.__all__ if not _is_async_only(name) and name not in own]
    verbs = {name: getattr(package, name) for name in names if _is_async(getattr(package, name))}
    exported = [name for name in names if name not in verbs]
    functions = [_Verb(package, name, function, exported) for name, function in verbs.items()]
    classes = [_TwinClass(package, name, exported) for name in twins]
    handles = [_HandleClass(package, name, exported) for name in HANDLES if name in package.__all__]
    own |= {HANDLES[handle.name] for handle in handles}
    writers: list[_Verb | _TwinClass | _HandleClass] = [*functions, *classes, *handles]
    needed = {line for each in classes for line in each.needs()}
    parts = [
        HEADER,
        "from typing import TYPE_CHECKING",
        f"import {package.__name__} as _aios3",
        f"from {package.__name__} import {', '.join(exported)}",
        "from aios3.sync import _loop_thread",
        *(f"from aios3.sync.{module} import {', '.join(found)}" for module, found in OWN.items()),
        "from aios3.sync._context import enter as _enter",
        *(["from aios3.sync._context import enter_as as _enter_as"] if handles else []),
        *(["from aios3.sync._files import open_member as _open_member"] if handles else []),
        "from aios3.sync._iterator import iterate as _iterate",
        *sorted(needed),
        "if TYPE_CHECKING:",
        *sorted({f"    {line}" for each in writers for line in each.imports() if line not in needed}),
        f"\n__all__ = {sorted({*names, *own})!r}",
        *(each.source() for each in writers),
    ]
    return _format("\n".join(parts))


class _Verb:
    """One async function, and the blocking one that is written for it."""

    def __init__(
        self,
        package: ModuleType,
        name: str,
        function: Callable[..., object],
        exported: Sequence[str],
        node: ast.AsyncFunctionDef | ast.FunctionDef | None = None,
    ) -> None:
        self._package = package
        self._name = name
        self._decorated = function
        self._function = inspect.unwrap(function)
        self._exported = exported
        self._module = _parse(importlib.import_module(self._function.__module__))
        self._node = node or self._definition()

    def source(self) -> str:
        """Return the function's source, not yet formatted."""
        return self._written(self._name, f"_aios3.{self._name}", self._node.args, self._arguments())

    def bound(self, name: str) -> str:
        """Return the source of a method that is this function with the path as its first argument."""
        arguments = ", ".join(["self", *list(self._arguments())[1:]])
        return self._written(name, None, _of_self(self._node.args), [f"{self._name}({arguments})"])

    def method(self, of: str) -> str:
        """Return the source of a method that crosses to the one of the same name of the class ``of``."""
        target, parameters = f"_aios3.{of}.{self._name}", _of_self(self._node.args)
        if self._node.args.kwarg is None:
            return self._written(self._name, target, parameters, self._arguments())
        call = (
            f"_loop_thread.call(lambda: {target}({', '.join(self._arguments())}))"  # mypy loses a typed ** on the way
        )
        return self._written(self._name, None, parameters, [call])

    def class_method(self) -> str:
        """Return the source of a method that crosses to the function of its module that has the same name."""
        written = self._written(self._name, f"_{self._name}", _of_self(self._node.args, "cls"), self._arguments())
        return f"@classmethod\n{written}"

    def function_behind(self) -> str:
        """Return the import of the function that a class method crosses to."""
        return f"from {self._function.__module__} import {self._name} as _{self._name}"

    def delegated(self) -> str:
        """Return the source of a method of a blocking class that hands on to the async one at ``self._handle``."""
        name, node = self._name, self._node
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(each) == "property" for each in node.decorator_list):
            return "@property\n" + self._written(name, None, node.args, [f"self._handle.{name}"])
        arguments = [argument for argument in self._arguments() if argument != "self"]
        if isinstance(node, ast.AsyncFunctionDef):
            written = self._written(name, f"self._handle.{name}", node.args, arguments)
            return written.replace("def aclose(", "def close(")
        call = f"self._handle.{name}({', '.join(arguments)})"
        if node.returns is not None and _is_opening(node.returns):
            written = self._written(name, None, node.args, [f"_open_member({call})"])
            return written.replace(ast.unparse(node.returns), "ObjectReader", 1)
        return self._written(name, None, node.args, [call])

    def _written(self, name: str, target: str | None, parameters: ast.arguments, arguments: Iterable[str]) -> str:
        node = self._node
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        if not summary or node.returns is None:
            message = f"{self._name} has no docstring or no return type"
            raise StaleError(message)
        cross, returns = "_loop_thread.call", ast.unparse(self._foreign(node.returns))
        if inspect.isasyncgenfunction(self._function):
            crossing, kind = ("_enter", "SyncContext") if _is_context(self._decorated) else ("_iterate", "SyncIterator")
            item = ast.unparse(self._foreign(_item(node.returns)))
            cross, returns = crossing, f"{kind}[{item}]"
            if item in HANDLES.values():
                cross, target = "_enter_as", f"{item}, {target}"
        call = f"{cross}({', '.join([target, *arguments])})" if target else "".join(arguments)
        return (
            f"def {name}({ast.unparse(self._foreign(parameters))}) -> {returns}:\n"
            f'    """{summary}"""\n'
            f"    return {call}\n\n"
        )

    def imports(self) -> Iterator[str]:
        """Yield the imports that the annotations need, where aios3 does not export the name."""
        annotations = [argument.annotation for argument in self._all_arguments() if argument.annotation]
        returns = self._node.returns
        if returns is not None and not _is_opening(returns):
            annotations.append(_item(returns) if inspect.isasyncgenfunction(self._function) else returns)
        known = {*self._exported, *HANDLES, "Session", *SELVES, *TWIN_CLASSES}
        for name in sorted(_names(annotations) - known - set(dir(builtins))):
            yield self._origin(name)

    def _definition(self) -> ast.AsyncFunctionDef:
        for node in self._module.body:
            if isinstance(node, ast.AsyncFunctionDef) and node.name == self._function.__name__:
                return node
        message = f"{self._name} is not written as an async function in {self._function.__module__}"
        raise StaleError(message)

    def _all_arguments(self) -> Iterator[ast.arg]:
        found = self._node.args
        yield from (*found.posonlyargs, *found.args, *found.kwonlyargs)
        yield from (argument for argument in (found.vararg, found.kwarg) if argument is not None)

    def _arguments(self) -> Iterator[str]:
        found = self._node.args
        yield from (argument.arg for argument in (*found.posonlyargs, *found.args))
        if found.vararg is not None:
            yield f"*{found.vararg.arg}"
        yield from (f"{argument.arg}={argument.arg}" for argument in found.kwonlyargs)
        if found.kwarg is not None:
            yield f"**{found.kwarg.arg}"

    def _foreign(self, node: ast.AST) -> ast.AST:
        """Let ``Session`` be the async one, of which this package's is a subclass, and ``P`` the path's own class."""
        copy = ast.parse(ast.unparse(node)) if isinstance(node, ast.expr) else node
        for name in ast.walk(copy):
            if isinstance(name, ast.Name) and name.id == "Session":
                name.id = "_aios3.Session"
            elif isinstance(name, ast.Name) and name.id in SELVES:
                name.id = SELVES[name.id]
            elif isinstance(name, ast.Name):
                name.id = HANDLES.get(name.id, name.id)
        return copy

    def _origin(self, name: str) -> str:
        for node in ast.walk(self._module):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return ast.unparse(_only(node, alias))
        if hasattr(sys.modules[self._function.__module__], name):
            return f"from {self._function.__module__} import {name}"
        message = f"Nothing says where {name}, an annotation of {self._name}, comes from"
        raise StaleError(message)


class _TwinClass:
    """A class whose methods are verbs, and the blocking one that is written for it."""

    def __init__(self, package: ModuleType, name: str, exported: Sequence[str]) -> None:
        self._name = name
        self._class: type = getattr(package, name)
        self._module = importlib.import_module(self._class.__module__)
        self._exported = exported
        (node,) = [node for node in _parse(self._module).body if isinstance(node, ast.ClassDef) and node.name == name]
        self._base = node.bases[0]
        self._bound: dict[str, _Verb] = {}
        self._own: list[_Verb] = []
        self._of_class: list[_Verb] = []
        self._kept: list[str] = []
        for each in node.body:
            match each:
                case ast.AsyncFunctionDef(name=method, decorator_list=[ast.Name(id="classmethod")]):
                    self._of_class.append(_Verb(package, method, getattr(self._module, method), exported, each))
                case ast.AsyncFunctionDef(name=method):
                    self._own.append(_Verb(package, method, getattr(self._class, method), exported, each))
                case ast.Assign(targets=[ast.Name()], value=ast.Name(id=twin)) if twin in TWIN_CLASSES:
                    self._kept.append(ast.unparse(each))
                case ast.Assign(targets=[ast.Name(id=method)]) | ast.AnnAssign(target=ast.Name(id=method)):
                    function = getattr(self._class, method)
                    if _is_async(function):
                        self._bound[method] = _Verb(package, function.__name__, function, exported)

    def source(self) -> str:
        """Return the class's source, not yet formatted."""
        summary = (
            (inspect.getdoc(self._class) or "").partition("\n")[0].replace(", asynchronous", "").replace("await ", "")
        )
        lines = [f'"""{summary}"""']
        if "__slots__" in vars(self._class):
            lines.append("__slots__ = ()")
        lines += [f"{name} = {there}" for name, _, there in BY_HAND.get(self._name, ())]
        lines += self._kept
        lines += [verb.class_method() for verb in self._of_class]
        lines += [verb.bound(name) for name, verb in self._bound.items()]
        lines += [verb.method(self._name) for verb in self._own]
        return f"class {self._name}({ast.unparse(self._base)}):\n" + textwrap.indent("\n".join(lines), "    ")

    def needs(self) -> Iterator[str]:
        """Yield the imports that the class needs when it runs."""
        yield from (line for _, line, _ in BY_HAND.get(self._name, ()))
        yield from (verb.function_behind() for verb in self._of_class)
        for name in sorted(_names([self._base]) - {*self._exported, *TWIN_CLASSES}):
            yield f"from {self._module.__name__} import {name}"

    def imports(self) -> Iterator[str]:
        """Yield the imports that the annotations need."""
        yield "from typing import Self"
        for verb in (*self._bound.values(), *self._own, *self._of_class):
            yield from verb.imports()


class _HandleClass:
    """The class of what a context manager enters, and the blocking one that is written for it."""

    def __init__(self, package: ModuleType, name: str, exported: Sequence[str]) -> None:
        self.name = name
        self._class: type = getattr(package, name)
        module = _parse(importlib.import_module(self._class.__module__))
        found = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
        self._methods = [
            _Verb(package, node.name, _function_of(vars(self._class)[node.name]), exported, node)
            for node in found[0].body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (not node.name.startswith("_") or ast.get_docstring(node))
        ]

    def source(self) -> str:
        """Return the class's source, not yet formatted."""
        summary = (inspect.getdoc(self._class) or "").partition("\n")[0]
        lines = [
            f'"""{summary}"""',
            f"def __init__(self, handle: _aios3.{self.name}) -> None:",
            "    self._handle = handle",
            *(method.delegated() for method in self._methods),
        ]
        return f"class {HANDLES[self.name]}:\n" + textwrap.indent("\n".join(lines), "    ")

    def imports(self) -> Iterator[str]:
        """Yield the imports that the annotations need."""
        for method in self._methods:
            yield from method.imports()


def _is_opening(returns: ast.expr) -> bool:
    """Tell whether this is the type of what opens a member when it is awaited or entered."""
    return ast.unparse(returns).startswith("Opening[")


def _function_of(member: object) -> Callable[..., object]:
    function = member.fget if isinstance(member, property) else member
    assert callable(function)
    return function


def _of_self(parameters: ast.arguments, name: str = "self") -> ast.arguments:
    """Return the parameters with ``self``, or another ``name``, in the place of the first one."""
    copy = ast.arguments(**dict(ast.iter_fields(parameters)))
    copy.args = [ast.arg(name), *parameters.args[1:]]
    return copy


def _is_async_only(name: str) -> bool:
    return name == "aopen" or name.startswith("Async")


def _is_async(value: object) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value) or _is_context(value)


def _is_context(value: object) -> bool:
    """Tell whether ``value`` is an async generator function that was made a context manager."""
    made_of = inspect.unwrap(value) if inspect.isfunction(value) else value
    return made_of is not value and inspect.isasyncgenfunction(made_of)


def _only(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.Import | ast.ImportFrom:
    if isinstance(node, ast.Import):
        return ast.Import([alias])
    return ast.ImportFrom(node.module, [alias], node.level)


def _parse(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _item(returns: ast.expr) -> ast.expr:
    """Return the type of the items of an annotation like ``AsyncIterator[str]`` or ``AsyncGenerator[str, None]``."""
    if not isinstance(returns, ast.Subscript):
        message = f"{ast.unparse(returns)} does not say what is yielded"
        raise StaleError(message)
    return returns.slice.elts[0] if isinstance(returns.slice, ast.Tuple) else returns.slice


def _names(annotations: Iterable[ast.expr]) -> set[str]:
    nodes = (node for annotation in annotations for node in ast.walk(annotation))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _format(source: str) -> str:
    """Sort and format ``source`` by the rules of the project, which ruff finds from the name of the file."""
    name = f"--stdin-filename={TARGET}"
    for command in (["check", "--quiet", "--fix", "--select=I,RUF022"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, name, "-"]
        source = subprocess.run(ruff, input=source, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return source


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or only check it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the file is stale")
    check = parser.parse_args(arguments).check
    source = render(importlib.import_module("aios3"))
    if source == (TARGET.read_text() if TARGET.exists() else ""):
        return 0
    if check:
        print(f"{TARGET} is stale: run python {Path(__file__).name}", file=sys.stderr)
        return 1
    TARGET.write_text(source)
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
