"""An image in parts gives what it gives in one piece, and is never in memory as a whole."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from napari_htcell import images, lazyfiles, parts, peaks
from napari_htcell.config import TrainConfig
from napari_htcell.detect import detect, predict_steps
from napari_htcell.frame import frame_image
from napari_htcell.imagefiles import ImageError
from napari_htcell.lazyfiles import open_image
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.unet import UNet


class Watched:
    """An array of which it is known how much was asked for at once."""

    def __init__(self, pixels: Any) -> None:
        self.pixels, self.shape, self.ndim = pixels, pixels.shape, pixels.ndim
        self.largest = 0

    def __getitem__(self, where: Any) -> Any:
        part = self.pixels[where]
        self.largest = max(self.largest, part.size)
        return part


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every image for a large one, with many parts."""
    for name, value in (("LARGE_PX", 0), ("PART_PX", 50), ("BAND_PX", 4000)):
        monkeypatch.setattr(parts, name, value)
    monkeypatch.setattr(UNet, "tile_px", 40)
    monkeypatch.setattr(peaks, "PART_PX", 33)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("pixel_size_um", [1.61, 1.9, 6.44, 9.3])
@pytest.mark.parametrize("background_um", [0.0, 60.0])
def test_parts_are_prepared_as_the_whole(pixel_size_um: float, background_um: float) -> None:
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.normal(100, 20, (30, 40)), np.ones((17, 15)))
    pixels = (coarse + rng.normal(0, 5, coarse.shape)).astype(np.uint8)
    settings = TrainConfig(background_um=background_um)
    frame = frame_image(pixels.shape, pixel_size_um, network_pixel_size_um=settings.pixel_size_um)
    whole = images.prepare(frame.cut(images.to_grey(pixels)), settings)
    prepared = parts.PreparedParts(pixels, frame, settings)
    assert len(list(prepared.measure_steps())) == parts.n_parts(frame.network_shape)
    np.testing.assert_allclose(prepared[:, :], whole, atol=5e-3)
    part = (slice(3, 60), slice(20, 10**6))
    np.testing.assert_allclose(prepared[part], prepared[:, :][part], atol=1e-4)


@pytest.mark.usefixtures("small_parts")
def test_an_image_of_one_grey_level_has_no_contrast() -> None:
    settings, pixels = TrainConfig(), np.full((200, 300), 77, np.uint8)
    frame = frame_image((200, 300), 1.61, network_pixel_size_um=settings.pixel_size_um)
    prepared = parts.PreparedParts(pixels, frame, settings)
    run(prepared.measure_steps())
    assert not prepared[:, :].any()


@pytest.fixture
def field(spots: Callable[..., Any]) -> Any:
    """Return a field of 60 cells of all brightnesses, 400 x 520 pixels of 3.22 um."""
    rng = np.random.default_rng(1)
    drawn = [spots(rng.uniform(5, [395, 515], (20, 2)), (400, 520), 4) - 100 for _ in range(3)]
    light = np.linspace(0, 60, 520)
    return (60 + light + drawn[0] + 0.8 * drawn[1] + 0.6 * drawn[2]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("is_rgb", [False, True])
def test_the_same_points_part_by_part(
    intensity_model: Model, field: Any, request: pytest.FixtureRequest, is_rgb: bool
) -> None:
    """Within a twentieth of a pixel and a hundredth of a score."""
    image = np.repeat(field[..., None], 3, axis=-1) if is_rgb else field
    whole = detect(image, intensity_model, pixel_size_um=3.22, is_rgb=is_rgb)
    request.getfixturevalue("small_parts")
    source = Watched(image)
    prediction = run(predict_steps(source, intensity_model, pixel_size_um=3.22, is_rgb=is_rgb))
    found = prediction.detections()
    assert len(found) == len(whole) > 30
    np.testing.assert_allclose(found.points, whole.points, atol=0.05)
    np.testing.assert_allclose(found.scores, whole.scores, atol=0.01)
    assert source.largest < image.size / 4
    contours = intensity_model.card.detection.model_copy(update={"method": "contours"})
    assert len(prediction.detections(contours)) > 20


def test_peaks_part_by_part_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    heat_map = np.random.default_rng(0).random((150, 170)).astype(np.float32)
    whole = peaks.local_maxima(heat_map, 0.6, 3.0)
    monkeypatch.setattr(peaks, "PART_PX", 37)
    found = peaks.local_maxima(heat_map, 0.6, 3.0)
    np.testing.assert_allclose(found.points, whole.points, atol=1e-4)
    np.testing.assert_array_equal(found.scores, whole.scores)


def test_a_large_tiff_is_read_in_parts(
    field: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazyfiles, "LARGE_BYTES", 1000)
    path = tmp_path / "large.ome.tif"
    metadata = {"axes": "TYX", "PhysicalSizeX": 3.22, "PhysicalSizeXUnit": "µm"}
    stack = np.stack([field, field[::-1]])
    tifffile.imwrite(path, stack, tile=(64, 64), compression="zlib", metadata=metadata)
    file = open_image(path)
    assert isinstance(file.pixels, lazyfiles.Lazy)
    assert (file.ndim, file.extent, file.pixel_size_um) == (3, (400, 520), 3.22)
    np.testing.assert_array_equal(file.pixels[1][30:90, 60:70], stack[1, 30:90, 60:70])
    np.testing.assert_array_equal(np.asarray(file.pixels), stack)


@pytest.mark.parametrize("axes", ["ZYX", "QYX"])
def test_a_large_stack_whose_frames_are_called_otherwise(
    field: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axes: str
) -> None:
    path, stack = tmp_path / "stack.tif", np.stack([field, field[::-1]])
    tifffile.imwrite(path, stack, metadata={"axes": axes})
    whole = open_image(path)
    assert isinstance(whole.pixels, np.ndarray)
    monkeypatch.setattr(lazyfiles, "LARGE_BYTES", 1000)
    file = open_image(path)
    assert isinstance(file.pixels, lazyfiles.Lazy)
    assert (file.ndim, file.extent) == (whole.ndim, whole.extent) == (3, (400, 520))
    np.testing.assert_array_equal(np.asarray(file.pixels), whole.pixels)


@pytest.mark.parametrize("version", [2, 3])
def test_an_ome_zarr(field: Any, tmp_path: Path, version: Any) -> None:
    path = tmp_path / "large.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array("0", shape=(1, 1, *field.shape), chunks=(1, 1, 64, 64), dtype="u1")
    array[0, 0] = field
    axes = [{"name": "t"}, {"name": "c"}] + [{"name": n, "unit": "micrometer"} for n in "yx"]
    scale = [{"type": "scale", "scale": [1, 1, 3.22, 3.22]}]
    dataset = {"path": "0", "coordinateTransformations": scale}
    multiscales = {"multiscales": [{"axes": axes, "datasets": [dataset]}]}
    group.attrs.update(multiscales if version == 2 else {"ome": multiscales})
    file = open_image(path)
    assert (file.ndim, file.extent, file.pixel_size_um) == (2, (400, 520), 3.22)
    np.testing.assert_array_equal(file.pixels[:100, 7:9], field[:100, 7:9])


@pytest.mark.parametrize(
    ("size", "unit", "um"),
    [
        (0.5, "micrometer", 0.5), (0.5, "um", 0.5), (5e-5, "centimeter", 0.5),
        (5e3, "angstrom", 0.5), (0.5, "pixel", None), (0.5, "parsec", None),
    ],
)  # fmt: skip
def test_ome_zarr_pixel_size(
    write_ome_zarr: Any, tmp_path: Path, size: float, unit: str, um: float | None
) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", (8, 9), size)
    group = zarr.open_group(path)
    (scales,) = group.attrs["multiscales"]
    for axis in scales["axes"]:
        axis["unit"] = unit
    group.attrs["multiscales"] = [scales]
    assert open_image(path).pixel_size_um == pytest.approx(um)


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Change what an OME-Zarr says of its scales."""
    group = zarr.open_group(path)
    (scales,) = group.attrs["multiscales"]
    change(scales)
    group.attrs["multiscales"] = [scales]
    return path


def test_ome_zarr_scales_of_both_axes_and_of_the_whole_image_count(
    write_ome_zarr: Any, tmp_path: Path
) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", (8, 9), 1.0)
    whole = {"coordinateTransformations": [{"type": "scale", "scale": [0.65, 0.65]}]}
    assert open_image(changed(path, lambda one: one.update(whole))).pixel_size_um == 0.65
    # Pixels that are not square have no size.
    changed(path, lambda one: one["axes"][0].update(unit="millimeter"))
    assert open_image(path).pixel_size_um is None


def test_ome_zarr_axes_are_known_by_their_type_and_others_refused(
    write_ome_zarr: Any, tmp_path: Path
) -> None:
    stack = np.zeros((2, 8, 9), np.uint8)
    path = write_ome_zarr(tmp_path / "a.zarr", stack, 1.0)
    places = [{"name": one, "type": "space"} for one in "yx"]
    time = [{"name": "time", "type": "time"}, *places]
    assert open_image(changed(path, lambda one: one.update(axes=time))).ndim == 3
    for axes in (places, [{"name": "depth", "type": "space"}, *places]):
        changed(path, lambda one, axes=axes: one.update(axes=axes))  # type: ignore[misc]
        with pytest.raises(ImageError, match=r"has axes .* of sizes"):
            open_image(path)


def test_a_folder_that_is_no_ome_zarr_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(ImageError, match=r"empty\.zarr: cannot be read as an OME-Zarr image"):
        open_image(tmp_path / "empty.zarr")


@pytest.mark.parametrize("content", [b"", b"II*\0 and no more"])
def test_a_damaged_tiff_is_said_and_not_left_open(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.tif"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"damaged\.tif: cannot be read as a TIFF image"):
        open_image(path)
    gc.collect()  # a file that is forgotten open would warn
