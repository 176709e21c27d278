"""htcell mark-complete: what the window's button does."""

from __future__ import annotations

import json

import numpy as np
import tifffile

from napari_htcell import open_project
from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance


def test_images_become_complete_and_can_be_taken_back(htcell, tiny_project):
    project = tiny_project()
    first, second = project.images[:2]
    before = project.annotation(first)
    result = htcell("mark-complete", project.path, first, second, "--json")
    said = json.loads(result.stdout)
    assert said == {
        "images": {name: len(project.annotation(name).points) for name in (first, second)},
        "complete": True,
    }
    after = project.annotation(first)
    assert (after.status(), project.annotation(second).status()) == ("complete", "complete")
    np.testing.assert_array_equal(after.points, before.points)
    # As a shell completes it.
    result = htcell("mark-complete", project.path, project.image_path(first), "--undo")
    assert result.stdout.startswith(f"{first} is no longer complete, with ")
    assert project.annotation(first).status() == "partial"
    assert project.annotation(second).status() == "complete"


def test_frames_of_a_stack(htcell, refused, tmp_path):
    folder = tmp_path / "movie"
    folder.mkdir()
    stack = np.zeros((3, 60, 80), np.uint8)
    tifffile.imwrite(folder / "t.tif", stack, photometric="minisblack")
    assert htcell("mark-complete", folder, "t.tif", "--frame", 1).exit_code == 0
    assert open_project(folder).annotation("t.tif", 3).complete_frames == {1}
    refused(2, "mark-complete", folder, "t.tif", "--frame", 3, unchanged=[folder])
    assert htcell("mark-complete", folder, "t.tif").exit_code == 0
    assert open_project(folder).annotation("t.tif", 3).complete_frames == {0, 1, 2}


def test_an_unknown_image_changes_nothing(refused, tiny_project):
    project = tiny_project()
    command = ("mark-complete", project.path, project.images[0], "gone.tif")
    assert "'gone.tif'" in refused(1, *command, unchanged=[project.path])


def test_an_image_that_fits_into_no_memory(htcell, tmp_path, write_ome_zarr):
    write_ome_zarr(tmp_path / "slide.zarr", (200_000, 200_000), 1.61)
    assert htcell("mark-complete", tmp_path, "slide.zarr").exit_code == 0
    assert open_project(tmp_path).annotation("slide.zarr").status() == "complete"


def test_an_image_with_much_that_was_found_and_has_no_point_is_doubted(htcell, tiny_project):
    project = tiny_project()
    name = project.images[0]
    cells = np.random.default_rng(0).uniform(0, 60, (30, 2))
    how = Provenance("E", DetectConfig(), 20.0, False, "2026-01-01", "0.1")
    project.save_detections(name, Detections(cells, np.full(len(cells), 0.9), how))
    project.save_annotation(name, Annotation.of(cells[:20]))
    result = htcell("mark-complete", project.path, name)
    assert f"in {name!r} 10 beside 20 points: models will learn that" in result.stderr
    project.save_annotation(name, Annotation.of(cells[:20]).reject(cells[20:]))
    assert htcell("mark-complete", project.path, name).stderr == ""


def test_an_image_without_points_is_doubted(htcell, tiny_project):
    """Whoever mistypes a name would teach models that there is no cell in it."""
    project = tiny_project()
    name = project.images[0]
    annotation = project.annotation(name)
    assert "no points" not in htcell("mark-complete", project.path, name).stderr
    project.save_annotation(name, annotation.remove(range(len(annotation.points))))
    result = htcell("mark-complete", project.path, name)
    assert f"no points in 1 of them, the first {name!r}" in result.stderr
    assert htcell("mark-complete", project.path, name, "--undo").stderr == ""
