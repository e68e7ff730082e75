"""What `tinyae anomaly fit` and `score` write and say: scores with the columns to blame, pictures, words."""

import csv

import numpy as np

from tinyae import plots
from tinyae.applications.anomaly import most_to_blame
from tinyae.files import write_atomically
from tinyae.plots import anomaly as pictures
from tinyae.reporting import dataset_title
from tinyae.samples.lazy import blocks
from tinyae.tables import markdown, plain

COLUMNS = [
    ("method", "method", "{}"),
    ("AUROC", "auroc", "{:.4f}"),
    ("average precision", "average_precision", "{:.4f}"),
]
BLAMED, MOST_STRANGE, FEWEST_FOR_CURVES = 3, 9, 40
TINY = 1e-300  # stands for a sum of 0 that is divided by


def title_of(name):
    """'MNIST, 3 % damaged'."""
    if str(name).startswith("damaged-"):
        return f"{dataset_title(name.removeprefix('damaged-'))}, some under noise"
    return dataset_title(name)


def column_name(j, names, shape):
    """What a number of a sample is called: the column's name or number, or the pixel's place (from 0)."""
    if names:
        return names[j]
    if len(shape) == 1:
        return str(j + 1)
    row, column, channel = np.unravel_index(j, shape)
    return f"row {row} column {column}" + (f" channel {channel}" if shape[2] > 1 else "")


def write_scores(path, detector, x, scores, threshold, names, numbers, labels, files, threads):
    """The scores as CSV: row (from 1; images from 0), score, alarm, label where known, the columns most to blame."""
    shape = detector.sample_shape
    first = int(len(shape) == 1)
    k = min(BLAMED, int(np.prod(shape)))
    head = ["file" if files else "row" if first else "image", "score", "alarm"]
    head += [] if labels is None else ["anomaly"]
    for i in range(1, k + 1):
        head += [f"column_{i}", f"value_{i}", f"expected_{i}", f"part_{i}"]

    def lines(rows):
        part = np.asarray(x[rows])
        errors, expected = (array.reshape(len(part), -1) for array in detector.explain(part, threads))
        blamed, flat = most_to_blame(errors, k), part.reshape(len(part), -1)
        shares = errors / np.maximum(errors.sum(axis=1, keepdims=True), TINY)
        for i, (n, alarm) in enumerate(zip(range(rows.start, rows.stop), threshold.alarms(scores[rows]), strict=True)):
            sample = files[numbers[n]] if files else int(numbers[n]) + first
            line = [sample, f"{scores[n]:.8g}", "yes" if alarm else "no"]
            line += [] if labels is None else [int(labels[n])]
            for j in blamed[i]:
                line += [column_name(j, names, shape), f"{flat[i, j]:.7g}"]
                line += [f"{expected[i, j]:.4g}", f"{shares[i, j]:.3f}"]
            yield line

    def write(temporary):
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(head)
            for rows in blocks(x):
                writer.writerows(lines(rows))

    write_atomically(path, write)


def strangest(detector, x, scores, names, numbers, labels, title, threads):
    """The picture of the samples with the highest scores: images, curves, or rows against columns."""
    chosen = np.argsort(-scores, kind="stable")[:MOST_STRANGE]
    part = np.asarray(x[chosen])
    errors, expected = (array.reshape(len(part), -1) for array in detector.explain(part, threads))
    shape = detector.sample_shape
    what, first = ("row", 1) if len(shape) == 1 else ("image", 0)

    def note(i):
        known = "" if labels is None else ", anomaly" if labels[chosen[i]] else ", normal"
        return f"{what} {numbers[chosen[i]] + first}{known}"

    notes = [f"{note(i)}: {plots.in_digits(scores[n])}" for i, n in enumerate(chosen)]
    title = f"{title}: the highest scores"
    if len(shape) == 3:
        notes = [text.replace(", ", "\n").replace(": ", "\n") for text in notes]
        flat = part.reshape(len(part), -1)
        return pictures.strangest_images(flat, expected, errors, notes, shape, title)
    if not names and shape[0] >= FEWEST_FOR_CURVES:
        return pictures.strangest_curves(part, expected, errors, notes, title)
    names = names or [str(j + 1) for j in range(shape[0])]
    return pictures.strangest_rows(errors, names, notes, title)


def alarm_counts(threshold, scores, labels):
    """Alarms among the samples judged, and where labels are known what they are worth."""
    alarms = threshold.alarms(scores)
    counts = {"alarms": int(alarms.sum()), "n": len(scores)}
    if labels is not None:
        hits = int((alarms & labels).sum())
        counts |= {
            "anomalies": int(labels.sum()),
            "found": hits,
            "false_alarms": int(alarms.sum()) - hits,
            "precision": hits / alarms.sum() if alarms.any() else None,
            "recall": hits / int(labels.sum()),
            "f1": 2 * hits / int(alarms.sum() + labels.sum()),
        }
    return counts


def verdict(rows, problem):
    """A sentence on how the detector did beside the other methods; without labels, why there is no such score."""
    if not rows:
        return (
            f"no AUROC, precision or recall: {problem.normal}. Scores without labels say which "
            f"{problem.kind} are strange, not whether that is right; look at strangest.png and scores.csv"
        )
    ours, others = rows[0], rows[1:]
    better = [row for row in others if row["auroc"] > ours["auroc"]]
    if better:
        best = max(better, key=lambda row: row["auroc"])
        return f"The detector loses here: {best['method']} has an AUROC of {best['auroc']:.4f}, it {ours['auroc']:.4f}."
    equal = [row["method"] for row in others if row["auroc"] == ours["auroc"]]
    if equal:
        return f"The detector does no better here than {' and '.join(equal)}: AUROC {ours['auroc']:.4f}."
    best = max(others, key=lambda row: row["auroc"])
    lead = ours["auroc"] - best["auroc"]
    return f"The detector is ahead of {best['method']}, the best of the others, by {lead:.4f} AUROC."


def table_text(metrics):
    """The table as Markdown, with the verdict and the alarms."""
    return "\n".join([markdown(metrics["rows"], COLUMNS), "", metrics["verdict"], "", *alarm_lines(metrics)])


def alarm_lines(m):
    """The rule in words, the alarms to expect, the alarms there are."""
    t, a = m["threshold"], m["alarms"]
    lines = [
        f"threshold {t['value']:.6g}: {t['words']}",
        f"expected alarms: {t['expected_alarms']:,} in {t['of']:,} {m['kind']} ({t['expected_alarms'] / t['of']:.2%})",
    ]
    if "found" in a:
        lines += [
            f"alarms: {a['alarms']:,} of {a['n']:,} judged; {a['found']:,} of {a['anomalies']:,} anomalies found, "
            f"{a['false_alarms']:,} false alarms, F1 {a['f1']:.3f}"
        ]
    elif a["n"] != t["of"] or a["alarms"] != t["expected_alarms"]:
        lines += [f"alarms: {a['alarms']:,} of {a['n']:,}"]
    return lines


def describe_fit(m, problem):
    """The metrics for a reader."""
    lines = [f"{title_of(m['data'])}: {m['n_train']:,} {m['kind']} trained on, code of {m['settings']['code_size']}"]
    if m["rows"]:
        judged = "the same" if problem.same else f"{m['judged']:,} {m['kind']}"
        lines += [f"judged on {judged}, normal: {problem.normal}", plain(m["rows"], COLUMNS)]
    lines += [m["verdict"], *alarm_lines(m)]
    lines += [f"trained {m['epochs']} epochs, {m['seconds_train']:.0f} s, peak memory {m['peak_rss_mb']:.0f} MB"]
    return "\n".join(lines)
