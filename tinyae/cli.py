"""The command line: arguments in, files and printed lines out.

Exit codes: 0 done, 1 failed work, 2 bad usage (one line on stderr), 130 interrupted.
"""

import argparse
import json
import os
import sys
import warnings

from tinyae.checks import UsageError


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line and unknown choices list what there is."""

    def error(self, message):
        raise UsageError(f"{self.prog}: {message} (see {self.prog} --help)")


def build_parser():
    """All commands and their options."""
    parser = Parser(prog="tinyae", description="Autoencoders written by hand in NumPy and Numba.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

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
    hinton.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    hinton.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    hinton.add_argument("--out", default="results/hinton2006", help="folder of the results (default: %(default)s)")
    hinton.add_argument("--json", action="store_true", help="print the metrics as JSON and nothing else on stdout")
    hinton.set_defaults(run=run_hinton2006)

    gradcheck = commands.add_parser(
        "gradcheck",
        help="compare every backward pass with finite differences",
        description="Compare the backward pass of every layer, loss and net with central differences in float64.",
        epilog="example: tinyae gradcheck",
    )
    gradcheck.set_defaults(run=run_gradcheck)
    return parser


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
    if arguments.json:
        print(json.dumps(result.metrics, indent=2))
    else:
        print(describe_result(result.metrics))
        print(f"results in {os.path.join(folder, '')}: {', '.join(report.FILES)}")
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
