"""`tinyae gradcheck`: every backward pass beside finite differences."""


def add(commands):
    """`tinyae gradcheck` has no options."""
    gradcheck = commands.add_parser(
        "gradcheck",
        help="compare every backward pass with finite differences",
        description="Compare the backward pass of every layer, loss and net with central differences in float64.",
        epilog="example: tinyae gradcheck",
    )
    gradcheck.set_defaults(run=run)


def run(arguments):
    """`tinyae gradcheck`."""
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
