"""Virtual adversarial training: the output is to change little around each input, even in the direction of largest change."""

from __future__ import annotations

import numpy as np

from mnist_np.data.dataset import Split
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.experiment import Training
from mnist_np.nn.adversarial import kl_divergence, perturbation
from mnist_np.nn.arrays import Array


class VirtualAdversarial:
    """J <- J + weight / m sum_i KL(p(y|x_i) || p(y|x_i + r_i)), |r_i| = vat, r_i found by `perturbation` (Miyato et al. 2015).

    p(y|x) and r are held constant in the gradient. All passes of a step have the same dropout masks and noise: with others, the
    divergence at r = 0 would not be 0. Batch norm uses each pass's own batch, and only that of the inputs themselves moves its
    running statistics. The reported losses are without the added term.
    """

    def __init__(self, training: Training, engine: TextbookEngine) -> None:
        self.training, self.engine = training, engine

    def loss_and_gradients(self, batch: Split, rng: np.random.Generator, directions: np.random.Generator) -> float:
        """The loss of one training pass over ``batch``; the gradients of J are left in the network's ``grads``.

        ``rng`` draws dropout and noise, ``directions`` the first directions.
        """
        engine, network, training = self.engine, self.engine.network, self.training
        drawn = rng.bit_generator.state
        loss = engine.loss_and_gradients(batch, rng)
        Z, gradients, state = engine.logits.copy(), network.grads.copy(), network.state.copy()
        X = batch.X.astype(network.dtype, copy=False)

        def divergence_gradient(X: Array) -> Array:
            rng.bit_generator.state = drawn
            return kl_divergence(Z, engine.forward(X, rng))[1]

        def slope(X: Array) -> Array:
            return engine.input_gradient(divergence_gradient(X))

        D = directions.standard_normal(X.shape, dtype=X.dtype.type)
        R = perturbation(slope, X, D, training.vat, training.vat_xi, training.vat_steps)
        engine.backward(divergence_gradient(X + R))
        network.grads *= training.vat_weight
        network.grads += gradients
        network.state[:] = state
        engine.logits = Z
        return loss
