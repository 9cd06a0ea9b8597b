"""Seconds of training to the end of a record's recipe, by this project and by libraries that train the same recipe."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import product
from statistics import fmean, median, stdev

from benchmark.cells import Cell, Mode
from benchmark.children import Child, Unmeasurable
from benchmark.load import Load, foreign_cores
from benchmark.measure import say
from benchmark.saved_rows import SavedRows
from mnist_np.machine import cores, load, processor
from mnist_np.terminal import counted

RECIPES = ("record_98", "record_99")
"""Presets of `conf/experiment/`."""


def recipe_modes() -> list[Mode]:
    """Who trains a recipe: each library on all cores."""
    n = cores()
    modes = [
        Mode(f"threads-{threads}", f"mnist-np, {counted(threads, 'BLAS thread')}", "recipe", threads)
        for threads in sorted({1, n})
    ]
    modes += [Mode("processes-2", "mnist-np, 2 processes", "recipe", 1, 2)] * (n > 1)
    modes += [
        Mode(f"torch-{kind}", f"PyTorch {kind}", "recipe_torch", n, needs=("torch",)) for kind in ("eager", "fused", "compiled")
    ]
    return [*modes, Mode("jax", "JAX scan", "recipe_jax", n, needs=("jax",))]


@dataclass(frozen=True)
class Trained:
    """One training of a recipe.

    Attributes:
        recipe: the preset.
        setup: its network, batch size and epochs.
        mode: who trained.
        threads: of BLAS or of the library.
        seed: of the initial weights, which all modes share, and of the rest.
        seconds: of the training steps, augmentation included.
        cpu_seconds: of the processor in all threads meanwhile: what others do changes it less.
        accuracy: on the test images afterwards.
        warm_up_seconds: of the first epoch in the process, compilation included; not part of ``seconds``.
        foreign_cores: cores that other programs kept busy meanwhile.
        versions: of the libraries, and for NumPy the kernel that OpenBLAS chose.
        cpu: the processor and the cores that all modes were given.
        load: the machine's load average afterwards.
    """

    recipe: str
    setup: str
    mode: str
    threads: int
    seed: int
    seconds: float
    cpu_seconds: float
    accuracy: float
    warm_up_seconds: float
    foreign_cores: float | None
    versions: str
    cpu: str
    load: float


def measure_accuracy(rows: SavedRows[Trained], recipes: Sequence[str], modes: Sequence[Mode], rounds: int) -> list[Trained]:
    """Train each recipe in each mode, one seed a round, all modes in turn. Gives all rows of these recipes on so many cores."""
    found = []
    for name in recipes:
        with Trainers(name) as trainers:
            done = [row for row in rows if (row.recipe, row.setup, row.cpu) == (name, trainers.setup, machine())]
            for seed, mode in product(range(rounds), modes):
                if any((row.mode, row.seed) == (mode.name, seed) for row in done):
                    continue
                row = trainers.train(mode, seed)
                if row:
                    rows.append(row)
                    rows.save()
                    done.append(row)
                    say(f"{name}, seed {seed}, {mode.label}: {row.seconds:.2f} s, {100 * row.accuracy:.2f} %")
        found += done
    return found


class Trainers(ExitStack):
    """A process for each mode, started when it is needed, that trains one recipe as often as it is asked to."""

    def __init__(self, recipe: str) -> None:
        super().__init__()
        self.recipe, self.setup = recipe, setup_of(recipe)
        self.children: dict[str, Child] = {}
        self.ready: dict[str, tuple[float, str]] = {}
        """Mode -> seconds of its warm-up, and versions."""
        self.failed: set[str] = set()

    def train(self, mode: Mode, seed: int) -> Trained | None:
        """One training; None where the mode cannot do it."""
        if mode.name in self.failed:
            return None
        try:
            if mode.name not in self.ready:
                child = self.children[mode.name] = Child(mode)
                self.callback(child.close)
                answer = child.ask({"prepare": asdict(Cell("accuracy", self.recipe, 0, "adam"))})
                self.ready[mode.name] = answer["ms"] / 1000, answer["kernel"]
            return self.trained(mode, seed)
        except Unmeasurable as reason:
            say(f"    {mode.name}: {reason}")
            self.failed.add(mode.name)
            return None

    def trained(self, mode: Mode, seed: int) -> Trained:
        """One training by the mode's process, which is ready. Raises Unmeasurable."""
        sessions = {child.process.pid for child in self.children.values()}
        before = Load.now(sessions)
        answer = self.children[mode.name].ask({"seed": seed})
        foreign = foreign_cores(before, Load.now(sessions))
        warm_up, versions = self.ready[mode.name]
        return Trained(
            self.recipe,
            self.setup,
            mode.name,
            mode.threads,
            seed,
            round(answer["seconds"], 4),
            round(answer["cpu_seconds"], 4),
            round(answer["accuracy"], 6),
            round(warm_up, 3),
            None if foreign is None else round(foreign, 2),
            versions,
            machine(),
            round(load(), 1),
        )


def machine() -> str:
    """The processor, and the cores of it that this process may use."""
    return f"{processor()}, {counted(cores(), 'core')}"


def setup_of(name: str) -> str:
    """``256, batch 128, 3 epochs``. Raises ValueError for a preset that the libraries' versions cannot train."""
    from benchmark.recipe import Recipe

    recipe = Recipe(name)
    hidden = "-".join(map(str, recipe.experiment.model.hidden))
    return f"{hidden}, batch {recipe.batch}, {recipe.epochs} epochs{', distorted images' if recipe.distort else ''}"


def accuracy_table(rows: Sequence[Trained]) -> str:
    """A line for each recipe and mode; the accuracy shows that it is the same recipe."""
    if not rows:
        return "Nothing was measured."
    labels = {mode.name: mode.label for mode in recipe_modes()}
    lines = [
        [
            "recipe",
            "trained by",
            "n",
            "seconds of training",
            "ratio to ours",
            "of the processor",
            "test accuracy",
            "first epoch, s",
        ]
    ]
    lines.append(["---", "---", *["---:"] * 6])
    groups: dict[str, list[Trained]] = {}
    for row in rows:
        groups.setdefault(f"{row.recipe}: {row.setup}; {row.cpu.rpartition(', ')[2]}", []).append(row)
    for group, members in groups.items():
        of = {name: [row for row in members if row.mode == name] for name in labels}
        middle = {name: median(row.seconds for row in found) for name, found in of.items() if found}
        ours = min((seconds for name, seconds in middle.items() if name.startswith(("threads", "processes"))), default=None)
        for name, seconds in middle.items():
            times, accuracies = [row.seconds for row in of[name]], [100 * row.accuracy for row in of[name]]
            sd = f" ± {stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
            lines.append(
                [
                    group,
                    labels[name],
                    str(len(times)),
                    f"{seconds:.2f} ({min(times):.2f} to {max(times):.2f})",
                    f"{seconds / ours:.2f}" if ours else "",
                    f"{median(row.cpu_seconds for row in of[name]):.2f}",
                    f"{fmean(accuracies):.2f}{sd} %",
                    f"{median(row.warm_up_seconds for row in of[name]):.1f}",
                ]
            )
    foreign = [row.foreign_cores for row in rows if row.foreign_cores is not None]
    busy = f"; others kept {fmean(foreign):.2f} cores busy (at most {max(foreign):.2f})" if foreign else ""
    said = f"Medians of interleaved rounds, in brackets the fastest and the slowest{busy}. " + "; ".join(
        sorted({row.cpu for row in rows} | {row.versions for row in rows})
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{said}."
