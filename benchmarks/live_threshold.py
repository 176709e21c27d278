"""How fast 2,000 points follow the sliders of Detect, in a real window.

    xvfb-run -a -s "-screen 0 1366x768x24" .venv/bin/python benchmarks/live_threshold.py

Prints JSON: milliseconds from the move of a slider until the points layer has its new points, and
until the window is drawn (by software under Xvfb), at the median and the 95th percentile; and the
window's thread's own time, which other programs do not lengthen as much.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import napari
import numpy as np
import tifffile
from qtpy.QtWidgets import QApplication

from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.detect import Prediction
from napari_htcell.frame import frame_image
from napari_htcell.targets import Truth, gaussian_spots
from napari_htcell.widgets.demo import wait_until
from napari_htcell.widgets.htcell import HTCellPanel

SHAPE, PIXEL_SIZE_UM = (1532, 2048), 1.61
WINDOW_SIZE = (1366, 768)


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


class Bench:
    """A window with an image, and what a slider's move takes there.

    Parameters
    ----------
    folder : Path
        For the project.
    n_cells, n_clicked : int
    """

    def __init__(self, folder: Path, n_cells: int, n_clicked: int) -> None:
        rng = np.random.default_rng(0)
        image = rng.integers(80, 120, SHAPE).astype(np.uint8)
        tifffile.imwrite(folder / "field.tif", image)
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*WINDOW_SIZE)
        self.dock = HTCellPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="HTCell")
        self.dock.images.open_folder(folder)
        self.session = self.dock.session
        wait_until(lambda: self.session.document is not None)
        document = self.session.document
        assert document is not None
        self.session.predicted(document, make_prediction(n_cells, rng), DetectConfig(threshold=0.5))
        found = document.found
        assert found is not None
        document.accept(rng.permutation(len(found))[:n_clicked])
        self.session.changed()
        QApplication.processEvents()

    def moves(self, values: list[float], move: Callable[[float], Any]) -> dict[str, Any]:
        """Move a slider and return what it took, in milliseconds."""
        points, drawn, cpu = [], [], []
        for value in values:
            before = self.session.document.found  # type: ignore[union-attr]
            start, cpu_start = time.perf_counter(), time.thread_time()
            move(value)
            while self.session.document.found is before:  # type: ignore[union-attr]
                QApplication.processEvents()
            points.append(1000 * (time.perf_counter() - start))
            cpu.append(1000 * (time.thread_time() - cpu_start))
            QApplication.processEvents()
            drawn.append(1000 * (time.perf_counter() - start))
        return {
            "moves": len(values),
            "points": _summary(points),
            "points_cpu": _summary(cpu),
            "drawn": _summary(drawn),
        }


def _summary(milliseconds: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(float(np.median(milliseconds)), 1),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 1),
    }


@click.command()
@click.option("--cells", default=2000, show_default=True)
@click.option("--clicked", default=200, show_default=True, help="Cells that are annotated already.")
@click.option("--moves", default=60, show_default=True)
def main(cells: int, clicked: int, moves: int) -> None:
    """Print how fast the points follow the sliders."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), cells, clicked)
        detect = bench.dock.detect
        down_and_up = np.concatenate(
            [np.linspace(0.49, 0.1, moves // 2), np.linspace(0.11, 0.5, moves // 2)]
        )
        result: dict[str, Any] = {
            "image": SHAPE,
            "points": len(bench.session.document.found or ()),  # type: ignore[union-attr]
            "clicked": clicked,
            "threshold": bench.moves(np.round(down_and_up, 4).tolist(), detect.threshold.setValue),
            "min_distance": bench.moves(
                np.round(np.linspace(12, 24, moves), 1).tolist(), detect.min_distance.setValue
            ),
        }
        detect.shown.scores.setChecked(False)
        result["threshold_without_scores"] = bench.moves(
            np.round(down_and_up, 4).tolist(), detect.threshold.setValue
        )
        bench.viewer.close()
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
