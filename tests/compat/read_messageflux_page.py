"""Write ``messageflux_signatures.json`` from messageflux's own page of ``s3bucket``: names and parameters, no text.

    python tests/compat/read_messageflux_page.py PAGE

The page has each class and method as a line with its name, followed by its signature; a property follows its name as
``name property``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from read_reference_page import signature

TARGET = Path(__file__).parent / "messageflux_signatures.json"
_ENTRY = re.compile(
    r"^(?P<name>\w+)(?: (?P<kind>property|staticmethod))?\n\n(?P=name)(?P<parameters>\([^)]*\))?$", re.MULTILINE
)
_BASES = re.compile(r"^(?P<name>\w+)\n\nBases: (?P<base>\w+)$", re.MULTILINE)


def read(text: str) -> dict[str, object]:
    """Return the parameters of each function, ``property``, or the base of each error, by dotted name.

    A static method's name has ``static`` before it. Arguments that are anybody's are ``["kwargs", "any", null]``.
    """
    found: dict[str, object] = {match["name"]: f"error: {match['base']}" for match in _BASES.finditer(text)}
    owner = ""
    for match in _ENTRY.finditer(text):
        name = match["name"]
        if name[0].isupper():
            owner = name
        dotted = name if name == owner else f"{owner}.{name}"
        if match["kind"] == "property":
            found[dotted] = "property"
            continue
        parameters = match["parameters"][1:-1].strip()
        rows = [*signature(parameters), *([["kwargs", "any", None]] if "**kwargs" in parameters else [])]
        found[f"static {dotted}" if match["kind"] else dotted] = rows
    return found


def main(page: str) -> None:
    found = sorted(read(Path(page).read_text(encoding="utf-8")).items())
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in found)
    TARGET.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
