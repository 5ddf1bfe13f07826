"""The house rules that no linter knows."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import aios3

ROOT = Path(aios3.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
SCOPES = {"TaskGroup", "create_task_group", "CancelScope", "fail_after", "move_on_after", "timeout", "timeout_at"}


def named(module):
    return module.relative_to(ROOT).as_posix()


def called(item):
    call = item.context_expr
    function = call.func if isinstance(call, ast.Call) else call
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def yields_in_scopes(tree):
    """Return the lines that yield, or return from a generator, while a task group or cancel scope is open."""
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        if any(getattr(decorator, "id", "") == "asynccontextmanager" for decorator in function.decorator_list):
            continue
        for block in ast.walk(function):
            if isinstance(block, ast.With | ast.AsyncWith) and SCOPES & {called(item) for item in block.items}:
                found += [node.lineno for node in ast.walk(block) if isinstance(node, ast.Yield)]
    return found


def test_the_check_of_yields_sees_one():
    code = "async def f():\n    async with asyncio.TaskGroup() as g:\n        yield 1\n"
    assert yields_in_scopes(ast.parse(code)) == [3]


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_nothing_yields_while_a_task_group_or_cancel_scope_is_open(module):
    """What is started in one task and left in another breaks both; what yields inside may be left anywhere."""
    assert yields_in_scopes(ast.parse(module.read_text("utf-8"))) == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_only_the_boto_backend_sees_botocore(module):
    imported = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add((node.module or "").partition(".")[0])
    seen = imported & {"aiobotocore", "aiohttp", "boto3", "botocore"}
    assert not seen or named(module).startswith("_boto/")


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_modules_and_functions_stay_small(module):
    text = module.read_text("utf-8")
    generated = "Do not edit" in text[:200]
    assert generated or text.count("\n") <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno <= 60, node.name


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_every_module_says_its_one_job(module):
    assert ast.get_docstring(ast.parse(module.read_text("utf-8")))


# Imports between files


def module_name(path):
    parts = ("aios3", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path): path for path in MODULES}


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def statements(node, *, types):
    """Yield every statement and expression below ``node``; those for type checkers only with ``types``."""
    for child in ast.iter_child_nodes(node):
        if is_for_type_checkers(child) and not types:
            yield from (each for branch in child.orelse for each in (branch, *statements(branch, types=types)))
        else:
            yield child
            yield from statements(child, types=types)


def imported(tree, names, *, types):
    """Return which of the modules ``names`` a module imports, in functions too."""
    found = set()
    for node in statements(tree, types=types):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (submodules & names) or {node.module}
    return found & names


def cycle_of(graph):
    """Return the modules of a cycle in order, the first also last; nothing if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import aios3.b", {"aios3.b"}),
        ("from aios3 import b", {"aios3.b"}),
        ("from aios3.b import name", {"aios3.b"}),
        ("def f():\n    from aios3.b import name\n", {"aios3.b"}),
        ("if TYPE_CHECKING:\n    import aios3.b\nelse:\n    import aios3.c\n", {"aios3.c"}),
        ("if typing.TYPE_CHECKING:\n    def f():\n        import aios3.b\n", set()),
    ],
)
def test_the_check_of_imports_sees_them(code, expected):
    assert imported(ast.parse(code), {"aios3.b", "aios3.c"}, types=False) == expected


def test_the_check_of_cycles_sees_one():
    assert cycle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not cycle_of({"a": {"b", "c"}, "b": {"c"}})


@pytest.mark.parametrize("types", [False, True])
def test_no_files_import_each_other(types):
    """Whoever reads one of them would have to read all of them first, and one of them could not be tested alone."""
    graph = {
        name: imported(ast.parse(path.read_text("utf-8")), NAMES.keys(), types=types) for name, path in NAMES.items()
    }
    if types:
        graph["aios3.errors"].remove("aios3._archive_error")  # the type of what its __getattr__ returns
    assert cycle_of(graph) == []
