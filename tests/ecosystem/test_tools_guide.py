"""The programs of the guide to tools: each runs as it stands, and prints what the guide says."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "tools.md"
PROGRAMS = dict(
    re.findall(
        r"^## (.+?)\n(?:(?!^## |^```python)[^\n]*\n)*^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL
    )
)
TOOLS = ("pandas", "Dask", "pyarrow", "zarr", "xarray", "datasets", "DuckDB", "torch", "NumPy", "UPath", "obspec")


def test_every_tool_of_the_guide_is_known_here():
    assert tuple(PROGRAMS) == TOOLS
    assert GUIDE.read_text().count("```python") == len(TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_program_of_the_guide_prints_what_it_says(tool, aios3_server, aios3_bucket):
    program = PROGRAMS[tool]
    for name in re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    expected = re.findall(r"print\(.*\)  # (.+)$", program, re.MULTILINE)
    assert expected
    bucket = aios3_bucket.removeprefix("s3://")
    program = re.sub(r"(?<=[\"/'])bucket(?=/)", bucket, program)
    credentials = aios3_server.config["credentials"]
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": aios3_server.endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_REGION": "us-east-1",
    }
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-W", "error::ResourceWarning", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines() == expected
    assert "Warning" not in shown.stderr
