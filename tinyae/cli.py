"""The command line: arguments in, files and printed lines out.

Exit codes: 0 done, 1 failed work, 2 bad usage (one line on stderr), 130 interrupted.
"""

import argparse
import json
import os
import sys
import warnings
from dataclasses import fields

from tinyae.checks import UsageError


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line and unknown choices list what there is."""

    def error(self, message):
        raise UsageError(f"{self.prog}: {message} (see {self.prog} --help)")


def build_parser():
    """All commands and their options."""
    parser = Parser(prog="tinyae", description="Autoencoders written by hand in NumPy and Numba.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    add_train(commands)
    add_compare(commands)
    add_hinton2006(commands)
    add_gradcheck(commands)
    return parser


def add_common(parser, name):
    """The options of every command that trains."""
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    parser.add_argument("--out", default=f"results/{name}", help="folder of the results (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON and nothing else on stdout")


def add_hinton2006(commands):
    """The options of `tinyae hinton2006`."""
    hinton = commands.add_parser(
        "hinton2006",
        help="reproduce the MNIST figure of Hinton & Salakhutdinov (2006)",
        description="Pretrain a stack of RBMs, unroll it into a deep autoencoder, fine-tune it, and draw its codes of "
        "the test digits beside PCA's.",
        epilog="example: tinyae hinton2006 --dataset digits --preset quick --out results/quick",
    )
    hinton.add_argument("--dataset", default="auto", help="mnist, digits (built in) or auto (default: %(default)s)")
    hinton.add_argument("--data-dir", help="folder that holds mnist/ (default: $TINYAE_DATA_DIR, then a download)")
    hinton.add_argument("--code-size", type=int, default=2, help="numbers in a code (default: %(default)s)")
    hinton.add_argument("--preset", default="default", help="quick, default or paper (default: %(default)s)")
    add_common(hinton, "hinton2006")
    hinton.set_defaults(run=run_hinton2006)


def add_gradcheck(commands):
    """`tinyae gradcheck` has no options."""
    gradcheck = commands.add_parser(
        "gradcheck",
        help="compare every backward pass with finite differences",
        description="Compare the backward pass of every layer, loss and net with central differences in float64.",
        epilog="example: tinyae gradcheck",
    )
    gradcheck.set_defaults(run=run_gradcheck)


def add_train(commands):
    """The options of `tinyae train`."""
    train = commands.add_parser(
        "train",
        help="train a named net on a data set or on your own images",
        description="Train a named net, measure it on test images, and write model, history, loss curve, "
        "reconstructions and metrics. What is not given is the net's own default. The net hinton is trained from "
        "random weights here; tinyae hinton2006 pretrains it.",
        epilog="example: tinyae train --arch conv --dataset digits --limit 2000 --epochs 3 --out results/conv",
    )
    train.add_argument("--arch", required=True, help="conv, generic, simple, deep or hinton")
    train.add_argument(
        "--dataset", default="auto",
        help="mnist, fashion-mnist, quickdraw10, digits or curves (built in), auto (mnist, or digits without it), or "
        "FILE.npy with images (N, H, W), (N, H, W, C) or rows (N, D); a tenth of a file is held out for testing "
        "(default: %(default)s)",
    )  # fmt: skip
    train.add_argument("--data-dir", help="folder that holds mnist/ and so on (default: $TINYAE_DATA_DIR)")
    train.add_argument("--epochs", type=int, help="default: conv, simple and deep 50, generic 20, hinton 30")
    train.add_argument("--batch-size", type=int, help="default: conv and generic 32, simple and deep 64, hinton 100")
    train.add_argument("--optimizer", help="sgd, rmsprop, adam or nadam (default: generic and hinton adam, else nadam)")
    train.add_argument("--lr", type=float, help="learning rate (default: the optimizer's own, adam's is 0.001)")
    train.add_argument(
        "--loss", help="bce, cross-entropy, or mse, half the squared error (default: generic mse, else bce)"
    )
    train.add_argument(
        "--code-size",
        type=int,
        help="numbers in a code; not for conv (default: simple and deep 32, generic 100, hinton 2)",
    )
    train.add_argument("--kernels", type=whole_numbers, metavar="K,K", help="sizes of generic's kernels (default: 5,5)")
    train.add_argument("--filters", type=int, help="generic's filters (default: 3)")
    train.add_argument(
        "--noise", type=float, metavar="SIGMA",
        help="train on images with Gaussian noise, cut to [0, 1], to give those without it (default: 0)",
    )  # fmt: skip
    train.add_argument(
        "--validation-split",
        type=float,
        metavar="SHARE",
        help="part of the training images held out (default: conv 0.2, else 0.1)",
    )
    train.add_argument(
        "--patience",
        type=int,
        metavar="EPOCHS",
        help="stop after so many epochs without a lower validation loss; 0: never (default: conv 5, else 0)",
    )
    train.add_argument("--limit", type=int, metavar="N", help="only the first N training images, for quick runs")
    train.add_argument(
        "--resume", action="store_true",
        help="go on after the last whole epoch of a killed or interrupted run with the same options, kept in "
        "OUT/checkpoint/; the result is the same bits. --epochs may be higher than before",
    )  # fmt: skip
    add_common(train, "train")
    train.set_defaults(run=run_train)


def add_compare(commands):
    """The options of `tinyae compare`."""
    compare = commands.add_parser(
        "compare",
        help="train every kind of autoencoder at the same budget and put them in one table",
        description="Train every kind of autoencoder (sparse, denoising, contractive, variational, ...) for the same "
        "number of epochs, measure reconstructions and codes, and write one table and one picture. An untrained net "
        "and principal components are rows, too.",
        epilog="example: tinyae compare --dataset digits --limit 2000 --epochs 5 --width 200 --out results/compare",
    )
    compare.add_argument(
        "--dataset", default="auto",
        help="mnist, fashion-mnist, quickdraw10, digits (built in) or auto (mnist, or digits without it) "
        "(default: %(default)s)",
    )  # fmt: skip
    compare.add_argument("--data-dir", help="folder that holds mnist/ and so on (default: $TINYAE_DATA_DIR)")
    compare.add_argument("--kinds", type=names, metavar="A,B", help="only these kinds (default: all)")
    compare.add_argument("--epochs", type=int, default=10, help="for every kind, pretraining included (default: 10)")
    compare.add_argument("--width", type=int, default=1000, help="units of a wide code (default: %(default)s)")
    compare.add_argument("--limit", type=int, metavar="N", help="only the first N training images, for quick runs")
    add_common(compare, "compare")
    compare.set_defaults(run=run_compare)


def names(text):
    """'a,b' as ('a', 'b')."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def run_compare(arguments):
    """`tinyae compare`."""
    from tinyae.experiments import compare
    from tinyae.files import writable_folder

    settings = compare.Settings(**{f.name: getattr(arguments, f.name) for f in fields(compare.Settings)})
    folder = writable_folder(arguments.out, "compare")  # before minutes of work, not after
    result = compare.run(settings)
    from tinyae.experiments import compare_report  # brings Matplotlib

    compare_report.write_report(result, folder)
    metrics = result.about | {"rows": result.rows}
    print_results(arguments, metrics, lambda _: compare_report.plain(result), folder, compare_report.FILES)
    return 0


def whole_numbers(text):
    """'5,5' as (5, 5)."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers with commas between, as 5,5, got {text!r}") from None


def run_train(arguments):
    """`tinyae train`."""
    from tinyae.experiments import train
    from tinyae.files import writable_folder
    from tinyae.training import Checkpoint

    settings = train.Settings(**{f.name: getattr(arguments, f.name) for f in fields(train.Settings)})
    folder = writable_folder(arguments.out, "train")  # before minutes of work, not after
    checkpoint = Checkpoint(folder / "checkpoint", resume=arguments.resume)
    if arguments.resume and not checkpoint.path.exists():
        print(f"nothing to resume in {checkpoint.folder}: beginning at epoch 1", file=sys.stderr)
    elif checkpoint.path.exists() and not arguments.resume:
        print(f"beginning anew; the run in {checkpoint.folder} is lost after epoch 1 (--resume)", file=sys.stderr)
    result = train.run(settings, checkpoint=checkpoint)
    from tinyae.experiments import train_report  # brings Matplotlib

    train_report.write_report(result, folder)
    print_results(arguments, result.metrics, describe_training, folder, train_report.FILES)
    return 0


def print_results(arguments, metrics, describe, folder, files):
    """The metrics on stdout, as JSON or for a reader."""
    if arguments.json:
        print(json.dumps(metrics, indent=2))
    else:
        print(describe(metrics))
        print(f"results in {os.path.join(folder, '')}: {', '.join(files)}")


def describe_training(m):
    """The metrics of `tinyae train` for a reader."""
    images, pixels = ("rows", "numbers") if m["image_shape"][0] == m["image_shape"][2] == 1 else ("images", "pixels")
    lines = [
        f"{m['dataset']}, {m['arch']}, {size_text(m['image_shape'])} to {m['code_size']:,} numbers and back, "
        f"{m['n_test']:,} test {images} (squared error summed over {pixels}):"
    ]
    decimals = 2 if m["mean_image_squared_error"] >= 1 else 4
    baselines = [("autoencoder", "test"), ("noisy input", "noisy_input"), (f"PCA-{m['code_size']}", "pca_test"),
                 ("mean image", "mean_image")]  # fmt: skip
    for name, key in baselines:
        error = m[f"{key}_squared_error"]
        if error is not None:
            lines.append(f"  {name:<12} squared error {error:8.{decimals}f}")
    if "test_bce_per_pixel" in m:
        unit = f"nats per {pixels[:-1]} (floor {m['bce_floor_per_pixel']:.4f})"
        lines[1] += f"   cross-entropy {m['test_bce_per_pixel']:.4f} {unit}"
    epochs = f"{m['epochs_run']} of {m['epochs']} epochs in {m['seconds_train']:.0f} s"
    lines.append(f"trained {epochs}, peak memory {m['peak_rss_mb']:.0f} MB")
    if m["stopped"]:
        lines.append(f"stopped early: {m['stopped']}")
    return "\n".join(lines)


def size_text(image_shape):
    """'28 x 28 x 1', or '140' for rows of numbers."""
    height, width, channels = image_shape
    return str(width) if height == channels == 1 else f"{height} x {width} x {channels}"


def run_hinton2006(arguments):
    """`tinyae hinton2006`."""
    from tinyae.experiments import hinton2006
    from tinyae.files import writable_folder

    settings = hinton2006.Settings(
        arguments.dataset, arguments.data_dir, arguments.code_size, arguments.preset, arguments.seed, arguments.threads
    )
    folder = writable_folder(arguments.out, "hinton2006")  # before minutes of work, not after
    result = hinton2006.run(settings)
    from tinyae.experiments import report  # brings Matplotlib

    report.write_report(result, folder)
    print_results(arguments, result.metrics, describe_result, folder, report.FILES)
    return 0


def describe_result(m):
    """The metrics for a reader."""
    k = m["layer_sizes"][-1]
    total = m["seconds_pretrain"] + m["seconds_finetune"]
    return (
        f"{m['dataset']}, {'-'.join(map(str, m['layer_sizes']))}, {m['n_test']:,} test images "
        f"(squared error summed over pixels):\n"
        f"  autoencoder  squared error {m['test_squared_error']:6.2f}   5-NN accuracy {m['knn5_accuracy']:.3f}\n"
        f"  PCA-{k:<8d} squared error {m['pca_test_squared_error']:6.2f}   5-NN accuracy {m['pca_knn5_accuracy']:.3f}\n"
        f"  mean image   squared error {m['mean_image_squared_error']:6.2f}\n"
        f"trained in {total:.0f} s, peak memory {m['peak_rss_mb']:.0f} MB"
    )


def run_gradcheck(arguments):
    """`tinyae gradcheck`."""
    from tinyae.gradcases import all_cases
    from tinyae.gradcheck import TOLERANCE

    failed = 0
    print(f"{'what':<44} {'worst at':<28} {'relative error':>14}")
    for name, check in all_cases():
        worst = check()[0]
        verdict = "" if worst.error <= TOLERANCE else "  FAILED"
        failed += bool(verdict)
        place = f"{worst.what}{list(worst.index)}"
        print(f"{name:<44} {place:<28} {worst.error:14.1e}{verdict}")
        if verdict:
            print(f"    {worst}")
    print(f"{failed} failed" if failed else f"all within {TOLERANCE:.0e}")
    return 1 if failed else 0


def main(argv=None):
    """Run the command line; returns the exit code."""
    warnings.showwarning = _one_line_warning
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.run(arguments)
    except UsageError as error:
        return _fail(error, 2)
    except (OSError, FloatingPointError, MemoryError) as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _fail(error, code):
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"tinyae: error: {text}", file=sys.stderr)
    return code


def _one_line_warning(message, category, filename, lineno, file=None, line=None):
    print(f"tinyae: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
