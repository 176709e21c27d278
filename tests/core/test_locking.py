"""One at a time, in one process and several, and nobody waits for somebody who is gone."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from napari_htcell import locking
from napari_htcell.locking import alone

HOLD = (
    "import sys, time, pathlib\n"
    "from napari_htcell.locking import alone\n"
    "with alone(pathlib.Path(sys.argv[1])):\n"
    "    print('in', flush=True)\n"
    "    time.sleep(600)\n"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "saving"


def test_nothing_is_left(path):
    with alone(path), alone(path):
        assert path.exists()
    assert not path.parent.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_another_process_is_waited_for_until_it_is_gone(path, monkeypatch):
    monkeypatch.setattr(locking, "WAIT_SECONDS", 0.1)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "in\n"
    with pytest.raises(TimeoutError, match="has been saving here for more than"), alone(path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with alone(path):
        pass


def test_counting_in_several_processes_loses_nothing(path):
    script = (
        "import sys, pathlib\n"
        "from napari_htcell.locking import alone\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "count = path.parents[1] / 'count'\n"
        "for _ in range(200):\n"
        "    with alone(path):\n"
        "        count.write_text(str(int(count.read_text()) + 1))\n"
    )
    (path.parents[1] / "count").write_text("0")
    counters = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(3)]
    assert [one.wait() for one in counters] == [0, 0, 0]
    assert (path.parents[1] / "count").read_text() == "600"


def test_where_nothing_can_be_written_nobody_waits(tmp_path):
    (tmp_path / "file").write_text("")
    with alone(tmp_path / "file" / "saving"):
        pass
