"""Write ``MODULE_signatures.json`` from another library's own page: names, parameters and defaults, no text.

    python tests/compat/read_reference_page.py MODULE PAGE

The page's signatures are as Sphinx writes them, each a line, all with bullets or none, such as
``- megfile.s3.s3_stat(path: str, ...) -> ...``. Lines without the library's name are methods of the class above.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
_SIGNATURE = re.compile(
    r"^(?P<bullet>- )?(?P<kind>class |static )?(?P<module>(?:\w+\.)+)?(?P<name>\w+)"
    r"\((?P<parameters>[^()]*)\)(?: .*)?(?:\[source\])?$",
    re.MULTILINE,
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


def signatures(text: str) -> dict[str, list[list[str | None]]]:
    """Return the signatures of a page by name; a method's begins with its class."""
    found = {}
    matches = list(_SIGNATURE.finditer(text))
    bullet = "- " if any(match["bullet"] and match["module"] for match in matches) else None
    owner = ""
    for match in matches:
        if match["bullet"] != bullet:
            continue  # an example
        if match["module"]:
            owner = f"{match['name']}." if match["kind"] == "class " else ""
        name = match["name"] if match["module"] else owner + match["name"]
        found[name] = signature(match["parameters"])
    return found


def main(module: str, page: str) -> None:
    found = signatures(Path(page).read_text(encoding="utf-8"))
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(rows)}" for name, rows in sorted(found.items()))
    (FOLDER / f"{module}_signatures.json").write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
