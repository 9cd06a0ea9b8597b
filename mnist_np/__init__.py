"""Configurable experiments with fully connected networks written from scratch in NumPy, on MNIST.

    from mnist_np import MLP, Adam, Experiment, run

    result = run(Experiment(model=MLP(hidden=[256, 128]), optimizer=Adam(lr=1e-3), seed=3))
    result.test.accuracy

All components have their names here. A name is loaded when it is used, so that ``import mnist_np`` takes no time.
"""

from __future__ import annotations

from functools import cache

__version__ = "0.1.0"


@cache
def _places() -> dict[str, str]:
    """Name -> module, as ``__init__.pyi`` imports them for type checkers."""
    import ast
    from pathlib import Path

    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def __getattr__(name: str) -> object:
    if name == "__all__":
        return sorted(_places())
    if name.startswith("_") or name not in _places():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "sweep":  # a package of ours has that name: it is called itself
        return import_module("mnist_np.sweep")
    found: object = getattr(import_module(_places()[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_places()})
