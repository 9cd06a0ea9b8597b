"""The help pages, read from ``conf/`` itself. Imports no more than it must: a page that is slow is not read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from mnist_np import invocation
from mnist_np.cli.folders import conf_folder

WIDTH = 100
GROUPS = {
    "model": "the network",
    "activation": "of all hidden layers (each its own: model.activations)",
    "init": "initial weights (each layer its own: model.inits)",
    "loss": "what is minimised",
    "optimizer": "how the weights are updated",
    "schedule": "how the learning rate changes",
    "data": "the data set",
    "augment": "how the images are varied while training",
    "training": "how long, and in what batches",
    "tracking": "where runs are logged",
    "sweep": "sweeps kept as files (with -m)",
    "experiment": "whole recipes, laid over the choices above",
    "debug": "quick looks, laid over everything",
    "hydra/sweeper": "how the runs of a sweep are chosen (-m)",
    "hydra/launcher": "where they run; default: one after the other",
}
"""The order in which a person meets them. Groups that are not named here come last."""

LISTED = ("data", "tracking", "experiment", "debug")
"""Groups whose options are listed with their descriptions, a line each."""

HIDDEN = (".", "hydra/job_logging", "hydra/hydra_logging")
"""Folders of `conf/` that hold nothing to choose from."""

KEYS = (
    "model.hidden",
    "model.dropout",
    "optimizer.lr",
    "optimizer.weight_decay",
    "training.epochs",
    "training.batch_size",
    "training.patience",
    "data.validation_size",
    "data.train_size",
    "name",
    "seed",
    "outputs",
    "plugins",
    "observers",
)
"""What is changed most."""

INTRODUCTION = """\
Train a fully connected network, written from scratch in NumPy, on MNIST.

  {command} [GROUP=OPTION ...] [KEY=VALUE ...]        one run
  {command} -m [KEY=VALUE,VALUE ...]                  a sweep: a run for each combination
  {command} --help GROUP                              the keys of a group, with what they mean
"""

EXAMPLES = """\
EXAMPLES
  {command}
  {command} 'model.hidden=[300,100]' activation=tanh init=xavier optimizer.lr=0.5 seed=7
  {command} 'model.hidden=[256,128]' 'model.activations=[relu,sigmoid]' training.epochs=20
  {command} data=idx data.folder=PATH tracking=off name=first-try
  {command} -m optimizer.lr=0.03,0.1,0.3 'model.hidden=[128],[256,128]' 'seed=range(3)'

RESULTS
  outputs/runs/<date>/<time>/   a run: config.yaml, history.csv, weights.safetensors, figures/, result.json
  outputs/sweeps/               sweeps, with a folder for each of their runs
  outputs/mlflow.db             the MLflow store; tracking=off does without
  Ctrl-C ends a run after its step: what was trained is evaluated and saved.

HYDRA
  --cfg job           show the composed config instead of running it (--resolve: with values for ${{...}})
  --config-dir DIR    a folder of your own options, such as DIR/optimizer/mine.yaml
  --info              where the config comes from; --hydra-help: all of Hydra's flags
  hydra.run.dir=DIR   another folder for this run
  -sc install=SHELL   completion of the command mnist-np, for bash, zsh or fish: eval "$(mnist-np -sc install=bash)"
"""


def train_page(words: list[str]) -> str:
    """The page of ``train --help``, or of the groups (and options) among ``words``: ``optimizer`` or ``optimizer=adam``."""
    asked = [word.partition("=")[::2] for word in words]
    pages = [group_page(group, option) for group, option in asked if (conf_folder() / group).is_dir()]
    if pages:
        return "\n".join(pages)
    command = invocation.command("train")
    parts = [INTRODUCTION.format(command=command), groups(), keys(), EXAMPLES.format(command=command)]
    return "\n".join(parts).rstrip()


def groups() -> str:
    """Every group with its options, the default marked."""
    chosen = defaults()
    lines = ["GROUPS and their options (* the default)"]
    found = [str(path.relative_to(conf_folder())) for path in sorted(conf_folder().glob("**/")) if any(path.glob("*.yaml"))]
    found = [group for group in found if group.rpartition("/")[0] not in found]  # what lies in a group's folder are its options
    known = [group for group in GROUPS if group in found]
    for group in known + [group for group in found if group not in GROUPS and group not in HIDDEN]:
        names = {name: f"{name}*" if chosen.get(group) == name else name for name in options(group) + nested(group)}
        lines.append(f"  {group:<15} {GROUPS.get(group, '')}".rstrip())
        if group in LISTED:
            lines += [
                entry(f"  {shown}", description(conf_folder() / group / f"{name}.yaml"), 28) for name, shown in names.items()
            ]
        else:
            lines += wrap(", ".join(names.values()), WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def keys() -> str:
    """The keys that are changed most, each with its default and meaning."""
    lines = ["KEYS most used, with their defaults"]
    for key in KEYS:
        group, _, name = key.rpartition(".")
        file = conf_folder() / group / f"{defaults()[group]}.yaml" if group else conf_folder() / "config.yaml"
        found = next(((value, comment) for k, value, comment in key_lines(file) if k == name), None)
        if found:
            lines.append(entry(quoted(key, found[0]), found[1], 32))
    return "\n".join(lines) + "\n"


def group_page(group: str, option: str = "") -> str:
    """What the options of a group are, and their keys."""
    every = options(group) + nested(group)
    names = [option] if option in every else every
    lines = []
    for name in names:
        file = conf_folder() / group / f"{name}.yaml"
        lines.append(f"{group}={name}\n" + "\n".join(wrap(description(file), WIDTH, initial_indent="  ", subsequent_indent="  ")))
        for key, value, comment in key_lines(file):
            lines.append(entry(f"  {quoted(f'{group}.{key}'.replace('/', '.'), value)}", comment, 40))
        lines.append("")
    return "\n".join(lines)


def quoted(key: str, value: str) -> str:
    """``key=value``, so that a shell takes it as it is."""
    return shlex.quote(f"{key}={value.replace(', ', ',')}")


def entry(setting: str, meaning: str, width: int) -> str:
    """A setting and its meaning, side by side where there is room."""
    text = wrap(meaning, WIDTH - width) or [""]
    first = f"  {setting:<{width - 2}}"
    if len(first) > width:
        return "\n".join([first, *(" " * width + line for line in text)])
    return "\n".join([(first + text[0]).rstrip(), *(" " * width + line for line in text[1:])])


def is_offered(group: str, name: str) -> bool:
    """Whether an option of a group that Hydra knows is one to choose: not a schema of ours, nor a sweeper that is refused."""
    return not name.startswith("base_") and (group, name) != ("hydra/sweeper", "basic")


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def nested(group: str) -> list[str]:
    """The options in folders within a group's: ``phenomena/dropout`` of sweep."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in (conf_folder() / group).glob("*/*.yaml"))


def description(file: Path) -> str:
    """An option in one line: the first comment of its file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((line[2:] for line in lines if line.startswith("# ") and not line.startswith("# @")), "")


def defaults() -> dict[str, str]:
    """Group -> option, as conf/config.yaml chooses; a sweep's file chooses its sweeper."""
    text = (conf_folder() / "config.yaml").read_text(encoding="utf-8").partition("\n\n")[0]
    sweeper = re.search(
        r"override /(hydra/sweeper)\S*: (\w+)", (conf_folder() / "sweep" / "default.yaml").read_text(encoding="utf-8")
    )
    chosen = dict(re.findall(r"^  - (?:override )?([\w/]+): (\w+)", text, re.MULTILINE))
    return chosen | ({sweeper[1]: sweeper[2]} if sweeper else {})


def key_lines(file: Path) -> Iterator[tuple[str, str, str]]:
    """(key, value, comment) of a file's plain top-level ``key: value # comment`` lines."""
    for line in file.read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"(\w+): (\S.*?)\s+# (.*)", line)
        if found and found[1] != "defaults":
            yield found[1], re.sub(r"\$\{oc\.env:\w+,(.*)\}", r"\1", found[2]), found[3]
