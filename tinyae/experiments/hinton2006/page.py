"""One page on all runs in a folder: the paper's figures beside ours, pictures, settings, times, machine, versions.

Every run lies in a folder of its own, `<experiment>-<recipe>`, and is known by its metrics.json; the comparison of
starts in `starts`. The page is made of what is there, so it can be written again after every run.
"""

import html
import json

from tinyae import tables
from tinyae.experiments.hinton2006.components import other_components
from tinyae.experiments.hinton2006.documents import COLUMNS as DOCUMENT_COLUMNS
from tinyae.experiments.hinton2006.problems import EXPERIMENTS
from tinyae.experiments.hinton2006.run import training_seconds
from tinyae.experiments.hinton2006.settings import RECIPE_NAMES
from tinyae.experiments.hinton2006.starts import COLUMNS as STARTS_COLUMNS
from tinyae.reporting import dataset_title, write_text

FILES = ("index.html", "results.md")
UNUSED = (None, 0, False, {})  # values of settings that say that something is not done
TITLE = "Hinton & Salakhutdinov (2006), again"
MAPS_TITLE = "Two-dimensional codes by PCA and by every recipe"
STARTS_TITLE = "With and without pretraining"
DOCUMENT_PICTURES = {"retrieval.png": "Documents of the query's group among those retrieved", "map.png": "Documents"}
PICTURES = {
    "figure.png": "Codes of the test set", "reconstructions.png": "Test images and their reconstructions",
    "loss.png": "Fine-tuning: the loss of the images as they were trained on, warped where the settings say so",
    "filters.png": "Weights of the first layer",
}  # fmt: skip
COLUMNS = (
    ("experiment", "experiment", "{}"),
    ("recipe", "recipe", "{}"),
    ("the paper", "published", "{:.2f}"),
    ("test", "test_squared_error", "{:.2f}"),
    ("train", "train_squared_error", "{:.2f}"),
    ("PCA, the paper", "published_pca", "{:.2f}"),
    ("PCA", "pca_test_squared_error", "{:.2f}"),
    ("logistic PCA, the paper", "published_logistic_pca", "{:.2f}"),
    ("logistic PCA", "logistic_pca_test_squared_error", "{:.2f}"),
    ("5-NN", "knn5_accuracy", "{:.3f}"),
    ("PCA 5-NN", "pca_knn5_accuracy", "{:.3f}"),
    ("minutes", "minutes", "{:.1f}"),
    ("seconds an epoch", "seconds_finetune_epoch", "{:.1f}"),
    ("products", "median_product_share", "{:.0%}"),
    ("MB", "peak_rss_mb", "{:.0f}"),
)
NOTES = """\
Squared error: sum over the numbers of an image, mean over the images. 5-NN: share of the test codes whose five nearest
training codes vote for their class. Minutes: of training, by the clock. Products: share of the time of fine-tuning
that its matrix products would take at the speed of large products alone, measured in the same run."""


def write_page(folder):
    """Write FILES on the runs below `folder`, each atomically."""
    runs, documents, starts = collect(folder), collect(folder, ["documents"]), read(folder / "starts")
    maps = [f"{name}.png" for name in EXPERIMENTS if (folder / f"{name}.png").is_file()]
    write_text(folder / "results.md", as_markdown(runs, starts, maps, documents))
    write_text(folder / "index.html", as_html(runs, starts, maps, documents))


def collect(folder, experiments=EXPERIMENTS):
    """[(name of its folder, metrics)] of the whole runs below `folder`, in the order of experiments and recipes."""
    found = []
    for experiment in experiments:
        for recipe in RECIPE_NAMES:
            metrics = read(folder / f"{experiment}-{recipe}")
            if metrics is not None:
                found.append((f"{experiment}-{recipe}", metrics))
    return found


def read(folder):
    """The metrics in a folder, None where the run is not finished."""
    path = folder / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def rows_of(runs):
    """The rows of the table."""
    rows = []
    for _, metrics in runs:
        more = {
            "published": metrics["published"].get("autoencoder"),
            "published_pca": metrics["published"].get("pca"),
            "published_logistic_pca": metrics["published"].get("logistic_pca"),
            "minutes": training_seconds(metrics) / 60,
            "recipe": metrics["recipe"] + (", quick" if metrics["quick"] else ""),
            "experiment": in_words(metrics),
        }
        rows.append(metrics | more)
    return rows


def in_words(metrics):
    """'mnist-30', or 'mnist-30 (built-in digits (not MNIST))' where other data served."""
    name, data = metrics["experiment"], metrics["dataset"]
    return name if data in EXPERIMENTS[name].datasets[:2] else f"{name} ({dataset_title(data)})"


def facts(metrics):
    """What one run was, in lines."""
    settings = pairs({name: value for name, value in metrics["training"].items() if value not in UNUSED})
    size = metrics["layer_sizes"][-1]
    more = [
        f"{kind.title}: {metrics[kind.key]:.2f} (the paper {metrics['published'][kind.name]:.2f})."
        for kind in other_components(metrics["published"], size)
        if kind.k != size and kind.key in metrics
    ]
    return [
        f"Net {'-'.join(map(str, metrics['layer_sizes']))}, {metrics['n_params']:,} parameters; "
        f"{metrics['n_train']:,} training and {metrics['n_test']:,} test images; seed {metrics['seed']}, "
        f"{metrics['threads']} threads.",
        f"Settings: {settings}.",
        f"Pretraining {metrics['seconds_pretrain']:.0f} s, fine-tuning {metrics['seconds_finetune']:.0f} s, "
        f"{metrics['peak_rss_mb']:.0f} MB of memory.",
        f"Machine: {pairs(metrics['machine'] | metrics['versions'])}.",
        *more,
    ]


def pairs(values):
    """A dict in words: 'lr 0.002, warp (turn 0.1, zoom 0.08)'."""
    told = {name: f"({pairs(value)})" if isinstance(value, dict) else value for name, value in values.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def as_markdown(runs, starts=None, maps=(), documents=()):
    """The page as Markdown; `maps` are pictures of several runs."""
    parts = [f"# {TITLE}", tables.markdown(rows_of(runs), COLUMNS), NOTES]
    parts += [f"![{MAPS_TITLE}]({path})" for path in maps]
    for name, metrics in runs:
        parts += [f"## {name}", "\n".join(f"- {fact}" for fact in facts(metrics))]
        parts += [f"![{text}]({name}/{file})" for file, text in PICTURES.items()]
    for name, metrics in documents:
        parts += [f"## {name}: {dataset_title(metrics['dataset'])}"]
        for found in metrics["codes"].values():
            parts += [tables.markdown(found["rows"], DOCUMENT_COLUMNS), document_facts(metrics, found)]
        parts += [f"![{text}]({name}/{file})" for file, text in DOCUMENT_PICTURES.items()]
    if starts is not None:
        parts += [f"## {STARTS_TITLE}", tables.markdown(starts["runs"], STARTS_COLUMNS)]
        parts += [f"![{STARTS_TITLE}](starts/starts.png)"]
    return "\n\n".join(parts) + "\n"


def document_facts(metrics, found):
    """One net for documents in a sentence or two."""
    seconds = found["seconds_pretrain"] + found["seconds_finetune"]
    return (
        f"Net {'-'.join(map(str, found['layer_sizes']))}, {metrics['n_train']:,} training and {metrics['n_test']:,} "
        f"test documents, trained in {seconds:.0f} s. {found['verdict']}"
    )


def as_html(runs, starts=None, maps=(), documents=()):
    """The page as HTML that needs no network; the pictures lie in the runs' folders."""
    sections = [picture(path, MAPS_TITLE) for path in maps]
    sections += [section(name, metrics) for name, metrics in runs]
    for name, metrics in documents:
        sections.append(f"<h2>{name}: {html.escape(dataset_title(metrics['dataset']))}</h2>")
        for found in metrics["codes"].values():
            sections.append(table(found["rows"], DOCUMENT_COLUMNS))
            sections.append(f"<p>{html.escape(document_facts(metrics, found))}</p>")
        sections += [picture(f"{name}/{file}", text) for file, text in DOCUMENT_PICTURES.items()]
    if starts is not None:
        sections.append(f"<h2>{STARTS_TITLE}</h2>\n{table(starts['runs'], STARTS_COLUMNS)}")
        sections.append(picture("starts/starts.png", STARTS_TITLE))
    sections = "\n".join(sections)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(TITLE)}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }}
th, td {{ padding: .2rem .6rem; border-bottom: 1px solid #ccc; text-align: right }}
th:nth-child(-n+2), td:nth-child(-n+2) {{ text-align: left }}
img {{ max-width: 100% }}
</style></head><body>
<h1>{html.escape(TITLE)}</h1>
{table(rows_of(runs), COLUMNS)}
<p>{html.escape(NOTES)}</p>
{sections}
</body></html>
"""


def section(name, metrics):
    """One run as HTML."""
    items = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts(metrics))
    pictures = "\n".join(picture(f"{name}/{file}", text) for file, text in PICTURES.items())
    return f"<h2>{html.escape(name)}</h2>\n<ul>{items}</ul>\n{pictures}"


def table(rows, columns):
    """A table as HTML."""
    head = "".join(f"<th>{html.escape(title)}</th>" for title, _, _ in columns)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in tables.cells(row, columns))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def picture(path, text):
    """A picture with its caption as HTML."""
    return f'<figure><img src="{path}" alt="{text}"><figcaption>{text}</figcaption></figure>'
