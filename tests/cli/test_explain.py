"""`explain`: what it shows is what the training computes, for any config; as text and as a page."""

import re
import sys

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.cli.main import main
from mnist_np.commands.explain.text import summed
from mnist_np.commands.explain.walk import walk
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.nn.initializers import Zeros
from mnist_np.nn.losses import LOSSES
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.optim.schedules import SCHEDULES, Cosine

M = 6


def experiment(**parts):
    parts = {"model": MLP(hidden=[5, 4]), "data": Synthetic(train_size=M, validation_size=8)} | parts
    training = {"epochs": 1, "batch_size": M, "select": "last", "engine": "textbook"} | parts.pop("training", {})
    return Experiment(**parts, training=Training(**training))


CONFIGS = (
    {f"loss {name}": {"loss": kind()} for name, kind in LOSSES.items() if name != "distillation"}
    | {f"activation {name}": {"activation": kind()} for name, kind in ACTIVATIONS.items()}
    | {f"optimizer {name}": {"optimizer": kind()} for name, kind in OPTIMIZERS.items()}
    | {f"schedule {name}": {"schedule": kind()} for name, kind in SCHEDULES.items()}
    | {
        "batch norm": {"model": MLP(hidden=[5, 4], norm="batch", norm_output=True)},
        "layer norm": {"model": MLP(hidden=[5], norm="layer", norm_position="after")},
        "dropout": {"model": MLP(hidden=[5, 4], dropout=0.5, input_dropout=0.1)},
        "noise": {"model": MLP(hidden=[5], noise=0.3, input_noise=0.1)},
        "max norm": {"model": MLP(hidden=[5], max_norm=0.1)},
        "linear": {"model": MLP(hidden=[])},
        "penalties": {"training": {"l1": 0.01, "l2": 0.1}, "optimizer": OPTIMIZERS["adam"](weight_decay=0.1)},
        "clipping": {"training": {"clip_norm": 0.01, "clip_value": 0.005}},
        "warm-up": {"schedule": Cosine(warmup_epochs=0.5)},
    }
)


@pytest.mark.parametrize("parts", CONFIGS.values(), ids=CONFIGS)
def test_the_step_is_the_first_one_of_the_training(parts):
    wanted = experiment(**parts)
    data = wanted.load_data()
    step = walk(wanted, data, M)
    again = walk(wanted, data, M)
    assert step.worst < 1e-5
    assert step.kinks < step.checked / 4
    assert (step.J, step.worst, step.J_after) == (again.J, again.worst, again.J_after)
    assert np.isclose(step.J, step.losses.mean(), rtol=1e-12)
    random = wanted.model.dropout or wanted.model.noise
    if not random:  # whose numbers fall on the images in another order there
        wanted.training.dtype = "float64"
        trained = run(wanted, data=data).network
        np.testing.assert_allclose(step.network.params + step.step, trained.params, rtol=1e-9, atol=1e-12)


def test_a_wrong_gradient_is_seen(monkeypatch):
    kind = ACTIVATIONS["tanh"]
    right = kind.g_prime
    monkeypatch.setattr(kind, "g_prime", lambda self, Z: 1.01 * right(self, Z))
    wanted = experiment(activation=kind())
    assert walk(wanted, wanted.load_data(), M).worst > 1e-3


def test_a_kink_is_no_mistake():
    wanted = experiment(model=MLP(hidden=[3]), init=Zeros())  # each z of the hidden layer is 0
    step = walk(wanted, wanted.load_data(), M)
    assert step.kinks == 0, "nothing moves J while the weights behind are 0 too"
    wanted = experiment(model=MLP(hidden=[3], inits=["zeros"]))
    step = walk(wanted, wanted.load_data(), M)
    assert step.kinks > 0
    assert step.worst < 1e-5


def test_a_sum_is_written_out_by_its_largest_terms():
    assert summed(np.array([1.0, 0, 3]), np.array([2.0, 5, -1])) == "3 * -1 + 1 * 2"
    assert summed(np.zeros(3), np.ones(3)) == "0"
    assert summed(np.ones(9), np.arange(9.0)).endswith("1 * 3 + ... (2 more terms)")


@pytest.fixture
def explain(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["mnist-np", "explain", *words])
        return main(), capsys.readouterr()

    return call


def test_each_layer_is_shown_with_its_own_code_and_numbers(explain):
    code, shown = explain("data=synthetic", "model.hidden=[4]", "activation=tanh", "model.norm=batch", "--images", "3")
    assert code == 0
    assert shown.err == ""
    for text in ("Z = X @ W + b", "dW = X.T @ dZ", "dZ = dA * g_prime(Z)", "J = -np.sum(Y * log_A) / m", "X (3, 64) -> (3, 4)"):
        assert text in shown.out
    assert [int(n) for n in re.findall(r"^(\d)\. ", shown.out, re.MULTILINE)] == [1, 2, 3, 4, 5, 6]
    assert shown.out.index("Dense 1") < shown.out.index("BatchNorm 1") < shown.out.index("Tanh 1") < shown.out.index("Dense 2")


def test_formulas_are_shown_whole_and_guessing_has_the_loss_of_the_run(explain):
    small = ("data=synthetic", "model.hidden=[4]", "--images", "3")
    shown = explain(*small)[1].out
    assert "a network that guesses" in shown
    shown = explain(*small, "loss=binary_cross_entropy", "training.clip_value=0.5", "training.mixup=0.2")[1].out
    shown = " ".join(shown.split())
    assert "[y_ij log a_ij + (1 - y_ij) log(1 - a_ij)]" in shown
    assert "a network that guesses" not in shown
    assert "clip_value = 0.5" in shown
    assert "training.mixup would mix" in shown


def test_a_page_needs_no_other_file(explain, tmp_path):
    page = tmp_path / "step.html"
    assert explain("data=synthetic", "model.hidden=[]", "--html", str(page))[0] == 0
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 4 + 3
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "6. The update" in text
    assert "class 0" not in text, "the images are figures, and not drawn with characters too"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "0"], "--images=0: must be a number from 1 to 50,000"),
        (["--images", "50001"], "--images=50001: must be a number from 1 to 50,000"),
        (["optimizr=adam"], "did you mean 'optimizer'?"),
        (["-m", "seed=1,2"], "explain looks at one config"),
        (["optimizer.lr=-1"], "optimizer.lr=-1.0: must be > 0"),
        (["--html", "/nowhere/step.html"], "/nowhere"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_a_mistake_is_one_line(explain, words, message):
    code, shown = explain(*words)
    assert code in (1, 2)
    assert message in shown.err
    assert shown.err.count("\n") == 1
