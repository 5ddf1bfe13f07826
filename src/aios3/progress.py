"""Progress bars for ``progress=``. Nothing in aios3 shows one by itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from aios3._trees.progress_reporter import Progress, TransferState

__all__ = ["rich_progress"]


@contextmanager
def rich_progress(description: str = "Transferring", *, console: Console | None = None) -> Iterator[Progress]:
    """Show a bar of ``rich`` while the ``with`` block runs, and yield what ``progress=`` takes.

    It is drawn on the standard error, or on ``console``. Needs ``rich``: ``pip install rich``. Raises
    ModuleNotFoundError without it.
    """
    from rich import progress as bars  # noqa: PLC0415 - optional
    from rich.console import Console  # noqa: PLC0415 - optional

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TextColumn("{task.fields[files]} files"),
    )
    with bars.Progress(*columns, console=console or Console(stderr=True)) as shown:
        task = shown.add_task(description, total=None, files="0")

        def update(state: TransferState, /) -> None:
            files = f"{state.files_done:,}/{state.files_total:,}"
            shown.update(task, completed=state.bytes_done, total=state.bytes_total, files=files)

        yield update
