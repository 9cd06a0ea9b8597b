"""JAX: one jitted ``lax.scan`` over all full batches of an epoch, and one step for the short batch at its end."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from benchmark.engines import ONE_IMAGE_REPEATS


def forward(params: Any, X: Any) -> Any:
    for W, b in params[:-1]:
        X = jax.nn.relu(X @ W + b)
    W, b = params[-1]
    return X @ W + b


def loss_of(params: Any, X: Any, y: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(params, X)), y[:, None], axis=1))


def sgd(params: Any, state: Any, grads: Any) -> Any:
    return jax.tree.map(lambda p, g: p - 0.05 * g, params, grads), state


def momentum(params: Any, state: Any, grads: Any) -> Any:
    state = jax.tree.map(lambda v, g: 0.9 * v + g, state, grads)
    return jax.tree.map(lambda p, v: p - 0.01 * v, params, state), state


def adam(params: Any, state: Any, grads: Any) -> Any:
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    rate = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v), (m, v, t)


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """One epoch, or inference."""
    if cell.extra:
        raise ValueError(f"{cell.extra} is not measured here")
    rng, sizes = np.random.default_rng(0), [784, *cell.hidden, 10]
    params = [
        (jnp.asarray(rng.standard_normal((a, b), np.float32) * np.sqrt(2 / a)), jnp.zeros(b, jnp.float32))
        for a, b in pairwise(sizes)
    ]
    versions = f"jax {jax.__version__}"
    X = jnp.asarray(images.X)
    if cell.task == "infer":
        X = X[: cell.batch]
        probabilities = jax.jit(lambda params, X: jax.nn.softmax(forward(params, X)))
        repeats = ONE_IMAGE_REPEATS if cell.batch == 1 else 1

        def infer() -> None:
            for _ in range(repeats):
                probabilities(params, X).block_until_ready()

        return Job(infer, versions, repeats)

    y = jnp.asarray(images.labels, jnp.int32)
    rule = {"sgd": sgd, "momentum": momentum, "adam": adam}[cell.optimizer]
    zeros = jax.tree.map(jnp.zeros_like, params)
    first = {"sgd": (), "momentum": zeros, "adam": (zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(0))}

    def step(carry: Any, indices: Any) -> Any:
        params, state = carry
        loss, grads = jax.value_and_grad(loss_of)(params, X[indices], y[indices])
        return rule(params, state, grads), loss

    @partial(jax.jit, donate_argnums=0)
    def epoch(carry: Any, order: Any) -> Any:
        full = len(order) // cell.batch * cell.batch
        carry, losses = jax.lax.scan(step, carry, order[:full].reshape(-1, cell.batch))
        total = losses.sum() * cell.batch
        if full < len(order):
            carry, loss = step(carry, order[full:])
            total += loss * (len(order) - full)
        return carry, total

    carry = (params, first[cell.optimizer])

    def run() -> float:
        nonlocal carry
        carry, total = epoch(carry, jnp.asarray(rng.permutation(len(X))))
        return float(total)

    return Job(run, versions)
