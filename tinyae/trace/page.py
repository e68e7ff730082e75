"""All steps as one offline page: arrow keys or buttons step, a list shows the way, a click shows a number's sum."""

from pathlib import Path

from tinyae.files import write_atomically
from tinyae.trace.html import STYLE, body, escape

PAGE_STYLE = """
body { margin: 0; background: #f4f4f2; font: 14px/1.45 system-ui, sans-serif; color: #1a1a1a; }
header { display: flex; gap: 10px; align-items: center; padding: 10px 16px; background: #fff;
         border-bottom: 1px solid #d5d5d5; position: sticky; top: 0; z-index: 2; }
header h1 { font-size: 16px; margin: 0 auto 0 0; }
button { font: inherit; padding: 3px 12px; border: 1px solid #888; border-radius: 6px; background: #fff;
         cursor: pointer; }
button:disabled { color: #aaa; border-color: #ddd; cursor: default; }
main { display: grid; grid-template-columns: 250px minmax(0, 1fr); gap: 16px; padding: 16px; }
nav { max-height: calc(100vh - 90px); overflow-y: auto; position: sticky; top: 66px; }
nav a { display: block; padding: 2px 8px; border-left: 4px solid transparent; color: #1a1a1a; text-decoration: none; }
nav a.forward { border-color: #2166ac; } nav a.loss { border-color: #555; } nav a.backward { border-color: #762a83; }
nav a.statistics { border-color: #762a83; }
nav a.penalty { border-color: #8a5a00; } nav a.update { border-color: #1b7837; }
nav a[aria-current] { background: #fff; font-weight: 600; }
pre#why { background: #fff; border: 1px solid #d5d5d5; border-radius: 8px; padding: 10px 14px; white-space: pre-wrap;
          max-width: 1080px; margin: 12px 0 0; min-height: 3.9em; }
td[title] { cursor: help; } td.chosen { outline: 3px solid #e0a800; outline-offset: -3px; }
@media (max-width: 800px) { main { grid-template-columns: 1fr; } nav { display: none; } }
"""

SCRIPT = """
const cards = [...document.querySelectorAll('section')], links = [...document.querySelectorAll('nav a')];
const why = document.getElementById('why'), hint = why.textContent;
let place = 0;
function show(i) {
  place = Math.max(0, Math.min(cards.length - 1, i));
  cards.forEach((card, k) => { card.hidden = k !== place; });
  links.forEach(a => a.removeAttribute('aria-current'));
  links[place].setAttribute('aria-current', 'step');
  links[place].scrollIntoView({ block: 'nearest' });
  document.getElementById('back').disabled = place === 0;
  document.getElementById('next').disabled = place === cards.length - 1;
  document.getElementById('place').textContent = `${place + 1} / ${cards.length}`;
  why.textContent = hint;
  history.replaceState(null, '', '#' + (place + 1));
}
function explain(cell) {
  document.querySelectorAll('td.chosen').forEach(old => old.classList.remove('chosen'));
  cell.classList.add('chosen');
  why.textContent = cell.title;
}
document.getElementById('back').onclick = () => show(place - 1);
document.getElementById('next').onclick = () => show(place + 1);
links.forEach((a, k) => { a.onclick = event => { event.preventDefault(); show(k); }; });
document.addEventListener('click', event => {
  const cell = event.target.closest('td[title]');
  if (cell) explain(cell);
});
document.addEventListener('focusin', event => { if (event.target.matches('td[title]')) explain(event.target); });
document.addEventListener('keydown', event => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step) { event.preventDefault(); show(place + step); }
  if (event.key === 'Home') show(0);
  if (event.key === 'End') show(cards.length - 1);
});
show((parseInt(location.hash.slice(1)) || 1) - 1);
"""


def write_page(steps, path, title="One step of training, number by number"):
    """Write the page to `path`, atomically."""
    sections = "".join(f"<section hidden>{body(step)}</section>" for step in steps)
    links = "".join(f'<a href="#{s.place + 1}" class="{s.phase}">{s.place + 1} {escape(s.layer)}</a>' for s in steps)
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}{PAGE_STYLE}</style></head>
<body><header><h1>{escape(title)}</h1><button id="back">&larr; back</button><span id="place"></span>
<button id="next">next &rarr;</button></header>
<main><nav aria-label="steps">{links}</nav><div>{sections}
<pre id="why">Click a number to see the sum behind it. Arrow keys step.</pre></div></main>
<script>{SCRIPT}</script></body></html>
"""
    write_atomically(Path(path), lambda temporary: temporary.write_text(page, encoding="utf-8"))
