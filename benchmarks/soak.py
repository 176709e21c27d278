"""Go through the whole job hundreds of times in one window, and see whether anything piles up.

    xvfb-run -a .venv/bin/python benchmarks/soak.py --cycles 500 --output benchmarks/soak.json

A cycle opens a folder, detects, clicks a cell and takes it back, clicks another, fine-tunes for a
few steps, and exports, by mouse in a real window. Exits with 1 if memory has grown by more than 5 %
since the warm-up, or if there are more threads, open files or timers than there were.
"""

from __future__ import annotations

import gc
import json
import platform
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
import small
from qtpy.QtCore import Qt, QTimer
from real_window import Window

from napari_htcell import models, own_models
from napari_htcell.project import Project
from napari_htcell.widgets.htcell import Step

STEPS, EVERY = 3, 10
MOST_GROWTH = 0.05


def cycle(window: Window, project: Project, number: int) -> None:
    """Do the whole job once, and leave the project as it was but for a click."""
    dock, session, hand = window.dock, window.dock.session, window.hand
    dock.images.open_folder(project.path)
    window.wait(lambda: session.project is not None and session.project.path == project.path)
    window.wait(lambda: session.document is not None)
    name = project.images[number % len(project.images)]
    dock.images.show_image(name)
    window.wait(lambda: window.is_shown(name))
    dock.show_step(Step.DETECT)
    dock.detect.run.button.click()
    window.wait(
        lambda: session.document.found is not None and dock.detect.run.button.text() == "Detect"
    )
    dock.show_step(Step.CORRECT)
    window.settle()
    before = session.document.annotation
    hand.click((20 + number % 7, 30))
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hand.click((150, 200 + number % 7))
    if session.document.annotation is before:
        raise click.ClickException("a click has changed nothing")
    window.wait(lambda: session.is_saved)
    dock.show_step(Step.FINE_TUNE)
    dock.fine_tune.run.button.click()
    window.wait(lambda: session.model != small.NAME)
    window.wait(lambda: not dock.fine_tune.job.is_running)
    table = project.exports_folder / "counts.csv"
    dock.export.export_counts(table)
    window.wait(lambda: table.exists() and not dock.export.job.is_running)
    # Back to the beginning, or lists would grow for a reason.
    for entry in models.list_models(project):
        if entry.card.name != small.NAME:
            own_models.delete_model(entry)
    session.refresh_models(choose=small.NAME)
    table.unlink()
    session.document.remove(list(range(len(session.document.annotation.points)))[-1:])
    session.changed()
    window.wait(lambda: session.is_saved)


def open_files(process: psutil.Process) -> int:
    """Return how many files are open, but for those by which Qt wakes each of its threads.

    Its pool has more or fewer of them as there is to do.
    """
    if not hasattr(process, "num_fds"):
        return int(process.num_handles())
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return int(process.num_fds())
    found = 0
    for one in list(folder.iterdir()):
        # One is that by which the folder is read.
        with suppress(OSError):
            found += "eventfd" not in str(one.readlink())
    return found


def measure() -> dict[str, Any]:
    """Return what the process holds."""
    gc.collect()
    process = psutil.Process()
    timers = [one for one in gc.get_objects() if type(one) is QTimer]
    return {
        "memory_mb": round(process.memory_info().rss / 2**20, 1),
        "threads": threading.active_count(),
        "system_threads": process.num_threads(),
        "open_files": open_files(process),
        "timers": len(timers),
        "objects": len(gc.get_objects()),
    }


def growth(measured: list[dict[str, Any]]) -> tuple[float, list[str]]:
    """Return by what part memory has grown since the warm-up, and what is wrong."""
    # A quarter for what is loaded or kept once.
    warm = measured[len(measured) // 4 :]
    part = max(1, len(warm) // 4)
    ends = warm[:part], warm[-part:]
    first, last = (np.median([one["memory_mb"] for one in some]) for some in ends)
    grown = float(last / first - 1)
    faults = [f"memory has grown by {100 * grown:.1f} %"] if grown > MOST_GROWTH else []
    for what in ("threads", "open_files", "timers"):
        before, after = (min(one[what] for one in some) for some in ends)
        if after > before:
            faults.append(f"{after} {what.replace('_', ' ')}, {before} before")
    return grown, faults


@click.command()
@click.option("--cycles", default=500, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="JSON file of the results.")
def main(cycles: int, output: Path | None) -> None:
    """Repeat the whole job in one window."""
    small.shorten(STEPS)
    measured, started = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        models.user_folder = lambda: Path(folder) / "none"  # type: ignore[assignment]
        models.SHIPPED_FOLDER = Path(folder) / "none"
        projects = [small.make_small(Path(folder) / name) for name in ("one", "two")]
        window = Window()
        for number in range(cycles):
            cycle(window, projects[number % 2], number // 2)
            if number % EVERY == EVERY - 1:
                window.late.clear()
                measured.append({"cycle": number + 1} | measure())
                click.echo(json.dumps(measured[-1]))
        window.viewer.close()
    grown, faults = growth(measured)
    result = {
        "cycles": cycles,
        "seconds": round(time.monotonic() - started),
        "memory_growth_after_warm_up": round(grown, 4),
        "faults": faults,
        "measured": measured,
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }
    click.echo(json.dumps(faults))
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
