"""`tinyae hinton2006`: the experiments of Hinton & Salakhutdinov (2006)."""

import json
import shutil
import sys

from tinyae.checks import UsageError, check_choice
from tinyae.commands.options import add_common, print_results

DOCUMENTS, STARTS, ALL = "documents", "starts", "all"


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
        help="mnist-2d, mnist-30, curves, faces, documents; starts: with and without pretraining; all: these, a folder "
        "each, and a page on them (default: %(default)s)",
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
    from tinyae.experiments.hinton2006 import EXPERIMENTS
    from tinyae.files import writable_folder

    names = [*EXPERIMENTS, DOCUMENTS, STARTS]
    check_choice("hinton2006", "experiment", arguments.experiment, [*names, ALL])
    if arguments.experiment == ALL and arguments.dataset is not None:  # for those experiments that have it
        known = dict.fromkeys(name for problem in EXPERIMENTS.values() for name in problem.datasets)
        check_choice("hinton2006", "dataset", arguments.dataset, known)
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
    """Every experiment into a folder of its own, and a page on all runs there are, new after each of them."""
    from tinyae.datasets import DownloadError
    from tinyae.experiments.hinton2006 import page
    from tinyae.files import writable_folder

    found, texts = {}, []
    for job in jobs:
        print(f"== {job.folder}", file=sys.stderr, flush=True)
        try:
            found[job.name] = metrics_of(job, writable_folder(folder / job.folder, "hinton2006"), arguments.resume)
        except DownloadError as why:
            if job.settings.dataset is not None:  # it was asked for
                raise
            print(f"tinyae: WARNING: {job.name} LEFT OUT, its data cannot be had: {why}", file=sys.stderr, flush=True)
            continue
        texts.append(job.describe(found[job.name]))
        job.side_by_side(folder)
        page.write_page(folder)
    print_results(arguments, found, lambda _: "\n".join(texts), folder, page.FILES)
    return 0


def metrics_of(job, folder, resume):
    """Do a job, write its files, and give its metrics; those of a finished one that is resumed."""
    checkpoint = folder / "checkpoint"
    if resume:
        done = finished(job, folder)
        if done is not None and not checkpoint.exists():
            print(f"the run in {folder} is finished: nothing to train", file=sys.stderr)
            return done
        if not checkpoint.exists():
            print(f"nothing to resume in {folder}: beginning at epoch 1", file=sys.stderr)
    elif checkpoint.exists() and any(checkpoint.iterdir()):
        raise UsageError(
            f"hinton2006: expected a folder without an interrupted run, got one in {checkpoint}; give --resume to go "
            "on with it, or delete it to begin anew."
        )
    metrics = job.run(checkpoint, folder)
    shutil.rmtree(checkpoint, ignore_errors=True)  # 400 MB for the largest; the model is in its file
    return metrics


def finished(job, folder):
    """The metrics in `folder` if they are those of a whole run of this job, else None."""
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return metrics if isinstance(metrics, dict) and job.known_by().items() <= metrics.items() else None


class Experiment:
    """One experiment of the table by one recipe."""

    def __init__(self, name, arguments):
        from tinyae.experiments.hinton2006 import EXPERIMENTS, Settings

        self.name, self.folder, dataset = name, f"{name}-{arguments.recipe}", arguments.dataset
        if arguments.experiment == ALL and dataset not in EXPERIMENTS[name].datasets:
            dataset = None
        self.settings = Settings(
            name, arguments.recipe, arguments.quick, dataset, arguments.data_dir, arguments.seed, arguments.threads
        )  # fmt: skip

    def run(self, checkpoint, folder):
        """Train, measure, write the files; the metrics."""
        from tinyae.experiments import hinton2006

        result = hinton2006.run(self.settings, folder=checkpoint)
        from tinyae.experiments.hinton2006 import report  # brings Matplotlib

        report.write_report(result, folder)
        return result.metrics

    def side_by_side(self, folder):
        """A picture of this and the other recipes' runs, where the codes can be drawn as they are."""
        if self.settings.problem.code_size == 2:
            from tinyae.experiments.hinton2006.maps import write_maps

            write_maps(folder, self.name, self.settings.load(), self.settings.seed)

    def known_by(self):
        """What the metrics of such a run say."""
        names = ("experiment", "recipe", "quick", "seed")
        return {name: getattr(self.settings, name) for name in names} | in_common(self.settings)

    @property
    def files(self):
        from tinyae.experiments.hinton2006.report import FILES

        return FILES

    def describe(self, m):
        """The metrics for a reader."""
        from tinyae.experiments.hinton2006.run import training_seconds

        lines = [
            f"{m['experiment']}, recipe {m['recipe']}{', quick' if m['quick'] else ''}: {m['dataset']}, "
            f"{'-'.join(map(str, m['layer_sizes']))}, {m['n_test']:,} test images (squared error summed over pixels):"
        ]
        for name, prefix in (("autoencoder", ""), (f"PCA-{m['layer_sizes'][-1]}", "pca_")):
            line = f"  {name:<15s}  squared error {m[f'{prefix}test_squared_error']:6.2f}"
            if f"{prefix}knn5_accuracy" in m:
                line += f"   5-NN accuracy {m[f'{prefix}knn5_accuracy']:.3f}"
            published = m["published"].get({"": "autoencoder", "pca_": "pca"}[prefix])
            lines.append(line + ("" if published is None else f"   (the paper: {published:.2f})"))
        k = m["layer_sizes"][-1]
        for name, published in m["published"].items():
            if name not in ("autoencoder", "pca") and f"{name}_test_squared_error" in m:
                kind, _, number = name.rpartition("pca")
                title = f"{kind.replace('_', ' ')}PCA-{number.lstrip('_') or k}"
                error = m[f"{name}_test_squared_error"]
                lines.append(f"  {title:<15s}  squared error {error:6.2f}   (the paper: {published:.2f})")
        lines.append(f"  mean image       squared error {m['mean_image_squared_error']:6.2f}")
        lines.append(f"trained in {training_seconds(m):.0f} s, peak memory {m['peak_rss_mb']:.0f} MB")
        return "\n".join(lines)


class Documents:
    """Codes of documents by one recipe."""

    def __init__(self, name, arguments):
        from tinyae.experiments.hinton2006.documents import DATASETS, DocumentSettings

        self.name, self.folder, dataset = name, f"{name}-{arguments.recipe}", arguments.dataset
        if arguments.experiment == ALL and dataset not in DATASETS:
            dataset = None
        self.settings = DocumentSettings(
            arguments.recipe, arguments.quick, dataset, arguments.data_dir, arguments.seed, arguments.threads
        )

    def run(self, checkpoint, folder):
        """Train, compare, write the files; the metrics."""
        from tinyae.experiments.hinton2006 import documents

        found = documents.run(self.settings, folder=checkpoint)
        from tinyae.experiments.hinton2006 import documents_report  # brings Matplotlib

        documents_report.write_report(found, folder)
        return found.metrics

    def side_by_side(self, folder):
        """The report has its rivals in the same picture."""

    def known_by(self):
        """What the metrics of such a run say."""
        same = {"experiment": DOCUMENTS} | {name: getattr(self.settings, name) for name in ("recipe", "quick", "seed")}
        return same | in_common(self.settings)

    @property
    def files(self):
        from tinyae.experiments.hinton2006.documents_report import FILES

        return FILES

    def describe(self, metrics):
        """The metrics for a reader."""
        from tinyae.experiments.hinton2006.documents_report import describe

        return describe(metrics)


class Starts:
    """With and without pretraining."""

    def __init__(self, name, arguments):
        from tinyae.experiments.hinton2006 import Settings
        from tinyae.experiments.hinton2006.starts import EXPERIMENT

        self.name = self.folder = name
        self.settings = Settings(
            EXPERIMENT, "paper", arguments.quick, arguments.dataset, arguments.data_dir, arguments.seed,
            arguments.threads,
        )  # fmt: skip

    def run(self, checkpoint, folder):
        """Train from every start, write the files; the metrics."""
        from tinyae.experiments.hinton2006 import starts

        comparison = starts.compare(self.settings, folder=checkpoint)
        from tinyae.experiments.hinton2006 import starts_report  # brings Matplotlib

        starts_report.write_report(comparison, folder)
        return comparison.metrics

    def side_by_side(self, folder):
        """The report has all starts in one picture."""

    def known_by(self):
        """What the metrics of such a run say."""
        same = {"experiment": STARTS, "quick": self.settings.quick, "seed": self.settings.seed}
        return same | in_common(self.settings)

    @property
    def files(self):
        from tinyae.experiments.hinton2006.starts_report import FILES

        return FILES

    def describe(self, metrics):
        """The metrics for a reader."""
        from tinyae.experiments.hinton2006.starts_report import describe

        return describe(metrics)


def in_common(settings):
    """What the metrics of any run with these settings say."""
    from tinyae.training.threads import thread_count

    named = {} if settings.dataset in (None, "auto") else {"dataset": settings.dataset}
    return named | {"threads": thread_count(settings.threads)}
