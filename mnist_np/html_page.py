"""HTML pages in one file each: no script, no other files, light and dark."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #22262b; --faint: #f3f4f6; --line: #d9dce1; --page: #fff; --second: #5a6068; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e4e6ea; --faint: #23272e; --line: #3a4048; --page: #17191d; --second: #a3abb5; }}
}}
body {{ max-width: 72rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--page); }}
h1 {{ font-size: 1.5rem; line-height: 1.3; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
pre {{ overflow-x: auto; background: #f6f7f9; padding: 0.8rem; font: 0.8rem/1.4 ui-monospace, monospace; color: #22262b; }}
code {{ font: 0.85rem ui-monospace, monospace; overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}
figure {{ margin: 1.2rem 0; }}
figure img {{ background: #fff; border-radius: 4px; }}
figcaption, .second {{ color: var(--second); font-size: 0.9rem; }}
.verdict {{ border-left: 4px solid #0072b2; background: var(--faint); padding: 0.6rem 1rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ padding: 0.25rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }}
th {{ vertical-align: bottom; }}
th.words, td.words {{ text-align: left; white-space: normal; overflow-wrap: break-word; max-width: 22rem; }}
tr.best td {{ font-weight: 600; }}
dl {{ display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: 0.2rem 1.2rem; }}
dt {{ color: var(--second); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""


def page(title: str, content: Iterable[str]) -> str:
    """A page of pieces of HTML below a title, which is text."""
    return PAGE.format(title=escape(title), content="\n".join(content))


def picture(png: bytes, label: str, style: str = "", image_style: str = "") -> str:
    """A figure with its caption, and CSS for the whole and for the image."""
    data = base64.b64encode(png).decode()
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(label)}"{_styled(image_style)}>'
    return f"<figure{_styled(style)}>{image}<figcaption>{escape(label)}</figcaption></figure>"


def _styled(style: str) -> str:
    return f' style="{style}"' if style else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], words: range, caption: str, best: bool = False) -> str:
    """A table that scrolls by itself where it is too wide.

    Args:
        header: the names of the columns.
        rows: their cells, as text.
        words: the numbers of the columns that hold words.
        caption: what the table shows, for those who hear it.
        best: whether the first row stands out.
    """

    def cell(i: int, text: str, tag: str, attributes: str = "") -> str:
        kind = ' class="words"' if i in words else ""
        return f"<{tag}{kind}{attributes}>{escape(text)}</{tag}>"

    head = "".join(cell(i, text, "th", ' scope="col"') for i, text in enumerate(header))
    lines = ["".join(cell(i, text, "td") for i, text in enumerate(cells)) for cells in rows]
    first = ' class="best"' if best else ""
    body = "".join(f"<tr{first if n == 0 else ''}>{line}</tr>" for n, line in enumerate(lines))
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what they stand for, one below the other."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in pairs)}</dl>"
