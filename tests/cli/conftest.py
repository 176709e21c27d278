"""The command line called in this process and in its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from napari_htcell.cli import main

PROGRAM = (sys.executable, "-c", "from napari_htcell.cli import main; main(prog_name='htcell')")


@pytest.fixture
def htcell():
    """Return a function that calls the program here; a traceback fails the test."""

    def call(*arguments: object):
        result = CliRunner().invoke(main, [str(one) for one in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def refused(htcell):
    """Return a function that expects one line of error, an exit code, and no change on disk."""

    def call(code: int, *arguments: object, unchanged=()) -> str:
        before = [snapshot(folder) for folder in unchanged]
        result = htcell(*arguments)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("Error: ")
        assert [snapshot(folder) for folder in unchanged] == before
        return line

    return call


@pytest.fixture
def htcell_process():
    """Return a function that calls the program in its own process."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


def snapshot(folder):
    """Return the names of everything in a folder, with the files' contents."""
    return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}
