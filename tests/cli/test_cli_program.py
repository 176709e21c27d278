"""The program as a whole: help, flags made from settings, exit codes, speed."""

from __future__ import annotations

import subprocess
import sys
import time

import click
import pytest

from napari_htcell.cli import COMMANDS, main
from napari_htcell.config import FIXED_IN_FINE_TUNING, DetectConfig, EvaluateConfig, TrainConfig


def options(name):
    command = main.get_command(click.Context(main), name)
    return {p.name: p for p in command.params if isinstance(p, click.Option)}


def test_help_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from napari_htcell.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'numpy', 'cv2', 'scipy', 'pandas', 'napari', 'qtpy', 'PyQt6'}\n"
        "heavy |= {'openpyxl', 'roifile', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_help_time():
    code = "from napari_htcell.cli import main; main(['--help'])"
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    # Half a second on an idle machine; this one may be busy.
    assert min(times) < 1.5


def test_help_of_no_command_loads_what_only_the_work_needs():
    code = (
        "import sys\n"
        "from napari_htcell.cli import COMMANDS, main\n"
        "for name in COMMANDS:\n"
        "    try: main([name, '--help'])\n"
        "    except SystemExit as end: assert end.code == 0\n"
        "    heavy = {'torch', 'scipy', 'cv2', 'tifffile', 'PIL', 'pandas', 'napari', 'qtpy'}\n"
        "    assert not heavy & set(sys.modules), (name, heavy & set(sys.modules))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(htcell, name):
    result = htcell(name, "--help")
    assert result.exit_code == 0
    assert name in htcell("--help").stdout


def test_version_and_bare_call(htcell):
    assert htcell("--version").stdout.startswith("htcell, version ")
    assert "Commands:" in htcell().stdout
    assert "Commands:" in htcell("models").stdout


@pytest.mark.parametrize(
    ("command", "kind", "missing"),
    [
        ("detect", DetectConfig, set()),
        ("train", TrainConfig, set()),
        ("evaluate", EvaluateConfig, set()),
        ("fine-tune", TrainConfig, set(FIXED_IN_FINE_TUNING)),
    ],
)
def test_flags_are_the_settings(command, kind, missing):
    flags = options(command)
    assert kind.model_fields.keys() - flags.keys() == missing
    for name in kind.model_fields.keys() - missing:
        assert flags[name].help.startswith(kind.model_fields[name].description)
        assert "[default: " in flags[name].help


@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan", "much"])
def test_bounds_are_the_settings(refused, tmp_path, value):
    line = refused(2, "detect", tmp_path, "--threshold", value, unchanged=[tmp_path])
    assert "--threshold" in line


def test_wrong_words_are_one_line(refused, tmp_path):
    refused(2, "frobnicate")
    refused(2, "detect")
    refused(2, "detect", tmp_path / "none.tif")
    refused(2, "detect", tmp_path, "--method", "guess")
    assert "write 0.867" in refused(2, "detect", tmp_path, "--pixel-size", "0,867")
    assert "A, A+DA, B" in refused(2, "train", "Z", _with_an_image(tmp_path))


def _with_an_image(folder):
    import numpy as np
    import PIL.Image

    PIL.Image.fromarray(np.zeros((40, 40), np.uint8)).save(folder / "a.png")
    return folder


def test_a_real_process_ends_with_a_line_and_a_code(htcell_process, tmp_path):
    done = htcell_process("detect", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    done = htcell_process("train", "A")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
