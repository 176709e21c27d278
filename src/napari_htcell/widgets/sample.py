"""File > Open Sample: a small project of simulated images, copied to where it can be worked on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs

from napari_htcell.project import Project, open_project
from napari_htcell.sample import copy_sample
from napari_htcell.widgets import jobs, layers


def own_sample() -> Project:
    """Return the user's copy of the sample project, with all that was clicked in it before."""
    folder = platformdirs.user_data_path("napari-htcell", appauthor=False) / "sample project"
    return open_project(folder) if Path(folder).exists() else copy_sample(folder)


def open_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Return the first sample image with its partial annotation, as napari's layer data (npe2)."""
    project = own_sample()
    document = jobs.read_document(project, project.images[0])
    home = {"project": str(project.path), "image": document.name}
    image = layers.image_layer(document.picture)
    points = layers.annotated_layer(document.picture.ndim, document.picture.pixel_size_um)
    layers.place(points, image)
    layers.draw_annotation(points, document.annotation)
    image.metadata = points.metadata = {layers.SAMPLE_KEY: home}
    return [image.as_layer_data_tuple(), points.as_layer_data_tuple()]
