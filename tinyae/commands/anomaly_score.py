"""The work of `tinyae anomaly score`."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyae import plots
from tinyae.applications import anomaly
from tinyae.applications.anomaly.problems import samples_of
from tinyae.checks import UsageError, check_float, check_int
from tinyae.commands import anomaly_report as report
from tinyae.commands.reading import reading
from tinyae.commands.through_a_model import check_out
from tinyae.samples import Preparation, blocks, sample_writer
from tinyae.training.threads import thread_count

WHO = "anomaly score"


def run(arguments):
    """Read, score, write, print."""
    out = Path(arguments.out)
    if out.suffix.lower() != ".csv":
        raise UsageError(f"{WHO}: expected --out to end in .csv, got {out}; for arrays there is --errors FILE.npy.")
    for path in filter(None, (arguments.out, arguments.errors)):
        check_out(WHO, path, arguments.model, arguments.data)
    if arguments.limit is not None:
        check_int(WHO, "limit", arguments.limit, 1)
    threads = thread_count(arguments.threads)
    detector = anomaly.load(arguments.model)
    threshold = threshold_of(arguments, detector)
    preparation = Preparation.from_json(detector.preprocessing, WHO)
    x, samples, labels, words = samples_of(
        arguments.data, arguments.data_dir, preparation, seed=arguments.seed, limit=arguments.limit,
        normal=tuple(arguments.normal), **reading(arguments),
    )  # fmt: skip
    if not len(x):
        raise UsageError(f"{WHO}: {arguments.data}: expected samples to score, got none.")

    scores = detector.scores(x, threads)
    files = samples.files if samples is not None else None
    numbers = np.arange(len(x))
    report.write_scores(out, detector, x, scores, threshold, preparation.names, numbers, labels, files, threads)
    picture = out.with_suffix(".png")
    title = f"{report.title_of(Path(arguments.data).name)}, {len(x):,} {preparation.kind}"
    plots.save(report.strangest(detector, x, scores, preparation.names, numbers, labels, title, threads), picture)
    written = [str(out), str(picture)]
    if arguments.errors:
        write_errors(arguments.errors, detector, x, preparation, files, threads)
        written.append(arguments.errors)
    metrics = {
        "data": str(arguments.data),
        "kind": preparation.kind,
        "threshold": {"value": threshold.value, "words": threshold.words},
        "alarms": report.alarm_counts(threshold, scores, labels),
        "auroc": None if labels is None else anomaly.auroc(labels, scores),
        "average_precision": None if labels is None else anomaly.average_precision(labels, scores),
    }
    print(json.dumps(metrics, indent=2) if arguments.json else describe(metrics, threshold, words, written))
    return 0


def threshold_of(arguments, detector):
    """The detector's threshold, or the one given."""
    if arguments.threshold is None:
        if detector.threshold is None:
            raise UsageError(f"{WHO}: expected a detector with a threshold, got one without; give --threshold.")
        return detector.threshold
    value = check_float(WHO, "threshold", arguments.threshold, 0.0, float("inf"), open_high=True)
    known = detector.threshold or anomaly.Threshold(value, "given", "", 0, 1)
    return replace(known, value=value, rule="given", words="as given by --threshold", expected=0, n=0)


def write_errors(path, detector, x, preparation, files, threads):
    """The error of every number of every sample."""
    with contextlib.ExitStack() as stack:
        write = stack.enter_context(sample_writer(path, names=preparation.names, files=files, who=WHO))
        for rows in blocks(x):
            write(detector.feature_errors(x[rows], threads).astype(np.float32))


def describe(m, threshold, words, written):
    """The metrics for a reader."""
    a = m["alarms"]
    lines = [f"threshold {threshold.value:.6g}: {threshold.words}"]
    if threshold.n:
        lines += [f"expected: {threshold.rate * a['n']:.0f} alarms in {a['n']:,} {m['kind']} like the training ones"]
    if m["auroc"] is None:
        lines += [f"alarms: {a['alarms']:,} of {a['n']:,}", f"no AUROC, precision or recall: {words}"]
    else:
        lines += [
            f"alarms: {a['alarms']:,} of {a['n']:,}; {a['found']:,} of {a['anomalies']:,} anomalies found, "
            f"{a['false_alarms']:,} false alarms, F1 {a['f1']:.3f} (normal: {words})",
            f"AUROC {m['auroc']:.4f}, average precision {m['average_precision']:.4f}",
        ]
    return "\n".join([*lines, f"written: {', '.join(written)}"])
