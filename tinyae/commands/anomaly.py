"""`tinyae anomaly fit` and `tinyae anomaly score`: find the rows that are unlike the others."""

from tinyae.commands.options import add_common, add_data_dir, add_resume
from tinyae.commands.reading import add_reading

FIT = "tinyae anomaly fit damaged-digits --limit 2000 --out results/anomaly"
DATA = (
    "a file or folder of your own; damaged-digits or damaged-mnist: images of which 3%% are under noise, to be found; "
    "ecg5000: heart beats, trained on normal ones; or a set of images such as mnist"
)


def add(commands):
    """The two commands and their options."""
    anomaly = commands.add_parser(
        "anomaly",
        help="find the rows or images that are unlike the others",
        description="Train a detector on rows or images that may hold anomalies themselves, and score new ones.",
        epilog=f"example: {FIT}",
    )
    parts = anomaly.add_subparsers(dest="part", metavar="PART", required=True, parser_class=type(anomaly))
    _add_fit(parts)
    _add_score(parts)


def _add_fit(parts):
    fit = parts.add_parser(
        "fit",
        help="train a detector and choose its threshold",
        description="Train a detector without labels, choose a threshold, and write the detector, the scores, the "
        "columns to blame, and pictures. Labels, where there are any, only judge it, beside untrained nets, principal "
        "components, and the distance from the mean.",
        epilog=f"example: {FIT}",
    )
    fit.add_argument("data", metavar="DATA", nargs="?", help=DATA)
    fit.add_argument("--dataset", metavar="DATA", help="the same as DATA")
    add_data_dir(fit)
    threshold = fit.add_argument_group("threshold")
    threshold.add_argument(
        "--rule",
        help="quantile (--contamination), deviations (--k), budget (--alarms, --per), best-f1 (labelled data), or "
        "shape, which needs no setting (default: by the option given; damaged sets quantile with their share, others "
        "shape)",
    )
    threshold.add_argument(
        "--contamination", type=float, metavar="SHARE", help="share of anomalies, in (0, 0.5]; of rule quantile"
    )
    threshold.add_argument(
        "--k", type=float, help="standard deviations above the mean; of rule deviations (default: 3)"
    )
    threshold.add_argument(
        "--alarms", type=float, metavar="N", help="alarms you can look at, in --per rows; of rule budget"
    )
    threshold.add_argument("--per", type=int, metavar="M", help="rows, such as a day's (default: the training rows)")
    labels = fit.add_argument_group("labels")
    labels.add_argument(
        "--normal", action="append", default=[], metavar="CLASS",
        help="a class that is normal, all others are anomalies; several times (default: a class called 0, normal, no "
        "..., else the commonest)",
    )  # fmt: skip
    labels.add_argument(
        "--train-on", default="all", metavar="WHICH",
        help="all, or normal: 60%% of the rows labelled normal, judged on all others (default: %(default)s)",
    )  # fmt: skip
    fit.add_argument(
        "--scale", default="auto",
        help="robust, standard or minmax scale columns, none takes numbers as they are (default: auto: robust for "
        "tables, none for images and heart beats)",
    )  # fmt: skip
    fit.add_argument("--code-size", type=int, help="numbers in a code (default: a quarter of a row's, at most 32)")
    fit.add_argument("--epochs", type=int, help="default: some 600 updates, and for many samples up to 5 epochs")
    fit.add_argument("--limit", type=int, metavar="N", help="only the first N samples, for quick runs")
    add_resume(fit)
    add_common(fit, "anomaly")
    add_reading(fit)
    fit.set_defaults(run=run_fit)


def _add_score(parts):
    score = parts.add_parser(
        "score",
        help="score new rows with a detector",
        description="Score rows or images with a detector of tinyae anomaly fit: for each its score, whether it gives "
        "an alarm, and the three columns or pixels most to blame, each with its value and the one expected.",
        epilog=f"example: {FIT} && tinyae anomaly score results/anomaly/model.npz damaged-digits --limit 500 --seed 1 "
        "--out results/scores.csv",
    )
    score.add_argument("model", metavar="MODEL", help="model.npz of tinyae anomaly fit")
    score.add_argument("data", metavar="FILE", help=DATA)
    score.add_argument("--out", required=True, metavar="FILE", help="table to write: .csv; for images and rows a "
                       "picture of the strangest is written beside it, with .png for .csv")  # fmt: skip
    score.add_argument(
        "--errors", metavar="FILE",
        help="also write the error of every number of every sample: .npy, .csv, or a folder of PNG for images",
    )  # fmt: skip
    score.add_argument("--threshold", type=float, metavar="SCORE", help="alarm above it (default: the detector's own)")
    score.add_argument("--normal", action="append", default=[], metavar="CLASS", help="a class that is normal, where "
                       "--label gives labels; several times")  # fmt: skip
    score.add_argument("--limit", type=int, metavar="N", help="only the first N samples")
    score.add_argument("--seed", type=int, default=0, help="of built-in data (default: %(default)s)")
    score.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    score.add_argument("--json", action="store_true", help="print the metrics as JSON and nothing else on stdout")
    add_data_dir(score)
    add_reading(score)
    score.set_defaults(run=run_score)


def run_fit(arguments):
    """`tinyae anomaly fit`."""
    from tinyae.commands.anomaly_fit import run

    return run(arguments)


def run_score(arguments):
    """`tinyae anomaly score`."""
    from tinyae.commands.anomaly_score import run

    return run(arguments)
