"""Documents: nets with codes of ten and of two numbers, and how often what they find is of the query's group.

The paper took 804,414 newswire stories of Reuters, half of them for training; here it is 20 Newsgroups, divided by
date, whose groups stand in for the stories' topics. As there, 2000 words, layers of 500, 250 and 125 units, and each
test document asks for others by the cosine of the ten-number codes (figure 4A); the two-number codes make a map (4B,
4C).

The modern recipe is that of `tinyae.applications.topics`. Its settings stand in `documents_runs.csv` beside this file
among others, a row a run: trained on four fifths of each group's training posts, validated by retrieval among the rest.
Half of the words missing, 15 epochs for each RBM and documents of length 8 are best there; of twice as many epochs of
fine-tuning there is a little more to be had.

The paper's is this: CD-1 on batches of 100 in one order for ever, 50 epochs for each RBM, then 50 epochs of conjugate
gradients on batches of 1000, three line searches each, on the cross-entropy of the words' shares. Where it departs from
them, beside what `recipe_paper` lists:

======================  ============================  =================================================================
what                    theirs                        here
======================  ============================  =================================================================
data                    804,414 stories of Reuters    18,792 posts of 20 Newsgroups, divided by date
words                   the 2000 commonest stems      2000 words
a document, going in    its words' shares             log(1 + count), weighted by how few documents have the word, and
                                                      brought to the length 8 (`TermWeights`): however long it is, it
                                                      counts the same
what is asked for       the same                      the words' shares, without weights
first RBM               softmax visible units         `ReplicatedSoftmax`, of 2009: hidden biases count for every word
its rate                0.1                           0.02: at 0.1 the hidden units fall silent
its weights at first    0.1 N(0, 1)                   0.01 N(0, 1)
its visible biases      0                             the logarithm of every word's share
======================  ============================  =================================================================
"""

from dataclasses import asdict, dataclass

import numpy as np

from tinyae import datasets
from tinyae.applications import topics
from tinyae.applications.topics.comparison import verdict
from tinyae.applications.topics.training import BATCH, EPOCHS, MASKED, PRETRAINING, RATE, SCALE, untrained_net
from tinyae.architectures import TOPIC_HIDDEN
from tinyae.datasets import catalogue
from tinyae.experiments.hinton2006.run import machine
from tinyae.experiments.hinton2006.settings import check_common
from tinyae.optimizers import ConjugateGradient
from tinyae.rbm import fit_stack, unroll
from tinyae.reporting import announce, peak_memory_mb, versions
from tinyae.training.history import seconds_of
from tinyae.training.threads import thread_count

EXPERIMENT = "documents"
DATASETS = ("auto", "newsgroups", "corpus")
CODE_SIZES = (10, 2)
N_WORDS = 2000
HIDDEN = TOPIC_HIDDEN
COLUMNS = (
    ("codes", "method", "{}"),
    ("numbers", "size", "{:,}"),
    *((f"{n:,}", f"at_{n}", "{:.1%}") for n in topics.POINTS),
)


@dataclass(frozen=True)
class DocumentSettings:
    """What to run; the same settings on the same machine give the same bits.

    Parameters
    ----------
    recipe : {"short", "modern", "paper"}
        "short" is "modern", which takes minutes.
    quick : bool
        Few documents and epochs, to see that all works.
    dataset : str, optional
        One of DATASETS. "auto", as without it: 20 Newsgroups where it is on this machine, else the built-in corpus.
    data_dir : path, optional
    seed : int
    threads : int, optional
    """

    recipe: str = "short"
    quick: bool = False
    dataset: str | None = None
    data_dir: str | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self):
        check_common(self, DATASETS)

    def load(self):
        """The Documents."""
        name = self.dataset or "auto"
        if name == "auto":
            here = catalogue.locate(catalogue.find("20news").source, self.data_dir)
            name = "newsgroups" if here else "corpus"
        limit = budget(self).n_documents
        if name == "newsgroups":
            return datasets.load_newsgroups(N_WORDS, self.data_dir, limit=limit)
        return datasets.load_corpus(seed=self.seed, **({"n_train": limit, "n_test": limit} if limit else {}))


@dataclass(frozen=True)
class Budget:
    """How much of everything: documents of each part (None: all), epochs of each RBM, epochs of fine-tuning."""

    n_documents: int | None
    pretrain_epochs: int
    finetune_epochs: int


BUDGETS = {"paper": Budget(None, 50, 50), "modern": Budget(None, PRETRAINING, EPOCHS)}
BUDGETS["short"] = BUDGETS["modern"]
QUICK = Budget(300, 4, 6)
RBM_BATCH, CG_BATCH, SEARCHES = 100, 1000, 3  # of the paper


def budget(settings):
    """The Budget of a recipe."""
    return QUICK if settings.quick else BUDGETS[settings.recipe]


@dataclass(frozen=True)
class Net:
    """A net, how it was trained, and how it retrieves.

    Attributes
    ----------
    model : TopicModel
    histories : dict
        "pretraining": a History for each RBM; "fine-tuning": History.
    scores : list of Scores
        The net's, then those of its rivals.
    """

    model: topics.TopicModel
    histories: dict
    scores: list


@dataclass(frozen=True)
class Retrieval:
    """What `run` found: a Net for every code size."""

    data: datasets.Documents
    nets: dict
    metrics: dict


def run(settings, progress=True, folder=None):
    """Train and compare a net for every code size. Returns a Retrieval; writes no file but what it keeps in `folder`.

    Parameters
    ----------
    settings : DocumentSettings
    progress : bool
    folder : path, optional
        Every epoch is kept there; a run with the same settings goes on where it stopped, and ends with the same bits.
    """
    data, threads, nets = settings.load(), thread_count(settings.threads), {}
    if progress:
        announce(f"{data!r}, {threads} threads")
    train = train_paper if settings.recipe == "paper" else train_modern
    for k in CODE_SIZES:
        own = None if folder is None else folder / f"code-{k}"
        model, histories = train(data, k, budget(settings), settings.seed, threads, progress, own)
        untrained = untrained_net(len(data.words), HIDDEN, k, 1, settings.seed)
        scores = topics.compare(model, untrained, data.x_train, data.x_test, data.y_test, threads=threads)
        nets[k] = Net(model, histories, scores)
    return Retrieval(data, nets, metrics_of(settings, data, nets, threads))


def train_modern(data, k, epochs, seed, threads, progress, folder):
    """(TopicModel, histories) by `tinyae.applications.topics`."""
    return topics.train(
        data.x_train, data.words, k, hidden=HIDDEN, pretraining=epochs.pretrain_epochs, epochs=epochs.finetune_epochs,
        seed=seed, threads=threads, progress=progress, checkpoint=folder,
    )  # fmt: skip


def train_paper(data, k, epochs, seed, threads, progress, folder):
    """(TopicModel, histories) by the paper's recipe."""
    counts = data.x_train[np.random.default_rng(seed).permutation(len(data.x_train))]
    weights = topics.TermWeights.of(counts, SCALE)
    x, order = weights(counts), {"shuffle": False, "threads": threads}
    rbms, pretraining = fit_stack(
        x, (*HIDDEN, k), visible="softmax", epochs=epochs.pretrain_epochs, batch_size=RBM_BATCH, stale=True,
        seed=seed,
        progress=progress, checkpoint=folder and folder / "pretraining", **order,
    )  # fmt: skip
    net = unroll(rbms)
    finetuning = net.fit(
        x, topics.shares(counts), epochs=epochs.finetune_epochs, batch_size=CG_BATCH, seed=seed,
        optimizer=ConjugateGradient(searches=SEARCHES), progress=progress and "fine-tuning",
        checkpoint=folder and folder / "finetuning", **order,
    )  # fmt: skip
    model = topics.TopicModel(net, weights, data.words)
    return model, {"pretraining": pretraining, "fine-tuning": finetuning}


def plan(settings):
    """What a run by these settings does, as its metrics tell it."""
    how = (
        {"pretrain_batch": RBM_BATCH, "finetune_batch": CG_BATCH, "searches": SEARCHES}
        if settings.recipe == "paper"
        else {"largest_batch": BATCH, "lr": RATE, "masked_words": MASKED}
    )
    return asdict(budget(settings)) | how | {"document_length": SCALE}


def metrics_of(settings, data, nets, threads):
    """What was run and what came of it."""
    found = {}
    for k, net in nets.items():
        pretraining = seconds_of(net.histories["pretraining"])
        found[str(k)] = {
            "layer_sizes": [len(data.words), *HIDDEN, k],
            "rows": [scores.row() for scores in net.scores],
            "verdict": verdict(net.scores),
            "nats_per_word": {k: round(v, 4) for k, v in net.model.cross_entropy(data.x_test, threads).items()},
            "seconds_pretrain": round(pretraining, 2),
            "seconds_finetune": round(sum(net.histories["fine-tuning"]["seconds"]), 2),
        }
    return {
        "experiment": EXPERIMENT, "recipe": settings.recipe, "quick": settings.quick, "dataset": data.name,
        "n_train": len(data.x_train), "n_test": len(data.x_test), "n_words": len(data.words), "seed": settings.seed,
        "threads": threads, "training": plan(settings), "codes": found,
        "peak_rss_mb": round(peak_memory_mb(), 1), "machine": machine(), "versions": versions(),
    }  # fmt: skip
