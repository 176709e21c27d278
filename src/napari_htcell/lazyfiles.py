"""Image files of which only what is asked for is read: large tiled TIFFs and OME-Zarr."""

from __future__ import annotations

import hashlib
import math
import re
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_htcell.imagefiles import (
    TIFF_SUFFIXES,
    UM_PER_UNIT,
    ImageError,
    ImageFile,
    check_memory,
    is_square,
    plausible,
    read_extent,
    tiff_pixel_size,
)

ZARR_SUFFIX = ".zarr"

LARGE_BYTES = 200_000_000
"""TIFFs with less than this are read at once, which is quicker."""

UM_PER_OME_UNIT = UM_PER_UNIT | {
    "angstrom": 1e-4, "nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "centimeter": 1e4,
    "meter": 1e6, "inch": 25_400.0,
}  # fmt: skip

LETTERS = {"time": "t", "channel": "c"}
"""What axes of such a type are called here."""

AXES = re.compile("[^CSYX]?YXS?")
"""Of images and stacks, as `ImageFile.read` takes them; ImageJ calls frames planes, or nothing."""


class Lazy:
    """An array in a file without its axes of one, from which slices are read.

    Parameters
    ----------
    array : array_like
        Of Zarr.
    kept : tuple of int
        Axes that are shown, in their order.
    fixed : mapping of int to int
        Index on each other axis.
    """

    def __init__(self, array: Any, kept: tuple[int, ...], fixed: Mapping[int, int]) -> None:
        self._array, self._kept, self._fixed = array, kept, dict(fixed)
        self.shape = tuple(int(array.shape[axis]) for axis in kept)
        self.ndim = len(kept)
        self.dtype = np.dtype(array.dtype)

    @property
    def nbytes(self) -> int:
        """0: nothing of it is in memory."""
        return 0

    @property
    def chunks(self) -> tuple[int, ...]:
        """Sizes of the parts that are read at once."""
        return tuple(int(self._array.chunks[axis]) for axis in self._kept)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: Any) -> Any:
        """Return one frame, not yet read, for a number, and pixels for slices."""
        if isinstance(where, int):
            return Lazy(self._array, self._kept[1:], self._fixed | {self._kept[0]: where})
        parts = where if isinstance(where, tuple) else (where,)
        index: list[Any] = [slice(None)] * self._array.ndim
        for axis, place in self._fixed.items():
            index[axis] = place
        for axis, part in zip(self._kept, parts, strict=False):
            index[axis] = part
        return np.asarray(self._array[tuple(index)])

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Return all of it, in memory."""
        return np.asarray(self[()], dtype)


def is_zarr(path: Path) -> bool:
    """Return whether a folder is an image, by its name."""
    return path.suffix.lower() == ZARR_SUFFIX


def open_image(path: str | Path) -> ImageFile:
    """Open an image; what is large in it is read when it is asked for.

    Parameters
    ----------
    path : str or Path
        As of `ImageFile.read`, or the folder of an OME-Zarr.

    Raises
    ------
    ImageError
        If it is missing, damaged, or not an image of a known kind and shape.
    """
    path = Path(path)
    if is_zarr(path):
        return _open_zarr(path)
    lazy = _open_tiff(path) if path.suffix.lower() in TIFF_SUFFIXES and path.is_file() else None
    return ImageFile.read(path) if lazy is None else lazy


def read_whole(path: str | Path) -> ImageFile:
    """Read an image into memory, whatever its kind.

    Raises
    ------
    ImageError
        As of `open_image`, and if there is not the memory for it.
    """
    path = Path(path)
    if not is_zarr(path):
        return ImageFile.read(path)
    file = _open_zarr(path)
    check_memory(path, file.pixels.shape, file.pixels.dtype)
    return replace(file, pixels=np.asarray(file.pixels))


def extent_of(path: Path) -> tuple[int, int]:
    """Return height and width of an image in pixels without reading it.

    Raises
    ------
    ImageError
        If it is missing, damaged, or no image.
    """
    return _open_zarr(path).extent if is_zarr(path) else read_extent(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files in an OME-Zarr with their names."""
    if not is_zarr(path):
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    whole = hashlib.sha256()
    for one in sorted(one for one in path.rglob("*") if one.is_file()):
        whole.update(f"{one.relative_to(path).as_posix()}\0{sha256_of(one)}\0".encode())
    return whole.hexdigest()


def state_of(path: Path) -> tuple[int, int]:
    """Return when an image was last changed, in ns, and its size in bytes.

    Raises
    ------
    OSError
        If it is not there.
    """
    parts = [path, *path.rglob("*")] if is_zarr(path) else [path]
    states = [one.stat() for one in parts]
    return max(one.st_mtime_ns for one in states), sum(one.st_size for one in states)


def _open_tiff(path: Path) -> ImageFile | None:
    """Return a large TIFF of parts; None if it is better, or has to be, read at once."""
    import zarr

    try:
        with ExitStack() as stack:
            file = stack.enter_context(tifffile.TiffFile(path))
            series, page = file.series[0], file.pages.first
            plain = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
            is_large = series.nbytes >= LARGE_BYTES
            if not is_large or not AXES.fullmatch(series.axes) or page.photometric not in plain:
                return None
            array = zarr.open(series.aszarr(level=0), mode="r")
            pixels = Lazy(array, tuple(range(series.ndim)), {})
            size = tiff_pixel_size(file)
            weakref.finalize(array, stack.pop_all().close)
        return ImageFile(pixels, series.axes.endswith("S"), size)  # type: ignore[arg-type]
    # `ImageFile.read` says what is wrong with it; see there on the kinds of errors.
    except Exception:  # noqa: BLE001
        return None


def _zarr_pixel_size(
    axes: Sequence[Mapping[str, Any]], transforms: Sequence[Mapping[str, Any]], names: list[str]
) -> float | None:
    """Return um per pixel of an OME-Zarr image whose axes have such names."""
    known = [one["scale"] for one in transforms if "scale" in one]
    if any(len(one) != len(names) for one in known):
        return None
    sizes = []
    for name in "yx":
        place = names.index(name)
        unit = UM_PER_OME_UNIT.get(axes[place].get("unit", ""))
        factors = [one[place] for one in known]
        sizes.append(math.nan if unit is None or not factors else unit * math.prod(factors))
    return plausible(sizes[1]) if is_square(*sizes) else None


def _open_zarr(path: Path) -> ImageFile:
    import zarr

    try:
        group = zarr.open_group(path, mode="r")
        attributes: Any = group.attrs.asdict()
        scales = attributes.get("ome", attributes)["multiscales"][0]
        finest = scales["datasets"][0]
        array: Any = group[finest["path"]]
        axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in scales["axes"]]
    # As in `ImageFile.read`: damaged files raise a dozen kinds of errors.
    except Exception as error:
        raise ImageError(
            f"{path}: cannot be read as an OME-Zarr image; is it whole, and of version 0.4 or 0.5?"
        ) from error
    # Names of times and channels are free, those of places are not.
    names = [LETTERS.get(axis.get("type", ""), str(axis["name"])) for axis in axes]
    kept = [
        i for i, size in enumerate(array.shape) if size > 1 or names[i : i + 1] in (["y"], ["x"])
    ]
    if len(names) != array.ndim or [names[i] for i in kept] not in (["y", "x"], ["t", "y", "x"]):
        raise ImageError(
            f"{path}: has axes {', '.join(names)} of sizes {array.shape}; save one channel and one "
            "plane as an image (y, x) or a time stack (t, y, x)"
        )
    fixed = {i: 0 for i in range(array.ndim) if i not in kept}
    # Those of the whole image come on top of those of its finest level.
    transforms = [
        *finest.get("coordinateTransformations", []),
        *scales.get("coordinateTransformations", []),
    ]
    size = _zarr_pixel_size(axes, transforms, names)
    return ImageFile(Lazy(array, tuple(kept), fixed), False, size)  # type: ignore[arg-type]
