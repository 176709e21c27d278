"""htcell detect."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import openpyxl
import pytest
import tifffile

from napari_htcell.annotations import Annotation
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.counting import CountErrors
from napari_htcell.demo import scores
from napari_htcell.export import COUNT_COLUMNS, POINT_COLUMNS
from napari_htcell.models import Model, load_model, save_model
from napari_htcell.rois import read_rois


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_counts_and_points_of_a_folder(htcell, tiny_project, tiny_model_folder, tmp_path):
    images = tiny_project().images_folder
    counts, points = tmp_path / "new" / "counts.csv", tmp_path / "new" / "points.csv"
    result = htcell(
        "detect", images, "--model", tiny_model_folder, "-o", counts, "--points", points
    )
    assert result.exit_code == 0
    assert result.stderr == ""
    rows = read(counts)
    assert tuple(rows[0]) == COUNT_COLUMNS
    assert tuple(read(points)[0]) == POINT_COLUMNS
    assert [row["image"] for row in rows] == [f"field_0{n}.ome.tif" for n in (1, 2, 3, 4)]
    assert {row["pixel_size_um"] for row in rows} == {"1.61"}
    assert sum(int(row["detected"]) for row in rows) == len(read(points)) > 20
    assert not (images / "detections").exists()


def test_a_project_keeps_its_detections(htcell, tiny_project, tiny_model_folder):
    project = tiny_project()
    result = htcell("detect", project.path, "--model", tiny_model_folder)
    assert result.stdout.count(", final count ") == 4
    assert all(match.tp > 0 for match in scores(project).values())


def test_settings_reach_the_detections(htcell, tiny_project, tiny_model_folder):
    project = tiny_project()
    image = project.image_path("field_01.ome.tif")
    result = htcell(
        *("detect", image, "--model", tiny_model_folder, "--json", "--no-save"),
        *("--threshold", 0.75, "--min-distance", 30, "--method", "contours", "--pixel-size", 2),
    )
    (row,) = json.loads(result.stdout)["counts"]
    assert (row["threshold"], row["min_distance_um"], row["method"]) == (0.75, 30, "contours")
    assert (row["pixel_size_um"], row["image"]) == (2, "field_01.ome.tif")


def test_bad_files_stop_nothing(htcell, tiny_project, tiny_model_folder, tmp_path):
    images = tiny_project().images_folder
    broken = images / "field_02.ome.tif"
    broken.write_bytes(broken.read_bytes()[:2000])
    (images / "text.png").write_text("no image")
    counts = tmp_path / "counts.csv"
    result = htcell("detect", images, "--model", tiny_model_folder, "-o", counts)
    assert result.exit_code == 1
    errors = result.stderr.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("Error: ") for line in errors)
    assert "field_02.ome.tif" in errors[0]
    assert "text.png" in errors[1]
    assert [row["status"] for row in read(counts)] == [
        "untouched",
        "unreadable",
        "untouched",
        "untouched",
        "unreadable",
    ]


def test_a_table_of_nothing_is_not_written(refused, tiny_model_folder, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.tif").write_bytes(b"II*\0 and no more")
    result_line = refused(
        *(1, "detect", folder / "a.tif", "--model", tiny_model_folder, "--quiet"),
        *("-o", folder / "counts.csv"),
        unchanged=[folder],
    )
    assert "a.tif" in result_line


@pytest.mark.parametrize("flag", ["-o", "--points"])
def test_a_table_replaces_nothing_but_an_older_one(
    htcell, refused, tiny_project, tiny_model_folder, flag
):
    project = tiny_project()
    first = project.image_path(project.images[0])
    clicks = project.path / "annotations" / f"{project.images[0]}.csv"
    command = ("detect", first, "--model", tiny_model_folder, flag)
    short = project.path / "short.csv"
    short.write_text("image,frame\n")
    others = project.path / "others.csv"
    others.write_text("image,frame,y,x,source\na.tif,0,1,2,hand\n")
    for mine in (first, clicks, short, others):
        assert "is no such table" in refused(1, *command, mine, unchanged=[project.path])
    table = project.path / "table.csv"
    table.touch()  # as mktemp does
    for _ in range(2):
        assert htcell(*command, table).exit_code == 0
    with table.open() as file:
        header, *rows = file.read().splitlines()
    edited = project.path / "edited.csv"
    edited.write_text("\n".join([f"{header},notes", *(f"{row},mine" for row in rows)]))
    said = refused(1, *command, edited, unchanged=[project.path])
    assert "has a column 'notes', which is not from here and would be lost" in said
    other = "--points" if flag == "-o" else "-o"
    assert "is no such table" in refused(1, *command[:-1], other, table, unchanged=[project.path])
    assert "choose two names" in refused(2, *command, table, other, table)


def test_which_model_detects_is_said(htcell, tiny_project, tiny_model_folder):
    project = tiny_project()
    shutil.copytree(tiny_model_folder, project.models_folder / DEFAULT_MODEL)
    result = htcell("detect", project.path)
    assert result.stdout.startswith(f"Detecting with the model {DEFAULT_MODEL}, threshold ")
    assert f"project has models of its own (--model {DEFAULT_MODEL})" in result.stderr
    assert "of its own" not in htcell("detect", project.path, "--model", DEFAULT_MODEL).stderr


def test_an_image_that_is_named_twice_is_one_image(htcell, tiny_project, tiny_model_folder):
    folder = tiny_project().path / "images"
    first = sorted(folder.iterdir())[0]
    command = ("detect", folder, first, first, "--model", tiny_model_folder, "--json")
    rows = json.loads(htcell(*command).stdout)["counts"]
    assert [row["image"] for row in rows] == [path.name for path in sorted(folder.iterdir())]


def test_another_pixel_size_is_kept_and_said(htcell, tiny_project, tiny_model_folder):
    command = ("detect", tiny_project().path, "--model", tiny_model_folder, "--pixel-size")
    assert "Kept in project: 2 um per pixel\n" in htcell(*command, 2).stdout
    assert "Kept in project: 1.7 um per pixel, not 2 as before\n" in htcell(*command, 1.7).stdout
    assert "Kept" not in htcell(*command, 1.7).stdout


def test_export_without_detecting_anew(htcell, refused, tiny_project, tiny_model_folder, tmp_path):
    project = tiny_project()
    assert htcell("export", project.path).stdout.endswith(" annotated\n")
    tables = [(*("-o", tmp_path / f"c{n}.csv"), "--points", tmp_path / f"p{n}.csv") for n in "12"]
    htcell("detect", project.path, "--model", tiny_model_folder, *tables[0])
    said = htcell("export", project.path, *tables[1]).stdout
    assert said.splitlines()[0] == f"Wrote the counts of 4 images to {tmp_path / 'c2.csv'}"
    assert (tmp_path / "c1.csv").read_text() == (tmp_path / "c2.csv").read_text()
    first, second = (
        list(csv.DictReader((tmp_path / f"p{n}.csv").read_text().splitlines())) for n in "12"
    )
    assert [row["kind"] for row in first] == [row["kind"] for row in second]
    # Detections are kept to a thousandth of a pixel.
    places = (
        [[float(row["y_um"]), float(row["x_um"])] for row in rows] for rows in (first, second)
    )
    np.testing.assert_allclose(*places, atol=0.002)
    picture = project.image_path(project.images[0])
    refused(1, "export", project.path, "-o", picture, unchanged=[project.path])


def test_an_assumed_pixel_size_is_said_once(htcell, tiny_model_folder, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (80, 80)).astype(np.uint8)
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
    result = htcell("detect", tmp_path, "--model", tiny_model_folder, "--json")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Warning: 2 of 2 images without a stated pixel size: 1.61 um")
    assert [row["pixel_size_assumed"] for row in json.loads(result.stdout)["counts"]] == [True] * 2


def test_images_of_kinds_that_cannot_be_read_are_missed(htcell, tiny_project, tiny_model_folder):
    project = tiny_project()
    folder = project.image_path(project.images[0]).parent
    (folder / "plate.nd2").write_bytes(b"")
    (folder / "notes.docx").write_bytes(b"")
    result = htcell("detect", project.path, "--model", tiny_model_folder)
    assert "Warning: 1 file in" in result.stderr
    assert "the first 'plate.nd2'" in result.stderr
    (folder / "plate.nd2").unlink()
    assert htcell("detect", project.path, "--model", tiny_model_folder).stderr == ""


def test_a_pixel_size_that_the_images_contradict_is_doubted(htcell, tmp_path, tiny_model_folder):
    path, scale = tmp_path / "a.tif", {"unit": "um"}
    pixels = np.random.default_rng(0).normal(100, 9, (60, 80)).astype(np.float32)
    tifffile.imwrite(path, pixels, imagej=True, resolution=(0.5, 0.5), metadata=scale)
    detect = ("detect", path, "--model", tiny_model_folder, "--pixel-size")
    assert "a.tif itself states 2 um per pixel, not 20: counts" in htcell(*detect, 20).stderr
    assert "states" not in htcell(*detect, 2.1).stderr


def test_intervals_that_complete_images_refute_are_doubted(
    htcell, tiny_project, tiny_model_folder, tmp_path
):
    """A model of other cells says how sure it is of its count, and is wrong."""
    project, model = tiny_project(), load_model(tiny_model_folder)
    settings = model.card.detection
    sure = CountErrors(
        rate=0.9, images=9, settings=settings, thresholds=(settings.threshold,), factors=(0.0,)
    )
    card = model.card.model_copy(update={"name": "sure", "count_errors": sure})
    save_model(Model(card, model.network), tmp_path / "models")
    detect = ("detect", project.path, "--model", tmp_path / "models" / "sure")
    before = htcell(*detect)
    assert "interval" not in before.stderr
    assert "Intervals hold their rate in images like those" in before.stdout
    for name in project.images:
        n = len(project.detections(name).points)
        cells = np.random.default_rng(0).uniform(0, 50, (n + 9, 2))
        project.save_annotation(name, Annotation.of(cells, complete=True))
    said = htcell(*detect).stderr
    assert "the true number is in the interval of 0 of 4 images (stated: 90%)" in said


def test_quiet_says_nothing_when_a_file_is_written(htcell, tiny_project, tiny_model_folder):
    project = tiny_project()
    counts = project.exports_folder / "counts.csv"
    arguments = ("detect", project.path, "--model", tiny_model_folder, "-o", counts)
    assert htcell(*arguments, "--quiet").output == ""
    assert len(read(counts)) == 4


def test_progress_where_it_is_forced(htcell, tiny_project, tiny_model_folder):
    result = htcell("detect", tiny_project().path, "--model", tiny_model_folder, "--progress")
    assert "detecting in field_04.ome.tif 100%" in result.stderr
    assert "left" in result.stderr


def test_refusals_change_nothing(refused, tiny_project, tiny_model_folder, tmp_path):
    project = tiny_project()
    empty = tmp_path / "empty"
    empty.mkdir()
    keep = [project.path, empty]
    assert "has no images" in refused(1, "detect", empty, unchanged=keep)
    assert "nothing like it" in refused(
        1, "detect", project.path, "--model", "nothing like it", unchanged=keep
    )
    refused(2, "detect", project.path, "--pixel-size", 0, unchanged=keep)
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "card.json").write_bytes((tiny_model_folder / "card.json").read_bytes())
    (fake / "weights.safetensors").write_bytes(b"\x80\x04not weights")
    refused(1, "detect", project.path, "--model", fake, unchanged=[*keep, fake])


def test_a_whole_process(htcell_process, tiny_project, tiny_model_folder, tmp_path):
    project = tiny_project()
    broken = project.image_path("field_03.ome.tif")
    broken.write_bytes(broken.read_bytes()[:3000])
    counts = tmp_path / "counts.csv"
    done = htcell_process("detect", project.path, "--model", tiny_model_folder, "-o", counts)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {broken}: cannot be read as a")
    assert [row["status"] for row in read(counts)].count("partial") == 3


@pytest.mark.shared
def test_real_images(htcell, shared_data, tiny_model_folder, tmp_path):
    images, counts = shared_data / "t98g" / "images", tmp_path / "counts.csv"
    names = ["t98g_01.tif", "t98g_02.tif"]
    result = htcell(
        *("detect", *(images / name for name in names), "--model", tiny_model_folder),
        *("--pixel-size", 0.867, "-o", counts, "--points", tmp_path / "points.csv"),
    )
    assert result.exit_code == 0, result.output
    assert [row["image"] for row in read(counts)] == names
    truth = shared_data / "t98g" / "centroids.csv"
    compared = htcell(
        *("evaluate", tmp_path / "points.csv", truth, "--common", "--pixel-size", 0.867, "--json")
    )
    (first, second) = json.loads(compared.stdout)["images"]
    assert first["tp"] + first["fn"] == sum(row["image"] == names[0] for row in read(truth))
    assert second["tp"] + second["fp"] == int(read(counts)[1]["detected"])


def test_a_workbook_and_rois_of_a_folder(htcell, tiny_project, tiny_model_folder, tmp_path):
    images = tiny_project().images_folder
    book, zipped = tmp_path / "counts.xlsx", tmp_path / "points.zip"
    result = htcell("detect", images, "--model", tiny_model_folder, "-o", book, "--points", zipped)
    assert result.exit_code == 0
    header, first, *_ = openpyxl.load_workbook(book)["counts"].iter_rows(values_only=True)
    row = dict(zip(header, first, strict=True))
    # 256 x 320 pixels of 1.61 um
    assert row["area_mm2"] == pytest.approx(256 * 320 * 1.61**2 / 1e6, abs=1e-6)
    found = {one.image: len(one.points) for one in read_rois(zipped) if one.kind == "final"}
    assert found[row["image"]] == row["final"] > 0
