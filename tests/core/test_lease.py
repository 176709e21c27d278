"""Who has a project open: files that tell, and that are recognised when left behind."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from napari_htcell import lease as module
from napari_htcell.lease import FOLDER, STALE_SECONDS, Holder, Lease


def leave(folder, holder, name="other.json"):
    path = folder / FOLDER / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"format": 1} | asdict(holder)), encoding="utf-8")
    return path


def test_two_windows_see_each_other_once_they_keep_something(tmp_path):
    first, second = Lease(tmp_path), Lease(tmp_path)
    first.beat()
    assert second.others() == ()
    assert list(tmp_path.iterdir()) == []
    first.take()
    (holder,) = second.others()
    assert holder.process == os.getpid()
    assert "on this computer, since " in holder.in_words
    assert first.others() == ()
    second.take()
    assert len(first.others()) == 1
    first.release()
    assert second.others() == ()
    first.take()
    assert len(second.others()) == 1
    first.release()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_is_gone_leaves_nothing(tmp_path):
    lease = Lease(tmp_path)
    lease.take()
    del lease
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_ends_leaves_nothing_but_one_that_is_killed_is_recognised(tmp_path):
    start = "from pathlib import Path\nfrom napari_htcell.lease import Lease\nimport os\n"
    take = f"lease = Lease(Path({str(tmp_path)!r}))\nlease.take()\n"
    subprocess.run([sys.executable, "-c", start + take], check=True)
    assert list(tmp_path.iterdir()) == []
    subprocess.run([sys.executable, "-c", start + take + "os._exit(0)"], check=True)
    assert len(list((tmp_path / FOLDER).iterdir())) == 1
    lease = Lease(tmp_path)
    assert lease.others() == ()
    lease.take()  # and clears it away
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_a_process_number_used_again_is_no_window(tmp_path):
    here = Holder.here()
    leave(tmp_path, replace(here, started=here.started - 3600))
    assert Lease(tmp_path).others() == ()
    leave(tmp_path, here)
    assert Lease(tmp_path).others() == (here,)


def test_another_computer_is_believed_while_it_gives_signs(tmp_path):
    elsewhere = replace(Holder.here(), who="mara", host="lab-pc-3", process=1)
    path = leave(tmp_path, elsewhere)
    (holder,) = Lease(tmp_path).others()
    assert holder.in_words.startswith("mara on lab-pc-3, since ")
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert Lease(tmp_path).others() == ()
    Lease(tmp_path).take()
    assert path.exists()  # it may be asleep, and beat again


def test_a_beat_is_seen_and_makes_a_lost_file_again(tmp_path):
    lease = Lease(tmp_path)
    lease.take()
    (path,) = (tmp_path / FOLDER).iterdir()
    os.utime(path, (1, 1))
    lease.beat()
    assert path.stat().st_mtime > 1
    path.unlink()
    lease.beat()
    assert path.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "who": "x"}', "\xff"])
def test_a_file_of_another_kind_is_passed_over(tmp_path, text):
    leave(tmp_path, Holder.here(), "good.json")
    (tmp_path / FOLDER / "a.json").write_text(text, encoding="latin-1")
    assert len(Lease(tmp_path).others()) == 1


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module.atomic, "write_text", refuse)
    lease = Lease(tmp_path)
    lease.take()
    lease.beat()
    assert lease.others() == ()
