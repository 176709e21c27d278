"""What is taken of a file, and for which image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell.annotations import Annotation
from napari_htcell.imagefiles import ImageError
from napari_htcell.importing import (
    ImportFileError,
    Target,
    chosen,
    for_one_image,
    plan_steps,
    to_annotation,
)
from napari_htcell.kept_imports import annotated_already, keep_steps
from napari_htcell.pointsets import PointSet
from napari_htcell.progress import run
from napari_htcell.project import open_project

ONE = np.asarray([(1.0, 2.0)])


def sets(*kinds):
    return [PointSet("a.tif", ONE, "file", kind, title) for kind, title in kinds]


def test_all_marker_types_are_taken_but_of_our_rois_the_annotated():
    counter = sets(("1", "Type 1"), ("2", "dead"))
    assert chosen(counter) == counter
    rois = sets(("annotated", ""), ("candidates", ""), ("final", ""))
    assert chosen(rois) == rois[:1]
    assert chosen(rois, ["final"]) == rois[2:]
    assert chosen(counter, ["Dead"]) == counter[1:]


def test_a_kind_that_is_not_there():
    with pytest.raises(ImportFileError, match="file: has no points of type 7, but Type 1, dead"):
        chosen(sets(("1", "Type 1"), ("2", "dead")), ["7"])


def test_a_file_without_points_is_said(tmp_path):
    with pytest.raises(ImportFileError, match="no points of type 1, but none"):
        chosen([], ["1"])
    table = tmp_path / "points.csv"
    table.write_text("image,y,x\n", encoding="utf-8")
    with pytest.raises(ImportFileError, match=r"points\.csv: has no clicks"):
        for_one_image(table, Target("a.tif", (20, 30)))


def test_points_of_several_kinds_are_put_together():
    kinds = [PointSet("a.tif", ONE + step, "file") for step in (0, 1)]
    annotation = to_annotation(kinds, Target("a.tif", (5, 5)), complete=True)
    np.testing.assert_array_equal(annotation.points, [[1, 2], [2, 3]])
    assert annotation.sources == ("hand", "hand")
    assert annotation.complete_frames == {0}


def test_points_at_the_same_place_are_one_cell():
    points = np.asarray([(3.0, 4.0), (1.0, 2.0), (3.0, 4.0), (3.0, 4.01)])
    both = [PointSet("", points, "file", sources=("a", "b", "c", "d")), PointSet("", ONE, "file")]
    annotation = to_annotation(both, Target("a.tif", (5, 5)))
    np.testing.assert_array_equal(annotation.points, [(3, 4), (1, 2), (3, 4.01)])
    assert annotation.sources == ("a", "b", "d")


def test_a_mask_of_another_image():
    mask = PointSet("", ONE, "mask.tif", shape=(5, 6))
    with pytest.raises(ImageError, match=r"mask\.tif: has the shape \(5, 6\), but a\.tif has"):
        to_annotation([mask], Target("a.tif", (5, 5)))


def test_a_loose_image_takes_its_own_points_of_a_table_of_many(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("image,y,x\na.tif,1,2\nb.tif,3,4\n")
    np.testing.assert_array_equal(for_one_image(path, Target("b.tif", (9, 9))).points, [[3, 4]])
    with pytest.raises(ImportFileError, match=r"points of 2 images, not c\.tif"):
        for_one_image(path, Target("c.tif", (9, 9)))
    path.write_text("image,y,x\nanother name.tif,1,2\n")
    assert len(for_one_image(path, Target("c.tif", (9, 9))).points) == 1


def test_a_plan_keeps_nothing_until_it_is_kept(make_project, tmp_path):
    project = make_project(a=Annotation.of(ONE), b=Annotation.empty())
    path = tmp_path / "clicks.csv"
    path.write_text("image,y,x\na.tif,5,6\nb.tif,3,4\nb.tif,7,8\n")
    plan = run(plan_steps(project, path))
    assert annotated_already(project, plan) == ["a.tif"]
    np.testing.assert_array_equal(project.annotation("a.tif").points, ONE)
    assert run(keep_steps(project, plan)) == {"a.tif": 1, "b.tif": 2}
    np.testing.assert_array_equal(project.annotation("a.tif").points, [[5, 6]])


def test_points_of_an_image_that_fits_into_no_memory(tmp_path, write_ome_zarr):
    write_ome_zarr(tmp_path / "slide.zarr", (200_000, 200_000), 1.61)
    project = open_project(tmp_path)
    table = tmp_path / "clicks.csv"
    table.write_text("y,x\n199999,150000\n", encoding="utf-8")
    plan = run(plan_steps(project, table))
    np.testing.assert_array_equal(plan["slide.zarr"].points, [[199_999, 150_000]])
    table.write_text("y,x\n200000,150000\n", encoding="utf-8")
    with pytest.raises(ValueError, match="1 of 1 points lie outside the image"):
        run(plan_steps(project, table))
