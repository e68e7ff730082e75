"""The files of the experiment on documents: retrieval curves, a map, tables, models, the metrics."""

from tinyae import plots, tables
from tinyae.experiments.hinton2006.documents import CODE_SIZES, COLUMNS
from tinyae.experiments.hinton2006.finished import recipe_in_words
from tinyae.plots.topics import retrieval_curves, topic_map
from tinyae.reporting import dataset_title, write_json, write_text
from tinyae.training.history import rows_as_csv

LARGE, SMALL = CODE_SIZES
MAPPED = ("autoencoder", f"LSA-{SMALL}, centred")
FILES = ("retrieval.png", "map.png", *(f"curve-{k}.csv" for k in CODE_SIZES),
         *(f"model-{k}.npz" for k in CODE_SIZES), "table.md", "metrics.json")  # fmt: skip


def write_report(found, folder):
    """Write FILES into an existing folder, each atomically; the metrics last."""
    plots.save(retrieval_figure(found), folder / "retrieval.png")
    plots.save(map_figure(found), folder / "map.png")
    for k, net in found.nets.items():
        write_text(folder / f"curve-{k}.csv", curves_as_csv(net.scores))
        net.model.save(folder / f"model-{k}.npz")
    write_text(folder / "table.md", as_markdown(found.metrics))
    write_json(folder / "metrics.json", found.metrics)


def retrieval_figure(found):
    """Figure 4A of the paper: precision against documents retrieved."""
    series = [(scores.method, scores.curve) for scores in found.nets[LARGE].scores]
    return retrieval_curves(series, f"{dataset_title(found.data.name)}: codes of {LARGE} numbers")


def map_figure(found):
    """Figures 4B and 4C: test documents in the plane, by the net and by LSA."""
    data, net = found.data, found.nets[SMALL]
    panels = [(scores.method, scores.codes) for scores in net.scores if scores.method in MAPPED]
    title = f"{dataset_title(data.name)}: {len(data.x_test):,} test documents"
    return topic_map(panels, data.y_test, data.class_names, data.families, title)


def curves_as_csv(scores):
    """The precision of every method at every number retrieved."""
    return rows_as_csv(
        [
            {"retrieved": n} | {s.method: round(float(s.curve[n - 1]), 6) for s in scores}
            for n in range(1, len(scores[0].curve) + 1)
        ]
    )


def as_markdown(metrics):
    """The tables for both code sizes."""
    parts = [
        f"{dataset_title(metrics['dataset'])}: share of documents of the query's group among the first 1, 3, 7, ... "
        f"retrieved; each of {metrics['n_test']:,} test documents asks among all others."
    ]
    for found in metrics["codes"].values():
        parts += [f"Net {'-'.join(map(str, found['layer_sizes']))}", tables.markdown(found["rows"], COLUMNS)]
        parts.append(found["verdict"])
    return "\n\n".join(parts) + "\n"


def describe(metrics):
    """The metrics for a reader."""
    lines = [
        f"documents, recipe {recipe_in_words(metrics)}: {metrics['dataset']}, "
        f"{metrics['n_test']:,} test documents, same group among the first n retrieved:"
    ]
    for found in metrics["codes"].values():
        seconds = found["seconds_pretrain"] + found["seconds_finetune"]
        lines += ["-".join(map(str, found["layer_sizes"])), tables.plain(found["rows"], COLUMNS), found["verdict"]]
        lines.append(f"trained in {seconds:.0f} s")
    return "\n".join([*lines, f"peak memory {metrics['peak_rss_mb']:.0f} MB"])
