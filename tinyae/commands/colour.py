"""`tinyae colour`: train a net that knows colours, or let a trained one colour grey pictures."""

import contextlib
from dataclasses import fields, replace
from pathlib import Path

from tinyae.checks import UsageError
from tinyae.commands.options import add_common, add_data_dir, add_limit, add_resume, checkpoint_of, print_results
from tinyae.commands.reading import add_reading, reading

FILES = ("model.npz", "history.csv", "picture.png", "table.md", "metrics.json")
COLUMNS = [
    ("method", "method", "{}"),
    ("chrominance error, 1/255", "error", "{:.2f}"),
    ("PSNR, dB", "psnr", "{:.2f}"),
    ("saturation, 1/255", "saturation", "{:.1f}"),
    ("made paler, % of pixels", "percent_made_paler", "{:.1f}"),
]
SHOWN_IMAGES = 10


def add(commands):
    """The options of `tinyae colour`."""
    colour = commands.add_parser(
        "colour",
        help="learn the colours of pictures, and colour grey ones",
        description="Train a net on colour images to predict the colour (chrominance) of each pixel from the "
        "brightness (luminance) of the picture, and compare it on test images with plain guesses. Or, with --model and "
        "--input, colour your own grey pictures with a net trained so: they keep their brightness exactly, and may "
        "have any size.",
        epilog="example: tinyae colour --dataset coloured --limit 1000 --epochs 3 --out results/colour",
    )
    colour.add_argument(
        "--dataset",
        help="coloured (built in), cifar10, cifar10-part, cifar10-jpeg, or colour images of your own: a folder of "
        "pictures or an array (N, H, W, 3), of which a tenth is held out for testing (default: coloured)",
    )  # fmt: skip
    add_data_dir(colour)
    colour.add_argument("--epochs", type=int, help="default: 10")
    add_limit(colour)
    colour.add_argument("--model", metavar="FILE", help="a model.npz of this command: colour --input with it")
    colour.add_argument(
        "--input", metavar="PATH",
        help="grey pictures for --model: a picture, a folder, an array; of colour ones only the brightness is used. "
        "--out gets the coloured ones: a .png for a single picture, a new folder, or a .npy",
    )  # fmt: skip
    add_resume(colour)
    add_common(colour, "colour")
    add_reading(colour, label=False)
    colour.set_defaults(run=run)


def run(arguments):
    """`tinyae colour`."""
    if (arguments.model is None) != (arguments.input is None):
        have, lack = ("--model", "--input") if arguments.input is None else ("--input", "--model")
        raise UsageError(f"colour: expected {lack} together with {have}, got none.")
    if arguments.model is None:
        return run_training(arguments)
    for name in ("dataset", "epochs", "limit", "resume"):
        if getattr(arguments, name):
            raise UsageError(f"colour: expected no --{name} with --model, got one; the model is used as it is.")
    return run_model(arguments)


# -- training ---------------------------------------------------------------------------


def run_training(arguments):
    """Train, compare with plain guesses, write FILES."""
    from tinyae.applications.colour import run as colouring
    from tinyae.files import writable_folder

    arguments.own = reading(arguments)
    given = {f.name: getattr(arguments, f.name, None) for f in fields(colouring.Settings)}
    settings = colouring.Settings(**{name: value for name, value in given.items() if value is not None})
    folder = writable_folder(arguments.out, "colour")  # before minutes of work, not after
    result = colouring.run(settings, checkpoint=checkpoint_of(arguments, folder))
    write_report(result, folder)
    print_results(arguments, result.metrics, describe, folder, FILES)
    return 0


def write_report(result, folder):
    """Write FILES into an existing folder, each atomically; the metrics last."""
    from tinyae import plots, storage
    from tinyae.reporting import write_json, write_text
    from tinyae.tables import markdown

    storage.save(result.model, folder / "model.npz", preprocessing=result.preprocessing)
    result.history.to_csv(folder / "history.csv")
    plots.save(picture(result), folder / "picture.png")
    m = result.metrics
    text = f"{headline(m)}\n\n{markdown(table(m), COLUMNS)}\n\n{verdict(m)} {paleness(m)}\n"
    write_text(folder / "table.md", text)
    write_json(folder / "metrics.json", m)


def picture(result):
    """Some test images: grey, coloured by the best plain guess and by the net, and as they were."""
    from tinyae.applications.colour import image_errors, into_gamut, luminance
    from tinyae.plots.colour import colour_rows
    from tinyae.reporting import dataset_title

    original = result.original[:SHOWN_IMAGES]
    grey = luminance(original).clip(0, 1)

    def row(method):
        chrominance = result.chrominance[method][:SHOWN_IMAGES]
        return method, into_gamut(grey, chrominance)[0], image_errors(original, chrominance)

    best, error = best_guess(result.metrics), errors(result.metrics)
    rows = [("grey", grey, None), row(best), row("autoencoder"), ("original", original, None)]
    title = (
        f"{dataset_title(result.metrics['dataset'])}: chrominance error {error[best]:.2f}/255 by {best}, "
        f"{error['autoencoder']:.2f}/255 by the autoencoder ({len(result.original):,} test images; below: of each)"
    )
    return colour_rows(rows, title)


def errors(m):
    """Method -> chrominance error."""
    return {row["method"]: row["error"] for row in m["rows"]}


def best_guess(m):
    """Name of the guess without a net that has the lowest error."""
    error = {name: value for name, value in errors(m).items() if name not in ("autoencoder", "untrained net")}
    return min(error, key=error.get)


def table(m):
    """The rows for COLUMNS, the originals last."""
    rows = [row | {"percent_made_paler": 100 * row["made_paler"]} for row in m["rows"]]
    return [*rows, {"method": "original", "saturation": m["original_saturation"]}]


def headline(m):
    """What the table is about."""
    size = " x ".join(map(str, m["image_shape"]))
    return (
        f"{m['dataset']}, {m['n_test']:,} test images {size}, colours guessed from the luminance ({m['space']}; error: "
        "root of the mean square over all pixels of Cb and Cr):"
    )


def verdict(m):
    """One sentence: by how much the net wins, or that it loses."""
    error, best = errors(m), best_guess(m)
    gain = 100 * (1 - error["autoencoder"] / error[best])
    if gain > 0:
        return f"The autoencoder's error is {gain:.1f} % below that of the best plain guess ({best})."
    return f"The autoencoder loses: its error is {-gain:.1f} % above that of the best plain guess ({best})."


def paleness(m):
    """One sentence on what squared error does to colours."""
    share = 100 * next(row["saturation"] for row in m["rows"] if row["method"] == "autoencoder")
    return f"Its colours have {share / max(m['original_saturation'], 1e-9):.0f} % of the originals' saturation."


def describe(m):
    """The metrics for a reader."""
    from tinyae.tables import plain

    trained = f"trained {m['epochs']} epochs in {m['seconds_train']:.0f} s, peak memory {m['peak_rss_mb']:.0f} MB"
    return "\n".join([headline(m), plain(table(m), COLUMNS), verdict(m), paleness(m), trained])


# -- a trained net ---------------------------------------------------------------------------


def run_model(arguments):
    """Colour the pictures of a file or folder with a trained net."""
    from tinyae.applications.colour import check_colour_net, colourise, luminance
    from tinyae.samples import Preparation, blocks, read_samples
    from tinyae.storage import load

    model = load(arguments.model)
    check_colour_net(model, arguments.model, "colour")
    samples = read_samples(arguments.input, who="colour", **reading(arguments))
    height, width, channels = samples.sample_shape if samples.kind == "images" else (1, *samples.sample_shape, 0)
    if channels not in (1, 3):
        got = f"images of {channels} channels" if channels else f"rows of {width} numbers"
        raise UsageError(f"colour: {arguments.input}: expected grey or colour pictures, got {got}.")
    preparation = replace(Preparation.of(model, "colour"), shape=samples.sample_shape)
    x = preparation.apply(samples, who="colour")
    coloured = replace(preparation, shape=(height, width, 3))
    with writer(arguments, samples) as write:
        for rows in blocks(x):
            y = luminance(x[rows]).clip(0, 1) if channels == 3 else x[rows]
            write(coloured.undo(colourise(model, y, arguments.threads), samples.x.dtype))
    out = output_path(arguments, samples)
    m = {"pictures": len(samples), "image_shape": [height, width, 3], "coloured_at": list(model.input_shape[:2])}
    print_results(arguments, m | {"out": str(out)}, describe_pictures, out.parent, [out.name])
    return 0


def describe_pictures(m):
    """What was coloured, for a reader."""
    height, width = m["coloured_at"]
    pictures = f"{m['pictures']:,} picture{'s' * (m['pictures'] != 1)} of {m['image_shape'][0]} x {m['image_shape'][1]}"
    if m["image_shape"][:2] == m["coloured_at"]:
        return f"{pictures} coloured"
    return f"{pictures}: colours guessed at the net's {height} x {width}, brightness kept as it was"


def writer(arguments, samples):
    """A context in which coloured pictures are written to --out, which appears at its end."""
    from tinyae.samples import sample_writer
    from tinyae.samples.writing import check_writable

    out = output_path(arguments, samples)
    if out.suffix.lower() == ".png":
        if len(samples) != 1:
            raise UsageError(f"colour: expected a folder or a .npy for {len(samples):,} pictures, got {out}.")
        if not out.parent.is_dir():
            raise UsageError(f"colour: {out}: expected an existing folder to write to, got {out.parent}.")
        return one_png(out)
    if arguments.out == "results/colour":
        out.parent.mkdir(exist_ok=True)
    check_writable(out, "colour")
    return sample_writer(out, files=samples.files, who="colour")


@contextlib.contextmanager
def one_png(path):
    """A function that writes one picture (1, H, W, 3), bytes or floats, to `path`."""
    import numpy as np
    from PIL import Image

    from tinyae.files import appearing
    from tinyae.pictures import as_bytes

    def write(picture):
        Image.fromarray(picture[0] if picture.dtype == np.uint8 else as_bytes(picture, picture.shape[1:])[0]).save(new)

    with appearing(path) as new:
        yield write


def output_path(arguments, samples):
    """Where the coloured pictures go: --out, or results/coloured with the input's kind of file."""
    if arguments.out != "results/colour":
        return Path(arguments.out)
    return Path("results/coloured" if samples.files else "results/coloured.npy")
