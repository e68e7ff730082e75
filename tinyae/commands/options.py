"""What the commands share: options of all that train, lists on the command line, printing the results."""

import argparse
import json
import os
import sys


def add_common(parser, name):
    """The options of every command that trains."""
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    parser.add_argument("--out", default=f"results/{name}", help="folder of the results (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON and nothing else on stdout")


def add_data_dir(parser):
    """Where data sets lie."""
    parser.add_argument("--data-dir", help="folder that holds mnist/ and so on (default: $TINYAE_DATA_DIR)")


def add_limit(parser):
    """Fewer training data."""
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N training images, for quick runs")


def add_resume(parser):
    """Going on where a killed run stopped."""
    parser.add_argument(
        "--resume", action="store_true",
        help="go on after the last whole epoch of a killed or interrupted run with the same options, kept in "
        "OUT/checkpoint/; the result is the same bits. --epochs may be higher than before",
    )  # fmt: skip


def checkpoint_of(arguments, folder):
    """The Checkpoint in `folder`, for `fit`; says on stderr what becomes of a run that is kept there already."""
    from tinyae.training import Checkpoint

    checkpoint = Checkpoint(folder / "checkpoint", resume=arguments.resume)
    if arguments.resume and not checkpoint.path.exists():
        print(f"nothing to resume in {checkpoint.folder}: beginning at epoch 1", file=sys.stderr)
    elif checkpoint.path.exists() and not arguments.resume:
        print(f"beginning anew; the run in {checkpoint.folder} is lost after epoch 1 (--resume)", file=sys.stderr)
    return checkpoint


def names(text):
    """'a,b' as ('a', 'b')."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def whole_numbers(text):
    """'5,5' as (5, 5)."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers with commas between, as 5,5, got {text!r}") from None


def print_results(arguments, metrics, describe, folder, files):
    """The metrics on stdout, as JSON or for a reader."""
    if arguments.json:
        print(json.dumps(metrics, indent=2))
    else:
        print(describe(metrics))
        print(f"results in {os.path.join(folder, '')}: {', '.join(files)}")
