"""A reader sees the old content or the new one, whatever happens to the writer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from napari_htcell import atomic


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    atomic.write_text(path, "µm\n")
    atomic.write_text(path, "second\n")
    assert path.read_bytes() == b"second\n"
    assert sorted(one.name for one in path.parent.iterdir()) == ["b.txt"]


def test_failed_replacement_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.txt"
    atomic.write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_text(path, "new")
    assert path.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.txt"]


def test_new_folder_appears_whole(tmp_path: Path) -> None:
    wanted = tmp_path / "models" / "mine"
    with atomic.new_folder(wanted) as unfinished:
        (unfinished / "part").write_text("1")
        assert not wanted.exists()
    assert (wanted / "part").read_text() == "1"
    assert sorted(path.name for path in wanted.parent.iterdir()) == ["mine"]


def test_new_folder_disappears_on_an_error(tmp_path: Path) -> None:
    def fill() -> None:
        with atomic.new_folder(tmp_path / "mine") as unfinished:
            (unfinished / "part").write_text("1")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fill()
    assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_new_folder_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with (
        pytest.raises(FileExistsError, match=re.escape(str(tmp_path / "mine"))),
        atomic.new_folder(tmp_path / "mine"),
    ):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_at_any_moment_leaves_one_of_the_contents(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    atomic.write_text(path, "0\n" * 5000)
    script = (
        "import sys, itertools, pathlib\n"
        "from napari_htcell import atomic\n"
        "print('ready', flush=True)\n"
        "for n in itertools.count():\n"
        "    atomic.write_text(pathlib.Path(sys.argv[1]), f'{n % 10}\\n' * 5000)\n"
    )
    for pause in (0.0, 0.003, 0.011, 0.023):
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = path.read_text()
        assert len(content) == 10_000
        assert len(set(content)) == 2  # one digit and the line's end


@pytest.mark.parametrize(
    ("suffix", "names"), [(".csv", ["a.csv", "a-2.csv", "a-3.csv"]), ("", ["v1.2", "v1.2-2"])]
)
def test_a_free_name_is_the_first_that_is_not_there(
    tmp_path: Path, suffix: str, names: list[str]
) -> None:
    for name in names:
        assert atomic.free_path(tmp_path / names[0], suffix).name == name
        (tmp_path / name).mkdir()


def test_what_was_left_by_a_killed_program_is_removed_a_day_later(tmp_path: Path) -> None:
    old, new = (atomic.beside(tmp_path / "mine") for _ in range(2))
    for folder in (old, new):
        folder.mkdir()
        (folder / "part").write_text("1")
    os.utime(old, (1, 1))
    with atomic.new_folder(tmp_path / "mine"):
        pass
    assert not old.exists()
    assert new.exists()
