"""How fast 2,000 points follow the sliders of Detect.

Milliseconds from the move of a slider until the points layer has its new points, and until the
window is drawn; and the window's thread's own time, which other programs do not lengthen as much.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from real_window import Window, summary

from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.frame import frame_image
from napari_htcell.prediction import Prediction
from napari_htcell.targets import Truth, gaussian_spots
from napari_htcell.widgets.htcell import Step

SHAPE, PIXEL_SIZE_UM = (1532, 2048), 1.61
CLICKED, MOVES = 200, 60
"""Cells that are annotated already, and moves of each slider."""


def make_prediction(n_cells: int, rng: np.random.Generator) -> Prediction:
    """Return a heat map with cells of all scores, at the network's resolution."""
    training = TrainConfig()
    frame = frame_image(SHAPE, PIXEL_SIZE_UM, network_pixel_size_um=training.pixel_size_um)
    shape = np.asarray(frame.network_shape)
    rows = round(np.sqrt(n_cells * shape[0] / shape[1]))
    columns = -(-n_cells // rows)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1)
    places = (grid.reshape(-1, 2) + 0.5) * shape / (rows, columns)
    places += rng.uniform(-1.5, 1.5, places.shape)
    places = places[:n_cells]
    heat_map = rng.uniform(0, 0.05, frame.network_shape).astype(np.float32)
    for some in np.array_split(rng.permutation(places), 20):
        spots = gaussian_spots(Truth(some, None, frame.network_shape), 1.5)
        heat_map = np.maximum(heat_map, spots * rng.uniform(0.55, 1))
    card = Card(name="drawn", version="B", training=training, detection=DetectConfig())
    return Prediction((heat_map.astype(np.float32),), frame, False, card, PIXEL_SIZE_UM, False)


def measure_sliders(window: Window, folder: Path, n_cells: int) -> dict[str, Any]:
    """Return what a slider's move takes in an image with cells of all scores."""
    session, detect, rng = window.dock.session, window.dock.detect, np.random.default_rng(0)
    folder.mkdir()
    tifffile.imwrite(folder / "field.tif", rng.integers(80, 120, SHAPE).astype(np.uint8))
    window.dock.images.open_folder(folder)
    window.wait(lambda: session.project is not None and session.project.path == folder)
    window.wait(lambda: session.document is not None)
    document = session.document
    session.predicted(document, make_prediction(n_cells, rng), DetectConfig(threshold=0.5))
    document.accept(rng.permutation(len(document.found))[:CLICKED])
    session.changed()
    window.settle()
    window.dock.show_step(Step.DETECT)
    down_and_up = np.concatenate(
        [np.linspace(0.49, 0.1, MOVES // 2), np.linspace(0.11, 0.5, MOVES // 2)]
    )
    thresholds = np.round(down_and_up, 4).tolist()
    distances = np.round(np.linspace(12, 24, MOVES), 1).tolist()
    result: dict[str, Any] = {"points": len(document.found), "clicked": CLICKED}
    result["threshold"] = _moves(window, thresholds, detect.threshold.setValue)
    result["min_distance"] = _moves(window, distances, detect.min_distance.setValue)
    detect.shown.scores.setChecked(False)
    result["threshold_without_scores"] = _moves(window, thresholds, detect.threshold.setValue)
    return result


def _moves(window: Window, values: Sequence[float], move: Callable[[float], Any]) -> dict[str, Any]:
    points, drawn, thread = [], [], []
    document = window.dock.session.document
    for value in values:
        before, start, cpu_start = document.found, time.perf_counter(), time.thread_time()
        move(value)
        while document.found is before:
            window.app.processEvents()
        points.append(1000 * (time.perf_counter() - start))
        thread.append(1000 * (time.thread_time() - cpu_start))
        window.app.processEvents()
        drawn.append(1000 * (time.perf_counter() - start))
    return {"points": summary(points), "thread": summary(thread), "drawn": summary(drawn)}
