"""The simulated sets of the paper's size: right numbers, the same however they come to be made."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_htcell import images, paper_record, sample
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import NothingToLearnError, learning_images
from napari_htcell.frame import frame_image
from napari_htcell.imagefiles import ImageFile
from napari_htcell.paper_set import SETS, make_paper_set, make_paper_set_steps
from napari_htcell.progress import run
from napari_htcell.project import Project, open_project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.versions import get_version

TINY = SimulationConfig(height_px=64, width_px=96, cells_per_mm2=300, density_spread=0.3)
"""A handful of cells an image, so that none is without clicks."""

SCALE, N_IMAGES = 0.002, 5 + 12 + 20


def content(folder: Path) -> dict[str, bytes]:
    """Return every file with what is in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def written(folder: Path) -> dict[Path, int]:
    """Return when every file was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}


def make(folder: Path, **settings: Any) -> Path:
    make_paper_set(folder, TINY, **{"scale": SCALE, "workers": 1} | settings)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of tiny sets, made in one go; not to be changed."""
    return make(tmp_path_factory.mktemp("paper") / "sets")


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """Return a copy of `made`."""
    return shutil.copytree(made, tmp_path / "sets")


@pytest.mark.parametrize(
    ("scale", "numbers"),
    [
        (1, [2241, 12, 212]),
        (1 / 3, [747, 12, 71]),
        (0.25, [561, 12, 53]),
        (0.01, [23, 12, 20]),
        (1e-9, [1, 12, 20]),
    ],
)
def test_numbers_of_images_are_parts_of_the_papers_but_all_clean_ones_are_made(
    scale: float, numbers: list[int]
) -> None:
    assert [one.count(scale) for one in SETS] == numbers


def test_each_set_is_a_project_annotated_as_the_paper_says(made: Path) -> None:
    expected = {"partial": (5, "partial", False), "clean": (12, "complete", True)} | {
        "test": (20, "untouched", False)
    }
    for set_name, (number, status, has_masks) in expected.items():
        project = open_project(made / set_name)
        assert len(project.images) == number
        for name in project.images:
            file = ImageFile.read(project.image_path(name))
            assert (file.pixels.shape, file.pixels.dtype) == ((64, 96), np.uint8)
            assert file.pixel_size_um == 1.61
            annotation, truth = project.annotation(name), sample.read_truth(project, name)
            masks = project.read_masks(name)
            assert (annotation.status(), masks is not None) == (status, has_masks)
            if status == "complete":
                np.testing.assert_array_equal(annotation.points, truth)
            if masks is not None:
                assert len(np.unique(masks)) - 1 == len(truth) > 0
    assert "SIMULATED" in (made / "README.txt").read_text(encoding="utf-8")


def test_nothing_is_learnt_from_the_test_images_by_accident(made: Path) -> None:
    project = open_project(made / "test")
    assert len(sample.read_truth(project, project.images[0])) > 0
    for stage in get_version("B").stages:
        with pytest.raises(NothingToLearnError):
            run(learning_images(project, stage, TrainConfig(), 1.61))


def test_densities_vary_and_two_thirds_are_clicked_fewer_in_crowds(tmp_path: Path) -> None:
    # The paper's field on fewer pixels: a small field's cells have neighbours that it cuts off.
    coarse = SimulationConfig(height_px=747, width_px=999, pixel_size_um=3.3)
    project = make_paper_set(tmp_path / "sets", coarse, scale=0.007, workers=1)["partial"]
    cells = np.array([len(sample.read_truth(project, name)) for name in project.images])
    clicks = np.array([len(project.annotation(name).points) for name in project.images])
    assert cells.mean() == pytest.approx(96, rel=0.3)
    # The deviation of the drawn densities is 0.95 times their mean.
    assert 0.5 < cells.std() / cells.mean() < 1.4
    assert np.mean(clicks[cells > 0] / cells[cells > 0]) == pytest.approx(2 / 3, abs=0.08)
    order = np.argsort(cells)
    sparse, dense = order[: len(order) // 2], order[len(order) // 2 :]
    assert clicks[dense].sum() / cells[dense].sum() < clicks[sparse].sum() / cells[sparse].sum()


def test_images_differ_from_each_other_and_from_a_sample_project(
    made: Path, tmp_path: Path
) -> None:
    project = sample.make_project(tmp_path / "sample", TINY, n_images=2)
    found = [*made.glob("*/images/*"), *project.images_folder.iterdir()]
    pixels = {ImageFile.read(path).pixels.tobytes() for path in found}
    assert len(pixels) == len(found) == N_IMAGES + 2
    # Numbers after the index are 0 in a sample project's seeds, whether it gives them or not.
    assert all(one.key > 0 for one in SETS)
    assert len({one.key for one in SETS}) == len(SETS)


def test_a_set_is_extended_by_a_larger_scale_and_its_images_stay(made: Path, copied: Path) -> None:
    small, before = content(made), written(copied)
    make(copied, scale=2 * SCALE)
    large = content(copied)
    assert len(open_project(copied / "partial").images) == 9
    changed = {name for name in small if small[name] != large[name]}
    assert changed == {paper_record.RECORD}
    after = written(copied)
    rewritten = {path.name for path in before if before[path] != after[path]}
    assert rewritten == {paper_record.RECORD}
    anew = content(make(copied.with_name("anew"), scale=2 * SCALE))
    assert anew == large


@pytest.mark.parametrize("step", [0, 1, 5, N_IMAGES - 1])
def test_what_is_stopped_goes_on_from_there(made: Path, tmp_path: Path, step: int) -> None:
    folder = tmp_path / "sets"
    steps = make_paper_set_steps(folder, TINY, scale=SCALE, workers=1)
    reports = [next(steps) for _ in range(step + 1)]
    steps.close()
    assert [report.done for report in reports] == list(range(step + 1))
    assert len(list(folder.glob("*/images/*"))) == step
    before = written(folder)
    again = list(make_paper_set_steps(folder, TINY, scale=SCALE, workers=1))
    assert [report.done for report in again] == list(range(step, N_IMAGES + 1))
    assert {report.total for report in again} == {N_IMAGES}
    assert before.items() <= written(folder).items()
    assert content(folder) == content(made)


@pytest.mark.parametrize(
    "name",
    [
        "partial/truth/partial_0002.ome.tif.csv",
        "partial/annotations/partial_0005.ome.tif.csv",
        "partial/annotations/partial_0001.ome.tif.json",
        "clean/masks/clean_01.ome.tif",
        "test/images/test_001.ome.tif",
    ],
)
def test_an_image_that_lacks_a_file_is_made_again_and_no_other(
    made: Path, copied: Path, name: str
) -> None:
    (copied / name).unlink()
    before = written(copied)
    make(copied)
    assert content(copied) == content(made)
    image = Path(name).name.partition(".")[0]
    after = written(copied)
    assert all(before[path] == after[path] for path in before if not path.name.startswith(image))


def test_the_image_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    replace = Path.replace

    def noting(unfinished: Path, path: Path) -> Path:
        order.append(path.parent.name)
        return replace(unfinished, path)

    monkeypatch.setattr(Path, "replace", noting)
    make(tmp_path / "sets")
    kinds = ["truth", "masks", "annotations", "annotations", "images"]
    clean = order[order.index("masks") - 1 :]
    assert clean[: len(kinds)] == kinds


def test_a_user_goes_on_annotating_finished_images(copied: Path) -> None:
    project = open_project(copied / "test")
    name = project.images[0]
    mine = project.annotation(name).add(np.array([[3.0, 4.0]]))
    project.save_annotation(name, mine)
    make(copied)
    np.testing.assert_array_equal(project.annotation(name).points, mine.points)


def test_several_processes_make_the_same_files(made: Path, tmp_path: Path) -> None:
    assert content(make(tmp_path / "sets", workers=3)) == content(made)


def test_processes_stop_where_they_are_told_to(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    steps = make_paper_set_steps(folder, TINY, scale=5 * SCALE, workers=2)
    next(steps)
    assert next(steps).done == 1
    steps.close()
    # The one reported, and at most those that the two were at or had been handed.
    n_images = len(list(folder.glob("*/images/*")))
    assert 1 <= n_images < sum(one.count(5 * SCALE) for one in SETS)
    done = content(folder)
    assert not any(Path(name).name.startswith(".") for name in done)
    whole = content(make(tmp_path / "whole", scale=5 * SCALE))
    assert done.items() <= whole.items()


def _scale_down(folder: Path) -> None:
    make(folder, scale=SCALE / 2)


def _damage(folder: Path) -> None:
    (folder / paper_record.RECORD).write_text("{")
    make(folder)


def _other_format(folder: Path) -> None:
    record = folder / paper_record.RECORD
    values = json.loads(record.read_text())
    record.write_text(json.dumps(values | {"format": 99}))
    make(folder)


def _other_kind(folder: Path) -> None:
    (folder / paper_record.RECORD).unlink()
    make(folder)


def _other_height(folder: Path) -> None:
    make_paper_set(folder, TINY.model_copy(update={"height_px": 65}), scale=SCALE, workers=1)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (functools.partial(make, seed=1), "made with seed 0, not seed 1;"),
        (functools.partial(make, completeness=0.5), "not completeness 0.5;"),
        (functools.partial(make, network_resolution=True), "not network_resolution True;"),
        (_other_height, "made with height_px 64, not height_px 65;"),
        (_scale_down, "begun at a scale of 0.002, of which 0.001 is a part;"),
        (_damage, "damaged"),
        (_other_format, "format 99"),
        (_other_kind, "holds no such sets"),
    ],
)
def test_a_folder_of_something_else_is_refused(
    copied: Path, call: Callable[[Path], None], text: str
) -> None:
    before = written(copied)
    with pytest.raises((ValueError, FileExistsError), match=text) as caught:
        call(copied)
    assert str(copied) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    after = written(copied)
    # What the case itself did to the record aside.
    kept = [path for path in before if path.name != paper_record.RECORD]
    assert [after[path] for path in kept] == [before[path] for path in kept]
    assert after.keys() <= before.keys()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_cannot_be_written_is_told(copied: Path, workers: int) -> None:
    for one in ("test", "clean"):
        shutil.rmtree(copied / one)
        (copied / one).write_text("in the way")
    with pytest.raises(OSError, match=r"clean|test"):
        make(copied, workers=workers)


@pytest.mark.parametrize(
    ("height_px", "width_px", "pixel_size_um"), [(64, 96, 1.61), (70, 91, 1.61), (150, 130, 0.867)]
)
def test_network_resolution_is_what_the_network_sees_of_the_camera_s(
    tmp_path: Path, height_px: int, width_px: int, pixel_size_um: float
) -> None:
    """The same pixels and masks bit for bit; points are off by the third decimal of the tables."""
    simulation = SimulationConfig(
        height_px=height_px, width_px=width_px, pixel_size_um=pixel_size_um, cells_per_mm2=300
    )
    n_points = 0
    settings = {"scale": 0.001, "workers": 1}
    full = make_paper_set(tmp_path / "full", simulation, **settings)
    small = make_paper_set(tmp_path / "small", simulation, network_resolution=True, **settings)
    assert full.keys() == small.keys()
    for one in SETS:
        assert full[one.name].images == small[one.name].images
        for name in full[one.name].images:
            seen = [_as_seen(projects[one.name], name) for projects in (full, small)]
            np.testing.assert_array_equal(seen[0].image, seen[1].image)
            assert seen[0].image.std() == pytest.approx(1, abs=1e-3)
            np.testing.assert_array_equal(seen[0].masks, seen[1].masks)
            # Half a thousandth of the small image's pixel, and of the large one's.
            np.testing.assert_allclose(seen[0].points, seen[1].points, rtol=0, atol=0.00075)
            np.testing.assert_allclose(seen[0].truth, seen[1].truth, rtol=0, atol=0.00075)
            assert seen[0].status == seen[1].status
            assert small[one.name].read_image(name).pixel_size_um == 4 * 1.61
            n_points += len(seen[0].truth)
    assert n_points > 10


def _as_seen(project: Project, name: str) -> SimpleNamespace:
    """Return what training sees of an image."""
    file, settings = project.read_image(name), TrainConfig()
    grey, masks = images.to_grey(file.pixels), project.read_masks(name)
    annotation = project.annotation(name)
    frame = frame_image(
        grey.shape, file.pixel_size_um, network_pixel_size_um=settings.pixel_size_um
    )
    return SimpleNamespace(
        image=images.prepare(frame.cut(grey), settings),
        points=frame.to_network(annotation.points),
        truth=frame.to_network(sample.read_truth(project, name)),
        masks=np.zeros(0) if masks is None else frame.cut_labels(masks),
        status=annotation.status(),
    )
