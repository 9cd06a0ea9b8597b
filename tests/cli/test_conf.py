"""Every option of every config group, found by itself: it composes to its class, is explained, and trains a step."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from mnist_np.api import run
from mnist_np.cli.arguments import parse
from mnist_np.cli.compose import compose, to_run_config, without_hydra
from mnist_np.cli.schemas import SINGLE, store_schemas
from mnist_np.data.sources import IDX, FashionMNIST, Synthetic
from mnist_np.experiment import Experiment
from mnist_np.nn.losses import Distillation
from mnist_np.registry import REGISTRY

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted(path for path in CONF.rglob("*.yaml") if not path.parent.name.endswith("_logging"))
GROUPS = {group: sorted(path.stem for path in (CONF / group).glob("*.yaml")) for group in [*REGISTRY, *SINGLE]}
OPTIONS = [(group, name) for group, names in GROUPS.items() for name in names]
OVERLAYS = [f"{group}={path.stem}" for group in ("experiment", "debug") for path in sorted((CONF / group).glob("*.yaml"))]


def composed(*overrides):
    """What the command line ``overrides`` composes to."""
    store_schemas()
    return without_hydra(compose(parse(list(overrides))))


@pytest.fixture(scope="module")
def nodes():
    """Every option's composed node. A composition takes 0.2 s, so each has the next option of all groups at once."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
        for i in range(max(map(len, GROUPS.values()))):
            chosen = {group: names[i % len(names)] for group, names in GROUPS.items()}
            config = composed(*(f"{group}={name}" for group, name in chosen.items()))
            found |= {(group, name): OmegaConf.to_object(config[group]) for group, name in chosen.items()}
    return found


def small(experiment):
    """The experiment over a tiny data set: one epoch of two batches."""
    data = Synthetic(validation_size=16, examples=80, preprocess=experiment.data.preprocess)
    training = dataclasses.replace(experiment.training, epochs=1, batch_size=32, swa_start=None)
    return dataclasses.replace(experiment, data=data, training=training)


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_option_composes_and_trains_a_step(group, name, nodes):
    component = nodes[group, name]
    kind = SINGLE.get(group) or REGISTRY[group].get(name)
    assert type(component) is kind or (kind is None and type(component) in REGISTRY[group].values())  # as linear is an mlp
    if isinstance(component, Distillation):
        pytest.skip("needs a teacher's weights")
    if group in ("tracking", "sweep"):
        return
    result = run(small(dataclasses.replace(Experiment(), **{group: component})))
    assert result.status == "finished"
    assert result.history[-1]["train/loss"] >= 0  # 0 after an epoch of lbfgs, which fits these 64 examples


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_composes_and_trains_a_step(overlay):
    assert run(small(to_run_config(composed(overlay)).experiment)).status == "finished"


@pytest.mark.parametrize("file", sorted((CONF / "sweep/phenomena").glob("*.yaml")), ids=lambda file: file.stem)
def test_phenomenon_composes_with_each_of_its_values(file):
    """In as many compositions as the longest key has values; each has the next value of all keys at once."""
    content = yaml.safe_load(file.read_text())
    params, defaults = content["hydra"]["sweeper"]["params"], [entry for entry in content["defaults"] if isinstance(entry, dict)]
    fixed = [f"{key.removeprefix('override /')}={option}" for entry in defaults for key, option in entry.items()]
    values = {key: str(text).removesuffix(")").replace("range(", "0,").split(",") for key, text in params.items()}
    for i in range(max(map(len, values.values()))):
        chosen = {key: some[i % len(some)] for key, some in values.items()}
        experiment = to_run_config(composed(*fixed, *(f"{key}={value}" for key, value in chosen.items()))).experiment
        assert experiment.seed == int(chosen["seed"])


def test_every_registered_class_has_an_option():
    assert {(group, name) for group, options in REGISTRY.items() for name in options} <= set(OPTIONS)


def test_defaults_are_those_of_a_notebook():
    assert to_run_config(composed()).experiment == Experiment()


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in REGISTRY.items() for name in names])
def test_yaml_says_what_the_class_does_by_itself(group, name):
    values = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
    assert values.pop("defaults") == [f"base_{name}", "_self_"]
    assert values == dataclasses.asdict(REGISTRY[group][name]())


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONF)))
def test_file_explains_itself_and_each_of_its_keys(file):
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("# @package")]
    assert lines[0].startswith("# ")
    for line in lines[1:]:
        setting = re.match(r" *([\w/.]+): +[^ ]", line)
        if setting and setting[1] not in ("defaults", "_target_"):
            assert " # " in line, f"no comment: {line}"


@pytest.mark.parametrize("group", SINGLE)
def test_presets_list_every_key(group):
    for file in (CONF / group).glob("*.yaml"):
        text = file.read_text()
        if "base_" in text:
            assert set(yaml.safe_load(text)) - {"defaults"} == {f.name for f in dataclasses.fields(SINGLE[group])}, file


@pytest.mark.parametrize(("override", "kind"), [("data=idx", IDX), ("data=fashion_mnist", FashionMNIST)])
def test_data_folder_is_set_on_the_command_line(override, kind, tmp_path):
    data = to_run_config(composed(override, f"data.folder={tmp_path}")).data
    assert type(data) is kind
    assert data.folder == str(tmp_path)
