"""Every default of the sample projects, once: value, bounds and meaning."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from napari_htcell.config import Settings

DENSITIES = (0.4, 3.0)
"""Density of the sparsest and the densest image, as a multiple of the configuration's."""


class CommonConfig(Settings):
    """What every kind of simulated project is made by."""

    seed: int = Field(
        0, ge=0, le=2**32 - 1, description="the same seed and settings give the same project"
    )
    completeness: float = Field(
        2 / 3, ge=0, le=1, description="fraction of the cells clicked where they are not crowded"
    )


class SampleConfig(CommonConfig):
    """What a sample project holds."""

    n_images: int = Field(
        6,
        ge=1,
        le=10_000,
        description="number of images, their densities evenly spaced in the logarithm "
        f"from {DENSITIES[0]:g} to {DENSITIES[1]:g} times the usual one",
    )
    n_complete: int = Field(
        0,
        ge=0,
        description="so many of the images are annotated completely, "
        "spread evenly over the densities",
    )
    n_masks: int | None = Field(
        None, ge=0, description="so many of the images, the sparsest first, have masks; else all"
    )

    @property
    def complete(self) -> frozenset[int]:
        """Indices of the images that are annotated completely."""
        count = min(self.n_complete, self.n_images)
        return frozenset(np.linspace(0, self.n_images - 1, count).round().astype(int).tolist())

    @property
    def masked(self) -> range:
        """Indices of the images with masks."""
        return range(self.n_images if self.n_masks is None else self.n_masks)

    def name(self, index: int) -> str:
        """Return the name of an image."""
        digits = max(2, len(str(self.n_images)))
        return f"field_{index + 1:0{digits}d}.ome.tif"
