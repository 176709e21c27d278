"""htcell demo and simulate."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from napari_htcell import sample
from napari_htcell.cli import STOPPED
from napari_htcell.cli import demo as cli_demo
from napari_htcell.imagefiles import ImageFile
from napari_htcell.project import open_project

PROGRAM = (sys.executable, "-c", "from napari_htcell.cli import main; main(prog_name='htcell')")
SMALL = ("--height", 128, "--width", 160, "--cells-per-mm2", 100)


def test_simulate_writes_a_project(htcell, tmp_path):
    folder = tmp_path / "new"
    result = htcell(
        *("simulate", folder, "--images", 2, "--seed", 4, *SMALL, "--pixel-size", 2),
        *("--complete", 1, "--masks", 0, "--blur", 0.1, 0.2, "--json"),
    )
    assert json.loads(result.stdout)["images"] == ["field_01.ome.tif", "field_02.ome.tif"]
    project = open_project(folder)
    file = ImageFile.read(project.image_path("field_01.ome.tif"))
    assert (file.pixels.shape, file.pixel_size_um) == ((128, 160), 2)
    assert project.annotation("field_01.ome.tif").status() == "complete"
    assert not (folder / "masks").exists()


def test_simulate_refuses(refused, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    keep = [tmp_path]
    assert "already there" in refused(1, "simulate", there, *SMALL, unchanged=keep)
    refused(2, "simulate", tmp_path / "new", "--images", 0, unchanged=keep)
    assert "blur" in refused(2, "simulate", tmp_path / "new", "--blur", 3, 1, unchanged=keep)


PAPER = ("--scale", 0.002, "--workers", 1, *SMALL, "--seed", 4)
"""Five images, twelve and twenty."""


def test_simulate_the_papers_sets(htcell, tmp_path):
    folder = tmp_path / "sets"
    arguments = ("simulate", "--paper", folder, *PAPER, "--density-spread", 0.1)
    result = htcell(*arguments, "--network-resolution", "--json")
    made = json.loads(result.stdout)
    assert {name: one["images"] for name, one in made.items()} == {
        "partial": 5, "clean": 12, "test": 20
    }  # fmt: skip
    for name, one in made.items():
        project = open_project(one["project"])
        assert project.path == folder / name
        file = ImageFile.read(project.image_path(project.images[0]))
        assert (file.pixels.shape, file.pixel_size_um) == ((32, 40), 6.44)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert "clean with 12 images\n" in htcell(*arguments, "--network-resolution").stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_simulate_the_papers_sets_refuses(htcell, refused, tmp_path):
    folder, new = tmp_path / "sets", tmp_path / "new"
    htcell("simulate", folder, "--paper", *PAPER)
    there = ("simulate", folder, "--paper", *PAPER)
    keep = [tmp_path]
    assert "seed 4, not seed 5" in refused(1, *there, "--seed", 5, unchanged=keep)
    assert "network_resolution" in refused(1, *there, "--network-resolution", unchanged=keep)
    assert "scale of 0.002" in refused(1, *there, "--scale", 0.001, unchanged=keep)
    other = ("simulate", folder / "clean", "--paper", *PAPER)
    assert "holds no such sets" in refused(1, *other, unchanged=keep)
    assert "--scale" in refused(2, "simulate", new, "--paper", "--scale", 0, unchanged=keep)
    for flag in ("--images", "--complete", "--masks"):
        line = refused(2, "simulate", new, "--paper", *PAPER, flag, 1, unchanged=keep)
        assert f"{flag} can be given without --paper" in line


@pytest.mark.parametrize(
    "flag",
    [("--scale", 0.5), ("--workers", 1), ("--density-spread", 1), ("--network-resolution",)],
)
def test_simulate_refuses_the_papers_flags_without_the_paper(refused, tmp_path, flag):
    line = refused(2, "simulate", tmp_path / "new", *SMALL, *flag, unchanged=[tmp_path])
    assert f"{flag[0]} can be given with --paper alone" in line


def finished(folder):
    return set(folder.glob("*/images/*.tif"))


@pytest.fixture
def making(tmp_path):
    """Return a function that has two processes make 504 images, and waits for the next one."""
    folder, started = tmp_path / "sets", []

    def start():
        command = ("simulate", "--paper", folder, "--scale", 0.2, "--workers", 2, *SMALL)
        before = finished(folder)
        process = subprocess.Popen(
            [*PROGRAM, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        deadline = time.monotonic() + 60
        while finished(folder) == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process, folder

    yield start
    for process in started:
        # All that are left of its group, which a fault may have left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups like a shell's")
def test_ctrl_c_stops_all_processes_and_the_same_command_goes_on(making):
    process, folder = making()
    # A terminal sends it to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (STOPPED, "")
    assert errors == (
        "Stopped: the finished images are kept, and the same command goes on from there\n"
    )
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert not [path for path in before if path.name.startswith(".")]
    assert 0 < len(finished(folder)) < 495
    making()
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_processes_end_with_a_program_that_is_killed(making):
    process, folder = making()
    process.kill()
    # Ends when nobody has the program's output open any more.
    process.communicate(timeout=60)
    for path in finished(folder):
        ImageFile.read(path)
        assert (folder / "partial" / "truth" / f"{path.name}.csv").is_file()


@pytest.fixture
def sample_is_tiny(tiny_project, monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "SAMPLE_FOLDER", tiny_project("sample").path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("sample_is_tiny", "shipped_tiny_model", "quick_versions")
def test_demo_without_a_window(htcell, tmp_path):
    first = htcell("demo", "--no-window")
    assert first.exit_code == 0, first.output
    assert "images without *" in first.stdout
    assert (tmp_path / "htcell_demo" / "exports" / "counts.csv").is_file()
    second = json.loads(htcell("demo", "--json").stdout)
    assert second["project"] == str(tmp_path / "htcell_demo-2")
    assert sum(one["learnt_from"] for one in second["images"]) == 3
    assert 0 < second["f_before"] <= 1


@pytest.fixture
def started(monkeypatch):
    """Record the command that would open a window."""
    commands = []

    def run(command, **_options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(cli_demo.subprocess, "run", run)
    monkeypatch.setattr(cli_demo.importlib.util, "find_spec", lambda _name: True)
    monkeypatch.setattr(cli_demo.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return commands


def test_a_window_on_a_display_stays(htcell, started, monkeypatch, tmp_path):
    monkeypatch.setenv("DISPLAY", ":7")
    assert htcell("demo", "--folder", tmp_path / "x").exit_code == 3
    (command,) = started
    module = [sys.executable, "-m", "napari_htcell.widgets.demo", "--folder", str(tmp_path / "x")]
    assert command == [*module, "--stay"]


def test_a_window_without_a_display_is_in_memory(htcell, started, tmp_path):
    htcell("demo", "--folder", tmp_path / "x")
    (command,) = started
    assert command[:2] == ["xvfb-run", "-a"]
    assert command[4:7] == [sys.executable, "-m", "napari_htcell.widgets.demo"]
    assert "--stay" not in command


@pytest.mark.usefixtures("sample_is_tiny", "shipped_tiny_model", "quick_versions")
def test_without_a_screen_it_says_why(htcell, started, monkeypatch):
    monkeypatch.setattr(cli_demo.shutil, "which", lambda _name: None)
    result = htcell("demo")
    assert not started
    assert result.stdout.startswith(
        "Running without a window: there is neither a display nor xvfb-run.\n"
    )


def test_a_missing_sample_is_one_line(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "SAMPLE_FOLDER", tmp_path / "none")
    line = refused(1, "demo", "--no-window", "--folder", tmp_path / "new", unchanged=[tmp_path])
    assert "install napari-htcell again" in line
