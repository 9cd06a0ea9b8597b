"""The result: a markdown table of medians, with ratios to the limit, and a figure of the same."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmark.cells import Cell, Mode, Row, all_modes


def table(rows: Sequence[Row]) -> str:
    """One line a cell, one column a mode: the median in ms (us for one image), and in brackets its ratio to GEMM."""
    labels = {name: mode.label for name, mode in all_modes().items()}
    present = {row.mode: None for row in rows}
    modes = [name for name in labels if name in present] + [name for name in present if name not in labels]
    lines = [["net", "batch", "optimizer", *(labels.get(name, name) for name in modes)]]
    lines.append(["---"] * len(lines[0]))
    for cell in dict.fromkeys(row.cell for row in rows):
        found = {row.mode: row for row in rows if row.cell == cell}
        shown = [_number(found[name]) if name in found else "" for name in modes]
        lines.append([cell.net, str(cell.batch), cell.optimizer, *shown])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(row: Row) -> str:
    one_image = row.task == "infer" and row.batch == 1
    value = f"{1000 * row.ms_median:.1f} us" if one_image else f"{row.ms_median:.{0 if row.ms_median > 99 else 1}f}"
    if row.mode.startswith("gemm") or row.ratio_to_gemm is None:
        return value
    return f"{value} ({row.ratio_to_gemm:.2f})"


def spread(rows: Sequence[Row]) -> str:
    """How far the rounds lay apart, how busy others kept the machine, and what ran."""
    if not rows:
        return "Nothing was measured."
    apart = fmean((row.ms_max - row.ms_min) / row.ms_median for row in rows)
    foreign = [row.foreign_cores for row in rows if row.foreign_cores is not None]
    busy = f"; others kept {fmean(foreign):.2f} cores busy (at most {max(foreign):.2f})" if foreign else ""
    versions = sorted({part for row in rows for part in row.kernel.split(", ") if part})
    return (
        f"Medians of {min(row.rounds for row in rows)} or more interleaved rounds, {100 * apart:.0f} % between the slowest and "
        f"the fastest on average{busy}.\n{platform.machine()}, {_processor()}, {os.cpu_count()} cores; "
        f"{', '.join([f'Python {platform.python_version()}', *versions])}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor")


def draw(rows: Sequence[Row], path: Path) -> None:
    """A dot per cell and mode: its time over the limit's on all cores, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    modes: dict[str, Mode] = all_modes()
    limit = max((name for name in modes if name.startswith("gemm")), key=lambda name: modes[name].cores)
    base = {row.cell: row.ms_median for row in rows if row.mode == limit}
    cells = [cell for cell in dict.fromkeys(row.cell for row in rows) if cell in base]
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.32 * len(cells)), layout="constrained")
    markers = "os^DvP*Xd<>"
    for i, name in enumerate(name for name in modes if name != limit and any(row.mode == name for row in rows)):
        shown = [row for row in rows if row.mode == name and row.cell in base]
        ratios = [row.ms_median / base[row.cell] for row in shown]
        heights = [cells.index(row.cell) for row in shown]
        ours = modes[name].module == "engines"
        face = f"C{i}" if ours else "none"
        axes.scatter(ratios, heights, marker=markers[i % len(markers)], c=face, edgecolors=f"C{i}", label=modes[name].label)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(cells)), [_title(cell) for cell in cells])
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = [0.5, 1, 1.5, 2, 3, 5, 10]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel(f"time / time of the matrix products alone ({modes[limit].label})")
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _title(cell: Cell) -> str:
    return f"{cell.net}, {cell.batch}" + ("" if cell.optimizer in ("sgd", "none") else f", {cell.optimizer}")
