"""A time stack of 200 frames: opening it, going through its frames, and correcting in it.

The stack has detections in each frame. Measured is how long the window takes to show it and by how
much its own timer came late meanwhile, the time from a step to the next frame until that is
painted, and from a click on a candidate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from real_window import Window, summary

from napari_htcell import Detections, open_project
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Provenance
from napari_htcell.widgets.htcell import Step

SHAPE = (200, 766, 1024)
CELLS = 200
"""Detections in each frame."""

STEPS, CLICKS = 60, 20


def measure_sequence(window: Window, folder: Path) -> dict[str, Any]:
    """Return how long a sequence keeps a person waiting."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    frame = rng.integers(90, 160, SHAPE[1:], dtype=np.uint8)
    stack = np.stack([np.roll(frame, shift, axis=1) for shift in range(SHAPE[0])])
    tifffile.imwrite(folder / "t.tif", stack, photometric="minisblack", metadata={"axes": "TYX"})
    # On a grid, so that each candidate can be clicked.
    y, x = np.meshgrid(np.linspace(40, 720, 10), np.linspace(40, 980, 20), indexing="ij")
    places = np.column_stack([y.ravel(), x.ravel()])
    points = np.concatenate([np.insert(places, 0, t, axis=1) for t in range(SHAPE[0])])
    how = Provenance("B", DetectConfig(), 1.61, False, "2026-01-01T00:00:00+00:00", "0")
    open_project(folder).save_detections(
        "t.tif", Detections(points, np.full(len(points), 0.9), how)
    )
    window.dock.show_step(Step.CORRECT)
    window.settle()
    window.late.clear()
    shown = window.seconds(
        lambda: window.dock.images.open_folder(folder), lambda: window.is_shown("t.tif")
    )
    late = max(window.late, default=0.0)
    dims = window.viewer.dims
    steps = [
        1000 * window.seconds(lambda t=t: dims.set_current_step(0, t), lambda: True)
        for t in range(1, STEPS + 1)
    ]
    clicks = []
    for place in places[rng.permutation(CELLS)[:CLICKS]]:
        window.hand.click([window.dock.desk.frame, *place])
        clicks.append(window.clock.painted_ms)
    n_accepted = len(window.dock.session.document.annotation.points)
    if n_accepted != CLICKS:
        raise RuntimeError(f"{CLICKS} clicks have accepted {n_accepted} candidates")
    return {
        "shape": SHAPE,
        "detections": len(points),
        "shown_s": round(shown, 2),
        "delay_while_opening_max_ms": round(late, 1),
        "next_frame": summary(steps),
        "click": summary(clicks),
    }
