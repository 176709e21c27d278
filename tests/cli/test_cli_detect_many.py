"""htcell detect in many images: stopped and gone on with, in several processes, on a cluster."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import threading
import warnings
from contextlib import contextmanager

import pyarrow.parquet
import pytest

from napari_htcell import many
from napari_htcell.export import COUNT_COLUMNS, POINT_COLUMNS


def tables(htcell, folder, model, place, *flags):
    """Detect and return the rows of both tables, without the date on which they were made."""
    counts, points = place / "counts.csv", place / "points.csv"
    result = htcell("detect", folder, "--model", model, "-o", counts, "--points", points, *flags)
    found = []
    for path in (counts, points):
        with path.open(newline="", encoding="utf-8") as file:
            found.append([row | {"date": ""} for row in csv.DictReader(file)])
    assert not (place / "counts.csv.unfinished").exists()
    return result, found


@contextmanager
def stopped_at(monkeypatch, name):
    """Stop detecting at an image."""
    find_in = many.find_in

    def stopping(path, *rest):
        if path.name == name:
            raise KeyboardInterrupt
        return find_in(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(many, "find_in", stopping)
        yield


@pytest.fixture
def looked_at(monkeypatch):
    """Return a list of the images that are detected in, as they are begun."""
    begun = []
    find_in = many.find_in

    def finding(path, *rest):
        begun.append(path.name)
        return find_in(path, *rest)

    monkeypatch.setattr(many, "find_in", finding)
    return begun


def test_the_same_command_goes_on(
    htcell, tiny_project, tiny_model_folder, tmp_path, monkeypatch, looked_at
):
    images = tiny_project().images_folder
    names = sorted(path.name for path in images.iterdir())
    _, expected = tables(htcell, images, tiny_model_folder, tmp_path / "whole")
    looked_at.clear()

    find_in = many.find_in

    def stopping(path, *rest):
        if path.name == names[2]:
            os.kill(os.getpid(), signal.SIGINT)
        return find_in(path, *rest)

    place = tmp_path / "stopped"
    command = ("detect", images, "--model", tiny_model_folder, "-o", place / "counts.csv")
    with monkeypatch.context() as patch:
        patch.setattr(many, "find_in", stopping)
        assert threading.current_thread() is threading.main_thread()
        stopped = htcell(*command)
    assert stopped.exit_code == 130
    assert stopped.stderr == "Stopped: the same command goes on from here\n"
    assert [path.name for path in place.iterdir()] == ["counts.csv.unfinished"]
    begun = len(looked_at)
    looked_at.clear()
    # One that was changed meanwhile is done again.
    os.utime(images / names[0], (1, 1))
    result, found = tables(htcell, images, tiny_model_folder, place)
    assert "Going on after 1 image\n" in result.stdout
    assert begun == 3
    assert looked_at == [names[0], *names[2:]]
    assert found == expected


def test_who_goes_on_with_save_has_all_that_was_found(
    htcell, tiny_project, tiny_model_folder, tmp_path, monkeypatch, looked_at
):
    project = tiny_project()
    command = ("detect", project.path, "--model", tiny_model_folder, "-o", tmp_path / "counts.csv")
    with stopped_at(monkeypatch, "field_03.ome.tif"):
        assert htcell(*command, "--no-save").exit_code == 130
    assert [project.detections(name) for name in project.images] == [None] * 4
    looked_at.clear()
    assert "Going on after 2 images" in htcell(*command, "--save").stdout
    assert len(looked_at) == 2
    assert all(project.detections(name) is not None for name in project.images)


def test_what_was_found_with_another_threshold_is_not_lost(
    htcell, refused, tiny_project, tiny_model_folder, tmp_path, monkeypatch
):
    images, place = tiny_project().images_folder, tmp_path / "place"
    command = ("detect", images, "--model", tiny_model_folder, "-o", place / "counts.csv")
    with stopped_at(monkeypatch, "field_02.ome.tif"):
        assert htcell(*command).exit_code == 130
    said = refused(1, *command, "--threshold", 0.7, "--quiet", unchanged=[place])
    assert "counts.csv.unfinished: is what was found with threshold 0.25 instead of 0.7" in said


def test_annotations_that_cannot_be_read_are_of_one_image(
    htcell, tiny_project, tiny_model_folder, tmp_path
):
    project = tiny_project()
    bad = project.path / "annotations" / "field_02.ome.tif.csv"
    bad.parent.mkdir(exist_ok=True)
    bad.write_text("y,x\n1,b\n", encoding="utf-8")
    result, (counts, _) = tables(htcell, project.path, tiny_model_folder, tmp_path)
    assert result.exit_code == 1
    assert "field_02.ome.tif.csv, line 2: x is 'b', not a number" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [row["image"] for row in counts if row["status"] == "unreadable"] == ["field_02.ome.tif"]
    assert len({row["image"] for row in counts}) == 4


def test_several_processes_write_the_same_tables(htcell, tiny_project, tiny_model_folder, tmp_path):
    project = tiny_project()
    broken = project.image_path("field_03.ome.tif")
    broken.write_bytes(broken.read_bytes()[:2000])
    alone, expected = tables(htcell, project.path, tiny_model_folder, tmp_path / "one")
    shutil.rmtree(project.path / "detections")
    result, found = tables(
        htcell, project.path, tiny_model_folder, tmp_path / "two", "--workers", 2
    )
    assert found == expected
    assert (result.exit_code, result.stderr) == (alone.exit_code, alone.stderr)
    assert result.exit_code == 1
    assert project.detections("field_02.ome.tif") is not None


def test_a_cluster_writes_the_same_tables(htcell, tiny_project, tiny_model_folder, tmp_path):
    distributed = pytest.importorskip("distributed")
    images = tiny_project().images_folder
    _, expected = tables(htcell, images, tiny_model_folder, tmp_path / "one")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster:
            result, found = tables(
                *(htcell, images, tiny_model_folder, tmp_path / "two"),
                *("--scheduler", cluster.scheduler_address),
            )
    assert result.exit_code == 0
    assert found == expected


def test_parquet_has_the_rows_of_csv(htcell, tiny_project, tiny_model_folder, tmp_path):
    images = tiny_project().images_folder
    _, (rows, cells) = tables(htcell, images, tiny_model_folder, tmp_path)
    counts, points = tmp_path / "counts.parquet", tmp_path / "points.parquet"
    command = ("detect", images, "--model", tiny_model_folder, "-o", counts, "--points", points)
    for _ in range(2):  # an older one is replaced
        assert htcell(*command).exit_code == 0
    table = pyarrow.parquet.read_table(counts)
    assert tuple(table.column_names) == COUNT_COLUMNS
    assert [str(n) for n in table["detected"].to_pylist()] == [row["detected"] for row in rows]
    assert table["area_mm2"].to_pylist() == [float(row["area_mm2"]) for row in rows]
    table = pyarrow.parquet.read_table(points)
    assert tuple(table.column_names) == POINT_COLUMNS
    assert table["y"].to_pylist() == [float(row["y"]) for row in cells]


def test_no_parquet_file_of_another_kind_is_replaced(
    refused, tiny_project, tiny_model_folder, tmp_path
):
    other = tmp_path / "other.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"mine": [1]}), other)
    images = tiny_project().images_folder
    command = ("detect", images, "--model", tiny_model_folder, "-o", other)
    assert "was not exported from here" in refused(1, *command, unchanged=[tmp_path])


def test_an_ome_zarr_in_a_folder_is_one_of_its_images(
    htcell, tiny_project, tiny_model_folder, tmp_path, write_ome_zarr
):
    project = tiny_project(n_images=1)
    file = project.read_image(project.images[0])
    write_ome_zarr(project.images_folder / "same.zarr", file.pixels, file.pixel_size_um)
    result, (counts, points) = tables(
        htcell, project.images_folder, tiny_model_folder, tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    assert [row["image"] for row in counts] == [project.images[0], "same.zarr"]
    assert counts[0]["detected"] == counts[1]["detected"] != "0"
    places = [(row["y"], row["x"]) for row in points]
    assert places[: len(places) // 2] == places[len(places) // 2 :]
