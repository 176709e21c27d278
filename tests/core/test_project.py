"""A folder of images is a project; nothing is written until there is something to keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.export_files import image_record
from napari_htcell.lazyfiles import sha256_of, state_of
from napari_htcell.project import ProjectError, ProjectSettings, open_project
from napari_htcell.thumbnails import thumbnail

GREY = np.zeros((8, 9), np.uint8)


def folder_with(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(GREY).save(path)
    return folder


def test_plain_folder(tmp_path: Path) -> None:
    project = open_project(folder_with(tmp_path, "b.TIF", "a.png", "day 2/c.jpg", ".hidden.png"))
    assert project.images == ("a.png", "b.TIF", "day 2/c.jpg")
    assert project.image_path("day 2/c.jpg") == tmp_path / "day 2" / "c.jpg"


def test_an_ome_zarr_is_an_image_and_no_folder_of_images(
    tmp_path: Path, write_ome_zarr: Callable[..., Path]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (230, 310), dtype=np.uint8)
    folder_with(tmp_path, "a.png", "day 2/inside.zarr/b.png", "masks/c.zarr/d.png")
    write_ome_zarr(tmp_path / "day 2" / "c.ome.zarr", pixels, 3.22)
    project = open_project(tmp_path)
    assert project.images == ("a.png", "day 2/c.ome.zarr", "day 2/inside.zarr")
    file = project.read_image("day 2/c.ome.zarr")
    np.testing.assert_array_equal(file.pixels, pixels)
    assert isinstance(file.pixels, np.ndarray)
    assert file.pixel_size_um == 3.22
    assert project.find_image("day 2/c") == "day 2/c.ome.zarr"
    assert thumbnail(project.image_path("day 2/c.ome.zarr"), (50, 50)).shape == (37, 50)
    project.save_annotation("day 2/c.ome.zarr", Annotation.of([[5.0, 6.0]]))
    assert len(open_project(tmp_path).annotation("day 2/c.ome.zarr").points) == 1
    assert image_record(project, "day 2/c.ome.zarr").extent == (230, 310)


def test_what_an_ome_zarr_holds_can_be_told_from_what_it_held(
    tmp_path: Path, write_ome_zarr: Callable[..., Path]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (230, 310), dtype=np.uint8)
    one = write_ome_zarr(tmp_path / "one.zarr", pixels, 3.22)
    same = write_ome_zarr(tmp_path / "same.zarr", pixels, 3.22)
    pixels[200, 300] += 1
    other = write_ome_zarr(tmp_path / "other.zarr", pixels, 3.22)
    assert sha256_of(one) == sha256_of(same) != sha256_of(other)
    before = state_of(one)
    (one / "0" / "2.2").touch()
    assert state_of(one) > before


def test_nothing_is_written_by_opening_and_looking(tmp_path: Path) -> None:
    project = open_project(folder_with(tmp_path, "a.png"))
    project.annotation("a.png")
    project.detections("a.png")
    assert project.settings == ProjectSettings()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_own_folders_hold_no_images_to_annotate(tmp_path: Path) -> None:
    folder_with(tmp_path, "a.png", "masks/a.png", "truth/a.png", "exports/a.png", ".git/a.png")
    assert open_project(tmp_path).images == ("a.png",)
    folder_with(tmp_path, "images/x/b.png", "images/masks/c.png")
    assert open_project(str(tmp_path)).images == ("masks/c.png", "x/b.png")


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="gone: no such folder"):
        open_project(tmp_path / "gone")
    with pytest.raises(ProjectError, match=r"has no images; put images \(.tif, .tiff, .png") as e:
        open_project(tmp_path)
    assert str(tmp_path) in str(e.value)
    with pytest.raises(ProjectError, match="is a file, not a folder"):
        open_project(folder_with(tmp_path, "a.png") / "a.png")


@pytest.mark.parametrize("name", ["gone.png", "../a.png", "/etc/passwd", ""])
def test_only_its_own_images(tmp_path: Path, name: str) -> None:
    folder_with(tmp_path, "a.png", "p/images/b.png")
    project = open_project(tmp_path / "p")
    for use in (project.image_path, project.annotation, project.detections):
        with pytest.raises(ProjectError, match=f"has no image {re.escape(repr(name))}"):
            use(name)
    with pytest.raises(ProjectError, match="has no image"):
        project.save_annotation(name, Annotation.empty())


def test_annotations_and_detections_are_kept_beside_the_images(tmp_path: Path) -> None:
    project = open_project(folder_with(tmp_path, "images/day 1/a.tif"))
    project.save_annotation("day 1/a.tif", Annotation.of(np.asarray([[1, 2]]), complete=True))
    how = Provenance("B", DetectConfig(), 1.61, True, "", "1.0")
    project.save_detections("day 1/a.tif", Detections(np.ones((1, 2)), np.ones(1), how))
    again = open_project(tmp_path)
    assert again.annotation("day 1/a.tif").status() == "complete"
    found = again.detections("day 1/a.tif")
    assert found is not None
    assert found.provenance.pixel_size_assumed
    assert (tmp_path / "annotations/day 1/a.tif.csv").read_text() == (
        "y,x,source\n1.000,2.000,hand\n"
    )
    assert (
        tmp_path / "detections/day 1/a.tif.csv"
    ).read_text() == "y,x,score\n1.000,1.000,1.0000\n"


def test_pixel_size_of_the_project_wins_over_the_files(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", GREY, imagej=True, resolution=(2, 2), metadata={"unit": "um"}
    )
    project = open_project(tmp_path)
    assert project.read_image("a.tif").pixel_size_um == 0.5
    project.save_settings(ProjectSettings(pixel_size_um=1.61))
    assert project.read_image("a.tif").pixel_size_um == 1.61
    assert open_project(tmp_path).read_image("a.tif").pixel_size_um == 1.61


@pytest.mark.parametrize(
    "content", [b"{", b'{"pixel_size_um": -1}', b'{"pixel": 1}', b"\xff\xfe", b"[]"]
)
def test_damaged_settings_are_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    (folder_with(tmp_path, "a.png") / "htcell.json").write_bytes(content)
    with pytest.raises(ProjectError, match=r"htcell\.json: is damaged \(.+\); correct it") as e:
        open_project(tmp_path)
    assert "\n" not in str(e.value)
    assert "validation error for" not in str(e.value)


def test_settings_of_a_newer_format_are_refused(tmp_path: Path) -> None:
    (folder_with(tmp_path, "a.png") / "htcell.json").write_text('{"format": 2}')
    with pytest.raises(ProjectError, match=r"format 2.*update napari-htcell"):
        open_project(tmp_path)


def test_masks(tmp_path: Path) -> None:
    project = open_project(folder_with(tmp_path, "images/a.jpg", "images/b.png"))
    assert project.read_masks("a.jpg") is None
    labels = np.arange(72, dtype=np.uint16).reshape(8, 9)
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks" / "a.tif", labels)
    np.testing.assert_array_equal(project.read_masks("a.jpg"), labels)


@pytest.mark.parametrize("masks", [np.zeros((8, 9), np.float32), np.zeros((8, 9, 3), np.uint8)])
def test_what_are_no_masks(tmp_path: Path, masks: np.ndarray) -> None:
    project = open_project(folder_with(tmp_path, "images/a.jpg"))
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(
        tmp_path / "masks" / "a.tif", masks, photometric="rgb" if masks.ndim == 3 else "minisblack"
    )
    with pytest.raises(ProjectError, match=r"a\.tif: masks must be whole numbers, one per cell"):
        project.read_masks("a.jpg")


def test_a_folder_that_is_gone_is_not_made_anew(make_project):
    project = make_project(a=Annotation.empty())
    clicked = Annotation.of(np.array([[3.0, 4.0]]))
    away = project.path.rename(project.path.with_name("away"))
    with pytest.raises(FileNotFoundError, match=r"the folder is gone; was it moved, or"):
        project.save_annotation("a.tif", clicked)
    assert not project.path.exists()
    # Where a share was shown an empty folder is left.
    project.path.mkdir()
    with pytest.raises(FileNotFoundError, match="the folder is gone"):
        project.save_annotation("a.tif", clicked)
    assert list(project.path.iterdir()) == []
    project.path.rmdir()
    away.rename(project.path)
    project.save_annotation("a.tif", clicked)
    assert len(project.annotation("a.tif").points) == 1
