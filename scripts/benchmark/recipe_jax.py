"""A record's recipe in JAX: one jitted ``lax.scan`` over an epoch's full batches, and a step for the short one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from benchmark.peers_jax import forward
from benchmark.recipe import Recipe, Trained, timed
from mnist_np.data.augment import Distort


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """The whole training, of any seed."""
    recipe, test = Recipe(cell.net), images.dataset.test
    X, y = jnp.asarray(images.X), jnp.asarray(images.labels, jnp.int32)
    X_test, y_test = jnp.asarray(np.ascontiguousarray(test.X)), jnp.asarray(test.labels)
    adam, distort, full = recipe.adam, recipe.distort, len(X) // recipe.batch

    def loss_of(params: Any, X: Any, y: Any) -> Any:
        log_p = jax.nn.log_softmax(forward(params, X))
        hit = jnp.take_along_axis(log_p, y[:, None], axis=1)[:, 0]
        return -jnp.mean((1 - recipe.smoothing) * hit + recipe.smoothing * log_p.mean(axis=1))

    def step(carry: Any, batch: Any) -> Any:
        params, m, v, t, key = carry
        indices, rate = batch
        key, own = jax.random.split(key)
        x = X[indices] if distort is None else distorted(X[indices], distort, own)
        loss, grads = jax.value_and_grad(loss_of)(params, x, y[indices])
        t = t + 1
        m = jax.tree.map(lambda m, g: adam.beta1 * m + (1 - adam.beta1) * g, m, grads)
        v = jax.tree.map(lambda v, g: adam.beta2 * v + (1 - adam.beta2) * g * g, v, grads)
        first, second = 1 - adam.beta1**t, 1 - adam.beta2**t
        params = jax.tree.map(lambda p, m, v: p - rate * (m / first) / (jnp.sqrt(v / second) + adam.eps), params, m, v)
        return (params, m, v, t, key), loss

    def epoch(carry: Any, order: Any, rates: Any) -> Any:
        batches = order[: full * recipe.batch].reshape(full, recipe.batch)
        carry, _ = jax.lax.scan(step, carry, (batches, rates[:full]))
        if full < len(rates):
            carry, _ = step(carry, (order[full * recipe.batch :], rates[full]))
        return carry

    rates, compiled = recipe.rates(len(X)), jax.jit(epoch, donate_argnums=0)
    carry: Any = None

    def begin(seed: int) -> Any:
        params = [(jnp.array(W), jnp.array(b)) for W, b in recipe.weights(seed)]
        zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(2)]
        return params, *zeros, jnp.float32(0), jax.random.key(seed)

    def train(seed: int, epochs: int) -> None:
        nonlocal carry
        rng, carry = np.random.default_rng(seed), begin(seed)
        for of_epoch in rates[:epochs]:
            carry = compiled(carry, jnp.asarray(rng.permutation(len(X))), jnp.asarray(of_epoch))
        jax.block_until_ready(carry[0])

    def accuracy() -> float:
        return float((forward(carry[0], X_test).argmax(axis=1) == y_test).mean())

    def run(seed: int) -> Trained:
        return timed(lambda: train(seed, recipe.epochs), accuracy)

    return Job(run, f"jax {jax.__version__}", warm_up=lambda: train(0, 1))


def distorted(X: Any, distort: Distort, key: Any) -> Any:
    """The images (m, 784), each shifted, turned, slanted and scaled at random: one bilinear look-up."""
    m, side = len(X), 28
    uniform = jax.random.uniform(key, (6, m), minval=-1, maxval=1)
    angle, slant = jnp.radians(distort.rotation) * uniform[2], jnp.tan(jnp.radians(distort.shear)) * uniform[3]
    c, s, by_y, by_x = jnp.cos(angle), jnp.sin(angle), 1 + distort.scale * uniform[4], 1 + distort.scale * uniform[5]
    A = jnp.array([[(c - s * slant) / by_y, -s / by_x], [(s + c * slant) / by_y, c / by_x]])  # R H S^-1 in the order y, x
    place = jnp.arange(side) - (side - 1) / 2
    grid = jnp.stack(jnp.meshgrid(place, place, indexing="ij"))
    at = jnp.einsum("ijm,jyx->miyx", A, grid) + (side - 1) / 2 + distort.shift * uniform[:2].T[:, :, None, None]
    look_up = jax.vmap(lambda image, at: map_coordinates(image, [at[0], at[1]], order=1))
    return look_up(X.reshape(m, side, side), at).reshape(m, side * side)
