"""Clicks that could not be saved are kept elsewhere, and brought back once they can be."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_htcell import rescue
from napari_htcell.annotations import Annotation
from napari_htcell.project import ProjectSettings

BEFORE = Annotation.of(np.array([[1.0, 2], [30, 40]]))


def test_what_was_put_aside_comes_back_beside_what_others_did(make_project):
    project = make_project(a=BEFORE, b=BEFORE)
    clicked = BEFORE.remove([0]).add(np.array([[50.0, 50]]))
    rescue.put_aside(project, {"a.tif": (BEFORE, clicked)})
    project.save_annotation("a.tif", BEFORE.add(np.array([[9.0, 9]])))
    assert rescue.bring_back(project) == ["a.tif"]
    places = {tuple(one) for one in project.annotation("a.tif").points.tolist()}
    assert places == {(30, 40), (50, 50), (9, 9)}
    assert rescue.bring_back(project) == []


@pytest.mark.parametrize(("pixel_size_um", "n_cells"), [(0.5, 1), (4.0, 2)])
def test_what_is_one_cell_the_image_says_where_the_project_does_not(
    make_project, pixel_size_um, n_cells
):
    project = make_project(a=Annotation.empty())
    project.save_settings(ProjectSettings())
    scale = {"axes": "YX", "PhysicalSizeX": pixel_size_um, "PhysicalSizeXUnit": "µm"}
    pixels = np.zeros((64, 64), np.uint8)
    tifffile.imwrite(project.image_path("a.tif"), pixels, ome=True, metadata=scale)
    clicked = Annotation.of(np.array([[20.0, 20]]))
    rescue.put_aside(project, {"a.tif": (Annotation.empty(), clicked)})
    # Five pixels away: 2.5 um, or 20.
    project.save_annotation("a.tif", Annotation.of(np.array([[20.0, 25]])))
    rescue.bring_back(project)
    assert len(project.annotation("a.tif").points) == n_cells


def test_of_another_project_and_of_images_that_are_gone_it_is_kept(make_project):
    project, other = make_project(a=BEFORE), make_project("other", a=BEFORE)
    place = rescue.put_aside(project, {"a.tif": (BEFORE, BEFORE), "gone.tif": (BEFORE, BEFORE)})
    assert rescue.bring_back(other) == []
    assert rescue.bring_back(project) == ["a.tif"]
    assert (place / "clicked" / "gone.tif.csv").exists()


def test_what_still_cannot_be_saved_stays(make_project):
    project = make_project(a=BEFORE)
    clicked = BEFORE.add(np.array([[50.0, 50]]))
    rescue.put_aside(project, {"a.tif": (BEFORE, clicked)})
    state = project.path / "annotations" / "a.tif.json"
    good = state.read_bytes()
    state.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        rescue.bring_back(project)
    state.write_bytes(good)
    assert rescue.bring_back(project) == ["a.tif"]
    assert len(project.annotation("a.tif").points) == 3
