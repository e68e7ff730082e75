"""`tinyae hinton2006`: the experiments of Hinton & Salakhutdinov (2006)."""

import itertools
import shutil
import sys
from importlib import import_module

from tinyae.checks import UsageError, check_choice
from tinyae.commands.apart import in_own_process
from tinyae.commands.options import add_common, print_results

DOCUMENTS, STARTS, ALL = "documents", "starts", "all"
OF_THE_DATA = ("n_train", "n_validation", "loss")  # of the settings of a training: what the data or the net decide


def add(commands):
    """The options of `tinyae hinton2006`."""
    hinton = commands.add_parser(
        "hinton2006",
        help="reproduce the experiments of Hinton & Salakhutdinov (2006)",
        description="Pretrain a stack of RBMs, unroll it into a deep autoencoder, fine-tune it, and compare its codes "
        "of the test images with PCA's.",
        epilog="example: tinyae hinton2006 --dataset digits --quick --out results/quick",
    )
    hinton.add_argument(
        "--experiment", default="mnist-2d",
        help="mnist-2d, mnist-30, curves, faces, documents; starts: with and without pretraining, whatever the recipe; "
        "all: these, a folder each, and a page on them (default: %(default)s)",
    )  # fmt: skip
    hinton.add_argument(
        "--recipe", default="short",
        help="paper: as they did, for hours; modern: the best known; short: that in 5 minutes (default: %(default)s)",
    )  # fmt: skip
    hinton.add_argument("--quick", action="store_true", help="few images and epochs, to see that all works")
    hinton.add_argument(
        "--dataset", help="MNIST: auto, mnist or digits (built in); documents: auto, newsgroups or corpus (built in)"
    )
    hinton.add_argument(
        "--data-dir", help="folder with mnist/, olivetti/, 20news/ (default: $TINYAE_DATA_DIR, then a download)"
    )
    hinton.add_argument(
        "--resume", action="store_true",
        help="go on after the last whole epoch of a killed or interrupted run with the same options, kept in "
        "OUT/checkpoint/; the result is the same bits",
    )  # fmt: skip
    add_common(hinton, "hinton2006")
    hinton.set_defaults(run=run)


def run(arguments):
    """`tinyae hinton2006`."""
    from tinyae.experiments.hinton2006 import EXPERIMENTS, documents
    from tinyae.experiments.hinton2006.settings import RECIPE_NAMES
    from tinyae.files import writable_folder

    names = [*EXPERIMENTS, DOCUMENTS, STARTS]
    check_choice("hinton2006", "experiment", arguments.experiment, [*names, ALL])
    check_choice("hinton2006", "recipe", arguments.recipe, RECIPE_NAMES)
    if arguments.experiment == ALL and arguments.dataset is not None:  # for those experiments that have it
        known = [problem.datasets for problem in EXPERIMENTS.values()] + [documents.DATASETS]
        check_choice("hinton2006", "dataset", arguments.dataset, dict.fromkeys(itertools.chain(*known)))
    chosen = names if arguments.experiment == ALL else [arguments.experiment]
    kinds = {DOCUMENTS: Documents, STARTS: Starts}
    jobs = [kinds.get(name, Experiment)(name, arguments) for name in chosen]
    folder = writable_folder(arguments.out, "hinton2006")  # before minutes of work, not after
    if arguments.experiment == ALL:
        return run_all(arguments, jobs, folder)
    (job,) = jobs
    metrics = metrics_of(job, folder, arguments.resume)
    print_results(arguments, metrics, job.describe, folder, job.files)
    return 0


def run_all(arguments, jobs, folder):
    """Every experiment into a folder of its own, and a page on all runs there are, new after each of them.

    Each in a process of its own: after another one, the faces would hold more than 2 GB.
    """
    from tinyae.datasets import DownloadError
    from tinyae.experiments.hinton2006.page import FILES
    from tinyae.files import writable_folder

    found, texts = {}, []
    for job in jobs:  # a folder that cannot be used is told of before hours of work on the others
        look_at(job, writable_folder(folder / job.folder, "hinton2006"), arguments.resume)
    for job in jobs:
        print(f"== {job.folder}", file=sys.stderr, flush=True)
        try:
            found[job.name], text = in_own_process(one_of_all, job, folder, arguments.resume)
        except DownloadError as why:
            if job.settings.dataset is not None:  # it was asked for
                raise
            print(f"tinyae: WARNING: {job.name} LEFT OUT, its data cannot be had: {why}", file=sys.stderr, flush=True)
            continue
        texts.append(text)
    print_results(arguments, found, lambda _: "\n".join(texts), folder, FILES)
    return 0


def one_of_all(job, folder, resume):
    """Do a job in its own folder below `folder`, and write there what compares it with others: (metrics, text)."""
    from tinyae.experiments.hinton2006 import page

    metrics = metrics_of(job, folder / job.folder, resume)
    job.side_by_side(folder)
    page.write_page(folder)
    return metrics, job.describe(metrics)


def metrics_of(job, folder, resume):
    """Do a job, write its files, and give its metrics; those of a finished one that is resumed."""
    checkpoint, unneeded = folder / "checkpoint", folder / "checkpoint.finished"
    if unneeded.exists():
        shutil.rmtree(unneeded)
    interrupted, done = look_at(job, folder, resume)
    if done is not None:
        print(f"the run in {folder} is finished: nothing to train", file=sys.stderr)
        return done
    if resume and not interrupted:
        print(f"nothing to resume in {folder}: beginning at epoch 1", file=sys.stderr)
    metrics = job.run(checkpoint, folder)
    if checkpoint.exists():  # up to 1.4 GB, and the model is in its file
        checkpoint.replace(unneeded)  # killed while it removes a part, the rest must not pass for a checkpoint
        shutil.rmtree(unneeded, ignore_errors=True)
    return metrics


def look_at(job, folder, resume):
    """(whether a run was interrupted in `folder`, metrics of the job if it is finished there, else None).

    UsageError where the folder holds what the job would spoil.
    """
    checkpoint = folder / "checkpoint"
    interrupted = any(path.is_file() for path in checkpoint.rglob("*"))
    if interrupted and not resume:
        raise UsageError(
            f"hinton2006: expected a folder without an interrupted run, got one in {checkpoint}; give --resume to go "
            "on with it, or delete it to begin anew."
        )
    return interrupted, finished(job, folder) if resume and not interrupted else None


def finished(job, folder):
    """The metrics in `folder` if this job is finished there, None if none is; UsageError where another is."""
    from tinyae.experiments.hinton2006.finished import metrics_in

    metrics = metrics_in(folder)
    if metrics is None:
        return None
    known, planned, told = job.known_by(), job.plan(), metrics["training"]
    unlike = differences(known, metrics, known) or differences(planned, told, planned | told)
    if unlike:
        raise UsageError(
            f"hinton2006: expected the finished run that {folder} holds, got another: {'; '.join(unlike)}; use another "
            "folder, or leave out --resume to replace it, or delete it."
        )
    return metrics


def differences(here, there, names):
    """In words, in which of these settings what is to be done here differs from what metrics tell of a finished run."""
    return [
        f"its {name} is {there.get(name, 'none')} there and {here.get(name, 'none')} here"
        for name in names
        if name not in OF_THE_DATA and there.get(name) != here.get(name)
    ]


class Job:
    """One experiment: the Settings `settings`, how they are run, what is written on it.

    Attributes
    ----------
    name : str
        Of the experiment.
    folder : str
        Where its files go, when there are several.
    """

    MODULE = "run"  # that trains and measures
    REPORT = "report"  # module that writes the files and describes the metrics
    KNOWN = ("recipe", "quick", "seed")  # settings that its metrics tell

    def __init__(self, name, arguments):
        self.name, self.folder = name, f"{name}-{arguments.recipe}"
        self.settings = self.settings_of(arguments)

    def settings_of(self, arguments):
        """The settings of the experiment."""
        raise NotImplementedError

    def compute(self, checkpoint):
        """Train and measure; what came of it, its metrics among that."""
        raise NotImplementedError

    def run(self, checkpoint, folder):
        """Train, measure, write the files; the metrics."""
        found = self.compute(checkpoint)
        self.report.write_report(found, folder)
        return found.metrics

    def side_by_side(self, folder):
        """A picture of this and the other recipes' runs, where the report has not all in one."""

    @property
    def module(self):
        return import_module(f"tinyae.experiments.hinton2006.{self.MODULE}")

    @property
    def report(self):
        """The module of the report; it brings Matplotlib."""
        return import_module(f"tinyae.experiments.hinton2006.{self.REPORT}")

    @property
    def files(self):
        return self.report.FILES

    def describe(self, metrics):
        """The metrics for a reader."""
        return self.report.describe(metrics)

    def plan(self):
        """What its training does, as the metrics of a finished run tell it."""
        return self.module.plan(self.settings)

    def known_by(self):
        """What the metrics of such a run say; of the data and the threads only what was asked for."""
        settings = self.settings
        known = {"experiment": self.name} | {name: getattr(settings, name) for name in self.KNOWN}
        named = {} if settings.dataset in (None, "auto") else {"dataset": settings.dataset}
        return known | named | ({} if settings.threads is None else {"threads": settings.threads})


class Experiment(Job):
    """One experiment of the table by one recipe."""

    def settings_of(self, arguments):
        from tinyae.experiments.hinton2006 import EXPERIMENTS, Settings

        return Settings(self.name, arguments.recipe, **options(arguments, EXPERIMENTS[self.name].datasets))

    def compute(self, checkpoint):
        from tinyae.experiments import hinton2006

        return hinton2006.run(self.settings, folder=checkpoint)

    def side_by_side(self, folder):
        """Where the codes can be drawn as they are."""
        if self.settings.problem.code_size == 2:
            from tinyae.experiments.hinton2006.maps import write_maps

            write_maps(folder, self.name, self.settings.load(), self.settings.seed)


class Documents(Job):
    """Codes of documents by one recipe."""

    MODULE, REPORT = "documents", "documents_report"

    def settings_of(self, arguments):
        from tinyae.experiments.hinton2006.documents import DATASETS, DocumentSettings

        return DocumentSettings(arguments.recipe, **options(arguments, DATASETS))

    def compute(self, checkpoint):
        return self.module.run(self.settings, folder=checkpoint)


class Starts(Job):
    """With and without pretraining; there are no recipes."""

    MODULE, REPORT = "starts", "starts_report"
    KNOWN = ("quick", "seed")

    def __init__(self, name, arguments):
        super().__init__(name, arguments)
        self.folder = name

    def settings_of(self, arguments):
        from tinyae.experiments.hinton2006 import EXPERIMENTS, Settings
        from tinyae.experiments.hinton2006.starts import EXPERIMENT

        return Settings(EXPERIMENT, "paper", **options(arguments, EXPERIMENTS[EXPERIMENT].datasets))

    def compute(self, checkpoint):
        return self.module.compare(self.settings, folder=checkpoint)


def options(arguments, datasets):
    """Settings that all experiments have; of all experiments, those that have no such data set take their own."""
    dataset = arguments.dataset
    if arguments.experiment == ALL and dataset not in datasets:
        dataset = None
    return {
        "quick": arguments.quick, "dataset": dataset, "data_dir": arguments.data_dir, "seed": arguments.seed,
        "threads": arguments.threads,
    }  # fmt: skip
