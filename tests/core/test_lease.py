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


@pytest.fixture
def project(tmp_path):
    (tmp_path / "a.tif").touch()
    return tmp_path


def leave(folder, holder, name="other.json"):
    path = folder / FOLDER / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"format": 1} | asdict(holder)), encoding="utf-8")
    return path


def test_two_windows_see_each_other_once_they_keep_something(project):
    first, second = Lease(project), Lease(project)
    first.beat()
    assert second.others() == ()
    assert not (project / FOLDER).exists()
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
    assert not (project / FOLDER).exists()


def test_a_window_that_is_gone_leaves_nothing(project):
    lease = Lease(project)
    lease.take()
    del lease
    gc.collect()
    assert not (project / FOLDER).exists()


def test_a_program_that_ends_leaves_nothing_but_one_that_is_killed_is_recognised(project):
    start = "from pathlib import Path\nfrom napari_htcell.lease import Lease\nimport os\n"
    take = f"lease = Lease(Path({str(project)!r}))\nlease.take()\n"
    subprocess.run([sys.executable, "-c", start + take], check=True)
    assert not (project / FOLDER).exists()
    subprocess.run([sys.executable, "-c", start + take + "os._exit(0)"], check=True)
    assert len(list((project / FOLDER).iterdir())) == 1
    lease = Lease(project)
    assert lease.others() == ()
    lease.take()  # and clears it away
    assert len(list((project / FOLDER).iterdir())) == 1


def test_a_process_number_used_again_is_no_window(project):
    here = Holder.here()
    leave(project, replace(here, started=here.started - 3600))
    assert Lease(project).others() == ()
    leave(project, here)
    assert Lease(project).others() == (here,)


def test_another_computer_is_believed_while_it_gives_signs(project):
    elsewhere = replace(Holder.here(), who="mara", host="lab-pc-3", process=1)
    path = leave(project, elsewhere)
    (holder,) = Lease(project).others()
    assert holder.in_words.startswith("mara on lab-pc-3, since ")
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert Lease(project).others() == ()
    Lease(project).take()
    assert path.exists()  # it may be asleep, and beat again


def test_a_beat_is_seen_and_makes_a_lost_file_again(project):
    lease = Lease(project)
    lease.take()
    (path,) = (project / FOLDER).iterdir()
    os.utime(path, (1, 1))
    lease.beat()
    assert path.stat().st_mtime > 1
    path.unlink()
    lease.beat()
    assert path.exists()


def test_nothing_is_made_in_place_of_a_project_that_is_gone(project, tmp_path_factory):
    lease = Lease(project)
    lease.take()
    away = project.rename(tmp_path_factory.mktemp("share") / "away")
    lease.beat()
    Lease(project).take()
    assert not project.exists()
    # Where a share was shown an empty folder is left.
    project.mkdir()
    lease.beat()
    Lease(project).take()
    assert list(project.iterdir()) == []
    project.rmdir()
    away.rename(project)
    lease.beat()
    assert len(list((project / FOLDER).iterdir())) == 1


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "who": "x"}', "\xff"])
def test_a_file_of_another_kind_is_passed_over(project, text):
    leave(project, Holder.here(), "good.json")
    (project / FOLDER / "a.json").write_text(text, encoding="latin-1")
    assert len(Lease(project).others()) == 1


def test_a_folder_that_cannot_be_written_stops_nobody(project, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module.atomic, "write_text", refuse)
    lease = Lease(project)
    lease.take()
    lease.beat()
    assert lease.others() == ()
