"""htcell export: each format by the ending of its name, and back by import-annotations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import tifffile

from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.project import open_project


@pytest.fixture
def make(tmp_path):
    def make(name, **annotations):
        folder = tmp_path / name
        folder.mkdir()
        for image in ("a", "=b"):
            tifffile.imwrite(folder / f"{image}.tif", np.zeros((60, 80), np.uint8))
        stack = np.zeros((3, 60, 80), np.uint8)
        tifffile.imwrite(folder / "t.tif", stack, photometric="minisblack")
        project = open_project(folder)
        for image, points in annotations.items():
            project.save_annotation(f"{image}.tif", Annotation.of(np.asarray(points, float)))
        return project

    return make


@pytest.fixture
def clicked(make):
    points = {"a": [(1.25, 2.5), (59.499, -0.5)], "=b": [(7, 8)], "t": [(0, 3, 4), (2, 5.125, 6)]}
    return make("clicked", **points)


def test_formats_follow_the_names(htcell, clicked, tmp_path):
    names = ["tables.xlsx", "rois.zip", "page.pdf"]
    book, rois, page = (tmp_path / name for name in names)
    result = htcell("export", clicked.path, "-o", book, "--points", rois, "--summary", page)
    assert result.exit_code == 0
    assert [line.rpartition("/")[2] for line in result.stdout.splitlines()] == names
    assert "a page on 3 images" in result.stdout
    assert openpyxl.load_workbook(book).sheetnames == ["counts", "points"]
    assert page.read_bytes().startswith(b"%PDF")
    # A second time they replace each other.
    assert htcell("export", clicked.path, "-o", book, "--points", rois).exit_code == 0


@pytest.mark.parametrize("ending", ["csv", "zip"])
def test_what_is_exported_can_be_imported(htcell, clicked, make, tmp_path, ending):
    path = tmp_path / f"points.{ending}"
    htcell("export", clicked.path, "--points", path)
    other = make("other")
    result = htcell("import-annotations", other.path, path, "--json")
    assert json.loads(result.stdout)["images"] == {"a.tif": 2, "=b.tif": 1, "t.tif": 2}
    for name, ndim in (("a.tif", 2), ("=b.tif", 2), ("t.tif", 3)):
        np.testing.assert_allclose(
            other.annotation(name, ndim).points, clicked.annotation(name, ndim).points, atol=1e-3
        )


def test_a_wrong_name_writes_nothing(refused, clicked, tmp_path):
    mine = tmp_path / "mine.pdf"
    mine.write_bytes(b"%PDF of mine")
    for flag, name in (("-o", "c.pdf"), ("--points", "c.txt"), ("--summary", "mine.pdf")):
        path = tmp_path / name
        line = refused(1, "export", clicked.path, flag, path, unchanged=[tmp_path])
        assert str(path) in line


def test_counts_are_printed_without_a_file(htcell, clicked):
    rows = json.loads(htcell("export", clicked.path, "--json").stdout)["counts"]
    assert [(row["image"], row["frame"], row["annotated"]) for row in rows] == [
        ("=b.tif", 0, 1), ("a.tif", 0, 2), ("t.tif", 0, 1), ("t.tif", 1, 0), ("t.tif", 2, 1)
    ]  # fmt: skip


def test_a_table_that_cannot_be_replaced_keeps_no_other_from_being_written(
    htcell, clicked, tmp_path, monkeypatch
):
    counts, points, replace = tmp_path / "counts.csv", tmp_path / "points.csv", Path.replace
    assert htcell("export", clicked.path, "-o", counts).exit_code == 0

    def refuse(self, target):
        if Path(target) == counts:
            raise PermissionError(13, "Access is denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    result = htcell("export", clicked.path, "-o", counts, "--points", points)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "is it open in another program, such as Excel?" in line
    assert "counts-2.csv" in line
    assert (tmp_path / "counts-2.csv").read_bytes() == counts.read_bytes()
    assert len(points.read_text(encoding="utf-8").splitlines()) == 6


def test_counts_that_do_not_compare_are_told_of_at_the_end(htcell, make):
    project = make("uneven", a=[(1, 2)])
    how = Provenance("E", DetectConfig(), 1.0, False, "2026-01-01T00:00:00+00:00", "0")
    project.save_detections("a.tif", Detections(np.ones((1, 2)), np.ones(1), how))
    result = htcell("export", project.path)
    assert "nothing was detected in 2 images (=b.tif, …)" in result.stderr
    assert result.output.splitlines()[-1].startswith("Warning: nothing was detected")
    for name, stack in (("a.tif", 1), ("=b.tif", 1), ("t.tif", 3)):
        annotation = project.annotation(name, 3 if stack > 1 else 2)
        for frame in range(stack):
            annotation = annotation.mark_complete(True, frame)
        project.save_annotation(name, annotation)
    assert htcell("export", project.path).stderr == ""


def test_a_table_that_excel_does_not_open_keeps_the_others_from_nothing(
    htcell, make, tmp_path, monkeypatch
):
    monkeypatch.setattr("napari_htcell.workbook.MAX_ROWS", 3)
    project, points = make("long", a=[(1, 2)]), tmp_path / "points.csv"
    result = htcell("export", project.path, "-o", tmp_path / "c.xlsx", "--points", points)
    assert result.exit_code == 1
    assert "more than Excel opens" in result.stderr
    assert len(points.read_text().splitlines()) == 2
    assert not (tmp_path / "c.xlsx").exists()
