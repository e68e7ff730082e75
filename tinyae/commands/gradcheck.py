"""`tinyae gradcheck`: backward passes beside finite differences, tinyae's own or a file's."""


def add(commands):
    """The options of `tinyae gradcheck`."""
    gradcheck = commands.add_parser(
        "gradcheck",
        help="compare every backward pass with finite differences",
        description="Compare the backward pass of every layer, loss and net with central differences in float64; with "
        "--file, check the layers in a file of your own, and say what a wrong gradient looks like.",
        epilog="example: tinyae gradcheck",
    )
    which = gradcheck.add_mutually_exclusive_group()
    which.add_argument(
        "--file",
        metavar="MY_LAYER.PY",
        help="a file with layers (subclasses of tinyae.layers.Layer) and CASES = [(layer, shape of a sample), ...]",
    )
    which.add_argument("--template", action="store_true", help="print a file to start from, with a layer that is right")
    gradcheck.set_defaults(run=run)


def run(arguments):
    """`tinyae gradcheck`."""
    if arguments.template:
        return print_template()
    if arguments.file is not None:
        return check_file(arguments.file)
    return check_all()


def check_all():
    """Everything in tinyae that has a backward pass."""
    from tinyae.gradcases import all_cases
    from tinyae.gradcheck import TOLERANCE

    failed = 0
    print(f"{'what':<44} {'worst at':<28} {'relative error':>14}")
    for name, check in all_cases():
        worst = check()[0]
        verdict = "" if worst.error <= TOLERANCE else "  FAILED"
        failed += bool(verdict)
        place = f"{worst.what}{list(worst.index)}"
        print(f"{name:<44} {place:<28} {worst.error:14.1e}{verdict}")
        if verdict:
            print(f"    {worst}")
    print(f"{failed} failed" if failed else f"all within {TOLERANCE:.0e}")
    return 1 if failed else 0


def check_file(path):
    """The layers in a file of the user's."""
    from tinyae.verdicts import examine, layers_of_file

    wrong = 0
    for layer, input_shape in layers_of_file(path):
        print(f"{layer!r} on samples of shape {input_shape}")
        for finding in examine(layer, input_shape, path):
            print(f"  {finding}")
            wrong += not finding.good
    print(f"{wrong} wrong" if wrong else "all right")
    return 1 if wrong else 0


def print_template():
    """The file to start from."""
    from importlib.resources import files

    print((files("tinyae.verdicts") / "template.py").read_text(encoding="utf-8"), end="")
    return 0
