"""The command line of ``scripts/benchmark.py``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from benchmark.accuracy import RECIPES, Trained, accuracy_table, measure_accuracy, recipe_modes
from benchmark.auto import auto_cells, auto_modes, auto_table, verdict
from benchmark.cells import Cell, Mode, Rows, all_modes, augment_cells, infer_cells, train_cells
from benchmark.large_data import DTYPES, measure_data
from benchmark.large_sweep import grow
from benchmark.measure import Rounds, say
from benchmark.profile import profile
from benchmark.report import draw, spread, table
from benchmark.saved_rows import SavedRows
from benchmark.serve import measure_servers
from benchmark.serve import table as servers_table
from benchmark.startup import measure_startup
from benchmark.sweep import gain, measure_sweeps

TASKS = {
    "train": "an epoch of 60,000 images",
    "infer": "one image, and ten thousand",
    "augment": "an epoch with each augmentation",
    "auto": "an epoch in the mode that the rule chooses, beside all others",
    "startup": "from the command to its help, and to the first batch",
    "sweep": "a further run of a sweep, and a whole one",
    "data": "large generated data sets: start-up, training and memory",
    "serve": "answers over HTTP, beside mlflow models serve",
    "accuracy": "the records' recipes from start to end, and the accuracy that they reach",
    "profile": "where the time of a whole run goes",
}

EPILOG = """examples:
  python scripts/benchmark.py train --json outputs/benchmark/train.json        docs/speed.md's table; can be stopped and taken up
  python scripts/benchmark.py train --nets 512-256,800 --batches 128 --modes gemm-1,threads-1 --rounds 9
  python scripts/benchmark.py auto --json docs/benchmark/auto.json             whether the default takes the fastest mode
  python scripts/benchmark.py sweep --runs 100,300,1000                        what grows with the number of runs
  python scripts/benchmark.py profile training.epochs=10                       any arguments of train.py

Times are medians of rounds in which all modes take turns. Beside them stands their ratio to the matrix products alone, on as
many cores. With --json, what the file already holds is not measured again. Neighbours that keep the machine busy spoil what
uses all cores: the table says how busy they were, and with --patience 30 what they disturbed is measured again."""


def main(argv: list[str] | None = None) -> None:
    """Measure, print a markdown table, draw a figure."""
    modes = all_modes()
    parser = argparse.ArgumentParser(
        description="Measure this trainer beside its limit and beside other libraries.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=list(TASKS), help="; ".join(f"{task}: {what}" for task, what in TASKS.items()))
    parser.add_argument("--nets", type=words, default=[], help="like 128-64,1024x3,512-256+dropout (or +batchnorm)")
    parser.add_argument("--batches", type=numbers, default=[], help="like 32,128")
    parser.add_argument("--optimizers", type=words, default=[], help="of sgd, momentum, adam")
    parser.add_argument("--modes", type=words, default=[], help=f"of {', '.join(modes)}; default: all that are installed")
    parser.add_argument("--rounds", type=int, default=5, help="how often each mode is measured (default 5)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="no new round is begun after these")
    parser.add_argument("--patience", type=float, default=0, help="seconds to wait for busy neighbours, per measurement (0)")
    parser.add_argument("--recipes", type=words, default=[], help=f"accuracy: of {', '.join(RECIPES)} (default: all)")
    parser.add_argument("--runs", type=numbers, default=[], help="sweep: sweeps of so many tiny runs, like 100,300,1000")
    parser.add_argument("--sizes", type=numbers, default=[], help="data: numbers of images, like 60000,700000")
    parser.add_argument("--shapes", type=words, default=[], help="data: like 28x28,28x28x3")
    parser.add_argument("--dtypes", type=words, default=[], help=f"data: of {', '.join(DTYPES)}")
    parser.add_argument("--json", type=Path, help="write one row per measurement, and skip those that it already holds")
    parser.add_argument("--figure", type=Path, help="default: outputs/benchmark/TASK.png")
    options, arguments = parser.parse_known_args(argv)
    if arguments and options.task != "profile":
        parser.error(f"unknown arguments: {' '.join(arguments)}")
    if unknown := [name for name in options.recipes if name not in RECIPES]:
        parser.error(f"unknown recipes {', '.join(unknown)}: choose of {', '.join(RECIPES)}")
    if options.runs and options.task != "sweep":
        parser.error("--runs is of the task sweep")
    if options.task == "profile":
        print(profile(arguments, options.rounds))
        return
    if options.task == "data":
        try:
            print(measure_data(options.sizes, options.shapes, options.dtypes, options.rounds, options.json))
        except ValueError as error:
            parser.error(str(error))
        return
    if options.runs:
        grow(options.runs)
        return
    if options.task == "accuracy":
        found = {mode.name: mode for mode in recipe_modes()}
        trained = measure_accuracy(
            SavedRows(options.json, Trained), options.recipes or RECIPES, chosen(options, found, parser), options.rounds
        )
        print(accuracy_table(trained))
        return
    rows = Rows(options.json)
    if options.task == "startup":
        cells = measure_startup(rows, options.rounds)
    elif options.task == "sweep":
        cells = measure_sweeps(rows, options.rounds)
    elif options.task == "serve":
        cells = measure_servers(rows, options.rounds)
    else:
        cells = cells_of(options)
        Rounds(rows, options.rounds, options.minutes, options.patience).measure(cells, chosen(options, modes, parser))
    shown = [row for row in rows if row.cell in cells]
    if options.task == "auto":
        print(auto_table(shown), verdict(shown), spread(shown), sep="\n\n")
        return
    print(servers_table(rows) if options.task == "serve" else table(shown), spread(shown), sep="\n\n")
    if options.task == "sweep":
        print(gain(rows))
    if options.task in ("train", "infer", "augment") and shown:
        figure = options.figure or Path("outputs") / "benchmark" / f"{options.task}.png"
        draw(shown, figure)
        say(f"figure: {figure}")


def cells_of(options: argparse.Namespace) -> list[Cell]:
    """The cells that were asked for."""
    if options.task == "infer":
        return infer_cells(options.nets)
    if options.task == "augment":
        return augment_cells(options.nets)
    if options.task == "auto":
        return auto_cells(options.nets)
    return train_cells(options.nets, options.batches, options.optimizers)


def chosen(options: argparse.Namespace, modes: dict[str, Mode], parser: argparse.ArgumentParser) -> list[Mode]:
    """The modes that were asked for, that are installed and that can do the task."""
    unknown = [name for name in options.modes if name not in modes]
    if unknown:
        parser.error(f"unknown modes {', '.join(unknown)}: choose of {', '.join(modes)}")
    found = [modes[name] for name in options.modes or modes]
    if options.task == "auto":
        found = auto_modes(found)
    if options.task == "augment":
        found = [mode for mode in found if mode.module == "engines"]
    if options.task not in ("train", "augment", "auto", "accuracy"):
        found = [mode for mode in found if mode.processes == 1]
    for mode in found:
        if not mode.installed:
            say(f"{mode.name}: not installed (python -m pip install -e '.[bench]')")
    return [mode for mode in found if mode.installed]


def words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def numbers(text: str) -> list[int]:
    return [int(word) for word in words(text)]
