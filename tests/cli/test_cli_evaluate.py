"""htcell evaluate: hand-made tables, counted by hand."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from napari_htcell.config import DEFAULT_MODEL, DetectConfig
from napari_htcell.detections import Detections, Provenance


@pytest.fixture
def tables(tmp_path):
    found, truth = tmp_path / "found.csv", tmp_path / "truth.csv"
    found.write_text("image,frame,y,x\na.tif,0,10,10\na.tif,0,50,50\nb.tif,0,5,5\n")
    truth.write_text("image,y,x\na.tif,13,14\na.tif,90,90\nb.tif,5,5\n")
    return found, truth


def test_totals_and_images(htcell, tables):
    result = htcell("evaluate", *tables, "--cutoff-px", 5, "--pixel-size", 2, "--json")
    given = json.loads(result.stdout)
    a, b = given["images"]
    assert (a["tp"], a["fp"], a["fn"], a["mean_distance_px"]) == (1, 1, 1, 5)
    assert (b["tp"], b["fp"], b["fn"], b["mean_distance_um"]) == (1, 0, 0, 0)
    totals = given["totals"]
    assert (totals["tp"], totals["fp"], totals["fn"]) == (2, 1, 1)
    assert totals["f_score"] == pytest.approx(2 / 3)
    assert totals["mean_distance_um"] == 5


def test_the_cut_off_is_in_micrometres_unless_said(htcell, tables):
    # 16 um are 4 pixels of 4 um: (10, 10) and (13, 14) are 5 apart.
    result = htcell("evaluate", *tables, "--pixel-size", 4)
    last = result.stdout.splitlines()[-1].split()
    assert last == ["all", "images", "1", "2", "2", "0.333", "0.00", "0", "%"]
    wider = htcell("evaluate", *tables, "--pixel-size", 4, "--cutoff-um", 20)
    assert wider.stdout.splitlines()[-1].split()[2:5] == ["2", "1", "1"]
    # Without a pixel size distances are in pixels, and said to be.
    pixels = htcell("evaluate", *tables, "--cutoff-px", 5).stdout.splitlines()
    assert "d (px)" in pixels[0]
    assert pixels[-1].split()[-3] == "2.50"


def test_exchanged_axes_are_suspected(htcell, tmp_path):
    cells = np.random.default_rng(0).uniform(0, 1000, (40, 2)).round(1)
    found, truth = tmp_path / "found.csv", tmp_path / "truth.csv"
    np.savetxt(found, cells, delimiter=",", header="y,x", comments="")
    np.savetxt(truth, cells, delimiter=",", header="x,y", comments="")
    said = htcell("evaluate", found, truth, "--pixel-size", 1).stderr
    assert "fits these points far better with y and x exchanged (F 1.00 instead of 0." in said
    assert htcell("evaluate", found, found, "--pixel-size", 1).stderr == ""


def test_folders_of_tables(htcell, refused, tiny_project, tiny_model_folder):
    project = tiny_project()
    htcell("detect", project.path, "--model", tiny_model_folder)
    found, truth = project.path / "detections", project.path / "truth"
    result = htcell("evaluate", found, truth, "--pixel-size", 1.61)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 6
    # The project knows at what pixel size it was detected in, and is its detections here.
    for place in (found, project.path):
        assert htcell("evaluate", place, truth).stdout == result.stdout
    # Files round it.
    assert htcell("evaluate", found, truth, "--pixel-size", 1.6100001).exit_code == 0
    said = refused(2, "evaluate", project.path, truth, "--pixel-size", 0.8)
    assert f"{project.images[0]} was detected at 1.61 um per pixel, not 0.8" in said


def test_each_image_is_judged_at_the_pixel_size_that_it_was_detected_at(
    htcell, refused, tiny_project, tmp_path
):
    project, truth = tiny_project(), tmp_path / "truth.csv"
    near, far = project.images[:2]
    truth.write_text(f"image,y,x\n{near},10,22\n{far},10,22\n")
    for name, size in ((near, 0.8), (far, 3.2)):  # 9.6 um away, and 38.4
        how = Provenance("E", DetectConfig(), size, False, "2026-01-01", "0.1")
        project.save_detections(name, Detections(np.asarray([[10.0, 10]]), np.ones(1), how))
    given = json.loads(htcell("evaluate", project.path, truth, "--json").stdout)
    assert [(one["tp"], one["fp"]) for one in given["images"]] == [(1, 0), (0, 1)]
    said = refused(2, "evaluate", project.path, truth, "--pixel-size", 0.8)
    assert f"{far} was detected at 3.2 um per pixel, not 0.8" in said


def test_images_of_one_side_are_named(htcell, tables):
    found, truth = tables
    truth.write_text(truth.read_text() + "c.tif,1,1\n")
    result = htcell("evaluate", found, truth, "--cutoff-px", 5, "--json")
    assert json.loads(result.stdout)["totals"]["fn"] == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "Warning: PREDICTED has no points for 1 of the images, the first 'c.tif'"
    )
    # Below the table, where it is seen.
    said = htcell("evaluate", found, truth, "--cutoff-px", 5).output.splitlines()
    assert said[-1] == line
    common = htcell("evaluate", found, truth, "--cutoff-px", 5, "--json", "--common")
    assert json.loads(common.stdout)["totals"]["fn"] == 1
    assert common.stderr == ""


def test_without_points_there_is_no_distance(htcell, tmp_path):
    for name in ("found.csv", "truth.csv"):
        (tmp_path / name).write_text("y,x\n")
    result = htcell(
        *("evaluate", tmp_path / "found.csv", tmp_path / "truth.csv", "--cutoff-px", 5, "--json")
    )
    totals = json.loads(result.stdout)["totals"]
    assert (totals["f_score"], totals["mean_distance_um"]) == (1, None)


def test_refusals(refused, tables, tmp_path):
    found, truth = tables
    assert "--pixel-size" in refused(2, "evaluate", found, truth)
    refused(2, "evaluate", found, truth, "--cutoff-px", 5, "--cutoff-um", 5)
    refused(2, "evaluate", found, truth, "--cutoff-px", 0)
    assert "is no project" in refused(2, "evaluate", found)
    assert "--model is for a project" in refused(2, "evaluate", found, truth, "--model", "B")
    assert "--common is for two tables" in refused(2, "evaluate", tmp_path, "--common")
    assert "column score" in refused(1, "evaluate", found, truth, "--cutoff-px", 5, "--curve")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("row,column\n1,2\n")
    assert "row, column" in refused(1, "evaluate", wrong, truth, "--cutoff-px", 5)
    wrong.write_text("image,y,x\nz.tif,1,2\n")
    assert "no image in common" in refused(1, "evaluate", wrong, truth, "--cutoff-px", 5)
    wrong.write_text("image,frame,y,x\na.tif,3,1,2\n")
    assert "frames" in refused(1, "evaluate", wrong, truth, "--cutoff-px", 5, "--common")
    wrong.write_bytes(b"\xff\xfe\x00\x01")
    refused(1, "evaluate", wrong, truth, "--cutoff-px", 5)


def test_annotations_are_not_compared_with_themselves(htcell, refused, tables):
    found, truth = tables
    found.write_text("image,y,x,kind\na.tif,1,2,annotated\n")
    assert "holds annotations" in refused(1, "evaluate", found, truth, "--cutoff-px", 5)
    found.write_text("image,y,x,kind\na.tif,13,14,detected only\n")
    assert htcell("evaluate", found, truth, "--cutoff-px", 5).exit_code == 0


def test_a_curve_over_the_scores(htcell, tables):
    found, truth = tables
    found.write_text("image,y,x,score\na.tif,13,14,0.5\na.tif,50,50,0.75\nb.tif,5,5,0.99\n")
    call = ("evaluate", found, truth, "--cutoff-px", 5, "--curve")
    given = json.loads(htcell(*call, "--json").stdout)
    # All three, then the false one and the sure one, then the sure one alone.
    counts = {p["threshold"]: (p["precision"], p["recall"]) for p in given["curve"]}
    assert min(counts) == 0.5
    assert counts[0.5] == pytest.approx((2 / 3, 2 / 3))
    assert counts[0.6] == pytest.approx((1 / 2, 1 / 3))
    assert counts[0.8] == pytest.approx((1, 1 / 3))
    assert given["best_threshold"] == 0.5
    (best,) = [line for line in htcell(*call).stdout.splitlines() if line.endswith("best")]
    assert best.split()[0] == "0.50"


@pytest.mark.parametrize("header", ["Image,Y,X,score,kind", "image,y,x,score,kind"])
def test_a_curve_takes_the_rows_that_the_table_takes(htcell, tables, header):
    found, truth = tables
    rows = "a.tif,13,14,0.6,detected only\na.tif,1,1,,rejected\nb.tif,5,5,0.9,detected only"
    found.write_text(f"{header}\n{rows}\n")
    call = ("evaluate", found, truth, "--cutoff-px", 5, "--curve", "--json")
    given = json.loads(htcell(*call).stdout)
    assert given["totals"]["tp"] == 2
    assert given["best_threshold"] == 0.6
    assert given["curve"][0]["recall"] == pytest.approx(2 / 3)


def test_a_project_beside_its_complete_images(htcell, refused, tiny_project, tiny_model_folder):
    project = tiny_project(n_complete=2)
    assert "nothing was detected in its complete" in refused(1, "evaluate", project.path)
    htcell("detect", project.path, "--model", tiny_model_folder)
    given = json.loads(htcell("evaluate", project.path, "--json", "--curve").stdout)
    complete = [name for name in project.images if project.annotation(name).complete_frames]
    assert [row["image"] for row in given["images"]] == complete
    assert given["totals"]["images"] == 2
    assert given["totals"]["tp"] > given["totals"]["fp"] + given["totals"]["fn"]
    assert (
        given["curve"][0]["threshold"]
        >= project.detections(project.images[0]).provenance.settings.threshold
    )
    # Run anew it is known further down.
    call = ("evaluate", project.path, "--model", tiny_model_folder, "--json", "--curve")
    anew = json.loads(htcell(*call).stdout)
    assert anew["totals"]["tp"] == given["totals"]["tp"]
    assert anew["curve"][0]["threshold"] == 0.05
    (project.path / "annotations").rename(project.path / "away")
    assert "no complete image" in refused(1, "evaluate", project.path)


def test_models_side_by_side(htcell, refused, tiny_project, tiny_model_folder):
    project = tiny_project(n_complete=2)
    other = project.models_folder / "blind"
    shutil.copytree(tiny_model_folder, other)
    card = json.loads((other / "card.json").read_text())
    card |= {"name": "blind", "detection": card["detection"] | {"threshold": 1.0}}
    (other / "card.json").write_text(json.dumps(card))
    call = ("evaluate", project.path, "--model", tiny_model_folder, "--model", "blind")
    given = json.loads(htcell(*call, "--json").stdout)
    assert [(row["model"], row["tp"] > 0) for row in given["models"]] == [
        (DEFAULT_MODEL, True),
        ("blind", False),
    ]
    assert given["best"] == DEFAULT_MODEL
    assert given["unseen"] == 2
    head, first, second = htcell(*call).stdout.splitlines()
    assert head.split()[:2] == ["model", "F"]
    assert (first.split()[0], second.split()[0]) == (DEFAULT_MODEL, "blind")
    assert "--curve is for one model" in refused(2, *call, "--curve")
    assert list((project.path / "detections").glob("*")) == []
