"""Which local files this process has open."""

from __future__ import annotations

from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")


def open_files_below(directory: Path) -> list[str]:
    """Return the files below ``directory`` that are open, also those without a name; none where no system tells."""
    if not _DESCRIPTORS.is_dir():
        return []
    links = [str(each.readlink()) for each in _DESCRIPTORS.iterdir() if each.is_symlink()]
    return [link for link in links if link.startswith(f"{directory}/")]
