"""The results of `tinyae search`: numbers, tables, files, and what is printed."""

import csv
import io

FILES = ("neighbours.png", "neighbours.csv", "index.npz", "metrics.json")
FILES_OF_TRAINING = ("model.npz", "history.csv")
FILES_OF_SCORES = ("table.md", "precision.png")


def describe_run(arguments, gallery, model, index, history, threads):
    """What was run."""
    names = ("neighbours", "limit", "seed", "model")
    return {name: getattr(arguments, name) for name in names} | {
        "dataset": gallery.name,
        "n_images": len(gallery),
        "n_train": len(gallery.train),
        "n_test": len(gallery.test),
        "image_shape": list(gallery.image_shape),
        "class_names": list(gallery.class_names),
        "net": None if arguments.model else arguments.net or ("dense" if gallery.is_rows else "warped"),
        "code_size": model.code_size,
        "n_params": model.n_params,
        "distance": index.distance,
        "method": index.method,
        "power": None if arguments.index else arguments.power,
        "threads": threads,
        "epochs": len(history) if history else None,
        "train_loss": history["loss"][-1] if history else None,
        "seconds_train": round(sum(history["seconds"]), 2) if history else None,
    }


def precision_row(gallery, row):
    """A method's numbers, as plain JSON."""
    from tinyae.applications.retrieval.index import DISTANCES

    plain = {"method": row["method"], "size": row["size"]}
    for distance in DISTANCES:
        precision = row[distance]
        by_class = {gallery.class_names[c]: round(value, 4) for c, value in precision.by_class.items()}
        plain[distance] = {"overall": round(precision.overall, 4), "by_class": by_class}
    return plain


def verdict(rows, arguments):
    """Whether the codes that were searched beat all else, in a sentence."""
    from tinyae.applications import retrieval

    mine = rows[0][arguments.distance].overall
    best, distance = retrieval.best_baseline(rows)
    value = best[distance].overall
    word = "above" if mine > value else "equal to" if mine == value else "BELOW"
    return (
        f"{rows[0]['method']}, {arguments.distance}: precision@{arguments.neighbours} {mine:.4f}, {word} the best "
        f"of the others: {best['method']}, {distance}, {value:.4f}."
    )


def write_files(folder, arguments, gallery, model, history, index, answers, rows, metrics):
    """Write the files of a run; their names."""
    from tinyae import plots, storage
    from tinyae.plots import retrieval as pictures
    from tinyae.reporting import dataset_title, write_json, write_text

    if history:
        storage.save(model, folder / "model.npz", preprocessing=gallery.preparation)
        history.to_csv(folder / "history.csv")
    index.save(folder / "index.npz")
    write_text(folder / "neighbours.csv", neighbours_csv(answers))
    pictured = [
        {"query": a["x"][0], "name": a["name"], "label": a["label"], "images": a["images"], "distances": a["distances"],
         "labels": [n["label"] for n in a["neighbours"]] if gallery.labels is not None else None} for a in answers
    ]  # fmt: skip
    title = f"{dataset_title(gallery.name)}: the {arguments.neighbours} nearest of {len(gallery):,} {gallery.kind}"
    unit = f"above each: {index.distance} distance of the codes ({model.code_size:,} numbers)"
    plots.save(pictures.neighbour_rows(pictured, gallery.image_shape, title, unit), folder / "neighbours.png")
    if rows:
        write_text(folder / "table.md", table(rows, gallery, arguments))
        plots.save(precision_figure(rows, gallery, arguments), folder / "precision.png")
    write_json(folder / "metrics.json", metrics)
    training = FILES_OF_TRAINING if history else ()
    return (*FILES[:2], *(FILES_OF_SCORES if rows else ()), *training, *FILES[2:])


def neighbours_csv(answers):
    """What was found, a line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("query", "query_class", "rank", "distance", "name", "class"))
    for found in answers:
        for n in found["neighbours"]:
            writer.writerow((found["name"], found["label"], n["rank"], f"{n['distance']:.6g}", n["name"], n["label"]))
    return text.getvalue()


def columns(arguments):
    """Of the table of scores."""
    k = arguments.neighbours
    return [("codes", "method", "{}"), ("numbers", "size", "{:,}"), (f"precision@{k}, cosine", "cosine", "{:.4f}"),
            (f"precision@{k}, euclidean", "euclidean", "{:.4f}")]  # fmt: skip


def flat(rows):
    """The rows of the table of scores."""
    return [row | {distance: row[distance].overall for distance in ("cosine", "euclidean")} for row in rows]


def table(rows, gallery, arguments):
    """The scores as Markdown: over all queries, and class by class for the distance that was asked for."""
    from tinyae.tables import markdown

    d = arguments.distance
    by_class = [{"class": name, **{row["method"]: row[d].by_class.get(c) for row in rows}} for c, name in
                enumerate(gallery.class_names)]  # fmt: skip
    of_classes = [("class", "class", "{}"), *((row["method"], row["method"], "{:.4f}") for row in rows)]
    n = rows[0][d].queries
    k = arguments.neighbours
    parts = (
        f"Precision@{k}: share of the {k} nearest that are of the query's class, mean over {n:,} test "
        f"{gallery.kind}; the query itself is left out.",
        markdown(flat(rows), columns(arguments)),
        verdict(rows, arguments),
        f"Class by class, {d} distance:",
        markdown(by_class, of_classes),
    )
    return "\n\n".join(parts) + "\n"


def precision_figure(rows, gallery, arguments):
    """Precision class by class, by the distance that suits each method better, or that was asked for."""
    from tinyae.plots import retrieval as pictures
    from tinyae.reporting import dataset_title

    series = []
    for number, row in enumerate(rows):
        better = max(("cosine", "euclidean"), key=lambda distance: row[distance].overall)
        distance = better if number else arguments.distance
        series.append((f"{row['method']}, {distance}", row[distance].overall, row[distance].by_class))
    names = {c: gallery.class_names[c] for c in series[0][2]}
    title = f"{dataset_title(gallery.name)}: {rows[0][arguments.distance].queries:,} test {gallery.kind} ask"
    return pictures.precision_by_class(series, names, arguments.neighbours, title)


def describe(m, arguments, rows):
    """The metrics for a reader."""
    from tinyae.tables import plain

    lines = []
    asked = bool(arguments.query or arguments.query_row)
    for query in m["queries"]:
        title = named(query)
        if asked:
            lines += [f"{title}, nearest by {m['distance']} distance:"]
            lines += [f"  {n['rank']:>3}  {n['distance']:.4f}  {named(n)}" for n in query["neighbours"]]
        else:
            lines += [f"{title}: {', '.join(n['label'] or n['name'] for n in query['neighbours'])}"]
    if rows:
        kind = "rows" if m["image_shape"][0] == m["image_shape"][2] == 1 else "images"
        n = f"{rows[0][arguments.distance].queries:,} test {kind} ask, among {m['n_images']:,}"
        lines += ["", f"{m['dataset']}, {n}:", plain(flat(rows), columns(arguments)), m["verdict"]]
    elif not arguments.index:
        lines += ["no classes in the data: nothing to judge the answers by"]
    trained = "" if m["epochs"] is None else f"trained {m['epochs']} epochs in {m['seconds_train']:.0f} s, "
    return "\n".join([*lines, f"{trained}peak memory {m['peak_rss_mb']:.0f} MB"])


def named(thing):
    """'test 5 (cat)'."""
    return thing["name"] + (f" ({thing['label']})" if thing["label"] else "")
