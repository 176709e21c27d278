"""Points in the original image's pixels, whatever its pixel size, crop, kind and tile."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import heatmap
from napari_htcell.config import DetectConfig
from napari_htcell.detect import PixelSizeAssumedWarning, detect, predict_steps
from napari_htcell.evaluate import evaluate
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.unet import UNet, context_px

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


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (7, 5)])
def test_tiny_and_empty_images(intensity_model: Model, shape: tuple[int, int]) -> None:
    found = detect(np.full(shape, 7, np.uint8), intensity_model, pixel_size_um=1.61)
    assert found.points.shape == (0, 2)


def far_sighted(model: Model, depth: int) -> Model:
    """Return a model whose every pixel matters as far as the network can see: positive weights."""
    torch.manual_seed(1)
    network = UNet(2, depth).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.uniform_(0, 2 / parameter[0].numel())
            else:
                parameter.fill_(1)
        network.last.weight.fill_(8)
        network.last.bias -= network(torch.zeros(1, 1, 64, 64)).mean()
    card = model.card.model_copy(
        update={"training": model.card.training.model_copy(update={"depth": depth})}
    )
    return Model(card, network)


@pytest.mark.parametrize(("depth", "shape"), [(1, (61, 90)), (3, (150, 131)), (4, (130, 210))])
def test_tiles_equal_the_whole(
    intensity_model: Model, monkeypatch: pytest.MonkeyPatch, depth: int, shape: tuple[int, int]
) -> None:
    model = far_sighted(intensity_model, depth)
    coarse = np.random.default_rng(0).normal(size=(8, 12))
    image = np.kron(coarse, np.ones((20, 20)))[: shape[0], : shape[1]]

    def heat_map(tile: int) -> Any:
        monkeypatch.setattr(heatmap, "TILE_PX", tile)
        return run(predict_steps(image, model, pixel_size_um=NETWORK_UM)).heat_maps[0]

    whole, tiled = heat_map(10_000), heat_map(37)
    assert np.ptp(whole) > 0.05
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    # Less context is not enough, so the test above can fail.
    monkeypatch.setattr(heatmap, "context_px", lambda depth: context_px(depth) // 4)
    assert np.abs(heat_map(37) - whole).max() > 1e-4


def test_progress_counts_tiles_of_all_frames(
    intensity_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heatmap, "TILE_PX", 32)
    steps = predict_steps(np.zeros((2, 64, 40)), intensity_model, pixel_size_um=NETWORK_UM)
    reports = list(steps)
    assert [(report.done, report.total) for report in reports] == [(n, 8) for n in range(1, 9)]


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
    for method in ("peaks", "contours"):
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
