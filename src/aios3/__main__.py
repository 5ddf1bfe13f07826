"""``python -m aios3``: the command line."""

from __future__ import annotations

import sys

from aios3.cli import main

if __name__ == "__main__":
    sys.exit(main())
