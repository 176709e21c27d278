"""Processes end when they should, and are not stopped by what is meant for their parent."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from napari_htcell import processes


def test_a_process_that_is_killed_is_told() -> None:
    doomed = functools.partial(os._exit, 3)
    with pytest.raises(ChildProcessError, match="what is finished is kept"):
        list(processes.run_all([doomed, doomed], 2))


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """Heed Ctrl+C as in a terminal: what is begun in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="a process sees to it itself there")
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_a_new_process_ignores_ctrl_c_from_its_first_moment() -> None:
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    command, before = [sys.executable, "-c", code], signal.getsignal(signal.SIGINT)
    with processes.interrupts_ignored():
        assert subprocess.check_output(command, text=True) == "True\n"
    assert signal.getsignal(signal.SIGINT) is before
    assert subprocess.check_output(command, text=True) == "False\n"
