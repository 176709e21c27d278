"""Many images: one bad file stops nothing, a project keeps what is found."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_htcell import batch, items
from napari_htcell.config import override
from napari_htcell.progress import run
from napari_htcell.project import ProjectError


def snapshot(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_plain_folder_is_left_as_it_is(tiny_project, tiny_model):
    images = tiny_project().images_folder
    before = snapshot(images)
    results = run(batch.detect_files([images], tiny_model))
    assert [one.name for one in results] == [f"field_0{n}.ome.tif" for n in (1, 2, 3, 4)]
    assert all(len(one.detections) > 0 for one in results)
    assert snapshot(images) == before


def test_a_project_keeps_what_is_found(tiny_project, tiny_model):
    project = tiny_project()
    (by_name,) = run(batch.detect_project(project, tiny_model, names=["field_02.ome.tif"]))
    by_path = run(batch.detect_files([project.path], tiny_model))
    kept = project.detections("field_02.ome.tif")
    np.testing.assert_allclose(kept.points, by_name.detections.points, atol=1e-3)
    assert [one.name for one in by_path] == list(project.images)
    assert all(project.detections(name) is not None for name in project.images)
    # Its clicks are in the record, so that a click and a detection are one cell.
    row = by_path[3].record.count_rows[0]
    assert row["annotated"] > 0
    assert row["detected"] <= row["final"] < row["annotated"] + row["detected"]


def test_a_bad_file_is_reported_and_stops_nothing(tiny_project, tiny_model):
    project = tiny_project()
    second = project.image_path("field_02.ome.tif")
    second.write_bytes(second.read_bytes()[:500])
    (project.images_folder / "field_03.ome.tif").write_bytes(b"")
    results = run(batch.detect_files([project.path], tiny_model))
    assert [one.error is None for one in results] == [True, False, False, True]
    assert all("\n" not in one.error and one.name in one.error for one in results[1:3])
    assert project.detections("field_02.ome.tif") is None
    assert project.detections("field_04.ome.tif") is not None


def test_an_image_of_nothing_is_reported(tmp_path, tiny_model):
    tifffile.imwrite(tmp_path / "nan.tif", np.full((50, 50), np.nan, np.float32))
    (result,) = run(batch.detect_files([tmp_path / "nan.tif"], tiny_model))
    assert result.error.startswith("nan.tif: ")


def test_settings_and_pixel_size_are_those_asked_for(tiny_project, tiny_model):
    item = items.file_item(tiny_project().image_path("field_01.ome.tif"))
    settings = override(tiny_model.card.detection, threshold=0.9, method="contours")
    (result,) = run(batch.detect_items([item], tiny_model, pixel_size_um=1.0, settings=settings))
    how = result.detections.provenance
    assert how.settings == settings
    assert (how.pixel_size_um, how.pixel_size_assumed) == (1.0, False)


def test_progress_grows_to_its_total(tiny_project, tiny_model):
    reports = list(batch.detect_files([tiny_project().images_folder], tiny_model))
    done = [one.done for one in reports]
    assert done == sorted(done)
    assert {one.total for one in reports} == {4 * batch.UNITS}
    assert done[-1] == 4 * batch.UNITS


def test_stacks_have_a_row_for_every_frame(tmp_path, tiny_model):
    stack = np.random.default_rng(0).integers(0, 255, (2, 60, 60)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", stack, metadata={"axes": "TYX"})
    (result,) = run(batch.detect_files([tmp_path / "t.tif"], tiny_model))
    assert [row["frame"] for row in result.record.count_rows] == [0, 1]
    assert result.detections.provenance.pixel_size_assumed


def test_images_of_one_name_are_told_apart(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", np.zeros((9, 9), np.uint8))
    found = items.list_items([tmp_path / "one", tmp_path / "two"])
    assert [item.name for item in found] == [
        (tmp_path / folder / "a.tif").as_posix() for folder in ("one", "two")
    ]


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ProjectError, match="has no images"):
        items.list_items([tmp_path])


def test_odd_files_among_good_ones_are_reported_at_the_end(tiny_project, tiny_model, tmp_path):
    project = tiny_project(n_images=1)
    good = project.image_path(project.images[0])
    folder = tmp_path / "many"
    folder.mkdir()
    pixels = np.zeros((40, 50), np.float32)
    tifffile.imwrite(folder / "complex.tif", pixels.astype(np.complex64))
    tifffile.imwrite(folder / "nan.tif", pixels * np.nan)
    tifffile.imwrite(folder / "five.tif", np.zeros((2, 3, 4, 9, 9)), photometric="minisblack")
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    (folder / "loop.tif").symlink_to(folder / "loop.tif")
    (folder / "dark.tif.folder.tif").mkdir()
    n_bad = 6
    for number in range(4):
        (folder / f"good {number} µ.tif").write_bytes(good.read_bytes())
    tifffile.imwrite(folder / "constant.tif", pixels + 7)
    results = run(batch.detect_files([folder], tiny_model))
    errors = {one.name: one.error for one in results if one.error is not None}
    assert len(errors) == n_bad
    assert all(name in error and "\n" not in error for name, error in errors.items())
    assert sum(len(one.detections) > 0 for one in results if one.detections) == 4
