"""Typeset `$...$` and `$$...$$` as MathML when the site is built: no script, no request to another server."""

import re

from latex2mathml.converter import convert

FENCED = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
INLINE = re.compile(r"(?<![\\$\w])\$([^\s$](?:[^$\n]*[^\s$])?)\$(?![\w$])")


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with its formulas as MathML; code stays as it is."""
    parts = FENCED.split(markdown)
    parts[::2] = [typeset(part) for part in parts[::2]]
    return "".join(parts)


def typeset(text: str) -> str:
    text = DISPLAYED.sub(lambda m: "\n" + convert(m[1].strip(), display="block") + "\n", text)
    # in a span, since Markdown takes a line that begins with <math> for a block
    return INLINE.sub(lambda m: f"<span>{convert(m[1])}</span>", text)
