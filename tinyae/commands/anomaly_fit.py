"""The work of `tinyae anomaly fit`."""

import time

from tinyae import plots
from tinyae.applications import anomaly
from tinyae.applications.anomaly.fitting import SCALES
from tinyae.applications.anomaly.problems import load_problem
from tinyae.checks import UsageError, check_choice, check_int
from tinyae.commands import anomaly_report as report
from tinyae.commands.options import checkpoint_of, print_results
from tinyae.commands.reading import reading
from tinyae.files import writable_folder
from tinyae.reporting import announce, peak_memory_mb, versions, write_json, write_text
from tinyae.training.threads import thread_count

WHO = "anomaly fit"
OPTIONS = {"quantile": ("contamination",), "deviations": ("k",), "budget": ("alarms", "per")}


def run(arguments):
    """Train, choose a threshold, judge, write."""
    name = data_name(arguments)
    rule, settings = threshold_rule(arguments)
    threads = thread_count(arguments.threads)
    problem = load_problem(
        name, arguments.data_dir, seed=arguments.seed, limit=arguments.limit, normal=tuple(arguments.normal),
        train_on=arguments.train_on, **reading(arguments),
    )  # fmt: skip
    rule, settings = rule_for(problem, rule, settings)
    folder = writable_folder(arguments.out, WHO)  # before minutes of work, not after
    for remark in problem.remarks:
        announce(remark)
    x = problem.x_train
    announce(f"{problem.name}: training on {len(x):,} {problem.kind} of {x[0].size:,} numbers, {threads} threads")

    start = time.perf_counter()
    detector = anomaly.fit_detector(
        x, scale=problem.scale, code_size=arguments.code_size or "auto", epochs=arguments.epochs or "auto",
        seed=arguments.seed, threads=threads, progress=True, checkpoint=checkpoints(arguments, folder, problem),
        who=WHO,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    training_scores = detector.scores(x, threads)
    judged = problem.x_judged
    scores = training_scores if problem.same else detector.scores(judged, threads)
    labels = problem.judged_labels
    if rule == "best-f1":
        threshold = anomaly.by_f1(scores, labels)
    else:
        threshold = anomaly.by_rule(rule, training_scores, **settings)
    detector.threshold, detector.preprocessing = threshold, problem.preparation.to_json()

    rows, curves = judge(problem, detector, scores, arguments, threads)
    metrics = about(arguments, problem, detector, threshold, seconds, threads) | {
        "judged": len(scores),
        "alarms": report.alarm_counts(threshold, scores, labels),
        "rows": rows,
        "verdict": report.verdict(rows, problem),
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "versions": versions(),
    }
    files = write(folder, problem, detector, scores, threshold, metrics, curves, threads)
    print_results(arguments, metrics, lambda m: report.describe_fit(m, problem), folder, files)
    return 0


# -- before the work ----------------------------------------------------------------------------


def data_name(arguments):
    """DATA or --dataset."""
    if (arguments.data is None) == (arguments.dataset is None):
        got = "none" if arguments.data is None else "both"
        raise UsageError(f"{WHO}: expected DATA or --dataset, got {got}; example: tinyae anomaly fit damaged-digits.")
    check_choice(WHO, "scale", arguments.scale, ("auto", *SCALES))
    check_int(WHO, "seed", arguments.seed, 0)
    for name in ("epochs", "code_size", "limit"):
        if getattr(arguments, name) is not None:
            check_int(WHO, name, getattr(arguments, name), 1)
    return arguments.data or arguments.dataset


def threshold_rule(arguments):
    """(name of the rule or None, its settings) that was asked for; UsageError for options of different rules."""
    given = {n: getattr(arguments, n) for names in OPTIONS.values() for n in names}
    given = {name: value for name, value in given.items() if value is not None}
    rule = arguments.rule
    if rule is None and given:
        rule = next(rule for rule, names in OPTIONS.items() if any(name in given for name in names))
    if rule is None:
        return None, {}
    check_choice(WHO, "rule", rule, anomaly.RULES)
    for name in given:
        if name not in OPTIONS.get(rule, ()):
            raise UsageError(f"{WHO}: expected no --{name} for the rule {rule}, got one; choose one rule.")
    if rule == "budget" and "alarms" not in given:
        raise UsageError(f"{WHO}: expected --alarms for the rule budget, got none; how many can you look at?")
    anomaly.by_rule(rule, range(1_000_000) if "alarms" in given else [0.0, 1.0],
                    **given | ({"labels": [0, 1]} if rule == "best-f1" else {}))  # fmt: skip
    return rule, given


def rule_for(problem, rule, settings):
    """The rule with its settings for this data; UsageError where the data cannot serve it."""
    if rule is None:
        return (
            ("shape", {}) if problem.contamination is None else ("quantile", {"contamination": problem.contamination})
        )
    if rule == "quantile" and not settings and problem.contamination is not None:
        return rule, {"contamination": problem.contamination}
    if rule == "best-f1" and problem.labels is None:
        raise UsageError(f"{WHO}: expected labels for the rule best-f1, got none; {problem.normal}.")
    if rule == "budget" and settings["alarms"] > settings.get("per", len(problem.train)):
        per = settings.get("per", len(problem.train))
        raise UsageError(f"{WHO}: expected --alarms of at most {per:,} rows, got {settings['alarms']:g}.")
    return rule, settings


def checkpoints(arguments, folder, problem):
    """The checkpoint of net i, in a folder of its own."""
    first = checkpoint_of(arguments, folder / "checkpoint" / "net_1")
    how = {"data": problem.name, "limit": arguments.limit, "scale": problem.scale}

    def of(i):
        twin = first.of(**how)
        twin.folder = folder / "checkpoint" / f"net_{i + 1}"
        twin.path = twin.folder / first.path.name
        return twin

    return of


# -- results ------------------------------------------------------------------------------------


def judge(problem, detector, scores, arguments, threads):
    """(rows of the table, curves for the picture); ([], []) without labels."""
    labels = problem.judged_labels
    if labels is None:
        return [], []
    announce("the methods beside it")
    series = {"detector": scores}
    for name, method in anomaly.baselines(detector, problem.x_train, arguments.seed, threads).items():
        series[name] = method(problem.x_judged)
    rows, curves = [], []
    for name, values in series.items():
        row = {
            "method": name,
            "auroc": anomaly.auroc(labels, values),
            "average_precision": anomaly.average_precision(labels, values),
        }
        false_alarms, hits, _ = anomaly.roc_curve(labels, values)
        precision, recall, _ = anomaly.precision_recall_curve(labels, values)
        rows.append(row)
        curves.append(row | {"name": name, "roc": (false_alarms, hits), "pr": (precision, recall)})
    return rows, curves


def about(arguments, problem, detector, threshold, seconds, threads):
    """What was run."""
    return {
        "data": problem.name,
        "kind": problem.kind,
        "n_train": len(problem.train),
        "train_on": arguments.train_on,
        "sample_shape": list(detector.sample_shape),
        "settings": detector.settings,
        "nets": len(detector.nets),
        "epochs": len(detector.histories[0]),
        "train_loss": [history["loss"][-1] for history in detector.histories],
        "seed": arguments.seed,
        "limit": arguments.limit,
        "threads": threads,
        "seconds_train": round(seconds, 2),
        "threshold": {
            "rule": threshold.rule,
            "words": threshold.words,
            "value": threshold.value,
            "expected_alarms": threshold.expected,
            "of": threshold.n,
        },
    }


def write(folder, problem, detector, scores, threshold, metrics, curves, threads):
    """Write everything; the names of the files."""
    files = ["model.npz", "scores.csv", "scores.png", "strangest.png"]
    anomaly.save(detector, folder / "model.npz")
    names = problem.preparation.names
    report.write_scores(
        folder / "scores.csv", detector, problem.x_judged, scores, threshold, names, problem.judged - problem.first,
        problem.judged_labels, problem.files, threads,
    )  # fmt: skip
    from tinyae.plots import anomaly as pictures

    title = f"{report.title_of(problem.name)}, {len(scores):,} {problem.kind}"
    labels = problem.judged_labels
    plots.save(pictures.score_histogram(scores, threshold, labels, title), folder / "scores.png")
    strangest = report.strangest(
        detector, problem.x_judged, scores, names, problem.judged - problem.first, labels, title, threads
    )
    plots.save(strangest, folder / "strangest.png")
    if curves:
        plots.save(pictures.score_curves(curves, labels.mean(), title), folder / "curves.png")
        write_text(folder / "table.md", report.table_text(metrics) + "\n")
        files += ["curves.png", "table.md"]
    write_json(folder / "metrics.json", metrics)
    return [*files, "metrics.json"]
