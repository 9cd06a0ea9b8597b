"""A user's mistake as one line: the key, the value and what is allowed. Everything else keeps its traceback."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Sweep
from hydra.errors import CompactHydraException, HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException, ValidationError
from yaml import YAMLError

from mnist_np.cli.folders import conf_folder
from mnist_np.cli.help import is_offered, nested, options
from mnist_np.cli.hydra_node import CALLBACKS
from mnist_np.component import Component, ConfigError, UserError, brief, did_you_mean, shortened
from mnist_np.registry import REGISTRY
from mnist_np.sweep.run_config import RunConfig

OVERLAYS = ("experiment", "debug")
"""Groups whose options are laid over the whole, so that several may be named."""

OURS = {
    "hydra/sweeper": dict.fromkeys(("optuna", "ax", "nevergrad"), "sweep=search"),
    "hydra/launcher": dict.fromkeys(("joblib", "multiprocessing", "loky"), "hydra/launcher=local")
    | dict.fromkeys(("ray_cluster", "ray_aws"), "hydra/launcher=ray")
    | dict.fromkeys(("submitit", "submitit_slurm"), "hydra/launcher=slurm")
    | {"submitit_local": "hydra/launcher=slurm_local", "rq": "hydra/launcher=slurm or ray"},
}
"""Names of Hydra's own plugins and of former options, and what does their work here."""

RENAMED = {
    "hydra.launcher.ray": "hydra.launcher.address, .workers and .num_cpus",
    "hydra.launcher.array_parallelism": "hydra.launcher.workers",
}
"""Former keys, and those that took their place."""

PER_LAYER = {"activation": "model.activations", "init": "model.inits"}
"""Groups that choose for all layers, and the key that chooses for each."""


class UsageError(UserError):
    """What was typed cannot be understood; the message says why."""


def explain(error: BaseException, overrides: Iterable[str]) -> str | None:
    """The mistake behind an exception, in one line; None if it is not one of the user's."""
    if isinstance(error, ConfigError):
        return f"{error.key}={as_typed(error.value)}: {error.allowed}"
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OverrideParseException):
        return unreadable(error)
    if isinstance(error, MissingConfigException):
        return unknown_option(error)
    inner = next((e for e in (error, error.__cause__, error.__context__) if isinstance(e, OmegaConfBaseException)), None)
    file = re.match(r"In '([^']+)':", str(error))
    if inner is not None and (isinstance(error, HydraException) or inner is error):
        return bad_value(inner, overrides, file[1] if file and isinstance(error, CompactHydraException) else None)
    if isinstance(error, HydraException | YAMLError):
        return sweep_without_m(str(error)) or " ".join(str(error).split())
    return None


@contextmanager
def reading(words: Iterable[str]) -> Iterator[None]:
    """For work that depends on what the user wrote and on nothing else: whatever goes wrong there is the user's mistake.

    Raises UsageError in place of what `explain` does not know: Hydra and OmegaConf raise many kinds of exceptions.
    """
    try:
        yield
    except (UserError, HydraException, OmegaConfBaseException, YAMLError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        raise UsageError(f"{shortened(' '.join(words))}: cannot be understood ({shortened(reason)})") from error


def as_typed(value: object) -> str:
    """A value as the command line would take it, or the beginning of a long one."""
    try:
        return shortened(value if isinstance(value, str) else json.dumps(value, default=brief))
    except ValueError:
        return brief(value)


def check_overrides(overrides: list[str]) -> None:
    """Refuse what Hydra would misunderstand, in our words. Raises UsageError, OverrideParseException."""
    parser = OverridesParser.create()
    for typed in overrides:
        with reading([typed]):
            (override,) = parser.parse_overrides([typed])
        group, value = override.key_or_group, override.value()
        if not group:
            raise UsageError(f"{typed}: is not of the form key=value (see --help)")
        if not (conf_folder() / group).is_dir():
            continue
        if override.is_delete():
            if not isinstance(value, str | None):
                raise UsageError(f"{typed}: must be ~{group}, or ~{group}= and the name of the option")
            continue
        if group in OVERLAYS and override.is_add():
            raise UsageError(f"{typed}: write {group}={typed_value(override)}, without +")
        values = value.list if isinstance(value, ChoiceSweep) else [value]
        names = [name for each in values for name in (each if isinstance(each, list) else [each])]
        if group in OVERLAYS and not all(isinstance(name, str | Glob) for name in names):
            raise UsageError(f"{typed}: must be one of {', '.join(options(group))}, or a list of them, [] for none")
        if group in PER_LAYER and any(isinstance(each, list) for each in values):
            each = shlex.quote(f"{PER_LAYER[group]}={typed_value(override)}")
            raise UsageError(f"{typed}: takes one name, for all layers; one for each hidden layer is {each}")
        if group not in OVERLAYS and not isinstance(value, str | dict | Sweep | Glob):
            raise UsageError(f"{typed}: must be one of {', '.join(options(group))}")


def typed_value(override: Override) -> str:
    """The value as it was typed."""
    return (override.input_line or "").partition("=")[2]


def unreadable(error: OverrideParseException) -> str:
    """An argument that is not of Hydra's grammar."""
    if "=" not in error.override:
        return f"{error.override}: is not of the form key=value (see --help)"
    reason = error.message.splitlines()
    cause = next(
        (line for line in reversed(reason) if line and not line.startswith(("See ", "Error parsing")) and "^" not in line), ""
    )
    return f"{error.override}: cannot be read ({cause}); quote values with special characters: \"key='a b(c)'\""


def unknown_option(error: MissingConfigException) -> str:
    """A group's option that there is not."""
    parts = (file := error.missing_cfg_file or "").split("/", 2 if file.startswith("hydra/") else 1)
    group, name = "/".join(parts[:-1]), parts[-1]  # a name may have folders: sweep=phenomena/dropout
    if name in OURS.get(group, {}):
        return f"{group}={name}: no such option here; use {OURS[group][name]}"
    if not group or error.options is None:
        return " ".join(str(error).partition("\nConfig search path")[0].split())
    names = [name for name in error.options if is_offered(group, name) and name not in OURS.get(group, {})] + nested(group)
    known = f"no such option; {did_you_mean(name, names)}must be one of {', '.join(names)}"
    plugin = "" if group not in REGISTRY else " (or one of your own: see plugins)"
    return f"{group}={name}: {known}{plugin}"


def bad_value(error: OmegaConfBaseException, overrides: Iterable[str], file: str | None) -> str:
    """A key that there is not, or a value that its type refuses."""
    key = re.sub(r"\[\d+\]$", "", error.full_key or "")
    typed = typed_as(key, overrides)
    subject = typed or (f"{file}.yaml: {key}" if file else key)
    if isinstance(error, MissingMandatoryValue):
        return f"{subject}: a value must be given"
    kind = error.object_type
    if isinstance(error, ConfigKeyError) or re.search(r" not in ('|struct)", str(error)):
        if former := next((old for old in RENAMED if key == old or key.startswith(f"{old}.")), None):
            return f"{subject}: no such key any more; use {RENAMED[former]}"
        names = [f.name for f in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
        if not names and key.startswith("hydra.launcher."):
            names = list(dict.fromkeys(name for _, keys in keys_of_options("hydra/launcher") for name in keys[1:]))
        known = CALLBACKS if key.startswith("hydra.callbacks") else f"keys: {', '.join(names)}" if names else ""
        return f"{subject}: no such key; {suggestion(key, names)}{known}".rstrip("; ")
    annotation = type_of(key, kind)
    if isinstance(error, ValidationError) and annotation:
        return f"{subject}: must be {annotation}"
    return f"{subject}: {str(error).splitlines()[0]}"


def typed_as(key: str, overrides: Iterable[str]) -> str | None:
    """The override that set ``key``, as it was typed: the last one, if there are several."""
    return next(
        (o for o in reversed(list(overrides)) if o.lstrip("+~").partition("=")[0] == key or o.lstrip("+").startswith(f"{key}.")),
        None,
    )


def suggestion(key: str, names: list[str]) -> str:
    """What ``key`` may have been meant to be: a neighbour, or a key of another component by that name."""
    parent, _, last = key.rpartition(".")
    near = did_you_mean(last, names)
    if near:
        return near if not parent else near.replace("'", f"'{parent}.", 1)
    group = parent.replace(".", "/")
    if group in REGISTRY or group == "hydra/launcher":
        owners = [name for name, keys in keys_of_options(group) if last in keys]
        return f"it belongs to {group}={', '.join(owners)}; " if owners else ""
    homes = [f"{group}.{last}" for group in fields_of(RunConfig) if any(last in fields_of(kind) for kind in classes(group))]
    return f"did you mean {' or '.join(homes)}? " if homes and not parent else ""


def keys_of_options(group: str) -> Iterator[tuple[str, list[str]]]:
    """The options of a group, each with its keys."""
    if group in REGISTRY:
        yield from ((name, fields_of(kind)) for name, kind in REGISTRY[group].items())
        return
    for name in options(group):
        text = (conf_folder() / group / f"{name}.yaml").read_text(encoding="utf-8")
        yield name, re.findall(r"^(\w+):", text, re.MULTILINE)


def classes(group: str) -> list[type[Component]]:
    """The classes that a top-level key can be of; none if it is a plain value."""
    if group in REGISTRY:
        return list(REGISTRY[group].values())
    value = getattr(RunConfig(), group, None)
    return [type(value)] if isinstance(value, Component) else []


def fields_of(kind: type[Component]) -> list[str]:
    return [f.name for f in dataclasses.fields(kind)]


def type_of(key: str, kind: object) -> str | None:
    """What the field's annotation asks for, in words."""
    parent, _, last = key.rpartition(".")
    owners = [kind] if dataclasses.is_dataclass(kind) else classes(parent)
    annotation = next((str(f.type) for owner in owners for f in dataclasses.fields(owner) if f.name == last), None)
    return annotation and in_words(annotation)


def in_words(annotation: str) -> str:
    """``float | None`` is "a number or null", ``Optional[list[int]]`` "a list of integers, like [1,2], or null"."""
    inner = re.fullmatch(r"Optional\[(.*)\]", annotation)
    bare = inner[1] if inner else annotation.removesuffix(" | None")
    words = {
        "int": "an integer",
        "float": "a number",
        "str": "a text",
        "bool": "true or false",
        "list[int]": "a list of integers, like [256,128]",
        "list[float]": "a list of numbers, like [0.1,0.2]",
        "list[str]": "a list, like [a,b]",
        "list[Optional[str]]": "a list of names or nulls, like [relu,null]",
    }.get(bare, f"of type {bare}")
    return words + (" or null" if bare != annotation else "")


def sweep_without_m(message: str) -> str | None:
    """Several values for a key, but no sweep asked for."""
    line = message.splitlines()[0]
    if not line.startswith(("Ambiguous value for argument '", "Sweep parameters '")):
        return None
    typed = line[line.index("'") + 1 : line.rindex("'")]
    key, _, value = typed.partition("=")
    as_list = f"; a list is written {shlex.quote(f'{key}=[{value}]')}" if "(" not in value else ""
    return f"{typed}: several values need -m (a run for each){as_list}"
