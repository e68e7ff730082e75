"""The files and the text of `tinyae topics`."""

import numpy as np

from tinyae import plots, reporting, tables
from tinyae.analysis import PCA
from tinyae.applications.topics import POINTS, TermWeights, nearest, strongest_words
from tinyae.applications.topics.comparison import usual_distance, verdict
from tinyae.plots.topics import retrieval_curves, topic_map
from tinyae.training.history import rows_as_csv, seconds_of

TOP_WORDS, DOCUMENT_WORDS = 10, 6
COLUMNS = [("codes", "method", "{}"), ("numbers", "size", "{:,}"), *((f"{n:,}", f"at_{n}", "{:.1%}") for n in POINTS)]


class Findings:
    """Everything a run of `tinyae topics` says.

    Parameters
    ----------
    arguments : argparse.Namespace
    data : Documents
    model : TopicModel
    queries : list of int
        Places in `data.x_test`.
    threads : int
    scores : list of Scores, or None
        None where a trained model is only asked.
    histories : dict or None
    """

    def __init__(self, arguments, data, model, queries, threads, scores=None, histories=None):
        self.data, self.model, self.scores, self.histories = data, model, scores, histories
        self.distance = usual_distance(model.code_size)
        self.codes = model.encode(data.x_test, threads)
        self.units = strongest_words(model, model.encode(data.x_train, threads), TOP_WORDS)
        plain = TermWeights.of(data.x_train)
        self.answers = [self._answer(plain, place, arguments.neighbours) for place in queries]
        self.metrics = self._metrics(arguments, threads)

    def _answer(self, weights, place, n):
        """The documents nearest to one."""
        near, similarity = nearest(self.codes, place, n, self.distance)
        return self._document(weights, place) | {
            "neighbours": [
                {"rank": rank + 1, self.distance: round(float(abs(value)), 4), **self._document(weights, int(other))}
                for rank, (other, value) in enumerate(zip(near, similarity, strict=True))
            ]
        }

    def _document(self, weights, place):
        """A test document by its number, its group and the words that mark it most."""
        (weighted,) = weights(self.data.x_test[place : place + 1])
        strongest = np.argsort(-weighted, kind="stable")[:DOCUMENT_WORDS]
        return {
            "row": int(self.data.rows_test[place]),
            "group": self.data.class_names[self.data.y_test[place]],
            "words": [self.data.words[k] for k in strongest if weighted[k] > 0],
        }

    def _metrics(self, arguments, threads):
        data, model, fine = self.data, self.model, (self.histories or {}).get("fine-tuning")
        return {
            "dataset": data.name, "n_train": len(data.x_train), "n_test": len(data.x_test), "n_words": len(data.words),
            "layer_sizes": [data.x_train.shape[1], *(layer.units for layer in model.net.encoder.layers)],
            "seed": arguments.seed, "threads": threads, "distance": self.distance, "limit": arguments.limit,
            "rows": self.scores and [s.row() for s in self.scores], "verdict": self.scores and verdict(self.scores),
            "nats_per_word": {k: round(v, 4) for k, v in model.cross_entropy(data.x_test, threads).items()},
            "epochs": fine and len(fine),
            "epochs_pretraining": self.histories and sum(len(h) for h in self.histories["pretraining"][:1]),
            "seconds_pretraining": self.histories and round(seconds_of(self.histories["pretraining"]), 2),
            "seconds_fine_tuning": fine and round(sum(fine["seconds"]), 2),
            "warnings": fine and fine.warnings, "units": self.units, "queries": self.answers,
            "peak_rss_mb": round(reporting.peak_memory_mb(), 1), "versions": reporting.versions(),
        }  # fmt: skip

    # -- files ---------------------------------------------------------------------------------

    def write(self, folder):
        """Write everything into an existing folder, each file atomically; the metrics last."""
        reporting.write_text(folder / "words.md", self.words_as_markdown())
        rows = [u | {end: " ".join(u[end]) for end in ("high", "low")} for u in self.units]
        reporting.write_text(folder / "words.csv", rows_as_csv(rows))
        reporting.write_text(folder / "neighbours.csv", rows_as_csv(list(self._neighbour_rows())))
        if self.scores:
            reporting.write_text(folder / "table.md", self.table())
            reporting.write_text(folder / "curve.csv", self.curves_as_csv())
            self.histories["fine-tuning"].to_csv(folder / "history.csv")
            series = [(s.method, s.curve) for s in self.scores]
            plots.save(retrieval_curves(series, f"{self._title()}: {self._asked()}"), folder / "retrieval.png")
            plots.save(self.map(), folder / "map.png")
            self.model.save(folder / "model.npz")
        reporting.write_json(folder / "metrics.json", self.metrics)

    def _neighbour_rows(self):
        for answer in self.answers:
            for n in answer["neighbours"]:
                own = {"query": answer["row"], "query_group": answer["group"]}
                yield own | n | {"words": " ".join(n["words"])}

    def curves_as_csv(self):
        """The precision of every method at every number retrieved."""
        n = len(self.scores[0].curve)
        return rows_as_csv(
            [{"retrieved": i + 1} | {s.method: round(float(s.curve[i]), 6) for s in self.scores} for i in range(n)]
        )

    def words_as_markdown(self):
        """What every number of the code stands for, as a table."""
        rows = [u | {end: ", ".join(u[end]) for end in ("high", "low")} for u in self.units]
        columns = [("number", "unit", "{}"), ("where it is high", "high", "{}"), ("where it is low", "low", "{}")]
        note = (
            "Words that each number of the code brings in when it goes two standard deviations up from the mean code, "
            "and when it goes down."
        )
        return f"{note}\n\n{tables.markdown(rows, columns)}\n"

    def table(self):
        """The scores as Markdown."""
        note = (
            "Share of documents of the query's group among the first 1, 3, 7, ... retrieved. "
            f"{self._asked()} among all others, by {self.distance} distance of the codes."
        )
        return f"{self._title()}: {note}\n\n{tables.markdown(self._rows(), COLUMNS)}\n\n{self.metrics['verdict']}\n"

    def map(self):
        """The net's codes and LSA's in two dimensions."""
        data, k = self.data, self.model.code_size
        chosen = next((s for s in self.scores if s.method == f"LSA-{k}, centred"), None)
        lsa = chosen or next(s for s in self.scores if s.method == f"LSA-{k}")
        panels = []
        for name, codes in (("autoencoder", self.codes), (lsa.method, lsa.codes)):
            if k == 1:
                panels.append((name, np.column_stack([codes, np.zeros(len(codes))])))
            else:
                places = codes if k == 2 else PCA(codes, 2).encode(codes)
                panels.append((name if k == 2 else f"{name}, {k} numbers", places))
        title = f"{self._title()}: {len(data.x_test):,} test documents"
        axes = "number" if k <= 2 else "principal component of the codes"
        return topic_map(panels, data.y_test, data.class_names, data.families, title, axes)

    def _title(self):
        return reporting.dataset_title(self.data.name)

    def _asked(self):
        return f"each of {len(self.data.x_test):,} test documents asks"

    def _rows(self):
        return [s.row() for s in self.scores]

    # -- for a reader ---------------------------------------------------------------------------

    def describe(self, m):
        """The metrics as text."""
        lines = []
        for answer in m["queries"]:
            lines.append(f"like test document {named(answer)}:")
            lines += [f"  {n[self.distance]:8.3f}  {named(n)}" for n in answer["neighbours"][:3]]
        sizes = "-".join(map(str, m["layer_sizes"]))
        lines += ["", "words where each number of the code is high | low:"]
        lines += [f"  {u['unit']:>3}  {', '.join(u['high'][:5])} | {', '.join(u['low'][:5])}" for u in m["units"]]
        nats = m["nats_per_word"]
        lines += [
            "",
            f"{self._title()}, {sizes}, cross-entropy {nats['net']:.2f} nats a word (mean document "
            f"{nats['mean_document']:.2f}, floor {nats['floor']:.2f})",
        ]
        if self.scores:
            lines += [
                f"same group among the first n retrieved, {self._asked()} ({self.distance}):",
                tables.plain(self._rows(), COLUMNS), m["verdict"],
                f"pretrained in {m['seconds_pretraining']:.0f} s, fine-tuned in {m['seconds_fine_tuning']:.0f} s, peak "
                f"memory {m['peak_rss_mb']:.0f} MB",
            ]  # fmt: skip
        return "\n".join(lines)


def named(document):
    """'42 (sci.space): orbit, shuttle, launch'."""
    return f"{document['row']} ({document['group']}): {', '.join(document['words'])}"
