"""Points in the original image's pixels, whatever its pixel size, crop, kind and tile."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import heatmap, peaks
from napari_htcell.cards import TrainingImage
from napari_htcell.config import DetectConfig
from napari_htcell.counting import CountErrors
from napari_htcell.detect import PixelSizeAssumedWarning, detect, predict_steps
from napari_htcell.evaluate import evaluate
from napari_htcell.imagefiles import PixelSizeWarning
from napari_htcell.models import Model, load_model
from napari_htcell.progress import run
from napari_htcell.project import open_project
from napari_htcell.sample import SAMPLE_FOLDER
from napari_htcell.unet import UNet

NETWORK_UM = 6.44
CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
CELLS_UM = (CELLS + 0.5) * NETWORK_UM


def scene(pixel_size_um: float, spots: Callable[..., Any]) -> Any:
    """Draw the cells at a pixel size; the field is the same in micrometres."""
    shape = (round(64 * NETWORK_UM / pixel_size_um),) * 2
    return spots(CELLS_UM / pixel_size_um - 0.5, shape, 2 * NETWORK_UM / pixel_size_um)


@pytest.mark.parametrize("pixel_size_um", [1.61, 2.0, 3.22, 6.44, 9.0])
def test_the_same_cells_at_any_pixel_size(
    intensity_model: Model, spots: Callable[..., Any], pixel_size_um: float
) -> None:
    found = detect(scene(pixel_size_um, spots), intensity_model, pixel_size_um=pixel_size_um)
    assert len(found) == len(CELLS)
    match = evaluate((found.points + 0.5) * pixel_size_um, CELLS_UM, cutoff_px=0.5 * NETWORK_UM)
    assert (match.tp, match.fp, match.fn) == (len(CELLS), 0, 0)
    assert found.provenance.pixel_size_um == pixel_size_um
    assert not found.provenance.pixel_size_assumed


def test_contours_find_the_same_cells(intensity_model: Model, spots: Callable[..., Any]) -> None:
    found = detect(
        scene(3.22, spots), intensity_model, pixel_size_um=3.22, method="contours", threshold=0.5
    )
    match = evaluate((found.points + 0.5) * 3.22, CELLS_UM, cutoff_px=0.5 * NETWORK_UM)
    assert (match.tp, match.fp, match.fn) == (len(CELLS), 0, 0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_number_type_and_contrast_do_not_matter(
    intensity_model: Model, spots: Callable[..., Any], dtype: str
) -> None:
    image = scene(6.44, spots)
    expected = detect(image, intensity_model, pixel_size_um=6.44)
    found = detect(image.round().astype(dtype), intensity_model, pixel_size_um=6.44)
    np.testing.assert_allclose(found.points, expected.points, atol=0.05)


def test_colours_give_the_same_as_grey(intensity_model: Model, spots: Callable[..., Any]) -> None:
    grey = scene(6.44, spots).astype(np.uint8)
    expected = detect(grey, intensity_model, pixel_size_um=6.44)
    for channels in (3, 4):
        colours = np.repeat(grey[..., None], channels, axis=-1)
        found = detect(colours, intensity_model, pixel_size_um=6.44, is_rgb=True)
        np.testing.assert_allclose(found.points, expected.points, atol=1e-3)


@pytest.mark.parametrize("is_rgb", [False, True])
def test_a_stack_gives_the_same_as_its_frames(
    intensity_model: Model, spots: Callable[..., Any], is_rgb: bool
) -> None:
    frames = [spots(cells) for cells in (CELLS, CELLS[:2], CELLS[:0], CELLS[2:])]
    if is_rgb:
        frames = [np.repeat(frame[..., None], 3, axis=-1) for frame in frames]
    found = detect(np.stack(frames), intensity_model, pixel_size_um=6.44, is_rgb=is_rgb)
    assert found.points.shape[1] == 3
    for index, frame in enumerate(frames):
        alone = detect(frame, intensity_model, pixel_size_um=6.44, is_rgb=is_rgb)
        np.testing.assert_array_equal(found.in_frame(index), alone.points)
    assert [len(found.in_frame(index)) for index in range(4)] == [5, 2, 0, 3]


def test_threshold_and_settings(intensity_model: Model, spots: Callable[..., Any]) -> None:
    image = np.maximum(spots(CELLS[:3]), 100 + 0.25 * (spots(CELLS[3:]) - 100))
    all_of_them = detect(image, intensity_model, pixel_size_um=6.44, threshold=0.05)
    bright = detect(image, intensity_model, pixel_size_um=6.44, threshold=0.95)
    assert (len(all_of_them), len(bright)) == (5, 3)
    np.testing.assert_array_equal(all_of_them.above(0.95).points, bright.points)
    assert bright.provenance.settings == DetectConfig(threshold=0.95)
    assert (np.diff(all_of_them.scores) <= 0).all()
    with pytest.raises(ValueError, match="threshold"):
        detect(image, intensity_model, pixel_size_um=6.44, threshold=1.5)


def test_an_unknown_pixel_size_is_said(intensity_model: Model, spots: Callable[..., Any]) -> None:
    image = scene(1.61, spots)
    with pytest.warns(PixelSizeAssumedWarning, match="not stated; 1.61 um per pixel was assumed"):
        found = detect(image, intensity_model)
    assert found.provenance.pixel_size_assumed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stated = detect(image, intensity_model, pixel_size_um=1.61)
    np.testing.assert_array_equal(found.points, stated.points)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_an_impossible_pixel_size_is_refused(intensity_model: Model, size: float) -> None:
    with pytest.raises(ValueError, match="pixel size of the image must be above 0"):
        detect(np.zeros((8, 8)), intensity_model, pixel_size_um=size)


@pytest.mark.parametrize(
    ("shape", "is_rgb"),
    [((5,), False), ((2, 2, 8, 8), False), ((8, 8), True), ((0, 8), False), ((0, 8, 8), False)],
)
def test_what_is_no_image_is_refused(
    intensity_model: Model, shape: tuple[int, ...], is_rgb: bool
) -> None:
    with pytest.raises(ValueError, match="expected an image of shape"):
        detect(np.zeros(shape), intensity_model, pixel_size_um=6.44, is_rgb=is_rgb)


def test_what_is_no_array_and_no_model_is_said(intensity_model: Model) -> None:
    with pytest.raises(TypeError, match=r"got str; files are read with napari_htcell.read_image"):
        detect("a.tif", intensity_model)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="got str; load one with load_model"):
        detect(np.zeros((64, 64)), "E")  # type: ignore[arg-type]


def test_a_field_smaller_than_a_cell_is_doubted(
    intensity_model: Model, spots: Callable[..., Any]
) -> None:
    image = scene(6.44, spots)
    with pytest.warns(PixelSizeWarning, match=r"only 0.32 um wide at 0.005 um per pixel"):
        assert len(detect(image, intensity_model, pixel_size_um=0.005)) == 0


@pytest.mark.filterwarnings("ignore:the image is only")
@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (7, 5)])
def test_tiny_and_empty_images(intensity_model: Model, shape: tuple[int, int]) -> None:
    found = detect(np.full(shape, 7, np.uint8), intensity_model, pixel_size_um=1.61)
    assert found.points.shape == (0, 2)


def test_nothing_of_the_model_changes(intensity_model: Model, spots: Callable[..., Any]) -> None:
    before = {k: v.clone() for k, v in intensity_model.network.state_dict().items()}
    random = torch.get_rng_state()
    detect(spots(CELLS), intensity_model, pixel_size_um=6.44)
    after = intensity_model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(torch.get_rng_state(), random)


def test_prediction_redraws_without_running_again(
    intensity_model: Model, spots: Callable[..., Any]
) -> None:
    prediction = run(predict_steps(spots(CELLS), intensity_model, pixel_size_um=6.44))
    for method in ("peaks", "contours", "masks"):
        settings = DetectConfig(threshold=0.4, method=method)
        again = detect(
            spots(CELLS), intensity_model, pixel_size_um=6.44, threshold=0.4, method=method
        )
        np.testing.assert_array_equal(prediction.detections(settings).points, again.points)


def test_colours_are_recognised_by_their_axis(intensity_model: Model) -> None:
    grey = np.zeros((64, 40), np.uint8)
    grey[30:34, 18:22] = 200
    colour = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    expected = detect(grey, intensity_model, pixel_size_um=NETWORK_UM)
    found = detect(colour, intensity_model, pixel_size_um=NETWORK_UM)
    assert len(expected) == 1
    np.testing.assert_allclose(found.points, expected.points, atol=1e-3)


def test_a_pixel_size_of_another_unit_is_refused(intensity_model: Model) -> None:
    with pytest.raises(ValueError, match=r"1000 um is too coarse.*micrometres"):
        detect(np.zeros((64, 40)), intensity_model, pixel_size_um=1000)


@pytest.mark.parametrize("pixel_size_um", [3.22, 6.44])
def test_masks_have_the_cells_places_areas_and_order(
    intensity_model: Model, spots: Callable[..., Any], pixel_size_um: float
) -> None:
    image = scene(pixel_size_um, spots)
    prediction = run(predict_steps(image, intensity_model, pixel_size_um=pixel_size_um))
    settings = DetectConfig(method="masks", threshold=0.5)
    found, masks = prediction.detections(settings), prediction.masks(settings)
    assert masks.shape == image.shape
    assert masks.max() == len(found) == len(CELLS)
    assert found.areas_um2 is not None
    for number, (point, area) in enumerate(zip(found.points, found.areas_um2, strict=True), 1):
        mine = masks == number
        np.testing.assert_allclose(np.argwhere(mine).mean(axis=0), point, atol=1)
        assert mine.sum() * pixel_size_um**2 == pytest.approx(area, rel=0.05)
    assert (found.above(0.9).areas_um2 == found.areas_um2[found.scores >= 0.9]).all()
    assert prediction.detections(DetectConfig(method="contours")).areas_um2 is None


def test_masks_of_a_stack_are_those_of_its_frames(
    intensity_model: Model, spots: Callable[..., Any]
) -> None:
    image = scene(6.44, spots)
    stack = np.stack([image, image[::-1]])
    settings = DetectConfig(method="masks", threshold=0.5)
    together = run(predict_steps(stack, intensity_model, pixel_size_um=6.44)).masks(settings)
    for frame, drawn in zip(stack, together, strict=True):
        alone = run(predict_steps(frame, intensity_model, pixel_size_um=6.44)).masks(settings)
        np.testing.assert_array_equal(drawn, alone)


@pytest.mark.parametrize("distance", [16.0, 60.0])
def test_a_threshold_that_moves_gives_what_one_that_stands_does(
    intensity_model: Model, spots: Callable[..., Any], distance: float
) -> None:
    rng = np.random.default_rng(0)
    image = scene(6.44, spots) + rng.normal(0, 20, (64, 64))
    moved = run(predict_steps(image, intensity_model, pixel_size_um=6.44))
    for threshold in (0.5, 0.7, 0.02, 0.9, 0.3):
        settings = DetectConfig(threshold=threshold, min_distance_um=distance)
        fresh = run(predict_steps(image, intensity_model, pixel_size_um=6.44))
        expected = peaks.find(fresh.heat_maps[0], settings, NETWORK_UM)
        found = moved.detections(settings)
        np.testing.assert_array_equal(found.scores, expected.scores)
        np.testing.assert_array_equal(found.points, fresh.frame.to_original(expected.points))


def test_one_frame_of_a_stack(intensity_model: Model, spots: Callable[..., Any]) -> None:
    image = scene(6.44, spots)
    stack = np.stack([image, image, image])
    steps = predict_steps(stack, intensity_model, pixel_size_um=6.44, frames=[1])
    one = run(steps)
    found = one.detections()
    assert found.provenance.frames == (1,)
    assert set(found.points[:, 0]) == {1}
    assert one.masks().shape == stack.shape
    assert not one.masks()[0].any()
    rest = run(predict_steps(stack, intensity_model, pixel_size_um=6.44, frames=[0, 2]))
    both = rest.beside(one).detections()
    assert both.provenance.frames is None
    assert len(both) == 3 * len(found)
    # Of another pixel size, which is another image.
    other = run(predict_steps(stack, intensity_model, pixel_size_um=3.22, frames=[0]))
    assert other.beside(one) is other


def test_a_long_stack_is_drawn_frame_by_frame_and_once(
    intensity_model: Model, spots: Callable[..., Any]
) -> None:
    stack = np.stack([spots(CELLS)] * 12)
    prediction = run(predict_steps(stack, intensity_model, pixel_size_um=6.44))
    settings = DetectConfig(min_distance_um=20)
    assert not prediction.is_quick(settings)
    steps = list(prediction.draw_steps(settings))
    assert [(one.done, one.total) for one in steps] == [(i, 12) for i in range(1, 13)]
    assert prediction.is_quick(settings)
    assert prediction.detections(settings) is prediction.detections(settings)
    assert list(prediction.draw_steps(settings)) == []
    # With other settings something else is drawn.
    assert len(prediction.detections(DetectConfig(min_distance_um=400))) < 12 * len(CELLS)
    assert len(prediction.detections(settings)) == 12 * len(CELLS)


def test_frames_that_are_not_wanted_are_not_read(
    intensity_model: Model, spots: Callable[..., Any]
) -> None:
    class OnDisk:
        """A stack whose frames are read when they are asked for, as dask's are."""

        shape, ndim, dtype = (200, 64, 64), 3, np.dtype(np.float64)

        def __init__(self) -> None:
            self.read: list[int] = []

        def __len__(self) -> int:
            return self.shape[0]

        def __getitem__(self, index: int) -> Any:
            self.read.append(index)
            return spots(CELLS)

    stack = OnDisk()
    steps = predict_steps(stack, intensity_model, pixel_size_um=6.44, frames=[7])  # type: ignore[arg-type]
    assert len(run(steps).detections()) == len(CELLS)
    assert stack.read == [7]


def test_of_a_long_stack_one_heat_map_is_in_memory(
    intensity_model: Model, spots: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Any]] = []
    heat_map_steps = heatmap.heat_map_steps

    def watched(*arguments: Any) -> Any:
        assert sum(one() is not None for one in made) <= 1
        heat_map = yield from heat_map_steps(*arguments)
        made.append(weakref.ref(heat_map))
        return heat_map

    stack = np.stack([spots(CELLS)] * 4 + [np.zeros_like(spots(CELLS))])
    expected = run(predict_steps(stack, intensity_model, pixel_size_um=6.44)).detections()
    monkeypatch.setattr(heatmap, "heat_map_steps", watched)
    found = detect(stack, intensity_model, pixel_size_um=6.44)
    assert len(made) == len(stack)
    assert len(found) == 4 * len(CELLS)
    np.testing.assert_array_equal(found.points, expected.points)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert found.provenance.frames is None


def test_the_shipped_model_finds_the_same_as_the_network_that_was_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within a hundredth of a pixel, and a thousandth of a score."""
    project = open_project(SAMPLE_FOLDER)
    file, model = project.read_image(project.images[-1]), load_model("B")
    found = detect(file.pixels, model, pixel_size_um=file.pixel_size_um)
    monkeypatch.setattr(UNet, "for_detection", lambda self: self.eval())
    expected = detect(file.pixels, model, pixel_size_um=file.pixel_size_um)
    assert len(found) == len(expected) > 20
    np.testing.assert_allclose(found.points, expected.points, atol=0.01)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)


@pytest.mark.filterwarnings("ignore::napari_htcell.detect.PixelSizeAssumedWarning")
@pytest.mark.parametrize(("learnt_assumed", "is_known"), [(False, False), (True, True)])
def test_a_count_at_an_assumed_pixel_size_has_no_interval(
    intensity_model: Model, learnt_assumed: bool, is_known: bool
) -> None:
    """Unless the errors were measured on images whose pixel size was assumed just so."""
    settings = intensity_model.card.detection
    errors = CountErrors(
        rate=0.9, images=9, settings=settings, thresholds=(settings.threshold,), factors=(1.0,)
    )
    learnt = TrainingImage(
        name="a.tif",
        sha256="0" * 64,
        status="complete",
        points=3,
        pixel_size_assumed=learnt_assumed,
    )
    card = intensity_model.card.model_copy(update={"count_errors": errors, "images": (learnt,)})
    model = Model(card, intensity_model.network)
    image = np.zeros((64, 64), np.uint8)
    stated = detect(image, model, pixel_size_um=2.0)
    assert stated.provenance.count_error is not None
    assumed = detect(image, model)
    assert (assumed.provenance.count_error is not None) == is_known
