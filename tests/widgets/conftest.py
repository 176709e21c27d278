"""Documents, sessions and desks without a window, and panels in one."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.progress import run
from napari_htcell.widgets import jobs, reading
from napari_htcell.widgets.desks import desk_of
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.picture import Picture
from napari_htcell.widgets.shapes_ready import warm_up_steps


def _found(points, scores=None, model="B"):
    points = np.asarray(points, dtype=float)
    scores = np.linspace(1, 0.5, len(points)) if scores is None else np.asarray(scores)
    how = Provenance(model, DetectConfig(), 1.0, False, "2026-01-01T00:00:00+00:00", "0")
    return Detections(points, scores, how)


@pytest.fixture(scope="session", autouse=True)
def ready_shapes():
    """Have shapes drawn at once, as they are from the second time on after an installation."""
    run(warm_up_steps())


@pytest.fixture(scope="session")
def found():
    """Return a function that makes detections in an image of 1 um per pixel."""
    return _found


@pytest.fixture
def document():
    """Return an image with two clicks, a detection on one of them, and two others."""
    return Document(
        Picture("a.tif", np.zeros((100, 200), np.uint8), pixel_size_um=1.0),
        Annotation.of(np.array([[20.0, 20], [50, 50]])),
        _found([[22, 21], [80, 80], [10, 150]]),
    )


@pytest.fixture
def stack_document():
    """Return a time stack of three frames with a click and a detection in each of two."""
    return Document(
        Picture("t.tif", np.zeros((3, 100, 200), np.uint8), pixel_size_um=1.0),
        Annotation.of(np.array([[0.0, 20, 20], [1, 50, 50]])),
        _found([[0, 80, 80], [1, 80, 80], [1, 50, 52]]),
    )


@pytest.fixture
def desk(qapp):
    """Return the desk of a viewer without a window."""
    viewer = ViewerModel()
    desk = desk_of(viewer)
    desk.for_test = viewer  # a desk does not keep its viewer alive
    return desk


@pytest.fixture
def opened(desk, tiny_project):
    """Return a desk with a project whose first image is shown."""
    project = tiny_project()
    desk.session.open(*run(jobs.open_steps(project.path)))
    desk.session.show(reading.read_document(desk.session.project, project.images[0]))
    return desk
