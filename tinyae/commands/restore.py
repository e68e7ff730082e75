"""`tinyae restore`: train a net to undo damage, or let a trained one restore files."""

from dataclasses import fields, replace
from pathlib import Path

from tinyae.checks import UsageError
from tinyae.commands.options import add_common, add_data_dir, add_resume, checkpoint_of, print_results
from tinyae.commands.reading import add_reading, reading

FILES = ("model.npz", "history.csv", "picture.png", "table.md", "metrics.json")
COLUMNS = [("method", "method", "{}"), ("PSNR, dB", "psnr", "{:.2f}"), ("SSIM", "ssim", "{:.3f}")]
SHOWN_IMAGES = 10
TASKS = "denoise, salt-and-pepper, masking, inpaint, watermark, deblur or superres"


def add(commands):
    """The options of `tinyae restore`."""
    restore = commands.add_parser(
        "restore",
        help="remove noise, watermarks and blur, fill in what is missing, double the resolution",
        description="Damage the images of a data set, train a net to undo it, and compare it with the classical "
        "methods on test images. Or, with --model and --input, let a net trained so restore your own files: pictures "
        "of any size. For a net of task inpaint paint what is missing in the grey 128, 128, 128; for one of superres "
        "give the small pictures.",
        epilog="example: tinyae restore --task denoise --dataset digits --limit 1000 --epochs 2 --out results/restore",
    )
    restore.add_argument("--task", help=TASKS)
    restore.add_argument(
        "--dataset", default="auto",
        help="mnist, fashion-mnist, quickdraw10, cifar10, digits (built in), auto (mnist, or digits without it), or "
        "a file or folder of your own, of which a tenth is held out for testing (default: %(default)s)",
    )  # fmt: skip
    add_data_dir(restore)
    restore.add_argument(
        "--strength", type=float,
        help="of the damage: sigma of the noise (default 0.2), share of the pixels (salt-and-pepper 0.2, masking 0.5), "
        "size of the missing block as a share of the picture's (0.3), opacity of the watermark (0.5), sigma of the "
        "blur in pixels (1)",
    )  # fmt: skip
    restore.add_argument("--epochs", type=int, help="default: so many that the net sees 40,000 images of 28 x 28")
    restore.add_argument(
        "--limit", type=int, default=10_000, metavar="N", help="only the first N training images (default: %(default)s)"
    )
    restore.add_argument("--model", metavar="FILE", help="a model.npz of this command: restore --input with it")
    restore.add_argument("--input", metavar="PATH", help="damaged images for --model; --out gets the restored ones")
    add_resume(restore)
    add_common(restore, "restore")
    add_reading(restore, label=False)
    restore.set_defaults(run=run)


def run(arguments):
    """`tinyae restore`."""
    if (arguments.model is None) != (arguments.input is None):
        have, lack = ("--model", "--input") if arguments.input is None else ("--input", "--model")
        raise UsageError(f"restore: expected {lack} together with {have}, got none.")
    if arguments.model is not None:
        return run_model(arguments)
    if arguments.task is None:
        raise UsageError(f"restore: expected --task (one of {TASKS}), or --model and --input, got neither.")
    return run_training(arguments)


# -- training ---------------------------------------------------------------------------


def run_training(arguments):
    """Train, compare with the classical methods, write FILES."""
    from tinyae.applications.restoration import run as restoration
    from tinyae.files import writable_folder

    arguments.own = reading(arguments)
    names = [f.name for f in fields(restoration.Settings) if hasattr(arguments, f.name)]
    settings = restoration.Settings(**{name: getattr(arguments, name) for name in names})
    folder = writable_folder(arguments.out, "restore")  # before minutes of work, not after
    result = restoration.run(settings, checkpoint=checkpoint_of(arguments, folder))
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
    text = f"{headline(result.metrics)}\n\n{markdown(result.rows, COLUMNS)}\n\n{verdict(result.metrics)}\n"
    write_text(folder / "table.md", text)
    write_json(folder / "metrics.json", result.metrics)


def picture(result):
    """Some test images: damaged, by the best classical method, by the net, and as they were."""
    from tinyae.applications.restoration import image_psnr, painted
    from tinyae.plots.restoration import restoration_rows
    from tinyae.reporting import dataset_title

    shown, classical = slice(SHOWN_IMAGES), result.best_classical
    original = result.original[shown]

    def row(text, images):
        return text, images[shown], image_psnr(original, images[shown])

    rows = [
        row("damaged", painted(result.damaged)),
        row(classical, result.restored[classical]),
        row("autoencoder", result.restored["autoencoder"]),
        ("original", original, None),
    ]
    psnr = {row["method"]: row["psnr"] for row in result.rows}
    title = (
        f"{dataset_title(result.metrics['dataset'])}, {result.settings.task}, mean PSNR of "
        f"{len(result.original):,} test images: {psnr['damaged']:.2f} dB damaged; {psnr[classical]:.2f} dB by "
        f"{classical}; {psnr['autoencoder']:.2f} dB by the autoencoder"
    )
    return restoration_rows(rows, title)


def headline(m):
    """What the table is about."""
    strength = ", ".join(f"{name} {value:g}" for name, value in m["damage"].items())
    size = " x ".join(map(str, m["image_shape"]))
    return (
        f"{m['dataset']}, {m['task']}{f' ({strength})' if strength else ''}, {m['n_test']:,} test images {size} "
        "(mean over the images; SSIM by scikit-image):"
    )


def verdict(m):
    """One sentence: by how much the net wins, or that it loses."""
    psnr = {row["method"]: row["psnr"] for row in m["rows"]}
    best = max((row["method"] for row in m["rows"] if row["kind"] == "classical"), key=psnr.get)
    gain = psnr["autoencoder"] - psnr[best]
    if gain > 0:
        return f"The autoencoder is {gain:.2f} dB above the best classical method ({best})."
    return f"The autoencoder loses: it is {-gain:.2f} dB below the best classical method ({best})."


def describe(m):
    """The metrics for a reader."""
    from tinyae.tables import plain

    trained = f"trained {m['epochs']} epochs in {m['seconds_train']:.0f} s, peak memory {m['peak_rss_mb']:.0f} MB"
    return "\n".join([headline(m), plain(m["rows"], COLUMNS), verdict(m), trained])


# -- a trained net ---------------------------------------------------------------------------


def run_model(arguments):
    """Restore the images of a file or folder with a trained net."""
    from tinyae.applications.restoration import as_inputs, restore
    from tinyae.autoencoder import Autoencoder
    from tinyae.commands.through_a_model import check_out
    from tinyae.samples import Preparation, blocks, sample_writer
    from tinyae.storage import load

    model = load(arguments.model)
    if not isinstance(model, Autoencoder):
        raise UsageError(f"restore: expected a whole autoencoder in {arguments.model}, got a part of one.")
    preparation = Preparation.of(model, "restore")
    task = task_of(model, arguments)
    samples = preparation.read(arguments.input, who="restore", **reading(arguments))
    if samples.kind != "images":
        raise UsageError(
            f"restore: {arguments.input}: expected images, got rows of {samples.sample_shape[0]} numbers; give a "
            "folder of pictures, or an array (N, H, W) or (N, H, W, C)."
        )
    out = output_path(arguments, samples)
    out.parent.mkdir(parents=True, exist_ok=True)
    check_out("restore", out, arguments.input, arguments.model)
    # A net of convolutions takes any height and width; the number of channels is `restore`'s to check.
    x = replace(preparation, shape=samples.sample_shape).apply(samples, who="restore")
    with sample_writer(out, files=samples.files, who="restore") as write:
        for rows in blocks(x):
            images = restore(model, as_inputs(task, x[rows]), arguments.threads)
            write(replace(preparation, shape=images.shape[1:]).undo(images, samples.x.dtype))
    size = " x ".join(map(str, images.shape[1:]))
    m = {"task": task, "images": len(samples), "image_shape": list(images.shape[1:]), "out": str(out)}
    print_results(arguments, m, lambda _: f"{len(samples):,} images {size}, task {task}", out.parent, [out.name])
    return 0


def task_of(model, arguments):
    """The task the net was trained for: its file says so, or --task does."""
    from tinyae.applications.restoration import TASKS as KNOWN
    from tinyae.checks import check_choice

    about = (model.preprocessing or {}).get("restoration")
    task = about.get("task") if isinstance(about, dict) else arguments.task
    if arguments.task not in (None, task):
        raise UsageError(
            f"restore: expected task {task}, which {arguments.model} was trained for, got {arguments.task}."
        )
    if task is not None:
        check_choice("restore", "task", task, KNOWN)
    return task


def output_path(arguments, samples):
    """Where the restored images go: --out, or results/restored with the input's kind of file."""
    if arguments.out != "results/restore":
        return Path(arguments.out)
    return Path("results/restored" if samples.files else "results/restored.npy")
