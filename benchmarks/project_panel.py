"""How long the window takes to open 3,000 images, and to show the next one.

Small images with detections in all and clicks in every third, for the list; images of 2048 x 1532
pixels for the switching. A switch is over when the image and its points are drawn. "Read ahead" is
the next button after the neighbours were read; "not read" is a jump to an image that nobody
expected; "shown before" is the way back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from real_window import Window

from napari_htcell import Annotation, Detections, Project, open_project
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Provenance

SMALL_PX = (96, 128)
LARGE_PX = (1532, 2048)
CELLS = 200
"""Detections in each image."""


def make_project(folder: Path, n_images: int, shape: tuple[int, int]) -> Project:
    """Make a project whose images all have detections, and every third clicks."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    pixels = rng.integers(90, 160, shape, dtype=np.uint8)
    for number in range(n_images):
        image = np.roll(pixels, number, axis=1)
        tifffile.imwrite(folder / "images" / f"field_{number:04}.tif", image, resolution=(1, 1))
    project = open_project(folder)
    how = Provenance("B", DetectConfig(), 1.61, False, "2026-01-01T00:00:00+00:00", "0")
    for number, name in enumerate(project.images):
        points = rng.uniform(0, np.asarray(shape) - 1, (CELLS, 2))
        scores = np.sort(rng.uniform(0.5, 1, CELLS))[::-1]
        project.save_detections(name, Detections(points, scores, how))
        if number % 3 == 0:
            points = points[: CELLS // 3]
            project.save_annotation(name, Annotation.of(points, complete=number % 9 == 0))
    return project


def measure_opening(window: Window, project: Project) -> dict[str, float]:
    """Return seconds until the list, the first image and all summaries are there."""
    images = window.dock.images
    start = time.perf_counter()
    images.open_folder(project.path)
    window.wait(lambda: images.shown.rowCount() == len(project.images))
    images.list.viewport().repaint()
    listed = time.perf_counter() - start
    window.wait(lambda: window.dock.session.document is not None)
    window.settle()
    first = time.perf_counter() - start
    window.late.clear()
    window.wait(lambda: images.filling.is_done)
    filled = time.perf_counter() - start
    late = window.late or [0.0]
    return {
        "list_s": listed,
        "first_image_s": first,
        "summaries_s": filled,
        "delay_while_reading_p95_ms": float(np.percentile(late, 95)),
        "delay_while_reading_max_ms": max(late),
    }


def measure_list(window: Window) -> dict[str, float]:
    """Return seconds for sorting, filtering and finding the most useful image."""
    from qtpy.QtCore import Qt

    from napari_htcell.widgets.image_table import Column

    images, session = window.dock.images, window.dock.session
    order = Qt.SortOrder
    sort = window.seconds(
        lambda: images.list.sortByColumn(Column.DETECTED, order.DescendingOrder), lambda: True
    )
    images.list.sortByColumn(Column.NAME, order.AscendingOrder)
    text = window.seconds(lambda: images.filter.setText("99"), lambda: True)
    images.filter.clear()
    before = session.document
    useful = window.seconds(images.useful_button.click, lambda: session.document is not before)
    return {"sort_s": sort, "filter_s": text, "next_most_useful_s": useful}


def measure_switching(window: Window, project: Project) -> dict[str, list[float]]:
    """Return seconds of switches to images that were read ahead, not read, and shown before."""
    images, names = window.dock.images, project.images
    images.open_folder(project.path)
    window.wait(lambda: window.dock.session.project.path == project.path)
    window.wait(lambda: window.dock.session.document is not None and images.filling.is_done)
    images.show_image(names[0])
    window.wait(lambda: window.is_shown(names[0]))
    times: dict[str, list[float]] = {"read_ahead": [], "not_read": [], "shown_before": []}
    half = len(names) // 2
    for name in names[1:half]:
        window.wait(lambda: images.ahead.is_ready)
        times["read_ahead"].append(_switch(window, images.next_button.click, name))
    for name in reversed(names[: half - 1]):
        times["shown_before"].append(_switch(window, images.previous_button.click, name))
    # Every third from the end, whose neighbours nobody has looked at.
    for name in names[: half + 1 : -3]:
        times["not_read"].append(_switch(window, lambda n=name: images.show_image(n), name))
        window.wait(lambda: images.ahead.is_ready)
    return times


def _switch(window: Window, act: Callable[[], Any], name: str) -> float:
    window.settle()
    return window.seconds(act, lambda: window.is_shown(name))
