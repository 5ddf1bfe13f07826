"""Print how many coroutines each of the usual operations begins; which ones, for operations that are named.

``python tools/count_coroutines.py "read_bytes, small"``. ``tests/test_routes.py`` has the most that each may be.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from routes import main

if __name__ == "__main__":
    main(sys.argv[1:])
