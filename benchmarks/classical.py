"""Peers that learn nothing: well-known finders of blobs, their parameters tuned on images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_htcell.calibrate import CUTOFFS_UM
from napari_htcell.evaluate import evaluate, total

Image = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
CUTOFF_UM = CUTOFFS_UM[0]

VIEWS: dict[str, Callable[[Image, float], Image]] = {
    "bright": lambda image, smooth: image,
    "dark": lambda image, smooth: -image,
    # Phase contrast draws a cell in both, and leaves empty ground flat.
    "activity": lambda image, smooth: np.asarray(
        cv2.GaussianBlur(np.abs(image), (0, 0), smooth), np.float32
    ),
}
"""What is looked for: bright spots, dark ones, or where the image differs from its background."""


@dataclass(frozen=True)
class Classical:
    """A finder with the values that are tried for its parameters.

    Parameters
    ----------
    find : callable
        (image of shape (Y, X), parameters) to points of shape (N, 2).
    grid : mapping of str to sequence
        Values of each parameter.
    """

    find: Callable[..., Points]
    grid: Mapping[str, Sequence[Any]]

    def tune(
        self, images: Sequence[Image], truths: Sequence[Points], pixel_size_um: float
    ) -> dict[str, Any]:
        """Return the parameters with the highest F at 16 um."""

        def f_of(values: dict[str, Any]) -> float:
            return total(
                evaluate(
                    self.find(image, **values),
                    truth,
                    cutoff_um=CUTOFF_UM,
                    pixel_size_um=pixel_size_um,
                )
                for image, truth in zip(images, truths, strict=True)
            ).f_score

        choices = itertools.product(*self.grid.values())
        return max((dict(zip(self.grid, one, strict=True)) for one in choices), key=f_of)


def log(image: Image, view: str, sigma: float, threshold: float) -> Points:
    """Find blobs by the Laplacian of Gaussian (scikit-image)."""
    from skimage.feature import blob_log

    seen = VIEWS[view](image, 1.0)
    found = blob_log(
        seen, min_sigma=sigma, max_sigma=1.6 * sigma, num_sigma=3, threshold=threshold, overlap=0.4
    )
    return np.asarray(found[:, :2], np.float64).reshape(-1, 2)


def dog(image: Image, view: str, sigma: float, threshold: float) -> Points:
    """Find blobs by the difference of Gaussians (scikit-image)."""
    from skimage.feature import blob_dog

    seen = VIEWS[view](image, 1.0)
    found = blob_dog(seen, min_sigma=sigma, max_sigma=2 * sigma, threshold=threshold, overlap=0.4)
    return np.asarray(found[:, :2], np.float64).reshape(-1, 2)


def crocker_grier(image: Image, view: str, diameter: int, part: float) -> Points:
    """Find features as Crocker and Grier (1996) do (trackpy)."""
    import trackpy

    seen = VIEWS[view](image, diameter / 4)
    found = trackpy.locate(seen - seen.min(), diameter, percentile=part, engine="python")
    return np.asarray(found[["y", "x"]], np.float64).reshape(-1, 2)


def otsu_watershed(image: Image, smooth: float, factor: float, distance: int) -> Points:
    """Segment by Otsu's threshold and part what touches by a watershed (scikit-image)."""
    from scipy.ndimage import center_of_mass, distance_transform_edt
    from skimage.feature import peak_local_max
    from skimage.filters import threshold_otsu
    from skimage.segmentation import watershed

    seen = VIEWS["activity"](image, smooth)
    mask = seen > factor * threshold_otsu(seen)
    depth = distance_transform_edt(mask)
    peaks = peak_local_max(depth, min_distance=distance, labels=mask.astype(int))
    markers = np.zeros(mask.shape, int)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, markers, mask=mask)
    centres = center_of_mass(mask, labels, np.arange(1, len(peaks) + 1))
    return np.asarray(centres, np.float64).reshape(-1, 2)


CLASSICAL = {
    "blob_log (scikit-image)": Classical(
        log,
        {"view": tuple(VIEWS), "sigma": (3, 4, 6, 8), "threshold": (0.05, 0.1, 0.2, 0.3, 0.45)},
    ),
    "blob_dog (scikit-image)": Classical(
        dog,
        {"view": tuple(VIEWS), "sigma": (3, 4, 6, 8), "threshold": (0.05, 0.1, 0.2, 0.3, 0.45)},
    ),
    "trackpy": Classical(
        crocker_grier,
        {"view": tuple(VIEWS), "diameter": (9, 11, 13, 15, 17), "part": (80, 90, 95, 98)},
    ),
    "Otsu and watershed": Classical(
        otsu_watershed,
        {"smooth": (1.5, 2, 3, 4), "factor": (0.7, 0.85, 1, 1.2, 1.4), "distance": (2, 4, 6)},
    ),
}
"""In pixels of 3.22 um, where a cell is about ten wide."""
