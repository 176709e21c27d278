"""htcell import-annotations: everything is checked before anything is written."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile

from napari_htcell import sample
from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.export import ImageRecord
from napari_htcell.project import open_project
from napari_htcell.rois import write_rois


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "images").mkdir(parents=True)
    for name in ("a.tif", "b.ome.tif", "exp1.2_c.tif"):
        tifffile.imwrite(folder / "images" / name, np.zeros((60, 80), np.uint8), ome=False)
    return open_project(folder)


@pytest.fixture
def table(tmp_path):
    def write(text, name="clicks.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def masks_of(path, *places, shape=(60, 80), dtype=np.uint16):
    labels = np.zeros(shape, dtype)
    for number, (y, x) in enumerate(places, start=1):
        labels[y - 1 : y + 2, x - 1 : x + 2] = number
    path.parent.mkdir(exist_ok=True)
    tifffile.imwrite(path, labels)
    return path


def test_a_table_that_names_images(htcell, project, table):
    clicks = table("filename;X;Y;source\na.tif;70;50;\nb.ome.tif;1;2;B\nb.ome.tif;3;4;\n")
    result = htcell("import-annotations", project.path, clicks, "--json")
    assert json.loads(result.stdout)["images"] == {"a.tif": 1, "b.ome.tif": 2}
    np.testing.assert_allclose(project.annotation("a.tif").points, [[50, 70]])
    annotation = project.annotation("b.ome.tif")
    assert annotation.sources == ("B", BY_HAND)
    assert annotation.status() == "partial"


@pytest.mark.parametrize(
    ("name", "image"),
    [("a.csv", "a.tif"), ("B.tif.csv", "b.ome.tif"), ("exp1.2_c.csv", "exp1.2_c.tif")],
)
def test_a_table_named_as_its_image(htcell, project, table, name, image):
    clicks = table("axis-0,axis-1\n5,6\n", name)
    assert htcell("import-annotations", project.path, clicks, "--complete").exit_code == 0
    assert project.annotation(image).status() == "complete"
    np.testing.assert_allclose(project.annotation(image).points, [[5, 6]])


def test_a_table_for_a_named_image(htcell, project, table):
    clicks = table("frame,y,x\n0,5,6\n")
    # As the project names it, or without the ending.
    for name, image in (("a.tif", "a.tif"), ("b", "b.ome.tif")):
        assert htcell("import-annotations", project.path, clicks, "--image", name).exit_code == 0
        assert project.annotation(image).points.shape == (1, 2)


def test_a_table_of_more_images_than_the_project_has(htcell, refused, project, table):
    command = ("import-annotations", project.path)
    clicks = table("image,y,x\na.tif,1,2\nelsewhere.tif,1,2\nb.tif,3,4\n")
    assert "--common" in refused(1, *command, clicks, unchanged=[project.path])
    result = htcell(*command, clicks, "--common", "--pixel-size", 0.8)
    assert result.stdout.endswith("Imported 2 points into 2 images\n")
    np.testing.assert_allclose(project.annotation("b.ome.tif").points, [[3, 4]])
    assert open_project(project.path).settings.pixel_size_um == 0.8
    strange = table("image,y,x\nelsewhere.tif,1,2\n")
    assert "elsewhere.tif" in refused(1, *command, strange, "--common")


def test_a_table_without_rows_is_doubted(htcell, project, table):
    result = htcell("import-annotations", project.path, table("image,y,x\n"))
    assert result.exit_code == 0
    assert "has no points; was the right file chosen?" in result.stderr


def test_masks_become_centroids(htcell, project, tmp_path):
    masks_of(tmp_path / "masks" / "a.tif", (10, 20), (30, 40))
    masks_of(tmp_path / "masks" / "b.tif")
    result = htcell("import-annotations", project.path, tmp_path / "masks", "--complete")
    assert result.stdout == "Imported 2 points into 2 images\n"
    np.testing.assert_allclose(project.annotation("a.tif").points, [[10, 20], [30, 40]])
    assert project.annotation("b.ome.tif").status() == "complete"
    one = masks_of(tmp_path / "exp1.2_c.tif", (7, 8))
    htcell("import-annotations", project.path, one)
    np.testing.assert_allclose(project.annotation("exp1.2_c.tif").points, [[7, 8]])


COUNTER = """<CellCounter_Marker_File>
<Image_Properties><Image_Filename>{image}</Image_Filename></Image_Properties>
<Marker_Data>
<Marker_Type><Type>1</Type>
<Marker><MarkerX>7</MarkerX><MarkerY>5</MarkerY><MarkerZ>1</MarkerZ></Marker></Marker_Type>
<Marker_Type><Type>2</Type><Name>dead</Name>
<Marker><MarkerX>9</MarkerX><MarkerY>8</MarkerY><MarkerZ>{slice}</MarkerZ></Marker></Marker_Type>
</Marker_Data></CellCounter_Marker_File>"""


def test_types_of_the_cell_counter(htcell, refused, project, table):
    command = ("import-annotations", project.path)
    clicks = table(COUNTER.format(image="a.tif", slice=1), "clicks.xml")
    assert htcell(*command, clicks).exit_code == 0
    np.testing.assert_allclose(project.annotation("a.tif").points, [[5, 7], [8, 9]])
    for kinds, points in ((("2",), [[8, 9]]), (("DEAD",), [[8, 9]]), (("1", "dead"), None)):
        flags = [flag for kind in kinds for flag in ("--type", kind)]
        assert htcell(*command, clicks, "--replace", *flags).exit_code == 0
        points = [[5, 7], [8, 9]] if points is None else points
        np.testing.assert_allclose(project.annotation("a.tif").points, points)
    line = refused(1, *command, clicks, "--replace", "--type", "3", unchanged=[project.path])
    assert "no points of type 3, but Type 1, dead" in line
    # Another name than that in the file.
    assert htcell(*command, clicks, "--image", "b").exit_code == 0
    assert len(project.annotation("b.ome.tif").points) == 2
    deep = table(COUNTER.format(image="a.tif", slice=2), "deep.xml")
    assert "time stack" in refused(1, *command, deep, "--replace", unchanged=[project.path])


def test_a_folder_of_files(htcell, refused, project, table, tmp_path):
    folder = tmp_path / "counted"
    folder.mkdir()
    for number, image in enumerate(("a.tif", "b.ome.tif")):
        (folder / f"{number}.xml").write_text(COUNTER.format(image=image, slice=1))
    result = htcell("import-annotations", project.path, folder)
    assert result.stdout == "Imported 4 points into 2 images\n"
    (folder / "2.xml").write_text(COUNTER.format(image="a.tif", slice=1))
    line = refused(
        1, "import-annotations", project.path, folder, "--replace", unchanged=[project.path]
    )
    assert "two tables or masks for one image, 'a.tif'" in line


def test_results_of_fiji(htcell, project, table):
    text = " ,Label,Area,X,Y\n1,exp1.2_c.tif:0005-0007,12,7.5,5.25\n"
    assert htcell("import-annotations", project.path, table(text, "Results.csv")).exit_code == 0
    np.testing.assert_allclose(project.annotation("exp1.2_c.tif").points, [[5.25, 7.5]])


def test_kinds_of_exported_rois(htcell, project, tmp_path):
    found = np.asarray([(30.0, 40.0)])
    how = Provenance("B", DetectConfig(), 2.0, False, "2026-01-02T03:04:05+00:00", "0.1")
    clicked = Annotation.of(np.asarray([(5.0, 7)]))
    path = tmp_path / "rois.zip"
    write_rois(path, [ImageRecord("a.tif", Detections(found, np.ones(1), how), clicked)])
    for kind, points in (("annotated", [[5, 7]]), ("final", [[5, 7], [30, 40]])):
        command = ("import-annotations", project.path, path, "--replace", "--type", kind)
        assert htcell(*command).exit_code == 0
        np.testing.assert_allclose(project.annotation("a.tif").points, points)


def test_a_time_stack(htcell, tmp_path, table):
    folder = tmp_path / "movie"
    folder.mkdir()
    stack = np.zeros((3, 60, 80), np.uint8)
    tifffile.imwrite(folder / "t.tif", stack, photometric="minisblack")
    clicks = table("axis-0,axis-1,axis-2\n2,5,6\n")
    assert htcell("import-annotations", folder, clicks, "--complete").exit_code == 0
    annotation = open_project(folder).annotation("t.tif")
    np.testing.assert_allclose(annotation.points, [[2, 5, 6]])
    assert annotation.complete_frames == {0, 1, 2}


def test_what_is_there_is_replaced_only_when_asked(htcell, refused, project, table):
    htcell("import-annotations", project.path, table("y,x\n1,1\n", "a.csv"))
    second = table("y,x\n2,2\n", "a.csv")
    line = refused(1, "import-annotations", project.path, second, unchanged=[project.path])
    assert "--replace" in line
    result = htcell("import-annotations", project.path, second, "--replace")
    assert (result.exit_code, result.stderr) == (0, "")
    np.testing.assert_allclose(project.annotation("a.tif").points, [[2, 2]])


def test_an_image_that_is_complete_no_longer_is_said(htcell, project, table):
    clicks = table("y,x\n1,1\n", "a.csv")
    complete = htcell("import-annotations", project.path, clicks, "--complete")
    assert complete.stderr == ""
    result = htcell("import-annotations", project.path, clicks, "--replace")
    assert "1 of them were complete and are no longer, the first 'a.tif'" in result.stderr
    assert project.annotation("a.tif").status() == "partial"


def test_points_that_contradict_what_was_found_are_doubted(htcell, project, table):
    cells = np.random.default_rng(0).uniform(0, 59, (20, 2)).round(1)
    how = Provenance("E", DetectConfig(), 4.0, False, "2026-01-01", "0.1")
    project.save_detections("a.tif", Detections(cells, np.full(len(cells), 0.9), how))
    rows = "\n".join(f"{y},{x}" for y, x in cells)
    right, wrong = table(f"y,x\n{rows}", "right.csv"), table(f"x,y\n{rows}", "wrong.csv")
    command = ("import-annotations", project.path, "--image", "a.tif", "--replace")
    assert htcell(*command, right).stderr == ""
    assert "far better with y and x exchanged" in htcell(*command, wrong).stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image,row,column\na.tif,1,2\n", "row, column"),
        ("image,y,x\na.tif,1,2\nb.ome.tif,1,80\n", "outside"),
        ("image,y,x\na.tif,-1,2\n", "outside"),
        ("image,y,x\na.tif,1,2\nmissing.tif,1,2\n", "missing.tif"),
        ("image,y,x\na.tif,1,two\n", "line 2"),
        ("image,frame,y,x\na.tif,4,1,2\n", "time stack"),
        ("y,x\n1,2\n", "--image"),
        ("", "is empty"),
    ],
)
def test_a_wrong_table_changes_nothing(refused, project, table, text, reason):
    line = refused(1, "import-annotations", project.path, table(text), unchanged=[project.path])
    assert reason in line


def test_wrong_masks_change_nothing(refused, project, tmp_path):
    def refuse(path):
        return refused(1, "import-annotations", project.path, path, unchanged=[project.path])

    good = masks_of(tmp_path / "masks" / "a.tif", (10, 20))
    assert "shape" in refuse(masks_of(tmp_path / "b.tif", (5, 5), shape=(60, 81)))
    masks_of(tmp_path / "masks" / "unknown.tif", (5, 5))
    assert "unknown.tif" in refuse(good.parent)
    binary = np.where(np.arange(80) % 10 < 5, 255, 0).astype(np.uint8) * np.ones((60, 1), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", binary)
    assert "black and white" in refuse(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((60, 80), np.float32))
    assert "no label image" in refuse(tmp_path / "a.tif")
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    assert "a.tif" in refuse(tmp_path / "a.tif")
    shutil.rmtree(good.parent)
    good.parent.mkdir()
    assert "has no label images" in refuse(good.parent)


def test_the_truth_of_a_sample(htcell, tiny_project):
    project = tiny_project()
    masks = project.path / "masks"
    assert (
        htcell("import-annotations", project.path, masks, "--replace", "--complete").exit_code == 0
    )
    for name in project.images:
        np.testing.assert_allclose(
            project.annotation(name).points, sample.read_truth(project, name), atol=2e-3
        )


def test_an_import_is_taken_back(htcell, project, table):
    clicks = table("image,y,x\na.tif,50,70\n")
    project.save_annotation("a.tif", Annotation.of(np.array([[3.0, 4]])))
    result = htcell("import-annotations", project.path, clicks, "--replace")
    assert "comes back with --undo" in result.output
    result = htcell("import-annotations", project.path, "--undo", "--json")
    assert json.loads(result.stdout)["images"] == ["a.tif"]
    np.testing.assert_allclose(project.annotation("a.tif").points, [[3, 4]])
    result = htcell("import-annotations", project.path, "--undo")
    assert result.exit_code == 1
    assert "no import that could be taken back" in result.output
