"""How long one waits at the start: import, help, the dock's first paint, the first detection.

    xvfb-run -a .venv/bin/python benchmarks/start.py --output start.json

Each is measured in new processes of one thread, in turns with an empty Python, whose time is part
of each: by the clock, and in seconds of the processor, which other programs hardly change (but on
Windows, which says none of a process that has ended).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from napari_htcell import processes
from napari_htcell.cards import software
from napari_htcell.cli import COMMANDS

DOCK = """
import time
import napari
viewer = napari.Viewer()
napari.utils  # its window is there; what follows is ours
from qtpy.QtWidgets import QApplication
QApplication.processEvents()
start, worked = time.perf_counter(), time.process_time()
viewer.window.add_plugin_dock_widget("napari-htcell", "HTCell")
QApplication.processEvents()
print(time.perf_counter() - start, time.process_time() - worked)
viewer.close()
"""

DETECT = """
import time
start, worked = time.perf_counter(), time.process_time()
from napari_htcell import detect, load_model
from napari_htcell.sample import SAMPLE_FOLDER
from napari_htcell.project import open_project
project = open_project(SAMPLE_FOLDER)
file = project.read_image(project.images[0])
detect(file.pixels, load_model({model!r}), pixel_size_um=file.pixel_size_um)
print(time.perf_counter() - start, time.process_time() - worked)
"""

MAIN = "from napari_htcell.cli import main; main({}, prog_name='htcell')"

PROGRAMS = {
    "empty Python": "",
    "import napari_htcell": "import napari_htcell",
    "htcell --help": MAIN.format(["--help"]),
    "first paint of the dock": DOCK,
    **{f"first detection, {model}": DETECT.format(model=model) for model in ("B", "E")},
    **{f"htcell {name} --help": MAIN.format([name, "--help"]) for name in COMMANDS},
}
"""What is run; a program that ends with two numbers has measured itself."""


@dataclass(frozen=True)
class Seconds:
    """What a program took, by the clock and of the processor."""

    wall: float
    processor: float


def run_once(code: str) -> Seconds:
    """Return the seconds that a program takes, or says that it took."""
    before, start = os.times(), time.perf_counter()
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=one_thread
    )
    wall, after = time.perf_counter() - start, os.times()
    worked = after.children_user - before.children_user
    worked += after.children_system - before.children_system
    last = (done.stdout.strip().splitlines() or [""])[-1]
    with suppress(ValueError):  # another program's output ends otherwise
        wall, worked = map(float, last.split())
    return Seconds(wall, worked)


@click.command()
@click.option("--repeats", default=5, show_default=True, help="Turns of which medians are taken.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(repeats: int, output: Path | None) -> None:
    """Print what each start takes."""
    programs = dict(PROGRAMS)
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        click.echo("without a display the dock is left out; call this with xvfb-run -a")
        del programs["first paint of the dock"]
    found: dict[str, list[Seconds]] = {name: [] for name in programs}
    for turn in range(repeats + 1):
        for name, code in programs.items():
            took = run_once(code)
            if turn:  # the first one fills the disk's cache
                found[name].append(took)
    medians = {
        name: {
            kind: float(np.median([getattr(one, kind) for one in took]))
            for kind in ("wall", "processor")
        }
        for name, took in found.items()
    }
    for name, took in medians.items():
        click.echo(f"{name}: {took['wall']:.2f} s, {took['processor']:.2f} of the processor")
    if output is not None:
        about = {"cores": processes.cores(), "software": software()}
        output.write_text(json.dumps({"seconds": medians} | about, indent=1) + "\n")


if __name__ == "__main__":
    main()
