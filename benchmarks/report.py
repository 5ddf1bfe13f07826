"""Turn ``bench.json`` into the table, and ask for the chart: ``python benchmarks/report.py`` does it again."""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rows
from libraries import NAMES

if TYPE_CHECKING:
    from rows import Metric, Row, Target

OWN = "aios3"
PROGRAMS = ("s5cmd", "rclone")
MIB, GIB = 1 << 20, 1 << 30

Results = dict[str, Any]


def figure_of(metric: Metric, run: dict[str, Any]) -> float:
    """Return the figure of one run, in the metric's unit."""
    cpu = run["user"] + run["system"]
    match metric:
        case "cpu_gib":
            return float(cpu / run["bytes"] * GIB)
        case "cpu_unit":
            return float(cpu / run["units"] * 1e6)
        case "mib_rate":
            return float(run["bytes"] / MIB / run["wall"])
        case "unit_rate":
            return float(run["units"] / run["wall"])
        case "wall":
            return float(run["wall"])
        case "rss":
            return float(run["peak_rss"] / 1e6)


def medians(results: Results) -> dict[str, dict[str, float]]:
    """Return the median of each library in each row."""
    runs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in results["runs"]:
        runs[run["row"], run["library"]].append(run)
    table: dict[str, dict[str, float]] = {}
    for row in rows.ROWS:
        table[row.name] = {}
        for name in NAMES:
            source = row.peers_from if row.peers_from and name != OWN else rows.measured_row(row).name
            if measured := runs.get((source, name)):
                table[row.name][name] = statistics.median(figure_of(row.metric, run) for run in measured)
    return table


def bound_of(row: Row, target: Target, table: dict[str, dict[str, float]]) -> float | None:
    """Return the figure that ``target`` asks for; None if the peer was not measured."""
    if target.limit is not None:
        return target.limit
    peer = table[target.peer_row or row.name].get(target.peer)
    return None if peer is None else target.factor * peer


def reached(row: Row, table: dict[str, dict[str, float]]) -> bool | None:
    """Say whether aios3 reaches all targets of the row; None if something was not measured."""
    own = table[row.name].get(OWN)
    bounds = [bound_of(row, target, table) for target in row.targets]
    if own is None or None in bounds:
        return None
    return all(rows.reaches(row.metric, own, bound) for bound in bounds if bound is not None)


def write(folder: Path, results: Results) -> str:
    """Write the table and the chart into ``folder``; return the table."""
    table = medians(results)
    text = "\n".join([*_lines(results, table), "", *_notes(results), ""])
    (folder / "table.md").write_text(text)
    try:
        import chart  # noqa: PLC0415 - it needs matplotlib, which the table does not
    except ImportError as error:
        print(f"no chart: {error}", file=sys.stderr)
    else:
        chart.write(folder, table)
    return text


def _lines(results: Results, table: dict[str, dict[str, float]]) -> list[str]:
    measured = [row for row in rows.ROWS if table[row.name] or _failed(results, row)]
    head = [
        "| workload | what | unit | aios3 | target | reached | others, best first |",
        "|---|---|---|--:|---|---|---|",
    ]
    return [*head, *(_line(row, results, table) for row in measured)]


def _line(row: Row, results: Results, table: dict[str, dict[str, float]]) -> str:
    own = table[row.name].get(OWN)
    figure = "not measured" if own is None else f"**{number(own)}**"
    verdict = {True: "yes", False: "**no**", None: "not measured"}[reached(row, table)]
    targets = ", ".join(_target(row, target, table) for target in row.targets)
    cells = (row.name, row.what, rows.UNITS[row.metric], figure, targets, verdict, _peers(row, results, table))
    return f"| {' | '.join(cells)} |"


def _target(row: Row, target: Target, table: dict[str, dict[str, float]]) -> str:
    sign = "≥" if row.metric in rows.MORE_IS_BETTER else "≤"
    bound = bound_of(row, target, table)
    if target.limit is not None:
        return f"{sign} {number(target.limit)}"
    factor = "" if target.factor == 1 else f"{target.factor:g} times "
    of = f"{target.peer} ({target.peer_row})" if target.peer_row else target.peer
    return f"{sign} {factor}{of}" + (f" = {number(bound)}" if bound is not None and target.factor != 1 else "")


def _peers(row: Row, results: Results, table: dict[str, dict[str, float]]) -> str:
    peers = {name: figure for name, figure in table[row.name].items() if name != OWN}
    ordered = sorted(peers, key=peers.__getitem__, reverse=row.metric in rows.MORE_IS_BETTER)
    shown = [f"{name}{'*' if name in PROGRAMS else ''} {number(peers[name])}" for name in ordered]
    return ", ".join([*shown, *_failed(results, row)])


def _failed(results: Results, row: Row) -> list[str]:
    source = row.peers_from or rows.measured_row(row).name
    return [f"{name} failed" for name in NAMES if f"{source}: {name}" in results["failures"]]


def number(figure: float) -> str:
    """Return a figure with as many digits as it is worth."""
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def _notes(results: Results) -> list[str]:
    machine = results["machine"]
    how = (
        f"Measured {results['date']}: {machine['processor']}, {machine['processors']} processors, "
        f"Linux {machine['kernel']}, Python {machine['python']}{_openssl(machine)}; {_rounds(results)}. "
        "CPU is user + system of the client. \\* a process of its own, measured whole, with its start. "
        + results.get("note", "")
    )
    lines = [
        how,
        "",
        "| library | versions | what to know | not measured |",
        "|---|---|---|---|",
    ]
    for name, one in results["libraries"].items():
        versions = ", ".join(f"{package} {version}" for package, version in one["versions"].items())
        absent = "; ".join(f"{workload}: {reason}" for workload, reason in one["absent"].items())
        lines.append(f"| {name} | {versions} | {one['note']} | {absent} |")
    failures = [f"- {what} failed: {_one_line(why)}" for what, why in results["failures"].items()]
    return [*lines, *(["", *failures] if failures else [])]


def _openssl(machine: dict[str, Any]) -> str:
    return f", {machine['openssl']}" if "openssl" in machine else ""


def _rounds(results: Results) -> str:
    if results.get("quick"):
        return "one round of parts of the workloads (`--quick`)"
    return f"medians of {results['rounds']} rounds in {results['minutes']:.0f} minutes"


def _one_line(text: str) -> str:
    return text.replace("|", "/").replace("<", "(").replace(">", ")").replace("\n", " ")


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "results")
    print(write(place, json.loads((place / "bench.json").read_text())))
