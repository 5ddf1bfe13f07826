"""PyPI's ``aios3`` is another project: a program that has both in one folder is told so, not broken in odd ways."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aios3

OTHERS_FILES = ("__about__.py", "file.py", "stream_iter.py")
"""What its wheels of 0.2.0 to 1.0.4 have beside ``__init__.py``."""


def import_from(folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); import aios3; print(aios3.__file__)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-I", "-c", program]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # a copy is not measured


@pytest.fixture
def copy(tmp_path):
    source = Path(aios3.__file__).parent
    shutil.copytree(source, tmp_path / "aios3", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_package_alone_can_be_imported(copy):
    done = import_from(copy)
    assert (done.returncode, done.stdout.strip()) == (0, str(copy / "aios3" / "__init__.py"))


def test_a_folder_with_files_of_both_projects_is_rejected_with_the_way_out(copy):
    for name in OTHERS_FILES:
        (copy / "aios3" / name).write_text("")
    done = import_from(copy)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: two projects are installed")
    assert "pip uninstall aios3 aios3-io" in last


def test_no_module_of_ours_has_a_name_of_the_other_project():
    ours = {path.name for path in Path(aios3.__file__).parent.iterdir()}
    assert not ours & set(OTHERS_FILES)
