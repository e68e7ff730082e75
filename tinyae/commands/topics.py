"""`tinyae topics`: codes of documents, how well they find documents of the same group, and what their numbers mean."""

from tinyae.commands.options import add_common, add_data_dir, add_resume, checkpoint_of, print_results

FILES = (
    "table.md", "retrieval.png", "map.png", "words.md", "words.csv", "neighbours.csv", "curve.csv", "history.csv",
    "model.npz", "metrics.json",
)  # fmt: skip
FILES_OF_A_MODEL = ("words.md", "words.csv", "neighbours.csv", "metrics.json")
MOST_QUERIES = 20
SHOWN_WITHOUT_QUERY = 5


def add(commands):
    """The options of `tinyae topics`."""
    topics = commands.add_parser(
        "topics",
        help="codes of documents by an RBM-pretrained autoencoder of word counts",
        description="Pretrain a deep autoencoder of word counts with RBMs, fine-tune it, and measure how often the "
        "documents nearest by its codes are of the same group, beside LSA, TF-IDF and an untrained net. Groups are "
        "used for nothing else. Writes the words each number of the code stands for, a map, and nearest documents.",
        epilog="example: tinyae topics --dataset corpus --code-size 3 --epochs 15 --out results/topics",
    )
    topics.add_argument(
        "--dataset", default="auto",
        help="newsgroups (20 Newsgroups by date), corpus (built in), or auto: newsgroups where it is on this machine, "
        "else corpus (default: %(default)s)",
    )  # fmt: skip
    add_data_dir(topics)
    topics.add_argument("--code-size", type=int, help="numbers in a code (default: 10)")
    topics.add_argument(
        "--words",
        type=int,
        metavar="N",
        help="the N commonest words of newsgroups, stop words left out (default: 2000)",
    )
    topics.add_argument(
        "--pretraining", type=int, metavar="EPOCHS",
        help="of each RBM; 0: none, and ReLUs instead of sigmoid units (default: 15)",
    )  # fmt: skip
    topics.add_argument("--epochs", type=int, help="of fine-tuning (default: 30)")
    topics.add_argument(
        "--query-row", action="append", type=int, default=[], metavar="N",
        help="documents like the N-th test document, from 0; several times (default: some test documents)",
    )  # fmt: skip
    topics.add_argument("--neighbours", type=int, default=10, metavar="K", help="how many to find (default: 10)")
    topics.add_argument(
        "--model", metavar="FILE", help="model.npz of an earlier run: nothing is trained and scored, only asked"
    )
    topics.add_argument(
        "--limit", type=int, metavar="N", help="only N training and N test documents, spread evenly, for quick runs"
    )
    add_resume(topics)
    add_common(topics, "topics")
    topics.set_defaults(run=run)


def run(arguments):
    """`tinyae topics`."""
    from tinyae.applications import topics as app
    from tinyae.files import writable_folder
    from tinyae.reporting import announce
    from tinyae.training.threads import thread_count

    check(arguments)
    given = app.load_topics(arguments.model) if arguments.model else None
    threads = thread_count(arguments.threads)
    data = load(arguments, given)
    queries = [place_of(data, number) for number in arguments.query_row] or some_documents(data, arguments.seed)
    folder = writable_folder(arguments.out, "topics")  # before minutes of work, not after
    announce(f"{data!r}, {threads} threads")
    scores = histories = None
    if given is None:
        model, histories = train(arguments, data, folder, threads)
        scores = score(arguments, data, model, threads)
    else:
        model = given
    from tinyae.commands import topics_report as report  # brings Matplotlib

    found = report.Findings(arguments, data, model, queries, threads, scores, histories)
    found.write(folder)
    print_results(arguments, found.metrics, found.describe, folder, FILES if scores else FILES_OF_A_MODEL)
    return 0


def check(arguments):
    """Refuse what cannot be done, before anything is done."""
    from tinyae.checks import UsageError, check_choice, check_int

    check_choice("topics", "dataset", arguments.dataset, ("auto", "newsgroups", "corpus"))
    check_int("topics", "neighbours", arguments.neighbours, 1)
    check_int("topics", "seed", arguments.seed, 0)
    for name, low in (("code_size", 1), ("words", 1), ("epochs", 1), ("limit", 2), ("pretraining", 0)):
        if getattr(arguments, name) is not None:
            check_int("topics", name.replace("_", "-"), getattr(arguments, name), low)
    if arguments.model:
        for name in ("code_size", "epochs", "pretraining", "words", "resume"):
            if getattr(arguments, name):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"topics: expected no {option} with --model, got one; the model is used as it is.")
    if len(arguments.query_row) > MOST_QUERIES:
        raise UsageError(f"topics: expected at most {MOST_QUERIES} queries at once, got {len(arguments.query_row)}.")


def load(arguments, model):
    """The Documents of --dataset, with the words of `model` where there is one."""
    import sys

    from tinyae import datasets
    from tinyae.checks import UsageError
    from tinyae.datasets import catalogue

    name = arguments.dataset
    if name == "auto":
        here = catalogue.locate(catalogue.find("20news").source, arguments.data_dir)
        name = "newsgroups" if here else "corpus"
        if not here:
            print("tinyae: 20 Newsgroups is not on this machine: using the built-in corpus", file=sys.stderr)
    if name == "corpus":
        if arguments.words:
            raise UsageError("topics: expected --words for newsgroups alone, got it for corpus, which has its own.")
        few = {} if arguments.limit is None else {"n_train": arguments.limit, "n_test": arguments.limit}
        data = datasets.load_corpus(seed=arguments.seed, **few)
    else:
        n_words = len(model.words) if model else arguments.words or 2000
        data = datasets.load_newsgroups(n_words, arguments.data_dir, limit=arguments.limit)
    if model is not None and model.words != data.words:
        raise UsageError(
            f"topics: expected documents with the {len(model.words):,} words of {arguments.model}, got {data.name} "
            f"with {len(data.words):,} others; give the --dataset and --seed it was trained on."
        )
    if min(len(data.x_train), len(data.x_test)) < 2:
        raise UsageError(f"topics: expected at least two documents of each part, got {data!r}.")
    if (arguments.code_size or 1) > len(data.words):
        raise UsageError(
            f"topics: expected a code-size of at most {len(data.words):,} words, got {arguments.code_size}."
        )
    return data


def place_of(data, number):
    """Where the test document of that number stands in `data.x_test`."""
    import numpy as np

    from tinyae.checks import UsageError

    (places,) = np.nonzero(data.rows_test == number)
    if not len(places):
        raise UsageError(
            f"topics: expected the number of a test document from {data.rows_test[0]} to {data.rows_test[-1]}, got "
            f"{number}, which is not there, was left out by --limit, or has none of the words."
        )
    return int(places[0])


def some_documents(data, seed):
    """Places of a few test documents, of different families where there are some."""
    import numpy as np

    from tinyae.reporting import some_of_each_class

    chosen, families = [], set()
    for place in np.random.default_rng(seed).permutation(some_of_each_class(data.y_test, 1, seed)):
        family = data.families[data.y_test[place]]
        if family not in families:
            families.add(family)
            chosen.append(int(place))
    return chosen[:SHOWN_WITHOUT_QUERY]


def train(arguments, data, folder, threads):
    """(TopicModel, histories)."""
    from tinyae.applications import topics as app
    from tinyae.applications.topics import training

    pretraining = training.PRETRAINING if arguments.pretraining is None else arguments.pretraining
    checkpoint = checkpoint_of(arguments, folder).of(
        dataset=data.name, limit=arguments.limit, words=len(data.words), pretraining=pretraining, seed=arguments.seed
    )
    return app.train(
        data.x_train, data.words, arguments.code_size or 10, pretraining=pretraining,
        epochs=arguments.epochs or training.EPOCHS, seed=arguments.seed, threads=threads, checkpoint=checkpoint,
    )  # fmt: skip


def score(arguments, data, model, threads):
    """The Scores of every method."""
    from tinyae.applications import topics as app
    from tinyae.applications.topics.training import untrained_net
    from tinyae.architectures import TOPIC_HIDDEN
    from tinyae.reporting import announce

    untrained = untrained_net(
        len(data.words), TOPIC_HIDDEN, model.code_size, arguments.pretraining is None or arguments.pretraining,
        arguments.seed,
    )  # fmt: skip
    return app.compare(model, untrained, data.x_train, data.x_test, data.y_test, threads=threads, say=announce)
