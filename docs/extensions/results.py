# ruff: noqa: INP001 - loaded by mkdocs from its path; no package
"""Put the chart of the last measurement, which lies outside of ``docs``, beside the pages.

A page links to the file where it is, so that the page also reads well on a code host. Where nothing is stored yet, the
page says so in the place of the chart and the table.
"""

from __future__ import annotations

import re
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
NOT_STORED = "*No measurement is stored yet: `nox -s bench` makes one.*"

_OF_RESULTS = re.compile(rf"^(?:!\[[^]]*\]\(\.\./|--8<-- \"){IN_REPOSITORY}/([\w.]+)[)\"]$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the charts to what is copied into the site."""
    for name in CHARTS:
        if (chart := _folder(config) / name).exists():
            files.append(File.generated(config, f"{IN_SITE}/{name}", abs_src_path=str(chart)))
    return files


def on_page_markdown(markdown: str, *, config: MkDocsConfig, **_page: Any) -> str:  # noqa: ANN401 - mkdocs passes more
    """Link to the copy, and say what is not stored."""
    folder = _folder(config)
    told = _OF_RESULTS.sub(lambda line: line[0] if (folder / line[1]).exists() else NOT_STORED, markdown)
    return told.replace(f"(../{IN_REPOSITORY}/", f"({IN_SITE}/")


def _folder(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent / IN_REPOSITORY
