"""A step as a card of HTML: formula, note, and every array as a grid of numbers, an image, or tiles."""

import functools
import html
import math
import re

import numpy as np

from tinyae.checks import UsageError
from tinyae.trace.colours import coloured, data_uri, is_dark, palette_of, sheet
from tinyae.trace.why import choices
from tinyae.trace.why.explanation import short

MOST_CELLS, MOST_COLUMNS = 120, 16  # of a grid that shows its numbers
SMALLEST_IMAGE = 6  # pixels a side, of rows that are shown as images
MOST_TILES = 16  # a row
MOST_SAMPLES = 4
WIDEST = 256  # pixels of a large matrix's picture; larger ones are averaged down

STYLE = """
.tae { font: 14px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; border: 1px solid #d5d5d5;
       border-radius: 8px; padding: 12px 16px; max-width: 1080px; }
.tae h3 { margin: 0 0 6px; font-size: 16px; font-weight: 600; }
.tae .phase { display: inline-block; padding: 0 8px; margin-right: 8px; border-radius: 10px; color: #fff;
              font-size: 13px; }
.tae .forward { background: #2166ac; } .tae .loss { background: #555; } .tae .backward { background: #762a83; }
.tae .statistics { background: #762a83; } .tae .penalty { background: #8a5a00; } .tae .update { background: #1b7837; }
.tae .formula { margin: 8px 0; font-size: 17px; overflow-x: auto; }
.tae math { margin-left: 0; width: max-content; }
.tae .plain { color: #666; font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap; margin: 2px 0 8px; }
.tae .note { margin: 6px 0; color: #444; }
.tae .arrays { display: flex; flex-wrap: wrap; gap: 14px 22px; align-items: flex-start; }
.tae figure { margin: 0; max-width: 100%; overflow-x: auto; }
.tae figcaption { font-size: 13px; margin-bottom: 3px; }
.tae figcaption b { font: 600 13px ui-monospace, monospace; } .tae figcaption span { color: #666; }
.tae table { border-collapse: collapse; margin: 0; }
.tae td { padding: 2px 6px; text-align: right; border: 1px solid #fff; font: 12px ui-monospace, monospace;
          min-width: 38px; }
.tae img { image-rendering: pixelated; border: 1px solid #ddd; display: block; }
"""  # fmt: skip


def card(step, whys=True):
    """One step as HTML that needs nothing from elsewhere. `whys`: numbers say their sum when pointed at."""
    return f"<style>{STYLE}</style>{body(step, whys)}"


def body(step, whys=True):
    """The card without its style sheet."""
    kind = "" if step.layer.lower() == step.kind.lower() else f" <span>({escape(step.kind)})</span>"
    parts = [
        f'<h3><span class="phase {step.phase}">{step.phase}</span>{step.place + 1} of {step.of}: '
        f"<b>{escape(step.layer)}</b>{kind}</h3>",
        f'<div class="formula">{mathml(step.formula.latex)}</div>',
        f'<div class="plain">{escape(step.formula.text)}</div>',
    ]
    if step.note:
        parts.append(f'<p class="note">{escape(step.note)}</p>')
    asked = explainable(step) if whys else ()
    parts.append('<div class="arrays">')
    parts += [figure(step, name, array, name in asked) for name, array in step.arrays.items()]
    return f'<div class="tae">{"".join(parts)}</div></div>'


@functools.cache
def mathml(latex):
    """A formula as MathML, which browsers draw themselves; as its LaTeX where latex2mathml is not installed."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        return f"<code>{escape(latex)}</code>"
    return spaced(convert(latex, display="block"))


def spaced(drawn):
    """MathML set as TeX sets it: primes in their own size, thin spaces around log, no gap after a leading minus."""
    for pattern, better in TYPESETTING:
        drawn = pattern.sub(better, drawn)
    return drawn


# latex2mathml makes a prime a superscript, which few fonts have a glyph for, and says nothing of spaces; a line above
# is one character, which few fonts stretch.
TYPESETTING = tuple(
    (re.compile(pattern), better)
    for pattern, better in (
        (r"<msup>(<mi>\w+</mi>)<mi>(&#x0203[234];)</mi></msup>", r'<mrow>\1<mo lspace="0" rspace="0">\2</mo></mrow>'),
        (r"<msubsup>(<mi>\w+</mi>)(<m(\w+)>.*?</m\3>)<mi>&#x02032;</mi></msubsup>",
         r'<msub><mrow>\1<mo lspace="0" rspace="0">&#x02032;</mo></mrow>\2</msub>'),
        (r"<mi>(log|exp)</mi>", r'<mrow><mspace width="0.17em"/><mi>\1</mi><mspace width="0.1em"/></mrow>'),
        (r"(<mo(?: [^>]*)?>(?:=|,|\(|&#x0003D;|&#x0002C;|&#x00028;)</mo>)<mo>&#x02212;</mo>",
         r'\1<mo form="prefix">&#x02212;</mo>'),
        (r"<mo><mrow><mo>&#x0002B;</mo></mrow></mo><mo>&#x0003D;</mo>", "<mo>+=</mo>"),
        (r'<mover>((?:(?!<mover>).)*?)<mo accent="true">&#x02015;</mo></mover>',
         r'<mrow style="border-top: 1px solid; padding-top: 2px">\1</mrow>'),
    )
)  # fmt: skip


def explainable(step):
    """Names of the arrays whose numbers `why` can explain."""
    try:
        step.why(*(0 for _ in np.shape(step.arrays_by_name().get(choices(step)[0], ()))), of=choices(step)[0])
        return choices(step)
    except (UsageError, IndexError):
        return ()


def figure(step, name, array, why):
    """One array with its name, shape and range."""
    label, shape = CAPTIONS.get(name, ""), " × ".join(map(str, array.shape)) or "a number"
    spread = "" if array.size < 2 else f", {short(array.min())} to {short(array.max())}"
    caption = f"<figcaption><b>{escape(name)}</b> {label}<span>({shape}{spread})</span></figcaption>"
    if array.ndim == 0:
        return f"<figure>{caption}<table><tr><td>{array:.6g}</td></tr></table></figure>"
    sheets = pictures_of(name, array)
    if sheets is not None:
        anchors, limits = palette_of(name, array)
        rows = [[coloured(tile, anchors, limits) for tile in row] for row in sheets]
        return f"<figure>{caption}{image(name, sheet(rows))}</figure>"
    table = array if array.ndim <= 2 else array.reshape(-1, array.shape[-1])
    table = np.atleast_2d(table)
    if array.size > MOST_CELLS or table.shape[1] > MOST_COLUMNS:
        anchors, limits = palette_of(name, array)
        return f"<figure>{caption}{image(name, coloured(shrunk(table), anchors, limits))}</figure>"
    return f"<figure>{caption}{grid(step, name, array, table, why)}</figure>"


def image(name, rgb):
    """An <img> that holds its picture."""
    return f'<img alt="{escape(name)}" src="{data_uri(rgb)}">'


CAPTIONS = {
    "x": "in ", "y": "out ", "target": "what the output should be ", "dy": "gradient from above, dL/dy ",
    "dx": "gradient passed on, dL/dx ", "output": "output x' ",
}  # fmt: skip


def pictures_of(name, array):
    """Rows of 2-D maps for what is a picture: images, feature maps, filters, rows that are square images."""
    if array.ndim == 4 and name in ("W", "dW"):  # (kh, kw, C, F): a column a filter, a row a channel it reads
        return [
            [array[:, :, c, f] for f in range(min(array.shape[3], MOST_TILES))]
            for c in range(min(array.shape[2], MOST_TILES))
        ]
    if array.ndim == 4 and min(array.shape[1:3]) >= 2:  # (N, H, W, C): a row a sample, a column a channel
        return [[image[:, :, c] for c in range(min(array.shape[3], MOST_TILES))] for image in array[:MOST_SAMPLES]]
    if array.ndim == 2 and name in ("x", "y", "target", "dx", "dy", "output"):
        side = math.isqrt(array.shape[1])
        if side * side == array.shape[1] and side >= SMALLEST_IMAGE:
            return [[row.reshape(side, side) for row in array[:MOST_TILES]]]
    return None


def shrunk(table):
    """A large matrix with blocks averaged, at most WIDEST a side."""
    for axis in (0, 1):
        block = -(-table.shape[axis] // WIDEST)
        if block > 1:
            starts = np.arange(0, table.shape[axis], block)
            sizes = np.diff([*starts, table.shape[axis]])
            table = np.add.reduceat(table, starts, axis=axis) / (sizes[:, None] if axis == 0 else sizes)
    return table


def grid(step, name, array, table, why):
    """Numbers in coloured cells; pointing at one shows the sum behind it."""
    anchors, limits = palette_of(name, array)
    rows = []
    for i, row in enumerate(table):
        cells = []
        for j, value in enumerate(row):
            rgb = coloured(value, anchors, limits)
            ink = "#fff" if is_dark(rgb) else "#111"
            tip = ""
            if why:
                index = np.unravel_index(i * table.shape[1] + j, array.shape)
                tip = f' tabindex="0" title="{escape(str(step.why(*map(int, index), of=name)))}"'
            cells.append(f'<td style="background:rgb{tuple(map(int, rgb))};color:{ink}"{tip}>{short(value)}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def escape(text):
    """Text that is safe inside HTML and its attributes."""
    return html.escape(str(text), quote=True)
