"""The values that a sweep's overrides name: globs, ranges, intervals, and what is refused in one line."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mnist_np.cli.arguments import parse
from mnist_np.cli.compose import compose, context, to_run_config, without_hydra
from mnist_np.cli.schemas import store_schemas
from mnist_np.cli.values import space_of, values
from mnist_np.component import ConfigError
from mnist_np.registry import REGISTRY


@pytest.fixture(scope="module")
def composed():
    store_schemas()
    config = to_run_config(without_hydra(compose(parse([]))))
    return config, context().config_loader


@pytest.fixture(scope="module")
def loader(composed):
    return composed[1]


def override(text, loader):
    return OverridesParser.create(config_loader=loader).parse_overrides([text])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("activation=glob(*elu)", ["elu", "gelu", "leaky_relu", "relu", "selu"]),
        ("activation=glob([*elu,tanh],exclude=[s*,l*])", ["elu", "gelu", "relu", "tanh"]),
        ("seed=1,1,2", ["1", "2"]),
        ("seed=range(3)", ["0", "1", "2"]),
        ("optimizer.lr=range(0.1,0.5,0.1)", ["0.1", "0.2", "0.3", "0.4"]),
        ("optimizer.lr=0.1,1e-3", ["0.1", "0.001"]),
        ("optimizer.lr=range(1e-9,3.5e-9,1e-9)", ["1e-09", "2e-09", "3e-09"]),
        ("optimizer.lr=0.12345678901234567,1", ["0.12345678901234566", "1"]),
        ("data.seed=12345678901234567,1", ["12345678901234567", "1"]),
        ("model.hidden=[64],[64,32]", ["[64]", "[64,32]"]),
        ("model.bias=true,false", ["True", "False"]),
    ],
)
def test_values_of_a_grid(text, expected, loader):
    assert values(override(text, loader), loader) == expected


def test_a_glob_of_everything_is_every_option(loader):
    for group in REGISTRY:
        assert set(REGISTRY[group]) <= set(values(override(f"{group}=glob(*)", loader), loader))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer.lr=interval(0.01,1)", "lr: 0.01 to 1.0"),
        ("optimizer.lr=interval(0,1)", "lr: 0.0 to 1.0"),
        ("optimizer.lr=tag(log,interval(1,10))", "lr: 1.0 to 10.0 by None log"),
        ("training.batch_size=interval(15.5,64)", "batch_size: 16 to 64 by 1"),
        ("training.batch_size=tag(log,interval(16,64))", "batch_size: 16 to 64 by 1 log"),
        ("training.batch_size=int(interval(16,64))", "batch_size: 16 to 64 by 1"),
        ("training.clip_norm=int(interval(1,5))", "clip_norm: 1.0 to 5.0"),
        ("training.epochs=range(1,10,4)", "epochs: 1 to 9 by 4"),
        ("training.epochs=range(1,9,4)", "epochs: 1 to 5 by 4"),
        ("training.epochs=range(9,0,-4)", "epochs: 1 to 9 by 4"),
        ("training.epochs=shuffle(range(1,4))", "epochs: 1 to 3 by 1"),
        ("training.epochs=range(1,10000000001)", "epochs: 1 to 10000000000 by 1"),
        ("training.epochs=tag(log,range(1,100))", "epochs: 1 to 99 by 1 log"),
        ("training.epochs=3", "epochs: 3"),
        ("optimizer.lr=choice(0.3,0.1,0.1)", "lr: 0.1 0.3"),
        ("optimizer.lr=range(0.1,0.35,0.1)", "lr: 0.1 0.2 0.3"),
        ("activation=tanh,relu", "activation: relu tanh"),
        ("activation=glob(*elu)", "activation: elu gelu leaky_relu relu selu"),
        ("model.hidden=[64],[8]", "model.hidden: [8] [64]"),
    ],
)
def test_the_space_of_a_search(text, expected, composed):
    pytest.importorskip("optuna")
    config, loader = composed
    text = text if "," in text or "(" in text else f"{text},{text.partition('=')[2]}"
    found = override(text, loader)
    (described,) = space_of({found.get_key_element(): found}, config, loader).describe()
    assert described.split(".", described.startswith(("optimizer", "training")))[-1].startswith(expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("optimizer.lr=interval(0.5,0.05)", r"must begin with its lower end: interval\(0.05,0.5\)"),
        ("optimizer.lr=tag(log,interval(0,1))", "must begin above 0"),
        ("optimizer.lr=tag(log,interval(-1,1))", "must begin above 0"),
        ("optimizer.lr=interval(0,inf)", "finite"),
        ("optimizer.lr=interval(nan,1)", "finite"),
        ("optimizer.lr=tag(logarithmic,interval(0.1,1))", "no such tag 'logarithmic'"),
        ("training.batch_size=interval(16.2,16.8)", "no whole number"),
        ("training.epochs=range(5,5)", "has no values"),
        ("training.epochs=range(0,5,0)", "a step other than 0"),
        ("optimizer.lr=range(0.0,1.0,0.0)", "a step other than 0"),
        ("training.epochs=tag(log,range(0,5))", "above 0"),
        ("training.epochs=tag(log,range(1,9,2))", "no step"),
        ("activation=tag(log,choice(relu,tanh))", "needs an interval"),
        ("activation=glob(x*)", "matches no option; there are .*relu"),
        ("optimizer.lr=glob(*)", "options of a group"),
        ("seed=range(3)", "finds the luckiest run"),
        ("seed=interval(0,9)", "finds the luckiest run"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(text, why, composed):
    pytest.importorskip("optuna")
    config, loader = composed
    found = override(text, loader)
    with pytest.raises(ConfigError, match=why) as caught:
        space_of({found.get_key_element(): found}, config, loader)
    assert caught.value.key == text.partition("=")[0]
    assert caught.value.value == text.partition("=")[2]
    assert len(str(caught.value).splitlines()) == 1
