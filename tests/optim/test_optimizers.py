"""What every optimizer promises beside its rule: its state, its memory, its decay."""

import tracemalloc

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import CHUNK, chunks
from mnist_np.optim.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, AdamW, Momentum, Muon, ScheduleFreeSGD

SLOTS = [
    ParamSpec("W1", 0, 12, (4, 3)),
    ParamSpec("b1", 12, 15, (3,)),
    ParamSpec("gamma1", 15, 18, (3,)),
    ParamSpec("W2", 18, 24, (3, 2)),
]
STOCHASTIC = [name for name, kind in OPTIMIZERS.items() if not kind.full_batch]


def train(optimizer, steps=5, specs=SLOTS, dtype=np.float64, pull=1.0, lr=None):
    """Parameters and state after some steps down pull |w - 1|^2 / 2."""
    params = np.linspace(-1, 2, specs[-1].stop, dtype=dtype)
    grads = np.empty_like(params)
    state = optimizer.init(params, specs)

    def objective():
        grads[:] = pull * (params - 1)
        return pull * float((params - 1) @ (params - 1)) / 2

    for _ in range(steps):
        objective()
        optimizer.step(state, params, grads, lr or optimizer.lr, specs, objective)
    return params, state


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_is_arrays_and_numbers_of_the_parameters_precision(name, dtype):
    _, state = train(OPTIMIZERS[name](), dtype=dtype)
    for key, value in state.items():
        if key.startswith("_"):
            continue
        assert isinstance(value, np.ndarray | int | float), key
        if isinstance(value, np.ndarray) and key != "rho":
            assert value.dtype == dtype, key


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_saved_state_goes_on_where_it_stopped(name):
    """What begins with an underscore is scratch: a state without it, laid over a fresh one, trains on to the bit."""
    optimizer = OPTIMIZERS[name]()
    params, state = train(optimizer, steps=4)
    saved = {key: np.copy(value) if isinstance(value, np.ndarray) else value for key, value in state.items() if key[0] != "_"}
    ends = []
    for state in (state, optimizer.init(params, SLOTS) | saved):  # noqa: B020
        p, g = params.copy(), np.empty_like(params)

        def objective(p=p, g=g):
            g[:] = p**3
            return float((p**4).sum()) / 4

        for _ in range(3):
            objective()
            optimizer.step(state, p, g, 0.1, SLOTS, objective)
        ends.append(p)
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - {"sgd"}))  # whose rule is the textbook's: see tests/engine
def test_a_step_allocates_nothing_of_the_parameters_size(name):
    specs = [ParamSpec("W1", 0, 400 * 300, (400, 300)), ParamSpec("b1", 120_000, 120_300, (300,))]
    optimizer = OPTIMIZERS[name](**({} if name == "lbfgs" else {"weight_decay": 0.1}))
    params, grads = np.ones(120_300, np.float32), np.ones(120_300, np.float32)
    state = optimizer.init(params, specs)
    optimizer.step(state, params, grads, 0.1, specs, lambda: float(grads[0]))
    tracemalloc.start()
    optimizer.step(state, params, grads, 0.1, specs, lambda: float(grads[0]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 < params.nbytes / 20


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pieces_that_fit_the_cache_do_not_change_the_result(name, monkeypatch):
    whole, _ = train(OPTIMIZERS[name]())
    monkeypatch.setattr("mnist_np.optim.optimizer.CHUNK", 7)
    np.testing.assert_array_equal(train(OPTIMIZERS[name]())[0], whole)


def test_chunks_cover_the_vectors_once():
    x, s = np.arange(2 * CHUNK + 5), np.empty(CHUNK)
    pieces = list(chunks(x, scratch=s))
    np.testing.assert_array_equal(np.concatenate([piece for piece, _ in pieces]), x)
    assert all(len(piece) == len(scratch) for piece, scratch in pieces)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_weight_decay_shrinks_matrices_and_nothing_else(name):
    kind = OPTIMIZERS[name]
    still = {"pull": 0.0, "steps": 3}  # no gradient, so all that moves is decay
    before = np.linspace(-1, 2, 24)
    after, state = train(kind(weight_decay=0.1), lr=0.5, **still)
    out = np.empty_like(after)
    kind(weight_decay=0.1).eval_params(state, after, out)
    matrix = np.zeros(24, bool)
    matrix[:12] = matrix[18:] = True
    np.testing.assert_array_equal(after[~matrix], before[~matrix])
    assert np.all(np.abs(after[matrix]) < np.abs(before[matrix]))
    everywhere, _ = train(kind(weight_decay=0.1, decay_all=True), lr=0.5, **still)
    assert np.all(np.abs(everywhere) < np.abs(before))
    if not kind.averages:
        np.testing.assert_allclose(after[matrix], before[matrix] * 0.95**3, rtol=1e-12)


@pytest.mark.parametrize(("kind", "same"), [(SGD, True), (Adam, False)])
def test_l2_through_the_gradient_is_weight_decay_for_sgd_but_not_for_adam(kind, same):
    """Loshchilov & Hutter 2019, propositions 1 and 2."""
    wd, lr = 0.1, 0.05
    decoupled, classic = kind(lr=lr, weight_decay=wd, decay_all=True), kind(lr=lr)
    p, q = np.linspace(-1, 2, 24), np.linspace(-1, 2, 24)
    states = decoupled.init(p, SLOTS), classic.init(q, SLOTS)
    for _ in range(5):
        decoupled.step(states[0], p, 3 * (p - 1), lr, SLOTS)
        classic.step(states[1], q, 3 * (q - 1) + wd * q, lr, SLOTS)
    assert np.allclose(p, q, rtol=1e-12) is same


def test_the_momentum_in_the_state_is_the_one_in_force():
    """By hand: V = 0.5 * 0 + 2 = 2, w = 1 - 0.1 * 2 = 0.8; V = 0.25 * 2 + 2 = 2.5, w = 0.8 - 0.25 = 0.55."""
    optimizer, w, specs = Momentum(lr=0.1, momentum=0.5), np.array([1.0]), [ParamSpec("b1", 0, 1, (1,))]
    state = optimizer.init(w, specs)
    optimizer.step(state, w, np.array([2.0]), 0.1, specs)
    assert w[0] == pytest.approx(0.8, abs=1e-15)
    state["momentum"] = 0.25
    optimizer.step(state, w, np.array([2.0]), 0.1, specs)
    assert w[0] == pytest.approx(0.55, abs=1e-15)


def test_schedule_free_evaluates_the_mean_of_its_iterates():
    """By hand, beta = 0.5, gradient 1, lr 1: z = -1, -2; x = -1, then the mean of both, -1.5; y = (z + x) / 2."""
    optimizer, y, specs = ScheduleFreeSGD(lr=1.0, beta=0.5), np.zeros(1), [ParamSpec("b1", 0, 1, (1,))]
    state, out = optimizer.init(y, specs), np.empty(1)
    for z, x in ((-1, -1), (-2, -1.5)):
        optimizer.step(state, y, np.ones(1), 1.0, specs)
        optimizer.eval_params(state, y, out)
        assert (out[0], y[0]) == (x, (z + x) / 2)


def test_muon_moves_matrices_along_near_orthogonal_directions():
    rng, specs = np.random.default_rng(0), [ParamSpec("W1", 0, 60, (10, 6))]
    params, G = np.zeros(60), rng.standard_normal(60)
    optimizer = Muon(weight_decay=0.0)
    optimizer.step(optimizer.init(params, specs), params, G.copy(), 1.0, specs)
    step = params.reshape(10, 6) / (-0.2 * np.sqrt(10))
    singular = np.linalg.svd(step, compute_uv=False)
    assert singular.min() > 0.6
    assert singular.max() < 1.3
    U, S, Vt = np.linalg.svd(G.reshape(10, 6), full_matrices=False)
    assert S.max() / S.min() > 2
    assert np.sum(step * (U @ Vt)) > 0.9 * np.linalg.norm(step) * np.sqrt(6)


def test_lbfgs_solves_a_quadratic_bowl_in_a_few_updates():
    params, state = train(LBFGS(iterations=3), steps=1, pull=7.0)
    np.testing.assert_allclose(params, 1, atol=1e-12)
    assert state["t"] == 1


def test_lbfgs_stays_at_a_minimum_and_survives_overflow():
    w, g, specs = np.zeros(2), np.zeros(2), [ParamSpec("b1", 0, 2, (2,))]
    optimizer = LBFGS()
    state = optimizer.init(w, specs)
    optimizer.step(state, w, g, 1.0, specs, lambda: 0.0)
    np.testing.assert_array_equal(w, 0)

    def steep():
        """exp(w^2) - 1, infinite for the first strides."""
        e = np.exp(w**2)
        g[:] = 2 * w * e
        return float(e.sum())

    evaluated = []
    w[:] = 0.5
    optimizer.step(state, w, g, 0.0, specs, lambda: evaluated.append(1) or steep())  # at a schedule's end
    assert (w.tolist(), len(evaluated)) == ([0.5, 0.5], 1)

    w[:] = 4.0
    state = optimizer.init(w, specs)
    for _ in range(20):
        optimizer.step(state, w, g, 1e6, specs, steep)
    assert np.abs(w).max() < 1e-3


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (SGD, {"lr": -1}, "optimizer.lr = -1: must be > 0"),
        (Momentum, {"nesterov": True, "dampening": 0.5}, "needs a momentum > 0 and dampening = 0"),
        (AdamW, {"beta2": 1.0}, "must be >= 0 and < 1"),
        (LBFGS, {"weight_decay": 0.1}, "use training.l2"),
    ],
)
def test_what_cannot_be_is_refused(kind, values, message):
    with pytest.raises(ConfigError, match=message):
        kind(**values)
