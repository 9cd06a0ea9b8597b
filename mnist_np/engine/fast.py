"""The engine that trains: the textbook's numbers, but for rounding, in less time (``training.engine=fast``).

Layers with a kernel are computed in place; all others by their own code. The first layer leaves out products with zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mnist_np.data.augment import Augment
from mnist_np.data.batches import Batches
from mnist_np.data.dataset import Dataset, Split
from mnist_np.engine.cross_entropy import CrossEntropyKernel
from mnist_np.engine.kernels import (
    BatchNormKernel,
    DenseKernel,
    DropoutKernel,
    Kernel,
    NoiseKernel,
    Place,
    Positions,
    ReLUKernel,
    TextbookKernel,
)
from mnist_np.engine.sparse_input import SparseBatch, SparseBatches, SparseDenseKernel, WeightOrder, is_sparse, packed
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.experiment import Training
from mnist_np.nn.activations import ReLU
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.losses import CrossEntropy, Loss
from mnist_np.nn.network import Network
from mnist_np.nn.noise import Dropout, GaussianNoise
from mnist_np.nn.norms import BatchNorm
from mnist_np.optim.optimizer import Optimizer, State, chunks
from mnist_np.optim.optimizers import SGD

MakeKernel = Callable[[Any, Place], Kernel]

KERNELS: dict[type[Layer], MakeKernel] = {
    Dense: DenseKernel,
    Dropout: DropoutKernel,
    GaussianNoise: NoiseKernel,
    BatchNorm: BatchNormKernel,
}
"""Layer -> its kernel. `Activate` has one for ReLU alone."""


class InPlaceSGD(SGD):
    """The same rule without a temporary vector. It saves 7 % of an epoch of 128 at batch 32."""

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        for p, g in chunks(params, grads):
            g *= lr
            p -= g


class FastEngine(TextbookEngine):
    """Computes what `TextbookEngine` does, by kernels."""

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer, training: Training) -> None:
        super().__init__(network, loss, optimizer, training)
        if type(optimizer) is SGD:
            self.optimizer = InPlaceSGD(**vars(optimizer))
        self.weight_order: WeightOrder | None = None
        self.passes: dict[int, Pass] = {}

    def batches(self, data: Dataset, batch_size: int, augment: Augment) -> Batches:
        """Batches of sparse inputs, if the first layer is a Dense one and the inputs come to it as the data have them."""
        self.weight_order = None
        self.passes.clear()
        training = self.training
        is_plain = isinstance(self.network.layers[0], Dense) and not (augment.active or training.mixup or training.vat)
        if not is_plain or not is_sparse(data.train):
            return super().batches(data, batch_size, augment)
        examples = packed(data.train)
        self.weight_order = WeightOrder(self.network, examples.order)
        return SparseBatches(examples, batch_size)

    def loss_and_gradients(self, batch: Split, rng: np.random.Generator) -> float:
        self.last = one = self.passes.get(len(batch)) or self.add_pass(len(batch))
        positions = None
        if isinstance(batch, SparseBatch):
            one.first.steps, positions = batch.steps, batch.positions
        self.logits = one.forward(batch.X.astype(self.network.dtype, copy=False), rng, positions)
        self.value, dZ = one.loss(self.logits, batch.targets)
        self.backward(dZ)
        return self.value

    def forward(self, X: Array, rng: np.random.Generator) -> Array:
        self.last = self.passes.get(len(X)) or self.add_pass(len(X))
        return self.last.forward(X, rng, None)

    def backward(self, dZ: Array) -> None:
        dZ = dZ.astype(self.network.dtype, copy=False)
        for kernel in self.last.trained:
            dZ = kernel.backward(dZ)

    def input_gradient(self, dZ: Array) -> Array:
        """The last pass must not have been over a sparse batch."""
        dZ = dZ.astype(self.network.dtype, copy=False)
        for kernel in reversed(self.last.kernels):
            dZ = kernel.input_gradient(dZ)
        return dZ

    def add_pass(self, m: int) -> Pass:
        """The kernels for batches of m examples, made once; those of the three sizes used last are kept."""
        while len(self.passes) > 2:
            self.passes.pop(next(iter(self.passes)))
        self.passes[m] = Pass(self.network, self.loss, m, self.weight_order is not None)
        return self.passes[m]

    @contextmanager
    def epoch(self, *states: State) -> Iterator[None]:
        with self.moved(states, inwards=True):
            yield

    @contextmanager
    def pause(self, *states: State) -> Iterator[None]:
        with self.moved(states, inwards=False):
            yield

    @contextmanager
    def moved(self, states: tuple[State, ...], inwards: bool) -> Iterator[None]:
        """The weights in the order of the inputs (``inwards``), or back in their own, for the time of the block."""
        if self.weight_order is None:
            yield
            return
        there, back = self.weight_order.order, self.weight_order.inverse
        if not inwards:
            there, back = back, there
        self.weight_order.move(there, states)
        try:
            yield
        finally:
            self.weight_order.move(back, states)


class Pass:
    """The kernels of a network and a loss for batches of m examples; ``trained`` are those that backward goes through, in its
    order."""

    def __init__(self, network: Network, loss: Loss, m: int, sparse: bool) -> None:
        self.kernels: list[Kernel] = []
        first_trained = next((i for i, layer in enumerate(network.layers) if layer.shapes), 0)
        for i, layer in enumerate(network.layers):
            in_place = bool(self.kernels) and self.kernels[-1].output_is_free
            kernel: MakeKernel = SparseDenseKernel if sparse and i == 0 else kernel_of(layer)
            self.kernels.append(kernel(layer, Place(m, network.dtype, in_place, i > first_trained)))
        self.trained = self.kernels[first_trained:][::-1]
        self.first: Any = self.kernels[0]
        self.loss = loss_kernel(loss, m, network.n_out, network.dtype)

    def forward(self, A: Array, rng: np.random.Generator, positions: Positions) -> Array:
        """The logits of inputs A."""
        for kernel in self.kernels:
            A = kernel.forward(A, rng, positions)
        return A


def kernel_of(layer: Layer) -> MakeKernel:
    """The kernel of a layer, or `TextbookKernel`."""
    if type(layer) is Activate and type(layer.activation) is ReLU:
        return ReLUKernel
    return KERNELS.get(type(layer), TextbookKernel)


def loss_kernel(loss: Loss, m: int, n_classes: int, dtype: np.dtype) -> Callable[[Array, Array], tuple[float, Array]]:
    """J and dJ/dZ as a function of logits and targets."""
    if type(loss) is CrossEntropy and not loss.label_smoothing and not loss.confidence_penalty:
        return CrossEntropyKernel(m, n_classes, dtype)
    return lambda Z, Y: loss(Z, Y.astype(dtype, copy=False))


def engine_of(network: Network, loss: Loss, optimizer: Optimizer, training: Training) -> TextbookEngine:
    """The engine that ``training.engine`` names."""
    kind = FastEngine if training.engine == "fast" else TextbookEngine
    return kind(network, loss, optimizer, training)
