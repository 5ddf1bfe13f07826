"""Fuzz one target with atheris: ``python fuzz/fuzz.py heads CORPUS -max_total_time=60``; what follows is libFuzzer's.

The files that it finds interesting stay in the corpus; one that breaks a promise is written to ``crash-*``.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["aios3"]):
    from targets import TARGETS


def main() -> None:
    """Run the target that the first argument names."""
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
