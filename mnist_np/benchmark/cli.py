"""The command line of ``scripts/benchmark.py``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mnist_np.benchmark.cells import Rows, all_modes, infer_cells, train_cells
from mnist_np.benchmark.measure import Rounds, say
from mnist_np.benchmark.report import draw, spread, table

EPILOG = """examples:
  python scripts/benchmark.py train --nets 512-256,800 --batches 128 --json outputs/benchmark/train.json
  python scripts/benchmark.py train --modes gemm-1,threads-1 --rounds 9
  python scripts/benchmark.py infer

With --json, what the file already holds is not measured again: a long benchmark can be stopped and taken up."""


def main(argv: list[str] | None = None) -> None:
    """Measure, print a markdown table, draw a figure."""
    modes = all_modes()
    parser = argparse.ArgumentParser(
        description="Measure this trainer beside its limit and beside other libraries.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=["train", "infer"])
    parser.add_argument("--nets", type=words, default=[], help="like 128-64,1024x3,512-256+dropout (or +batchnorm)")
    parser.add_argument("--batches", type=numbers, default=[], help="like 32,128")
    parser.add_argument("--optimizers", type=words, default=[], help="of sgd, momentum, adam")
    parser.add_argument("--modes", type=words, default=[], help=f"of {', '.join(modes)}; default: all that are installed")
    parser.add_argument("--rounds", type=int, default=5, help="how often each mode is measured (default 5)")
    parser.add_argument("--minutes", type=float, default=60, help="no new round is begun after these (default 60)")
    parser.add_argument("--json", type=Path, help="write one row per measurement, and skip those that it already holds")
    parser.add_argument("--figure", type=Path, help="default: outputs/benchmark/TASK.png")
    options = parser.parse_args(argv)
    unknown = [name for name in options.modes if name not in modes]
    if unknown:
        parser.error(f"unknown modes {', '.join(unknown)}: choose of {', '.join(modes)}")
    chosen = [modes[name] for name in options.modes or modes]
    for mode in chosen:
        if not mode.installed:
            say(f"{mode.name}: not installed (pip install 'mnist-np[bench]')")
    if options.task == "train":
        cells = train_cells(options.nets, options.batches, options.optimizers)
    else:
        cells = infer_cells(options.nets)
        chosen = [mode for mode in chosen if mode.processes == 1]
    rows = Rows(options.json)
    Rounds(rows, options.rounds, options.minutes).measure(cells, [mode for mode in chosen if mode.installed])
    shown = [row for row in rows if row.cell in cells]
    print(table(shown), spread(shown), sep="\n\n")
    if shown:
        figure = options.figure or Path("outputs") / "benchmark" / f"{options.task}.png"
        draw(shown, figure)
        say(f"figure: {figure}")


def words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def numbers(text: str) -> list[int]:
    return [int(word) for word in words(text)]
