"""How long one waits at the start: import, help, the dock's first paint, the first detection.

    xvfb-run -a .venv/bin/python benchmarks/start.py --output start.json

Each is measured in new processes, in turns with an empty Python, whose time is part of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from napari_htcell import processes
from napari_htcell.cards import software

DOCK = """
import time
import napari
viewer = napari.Viewer()
napari.utils  # its window is there; what follows is ours
from qtpy.QtWidgets import QApplication
QApplication.processEvents()
start = time.perf_counter()
viewer.window.add_plugin_dock_widget("napari-htcell", "HTCell")
QApplication.processEvents()
print(time.perf_counter() - start)
viewer.close()
"""

DETECT = """
import time
start = time.perf_counter()
from napari_htcell import detect, load_model
from napari_htcell.sample import SAMPLE_FOLDER
from napari_htcell.project import open_project
project = open_project(SAMPLE_FOLDER)
file = project.read_image(project.images[0])
detect(file.pixels, load_model("B"), pixel_size_um=file.pixel_size_um)
print(time.perf_counter() - start)
"""

MAIN = "from napari_htcell.cli import main; main({}, prog_name='htcell')"

PROGRAMS = {
    "empty Python": "",
    "import napari_htcell": "import napari_htcell",
    "htcell --help": MAIN.format(["--help"]),
    "htcell detect --help": MAIN.format(["detect", "--help"]),
    "first paint of the dock": DOCK,
    "first detection": DETECT,
}
"""What is run; a program that prints a number has measured itself."""


def run_once(code: str) -> float:
    """Return the seconds that a program takes, or says that it took."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took = time.perf_counter() - start
    last = done.stdout.strip().splitlines()[-1:] or [""]
    try:
        return float(last[0])
    except ValueError:
        return took


@click.command()
@click.option("--repeats", default=5, show_default=True, help="Turns of which medians are taken.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(repeats: int, output: Path | None) -> None:
    """Print what each start takes."""
    programs = dict(PROGRAMS)
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        click.echo("without a display the dock is left out; call this with xvfb-run -a")
        del programs["first paint of the dock"]
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(repeats + 1):
        for name, code in programs.items():
            took = run_once(code)
            if turn:  # the first one fills the disk's cache
                seconds[name].append(took)
    result: dict[str, Any] = {name: float(np.median(took)) for name, took in seconds.items()}
    for name, took in result.items():
        click.echo(f"{name}: {took:.2f} s")
    if output is not None:
        about = {"cores": processes.cores(), "software": software()}
        output.write_text(json.dumps({"seconds": result} | about, indent=1))


if __name__ == "__main__":
    main()
