"""Both engines train alike: every layer, activation, loss, optimizer, norm position and precision, over an epoch with a last
short batch."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.augment import Distort
from mnist_np.data.dataset import Split
from mnist_np.data.sources import MNIST, Synthetic
from mnist_np.engine.fast import FastEngine
from mnist_np.engine.kernels import TextbookKernel
from mnist_np.engine.sparse_input import SparseBatches
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activation import Activation
from mnist_np.nn.activations import ACTIVATIONS, GELU, ReLU, Tanh
from mnist_np.nn.losses import LOSSES, CrossEntropy, Distillation, Loss, MeanSquaredError
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS, SGD, Momentum
from mnist_np.optim.schedules import OneCycle
from mnist_np.streams import Streams
from mnist_np.training.events import Observers
from mnist_np.training.loop import Trainer

TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
"""Largest relative difference of the parameter vectors. (Batch norm of a unit that is hardly ever on enlarges errors.)"""


def images(sparse, n=111):
    """Examples of 36 inputs in three classes, most inputs zero if ``sparse``, and soft targets beside them."""
    rng = np.random.default_rng(3)
    labels = np.arange(n) % 3
    X = rng.random((3, 36))[labels] + 0.3 * rng.random((n, 36))
    if sparse:
        X *= (rng.random(36) ** 2 + 0.4 * rng.random((n, 1))) > 0.5
    split = Split.pack(X, labels, 3).with_soft_targets(3)
    split.targets[:, 3:] = rng.dirichlet(np.ones(3), n)
    assert (np.mean(split.X == 0) > 0.3) == sparse
    return split


def dataset(sparse, soft):
    data = Synthetic(validation_size=0).load(np.random.default_rng(0))
    train = images(sparse)
    if not soft:
        train = Split.pack(train.X, train.labels, 3)
    return replace(data, train=train, val=train[:0], test=train[:1], image_shape=(6, 6))


DATA = {(sparse, soft): dataset(sparse, soft) for sparse in (True, False) for soft in (True, False)}


def trained(engine, experiment, sparse, epochs=1):
    """The network, its state and the mean loss after some epochs."""
    data = DATA[sparse, isinstance(experiment.loss, Distillation)]
    training = replace(experiment.training, engine=engine, batch_size=32, epochs=epochs)
    network = experiment.build_network(36, 3)
    parts = (experiment.loss, experiment.optimizer, experiment.schedule, training, Streams(experiment.seed), Observers())
    trainer = Trainer(network, data, *parts, augment=experiment.augment)
    assert type(trainer.engine) is {"fast": FastEngine, "textbook": TextbookEngine}[engine]
    progress = trainer.fit(trainer.begin())
    assert progress.status == "finished", progress.reason
    return network, progress.history[-1], trainer


def same(dtype="float64", epochs=1, sparse=(True, False), **parts):
    """Train by both engines and compare. Returns the fast one's trainer."""
    parts = {"model": MLP(hidden=[9, 7])} | parts
    training = replace(parts.pop("training", Training()), dtype=dtype)
    experiment = Experiment(**parts, training=training)
    for kind in sparse:
        (network, metrics, _), (other, others, trainer) = (trained(e, experiment, kind, epochs) for e in ("textbook", "fast"))
        for one, two in ((network.params, other.params), (network.state, other.state)):
            assert np.linalg.norm(one - two) <= TOLERANCE[dtype] * np.linalg.norm(one)
        assert others["train/loss"] == pytest.approx(metrics["train/loss"], rel=TOLERANCE[dtype])
        assert others["train/accuracy"] == metrics["train/accuracy"]
        assert np.linalg.norm(experiment.build_network(36, 3).params - network.params) > 1e-3, "it went somewhere"
    return trainer


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("g", [*(kind() for kind in ACTIVATIONS.values()), GELU(form="tanh")], ids=str)
def test_every_activation(g, dtype):
    same(dtype, activation=g)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "loss",
    [
        *(kind() for kind in LOSSES.values()),
        CrossEntropy(label_smoothing=0.1),
        CrossEntropy(confidence_penalty=0.1),
        MeanSquaredError(output="softmax"),
        MeanSquaredError(output="identity"),
    ],
    ids=str,
)
def test_every_loss(loss, dtype):
    same(dtype, loss=loss)


class Bent(Activation):
    def g(self, Z):
        return np.maximum(Z, np.float64(0.1) * Z)

    def g_prime(self, Z):
        return np.where(Z > 0, 1.0, 0.1)


class Absolute(Loss):
    def __call__(self, Z, Y):
        return float(np.abs(Z - Y).sum() / len(Z)), np.where(Z > Y, 1.0, -1.0) / len(Z)


def test_parts_of_ones_own_may_give_another_dtype():
    """NumPy's where gives float64 for two numbers; the training stays in its own precision."""
    assert Bent().g_prime(np.zeros(1, np.float32)).dtype == np.float64
    engine = same("float32", activation=Bent(), loss=Absolute()).engine
    assert engine.logits.dtype == np.float32


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name, dtype):
    changes = {"iterations": 3, "max_evaluations": 5} if name == "lbfgs" else {"weight_decay": 0.01}
    same(dtype, optimizer=OPTIMIZERS[name](**changes), activation=Tanh())  # without kinks, where rounding decides


LAYERS = {
    "dropout": {"dropout": 0.3},
    "noise": {"noise": 0.2},
    "input dropout": {"input_dropout": 0.2},
    "input noise": {"input_noise": 0.2},
    "all noise": {"dropout": 0.3, "noise": [0.0, 0.2], "input_dropout": 0.2, "input_noise": 0.1},
    "max norm": {"max_norm": 0.8},
    "no hidden layer": {"hidden": []},
    "three hidden layers": {"hidden": [9, 8, 7]},
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("layers", LAYERS)
def test_every_layer_with_every_norm(layers, norm, position, dtype):
    model = {"hidden": [9, 7], "norm": norm, "norm_position": position} | LAYERS[layers]
    for output in {False, norm != "none"}:
        same(dtype, model=MLP(**model, norm_output=output))


@pytest.mark.parametrize("activation", [ReLU(), Tanh()], ids=str)
@pytest.mark.parametrize("layers", ["dropout", "all noise"])
def test_layers_with_and_without_a_kernel_side_by_side(activation, layers):
    model = {"hidden": [9, 7, 6], "activations": ["relu", "identity", "silu"], "norm": "batch"} | LAYERS[layers]
    model["noise"] = model.get("noise") and 0.2
    same(model=MLP(**{k: v for k, v in model.items() if v is not None}), activation=activation)


@pytest.mark.parametrize(
    "training",
    [
        {"l1": 1e-3, "l2": 1e-2},
        {"clip_norm": 0.1},
        {"clip_value": 0.01},
        {"ema": 0.9},
        {"swa_start": 1},
        {"mixup": 0.4},
    ],
    ids=str,
)
@pytest.mark.parametrize("optimizer", [SGD(), SGD(weight_decay=0.1), Momentum(nesterov=True)], ids=str)
def test_whatever_comes_between_gradient_and_update(training, optimizer):
    same(training=Training(**training), optimizer=optimizer, schedule=OneCycle(), epochs=2)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("layers", LAYERS)
def test_virtual_adversarial_training(layers, norm, dtype):
    """In float32 with smooth activations: at ReLU's kinks rounding decides."""
    parts = {"loss": CrossEntropy(label_smoothing=0.1)} if layers == "max norm" else {}
    model = MLP(**({"hidden": [9, 7], "norm": norm} | LAYERS[layers]))
    training = Training(vat=0.5, vat_weight=2.0, vat_steps=2)
    same(dtype, model=model, training=training, activation=ReLU() if dtype == "float64" else Tanh(), **parts)


def test_augmented_images():
    same(augment=Distort(shift=1.0, noise=0.1))


def test_sparse_inputs_are_found_and_others_left_alone():
    assert isinstance(same(sparse=[True]).batches, SparseBatches)
    for changes in ({"sparse": [False]}, {"training": Training(mixup=0.4)}, {"model": MLP(hidden=[9], input_dropout=0.2)}):
        assert not isinstance(same(**({"sparse": [True]} | changes)).batches, SparseBatches)


def test_the_networks_of_the_speed_table_have_kernels_alone():
    for model in (MLP(), MLP(dropout=0.5), MLP(norm="batch")):
        passes = same(sparse=[True], model=model).engine.passes
        assert list(passes) == [32, 15], "batches of 32, and the last one"
        assert not any(isinstance(kernel, TextbookKernel) for one in passes.values() for kernel in one.kernels)


def epoch_tables(dtype, **data):
    """Of the default network, by both engines: the losses and accuracies of each epoch."""
    tables = []
    for engine in ("fast", "textbook"):
        result = run(Experiment(data=MNIST(**data), training=Training(dtype=dtype, engine=engine, epochs=10)))
        keys = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
        tables.append([[row[key] for key in keys] for row in result.history])
    assert tables[0][-1][3] > 0.93
    return tables


@pytest.mark.parametrize("train_size", [6000, pytest.param(None, marks=pytest.mark.slow)])
def test_a_default_run_has_the_same_epoch_table_to_four_digits(train_size):
    fast, textbook = ([[f"{x:.4g}" for x in row] for row in table] for table in epoch_tables("float64", train_size=train_size))
    assert fast == textbook


def test_a_default_run_in_float32_has_the_same_epoch_table_but_for_rounding():
    """A unit that rounding puts on the other side of ReLU's kink, for a single example, changes all that follows a little."""
    fast, textbook = epoch_tables("float32", train_size=6000)
    np.testing.assert_allclose(fast, textbook, rtol=0.03, atol=0.003)
