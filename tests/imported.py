"""What a program imports."""

from __future__ import annotations

import os
import subprocess
import sys


def imported_by(program: str, **environ: str) -> set[str]:
    """Run ``program`` in a process of its own, and return the names of the modules that are loaded at its end.

    The process is not measured: coverage imports modules before the program, and they would be taken for the program's.
    """
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        env=surroundings | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {*done.stdout.split()}
