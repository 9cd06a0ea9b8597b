"""What to do after a sweep: its best run, the command that repeats it, and the one that adds seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnist_np.console import LABEL
from mnist_np.files import near
from mnist_np.invocation import command, with_outputs
from mnist_np.plugins import loaded_plugins
from mnist_np.storage.records import read_json
from mnist_np.sweep.children import Child
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.settings import Sweep
from mnist_np.sweep.tables import shown
from mnist_np.sweep.values import title

FEW = 5
"""Seeds that are advised where there are fewer."""


def next_steps(report: SweepReport, outputs: Path, more: str) -> list[str]:
    """Lines for the console.

    Args:
        report: the sweep when it is over.
        outputs: the folder of all results.
        more: the command that adds seeds (see `with_more_seeds`), or nothing.
    """
    lines = []
    if (best := report.best) and report.best_value is not None:
        lines.append(f"{'best run':<{LABEL}}{title(best.overrides)}: {report.metric} {shown(report.best_value)}")
        lines += [f"  {label:<{LABEL - 2}}{text}" for label, text in places(best, outputs)]
    return [*lines, f"{'more seeds':<{LABEL}}{more}"] if more and best else lines


def places(best: Child, outputs: Path) -> list[tuple[str, str]]:
    """Where a run lies, and the command that trains it again, alone."""
    run_id = [("MLflow id", best.run_id)] if best.run_id else []
    said = read_json(best.folder / "tracking.json").get("registered")
    registered = [("registered", said)] if isinstance(said, str) and said else []
    plugins = [word for file in loaded_plugins() for word in ("--plugin", near(Path(file)))]
    again = with_outputs("rerun", outputs, near(best.folder), *plugins)
    return [("folder", near(best.folder)), *run_id, *registered, ("again, alone", again)]


def with_more_seeds(report: SweepReport, argv: Sequence[str], sweep: Sweep, seed: int) -> str:
    """The command ``argv`` with twice as many seeds, the present ones among them; nothing where seeds go in pairs with others.

    ``seed`` is that of all runs where it does not vary.
    """
    if any("seed" in group for group in sweep.zip):
        return ""
    words = [word for word in going_on(argv) if not word.lstrip("+").startswith("seed=")]
    dashed = [] if "-m" in words or "--multirun" in words else ["-m"]
    return command("train", *dashed, *words, f"seed={more_seeds(report, seed)}")


def going_on(argv: Sequence[str]) -> list[str]:
    """The words of a command that goes on with the sweep of ``argv``: without the one that trains finished runs anew."""
    return [word for word in argv if not word.lstrip("+").startswith("sweep.skip_finished=")]


def more_seeds(report: SweepReport, fixed: int = 0) -> str:
    """``range(10)`` after ``range(5)``; seeds with gaps are listed, new ones behind them. Where none vary all had the ``fixed``
    one."""
    present = sorted({int(seed) for child in report.children if (seed := child.overrides.get("seed", "")).isdigit()} or {fixed})
    n = max(2 * len(present), FEW)
    first, end = present[0], present[-1] + 1
    if end - first == len(present):
        return f"range({first},{first + n})" if first else f"range({n})"
    return ",".join(map(str, [*present, *range(end, end + n - len(present))]))
