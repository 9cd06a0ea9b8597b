"""``sweep.dry_run=true``: print what a sweep would do, and run and write nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from mnist_np.experiment import Experiment
from mnist_np.storage.checkpoint import found
from mnist_np.storage.run_index import RunIndex
from mnist_np.sweep.forecast import Forecast, forecast
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import SweepRunner
from mnist_np.sweep.values import number, order
from mnist_np.terminal import counted, duration

SHOWN = 12
"""Values of a key that are listed."""

NOTHING_DONE = "dry run: nothing was run or written"


def say_jobs(runner: SweepRunner, jobs: Sequence[tuple[Job, RunConfig]], workers: int | None) -> None:
    """Print how many jobs there are, which are finished, what the others would take, and what varies among them."""
    index = RunIndex(Path(runner.config.outputs))
    states = [state_of(job, runner, index) for job, _ in jobs]
    left = [config.experiment for (_, config), state in zip(jobs, states, strict=True) if state != "finished"]
    n = {state: states.count(state) for state in ("finished", "resumable", "new")}
    runner.say(f"{runner.name}: {counted(len(jobs), 'job')}: {', '.join(f'{count} {state}' for state, count in n.items())}")
    say_needs(runner, index, left, workers)
    say_table(runner, values_of([job.varied for job, _ in jobs], runner.config.sweep.zip))
    runner.say(NOTHING_DONE)


def say_search(
    runner: SweepRunner, corners: Sequence[RunConfig], space: Mapping[str, str], workers: int | None, earlier: int
) -> None:
    """Print how many trials there are, what they would take judged by the ends of the space, and what varies."""
    runs = runner.planned or 0
    runner.say(f"{runner.name}: a search of {counted(runs, 'run')}, {earlier} of which earlier starts have begun")
    among = [corners[i % len(corners)].experiment for i in range(runs - earlier)]
    say_needs(runner, RunIndex(Path(runner.config.outputs)), among, workers)
    say_table(runner, space)
    runner.say(NOTHING_DONE)


def state_of(job: Job, runner: SweepRunner, index: RunIndex) -> str:
    """``finished`` for a job whose run is over, ``resumable`` for one that goes on from a checkpoint, else ``new``."""
    if runner.config.sweep.skip_finished and index.over(job.fingerprint, runner.folder.path, runner.tracked, runner.columns):
        return "finished"
    own = index.within(job.fingerprint, runner.folder.path, runner.tracked)
    return "resumable" if own and found(own / "checkpoints") else "new"


def say_needs(runner: SweepRunner, index: RunIndex, left: Sequence[Experiment], workers: int | None) -> None:
    """Print the time and the space that the experiments that are ``left`` need."""
    if not left:
        return
    tracking = runner.config.tracking
    folders = sorted((path for paths in index.folders.values() for path in paths), key=lambda p: p.parent != runner.folder.path)
    needs = forecast(left, Path(runner.config.outputs), folders, tracking.draws(child=True), tracking.backend == "sqlite")
    at_once = "one at a time" if workers == 1 else f"by {workers} workers"
    time = f"about {duration(needs.duration(workers or 1))} {at_once if workers else 'of computing, one after the other'}"
    runner.say(f"time: {time}, {source(needs)}")
    runner.say(f"disk: about {size(needs.bytes)} under {runner.config.outputs}")


def source(needs: Forecast) -> str:
    """What an estimate is made from."""
    if needs.known == len(needs.seconds):
        return "as finished runs of the same size took"
    return (
        "from steps measured now"
        if not needs.known
        else f"{needs.known} as finished runs took, the others from steps measured now"
    )


def values_of(points: Sequence[Mapping[str, str]], zipped: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """Each key with its values, or with the number of many; the keys of a group in ``zipped`` with their values in pairs."""
    groups = {key: tuple(group) for group in zipped for key in group}
    keys = dict.fromkeys(groups.get(key, (key,)) for point in points for key in point)
    found = {
        " with ".join(group): list(
            dict.fromkeys(" with ".join(map(point.__getitem__, group)) for point in points if group[0] in point)
        )
        for group in keys
    }
    return {key: listed(values if None in map(number, values) else sorted(values, key=order)) for key, values in found.items()}


def listed(values: Sequence[str]) -> str:
    """``sgd, adam``, or the first and the last of many with their number."""
    if len(values) <= SHOWN:
        return ", ".join(values)
    return f"{', '.join(values[: SHOWN - 2])}, ..., {values[-1]} ({len(values):,} values)"


def say_table(runner: SweepRunner, varied: Mapping[str, str]) -> None:
    """Print a row for each key that varies."""
    if varied:
        table = Table("what varies", "values")
        for key, values in varied.items():
            table.add_row(escape(key), escape(values))
        runner.console.print(table)


def size(n: float) -> str:
    """``12 MB``, ``3.4 GB``."""
    return f"{max(n / 1e6, 1):.0f} MB" if n < 1e9 else f"{n / 1e9:,.1f} GB"
