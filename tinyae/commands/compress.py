"""`tinyae compress` and `tinyae decompress`: images in few bits, and back."""

from tinyae.checks import UsageError
from tinyae.commands.options import add_data_dir, add_limit, add_resume, checkpoint_of, print_results
from tinyae.commands.reading import add_reading, reading

TRAIN = "tinyae compress --dataset digits --limit 1000 --pretrain-epochs 4 --epochs 2 --out results/compress"


def add(commands):
    """The options of both commands."""
    _add_compress(commands)
    _add_decompress(commands)


def _add_compress(commands):
    compress = commands.add_parser(
        "compress",
        help="train a net that compresses images, or compress images with one",
        description="Without --model: train a net whose code bears rounding to few bits, measure bits per image "
        "against PSNR beside principal components and lossless formats, and write the model and the numbers into the "
        "folder --out. With --model and FILE: compress the images in FILE into the file --out, which tinyae decompress "
        "turns back into images with the same model. The loss is the net's: what it has not learned it cannot keep.",
        epilog=f"example: {TRAIN}",
    )
    compress.add_argument("file", nargs="?", metavar="FILE", help="images to compress, in any format of your own files")
    compress.add_argument("--model", metavar="MODEL", help="a model.npz that tinyae compress trained")
    compress.add_argument(
        "--bits", type=int, metavar="N", help="bits per image (default: 4 for each number of the code)"
    )
    compress.add_argument(
        "--dataset", default="auto",
        help="what to train on: mnist, fashion-mnist, quickdraw10, digits (built in), auto (mnist, or digits without "
        "it), or a file or folder of your own images (default: %(default)s)",
    )  # fmt: skip
    add_data_dir(compress)
    compress.add_argument("--code-size", type=int, default=30, help="numbers in a code (default: %(default)s)")
    compress.add_argument("--epochs", type=int, help="of fine-tuning (default: 30, more for few images)")
    compress.add_argument("--pretrain-epochs", type=int, help="of each RBM (default: 4, more for few images)")
    add_limit(compress)
    add_resume(compress)
    compress.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    compress.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    compress.add_argument(
        "--out", help="folder of the results (default: results/compress); with --model the file to write (default: "
        "FILE's name with .tae, in this folder)",
    )  # fmt: skip
    compress.add_argument("--json", action="store_true", help="print the metrics as JSON and nothing else on stdout")
    add_reading(compress, label=False)
    compress.set_defaults(run=run)


def _add_decompress(commands):
    decompress = commands.add_parser(
        "decompress",
        help="turn what tinyae compress wrote back into images",
        description="Turn a file that tinyae compress wrote back into images, with the model it was written with.",
        epilog=f"example: {TRAIN} && tinyae decompress --model results/compress/model.npz "
        "results/compress/test_images.tae --out results/restored.npy",
    )
    decompress.add_argument("file", metavar="FILE", help="a .tae file")
    decompress.add_argument("--model", required=True, metavar="MODEL", help="the model.npz it was compressed with")
    decompress.add_argument(
        "--out", required=True, help="FILE.npy, FILE.csv, or the name of a new folder for numbered PNG"
    )
    decompress.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    decompress.set_defaults(run=run_decompress)


def run(arguments):
    """`tinyae compress`."""
    if (arguments.model is None) != (arguments.file is None):
        given, missing = ("FILE", "--model MODEL") if arguments.model is None else ("--model", "FILE")
        hint = "; to train on it use --dataset FILE" if arguments.model is None else ""
        raise UsageError(f"compress: expected {missing} beside {given}, got none{hint}.")
    return _train(arguments) if arguments.model is None else _compress_file(arguments)


def _train(arguments):
    import time

    from tinyae import datasets, reporting
    from tinyae.applications import compression
    from tinyae.applications.compression.codec import check_bits
    from tinyae.applications.compression.study import SENSITIVITY_ROWS, study
    from tinyae.checks import check_int
    from tinyae.files import writable_folder
    from tinyae.training.threads import thread_count

    code_size = check_int("compress", "code size", arguments.code_size, 1)
    bits = check_bits(4 * code_size if arguments.bits is None else arguments.bits, code_size)
    for name, least in (("epochs", 1), ("pretrain_epochs", 1), ("seed", 0)):
        if getattr(arguments, name) is not None:
            check_int("compress", name, getattr(arguments, name), least)
    threads = thread_count(arguments.threads)
    folder = writable_folder(arguments.out or "results/compress", "compress")  # before minutes of work, not after
    data, preparation = load_images(datasets, arguments)
    if code_size >= data.x_train.shape[1]:
        raise UsageError(f"compress: expected a code smaller than {data.x_train.shape[1]} pixels, got {code_size}.")
    checkpoint = checkpoint_of(arguments, folder)
    reporting.announce(f"{data!r}, {threads} threads")

    started = time.perf_counter()
    model, history = compression.train_compressor(
        data.x_train, code_size, epochs=arguments.epochs, pretrain_epochs=arguments.pretrain_epochs,
        seed=arguments.seed, threads=threads, checkpoint=checkpoint,
    )  # fmt: skip
    few = data.x_train[:SENSITIVITY_ROWS]
    weights = compression.sensitivity(model, few, threads)
    compression.with_quantisers(model, data.x_train[:10_000], weights, preparation.to_json(), threads)
    trained = time.perf_counter()
    reporting.announce("measuring")
    result = study(model, data.x_train, data.x_test, data.image_shape, arguments.seed, threads)

    from tinyae.commands import compress_report  # brings Matplotlib

    settings = {
        "dataset": data.name,
        "image_shape": list(data.image_shape),
        "n_train": len(data.x_train),
        "n_test": len(data.x_test),
        "code_size": code_size,
        "n_params": model.n_params,
        "bits": bits,
        "layer_sizes": [layer.output_shape[0] for layer in model.encoder.layers if layer.params],
        "epochs": len(history),
        "seed": arguments.seed,
        "threads": threads,
        "seconds_train": round(trained - started, 1),
    }
    report = compress_report.Report(model, data, result, settings, threads)
    report.write(folder)
    print_results(arguments, report.metrics, lambda _: report.text(), folder, compress_report.FILES)
    return 0


def load_images(datasets, arguments):
    """The Dataset with rows in memory and in [0, 1], and its Preparation with bytes as the originals."""
    from dataclasses import replace

    own = reading(arguments)
    data = datasets.load(arguments.dataset, arguments.data_dir, arguments.seed, arguments.limit, **own)
    preparation = data.preparation
    if preparation.scale not in ("unit", "bytes"):
        raise UsageError(
            f"compress: expected images, or rows in [0, 1], in {arguments.dataset}, got a table with other numbers; "
            "bring its columns into [0, 1]."
        )
    if not datasets.is_path(arguments.dataset):
        preparation = replace(preparation, dtype="uint8")  # what was loaded from bytes goes back to bytes
    return replace(data, x_train=data.x_train[:], x_test=data.x_test[:]), preparation


def _compress_file(arguments):
    import os
    from pathlib import Path

    from tinyae import storage
    from tinyae.applications.compression import Codec
    from tinyae.applications.compression.codec import check_bits
    from tinyae.commands.through_a_model import check_apart
    from tinyae.files import write_atomically
    from tinyae.samples import Preparation

    model = storage.load(arguments.model)
    codec = Codec(model)
    bits = check_bits(4 * model.code_size if arguments.bits is None else arguments.bits, model.code_size)
    preparation = Preparation.of(model, "compress")
    samples = preparation.read(arguments.file, who="compress", **reading(arguments))
    x = preparation.apply(samples, model.input_shape, who="compress")
    path = Path(arguments.out or f"{Path(arguments.file).stem}.tae")
    check_file(path, "compress")
    check_apart("compress", path, arguments.file, arguments.model)
    content = codec.compress(x, bits, arguments.threads)
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    size = os.path.getsize(path)
    print(
        f"{path}: {len(x):,} images, {bits} bits each, {size:,} bytes ({8 * size / len(x):.1f} bits per image in "
        f"all); tinyae decompress --model {arguments.model} {path} --out FOLDER"
    )
    return 0


def check_file(path, who):
    """Raise UsageError unless `path` can be written: before the work, not after."""
    import os

    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        why = "a folder" if path.is_dir() else f"a folder {path.parent} that is not there or cannot be written to"
        raise UsageError(f"{who}: expected --out to be a file in a folder one can write to, got {why}.")


def run_decompress(arguments):
    """`tinyae decompress`."""
    from tinyae import storage
    from tinyae.applications.compression import Codec
    from tinyae.samples import Preparation, sample_writer
    from tinyae.samples.lazy import blocks

    codec = Codec(storage.load(arguments.model))
    preparation = Preparation.of(codec.model, "decompress")
    symbols, quantiser = codec.from_bytes(read_bytes(arguments.file), arguments.file)
    with sample_writer(arguments.out, names=preparation.names, who="decompress") as write:
        for rows in blocks(symbols):
            images = codec.model.decode(quantiser.decode(symbols[rows]), threads=arguments.threads)
            write(preparation.undo(images))
    print(f"{arguments.out}: {len(symbols):,} images from {quantiser.bits_per_image} bits each")
    return 0


def read_bytes(path):
    """The content of a .tae file; UsageError where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as why:
        raise UsageError(f"decompress: expected a file to read, got {path} ({why.strerror}).") from None
