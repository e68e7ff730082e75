"""Executed tutorials as HTML pages that need no network, and an index with a thumbnail of each."""

import functools
import html
import re

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from tinyae.trace.html import mathml
from tutorials.tools.cells import SOLUTIONS, title_of

STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #1a1a1a; max-width: 900px; margin: 0 auto;
       padding: 20px 16px 60px; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; margin: 0; }
.code { background: #f6f6f3; border-left: 4px solid #2166ac; padding: 8px 12px; margin: 14px 0 4px; }
.code .highlight { background: none !important; }
.out { padding: 6px 12px; margin: 0 0 14px; overflow-x: auto; } .out img { max-width: 100%; }
.out > pre { white-space: pre-wrap; }
table { border-collapse: collapse; } th, td { padding: 3px 10px; border-bottom: 1px solid #ddd; text-align: left; }
nav { display: flex; justify-content: space-between; margin: 10px 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 18px; }
.grid a { text-decoration: none; color: inherit; border: 1px solid #ddd; border-radius: 8px; padding: 10px; }
.grid img { width: 100%; height: 150px; object-fit: contain; background: #fff; }
math[display=block] { margin: 8px 0; }
"""


@functools.cache
def markdown():
    """The Markdown renderer: tables, and formulas between dollars as MathML."""

    def formula(text, options):
        drawn = mathml(text)
        return drawn if options.get("display_mode") else drawn.replace('display="block"', 'display="inline"')

    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=formula, double_inline=True)


def page(path, done, before=None, after=None):
    """The HTML page of an executed tutorial; `before` and `after` are the neighbours' files."""
    parts = [navigation(before, after)]
    for result in done:
        if result.cell.kind == "markdown":
            parts.append(markdown().render(links(result.cell.source)))
            continue
        parts.append(f'<div class="code">{code(result.cell.source)}</div>')
        parts += [f'<div class="out">{shown(kind, content)}</div>' for kind, content in result.shown]
    parts.append(navigation(before, after))
    return document(title_of(path), "".join(parts))


def index(entries):
    """The HTML of the index; entries of (path, seconds, thumbnail as base64 PNG or None)."""
    cards = []
    for path, seconds, thumbnail in entries:
        picture = f'<img alt="" src="data:image/png;base64,{thumbnail}">' if thumbnail else ""
        cards.append(
            f'<a href="{page_name(path)}">{picture}<b>{html.escape(title_of(path))}</b><br>{seconds:.0f} s to run</a>'
        )
    return document("tinyae: the tutorials", f'<h1>tinyae: the tutorials</h1><div class="grid">{"".join(cards)}</div>')


def thumbnail_of(done):
    """The picture of the cell tagged "thumbnail", else the last one."""
    pictures = [(r.cell.tags, content) for r in done for kind, content in r.shown if kind == "png"]
    tagged = [content for tags, content in pictures if "thumbnail" in tags]
    return (tagged or [content for _, content in pictures] or [None])[-1]


def links(source):
    """Links to other tutorials' files lead to their pages here."""
    source = re.sub(r"\]\(solutions/(\d\d_\w+)\.(?:py|ipynb)\)", r"](\1_solutions.html)", source)
    return re.sub(r"\]\((?:\.\./)?(\d\d_\w+)\.(?:py|ipynb)\)", r"](\1.html)", source)


def page_name(path):
    """The page of a file: '02_dense_layer.html', '02_dense_layer_solutions.html'."""
    return f"{path.stem}_solutions.html" if path.parent == SOLUTIONS else f"{path.stem}.html"


def code(source):
    """Python with its colours."""
    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=False, noclasses=True, style="friendly"))


def shown(kind, content):
    """What a cell showed."""
    if kind in ("png", "gif"):
        return f'<img alt="output" src="data:image/{kind};base64,{content}">'
    return content if kind == "html" else f"<pre>{html.escape(content)}</pre>"


def navigation(before, after):
    """Links to the neighbours and the index."""
    back = f'<a href="{page_name(before)}">&larr; {html.escape(title_of(before))}</a>' if before else "<span></span>"
    forward = f'<a href="{page_name(after)}">{html.escape(title_of(after))} &rarr;</a>' if after else "<span></span>"
    return f'<nav>{back}<a href="index.html">all</a>{forward}</nav>'


def document(title, body):
    """A whole HTML page."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
