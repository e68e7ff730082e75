"""The tables of `tinyae recommend train`, for the terminal and for files."""

from dataclasses import asdict

from tinyae.reporting import peak_memory_mb, versions
from tinyae.tables import markdown, plain

LIST = 10  # length of the lists that are scored
COLUMNS = (
    ("method", "method", "{}"),
    ("RMSE", "rmse", "{:.4f}"),
    ("+-", "spread", "{:.4f}"),
    ("per-user RMSE", "user_rmse", "{:.4f}"),
    ("MAE", "mae", "{:.4f}"),
    (f"recall@{LIST}", "recall", "{:.4f}"),
    (f"NDCG@{LIST}", "ndcg", "{:.4f}"),
)
PROTOCOL = (
    "RMSE: all test ratings pooled; per-user RMSE: each user's own, mean over users; MAE; all in stars, predictions "
    f"cut to the scale. recall@{LIST} and NDCG@{LIST}: items ranked for every user without those of the training part; "
    "to be found are the test items with stars in the upper quarter of the scale (4 and 5 of 1 to 5); recall is "
    f"divided by what a list of {LIST} can hold; means over users who have something to be found. +-: standard "
    "deviation of the RMSE over the random splits."
)


def describe(arguments, ratings, settings, results):
    """Everything for metrics.json."""
    return {
        "dataset": ratings.name,
        "n_ratings": len(ratings),
        "n_users": ratings.n_users,
        "n_items": ratings.n_items,
        "scale": list(ratings.scale),
        "settings": asdict(settings) | {"limit": arguments.limit},
        "list_length": LIST,
        "protocol": PROTOCOL,
        "splits": results,
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "versions": versions(),
    }


def title_of(split, result):
    """'u1', or 'random 90/10, mean of 5 splits'."""
    count = len(result["seeds"])
    return split if split != "random" else f"random 90/10, mean of {count} splits" if count > 1 else "random 90/10"


def columns_of(result):
    """The columns, without the spread where there is one split alone."""
    return [c for c in COLUMNS if c[1] != "spread" or len(result["seeds"]) > 1]


def as_text(metrics):
    """The tables for the terminal."""
    parts = []
    for split, result in metrics["splits"].items():
        parts.append(f"{metrics['dataset']}, {title_of(split, result)}:")
        parts.append(plain(result["rows"], columns_of(result)))
        parts += [*result["verdicts"], ""]
    return "\n".join(parts)


def as_markdown(metrics):
    """The tables for table.md."""
    parts = [
        f"# Recommending: {metrics['dataset']}",
        f"{metrics['n_ratings']:,} ratings of {metrics['n_users']:,} users for {metrics['n_items']:,} items.",
    ]
    for split, result in metrics["splits"].items():
        parts.append(f"## {title_of(split, result)}")
        parts.append(markdown(result["rows"], columns_of(result)))
        parts.append("\n".join(result["verdicts"]))
    return "\n\n".join([*parts, PROTOCOL]) + "\n"
