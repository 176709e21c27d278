"""Image files as they are on disk: pixels, whether they are colours, and the pixel size."""

from __future__ import annotations

import math
import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import PIL.Image
import psutil
import tifffile

from napari_htcell.tiffpages import is_circular

TIFF_SUFFIXES = (".tif", ".tiff")
OTHER_SUFFIXES = (".png", ".jpg", ".jpeg")
SUFFIXES = TIFF_SUFFIXES + OTHER_SUFFIXES
_KINDS = dict.fromkeys(TIFF_SUFFIXES, "a TIFF image") | {
    ".png": "a PNG image", ".jpg": "a JPEG image", ".jpeg": "a JPEG image",
}  # fmt: skip

UM_PER_UNIT = {
    "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "\\u00b5m": 1.0,
    "mm": 1e3, "cm": 1e4, "m": 1e6,
}  # fmt: skip
_UM_PER_TIFF_UNIT = {3: 1e4}

SHARE_OF_MEMORY = 0.8
"""An image is read if it takes at most this part of the memory that is free."""

_OTHER_COLOURS = (
    tifffile.PHOTOMETRIC.CIELAB,
    tifffile.PHOTOMETRIC.ICCLAB,
    tifffile.PHOTOMETRIC.ITULAB,
)


class PixelSizeWarning(UserWarning):
    """An image's pixel size may be wrong."""


class PixelSizeAssumedWarning(PixelSizeWarning):
    """Nobody stated an image's pixel size, so the model's usual one was taken."""


class ImageError(ValueError):
    """An image cannot be read; the text names the file, what is wrong, and what to do."""


@dataclass(frozen=True)
class ImageFile:
    """Pixels of an image or a time stack.

    Parameters
    ----------
    pixels : ndarray, shape (Y, X), (T, Y, X), (Y, X, C) or (T, Y, X, C)
        As stored; C is 3 or 4 and present if `is_rgb`.
    is_rgb : bool
        Whether the last axis holds colours.
    pixel_size_um : float or None
        Micrometres per pixel, None if the file does not say.
    """

    pixels: npt.NDArray[Any]
    is_rgb: bool
    pixel_size_um: float | None

    @property
    def ndim(self) -> int:
        """2 for an image, 3 for a time stack."""
        return self.pixels.ndim - int(self.is_rgb)

    @property
    def n_frames(self) -> int:
        """Number of frames; an image has one."""
        return self.pixels.shape[0] if self.ndim == 3 else 1

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.pixels.shape[self.ndim - 2 : self.ndim]
        return int(height), int(width)

    def with_pixel_size(self, pixel_size_um: float | None) -> Self:
        """Return the same image with a stated pixel size; None keeps the file's own."""
        return self if pixel_size_um is None else replace(self, pixel_size_um=pixel_size_um)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a TIFF, OME-TIFF, PNG or JPEG file.

        Raises
        ------
        ImageError
            If the file is missing, damaged, too large for the memory that is free, or not an image
            of a known kind and shape.
        """
        path = Path(path)
        _check_is_file(path)
        if path.suffix.lower() not in SUFFIXES:
            raise ImageError(
                f"{path}: unknown kind of file; save it as one of {', '.join(SUFFIXES)}"
            )
        reader = _read_tiff if path.suffix.lower() in TIFF_SUFFIXES else _read_other
        try:
            pixels, axes, pixel_size_um = reader(path)
        except ImageError:
            raise
        except PIL.Image.DecompressionBombError as error:
            raise ImageError(
                f"{path}: has more than {2 * (PIL.Image.MAX_IMAGE_PIXELS or 0) // 10**6} million "
                "pixels, too many for a PNG or JPEG; save it as TIFF, or in parts"
            ) from error
        # The two libraries raise a dozen kinds of errors on damaged files, one as good as another,
        # and say what helps those who write such libraries.
        except Exception as error:
            if isinstance(error, OSError) and error.errno:
                raise ImageError(f"{path}: cannot be read ({error.strerror})") from error
            raise ImageError(
                f"{path}: cannot be read as {_KINDS[path.suffix.lower()]}; it is damaged, cut "
                "short or of another kind: copy or export it again"
            ) from error
        pixels, is_rgb = _drop_single_axes(path, pixels, axes)
        if pixels.dtype.kind not in "buif":
            raise ImageError(
                f"{path}: its pixels are no real numbers but {pixels.dtype}; save their magnitude "
                "as an ordinary image"
            )
        return cls(pixels, is_rgb, pixel_size_um)


def read_extent(path: Path) -> tuple[int, int]:
    """Return height and width of an image in pixels, from the head of its file alone.

    Raises
    ------
    ImageError
        If the file is missing, damaged, or no image.
    """
    _check_is_file(path)
    try:
        if path.suffix.lower() in TIFF_SUFFIXES:
            check_pages(path)
            with tifffile.TiffFile(path) as file:
                series = file.series[0]
                sizes = dict(zip(series.axes, series.shape, strict=True))
                return sizes["Y"], sizes["X"]
        with _opened(path) as image:
            return image.height, image.width
    except ImageError:
        raise
    # As in `ImageFile.read`.
    except Exception as error:
        raise ImageError(f"{path}: cannot be read as an image; is it there, and whole?") from error


def _check_is_file(path: Path) -> None:
    """Raise ImageError unless there is a file; one that waits for a writer would never end."""
    if path.is_file():
        return
    kind = "is a folder" if path.is_dir() else "is no file" if path.exists() else "no such file"
    raise ImageError(f"{path}: {kind}")


def check_pages(path: Path) -> None:
    """Raise ImageError if the pages of a TIFF file lead in a circle."""
    if is_circular(path):
        raise ImageError(f"{path}: is damaged: its pages lead in a circle; copy or export it again")


def check_memory(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Raise ImageError if an image would fill the memory, as one that was made for that would.

    Besides the pixels as stored, a frame is needed as grey level, and what becomes of it.
    """
    needed = math.prod(shape) * np.dtype(dtype).itemsize + 8 * math.prod(sorted(shape)[-2:])
    free = psutil.virtual_memory().available
    if needed > SHARE_OF_MEMORY * free:
        raise ImageError(
            f"{path}: is too large: it would take {needed / 1e9:,.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free; cut it into parts, or close other programs"
        )


def _read_tiff(path: Path) -> tuple[npt.NDArray[Any], str, float | None]:
    check_pages(path)
    with tifffile.TiffFile(path) as file:
        series, page = file.series[0], file.pages.first
        _check_colours(path, page)
        check_memory(path, series.shape, series.dtype)
        pixels, axes = series.asarray(), series.axes
        if "S" in axes:
            # Some files have each colour as a plane of its own; everybody expects colours last.
            pixels = np.moveaxis(pixels, axes.index("S"), -1)
            axes = axes.replace("S", "") + "S"
        # ImageJ colours a measured brightness with a table; others' palettes are the colours.
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE and not file.is_imagej:
            table = np.asarray(page.colormap, np.uint16) >> 8
            pixels, axes = table.astype(np.uint8).T[pixels], axes + "S"
        if page.photometric == tifffile.PHOTOMETRIC.SEPARATED:
            pixels = _without_ink(pixels)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
            pixels = np.invert(pixels)
        return pixels, axes, tiff_pixel_size(file)


def _check_colours(path: Path, page: Any) -> None:
    """Raise ImageError if the numbers of an image are neither grey, nor red, green and blue."""
    # Of these a JPEG's decoder makes RGB; others' are left as they are.
    is_raw = page.photometric == tifffile.PHOTOMETRIC.YCBCR and page.compression == 1
    if page.photometric in _OTHER_COLOURS or is_raw:
        raise ImageError(
            f"{path}: its colours are kept as {page.photometric.name}; save it as grey or RGB"
        )


def _without_ink(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return red, green, blue of cyan, magenta, yellow, black in a last axis, in the same type."""
    most = np.iinfo(pixels.dtype).max
    left = 1 - pixels.astype(np.float64) / most
    return np.rint(most * left[..., :3] * left[..., 3:4]).astype(pixels.dtype)


def _read_other(path: Path) -> tuple[npt.NDArray[Any], str, float | None]:
    with _opened(path) as image:
        check_memory(path, (image.height, image.width, len(image.getbands())), np.int32)
        image.load()
        # Palettes are indices and CMYK is ink; neither is a brightness.
        plain = image if image.mode in ("L", "RGB", "RGBA", "I", "I;16", "F") else _unfold(image)
        pixels = np.asarray(plain)
    return pixels, "YXS" if pixels.ndim == 3 else "YX", None


def _opened(path: Path) -> PIL.Image.Image:
    """Open an image; of a large one we know ourselves whether there is the memory for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        return PIL.Image.open(path)


def _unfold(image: PIL.Image.Image) -> PIL.Image.Image:
    # Alpha is ignored; a palette that has one would be converted with a warning.
    image.info.pop("transparency", None)
    return image.convert("L" if image.mode in ("1", "LA") else "RGB")


def _drop_single_axes(
    path: Path, pixels: npt.NDArray[Any], axes: str
) -> tuple[npt.NDArray[Any], bool]:
    """Return (T, Y, X) or (Y, X), colours last, from axes as tifffile names them."""
    kept = [axis for axis, size in zip(axes, pixels.shape, strict=True) if size > 1 or axis in "YX"]
    pixels = pixels.reshape(
        [size for axis, size in zip(axes, pixels.shape, strict=True) if size > 1 or axis in "YX"]
    )
    is_rgb = bool(kept) and kept[-1] == "S"
    if is_rgb and pixels.shape[-1] not in (3, 4):
        raise ImageError(f"{path}: has {pixels.shape[-1]} colours; save it as grey or RGB")
    space = kept[:-1] if is_rgb else kept
    if space[-2:] != ["Y", "X"] or len(space) > 3 or space[0] == "C":
        raise ImageError(
            f"{path}: has axes {axes} of sizes {pixels.shape}; save one channel and one plane "
            "as an image (Y, X) or a time stack (T, Y, X)"
        )
    return pixels, is_rgb


def tiff_pixel_size(file: tifffile.TiffFile) -> float | None:
    """Return um per pixel from OME, ImageJ or the resolution tags, in this order of trust."""
    if file.ome_metadata:
        return _ome_pixel_size(file.ome_metadata)
    page = file.pages.first
    resolution = page.tags.get("XResolution")
    if resolution is None or not resolution.value[0]:
        return None
    numerator, denominator = resolution.value
    if (other := page.tags.get("YResolution")) is not None:
        height, width = other.value[1] * numerator, other.value[0] * denominator
        if not is_square(width, height):
            return None
    if file.imagej_metadata:
        unit = UM_PER_UNIT.get(str(file.imagej_metadata.get("unit", "")).lower())
    else:
        tag = page.tags.get("ResolutionUnit")
        # Inches are a printer's default (72 or 300 to the inch), not a measurement.
        unit = _UM_PER_TIFF_UNIT.get(int(tag.value)) if tag is not None else None
    return None if unit is None else plausible(unit * denominator / numerator)


def _ome_pixel_size(xml: str) -> float | None:
    try:
        for element in ElementTree.fromstring(xml).iter():
            if element.tag.endswith("}Pixels"):
                x, y = (
                    float(element.get(f"PhysicalSize{axis}", math.nan))
                    * UM_PER_UNIT.get(element.get(f"PhysicalSize{axis}Unit", "µm"), math.nan)
                    for axis in "XY"
                )
                return plausible(x) if math.isnan(y) or is_square(x, y) else None
    except (ElementTree.ParseError, ValueError):  # the pixels may be good all the same
        return None
    return None


def is_square(x: float, y: float) -> bool:
    """Return whether pixels are as wide as high; of others one number says nothing."""
    return math.isclose(x, y, rel_tol=0.01)


def plausible(pixel_size_um: float) -> float | None:
    """Return a pixel size, or None if it can be none."""
    return pixel_size_um if math.isfinite(pixel_size_um) and pixel_size_um > 0 else None
