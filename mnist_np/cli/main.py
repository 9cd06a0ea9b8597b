"""The installed command ``mnist-np``: one subcommand for each script, imported only when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from mnist_np.cli.commands import COMMANDS
from mnist_np.terminal import lasting_output, print_error


def main() -> int:
    """Run the subcommand that ``sys.argv`` names. Gives the exit code."""
    with lasting_output():
        return _main()


def script(name: str) -> int:
    """Run the subcommand of a script, on the script's own arguments. Gives the exit code."""
    with lasting_output():
        return run(name)


def run(name: str) -> int:
    """The subcommand ``name`` on the arguments in ``sys.argv``."""
    module, _, function = COMMANDS[name][0].partition(":")
    try:
        os.getcwd()
    except OSError as error:  # it was deleted
        print_error(f"the folder that this command is run in cannot be used: {error.strerror}")
        return 2
    try:
        return getattr(import_module(module), function)() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _main() -> int:
    name, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    if name in ("--help", "-h", "help"):
        print(page())
        return 0
    if name in ("-sc", "--shell-completion"):
        from mnist_np.cli.complete import answer

        return answer(rest)
    if name in ("--version", "-V", "version"):
        from mnist_np import __version__

        print(f"mnist-np {__version__}")
        return 0
    if name not in COMMANDS:
        from mnist_np.component import did_you_mean

        print_error(f"{name}: no such command; {did_you_mean(name, list(COMMANDS))}must be one of {', '.join(COMMANDS)}")
        return 2
    sys.argv = [f"mnist-np {name}", *rest]
    return run(name)


def page() -> str:
    """What ``mnist-np --help`` shows."""
    lines = ["Configurable experiments with fully connected networks written from scratch in NumPy.", ""]
    lines += [f"  mnist-np {name:<12} {meaning}" for name, (_, meaning) in COMMANDS.items()]
    return "\n".join([*lines, "", "mnist-np COMMAND --help says more; mnist-np --version says which version this is."])
