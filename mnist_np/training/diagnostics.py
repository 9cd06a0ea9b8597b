"""Statistics of the network while it trains: activations, gradients and weights of each layer, dead units, sizes of updates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate, Dense
from mnist_np.nn.network import Network
from mnist_np.training.diagnostics_record import BINS, DiagnosticsRecord, Histogram, LayerRecord
from mnist_np.training.events import EpochEnd, Observer, RunStart, StepEnd

PROBE = 1000
"""Training examples, spread evenly over the training set, that every look is taken with."""


@dataclass
class Diagnostics(Observer):
    """Looks at the network before the first step and then every ``every`` steps (None: at the end of each epoch).

    A look is a training pass over the same `PROBE` examples with the same random numbers, so that looks can be compared; it
    draws from no stream of the run and leaves nothing behind, so that training goes on as if nobody had looked. The newest
    numbers join each epoch's metrics as ``layers/<i>/...``, layer by layer from 1 on:

    - ``activation_norm``, ``activation_mean``, ``activation_sd``: mean over the examples of |a|; mean and sd of all entries
    - ``gradient_norm``, ``weight_norm``: |dW| and |W|
    - ``dead``: share of units that put out the same value for every example (hidden layers only)
    - ``update_ratio``: |W - W before the last step| / |W before|
    """

    observes_steps = True

    every: int | None = None
    record: DiagnosticsRecord = field(default_factory=DiagnosticsRecord)

    def on_start(self, event: RunStart) -> None:
        n = len(event.data.train)
        rows = np.linspace(0, n - 1, min(PROBE, n)).astype(int)
        probe = event.data.train[rows]
        self.X, self.Y = (array.astype(event.network.dtype) for array in (probe.X, probe.targets))
        self.loss, self.steps = event.experiment.loss, event.steps
        self.interval = self.every or event.steps_per_epoch
        self.before = event.network.params.copy()
        self.look(event.progress.step, event.network)

    def wants_step(self, step: int) -> bool:
        return step % self.interval in (0, self.interval - 1)

    def on_step(self, event: StepEnd) -> None:
        if event.step % self.interval == 0:
            self.look(event.step, event.network)
        if (event.step + 1) % self.interval == 0:
            np.copyto(self.before, event.network.params)

    def on_epoch(self, event: EpochEnd) -> None:
        newest = self.record.looks[max(self.record.looks)]
        numbers = {f"layers/{i}/{name}": v for i, layer in enumerate(newest, 1) for name, v in layer.items()}
        event.metrics.update(numbers)
        event.progress.history[-1].update(numbers)

    def look(self, step: int, network: Network) -> None:
        """Look at ``network`` after ``step`` steps, with ``before`` its parameters one step earlier."""
        layers = self.layers(network)
        self.record.looks[step] = [layer.numbers for layer in layers]
        half = self.steps / 2
        for other in [*self.record.pictures][1:]:
            if step <= half or other > half:
                del self.record.pictures[other]
        self.record.pictures[step] = layers

    def layers(self, network: Network) -> list[LayerRecord]:
        """What the network's layers are like, by one training pass."""
        outputs, gradients = self.training_pass(network)
        starts = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]
        weights = [spec for spec in network.specs if spec.is_weight]
        found = []
        for start, stop, spec in zip(starts, [*starts[1:], len(network.layers)], weights, strict=True):
            active = [i for i in range(start, stop) if isinstance(network.layers[i], Activate)]
            A = outputs[active[-1] if active else stop - 1]
            W, W_before = spec.view(network.params), spec.view(self.before)
            numbers = {
                "activation_norm": float(np.linalg.norm(A, axis=1).mean()),
                "gradient_norm": float(np.linalg.norm(spec.view(network.grads))),
                "weight_norm": float(np.linalg.norm(W)),
                "update_ratio": float(np.linalg.norm(W - W_before) / max(float(np.linalg.norm(W_before)), 1e-30)),
            }
            if active:
                numbers["dead"] = float(np.mean(np.ptp(A, axis=0) == 0))
            activations = histogram(A)
            numbers |= {"activation_mean": activations.mean, "activation_sd": activations.sd}
            found.append(LayerRecord(numbers, activations, histogram(len(self.X) * gradients[start]), histogram(W)))
        return found

    def training_pass(self, network: Network) -> tuple[list[Array], list[Array]]:
        """The output of each layer, and the derivative of the loss by it; the network's gradients are left in ``grads``."""
        state, rng, A = network.state.copy(), np.random.default_rng(0), self.X
        outputs, caches = [], []
        for layer in network.layers:
            A, cache = layer.forward(A, rng)
            outputs.append(A)
            caches.append(cache)
        network.state[:] = state
        gradients = [self.loss(A, self.Y)[1]]
        for layer, cache in zip(network.layers[:0:-1], caches[:0:-1], strict=True):
            gradients.append(layer.backward(cache, gradients[-1]))
        network.layers[0].backward(caches[0], gradients[-1])
        return outputs, gradients[::-1]


def histogram(values: Array) -> Histogram:
    """Of all entries that are finite."""
    values = values[np.isfinite(values)]
    if not values.size:
        return Histogram(np.zeros(BINS, np.intp), np.linspace(0, 1, BINS + 1), 0.0, 0.0)
    low, high = (np.float64(limit) for limit in (values.min(), values.max()))
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # too near to each other for so many edges between them
        margin = 0.5 * (abs(high) or 1)
        low, high = low - margin, high + margin
    counts, edges = np.histogram(values, BINS, (low, high))
    return Histogram(counts, edges, float(values.mean(dtype=float)), float(values.std(dtype=float)))


def diagnostics_of(training: Training) -> list[Diagnostics]:
    """The observer that ``training.diagnostics`` asks for, or none."""
    if training.diagnostics == "off":
        return []
    return [Diagnostics(None if training.diagnostics == "epoch" else training.diagnostics)]
