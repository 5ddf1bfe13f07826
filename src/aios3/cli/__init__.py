"""The program ``aios3``: commands of the shell over the verbs of the library. Parsing and printing only."""

from __future__ import annotations

from aios3.cli._main import main

__all__ = ["main"]
