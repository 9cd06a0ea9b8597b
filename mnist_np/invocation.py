"""How the user called this command, so that a message can name another one that works when it is copied."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from mnist_np.files import near

DEFAULT_OUTPUTS = "outputs"


def command(name: str, *arguments: str) -> str:
    """The command line that runs our command ``name`` from the folder that this process was started in, quoted for a shell.

    Called by ``python scripts/train.py`` it is ``python scripts/NAME.py``; by ``mnist-np`` it is ``mnist-np NAME``; else
    ``python -m mnist_np NAME``.
    """
    return " ".join([*called(name), *map(quoted, arguments)])


def quoted(word: str) -> str:
    """A word quoted for a shell: in double quotes where it holds single ones and nothing that they leave special."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def called(name: str) -> list[str]:
    """`command` without arguments, as quoted words."""
    main = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    if main.parent.name == "scripts":
        python, *words = sys.orig_argv
        script = next((Path(word) for word in words if os.path.abspath(word) == str(main)), main)
        return [shlex.quote(python), shlex.quote(str(script.with_name(f"{name}.py")))]
    if main.name == "mnist-np":
        return [shlex.quote(typed(main)), name]
    return [shlex.quote(typed(Path(sys.executable))), "-m", "mnist_np", name]


def typed(program: Path) -> str:
    """The program's name, if a shell finds this very one by it; else its path."""
    found = shutil.which(program.name)
    same = found is not None and os.path.abspath(found) == os.path.abspath(program)
    return program.name if same else near(program)


def default_outputs() -> str:
    """The folder of all results where nothing else is said: MNIST_NP_OUTPUTS, or ``outputs``."""
    return os.environ.get("MNIST_NP_OUTPUTS") or DEFAULT_OUTPUTS


def with_outputs(name: str, outputs: Path, *arguments: str) -> str:
    """`command` for results in ``outputs``, which is named unless it is where the command looks by itself."""
    here = os.path.abspath(outputs) == os.path.abspath(default_outputs())
    return command(name, *arguments, *([] if here else ["--outputs", near(outputs)]))
