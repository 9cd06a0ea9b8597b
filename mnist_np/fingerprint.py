"""What determines a run's result, hashed: two runs of the same fingerprint have the same result, but for rounding.

Rounding depends on the versions of the libraries, the BLAS and its threads as well, which a run records beside its fingerprint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from mnist_np.component import Component
from mnist_np.experiment import Experiment
from mnist_np.metrics import METRICS
from mnist_np.nn.losses import Distillation
from mnist_np.registry import lookup
from mnist_np.serialize import flatten, to_dict
from mnist_np.source_code import Part, edited_sha256, part_sha256

RESULTS_VERSION = 4
"""To be raised by hand in a commit that changes results by more than rounding, see tests/reference/test_golden.py.

Not the package's version: a release must not make finished sweeps run again.
"""


@dataclass(frozen=True)
class Identity:
    """What a run is of. ``plugins`` are the user's own classes that it uses, ``code`` the numeric files of an edited checkout."""

    config: dict[str, object]
    data_sha256: str
    teacher_sha256: str
    plugins: dict[str, str]
    code: str
    results_version: int = RESULTS_VERSION

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the hash of it all."""
        return self._hash(self.config)

    @property
    def group(self) -> str:
        """The fingerprint without the seed: what runs of one configuration with different seeds share."""
        return self._hash({key: value for key, value in self.config.items() if key != "seed"})

    def _hash(self, config: dict[str, object]) -> str:
        # Of a class the source counts, not its name: the config names it already.
        sources = sorted(set(self.plugins.values()))
        content = [config, self.data_sha256, self.teacher_sha256, sources, self.code, self.results_version]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def inputs(self) -> dict[str, object]:
        """All but the config, as plain data: what a run records, for `differences` to compare later."""
        recorded = dataclasses.asdict(self)
        del recorded["config"]
        return recorded


def identify(experiment: Experiment, data_sha256: str, teacher_sha256: str = "") -> Identity:
    """The identity of a run of ``experiment`` by this process.

    Args:
        experiment: what is trained.
        data_sha256: of the data that ``experiment.data`` describes (`Dataset.sha256`).
        teacher_sha256: of a distillation's teacher (`Dataset.teacher_sha256`, `storage.teacher.teacher_sha256`).
    """
    assert teacher_sha256 or not isinstance(experiment.loss, Distillation), "a distillation is identified with its teacher"
    plugins = {name: sha256 for name, part in parts(experiment) if (sha256 := part_sha256(part))}
    return Identity(to_dict(experiment, only_effective=True), data_sha256, teacher_sha256, plugins, edited_sha256())


def parts(experiment: Experiment) -> Iterator[tuple[str, Part]]:
    """The classes of components and the functions of metrics that an experiment uses, each with its group and name."""
    yield from ((f"{kind.group}.{kind.__name__}", kind) for kind in _classes(experiment))
    yield from ((f"metric.{name}", METRICS[name]) for name in sorted(set(experiment.training.metrics) & METRICS.keys()))


def _classes(experiment: Experiment) -> Iterator[type[Component]]:
    """The classes of an experiment's components, and of those that it has by name."""
    for f in dataclasses.fields(experiment):
        value = getattr(experiment, f.name)
        if isinstance(value, Component):
            yield type(value)
    model = experiment.model
    for group, names in (("activation", model.activations), ("init", model.inits), ("init", [model.init_output])):
        yield from (lookup(group, name) for name in names or [] if name)


DESCRIPTIONS = {
    "data_sha256": "the data's SHA-256",
    "teacher_sha256": "the SHA-256 of the teacher's weights",
    "plugins": "the source of",
    "code": "uncommitted changes of the numeric code",
    "results_version": "the results version of the code",
    "code_sha256": "the numeric code",
}


def differences(then: dict[str, object], now: dict[str, object], words: tuple[str, str] = ("there", "here")) -> list[str]:
    """What two records of `Identity.inputs` (or two configs) do not share: ``optimizer.lr: 0.1 there, 0.2 here``."""
    a, b = flatten(then), flatten(now)
    return [
        f"{_described(key)}: {_short(a.get(key))} {words[0]}, {_short(b.get(key))} {words[1]}"
        for key in dict.fromkeys([*a, *b])
        if a.get(key) != b.get(key)
    ]


def _described(key: str) -> str:
    first, _, rest = key.partition(".")
    return " ".join([DESCRIPTIONS[first], rest]).strip() if first in DESCRIPTIONS else key


def _short(value: object) -> str:
    """A value in at most 60 characters, a hash in twelve."""
    if isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef"):
        return f"{value[:12]}..."
    return "nothing" if value in (None, "") else textwrap.shorten(str(value), 60, placeholder="...")
