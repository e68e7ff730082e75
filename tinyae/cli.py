"""The command line: which commands there are, and what becomes of errors.

Exit codes: 0 done, 1 failed work, 2 bad usage (one line on stderr), 130 interrupted.
"""

import argparse
import os
import sys
import warnings

from tinyae.checks import UsageError
from tinyae.commands import (
    anomaly,
    colour,
    compare,
    compress,
    data,
    decode,
    encode,
    gradcheck,
    hinton2006,
    recommend,
    reconstruct,
    restore,
    search,
    topics,
    train,
)

COMMANDS = (
    train,
    encode,
    decode,
    reconstruct,
    search,
    anomaly,
    restore,
    colour,
    recommend,
    topics,
    compress,
    compare,
    hinton2006,
    data,
    gradcheck,
)  # in the order of `tinyae --help`


class HelpFormatter(argparse.HelpFormatter):
    """argparse's, but an example is not wrapped: its commands stand a line each, to be pasted."""

    def _fill_text(self, text, width, indent):
        if not text.startswith("example: "):
            return super()._fill_text(text, width, indent)
        return text.replace(" && ", "\n" + " " * len("example: "))


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, unknown choices list what there is, and examples can be pasted."""

    def __init__(self, *args, formatter_class=HelpFormatter, **kwargs):
        super().__init__(*args, formatter_class=formatter_class, **kwargs)

    def error(self, message):
        raise UsageError(f"{self.prog}: {message} (see {self.prog} --help)")


def build_parser():
    """All commands and their options."""
    parser = Parser(prog="tinyae", description="Autoencoders written by hand in NumPy and Numba.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    return parser


def main(argv=None):
    """Run the command line; returns the exit code."""
    warnings.showwarning = _one_line_warning
    try:
        arguments = build_parser().parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()  # a closed pipe shows here, not while Python ends
        return code
    except BrokenPipeError:  # whoever reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UsageError as error:
        return _fail(error, 2)
    except (OSError, FloatingPointError, MemoryError) as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _fail(error, code):
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"tinyae: error: {text}", file=sys.stderr)
    return code


def _one_line_warning(message, category, filename, lineno, file=None, line=None):
    print(f"tinyae: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
