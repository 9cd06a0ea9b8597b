"""Large generated data sets: what start-up, an image of training and memory take as the number and the size of images grow.

Each measurement is a process of its own, one thread, in rounds in which all take turns. Times are those of the processor, which
other programs disturb less than the clock's; of several rounds the least. Memory is the most that the process had, mapped files
included.
"""

from __future__ import annotations

import json
import math
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np

from benchmark.children import clean_environment
from benchmark.measure import say
from benchmark.saved_rows import SavedRows
from mnist_np import MLP, Experiment, Training
from mnist_np.data.folder import FILES
from mnist_np.data.sources import IDX, MNIST
from mnist_np.training.events import EpochEnd, Observer, RunStart
from mnist_np.training.run import run

SIZES, SHAPES, DTYPES = (60_000, 700_000), ("28x28", "28x28x3"), ("uint8", "float32")
SHAPE = re.compile("28x28(x[1-9])?")
HIDDEN, BATCH = [128, 64], 128
TEST = 10_000
"""Images of the test split. None validates: that would make an epoch of few images cost more an image."""
TIMES, MORE = 2, 300
"""The bound of memory: so many times the bytes of all images, and so many MB."""
PIECE = 10_000

COLUMNS = (
    "images",
    "shape",
    "`data.dtype`",
    "first start, s",
    "start, s",
    "start, us an image",
    "training, ms per 10,000 images",
    "memory, MB",
    "bound, MB",
)


@dataclass
class DataRow:
    """A measurement: seconds of the processor before the first step, where the data were decoded already and where not."""

    images: int
    shape: str
    dtype: str
    first_start_s: float
    start_s: float
    training_ms: float
    """For 10,000 images."""
    memory_mb: float
    bound_mb: float
    rounds: int = 1


def measure_data(sizes: list[int], shapes: list[str], dtypes: list[str], rounds: int, path: Path | None) -> str:
    """Measure every combination that the file ``path`` has no row of, and write them there; returns the markdown table.

    Raises ValueError.
    """
    sizes, shapes, dtypes = sizes or list(SIZES), shapes or list(SHAPES), dtypes or list(DTYPES)
    if unknown := [str(n) for n in sizes if n < 1] + [s for s in shapes if not SHAPE.fullmatch(s)] + list({*dtypes} - {*DTYPES}):
        raise ValueError(f"{unknown[0]}: sizes are >= 1, shapes like {', '.join(SHAPES)}, dtypes {', '.join(DTYPES)}")
    saved = SavedRows(path, DataRow)
    rows = {(row.images, row.shape, row.dtype): row for row in saved}
    wanted = [key for key in product(sizes, shapes, dtypes) if key not in rows]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for key in wanted:
                one = measure(Path(folder), *key)
                rows[key] = least(rows[key], one) if key in rows else one
                saved[:] = rows.values()
                saved.save()
    return table(sorted(rows.values(), key=lambda row: (row.shape, row.images, row.dtype)))


def least(a: DataRow, b: DataRow) -> DataRow:
    """The least times of two measurements of the same, and the most memory."""
    times = {key: min(getattr(a, key), getattr(b, key)) for key in ("first_start_s", "start_s", "training_ms")}
    return DataRow(**asdict(a) | times | {"memory_mb": max(a.memory_mb, b.memory_mb), "rounds": a.rounds + b.rounds})


def table(rows: list[DataRow]) -> str:
    """The rows in markdown."""
    lines = [COLUMNS, ("---:", "---", "---", *["---:"] * 6)]
    for row in rows:
        each = f"{1e6 * row.start_s / row.images:.1f}"
        times = (f"{row.first_start_s:.2f}", f"{row.start_s:.2f}", each, f"{row.training_ms:.0f}")
        lines.append((f"{row.images:,}", row.shape, row.dtype, *times, f"{row.memory_mb:,.0f}", f"{row.bound_mb:,.0f}"))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measure(folder: Path, n: int, shape: str, dtype: str) -> DataRow:
    """A start that decodes, and one that does not and trains an epoch. The data are made where they are not there yet."""
    data, cache = folder / f"{n}-{shape}", folder / f"cache-{n}-{shape}"
    if not data.exists():
        generate(data, n, shape)
    for file in cache.glob("*.rows"):
        file.unlink()
    environment = clean_environment(1) | {"MNIST_NP_CACHE": str(cache)}
    first, second = (
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "benchmark.large_data", str(data), dtype, str(int(trains))],
                env=environment,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for trains in (False, True)
    )
    bound = TIMES * (n + TEST) * math.prod(sides(shape)) / 1e6 + MORE
    memory = max(first["memory_mb"], second["memory_mb"])
    return DataRow(n, shape, dtype, first["start_s"], second["start_s"], second["training_ms"], memory, round(bound, 1))


def generate(folder: Path, n: int, shape: str) -> None:
    """MNIST's files with ``n`` images for training and validation: MNIST's own, moved, once for each colour."""
    folder.mkdir()
    height, width = flat(shape)
    raw = MNIST(validation_size=0).load(np.random.default_rng(0))
    parts = (raw.train, n), (raw.train, n), (raw.test, TEST), (raw.test, TEST)
    for (name, dimensions), (split, many) in zip(FILES.items(), parts, strict=True):
        with open(folder / name, "wb") as file:
            sizes = [many, height, width][:dimensions]
            file.write(bytes([0, 0, 8, dimensions]) + np.array(sizes, ">u4").tobytes())
            for start in range(0, many, PIECE):
                numbers = np.arange(start, min(start + PIECE, many))
                part = split[numbers % len(split)]
                if dimensions == 1:
                    file.write(part.labels.astype(np.uint8).tobytes())
                    continue
                images = np.round(part.X * 255).astype(np.uint8).reshape(-1, 28, 28)
                moved = [np.roll(images, start // len(split) % 3 + c, axis=1) for c in range(width // 28)]
                file.write(np.concatenate(moved, axis=2).tobytes())


def sides(shape: str) -> list[int]:
    """``28x28x3`` gives [28, 28, 3]."""
    return [int(side) for side in shape.split("x")]


def flat(shape: str) -> tuple[int, int]:
    """Height and width as the files have it: colours side by side."""
    height, *rest = sides(shape)
    return height, math.prod(rest)


class Clock(Observer):
    """Takes the processor's time when the first step is due, and after the epoch."""

    def on_start(self, event: RunStart) -> None:
        self.start = self.end = process_time()

    def on_epoch(self, event: EpochEnd) -> None:
        self.end = process_time()


def main() -> None:
    """Load the data in a folder, train where that is asked for, and print what it took."""
    folder, dtype, trains = sys.argv[1:]
    began, clock = process_time(), Clock()
    training = Training(epochs=1, batch_size=BATCH, threads=1, processes=1, select="last")
    source = IDX(folder=folder, dtype=dtype, validation_size=0)
    experiment = Experiment(MLP(hidden=HIDDEN), data=source, training=training)
    data = experiment.load_data()
    run(experiment, data, [clock], lambda: None if trains == "1" else "only the start is measured")
    ms = 1e3 * (clock.end - clock.start) / len(data.train) * 10_000
    print(json.dumps({"start_s": round(clock.start - began, 3), "training_ms": round(ms, 2), "memory_mb": peak()}))


def peak() -> float:
    """The most memory that this process had, in MB."""
    if (status := Path("/proc/self/status")).exists():  # a new program takes Linux's ru_maxrss over from its parent
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))) * 1024 // 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1e6


if __name__ == "__main__":
    main()
