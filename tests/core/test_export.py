"""Counts and points: hand-made cases, counted by hand."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_htcell import export, export_files
from napari_htcell.annotations import Annotation, Region
from napari_htcell.config import DetectConfig
from napari_htcell.counting import CountErrors
from napari_htcell.detections import Detections, Provenance
from napari_htcell.export import ImageRecord
from napari_htcell.project import open_project


def detected(points, scores=None, pixel_size_um=2.0):
    points = np.asarray(points, dtype=float).reshape(-1, np.shape(points)[-1] if points else 2)
    how = Provenance(
        "B", DetectConfig(threshold=0.4), pixel_size_um, False, "2026-01-02T03:04:05+00:00", "0.1"
    )
    scores = np.full(len(points), 0.9) if scores is None else np.asarray(scores, dtype=float)
    return Detections(points, scores, how)


def clicked(*points, **state):
    return Annotation.of(np.asarray(points, dtype=float).reshape(-1, 2), **state)


@pytest.fixture
def project(tmp_path):
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((100, 200), np.uint8))
    return open_project(tmp_path)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_detection_on_a_click_is_the_same_cell():
    # 16 um are 8 pixels here: the first detection is 7 away from the click, the second 9.
    row = export.count_row(
        ImageRecord("a.tif", detected([(17, 10), (59, 50)]), clicked((10, 10), (50, 50)))
    )
    assert (row["annotated"], row["detected"], row["final"]) == (2, 2, 3)


def test_two_detections_on_one_click_are_two_cells():
    row = export.count_row(ImageRecord("a.tif", detected([(10, 10), (12, 10)]), clicked((11, 10))))
    assert (row["annotated"], row["detected"], row["final"]) == (1, 2, 2)


def test_only_clicks_count_in_a_complete_image():
    found = detected([(10, 10), (50, 50), (80, 80)])
    row = export.count_row(ImageRecord("a.tif", found, clicked((10, 10), complete=True)))
    assert (row["status"], row["annotated"], row["detected"], row["final"]) == ("complete", 1, 3, 1)


def test_only_clicks_count_in_a_complete_region():
    region = Region(((40, 40), (40, 60), (60, 60), (60, 40)))
    annotation = Annotation(np.empty((0, 2)), (), regions=(region,))
    found = detected([(10, 10), (50, 50)])
    row = export.count_row(ImageRecord("a.tif", found, annotation))
    assert (row["detected"], row["final"]) == (2, 1)


def with_errors(detections, factor):
    errors = CountErrors(
        rate=0.9,
        images=12,
        settings=DetectConfig(threshold=0.4),
        thresholds=(0.4,),
        factors=(factor,),
    )
    return replace(detections, provenance=replace(detections.provenance, count_errors=errors))


def interval(row):
    return row["final_low"], row["final_high"], row["interval_rate"]


def test_an_interval_stands_beside_a_count_that_nobody_completed():
    found = with_errors(detected([(10, 10), (50, 50), (80, 80)]), factor=1.0)
    # Of three cells with scores of 0.9, 0.3 are expected to be none; and one more.
    row = export.count_row(ImageRecord("a.tif", found))
    assert (row["final"], *interval(row)) == (3, 1, 5, 0.9)
    assert export.in_words(row) == "a.tif: 3 cells detected, 1 to 5 at 90%"
    # Two cells that the model has missed move it, and no less is true than what was clicked.
    row = export.count_row(ImageRecord("a.tif", found, clicked((120, 10), (120, 80))))
    assert (row["final"], *interval(row)) == (5, 3, 7, 0.9)


def test_a_complete_image_has_no_doubt():
    found = with_errors(detected([(10, 10), (50, 50)]), factor=1.0)
    row = export.count_row(ImageRecord("a.tif", found, clicked((10, 10), complete=True)))
    assert interval(row) == (1, 1, None)


def test_no_interval_at_a_threshold_whose_errors_are_not_known():
    found = with_errors(detected([(10, 10)]), factor=1.0).above(0.8)
    assert interval(export.count_row(ImageRecord("a.tif", found))) == (None, None, None)
    assert interval(export.count_row(ImageRecord("a.tif", detected([(10, 10)])))) == (None,) * 3


def test_what_nobody_knows_is_empty():
    row = export.count_row(ImageRecord("a.tif"))
    assert tuple(row) == export.COUNT_COLUMNS
    assert row["status"] == "untouched"
    assert row["annotated"] == 0
    assert all(row[name] is None for name in export.COUNT_COLUMNS[5:])


def test_a_model_that_finds_nothing_found_0():
    row = export.count_row(ImageRecord("a.tif", detected([])))
    assert (row["detected"], row["final"], row["model"], row["threshold"]) == (0, 0, "B", 0.4)


def test_partial_clicks_alone_are_no_final_count():
    assert export.count_row(ImageRecord("a.tif", None, clicked((1, 1))))["final"] is None
    complete = clicked((1, 1), complete=True)
    assert export.count_row(ImageRecord("a.tif", None, complete))["final"] == 1


def test_areas_and_densities():
    row = export.count_row(
        ImageRecord("a.tif", detected([(10, 10), (50, 50)]), clicked((10, 10)), extent=(500, 1000))
    )
    # 500 x 1000 pixels of 2 um
    assert row["area_mm2"] == 2
    assert (row["annotated_per_mm2"], row["detected_per_mm2"], row["final_per_mm2"]) == (0.5, 1, 1)
    unsized = export.count_row(ImageRecord("a.tif", None, clicked((1, 1)), extent=(500, 1000)))
    assert unsized["area_mm2"] is unsized["annotated_per_mm2"] is None
    sized = ImageRecord("a.tif", None, clicked((1, 1)), pixel_size_um=2.0, extent=(500, 1000))
    row = export.count_row(sized)
    assert (row["area_mm2"], row["annotated_per_mm2"], row["final_per_mm2"]) == (2, 0.5, None)


def test_a_region_has_a_row_of_its_own_below_its_frame():
    inside = Region(((39.5, 39.5), (39.5, 59.5), (59.5, 59.5), (59.5, 39.5)), frame=1)
    # Half of it lies beyond the image's right edge.
    edge = Region(((-0.5, 89.5), (-0.5, 109.5), (9.5, 109.5), (9.5, 89.5)), frame=1)
    points = np.asarray([(1, 50.0, 50.0), (1, 45.0, 45.0), (1, 80.0, 80.0), (0, 50.0, 50.0)])
    annotation = Annotation(points, ("hand",) * 4, regions=(inside, edge))
    found = detected([(1, 55.0, 45.0), (1, 90.0, 20.0)])
    rows = ImageRecord("a.tif", found, annotation, n_frames=2, extent=(100, 100)).count_rows
    assert [(row["frame"], row["region"]) for row in rows] == [
        (0, None), (1, None), (1, 1), (1, 2)
    ]  # fmt: skip
    assert [row["status"] for row in rows] == ["partial", "partial", "complete", "complete"]
    assert [row["annotated"] for row in rows] == [1, 3, 2, 0]
    assert [row["detected"] for row in rows] == [0, 2, 1, 0]
    assert [row["final"] for row in rows] == [1, 4, 2, 0]
    assert [row["area_mm2"] for row in rows] == [0.04, 0.04, 0.0016, 0.0004]
    assert rows[2]["final_per_mm2"] == 1250
    assert rows[2]["model"] == "B"
    assert "region 1: " in export.in_words(rows[2])


def test_frames_are_counted_apart():
    found = detected([(0, 10, 10), (2, 10, 10), (2, 50, 50)])
    annotation = Annotation.of(np.asarray([[2, 10.0, 10.0]]))
    rows = ImageRecord("a.tif", found, annotation, n_frames=3).count_rows
    assert [row["frame"] for row in rows] == [0, 1, 2]
    assert [row["detected"] for row in rows] == [1, 0, 2]
    assert [row["final"] for row in rows] == [1, 0, 2]
    assert [row["status"] for row in rows] == ["untouched", "untouched", "partial"]


def test_a_frame_that_no_model_saw_has_the_pixel_size_that_its_areas_are_by():
    found = detected([(0, 10, 10)], pixel_size_um=0.8)
    found = replace(found, provenance=replace(found.provenance, frames=(0,)))
    clicks = Annotation.of(np.asarray([[1.0, 10, 10], [1, 50, 50]]))
    clicks = replace(clicks, complete_frames=frozenset({1}))
    record = ImageRecord("t.tif", found, clicks, 2, pixel_size_um=0.5, extent=(1000, 1000))
    row = record.count_rows[1]
    assert (row["detected"], row["model"], row["final"]) == (None, None, 2)
    assert (row["pixel_size_um"], row["area_mm2"], row["final_per_mm2"]) == (0.8, 0.64, 3.12)


def test_points_are_listed_once_with_their_scores():
    found = detected([(10, 10), (50, 50)], [0.8, 0.6])
    annotation = clicked((11, 10)).add(np.asarray([[80.0, 80.0]]), "B")
    rows = ImageRecord("a.tif", found, annotation).point_rows
    assert all(tuple(row) == export.POINT_COLUMNS for row in rows)
    assert [(row["y"], row["kind"], row["source"], row["score"]) for row in rows] == [
        (11.0, "annotated", "hand", 0.8),
        (80.0, "annotated", "B", None),
        (50.0, "detected only", "B", 0.6),
    ]
    assert (rows[2]["y_um"], rows[2]["x_um"]) == (100.0, 100.0)


def test_rejected_detections_do_not_count_and_are_listed():
    found = detected([(10, 10), (50, 50), (80, 80)], [0.8, 0.7, 0.6])
    annotation = clicked((10, 10)).reject(np.asarray([[51.0, 50.0]]))
    record = ImageRecord("a.tif", found, annotation)
    row = export.count_row(record)
    assert (row["annotated"], row["detected"], row["final"]) == (1, 3, 2)
    assert [(row["y"], row["kind"], row["source"]) for row in record.point_rows] == [
        (10.0, "annotated", "hand"),
        (80.0, "detected only", "B"),
        (51.0, "rejected", "hand"),
    ]


def test_project_tables(project):
    project.save_detections("a.tif", detected([(10, 10), (50, 50)]))
    project.save_annotation("a.tif", clicked((10, 10)))
    counts, points = project.exports_folder / "counts.csv", project.exports_folder / "points.csv"
    assert export_files.export_counts(project, counts) == 2
    assert export_files.export_points(project, points) == 2
    first, second = read(counts)
    assert (first["image"], first["final"], first["pixel_size_um"]) == ("a.tif", "2", "2.0")
    assert (second["image"], second["detected"], second["model"]) == ("b.tif", "", "")
    assert [row["kind"] for row in read(points)] == ["annotated", "detected only"]


def test_a_stack_has_a_row_for_every_frame(tmp_path):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((3, 40, 40), np.uint8), photometric="minisblack")
    rows = export_files.count_rows(open_project(tmp_path))
    assert [(row["image"], row["frame"]) for row in rows] == [
        ("t.tif", 0),
        ("t.tif", 1),
        ("t.tif", 2),
    ]


def test_an_unreadable_image_is_named_and_not_counted(project):
    (project.path / "a.tif").write_bytes(b"II*\0")
    rows = export_files.count_rows(project)
    assert [row["status"] for row in rows] == ["unreadable", "untouched"]
    assert rows[0]["final"] is rows[0]["annotated"] is None


def test_of_images_that_can_no_longer_be_read_nothing_is_left_out(tmp_path):
    zeros = np.zeros((3, 40, 40), np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", zeros, photometric="minisblack")
    tifffile.imwrite(tmp_path / "u.tif", zeros[0])
    project = open_project(tmp_path)
    project.save_detections("t.tif", detected([(0, 10, 10), (2, 10, 10), (2, 30, 30)]))
    project.save_detections("u.tif", detected([(10, 10)]))
    for name in ("t.tif", "u.tif"):
        (tmp_path / name).write_bytes(b"II*\0")
    rows = export_files.count_rows(project)
    assert [row["final"] for row in rows] == [1, 0, 2, 1]
    assert {row["status"] for row in rows} == {"unreadable"}
    assert export_files.export_points(project, tmp_path / "exports" / "points.csv") == 4


def test_a_damaged_file_writes_no_table(project):
    project.save_detections("b.tif", detected([(10, 10)]))
    (project.path / "detections" / "b.tif.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"b\.tif\.json"):
        export_files.export_counts(project, project.exports_folder / "counts.csv")
    assert not project.exports_folder.exists()


def test_areas_are_listed_where_they_are_known():
    found = replace(detected([(10, 10), (50, 50)]), areas_um2=np.asarray([200.04, 90.0]))
    clicked = Annotation.of(np.asarray([[11.0, 10.0], [80.0, 80.0]]))
    rows = export.point_rows(export.ImageRecord("a.tif", found, clicked))
    assert [(row["kind"], row["area_um2"]) for row in rows] == [
        ("annotated", 200.0), ("annotated", None), ("detected only", 90.0)
    ]  # fmt: skip
