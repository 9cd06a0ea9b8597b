"""Write docs/components.md anew: `python scripts/components.py`.

It lists every component with its formula and source, read from the docstrings of the registered classes.

A docstring begins "formula (source)", or "name: formula (source)"; the source is the last parenthesis of that paragraph with a
name and a year in it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_np.metrics import METRICS
from mnist_np.nn.layers import Dense
from mnist_np.nn.noise import Dropout, GaussianNoise
from mnist_np.nn.norms import BatchNorm, LayerNorm
from mnist_np.registry import REGISTRY
from mnist_np.training.adversarial import VirtualAdversarial
from mnist_np.training.averaging import average_epoch, average_step
from mnist_np.training.mixup import Mixup
from mnist_np.training.penalty import Penalty, clip

HEAD = """# Components

Everything that a configuration can name. Choose on the command line (`activation=gelu optimizer=adam`), set a key with its group
(`activation.alpha=0.2`), and see a group's files in `conf/` for what each key means.

This page is generated from the docstrings by `python scripts/components.py`.
"""

KINDS = {
    "activation": "Activations",
    "init": "Initialisers",
    "loss": "Losses",
    "optimizer": "Optimizers",
    "schedule": "Learning-rate schedules",
    "augment": "Augmentation",
    "data": "Data sets",
    "model": "Models",
}
"""Group -> its heading, in the page's order; a group that is missing here comes last, by its own name."""

BY_KEY: dict[str, Mapping[str, Any]] = {
    "Layers and regularisation (keys of `model` and `training`)": {
        "model.hidden": Dense,
        "model.dropout, model.input_dropout": Dropout,
        "model.noise, model.input_noise": GaussianNoise,
        "model.norm=batch": BatchNorm,
        "model.norm=layer": LayerNorm,
        "model.max_norm": Dense.constrain,
        "training.l1, training.l2": Penalty,
        "training.clip_value, training.clip_norm": clip,
        "training.mixup": Mixup,
        "training.vat": VirtualAdversarial,
        "training.ema": average_step,
        "training.swa_start": average_epoch,
    },
    "Metrics (`training.metrics`)": METRICS,
}
"""Heading -> what belongs there without an option of its own."""

SOURCE = re.compile(r"\s*\(([^()]*[A-Za-z][^()]*\b(?:18|19|20)\d\d\b[^()]*)\)")

SPECIAL = re.compile(r"\*|\](?=\()|<(?=[A-Za-z/!?])")
"""What markdown would take for emphasis, a link or a tag."""


def page() -> str:
    """The whole of docs/components.md. Components of plugins are not in it."""
    parts = [HEAD]
    for group in [*KINDS, *(group for group in REGISTRY if group not in KINDS)]:
        options = {name: kind for name, kind in REGISTRY[group].items() if kind.__module__.startswith("mnist_np.")}
        shared = _shared(options)
        parts.append(f"## {KINDS.get(group, group)} (`{group}=...`)\n")
        if shared:
            parts.append(f"Each has the keys {', '.join(_key(name, value) for name, value in shared.items())}.\n")
        parts.append(_table({name: (kind, _keys(kind, shared)) for name, kind in options.items()}))
    parts += [
        f"## {heading}\n\n" + _table({name: (kind, "") for name, kind in kinds.items()}) for heading, kinds in BY_KEY.items()
    ]
    return "\n".join(parts)


def described(kind: Any) -> tuple[str, str]:
    """Formula and source of a documented class or function; the source is empty where the docstring states none."""
    text = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    text = re.sub(r"^[a-z0-9_]+: ", "", text)
    sources = list(SOURCE.finditer(text))
    if not sources:
        return text, ""
    last = sources[-1]
    return text[: last.start()] + text[last.end() :], last[1]


def _table(rows: Mapping[str, tuple[Any, str]]) -> str:
    columns = ["name", "formula", "source"] + ["keys"] * any(keys for _, keys in rows.values())
    lines = [columns, ["---"] * len(columns)]
    for name, (kind, keys) in rows.items():
        formula, source = (_plain(text) for text in described(kind))
        lines.append([f"`{name}`", formula.removesuffix("."), source, keys][: len(columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plain(text: str) -> str:
    """Text that markdown shows as it is, but for ``code``."""
    parts = text.split("``")
    shown = [f"`{part}`" if i % 2 else SPECIAL.sub(r"\\\g<0>", part) for i, part in enumerate(parts)]
    return "".join(shown).replace("|", r"\|")


def _keys(kind: type[Any], shared: dict[str, Any]) -> str:
    return ", ".join(_key(name, value) for name, value in _defaults(kind).items() if name not in shared)


def _shared(options: dict[str, type[Any]]) -> dict[str, Any]:
    """The keys that all options have, with the same default."""
    first, *others = (_defaults(kind) for kind in options.values())
    return {name: value for name, value in first.items() if others and all(o.get(name, o) == value for o in others)}


def _defaults(kind: type[Any]) -> dict[str, Any]:
    default = kind()
    return {f.name: getattr(default, f.name) for f in dataclasses.fields(kind)}


def _key(name: str, value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    shown = words[value] if value is None or isinstance(value, bool) else str(value)
    return f"`{name}: {shown}`" if shown else f"`{name}`"


if __name__ == "__main__":
    path = Path(__file__).parent.parent / "docs" / "components.md"
    path.write_text(page(), encoding="utf-8")
    print(f"written: {path}")
