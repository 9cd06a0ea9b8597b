"""The rule of ``training.processes=auto``: an epoch in the mode that it chooses, beside the same in all modes that can do it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.cells import Cell, Mode, Row, train_cells

LABELS = {"threads-1": "1 thread", "processes-2": "2 processes"}
SLACK = 1.05
"""How much longer than in the best mode an epoch may take."""

HELD_OUT = (
    ("16", 32, "sgd"), ("48", 256, "sgd"), ("64", 64, "sgd"), ("200", 100, "sgd"), ("300-100", 64, "sgd"), ("384-96", 200, "sgd"),
    ("256x4", 64, "sgd"), ("2000", 256, "sgd"), ("100x6", 128, "sgd"), ("300-100", 64, "adam"), ("256x4", 64, "adam"),
    ("384-96", 200, "momentum"), ("300-100+dropout", 64, "sgd"), ("300-100+batchnorm", 64, "sgd"),
    ("300-100+layernorm", 64, "sgd"), ("512-256+layernorm", 128, "sgd"), ("512-256", 128, "muon"),
)  # fmt: skip
"""Other shapes than the table's, of which 64, 48, 100x6 and 256x4 were looked at while the rule was made, and what two processes
cannot do. Augmented images come in blocks, a step that waits for
one is not like the others, and the first quartile of steps knows nothing of it: `benchmark.py augment` measures them."""


def auto_cells(nets: Sequence[str]) -> list[Cell]:
    """The table's cells, and those of `HELD_OUT`; with ``nets``, of these networks alone."""
    known = [(cell.net, cell.batch, cell.optimizer) for cell in train_cells([], [], [])]
    return [Cell("auto", *parts) for parts in (*known, *HELD_OUT) if not nets or parts[0] in nets]


def auto_modes(modes: Sequence[Mode]) -> list[Mode]:
    """Those of this project's trainer."""
    return [mode for mode in modes if mode.module == "engines" and not mode.name.startswith("gemm")]


def chosen_mode(cell: Cell) -> str:
    """The name of the mode that the rule chooses on this machine for a long training of the cell."""
    from benchmark.child import Images
    from benchmark.engines import experiment
    from mnist_np.engine.threads import blas_threads
    from mnist_np.machine import cores
    from mnist_np.training.auto_mode import mode_of

    with blas_threads(cores()):  # as where nothing limits it
        what = experiment(cell, "auto")
        mode = mode_of(what, Images().dataset, what.build_network(784, 10, drawn=False).layers)
    return f"processes-{mode.processes}" if mode.processes > 1 else f"threads-{mode.threads}"


def ratios(rows: Sequence[Row]) -> dict[Cell, float]:
    """By cell: the time in the chosen mode over that in the best one, each of its least disturbed round."""
    found = {}
    order = {cell: place for place, cell in enumerate(auto_cells([]))}
    for cell in sorted({row.cell for row in rows}, key=lambda cell: (order.get(cell, len(order)), cell.net)):
        times = {row.mode: row.ms_min for row in rows if row.cell == cell}
        chosen = next(row.chosen for row in rows if row.cell == cell)
        if chosen in times:
            found[cell] = times[chosen] / min(times.values())
    return found


def auto_table(rows: Sequence[Row]) -> str:
    """One line a cell: the least disturbed round of each mode in ms, the mode chosen, and its time over the best one's."""
    modes = list(dict.fromkeys(row.mode for row in rows))
    labels = [LABELS.get(mode, mode.replace("threads-", "") + " threads") for mode in modes]
    lines = [["net", "batch", "optimizer", *labels, "chosen", "chosen / best"]]
    lines.append(["---"] * 3 + ["---:"] * len(modes) + ["---", "---:"])
    for cell, ratio in ratios(rows).items():
        found = {row.mode: row for row in rows if row.cell == cell}
        times = [f"{found[mode].ms_min:.0f}" if mode in found else "" for mode in modes]
        chosen = next(iter(found.values())).chosen
        lines.append([cell.net, str(cell.batch), cell.optimizer, *times, labels[modes.index(chosen)], f"{ratio:.2f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(rows: Sequence[Row]) -> str:
    """The geometric mean of the ratios, and the cells that are further from the best mode than `SLACK`."""
    found = ratios(rows)
    if not found:
        return ""
    mean = math.exp(sum(map(math.log, found.values())) / len(found))
    missed = [
        f"{cell.net} at batch {cell.batch} with {cell.optimizer} ({ratio:.2f})" for cell, ratio in found.items() if ratio > SLACK
    ]
    within = f"{len(found) - len(missed)} of {len(found)} cells are within {SLACK - 1:.0%} of the best mode"
    return f"Chosen / best, geometric mean: {mean:.3f}; {within}" + (f"; not {', '.join(missed)}." if missed else ".")
