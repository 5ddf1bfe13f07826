"""Print how many coroutines each of the usual operations begins; which ones, for operations that are named.

``python tools/count_coroutines.py "read_bytes, small"``. ``tests/routes.py`` has the most that each may be. A clone is
enough: nothing needs to be installed but what aios3 depends on.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

    from routes import main

    main(sys.argv[1:])
