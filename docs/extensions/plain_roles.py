# ruff: noqa: INP001 - loaded by mkdocstrings from its path; no package
"""Show the docstrings of aios3 in Markdown: Sphinx's roles become code, its literal blocks ordinary ones.

The docstrings use roles because editors and pydoc readers know them; mkdocstrings reads Markdown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import griffe

if TYPE_CHECKING:
    from typing import Any

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_LITERAL_BLOCK = re.compile(r"::$", re.MULTILINE)


class PlainRoles(griffe.Extension):
    """Rewrites every docstring after it has been read."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: Any) -> None:  # noqa: ANN401 - griffe's own signature
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = _LITERAL_BLOCK.sub(":", text)
