"""Every example of a command line or an override that a reader may copy: documentation, help pages, comments, messages."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from mnist_np.cli import help as help_pages
from mnist_np.cli.commands import COMMANDS
from mnist_np.cli.main import page
from mnist_np.invocation import command

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")]
MARKDOWN = sorted(path for path in PAGES if path.name.lower() != "changelog.md")
SOURCES = sorted(path for folder in ("mnist_np", "scripts") for path in (ROOT / folder).rglob("*.py"))
CONFIGS = sorted((ROOT / "conf").rglob("*.yaml"))

PROGRAMS = ("python", "mnist-np", "eval", "pytest", "mlflow", "ray", "git", ".ci/run")
COMMAND = re.compile(rf"(?:\$ )?((?:{'|'.join(map(re.escape, PROGRAMS))})(?: .*)?)$")

GROUPS = "model|activation|init|loss|optimizer|schedule|data|augment|training|tracking|sweep|experiment|debug|hydra"
KEYS = f"{GROUPS}|name|seed|outputs|plugins|key|KEY"
OVERRIDE = re.compile(rf"(?<![\w'\"./={{,-])(?<!\w\()(?:{KEYS})\b[\w./]*=([^\s`'\"]+)")
SPECIAL = set("[](){}*?|&;<>!~$#\\")
"""Characters that bash or zsh may read as more than themselves."""

PYTHON_CALL = re.compile(r"[A-Z]\w*\(")


def unquoted(text: str) -> Iterator[str]:
    """Overrides in a text that a shell would misread as they stand."""
    for found in OVERRIDE.finditer(text):
        value = found[1].rstrip(".,;:")
        while value.count(")") > value.count("("):  # of the sentence
            value = value[: value.rindex(")")]
        if SPECIAL & set(value) and not PYTHON_CALL.match(value) and not value.startswith("<"):
            yield found[0]


def blocks(markdown: str) -> list[str]:
    """The code blocks of a page, indented or fenced, without what marks them."""
    found: list[list[str]] = [[]]
    fenced = False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            found.append([])
        elif fenced or line.startswith("    "):
            found[-1].append(line.removeprefix("    "))
        elif line.strip():
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def is_python(block: str) -> bool:
    return bool(re.search(r"^(from|import|class|def) ", block, re.MULTILINE))


def spans(text: str) -> list[str]:
    """What stands between single backticks."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def help_texts() -> dict[str, str]:
    """Every help page, as a user of the installed command sees it."""
    conf = ROOT / "conf"
    groups = [str(path.relative_to(conf)) for path in conf.glob("**/") if any(path.glob("*.yaml"))]
    pages = {"mnist-np --help": page(), "train --help": help_pages.train_page([])}
    pages |= {f"train --help {group}": help_pages.train_page([group]) for group in groups if group != "."}
    for name, (place, _) in COMMANDS.items():
        if name != "train":
            pages[f"{name} --help"] = import_module(place.partition(":")[0]).__doc__ or ""
    return pages


@cache
def texts() -> dict[str, str]:
    """Where an example may stand, and the text there: code of Python itself is left out."""
    found = help_texts()
    for path in MARKDOWN:
        text = path.read_text(encoding="utf-8")
        shown = [block for block in blocks(text) if not is_python(block)] + spans(text)
        found[str(path.relative_to(ROOT))] = "\n".join(shown)
    for path in CONFIGS:
        comments = re.findall(r"(?:^|\s)# (.*)", path.read_text(encoding="utf-8"))
        found[str(path.relative_to(ROOT))] = "\n".join(comments)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found[f"{path.relative_to(ROOT)}:{node.lineno}"] = node.value
    return found


def commands() -> dict[str, str]:
    """Every command line -> where it stands."""
    found: dict[str, str] = {}
    for place, text in texts().items():
        joined = re.sub(r"\\\n\s*", "", text)
        for line in [*joined.splitlines(), *spans(joined)]:
            match = COMMAND.match(line.strip())
            if match and is_example(match[1]):
                found.setdefault(re.split(r"\s{3,}", match[1])[0], place)
    return found


def is_example(line: str) -> bool:
    """Whether a line can be copied, rather than show a command's form (``[KEY=VALUE ...]``) or be prose."""
    if re.search(r"\.\.\.|\[-*[A-Z]|\[--|fish|:$|: |\{| says ", line):
        return False
    return not re.match(r"(git|ray|python|eval) [a-z]+ [a-z]+ [a-z]+ ", line) or line.startswith("git ")


def overrides_of(line: str) -> list[str] | None:
    """The arguments of ``train``, if the line is one."""
    for part in line.split("&&"):
        words = shlex.split(part, comments=True)
        for start in STARTS:
            if words[: len(start)] == start:
                return words[len(start) :]
    return None


STARTS = (["python", "scripts/train.py"], ["mnist-np", "train"], [*shlex.split(command("train"))])
"""How a command line of ``train`` may begin; the last one is how a help page of this process has it."""
