"""The files and the text of `tinyae compress`: model, tables, pictures, a compressed file."""

import math

import numpy as np

from tinyae import plots, reporting, storage, tables
from tinyae.applications.compression import Codec, bits_at, psnr_at, psnr_of
from tinyae.applications.compression.codec import HEADER_BYTES
from tinyae.applications.compression.quantiser import MOST_BITS
from tinyae.applications.compression.study import ENTROPY_CODED, LINEAR, OURS, SAME_SIZE, UNTRAINED
from tinyae.files import write_atomically
from tinyae.plots.compression import rate_distortion

FILES = ("model.npz", "table.md", "rate_distortion.png", "reconstructions.png", "test_images.tae", "metrics.json")
METHODS = (OURS, LINEAR, ENTROPY_CODED, SAME_SIZE, UNTRAINED)
SHOWN_IMAGES = 10
MOST_PSNRS = 6
NOTES = f"""\
PSNR: 10 log10(1 / mean squared error per pixel), over all test images. Entropy: what an ideal entropy coder would need
that knows how often each symbol came in training, an estimate. File: the bytes of test_images.tae without its header of
{HEADER_BYTES} bytes. {SAME_SIZE}, {LINEAR}: the same quantisers as the net's, the bits shared among the components as
serves them best. {ENTROPY_CODED}: transform coding, one step for all components and an ideal entropy coder, an
estimate. Quantisers are fitted to training codes; the model itself, needed on both sides, is not counted."""


class Report:
    """Everything a run of `tinyae compress` says.

    Parameters
    ----------
    model : Autoencoder with quantisers
    data : Dataset
    study : tinyae.applications.compression.study.Study
    settings : dict
        Goes into metrics.json.
    """

    def __init__(self, model, data, study, settings, threads=None):
        self.model, self.data, self.study, self.settings, self.threads = model, data, study, settings, threads
        self.bits, codec = settings["bits"], Codec(model)
        self.content = codec.compress(data.x_test, self.bits, threads)
        self.restored = codec.decompress(self.content, threads)
        self.rates = [k * model.code_size for k in (1, 2, 3, 4, 5, 6, MOST_BITS)]
        self.psnrs = _whole_psnrs(study.curves[OURS])
        self.metrics = settings | {
            "rows": self.rows(),
            "psnr_at_bits": {name: {b: psnr_at(c, b) for b in self.rates} for name, c in study.curves.items()},
            "bits_at_psnr": {name: {p: bits_at(c, p) for p in self.psnrs} for name, c in study.curves.items()},
            "least_advantage": {name: list(pair) for name, pair in study.advantage.items()},
            "lossless_bits": study.lossless,
            "curves": study.curves,
            "peak_rss_mb": round(reporting.peak_memory_mb(), 1),
            "versions": reporting.versions(),
        }

    def rows(self):
        """A row for every method at the chosen bits, and for the lossless formats."""
        file_bits = 8 * (len(self.content) - HEADER_BYTES) / len(self.data.x_test)
        rows = []
        for name in METHODS:
            points = self.study.curves[name]
            nearest = min(points, key=lambda point: abs(point["bits"] - self.bits))
            exact = nearest["bits"] == self.bits
            rows.append(
                {
                    "method": name,
                    "units": nearest["units"],
                    "bits": self.bits,
                    "entropy_bits": nearest["entropy_bits"] if exact else None,
                    "psnr": psnr_at(points, self.bits),
                }
            )
        rows[0] |= {"file_bits": file_bits, "psnr": psnr_of(self.data.x_test, self.restored)}
        names = {"zlib": "zlib, all images in one stream", "png": "PNG, a file each"}
        return rows + [
            {"method": names[name], "bits": bits, "psnr": None} for name, bits in self.study.lossless.items() if bits
        ]

    def tables(self, form):
        """The three tables in `form`, tables.plain or tables.markdown, with a title each."""
        columns = [
            ("method", "method", "{}"), ("numbers", "units", "{}"), ("bits per image", "bits", "{:,.0f}"),
            ("entropy, bits", "entropy_bits", "{:.1f}"), ("file, bits", "file_bits", "{:.1f}"),
            ("PSNR, dB", "psnr", "{:.2f}"),
        ]  # fmt: skip
        yield f"At {self.bits} bits per image:", form(self.metrics["rows"], columns)
        for what, values, key, number in (
            ("PSNR in dB at so many bits per image:", self.rates, "psnr_at_bits", "{:.2f}"),
            ("Bits per image for a PSNR:", self.psnrs, "bits_at_psnr", "{:.0f}"),
        ):
            unit = "bits" if key == "psnr_at_bits" else "dB"
            rows = [{"method": name} | self.metrics[key][name] for name in METHODS]
            yield what, form(rows, [("method", "method", "{}"), *((f"{v} {unit}", v, number) for v in values)])

    def sentences(self):
        """Who wins, in words."""
        ours = self.study.curves[OURS]
        reach = f"{ours[0]['psnr']:.1f} to {max(p['psnr'] for p in ours):.1f} dB"
        lines = []
        for name in (LINEAR, ENTROPY_CODED):
            ratio, psnr = self.study.advantage[name]
            if ratio is None:
                lines.append(f"{name} reaches no PSNR of the net's ({reach}).")
            elif ratio > 1:
                lines.append(
                    f"At every PSNR it reaches ({reach}) the net needs fewer bits than {name}: at the least "
                    f"{ratio:.2f} times fewer, at {psnr:.1f} dB."
                )
            else:
                lines.append(
                    f"The net loses to {name} somewhere from {reach}: at {psnr:.1f} dB it needs {1 / ratio:.2f} "
                    "times as many bits."
                )
        return lines

    def text(self):
        """For the terminal."""
        parts = [f"{what}\n{table}" for what, table in self.tables(tables.plain)]
        return "\n\n".join([self.title(), *parts, "\n".join(self.sentences())])

    def title(self):
        """What was done, in a line."""
        s = self.settings
        return (
            f"{reporting.dataset_title(s['dataset'])}, {s['n_train']:,} training and {s['n_test']:,} test images, "
            f"codes of {s['code_size']} numbers, seed {s['seed']}, trained in {s['seconds_train']:.0f} s"
        )

    def markdown(self):
        """table.md."""
        parts = [f"{what}\n\n{table}" for what, table in self.tables(tables.markdown)]
        return "\n\n".join([f"{self.title()}.", *parts, " ".join(self.sentences()), NOTES]) + "\n"

    def write(self, folder):
        """FILES, each atomically; the metrics last."""
        storage.save(self.model, folder / "model.npz")
        reporting.write_text(folder / "table.md", self.markdown())
        figure = rate_distortion(
            {name: self.study.curves[name] for name in METHODS},
            f"{reporting.dataset_title(self.data.name)}, {self.settings['n_test']:,} test images",
            (ENTROPY_CODED,),
            {"zlib": self.study.lossless["zlib"], "PNG": self.study.lossless["png"]},
        )
        plots.save(figure, folder / "rate_distortion.png")
        plots.save(self.reconstructions(), folder / "reconstructions.png")
        write_atomically(folder / "test_images.tae", lambda temporary: temporary.write_bytes(self.content))
        reporting.write_json(folder / "metrics.json", self.metrics)

    def reconstructions(self):
        """Test images, and what is left of them at the chosen bits and at one bit a number."""
        data = self.data
        per_class = max(1, SHOWN_IMAGES // len(np.unique(data.y_test)))
        chosen = reporting.some_of_each_class(data.y_test, per_class, self.settings["seed"])[:SHOWN_IMAGES]
        x = data.x_test[chosen]
        shown = [("test image", x)]
        linear, codec = self.study.linear, Codec(self.model)
        for bits in sorted({self.bits, self.rates[0]}, reverse=True):
            shown.append((f"net, {bits} bits", codec.decompress(codec.compress(x, bits, 1), 1)))
            quantiser = linear.quantisers.share(min(bits, MOST_BITS * linear.quantisers.size))
            codes = quantiser.decode(quantiser.encode(linear.pca.encode(x)))
            shown.append((f"PCA, {bits} bits", linear.decode(codes)))
        return plots.reconstruction_rows(shown, data.image_shape, title=reporting.dataset_title(data.name))


def _whole_psnrs(points):
    """Some whole decibels that the curve reaches, at most MOST_PSNRS."""
    low, high = points[0]["psnr"], max(point["psnr"] for point in points)
    whole = list(range(math.ceil(low), math.floor(high) + 1)) or [round(high, 1)]
    return (
        whole
        if len(whole) <= MOST_PSNRS
        else [whole[i] for i in np.linspace(0, len(whole) - 1, MOST_PSNRS).astype(int)]
    )
