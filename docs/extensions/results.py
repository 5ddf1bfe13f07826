# ruff: noqa: INP001 - loaded by mkdocs from its path; no package
"""Put the chart of the last measurement, which lies outside of ``docs``, beside the pages.

A page links to the file where it is, so that the page also reads well on a code host.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from typing import Any

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

IN_REPOSITORY = "benchmarks/results"
IN_SITE = "results"
CHARTS = ("bench.svg",)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the charts to what is copied into the site."""
    folder = Path(config.config_file_path).parent / IN_REPOSITORY
    for name in CHARTS:
        files.append(File.generated(config, f"{IN_SITE}/{name}", abs_src_path=str(folder / name)))
    return files


def on_page_markdown(markdown: str, **_page: Any) -> str:  # noqa: ANN401 - mkdocs passes more than is needed
    """Link to the copy."""
    return markdown.replace(f"(../{IN_REPOSITORY}/", f"({IN_SITE}/")
