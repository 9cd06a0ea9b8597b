"""What is measured: cells (task, network, batch, optimizer), the modes they are measured in, and the rows that come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.saved_rows import SavedRows
from mnist_np.machine import cores


@dataclass(frozen=True)
class Cell:
    """One line of a table. ``net`` is like ``512-256``, ``1024x3`` or ``512-256+dropout``."""

    task: str
    net: str
    batch: int
    optimizer: str = "sgd"

    @property
    def hidden(self) -> list[int]:
        """The sizes of the hidden layers: ``1024x3`` is three of 1024."""
        sizes: list[int] = []
        for part in self.net.split("+")[0].split("-"):
            size, _, times = part.partition("x")
            sizes += [int(size)] * int(times or 1)
        return sizes

    @property
    def extra(self) -> str:
        """``dropout``, ``batchnorm``, an augmentation, or nothing."""
        return self.net.partition("+")[2]


@dataclass(frozen=True)
class Mode:
    """One way to do the work: a function ``job`` in a module of this package, run with so many BLAS threads."""

    name: str
    label: str
    module: str
    threads: int = 1
    processes: int = 1
    needs: tuple[str, ...] = ()

    @property
    def cores(self) -> int:
        return self.threads * self.processes

    @property
    def installed(self) -> bool:
        return all(find_spec(package) for package in self.needs)


def all_modes() -> dict[str, Mode]:
    """Every mode by name, the libraries' on all cores of this process."""
    n = cores()
    modes = [Mode("gemm-1", "GEMM, 1 thread", "engines", 1), Mode("threads-1", "mnist-np, 1 thread", "engines", 1)]
    if n > 1:
        modes += [
            Mode(f"gemm-{n}", f"GEMM, {n} threads", "engines", n),
            Mode(f"threads-{n}", f"mnist-np, {n} threads", "engines", n),
        ]
        modes += [Mode("processes-2", "mnist-np, 2 processes", "engines", 1, 2)]
    modes += [
        Mode("torch-eager", "PyTorch eager", "peers_torch", n, needs=("torch",)),
        Mode("torch-fused", "PyTorch fused", "peers_torch", n, needs=("torch",)),
        Mode("torch-compiled", "PyTorch compiled", "peers_torch", n, needs=("torch",)),
        Mode("jax", "JAX scan", "peers_jax", n, needs=("jax",)),
        Mode("sklearn", "scikit-learn", "peers_sklearn", n, needs=("sklearn",)),
        Mode("keras", "Keras on JAX", "peers_keras", n, needs=("keras", "jax")),
    ]
    return {mode.name: mode for mode in modes}


NETS = ("128", "128-64", "512-256", "800", "1024x3")
EXTRAS = ("dropout", "batchnorm")


def train_cells(nets: Sequence[str], batches: Sequence[int], optimizers: Sequence[str]) -> list[Cell]:
    """The product of what was asked for; with nothing asked for, docs/speed.md's table."""
    if nets or batches or optimizers:
        return [Cell("train", n, b, o) for o in optimizers or ["sgd"] for n in nets or NETS for b in batches or [32, 128, 512]]
    cells = [Cell("train", net, batch) for net in NETS for batch in (32, 128, 512) if (net, batch) != ("1024x3", 32)]
    cells += [Cell("train", net, 128, "adam") for net in ("128-64", "512-256", "1024x3")]
    cells += [Cell("train", "512-256", 128, "momentum")]
    return cells + [Cell("train", f"512-256+{extra}", 128) for extra in EXTRAS]


def augment_cells(nets: Sequence[str]) -> list[Cell]:
    """Epochs with each augmentation (of `conf/augment/`), and without."""
    names = ("", "+shift", "+affine", "+elastic", "+full")
    return [Cell("augment", net, 128) for net in nets or [f"128-64{name}" for name in names] + ["1000-500", "1000-500+full"]]


def infer_cells(nets: Sequence[str]) -> list[Cell]:
    """One image, and ten thousand of them."""
    return [Cell("infer", net, batch, "none") for net in nets or ("128-64", "512-256") for batch in (1, 10_000)]


@dataclass
class Row:
    """One measurement: milliseconds over the rounds, and how it compares with the matrix products alone on as many cores."""

    task: str
    net: str
    batch: int
    optimizer: str
    mode: str
    threads: int
    ms_median: float
    ms_min: float
    ms_max: float
    ratio_to_gemm: float | None
    """Of medians; the limit's threads are as many as the mode's cores."""
    rounds: int
    foreign_cores: float | None = None
    """Cores kept busy by others while this was measured."""
    kernel: str = ""
    """Versions, and for NumPy the kernel that OpenBLAS chose."""
    ms: list[float] = field(default_factory=list)
    """Of each round, in their order: by the clock, but for the task ``auto``, whose ``ms`` are those of undisturbed steps."""
    wall: list[float] = field(default_factory=list)
    """... and by the clock."""
    chosen: str = ""
    """Of the task ``auto``: the mode that the rule chooses for the cell."""

    @classmethod
    def of(cls, cell: Cell, mode: str, threads: int, ms: Sequence[float], limit: float | None = None, **more: Any) -> Row:
        """The row of the times of all rounds, ``limit`` being the median of the matrix products alone."""
        middle, low, high = (round(value, 5) for value in (median(ms), min(ms), max(ms)))
        ratio = round(middle / limit, 3) if limit else None
        name = (cell.task, cell.net, cell.batch, cell.optimizer, mode, threads)
        return cls(*name, middle, low, high, ratio, len(ms), ms=[round(value, 5) for value in ms], **more)

    @property
    def cell(self) -> Cell:
        return Cell(self.task, self.net, self.batch, self.optimizer)


class Rows(SavedRows[Row]):
    """The rows so far, saved after every cell."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, Row)

    def missing(self, cell: Cell, modes: Sequence[Mode]) -> list[Mode]:
        """The modes in which a cell has not been measured."""
        done = {row.mode for row in self if row.cell == cell}
        return [mode for mode in modes if mode.name not in done]

    def add(self, rows: Sequence[Row]) -> None:
        """Put the rows of a cell in place of its old ones, and save."""
        for new in rows:
            self[:] = [row for row in self if (row.cell, row.mode) != (new.cell, new.mode)] + [new]
        self.save()
