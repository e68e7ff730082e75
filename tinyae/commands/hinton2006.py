"""`tinyae hinton2006`: the MNIST figure of Hinton & Salakhutdinov (2006)."""

from tinyae.commands.options import add_common, print_results


def add(commands):
    """The options of `tinyae hinton2006`."""
    hinton = commands.add_parser(
        "hinton2006",
        help="reproduce the MNIST figure of Hinton & Salakhutdinov (2006)",
        description="Pretrain a stack of RBMs, unroll it into a deep autoencoder, fine-tune it, and draw its codes of "
        "the test digits beside PCA's.",
        epilog="example: tinyae hinton2006 --dataset digits --preset quick --out results/quick",
    )
    hinton.add_argument("--dataset", default="auto", help="mnist, digits (built in) or auto (default: %(default)s)")
    hinton.add_argument("--data-dir", help="folder that holds mnist/ (default: $TINYAE_DATA_DIR, then a download)")
    hinton.add_argument("--code-size", type=int, default=2, help="numbers in a code (default: %(default)s)")
    hinton.add_argument("--preset", default="default", help="quick, default or paper (default: %(default)s)")
    add_common(hinton, "hinton2006")
    hinton.set_defaults(run=run)


def run(arguments):
    """`tinyae hinton2006`."""
    from tinyae.experiments import hinton2006
    from tinyae.files import writable_folder

    settings = hinton2006.Settings(
        arguments.dataset, arguments.data_dir, arguments.code_size, arguments.preset, arguments.seed, arguments.threads
    )
    folder = writable_folder(arguments.out, "hinton2006")  # before minutes of work, not after
    result = hinton2006.run(settings)
    from tinyae.experiments import report  # brings Matplotlib

    report.write_report(result, folder)
    print_results(arguments, result.metrics, describe, folder, report.FILES)
    return 0


def describe(m):
    """The metrics for a reader."""
    k = m["layer_sizes"][-1]
    total = m["seconds_pretrain"] + m["seconds_finetune"]
    return (
        f"{m['dataset']}, {'-'.join(map(str, m['layer_sizes']))}, {m['n_test']:,} test images "
        f"(squared error summed over pixels):\n"
        f"  autoencoder  squared error {m['test_squared_error']:6.2f}   5-NN accuracy {m['knn5_accuracy']:.3f}\n"
        f"  PCA-{k:<8d} squared error {m['pca_test_squared_error']:6.2f}   5-NN accuracy {m['pca_knn5_accuracy']:.3f}\n"
        f"  mean image   squared error {m['mean_image_squared_error']:6.2f}\n"
        f"trained in {total:.0f} s, peak memory {m['peak_rss_mb']:.0f} MB"
    )
