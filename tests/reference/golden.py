"""Tiny runs whose results are recorded: every option of every group, and the keys that change the numerics.

    python tests/reference/golden.py

records them in golden.json. It refuses where a recorded result changes while `mnist_np.fingerprint.RESULTS_VERSION` stays as it
is: raise that first. New runs are added without it.

The last bits of a result depend on the BLAS and the processor's instructions. So the runs are in float64, and their results
are compared to `TOLERANCE`: rounding stays below a tenth of it (measured with OpenBLAS's kernels for Haswell, Sandy Bridge,
Nehalem and Zen, and without NumPy's AVX2), a learning rate that is changed by a millionth exceeds it. Runs that compute in
float32 are held to `TOLERANCE_32`.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mnist_np.api import run
from mnist_np.data.augment import Distort
from mnist_np.data.sources import MNIST, Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.fingerprint import RESULTS_VERSION
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import Adam
from mnist_np.registry import REGISTRY

FILE = Path(__file__).parent / "golden.json"
TOLERANCE, TOLERANCE_32 = 1e-9, 1e-4

TRAINING = Training(epochs=3, batch_size=20, dtype="float64", select="last")
BASE = Experiment(model=MLP(hidden=[12, 8]), data=Synthetic(examples=112, validation_size=32), training=TRAINING, seed=5)
IN_FLOAT32 = ("mnist in float32", "augment: affine", "augment: elastic")

LEFT_OUT = {
    "model": {"mlp"},
    "data": {"mnist", "idx", "fashion_mnist", "folder", "arrays", "table", "synthetic"},
    "loss": {"distillation"},
}
"""Options that need files, or that other runs have."""

MODELS = {
    "linear": {"hidden": []},
    "dropout": {"dropout": 0.3, "input_dropout": 0.1},
    "noise": {"noise": 0.1, "input_noise": 0.1},
    "batch norm": {"norm": "batch"},
    "batch norm after": {"norm": "batch", "norm_position": "after"},
    "layer norm": {"norm": "layer", "norm_output": True},
    "max norm": {"max_norm": 0.8},
    "by layer": {"activations": ["tanh", "relu"], "inits": ["orthogonal", None], "init_output": "zeros"},
}
TRAININGS = {
    "l1 and l2": {"l1": 1e-3, "l2": 1e-3},
    "clip norm": {"clip_norm": 0.1},
    "clip value": {"clip_value": 0.01},
    "ema": {"ema": 0.9},
    "swa": {"swa_start": 2},
    "mixup": {"mixup": 0.4},
    "virtual adversarial": {"vat": 0.5, "vat_weight": 2.0, "vat_steps": 2, "vat_xi": 0.02},
    "best epoch": {"select": "val/loss"},
    "two processes": {"processes": 2},
}
AUGMENTS = {
    "affine": {"shift": 1.0, "rotation": 10.0, "shear": 5.0, "scale": 0.1},
    "elastic": {"elastic_alpha": 4.0, "elastic_sigma": 2.0},
    "noise and cutout": {"noise": 0.1, "cutout": 2},
}


def cases() -> dict[str, Experiment]:
    """The runs by name."""
    found = {}
    for group, options in REGISTRY.items():
        for name, kind in options.items():
            if name not in LEFT_OUT.get(group, ()) and kind.__module__.startswith("mnist_np."):
                found[f"{group}={name}"] = replace(BASE, **{group: kind()})
    found |= {f"model: {name}": replace(BASE, model=replace(BASE.model, **keys)) for name, keys in MODELS.items()}
    found |= {f"training: {name}": replace(BASE, training=replace(TRAINING, **keys)) for name, keys in TRAININGS.items()}
    found |= {f"augment: {name}": replace(BASE, augment=Distort(**keys)) for name, keys in AUGMENTS.items()}
    found |= {
        f"preprocess: {name}": replace(BASE, data=replace(BASE.data, preprocess=name))
        for name in ("standardize", "symmetric", "binarize")
    }
    for name, kind in REGISTRY["schedule"].items():
        if name != "constant":
            found[f"warm-up and {name}"] = replace(BASE, schedule=kind(warmup_epochs=1), optimizer=Adam())
    found["label smoothing"] = replace(BASE, loss=CrossEntropy(label_smoothing=0.1))
    mnist = MNIST(train_size=300, validation_size=100)
    found["mnist"] = replace(BASE, data=mnist)
    found["mnist in float32"] = replace(BASE, data=mnist, training=replace(TRAINING, dtype="float32"))
    return found


def result(experiment: Experiment) -> list[float]:
    """The run in a few numbers: projections of its weights and running statistics, mean losses of its epochs."""
    done = run(experiment)
    weights = np.concatenate([done.network.params, done.network.state]).astype(np.float64)
    projections = [float(np.cos((k + 1) * np.arange(len(weights))) @ weights) for k in range(4)]
    means = [sum(row[key] for row in done.history) / len(done.history) for key in ("train/loss", "val/loss")]
    return [*projections, *means, done.test.loss]


def agree(recorded: list[float], now: list[float], name: str) -> bool:
    """Whether the results are the same but for rounding."""
    tolerance = TOLERANCE_32 if name in IN_FLOAT32 else TOLERANCE
    return len(recorded) == len(now) and bool(np.all(np.abs(np.subtract(recorded, now)) <= tolerance * (1 + np.abs(recorded))))


def main() -> int:
    recorded = json.loads(FILE.read_text()) if FILE.exists() else {"results_version": 0, "results": {}}
    now = {name: result(experiment) for name, experiment in cases().items()}
    known = recorded["results"]
    changed = [name for name in known if name in now and not agree(known[name], now[name], name)]
    if changed and recorded["results_version"] == RESULTS_VERSION:
        print(f"these results change, so RESULTS_VERSION must be raised first: {', '.join(changed)}", file=sys.stderr)
        return 1
    kept = {name: known[name] if name in known and name not in changed else numbers for name, numbers in now.items()}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in kept.items())
    FILE.write_text(f'{{"results_version": {RESULTS_VERSION}, "results": {{\n{lines}\n}}}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
