"""File > Open Sample: a small project of simulated images, copied to where it can be worked on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from napari.layers import Image, Points

from napari_htcell.progress import run
from napari_htcell.project import Project, open_project
from napari_htcell.sample import copy_sample
from napari_htcell.summaries import Summary
from napari_htcell.widgets import jobs, layers, point_layers, reading
from napari_htcell.widgets.document import Document

METADATA_KEY = "napari-htcell sample"
"""Where the metadata of a sample's layers say which project and image they are of."""


@dataclass(frozen=True, eq=False)
class OpenedSample:
    """A sample that napari has opened, with the layer that shows its image."""

    project: Project
    summaries: dict[str, Summary]
    document: Document
    image: Image


def own_sample() -> Project:
    """Return the user's copy of the sample project, with all that was clicked in it before."""
    folder = platformdirs.user_data_path("napari-htcell", appauthor=False) / "sample project"
    return open_project(folder) if Path(folder).exists() else copy_sample(folder)


def open_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Return the first sample image with its partial annotation, as napari's layer data (npe2)."""
    project = own_sample()
    document = reading.read_document(project, project.images[0])
    image = layers.image_layer(document.picture)
    points = point_layers.annotated_layer(document.picture.ndim, document.picture.pixel_size_um)
    layers.place(points, image)
    point_layers.draw_annotation(points, document.annotation)
    place = {"project": str(project.path), "image": document.name}
    image.metadata = points.metadata = {METADATA_KEY: place}
    return [image.as_layer_data_tuple(), points.as_layer_data_tuple()]


def home(layer: Any) -> dict[str, str]:
    """Return the project and image that a layer of the sample is of; empty for other layers."""
    place: dict[str, str] = layer.metadata.get(METADATA_KEY, {})
    return place


def take_over(viewer: Any) -> OpenedSample | None:
    """Read the sample that a viewer shows as a project, with what was clicked since.

    Returns
    -------
    OpenedSample or None
        None if no layer is of a sample. The image's layer stays, that of the points goes: the
        project has them.
    """
    ours = [one for one in map(layers.bare, viewer.layers) if home(one)]
    images = [one for one in ours if isinstance(one, Image)]
    if not images:
        return None
    place = home(images[0])
    project, summaries = run(jobs.open_steps(place["project"]))
    document = reading.read_document(project, place["image"])
    for layer in ours:
        layer.metadata = {}
        if isinstance(layer, Points):
            if not np.array_equal(layer.data, document.annotation.points):
                document.replace_points(layer.data, point_layers.sources_of(layer))
            layer.locked = False
            viewer.layers.remove(layer)
    return OpenedSample(project, summaries, document, images[0])
