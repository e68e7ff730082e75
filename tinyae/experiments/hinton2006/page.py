"""One page on all runs in a folder: the paper's figures beside ours, pictures, settings, times, machine, versions.

Every run lies in a folder of its own, `<experiment>-<recipe>`, and is known by its metrics.json; the comparison of
starts in `starts`. The page is made of what is there, so it can be written again after every run.
"""

import html

from tinyae import tables
from tinyae.experiments.hinton2006.components import other_components
from tinyae.experiments.hinton2006.documents import COLUMNS as DOCUMENT_COLUMNS
from tinyae.experiments.hinton2006.finished import finished_runs, metrics_in, recipe_in_words
from tinyae.experiments.hinton2006.problems import EXPERIMENTS
from tinyae.experiments.hinton2006.run import training_seconds
from tinyae.experiments.hinton2006.starts import COLUMNS as STARTS_COLUMNS
from tinyae.reporting import dataset_title, write_text

FILES = ("index.html", "results.md")
UNUSED = (None, 0, False, {})  # values of settings that say that something is not done
TITLE = "Hinton & Salakhutdinov (2006), again"
MAPS_TITLE = "Two-dimensional codes by PCA and by every recipe"
STARTS_TITLE = "With and without pretraining"
DOCUMENT_PICTURES = {"retrieval.png": "Documents of the query's group among those retrieved", "map.png": "Documents"}
DOCUMENT_NOTE = (
    "Each test document asks for the others by the cosine of their codes, by the distance where these are two numbers: "
    "the table gives the share of its own group among the first 1, 3, 7, ... retrieved, mean over the test documents."
)
FIGURE = {True: "Codes of the test images", False: "Principal components: what moving the code along them draws"}
PICTURES = {
    "reconstructions.png": "Test images and their reconstructions",
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
training codes vote for their class. Logistic PCA: fitted to the first 10,000 training images, codes and components
together until the loss hardly falls; the paper does not say how it fitted its own, and its figures are higher. Minutes:
of training, by the clock, with whatever else the machine did meanwhile. Seconds an epoch: of fine-tuning, the median.
Products: share of the time of fine-tuning that its matrix products would take at the speed of large products alone,
measured in the same run, the median of its epochs. MB: the most memory the process held at once. Of a run that was
stopped and resumed, minutes are the sum of its epochs, without the measurements between them, and MB those of the last
process."""


def write_page(folder):
    """Write FILES on the runs below `folder`, each atomically."""
    runs, documents = finished_runs(folder), finished_runs(folder, ["documents"])
    starts = metrics_in(folder / "starts")
    maps = [f"{name}.png" for name in EXPERIMENTS if (folder / f"{name}.png").is_file()]
    write_text(folder / "results.md", as_markdown(runs, starts, maps, documents))
    write_text(folder / "index.html", as_html(runs, starts, maps, documents))


def rows_of(runs):
    """The rows of the table."""
    rows = []
    for _, metrics in runs:
        more = {
            "published": metrics["published"].get("autoencoder"),
            "published_pca": metrics["published"].get("pca"),
            "published_logistic_pca": metrics["published"].get("logistic_pca"),
            "minutes": training_seconds(metrics) / 60,
            "recipe": recipe_in_words(metrics),
            "experiment": experiment_in_words(metrics),
        }
        rows.append(metrics | more)
    return rows


def experiment_in_words(metrics):
    """'mnist-30', or 'mnist-30 (built-in digits (not MNIST))' where other data served."""
    name, data = metrics["experiment"], metrics["dataset"]
    return name if data in EXPERIMENTS[name].datasets[:2] else f"{name} ({dataset_title(data)})"


def facts(metrics):
    """What one run was, in lines."""
    size = metrics["layer_sizes"][-1]
    more = [
        f"{kind.title}: {metrics[kind.key]:.2f} (the paper {metrics['published'][kind.name]:.2f})."
        for kind in other_components(metrics["published"], size)
        if kind.k != size and kind.key in metrics
    ]
    on_the_way = metrics.get("test_squared_error_after", {})
    if on_the_way:
        told = ", ".join(f"{error:.2f} after {epochs}" for epochs, error in on_the_way.items())
        more.append(f"Squared error of the test images on the way, by epochs of fine-tuning: {told}.")
    return [
        f"Net {'-'.join(map(str, metrics['layer_sizes']))}, {metrics['n_params']:,} parameters; "
        f"{metrics['n_train']:,} training and {metrics['n_test']:,} test images.",
        *settings_and_machine(metrics),
        f"Pretraining {metrics['seconds_pretrain']:.0f} s, fine-tuning {metrics['seconds_finetune']:.0f} s.",
        *more,
    ]


def settings_and_machine(metrics):
    """How a run was made and on what, in lines."""
    settings = pairs({name: value for name, value in metrics["training"].items() if value not in UNUSED})
    quick = "; a quick run, to see that all works" if metrics["quick"] else ""
    return [
        f"Settings: {settings}; seed {metrics['seed']}, {metrics['threads']} threads{quick}.",
        f"Machine: {pairs(metrics['machine'] | metrics['versions'])}; {metrics['peak_rss_mb']:.0f} MB of memory.",
    ]


def pairs(values):
    """A dict in words: 'lr 0.002, warp (turn 0.1, zoom 0.08)'."""
    told = {name: f"({pairs(value)})" if isinstance(value, dict) else value for name, value in values.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def as_markdown(runs, starts=None, maps=(), documents=()):
    """The page as Markdown; `maps` are pictures of several runs."""
    parts = [f"# {TITLE}", tables.markdown(rows_of(runs), COLUMNS), NOTES]
    parts += [f"![{MAPS_TITLE}]({path})" for path in maps]
    for heading, content, told, pictures in sections_of(runs, starts, documents):
        parts += [f"## {heading}", *(tables.markdown(*rows) for rows in content)]
        parts += ["\n".join(f"- {fact}" for fact in told)]
        parts += [f"![{text}]({path})" for path, text in pictures]
    return "\n\n".join(parts) + "\n"


def sections_of(runs, starts, documents):
    """[(heading, tables, facts, pictures)] of the runs: what there is to say of each.

    tables : list of (rows, columns). pictures : list of (path, caption).
    """
    found = [
        (name, [], facts(metrics), [(f"{name}/{file}", text) for file, text in pictures_of(metrics).items()])
        for name, metrics in runs
    ]
    for name, metrics in documents:
        nets = metrics["codes"].values()
        told = [DOCUMENT_NOTE, *(document_facts(metrics, net) for net in nets), *settings_and_machine(metrics)]
        pictures = [(f"{name}/{file}", text) for file, text in DOCUMENT_PICTURES.items()]
        heading = f"{name}: {dataset_title(metrics['dataset'])}"
        found.append((heading, [(net["rows"], DOCUMENT_COLUMNS) for net in nets], told, pictures))
    if starts is not None:
        net = (
            f"Net {'-'.join(map(str, starts['layer_sizes']))}, squared error per image, {starts['n_test']:,} test "
            "images; seconds of training, pretraining included."
        )
        told = [net, *settings_and_machine(starts)]
        heading = f"{STARTS_TITLE}: {dataset_title(starts['dataset'])}"
        found.append((heading, [(starts["runs"], STARTS_COLUMNS)], told, [("starts/starts.png", STARTS_TITLE)]))
    return found


def pictures_of(metrics):
    """{file: caption} of one run."""
    return {"figure.png": FIGURE["knn5_accuracy" in metrics]} | PICTURES


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
    sections += [section(*parts) for parts in sections_of(runs, starts, documents)]
    sections = "\n".join(sections)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(TITLE)}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }}
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


def section(heading, content, told, pictures):
    """One of `sections_of` as HTML."""
    items = "".join(f"<li>{html.escape(fact)}</li>" for fact in told)
    parts = [f"<h2>{html.escape(heading)}</h2>", *(table(*rows) for rows in content), f"<ul>{items}</ul>"]
    return "\n".join(parts + [picture(path, text) for path, text in pictures])


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
