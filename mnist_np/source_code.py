"""Source code that determines results: this package's numeric files, and the user's own files that a component comes from.

Each hash is taken once per process, since what runs is what was loaded, whatever becomes of the file afterwards.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, cached_property, partial
from importlib import machinery
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import numpy as np

PACKAGE = Path(__file__).resolve().parent

NUMERIC = ("nn", "optim", "engine", "training", "data", "experiment.py", "metrics.py", "streams.py")
"""Files and folders of the package whose code a result depends on."""


@cache
def git() -> dict[str, str | bool]:
    """``commit`` and ``dirty`` of the checkout that this package is imported from; empty for an installed package."""
    commit, changed = _checkout()
    return {"commit": commit, "dirty": bool(changed)} if commit else {}


@cache
def branch_and_remote() -> dict[str, str]:
    """``branch`` and ``url`` of the checkout, as far as there are such; the address without the user's name and password."""
    if not git():
        return {}
    found = {}
    for key, arguments in {"branch": ("branch", "--show-current"), "url": ("remote", "get-url", "origin")}.items():
        with suppress(OSError, subprocess.SubprocessError):
            found[key] = re.sub(r"(?<=://)[^/@]*@", "", _git(*arguments).strip())
    return {key: value for key, value in found.items() if value}


@cache
def uncommitted() -> str:
    """The differences of the package and its configs from the commit, new files included, as a patch; empty if there are none."""
    changed = _checkout()[1]
    if not changed:
        return ""
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        new = _git("ls-files", "-z", "--others", "--exclude-standard", "--", *changed).split("\0")
        added = (_git("diff", "--no-index", "--", "/dev/null", path, allowed=(0, 1)) for path in new if path)
        return _git("diff", "HEAD", "--", *changed) + "".join(added)
    return ""


@cache
def numeric_sha256() -> str:
    """The SHA-256 of the numeric files, names and contents."""
    files = [file for name in NUMERIC for file in [PACKAGE / name, *(PACKAGE / name).rglob("*.py")] if file.is_file()]
    return _hash({file.relative_to(PACKAGE).as_posix(): file.read_bytes() for file in files})


@cache
def edited_sha256() -> str:
    """`numeric_sha256` of a checkout whose numeric files differ from its commit; empty for all others."""
    numeric = tuple(f"{PACKAGE.name}/{name}" for name in NUMERIC)
    edited = any(path.startswith(numeric) and path.endswith(".py") for path in _checkout()[1])
    return numeric_sha256() if edited else ""


@cache
def _checkout() -> tuple[str, list[str]]:
    """The commit, and the files of the package and its configs that differ from it, relative to the checkout."""
    try:
        root, commit = _git("rev-parse", "--show-toplevel", "HEAD").splitlines()
        if Path(root) / PACKAGE.name != PACKAGE:
            return "", []
        # Each entry is a status of two letters, a space and the path.
        status = _git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", "mnist_np", "conf")
        return commit, [entry[3:] for entry in status.split("\0") if entry]
    except (OSError, subprocess.SubprocessError, ValueError):
        return "", []


def _git(*arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
    command = ["git", "-C", str(PACKAGE.parent), "--no-optional-locks", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode not in allowed:
        raise subprocess.CalledProcessError(done.returncode, command)
    return done.stdout


COMPILED = tuple(machinery.EXTENSION_SUFFIXES)
"""How the names of modules in C end."""

Part = type | Callable[..., object]
"""A class or a function."""

_part_sha256: dict[Part, str] = {}


def part_sha256(kind: Part) -> str:
    """The SHA-256 of the source of a class of the user's own and of its bases, or of a function; empty if there is none but this
    package's and the libraries'. Of one without a file, as in a notebook, it is that of its definition, see `_definition`.
    """
    if kind in _part_sha256:
        return _part_sha256[kind]
    bases = kind.__mro__ if isinstance(kind, type) else (kind,)
    found = {f"{base.__qualname__} {name}": text for base in bases for name, text in _sources_of(base).items()}
    sha256 = _hash(found) if found else ""
    if not any(map(_has_no_file, bases)):  # what such a one calls may be defined anew at any time
        _part_sha256[kind] = sha256
    return sha256


def _has_no_file(kind: Part) -> bool:
    """Whether a notebook, or text given to Python, defines it. What Python reads from standard input says ``<stdin>``."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return kind.__module__ == "__main__" and not (file and Path(file).is_file())


def _sources_of(kind: Part) -> dict[str, bytes]:
    if _has_no_file(kind):
        return {"": _definition(kind).encode()}
    return _sources_of_module(sys.modules.get(kind.__module__))


def _sources_of_module(module: ModuleType | None) -> dict[str, bytes]:
    file = getattr(module, "__file__", None)
    return sources(Path(file)) if file and not file.endswith(COMPILED) and _is_users(Path(file)) else {}


def _definition(part: Part) -> str:
    """What a class or function without a file does: its compiled code and plain values, and those of what it refers to by name.

    Not the text: Python keeps that of a notebook's functions only, and none of what it is given by ``-c``.
    """
    told, seen = set[str](), list[object]()
    todo: list[tuple[str, object]] = [("", part)]
    while todo:
        name, value = todo.pop()
        if any(value is other for other in seen):
            continue
        if isinstance(value, type | FunctionType | ModuleType):
            seen.append(value)
        if isinstance(value, type) and _has_no_file(value):
            members = {key: _function_of(member) for key, member in vars(value).items()}
            todo += [
                (f"{value.__qualname__}.{key}", member)
                for key, member in members.items()
                if isinstance(member, FunctionType) or not key.startswith("__")  # such as the number of the line
            ]
        elif isinstance(value, FunctionType) and _has_no_file(value):
            defaults = _plain(value.__defaults__), _plain(value.__kwdefaults__)
            told.add(" ".join([value.__qualname__, *_compiled(value.__code__), *defaults]))
            captured = inspect.getclosurevars(value)
            todo += captured.globals.items()
            todo += [(f"{value.__qualname__}.{key}", inner) for key, inner in captured.nonlocals.items()]
        elif isinstance(value, type | FunctionType | ModuleType):
            own = _sources_of(value) if not isinstance(value, ModuleType) else _sources_of_module(value)
            told.add(f"{name} {_hash(own)}")
        else:
            told.add(f"{name} {_plain(value)}")
    return "\n".join(sorted(told))


def _function_of(value: object) -> object:
    """The function within what a class has of it, such as a property; other things as they are."""
    if isinstance(value, property):
        return value.fget
    return value.func if isinstance(value, cached_property | partial) else getattr(value, "__func__", value)


def _compiled(code: CodeType) -> Iterator[str]:
    """The instructions of a function and of those within it, with their names and constants, wherever the lines stand."""
    yield from (code.co_code.hex(), str(code.co_names), str(code.co_varnames))
    for constant in code.co_consts:
        yield from _compiled(constant) if isinstance(constant, CodeType) else [_plain(constant)]


def _plain(value: object) -> str:
    """A number, a text, an array or a collection of such as a text; empty for other things, whose texts are of this process."""
    if isinstance(value, set | frozenset):
        return str(sorted(map(_plain, value)))
    if isinstance(value, list | tuple):
        return str([_plain(entry) for entry in value])
    if isinstance(value, dict):
        return str([(_plain(key), _plain(entry)) for key, entry in value.items()])
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return repr(value) if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic) else ""


def sources(file: Path) -> dict[str, bytes]:
    """The content of a Python file, as "", and of the user's own modules that it imports, directly or through each other."""
    contents: dict[str, bytes] = {}
    todo = {"": file}
    while todo:
        name, path = todo.popitem()
        contents[name] = path.read_bytes()
        found = {other: _file_of(other) for other in _imports(contents[name], name, path)}
        todo |= {other: path for other, path in found.items() if path and _is_users(path) and other not in contents}
    return contents


def _imports(source: bytes, name: str, path: Path) -> Iterator[str]:
    """Names of modules that the source of module ``name`` imports, wherever it does; some may be names within modules."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[: package.count(".") + 2 - node.level], node.module or ""]).strip(".")
            module = base if node.level else str(node.module)
            names = [module, *(f"{module}.{name}" for name in names)]
        for imported in names:
            parts = imported.split(".")
            yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def _file_of(module: str) -> Path | None:
    """The Python file of a module that is loaded, or of one that is not yet and is in no package."""
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
    else:
        spec = None if "." in module else importlib.util.find_spec(module)
        file = spec.origin if spec else None
    return Path(file) if file and file.endswith(".py") else None


def _is_users(file: Path) -> bool:
    """Whether a Python file is the user's own, not of the standard library, of an installed package or of this one."""
    file = file.resolve()
    standard = Path(sysconfig.get_path("stdlib")).resolve()
    return not (standard in file.parents or PACKAGE in file.parents or {"site-packages", "dist-packages"} & set(file.parts))


def _hash(contents: dict[str, bytes]) -> str:
    """SHA-256 over names and contents."""
    sha256 = hashlib.sha256()
    for name, content in sorted(contents.items()):
        sha256.update(f"{name} {len(content)}\n".encode() + content)
    return sha256.hexdigest()
