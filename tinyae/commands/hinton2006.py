"""`tinyae hinton2006`: the experiments of Hinton & Salakhutdinov (2006)."""

import json
import shutil
import sys

from tinyae.checks import UsageError
from tinyae.commands.options import add_common, print_results


def add(commands):
    """The options of `tinyae hinton2006`."""
    hinton = commands.add_parser(
        "hinton2006",
        help="reproduce the experiments of Hinton & Salakhutdinov (2006)",
        description="Pretrain a stack of RBMs, unroll it into a deep autoencoder, fine-tune it, and compare its codes "
        "of the test images with PCA's.",
        epilog="example: tinyae hinton2006 --experiment mnist-30 --recipe modern --resume --out results/mnist-30",
    )
    hinton.add_argument(
        "--experiment",
        default="mnist-2d",
        help="mnist-2d, mnist-30, curves, or all and one page on them (default: %(default)s)",
    )
    hinton.add_argument(
        "--recipe", default="short",
        help="paper: as they did, for hours; modern: the best known; short: that in 5 minutes (default: %(default)s)",
    )  # fmt: skip
    hinton.add_argument("--quick", action="store_true", help="few images and epochs, to see that all works")
    hinton.add_argument("--dataset", help="of the MNIST experiments: auto, mnist or digits (built in); default: auto")
    hinton.add_argument("--data-dir", help="folder that holds mnist/ (default: $TINYAE_DATA_DIR, then a download)")
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
    from tinyae.experiments.hinton2006.settings import Settings
    from tinyae.files import writable_folder

    names = list(EXPERIMENTS) if arguments.experiment == "all" else [arguments.experiment]
    if arguments.experiment == "all" and arguments.dataset is not None:
        raise UsageError(f"hinton2006: expected no dataset for all experiments, got {arguments.dataset}.")
    settings = {
        name: Settings(
            name, arguments.recipe, arguments.quick, arguments.dataset, arguments.data_dir, arguments.seed,
            arguments.threads,
        )
        for name in names
    }  # fmt: skip
    folder = writable_folder(arguments.out, "hinton2006")  # before minutes of work, not after
    if len(names) == 1:
        return _one(arguments, settings[names[0]], folder)
    return _all(arguments, settings, folder)


def _one(arguments, settings, folder):
    metrics = _metrics(settings, folder, arguments.resume)
    from tinyae.experiments.hinton2006.report import FILES

    print_results(arguments, metrics, describe, folder, FILES)
    return 0


def _all(arguments, settings, folder):
    """Every experiment into a folder of its own, and a page on all runs there are, new after each of them."""
    from tinyae.experiments.hinton2006 import page
    from tinyae.files import writable_folder

    found = {}
    for name, one in settings.items():
        print(f"== {name}, recipe {arguments.recipe}", file=sys.stderr, flush=True)
        own = writable_folder(folder / f"{name}-{arguments.recipe}", "hinton2006")
        found[name] = _metrics(one, own, arguments.resume)
        page.write_page(folder)
    print_results(arguments, found, lambda found: "\n".join(map(describe, found.values())), folder, page.FILES)
    return 0


def _metrics(settings, folder, resume):
    """Run one experiment, write its files, and give its metrics; those of a finished run that is resumed."""
    from tinyae.experiments import hinton2006

    checkpoint = folder / "checkpoint"
    if resume:
        done = finished(settings, folder)
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
    result = hinton2006.run(settings, folder=checkpoint)
    from tinyae.experiments.hinton2006 import report  # brings Matplotlib

    report.write_report(result, folder)
    shutil.rmtree(checkpoint, ignore_errors=True)  # 400 MB for the largest; the model is in its file
    return result.metrics


def finished(settings, folder):
    """The metrics in `folder` if they are those of a whole run with these settings, else None."""
    from tinyae.training.threads import thread_count

    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    mine = {name: getattr(settings, name) for name in ("experiment", "recipe", "quick", "seed")}
    mine["threads"] = thread_count(settings.threads)
    if settings.dataset not in (None, "auto"):
        mine["dataset"] = settings.dataset
    return metrics if isinstance(metrics, dict) and mine.items() <= metrics.items() else None


def describe(m):
    """The metrics for a reader."""
    rows = [("autoencoder", ""), (f"PCA-{m['layer_sizes'][-1]}", "pca_")]
    lines = [
        f"{m['experiment']}, recipe {m['recipe']}{', quick' if m['quick'] else ''}: {m['dataset']}, "
        f"{'-'.join(map(str, m['layer_sizes']))}, {m['n_test']:,} test images (squared error summed over pixels):"
    ]
    for name, prefix in rows:
        line = f"  {name:<11s}  squared error {m[f'{prefix}test_squared_error']:6.2f}"
        if f"{prefix}knn5_accuracy" in m:
            line += f"   5-NN accuracy {m[f'{prefix}knn5_accuracy']:.3f}"
        published = m["published"].get({"": "autoencoder", "pca_": "pca"}[prefix])
        lines.append(line + ("" if published is None else f"   (the paper: {published:.2f})"))
    lines.append(f"  mean image   squared error {m['mean_image_squared_error']:6.2f}")
    total = m["seconds_pretrain"] + m["seconds_finetune"]
    lines.append(f"trained in {total:.0f} s, peak memory {m['peak_rss_mb']:.0f} MB")
    return "\n".join(lines)
