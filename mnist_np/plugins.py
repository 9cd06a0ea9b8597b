"""Components of one's own: Python files named on the command line, ``'plugins=[my_parts.py]'``, that register options.

    from mnist_np.registry import register

    @register("activation", "swishy")
    @dataclass
    class Swishy(Activation): ...

Then ``activation=swishy`` and ``'model.activations=[relu,swishy]'`` work. Only files that the user names are ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from mnist_np.component import ConfigError
from mnist_np.registry import PLUGGED
from mnist_np.source_code import part_sha256

PREFIX = "mnist_np_plugin_"


def loaded_plugins() -> list[str]:
    """The files that define what is registered now, for another process that is sent some of it."""
    modules = {part.__module__ for options in PLUGGED.values() for part in options.values()}
    return [str(sys.modules[name].__file__) for name in sorted(modules) if name.startswith(PREFIX)]


def load_plugins(paths: Iterable[str]) -> None:
    """Run each file once in this process. Raises ConfigError for one that is not there, fails or registers nothing."""
    for path in paths:
        load_plugin(Path(path).expanduser().resolve())


def load_plugin(path: Path) -> None:
    """Run the file as a module of its own name, unless it was run before."""
    name = f"{PREFIX}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return
    if not path.is_file():
        raise ConfigError("plugins", str(path), "there is no such file")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("plugins", str(path), "must be a Python file (.py)")
    before = {group: dict(options) for group, options in PLUGGED.items()}
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and OmegaConf look their annotations up there
    try:
        # Not exec_module: its cache takes two versions of a file for one if they are of the same second and length.
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
        if before == PLUGGED:
            raise ValueError("registers nothing: see mnist_np.registry.register")
        for group, options in PLUGGED.items():
            for option in options.keys() - before[group].keys():
                part_sha256(options[option])  # now, before the file can be edited: the fingerprint is of what was loaded
    except Exception as error:
        del sys.modules[name]
        for group, options in before.items():
            PLUGGED[group].clear()
            PLUGGED[group].update(options)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f" in line {lines[-1]}" if lines else ""
        raise ConfigError("plugins", str(path), f"{type(error).__name__}{where}: {error}") from error
