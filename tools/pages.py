"""Pages that are generated: written, or compared with what is there."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_or_check(page: Path, text: str, tool: str) -> int:
    """Write ``text`` to ``page``, or with ``--check`` compare; return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the page is out of date")
    if not parser.parse_args().check:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.read_text(encoding="utf-8") == text:
        return 0
    print(f"{page} is out of date; run: python tools/{tool}", file=sys.stderr)
    return 1
