"""`tinyae compare`: every kind of autoencoder at the same budget in one table."""

from dataclasses import fields

from tinyae.commands.options import add_common, add_data_dir, add_limit, names, print_results


def add(commands):
    """The options of `tinyae compare`."""
    compare = commands.add_parser(
        "compare",
        help="train every kind of autoencoder at the same budget and put them in one table",
        description="Train every kind of autoencoder (sparse, denoising, contractive, variational, ...) for the same "
        "number of epochs, measure reconstructions and codes, and write one table and one picture. An untrained net "
        "and principal components are rows, too.",
        epilog="example: tinyae compare --dataset digits --limit 2000 --epochs 5 --width 200 --out results/compare",
    )
    compare.add_argument(
        "--dataset", default="auto",
        help="mnist, fashion-mnist, quickdraw10, digits (built in) or auto (mnist, or digits without it) "
        "(default: %(default)s)",
    )  # fmt: skip
    add_data_dir(compare)
    compare.add_argument("--kinds", type=names, metavar="A,B", help="only these kinds (default: all)")
    compare.add_argument("--epochs", type=int, default=10, help="for every kind, pretraining included (default: 10)")
    compare.add_argument("--width", type=int, default=1000, help="units of a wide code (default: %(default)s)")
    add_limit(compare)
    add_common(compare, "compare")
    compare.set_defaults(run=run)


def run(arguments):
    """`tinyae compare`."""
    from tinyae.experiments import compare
    from tinyae.files import writable_folder

    settings = compare.Settings(**{f.name: getattr(arguments, f.name) for f in fields(compare.Settings)})
    folder = writable_folder(arguments.out, "compare")  # before minutes of work, not after
    result = compare.run(settings)
    from tinyae.experiments import compare_report  # brings Matplotlib

    compare_report.write_report(result, folder)
    metrics = result.about | {"rows": result.rows}
    print_results(arguments, metrics, lambda _: compare_report.plain(result), folder, compare_report.FILES)
    return 0
