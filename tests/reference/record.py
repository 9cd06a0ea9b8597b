"""Record how independent implementations of the optimizers move, for tests/optim/test_trajectories.py to compare with.

    python -m pip install -e '.[reference]' && python tests/reference/record.py

Most are PyTorch's own. Lion and the schedule-free pair are written out in pseudocode.py, and Muon is
PyTorch's with its Newton-Schulz iteration in float64 instead of bfloat16. Nothing of mnist_np is imported. All is float64.

Written to optimizers.npz: for each case and problem, an array (len(STEPS), n) of the flat parameter vector after these steps;
``cases``, a JSON text, says which optimizer of mnist_np with which values each case is; ``X``, ``Y`` and the starting points.
"""

import json
from pathlib import Path

import numpy as np
import torch
from pseudocode import Lion, ScheduleFree
from torch.optim import _muon

STEPS = [1, 2, 3, 10, 30, 100]
DECAY, L2 = 0.02, 0.02
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def newton_schulz(G, coefficients, steps, eps):
    a, b, c = coefficients
    X = G / G.norm().clamp(min=eps)
    for _ in range(steps):
        S = X @ X.T
        X = a * X + (b * S + c * S @ S) @ X
    return X


_muon._zeropower_via_newtonschulz = newton_schulz


# The problems: parameters as tensors, and the objective of them.
rng = np.random.default_rng(20240707)
Q = np.linalg.qr(rng.standard_normal((20, 20)))[0]
BOWL = Q @ np.diag(np.geomspace(0.05, 2, 20)) @ Q.T
CENTRE = rng.standard_normal(20)
X, Y = rng.standard_normal((30, 5)), np.eye(3)[rng.integers(3, size=30)]
STARTS = {
    "bowl": [np.zeros((4, 5))],
    "rosenbrock": [np.array([-1.2, 1.0])],
    "network": [rng.standard_normal((5, 4)) * 0.6, np.zeros(4), rng.standard_normal((4, 3)) * 0.6, np.zeros(3)],
}


def bowl(W):
    d = W.reshape(-1) - torch.tensor(CENTRE)
    return d @ torch.tensor(BOWL) @ d / 2


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def network(W1, b1, W2, b2):
    logits = torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2
    penalty = sum((p**2).sum() for p in (W1, b1, W2, b2))
    return -(torch.tensor(Y) * torch.log_softmax(logits, dim=1)).sum() / len(X) + L2 / 2 * penalty


PROBLEMS = {"bowl": bowl, "rosenbrock": rosenbrock, "network": network}


# The optimizers: functions of the list of parameter tensors that return an object with step(closure).
def groups(params, weight_decay):
    """Decay for matrices alone."""
    return [{"params": [p], "weight_decay": weight_decay if p.ndim == 2 else 0.0} for p in params]


def of_torch(kind, weight_decay=0.0, **values):
    return lambda params: kind(groups(params, weight_decay), **values)


def dampened(params, **values):
    """PyTorch takes the first gradient undampened; the textbook's velocity starts at zero."""
    optimizer = torch.optim.SGD(params, **values)
    for p in params:
        optimizer.state[p]["momentum_buffer"] = torch.zeros_like(p)
    return optimizer


class Several:
    def __init__(self, *optimizers):
        self.optimizers = optimizers

    def step(self, closure):
        closure()
        for optimizer in self.optimizers:
            optimizer.step()


def muon(params, lr, weight_decay, nesterov):
    matrices, rest = [p for p in params if p.ndim == 2], [p for p in params if p.ndim != 2]
    parts = []
    if matrices:
        values = {"momentum": 0.9, "nesterov": nesterov, "adjust_lr_fn": "match_rms_adamw"}
        parts.append(torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, **values))
    if rest:
        parts.append(torch.optim.Adam(rest, lr=lr))
    return Several(*parts)


def cases():
    """Name of the case: (mnist_np's optimizer, its values, the reference)."""
    o = torch.optim
    yield "sgd", "sgd", {"lr": 1e-3}, of_torch(o.SGD, lr=1e-3)
    yield "sgd_decay", "sgd", {"lr": 1e-3, "weight_decay": DECAY}, of_torch(o.SGD, DECAY, lr=1e-3)
    yield "momentum", "momentum", {"lr": 5e-4}, of_torch(o.SGD, lr=5e-4, momentum=0.9)
    yield (
        "nesterov",
        "momentum",
        {"lr": 5e-4, "nesterov": True},
        of_torch(o.SGD, lr=5e-4, momentum=0.9, nesterov=True),
    )
    for dampening, name in ((0.3, "dampened"), (0.9, "mean_of_gradients")):
        values = {"lr": 1e-3, "momentum": 0.9, "dampening": dampening}
        ours = values | ({"dampening": None} if name == "mean_of_gradients" else {})
        yield name, "momentum", ours, lambda params, values=values: dampened(params, **values)
    yield "adagrad", "adagrad", {"lr": 0.1}, of_torch(o.Adagrad, lr=0.1)
    yield (
        "adagrad_initial",
        "adagrad",
        {"lr": 0.1, "initial": 0.5},
        of_torch(o.Adagrad, lr=0.1, initial_accumulator_value=0.5),
    )
    yield "rmsprop", "rmsprop", {"lr": 1e-3, "rho": 0.9}, of_torch(o.RMSprop, lr=1e-3, alpha=0.9)
    yield (
        "rmsprop_centered",
        "rmsprop",
        {"lr": 1e-3, "centered": True, "momentum": 0.5},
        of_torch(o.RMSprop, lr=1e-3, centered=True, momentum=0.5),
    )
    yield "adadelta", "adadelta", {}, of_torch(o.Adadelta)
    yield "adam", "adam", {"lr": 0.01}, of_torch(o.Adam, lr=0.01)
    yield (
        "adam_amsgrad",
        "adam",
        {"lr": 0.01, "beta1": 0.8, "beta2": 0.9, "amsgrad": True},
        of_torch(o.Adam, lr=0.01, betas=(0.8, 0.9), amsgrad=True),
    )
    yield "adamw", "adamw", {"lr": 0.01, "weight_decay": DECAY}, of_torch(o.AdamW, DECAY, lr=0.01)
    yield (
        "nadam",
        "nadam",
        {"lr": 0.01, "weight_decay": DECAY},
        of_torch(o.NAdam, DECAY, lr=0.01, decoupled_weight_decay=True),
    )
    yield "radam", "radam", {"lr": 0.002}, of_torch(o.RAdam, lr=0.002)
    for nesterov in (True, False):
        values = {"lr": 0.01, "weight_decay": DECAY, "nesterov": nesterov}
        name = "muon" if nesterov else "muon_plain"
        yield name, "muon", values | {"momentum": 0.9}, lambda params, values=values: muon(params, **values)
    values = {"lr": 0.002, "beta1": 0.9, "beta2": 0.99, "weight_decay": DECAY}
    yield "lion", "lion", values, lambda params, values=values: Lion(params, **values)
    values = {"lr": 1e-3, "beta": 0.9, "weight_decay": DECAY}
    yield "schedule_free_sgd", "schedule_free_sgd", values, lambda params, values=values: ScheduleFree(params, **values)
    values = {"lr": 0.01, "beta": 0.9, "weight_decay": DECAY, "beta2": 0.99}
    yield "schedule_free_adamw", "schedule_free_adamw", values, lambda params, values=values: ScheduleFree(params, **values)
    values = {"lr": 1.0, "tolerance": 1e-9, "max_evaluations": 25, "iterations": 1, "history": 10}
    yield (
        "lbfgs",
        "lbfgs",
        values,
        lambda params: o.LBFGS(
            params,
            max_iter=1,
            max_eval=25,
            history_size=10,
            line_search_fn="strong_wolfe",
            tolerance_grad=0.0,
            tolerance_change=1e-9,
        ),
    )


def trajectory(problem, reference):
    """Parameter vectors after each of STEPS, (len(STEPS), n)."""
    params = [torch.tensor(start, requires_grad=True) for start in STARTS[problem]]
    optimizer = reference(params)

    @torch.enable_grad()
    def closure():
        for p in params:
            p.grad = None
        loss = PROBLEMS[problem](*params)
        loss.backward()
        return loss

    points = []
    for step in range(1, STEPS[-1] + 1):
        optimizer.step(closure)
        if step in STEPS:
            points.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return np.array(points)


def main():
    recorded, described = {}, {}
    for case, name, values, reference in cases():
        described[case] = {"optimizer": name, "values": values}
        for problem in PROBLEMS:
            recorded[f"{case}/{problem}"] = trajectory(problem, reference)
    starts = {f"start/{name}": np.concatenate([part.ravel() for part in parts]) for name, parts in STARTS.items()}
    data = {"X": X, "Y": Y, "bowl": BOWL, "centre": CENTRE, "L2": np.array(L2), "steps": np.array(STEPS)}
    path = Path(__file__).with_name("optimizers.npz")
    np.savez_compressed(path, cases=np.array(json.dumps(described)), **data, **starts, **recorded)
    print(f"{path.name}: {len(described)} cases, torch {torch.__version__}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
