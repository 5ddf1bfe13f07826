"""The house rules that no linter knows."""

from __future__ import annotations

import ast
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
