"""Write ``megfile_signatures.json`` from megfile's own page of ``megfile.s3``: names, parameters and defaults, no text.

    python tests/compat/read_reference_page.py PAGE

The page's long lines are signatures as Sphinx writes them, such as ``- megfile.s3.s3_stat(path: str, ...) -> ...``.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).parent / "megfile_signatures.json"
_SIGNATURE = re.compile(
    r"^- (?:class )?megfile\.s3\.(?P<name>\w+)\((?P<parameters>.*?)\)(?: .*)?(?:\[source\])?$", re.MULTILINE
)


def signature(parameters: str) -> list[list[str | None]]:
    """Return ``[name, kind, default]`` of each parameter; the kind is ``positional``, ``keyword`` or ``rest``."""
    function = ast.parse(f"def f({parameters}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    found = function.args
    defaults = [None] * (len(found.args) - len(found.defaults)) + [ast.unparse(value) for value in found.defaults]
    rows = [[argument.arg, "positional", value] for argument, value in zip(found.args, defaults, strict=True)]
    if found.vararg:
        rows.append([found.vararg.arg, "rest", None])
    for argument, value in zip(found.kwonlyargs, found.kw_defaults, strict=True):
        rows.append([argument.arg, "keyword", None if value is None else ast.unparse(value)])
    return rows


def main(page: str) -> None:
    text = Path(page).read_text(encoding="utf-8")
    found = {match["name"]: signature(match["parameters"]) for match in _SIGNATURE.finditer(text)}
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(rows)}" for name, rows in sorted(found.items()))
    TARGET.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
