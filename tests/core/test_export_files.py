"""Exported files in each format, read back with what others read them with."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import numpy as np
import openpyxl
import PIL.Image
import pytest
import tifffile

from napari_htcell import export_files, rois
from napari_htcell.annotations import Annotation, Region
from napari_htcell.atomic import InUseError
from napari_htcell.config import DetectConfig
from napari_htcell.csvtable import PointsFileError
from napari_htcell.detections import Detections, Provenance
from napari_htcell.export import COUNT_COLUMNS, POINT_COLUMNS, ImageRecord
from napari_htcell.export_files import Content, ExportError
from napari_htcell.imagefiles import ImageFile
from napari_htcell.pointsfile import read_points
from napari_htcell.progress import run
from napari_htcell.project import open_project

HOW = Provenance("=B", DetectConfig(threshold=0.4), 2.0, False, "2026-01-02T03:04:05+00:00", "0.1")


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "my $assay$"
    folder.mkdir()
    for name in ("=1+2.tif", "b.tif", "c.tif"):
        tifffile.imwrite(folder / name, np.random.default_rng(0).integers(0, 255, (100, 200), "u1"))
    project = open_project(folder)
    found = Detections(np.asarray([(10.0, 10), (50, 50), (90, 190)]), np.full(3, 0.9), HOW)
    project.save_detections("=1+2.tif", found)
    region = Region(((40, 40), (40, 60), (60, 60), (60, 40)))
    clicks = Annotation(np.asarray([(11.0, 10), (45, 45)]), ("hand", "hand"), regions=(region,))
    project.save_annotation("=1+2.tif", clicks)
    project.save_annotation("b.tif", Annotation.of(np.asarray([(3.25, 4.5)]), complete=True))
    return project


def sheet_rows(sheet):
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_a_workbook_has_both_tables_with_numbers_as_numbers(project, tmp_path):
    path = tmp_path / "tables.xlsx"
    assert export_files.export_counts(project, path) == 4
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["counts", "points"]
    counts, points = map(sheet_rows, book)
    assert tuple(counts[0]) == COUNT_COLUMNS
    assert tuple(points[0]) == POINT_COLUMNS
    whole, region, *_ = counts
    assert (whole["annotated"], whole["detected"], whole["final"]) == (2, 3, 3)
    # 100 x 200 pixels of 2 um
    assert whole["area_mm2"] == pytest.approx(0.08)
    assert whole["final_per_mm2"] == pytest.approx(37.5)
    assert (region["region"], region["annotated"], region["detected"]) == (1, 1, 1)
    assert region["area_mm2"] == pytest.approx(400 * 4 / 1e6)
    assert whole["pixel_size_assumed"] is False
    assert counts[3]["final"] is None
    assert points[0]["y"] == 11.0
    assert export_files.export_points(project, path) == 4


def test_no_cell_of_a_workbook_is_a_formula(project, tmp_path):
    path = tmp_path / "tables.xlsx"
    export_files.export_points(project, path)
    book = openpyxl.load_workbook(path)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert [cell.value for cell in cells].count("=1+2.tif") == 5
    assert "=B" in [cell.value for cell in cells]


def test_a_name_that_excel_cannot_hold(tmp_path):
    content = Content("x", [ImageRecord("a\x01b.tif")], ImageFile.read)
    run(export_files.write_steps(content, tmp_path / "t.xlsx", "counts"))
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book["counts"]["A2"].value == "a�b.tif"


def test_more_rows_than_excel_opens(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_htcell.workbook.MAX_ROWS", 3)
    content = Content("x", [ImageRecord(f"{n}.tif") for n in range(3)], ImageFile.read)
    with pytest.raises(ValueError, match=r"counts has 3 rows.*CSV"):
        run(export_files.write_steps(content, tmp_path / "t.xlsx", "counts"))
    assert list(tmp_path.iterdir()) == []


def test_a_csv_reads_back_with_the_same_names(project, tmp_path):
    export_files.export_points(project, tmp_path / "points.csv")
    with (tmp_path / "points.csv").open(newline="", encoding="utf-8") as file:
        assert {row["image"] for row in csv.DictReader(file)} == {"'=1+2.tif", "b.tif"}
    back = read_points(tmp_path / "points.csv")
    assert set(back) == {"=1+2.tif", "b.tif"}
    np.testing.assert_allclose(back["b.tif"][0], [[0, 3.25, 4.5]])
    assert back["=1+2.tif"][1] == ["hand", "hand", "=B"]


def test_a_zip_of_rois_has_all_images(project, tmp_path):
    assert export_files.export_points(project, tmp_path / "rois.zip") == 4
    found = {
        (one.image, one.kind): len(one.points) for one in rois.read_rois(tmp_path / "rois.zip")
    }
    assert found == {
        ("=1+2.tif", "annotated"): 2, ("=1+2.tif", "candidates"): 1, ("=1+2.tif", "final"): 3,
        ("b.tif", "annotated"): 1, ("b.tif", "final"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["pdf", "png"])
def test_a_summary_is_one_page(project, tmp_path, ending):
    path = tmp_path / f"page.{ending}"
    assert export_files.export_summary(project, path) == 3
    if ending == "png":
        with PIL.Image.open(path) as image:
            assert image.size == (1654, 2338)
            assert len(image.convert("RGB").getcolors(1 << 20)) > 100
    else:
        content = path.read_bytes()
        assert content.startswith(b"%PDF")
        assert content.count(b"/Type /Page ") == 1


def test_an_unreadable_image_is_left_out_of_the_page(project, tmp_path):
    for name in project.images:
        (project.path / name).write_bytes(b"II*\0")
    assert export_files.export_summary(project, tmp_path / "page.png") == 3


@pytest.mark.parametrize(
    ("what", "name"),
    [("counts", "a.pdf"), ("counts", "a.zip"), ("points", "a"), ("summary", "a.csv")],
)
def test_a_name_that_says_no_format(project, tmp_path, what, name):
    with pytest.raises(ExportError, match="end it in"):
        export_files.check_path(tmp_path / name, what)
    with pytest.raises(ExportError, match="end it in"):
        run(export_files.export_steps(project, tmp_path / name, what))
    assert [one.name for one in tmp_path.iterdir()] == [project.path.name]


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("counts", "a.xlsx"), ("points", "a.csv"), ("points", "a.zip"), ("summary", "a.pdf"),
        ("summary", "a.png"),
    ],
)  # fmt: skip
def test_only_an_older_export_is_replaced(project, tmp_path, what, name):
    path = tmp_path / name
    export_files.check_path(path, what)
    run(export_files.export_steps(project, path, what))
    export_files.check_path(path, what)
    path.write_bytes(b"mine")
    with pytest.raises((ExportError, PointsFileError), match="is there already"):
        export_files.check_path(path, what)


def test_a_stopped_export_writes_nothing(project, tmp_path):
    steps = export_files.export_steps(project, tmp_path / "t.xlsx", "counts")
    first = next(steps)
    assert (first.done, first.total) == (1, 3)
    steps.close()
    assert not (tmp_path / "t.xlsx").exists()


@pytest.mark.parametrize("name", ["=1+2.tif", "#N/A", "+a", "-1", "@b", "=", "1.5", "TRUE", "a\nb"])
def test_texts_stay_texts_in_a_workbook(tmp_path, name):
    content = Content("x", [ImageRecord(name)], ImageFile.read)
    run(export_files.write_steps(content, tmp_path / "t.xlsx", "counts"))
    cell = openpyxl.load_workbook(tmp_path / "t.xlsx")["counts"]["A2"]
    assert (cell.value, cell.data_type) == (name, "s")


def test_a_stopped_workbook_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_htcell.workbook.ROWS_PER_REPORT", 2)
    content = Content("x", [ImageRecord(f"{n}.tif") for n in range(9)], ImageFile.read)
    steps = export_files.write_steps(content, tmp_path / "t.xlsx", "counts")
    assert [next(steps).done for _ in range(3)] == [0, 2, 4]
    steps.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".zip", ".parquet"])
def test_a_file_that_cannot_be_replaced_is_kept_and_the_export_is_beside_it(nobody, ending):
    """As when Excel has it open on Windows: others can be made in the folder, this one stays."""
    if os.geteuid():
        pytest.skip("only root can make files of another user")
    content = Content("x", [ImageRecord("a.tif", None, Annotation.of(np.ones((3, 2))))], None)
    more = Content("x", [ImageRecord("a.tif", None, Annotation.of(np.ones((4, 2))))], None)
    with tempfile.TemporaryDirectory() as folder:
        # In such a folder nobody replaces what belongs to another.
        Path(folder).chmod(0o1777)
        path = Path(folder) / f"points{ending}"
        run(export_files.write_steps(content, path, "points"))
        before = path.read_bytes()
        with nobody(), pytest.raises(ExportError) as error:
            run(export_files.write_steps(more, path, "points"))
        assert "open in another program, such as Excel?" in str(error.value)
        assert f"is in points-2{ending}" in str(error.value)
        assert path.read_bytes() == before
        beside = path.with_name(f"points-2{ending}")
        assert {one.name for one in path.parent.iterdir()} == {path.name, beside.name}
        run(export_files.write_steps(more, path, "points"))
        if ending == ".csv":
            assert path.read_bytes() == beside.read_bytes() != before


def test_where_nothing_can_be_made_it_is_said_and_nothing_is_left(nobody):
    content = Content("x", [ImageRecord("a.tif", None, Annotation.of(np.ones((3, 2))))], None)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with nobody(), pytest.raises(PermissionError) as error:
            run(export_files.write_steps(content, Path(folder) / "points.csv", "points"))
        assert not isinstance(error.value, InUseError)
        assert list(Path(folder).iterdir()) == []
