"""htcell demo and simulate."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from napari_htcell import sample
from napari_htcell.cli import demo as cli_demo
from napari_htcell.imagefiles import ImageFile
from napari_htcell.project import open_project

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
