"""The Python blocks of a Markdown page, run one after the other as a reader would type them."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code; ``reason`` says why it is not run."""

    page: Path
    line: int
    code: str
    reason: str | None

    @property
    def promised(self) -> list[str]:
        """The lines that the block says it prints: those after ``# -> ``."""
        return re.findall(r"^ *# -> ?(.*)$", self.code, re.MULTILINE)

    def compile(self):
        """Compile it, with ``await`` allowed at the top as in ``python -m asyncio``."""
        padded = "\n" * self.line + self.code
        return compile(padded, str(self.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def blocks_of(page: Path) -> list[Block]:
    """Return the Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start("code")), match["code"], match["reason"])
        for match in _BLOCK.finditer(text)
    ]


def run_page(page: Path, namespace: dict[str, object]) -> list[tuple[Block, list[str]]]:
    """Run a page's blocks in one namespace and on one loop; return what each printed."""
    printed = []
    with asyncio.Runner() as runner:
        for block in blocks_of(page):
            if block.reason is None:
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    run_block(block, namespace, runner)
                printed.append((block, output.getvalue().splitlines()))
    return printed


def run_block(block: Block, namespace: dict[str, object], runner: asyncio.Runner) -> None:
    """Run one block: as a coroutine if it awaits something, else as a plain script."""
    code = block.compile()
    if code.co_flags & inspect.CO_COROUTINE:
        runner.run(eval(code, namespace))
    else:
        exec(code, namespace)
