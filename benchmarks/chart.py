"""Draw the chart: the CPU of each library relative to aios3, and what it gets from a slow server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

OWN = "aios3"
STYLES = {
    "obstore": ("#d1495b", "o"),
    "opendal": ("#edae49", "s"),
    "pyarrow": ("#00798c", "^"),
    "aiobotocore": ("#30638e", "D"),
    "boto3": ("#7d5ba6", "v"),
    "s3fs": ("#66a182", "P"),
    "megfile": ("#8d6a4f", "X"),
    "smart_open": ("#7a8793", "<"),
    "s5cmd": ("#9a8f86", ">"),
    "rclone": ("#5f6b3a", "*"),
}
OWN_COLOUR = "#111111"
CPU_ROWS = (
    "read",
    "read, chunks",
    "read, TLS",
    "ranges",
    "ranges, TLS",
    "random",
    "write",
    "write, unsigned",
    "write, TLS",
    "small get",
    "small get, bulk",
    "small put",
    "small put, bulk",
    "list",
    "sync",
)
RATE_ROWS = ("read, S3-like", "write, S3-like", "list, S3-like", "sync, S3-like")

Table = dict[str, dict[str, float]]


def write(folder: Path, table: Table) -> None:
    """Write ``bench.png`` and ``bench.svg``."""
    mpl.rcParams.update({"svg.hashsalt": "aios3", "font.family": "DejaVu Sans", "font.size": 10})
    cpu, rate = _shown(CPU_ROWS, table), _shown(RATE_ROWS, table)
    if not cpu and not rate:
        return
    heights = [max(len(cpu), 1), max(len(rate), 1)]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(10, 2.6 + 0.36 * sum(heights)), height_ratios=heights, layout="constrained", facecolor="white"
    )
    _panel(above, cpu, table, "CPU time of the client, relative to aios3 (further left is better)")
    _panel(below, rate, table, "Rate with an S3-like server, relative to aios3 (further right is better)")
    handles, labels = _legend(above, below)
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    for name, metadata in (("bench.png", {"Software": None}), ("bench.svg", {"Date": None})):
        figure.savefig(folder / name, dpi=150, metadata=metadata)
    plt.close(figure)


def _shown(names: tuple[str, ...], table: Table) -> list[str]:
    return [name for name in names if OWN in table[name] and len(table[name]) > 1]


def _panel(axes: Axes, names: list[str], table: Table, title: str) -> None:
    """Draw one line a workload, one mark a library, aios3 at 1."""
    lines = range(len(names), 0, -1)
    for line, name in zip(lines, names, strict=True):
        ratios = {library: figure / table[name][OWN] for library, figure in table[name].items()}
        axes.plot([min(ratios.values()), max(ratios.values())], [line, line], color="#e3e3e3", linewidth=3, zorder=1)
        for library, ratio in ratios.items():
            if library != OWN:
                colour, marker = STYLES[library]
                axes.plot(
                    ratio, line, marker, color=colour, markersize=9, markeredgecolor="white", zorder=3, label=library
                )
        axes.plot(1, line, "|", color=OWN_COLOUR, markersize=20, markeredgewidth=5, zorder=2, label=OWN)
    axes.axvline(1, color=OWN_COLOUR, linewidth=1, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(mpl.ticker.LogLocator(base=10, subs=(1, 2, 5), numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.set_yticks(list(lines), [_label(name, table) for name in names])
    axes.set_ylim(0.4, len(names) + 0.6)
    axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
    axes.grid(axis="x", color="#eeeeee", zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)


def _label(name: str, table: Table) -> str:
    import report  # noqa: PLC0415 - it asks for the chart
    import rows  # noqa: PLC0415 - likewise

    unit = rows.UNITS[rows.BY_NAME[name].metric].replace(" CPU per GiB", "/GiB").replace(" CPU", "")
    return f"{name}   {report.number(table[name][OWN])} {unit}"


def _legend(*panels: Axes) -> tuple[list[object], list[str]]:
    """Return one entry a library: aios3 first, then in the order of ``STYLES``."""
    found: dict[str, object] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = [name for name in (OWN, *STYLES) if name in found]
    return [found[name] for name in labels], labels
