"""A minute of CPython's own tests with ``open`` led to S3; ``nox -s stdlib`` runs them all."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[1] / "stdlib" / "run.py"


@pytest.mark.skipif(importlib.util.find_spec("test.support") is None, reason="this Python has no package test")
@pytest.mark.timeout(600)
def test_the_quick_suites_differ_only_where_it_is_written_down():
    result = subprocess.run([sys.executable, str(RUNNER), "--quick"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 unexplained" in result.stdout
