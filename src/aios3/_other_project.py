"""Detect files of another project that PyPI calls ``aios3``: both packages lie in the folder ``aios3``."""

from __future__ import annotations

import os

_FILE_OF_THE_OTHER = "stream_iter.py"
"""In every release of the other project since its first; this package has no module of that name."""


def reject_other_project(folder: str) -> None:
    """Raise ImportError if another project's files lie in ``folder``, where this package is installed.

    Modules of the two would import each other's names, and uninstalling one would remove files of both.
    """
    # Not pathlib, which every program that imports aios3 would import for this alone.
    if os.path.exists(os.path.join(folder, _FILE_OF_THE_OTHER)):  # noqa: PTH110, PTH118
        message = (
            f"two projects are installed in {folder}: this one (aios3-io), and the other that PyPI calls aios3. "
            "Uninstall both (pip uninstall aios3 aios3-io), then install aios3-io again"
        )
        raise ImportError(message, name="aios3", path=folder)
