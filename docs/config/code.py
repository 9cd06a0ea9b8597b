"""Show code as it is: a line `{{ mnist_np/nn/layers.py Dense.forward }}` becomes the source of that function or class."""

import ast
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"^\{\{ ([\w/]+\.py) ([\w.]+) \}\}$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with its code in place."""
    return SHOWN.sub(lambda m: f'```python title="{m[1]}"\n{source(m[1], m[2])}\n```', markdown)


def source(file: str, name: str) -> str:
    """The source of ``name`` in ``file``, without its docstring. Raises LookupError if there is none: the build fails then."""
    text = (ROOT / file).read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        found = [child for child in getattr(node, "body", []) if getattr(child, "name", None) == part]
        if not found:
            raise LookupError(f"{file} has no {name}")
        node = found[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    lines = text.splitlines()
    first = node.body[0]
    if ast.get_docstring(node) is not None and isinstance(node, ast.FunctionDef) and len(node.body) > 1:
        kept = lines[node.lineno - 1 : first.lineno - 1] + lines[(first.end_lineno or first.lineno) : node.end_lineno]
    else:
        kept = lines[node.lineno - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(kept)).rstrip()
