"""How long a person waits for the window: opening, switching, correcting, sliders, sequences.

    xvfb-run -a -s "-screen 0 1366x768x24" .venv/bin/python benchmarks/window.py --output x.json

A real viewer on folders made here; what is measured stands in `project_panel.py`, `correcting.py`,
`live_threshold.py` and `sequence.py`. Under Xvfb the picture is drawn by software.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from correcting import make_large, measure_correcting
from live_threshold import measure_sliders
from project_panel import (
    CELLS,
    LARGE_PX,
    SMALL_PX,
    make_project,
    measure_list,
    measure_opening,
    measure_switching,
)
from real_window import Window
from sequence import measure_sequence

from napari_htcell.cards import software


def measure_panel(window: Window, place: Path, images: int, large: int) -> dict[str, Any]:
    """Measure opening, listing and switching."""
    small_project = make_project(place / "small", images, SMALL_PX)
    large_project = make_project(place / "large", large, LARGE_PX)
    opening = measure_opening(window, small_project)
    listing = measure_list(window)
    switching = measure_switching(window, large_project)
    for name, value in (opening | listing).items():
        click.echo(f"{name.replace('_', ' '):28} {value:8.3f}")
    for name, times in switching.items():
        click.echo(f"switch, {name.replace('_', ' '):20} {_in_words(times)} of {len(times)}")
    return {
        "images": images,
        "cells_per_image": CELLS,
        "large_px": LARGE_PX,
        "opening": {name: round(value, 4) for name, value in opening.items()},
        "list": {name: round(value, 4) for name, value in listing.items()},
        "switch_s": {name: [round(t, 4) for t in times] for name, times in switching.items()},
    }


def _in_words(times: Sequence[float]) -> str:
    return f"median {1000 * float(np.median(times)):.0f} ms, most {1000 * max(times):.0f} ms"


PARTS = ("panel", "correcting", "sliders", "sequence")


@click.command()
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only this; all.")
@click.option("--images", default=3000, show_default=True, help="Images in the list.")
@click.option("--large", default=24, show_default=True, help="Large images to switch between.")
@click.option("--points", default=2000, show_default=True, help="That follow the sliders.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(parts: tuple[str, ...], images: int, large: int, points: int, output: Path | None) -> None:
    """Print how long a person waits in a real window."""
    result: dict[str, Any] = {"cores": os.cpu_count(), "software": software()}
    with tempfile.TemporaryDirectory() as folder:
        place, window = Path(folder), Window()
        if "panel" in (parts or PARTS):
            result |= measure_panel(window, place, images, large)
        if "correcting" in (parts or PARTS):
            result["correcting"] = measure_correcting(window, make_large(place / "correcting"))
            click.echo(json.dumps(result["correcting"], indent=1))
        if "sliders" in (parts or PARTS):
            result["sliders"] = measure_sliders(window, place / "sliders", points)
            click.echo(json.dumps(result["sliders"], indent=1))
        if "sequence" in (parts or PARTS):
            result["sequence"] = measure_sequence(window, place / "sequence")
            click.echo(json.dumps(result["sequence"], indent=1))
        window.viewer.close()
    if output is not None:
        before = json.loads(output.read_text()) if output.exists() else {}
        output.write_text(json.dumps(before | result, indent=1))


if __name__ == "__main__":
    main()
