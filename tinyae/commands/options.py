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
    """The Checkpoint in `folder`, for `fit`; says on stderr what becomes of a run that is kept there already.

    It says so once, when training begins: until then bad input leaves the run as it is.
    """
    from tinyae.training import Checkpoint

    class SayingCheckpoint(Checkpoint):
        said = False  # of all that are made of this one

        def open(self, run, rng, callbacks, **how):
            if not SayingCheckpoint.said:
                SayingCheckpoint.said = True
                say_what_is_kept(self)
            super().open(run, rng, callbacks, **how)

    return SayingCheckpoint(folder / "checkpoint", resume=arguments.resume)


def say_what_is_kept(checkpoint):
    """A line on stderr where a run is lost, or where there is none to go on with."""
    if checkpoint.resume and not checkpoint.path.exists():
        print(f"nothing to resume in {checkpoint.folder}: beginning at epoch 1", file=sys.stderr)
    elif checkpoint.path.exists() and not checkpoint.resume:
        print(f"beginning anew; the run in {checkpoint.folder} is lost after epoch 1 (--resume)", file=sys.stderr)


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
