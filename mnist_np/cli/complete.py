"""Completion of ``mnist-np`` in bash, zsh and fish.

    eval "$(mnist-np -sc install=bash)"      # in ~/.bashrc
    eval "$(mnist-np -sc install=zsh)"       # in ~/.zshrc, after compinit
    mnist-np -sc install=fish | source       # in ~/.config/fish/config.fish

The shell calls ``mnist-np -sc query=SHELL`` with the line so far in COMP_LINE, and is given one candidate a line. Nothing is
ever printed to the terminal, whatever goes wrong: an error message would land in the prompt.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout

from mnist_np.cli.commands import COMMANDS

SCRIPTS = {
    "bash": r"""_mnist_np() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=($(COMP_LINE="$line" mnist-np -sc query=bash 2>/dev/null))
    local word="${line##* }"
    if [[ "$word" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%=*}="}")
    fi
}
complete -o nospace -o default -F _mnist_np mnist-np""",
    "zsh": r"""_mnist_np() {
    local -a found
    found=("${(@f)$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" mnist-np -sc query=zsh 2>/dev/null)}")
    found=(${found:#})
    if (( $#found )); then compadd -Q -S '' -- $found; else _files; fi
}
compdef _mnist_np mnist-np""",
    "fish": r"""function _mnist_np
    COMP_LINE=(commandline -cp) mnist-np -sc query=fish 2>/dev/null
end
complete -c mnist-np -a '(_mnist_np)'""",
}

REMOVAL = {
    "bash": "complete -r mnist-np; unset -f _mnist_np",
    "zsh": "compdef -d mnist-np; unfunction _mnist_np",
    "fish": "complete -e -c mnist-np; functions -e _mnist_np",
}


def answer(words: list[str]) -> int:
    """Print what follows ``-sc`` asks for: ``install=``, ``uninstall=`` or ``query=`` and a shell's name. Gives the exit code."""
    what, _, shell = " ".join(words).partition("=")
    if shell not in SCRIPTS or what not in ("install", "uninstall", "query"):
        print(f"error: -sc {' '.join(words)}: must be install=SHELL or uninstall=SHELL, of {', '.join(SCRIPTS)}", file=sys.stderr)
        return 2
    if what == "query":
        print("\n".join(candidates(os.environ.get("COMP_LINE", ""))))
    else:
        print((SCRIPTS if what == "install" else REMOVAL)[shell])
    return 0


def candidates(line: str) -> list[str]:
    """What the last word of ``line`` can become, the line being ``mnist-np ...`` up to the cursor."""
    _, *words = line.split()
    last = "" if not words or line[-1].isspace() else words.pop()
    if not words:
        return [name for name in COMMANDS if name.startswith(last)]
    if words[0] != "train":
        return []
    if last.startswith("-"):
        from mnist_np.cli.arguments import flags

        return [flag for flag in flags() if flag.startswith(last)]
    quiet = io.StringIO()
    try:
        with redirect_stdout(quiet), redirect_stderr(quiet):
            return overrides([*words[1:], last])
    except (Exception, SystemExit):  # of a line that is not finished
        return []


def overrides(words: Sequence[str]) -> list[str]:
    """Hydra's candidates for the last of the words, without those that are not to be chosen."""
    from hydra.plugins.completion_plugin import DefaultCompletionPlugin

    from mnist_np.cli.arguments import parser
    from mnist_np.cli.compose import config_loader
    from mnist_np.cli.help import is_offered
    from mnist_np.cli.schemas import store_schemas

    store_schemas()
    args = parser().parse_intermixed_args(list(words[:-1]))
    plugin = DefaultCompletionPlugin(config_loader(args))
    # The public `query` prints what it finds and reads the line from the environment.
    found = plugin._query(args.config_name or "config", " ".join([*args.overrides, words[-1]]))
    pairs = [(word, *word.partition("=")[::2]) for word in found if not word.startswith(("config_schema", "_dummy"))]
    return [word for word, group, name in pairs if is_offered(group, name)]
