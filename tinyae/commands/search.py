"""`tinyae search`: images like a given one, and how good the answers are."""

from tinyae.commands import search_report
from tinyae.commands.options import (
    add_common,
    add_data_dir,
    add_resume,
    checkpoint_of,
    print_results,
)
from tinyae.commands.reading import add_reading, reading

MOST_QUERIES = 20  # in one picture
SHOWN_WITHOUT_QUERY = 10
OF_AN_INDEX = {"distance": "cosine", "power": 0.25, "method": "exact"}
OF_QUERIES = ("header", "delimiter", "decimal", "image_size")  # how a query is read where it differs from the data


def add(commands):
    """The options of `tinyae search`."""
    search = commands.add_parser(
        "search",
        help="find images like a given one by the codes of an autoencoder",
        description="Train an autoencoder on images (or take one that is trained), index the codes of all of them, and "
        "find the nearest to a query. Where classes are known, the share of neighbours of the query's own class is "
        "measured beside PCA, pixels and an untrained net; no class is used for anything else.",
        epilog="example: tinyae search --dataset digits --limit 2000 --epochs 2 --query-row 3 --out results/search",
    )
    search.add_argument(
        "--dataset", default="auto",
        help="mnist, fashion-mnist, quickdraw10, cifar10, digits (built in), auto (mnist, or digits without it), or a "
        "file or folder of your own (default: %(default)s)",
    )  # fmt: skip
    add_data_dir(search)
    search.add_argument(
        "--query", action="append", default=[], metavar="FILE",
        help="a picture, or a file with some, to find the like of: light on dark where the data are; several times",
    )  # fmt: skip
    search.add_argument(
        "--query-row", action="append", type=int, default=[], metavar="N",
        help="ask with the N-th test image of the data set, or the N-th of your own file, from 0; several times "
        "(default without any query: some test images)",
    )  # fmt: skip
    search.add_argument("--neighbours", type=int, default=10, metavar="K", help="how many to find (default: 10)")
    search.add_argument(
        "--model", metavar="FILE", help="a trained net of tinyae search or tinyae train, to use as it is"
    )
    search.add_argument(
        "--index", metavar="FILE", help="index.npz of an earlier run on the same data with --model; takes seconds"
    )
    search.add_argument(
        "--net",
        help="warped or plain: convolutions and a dense code, trained on turned and stretched images or on images as "
        "they are; conv: convolutions alone; dense: for tables (default: warped, for tables dense)",
    )
    search.add_argument("--code-size", type=int, help="numbers in a code (default: 128, at most half the pixels)")
    search.add_argument("--epochs", type=int, help="default: 10, of fewer than 6,300 images more, up to 200")
    search.add_argument("--distance", help="cosine or euclidean (default: cosine)")
    search.add_argument(
        "--power", type=float,
        help="axes of the code are divided by this power of their variance: 0 for none, 0.5 makes all equal "
        "(default: 0.25)",
    )  # fmt: skip
    search.add_argument(
        "--method",
        help="exact, or scikit-learn's brute, ball_tree or kd_tree, with the same answers (default: exact)",
    )
    search.add_argument(
        "--limit", type=int, metavar="N", help="only the first N training and N test images, for quick runs"
    )
    add_resume(search)
    add_common(search, "search")
    add_reading(search)
    search.set_defaults(run=run)


def run(arguments):
    """`tinyae search`."""
    from tinyae import storage
    from tinyae.applications import retrieval
    from tinyae.files import writable_folder
    from tinyae.reporting import announce, peak_memory_mb, versions
    from tinyae.training.threads import thread_count

    check(arguments)
    threads = thread_count(arguments.threads)
    given = storage.load(arguments.model) if arguments.model else None
    gallery = load_gallery(arguments, given)
    queries = read_queries(arguments, gallery)
    net = None if given else make_net(arguments, gallery)
    folder = writable_folder(arguments.out, "search")  # before minutes of work, not after
    announce(f"{gallery.name}: {len(gallery):,} {gallery.kind}, {threads} threads")

    model, history, untrained = (given, None, None) if given else train(arguments, gallery, net, folder, threads)
    index = load_index(arguments, gallery, model) if arguments.index else make_index(arguments, gallery, model, threads)
    answers = [answer(gallery, index, model, query, arguments.neighbours, threads) for query in queries]
    rows = None
    if gallery.labels is not None and len(gallery.class_names) > 1 and not arguments.index:
        rows = retrieval.compare(
            model, gallery.x, gallery.labels, gallery.train, gallery.test, untrained=untrained,
            k=arguments.neighbours, power=arguments.power, threads=threads, say=announce,
            plain="columns as they are" if gallery.is_rows else "pixels as they are",
        )  # fmt: skip
    metrics = search_report.describe_run(arguments, gallery, model, index, history, threads) | {
        "precision": rows and [search_report.precision_row(gallery, row) for row in rows],
        "verdict": rows and search_report.verdict(rows, arguments),
        "queries": [{name: a[name] for name in ("name", "label", "neighbours")} for a in answers],
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "versions": versions(),
    }
    files = search_report.write_files(folder, arguments, gallery, model, history, index, answers, rows, metrics)
    print_results(arguments, metrics, lambda m: search_report.describe(m, arguments, rows), folder, files)
    return 0


# -- before the work ---------------------------------------------------------------------------


def check(arguments):
    """Refuse what cannot be done, before anything is done; settings of the index get their defaults."""
    from tinyae import datasets
    from tinyae.applications.retrieval.index import DISTANCES, METHODS
    from tinyae.checks import UsageError, check_choice, check_float, check_int

    for option, default in OF_AN_INDEX.items():
        if arguments.index and getattr(arguments, option) is not None:
            raise UsageError(f"search: expected no --{option} with --index, got one; the index has its own.")
        if getattr(arguments, option) is None:
            setattr(arguments, option, default)
    datasets.check_name("search", "dataset", arguments.dataset)
    check_choice("search", "distance", arguments.distance, DISTANCES)
    check_choice("search", "method", arguments.method, METHODS)
    check_float("search", "power", arguments.power, 0.0, 0.5)
    check_int("search", "neighbours", arguments.neighbours, 1)
    check_int("search", "seed", arguments.seed, 0)
    for name in ("epochs", "code_size", "limit"):
        if getattr(arguments, name) is not None:
            check_int("search", name, getattr(arguments, name), 1)
    if arguments.model:
        for name in ("net", "code_size", "epochs", "resume"):
            if getattr(arguments, name):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"search: expected no {option} with --model, got one; the model is used as it is.")
    elif arguments.index:
        raise UsageError("search: expected --model with --index, got none; give the model.npz written beside it.")


def load_gallery(arguments, model):
    """The Gallery of --dataset, prepared as the model's data were where there is one."""
    from tinyae import datasets
    from tinyae.applications import retrieval
    from tinyae.checks import UsageError
    from tinyae.samples import Preparation

    options = reading(arguments)
    if datasets.is_path(arguments.dataset):
        preparation = Preparation.of(model, "search") if model is not None and model.preprocessing else None
        gallery = retrieval.gallery_of_file(arguments.dataset, arguments.seed, arguments.limit, preparation, **options)
    else:
        useless = ", ".join(f"--{name.replace('_', '-')}" for name in options if name not in OF_QUERIES)
        if useless:
            raise UsageError(
                f"search: expected {useless} for a file of your own alone, got it for {arguments.dataset}."
            )
        data = datasets.load(arguments.dataset, arguments.data_dir, arguments.seed, arguments.limit)
        gallery = retrieval.gallery_of(data, arguments.limit)
    if model is not None:
        retrieval.check_takes(model, gallery.x.shape[1], gallery.image_shape)
    if arguments.neighbours >= len(gallery):
        raise UsageError(
            f"search: expected fewer neighbours than the {len(gallery):,} {gallery.kind} of {gallery.name}, got "
            f"{arguments.neighbours}."
        )
    return gallery


def read_queries(arguments, gallery):
    """A dict for each query: its `x` (1, D), its `name`, its `label`, and its `row` where it is in the gallery."""
    from tinyae.checks import UsageError
    from tinyae.reporting import some_of_each_class

    queries = []
    for number in arguments.query_row:
        queries.append(query_of_row(gallery, gallery.row_of(number)))
    options = {name: value for name, value in reading(arguments).items() if name in OF_QUERIES}
    for path in arguments.query:
        samples = gallery.preparation.read(path, who="search", **options)
        if len(samples) > MOST_QUERIES:
            raise UsageError(f"search: {path}: expected at most {MOST_QUERIES} queries, got {len(samples)}.")
        x = gallery.preparation.apply(samples, (gallery.x.shape[1],), "search")
        for i in range(len(samples)):
            name = samples.files[i] if samples.files else samples.path.name
            name = name if samples.files or len(samples) == 1 else f"{name}, {samples.place(i)}"
            queries.append({"x": x[i : i + 1], "name": name, "label": None, "row": None})
    if len(queries) > MOST_QUERIES:
        raise UsageError(f"search: expected at most {MOST_QUERIES} queries at once, got {len(queries)}.")
    if queries:
        return queries
    labels = gallery.test * 0 if gallery.labels is None else gallery.labels[gallery.test]
    some = some_of_each_class(labels, max(1, SHOWN_WITHOUT_QUERY // len(set(labels.tolist()))), arguments.seed)
    return [query_of_row(gallery, int(gallery.test[i])) for i in some[:SHOWN_WITHOUT_QUERY]]


def query_of_row(gallery, row):
    """The query that an image of the gallery is."""
    return {"x": gallery.x[row : row + 1], "name": gallery.names[row], "label": gallery.label_of(row), "row": row}


def make_net(arguments, gallery):
    """The net to train, untrained."""
    from tinyae.applications import retrieval

    kind = arguments.net or ("dense" if gallery.is_rows else "warped")
    return retrieval.net_for(kind, gallery.image_shape, arguments.code_size, arguments.seed)


# -- the work ----------------------------------------------------------------------------------


def train(arguments, gallery, model, folder, threads):
    """(trained model, history, the same net untrained)."""
    from tinyae.applications.retrieval import codes
    from tinyae.optimizers import Nadam
    from tinyae.samples.lazy import some_rows
    from tinyae.schedules import Cosine

    untrained = model.astype(model.theta.dtype)
    x = some_rows(gallery.x, gallery.train).reshape(-1, *model.input_shape)
    checkpoint = checkpoint_of(arguments, folder).of(dataset=gallery.name, limit=arguments.limit, seed=arguments.seed)
    history = model.fit(
        x, epochs=arguments.epochs or codes.epochs_for(len(x)), batch_size=codes.BATCH_SIZE,
        optimizer=Nadam(Cosine(codes.RATE, warmup=codes.WARMUP)), threads=threads, seed=arguments.seed,
        progress="training", checkpoint=checkpoint,
    )  # fmt: skip
    return model, history, untrained


def make_index(arguments, gallery, model, threads):
    """The index of all images; whitening is learned from those the net learned from."""
    from tinyae.applications import retrieval

    codes = retrieval.codes_of(model, gallery.x, threads)
    whitening = retrieval.PowerWhitening(codes[gallery.train], arguments.power) if arguments.power else None
    return retrieval.Index(
        codes, gallery.labels, distance=arguments.distance, whitening=whitening, method=arguments.method,
        class_names=gallery.class_names, names=gallery.names, model=model,
    )  # fmt: skip


def load_index(arguments, gallery, model):
    """The index in --index; UsageError where it is not of this model and these images."""
    from tinyae.applications import retrieval
    from tinyae.checks import UsageError

    index = retrieval.Index.load(arguments.index, model)
    some = sorted({0, len(gallery) // 2, len(gallery) - 1})
    if index.names != gallery.names or not index.holds(retrieval.codes_of(model, gallery.x[some]), some):
        raise UsageError(
            f"search: expected an index of the {len(gallery):,} {gallery.kind} of {gallery.name}, got "
            f"{arguments.index}, made of others; leave out --index, or give the same --dataset, --limit and --seed."
        )
    return index


def answer(gallery, index, model, query, k, threads):
    """A query with what was found: names, classes, distances, images."""
    from tinyae.applications import retrieval

    own = None if query["row"] is None else [query["row"]]
    rows, distances = index.neighbours(retrieval.codes_of(model, query["x"], threads), k, exclude=own, threads=threads)
    rows, distances = rows[0], distances[0]
    found = [
        {"rank": rank, "name": gallery.names[row], "label": gallery.label_of(row), "distance": float(distance)}
        for rank, (row, distance) in enumerate(zip(rows, distances, strict=True), 1)
    ]
    return query | {"neighbours": found, "images": gallery.x[rows], "distances": distances}
