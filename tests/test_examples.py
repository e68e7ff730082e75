"""The examples of --help: every command has one, and pasted into a terminal it works, without data and network."""

import argparse
import functools
import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tinyae import cli

SECONDS = 40  # of a processor that an example may take: 20 s on two of them
TELLTALE = 77  # exit code of a program that asked for the network

# A program's own `tinyae`, which ends at the first thought of the network, however well it would do without.
OFFLINE = f"""
import os, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        sys.stderr.write(f"asked the network: {{event}} {{arguments}}")
        sys.stderr.flush()
        os._exit({TELLTALE})

sys.addaudithook(refuse)
from tinyae import cli

sys.exit(cli.main())
"""


def parsers(parser=None, words=()):
    """Every command with its parser: ("data",), ("data", "list"), ..."""
    for action in (parser or cli.build_parser())._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, part in action.choices.items():
                yield (*words, name), part
                yield from parsers(part, (*words, name))


def pasted(parser):
    """The lines of the example as --help prints them."""
    shown = parser.format_help().partition("\nexample: ")[2]
    return [line.strip() for line in shown.splitlines()]


def examples():
    """Every example once, by the command it is shown at."""
    return {tuple(pasted(parser)): " ".join(words) for words, parser in parsers()}


@pytest.fixture(params=[40, 80, 200])
def terminal(request, monkeypatch):
    """A narrow, a usual and a wide one."""
    monkeypatch.setenv("COLUMNS", str(request.param))


@pytest.mark.parametrize("words", dict(parsers()), ids=" ".join)
def test_every_command_shows_an_example_of_itself(words, terminal):
    parser = dict(parsers())[words]
    lines = pasted(parser)
    assert lines == parser.epilog.removeprefix("example: ").split(" && ")  # a command is not cut in two
    for line in lines:
        name, *arguments = shlex.split(line)
        assert name == "tinyae"
        parsed = cli.build_parser().parse_args(arguments)  # the last one is of this command
        assert callable(parsed.run)
    assert parsed.command == words[0]
    assert words[1:] in ((), (getattr(parsed, "part", None),))


def cpu_seconds():
    """Of all programs that have ended: what an example takes on a machine that has nothing else to do."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A function of lines: the folder where they were run, and the seconds; a common beginning is run once."""
    home = tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TINYAE_")}
    environment |= dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA", "MPLCONFIGDIR"), str(home))

    @functools.cache
    def run(lines):
        folder = tmp_path_factory.mktemp("here")
        if not lines:
            return folder, 0.0
        before, seconds = run(lines[:-1])
        shutil.copytree(before, folder, dirs_exist_ok=True)
        started = cpu_seconds()
        done = subprocess.run(
            [sys.executable, "-c", OFFLINE, *shlex.split(lines[-1])[1:]],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=3 * SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{lines[-1]}\n{done.stderr}"
        assert done.stdout and "Traceback" not in done.stderr
        return folder, seconds + cpu_seconds() - started

    return run


@pytest.mark.slow
@pytest.mark.parametrize("lines", examples(), ids=examples().values())
def test_an_example_works_when_pasted(lines, ran):
    assert ran(lines)[1] < SECONDS


def test_a_program_that_asks_for_the_network_is_found_out():
    ask = OFFLINE.partition("from tinyae")[0] + "import socket\nsocket.create_connection(('localhost', 9), 1)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60)
    assert done.returncode == TELLTALE and "asked the network: socket.getaddrinfo" in done.stderr
