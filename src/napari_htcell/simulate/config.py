"""Every default of the simulation, once: value, bounds, unit and meaning."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pydantic
from pydantic import AfterValidator, Field


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse a range that is negative or upside down."""
    low, high = bounds
    if not 0 <= low <= high:
        raise ValueError(f"expected a range 0 <= low <= high, got {bounds}; swap or correct it")
    return bounds


def _limited(lowest: float, highest: float) -> AfterValidator:
    """Bounds of a range whose values would make no sense, or divide by zero, beyond them."""

    def check(bounds: tuple[float, float]) -> tuple[float, float]:
        if not (lowest <= bounds[0] and bounds[1] <= highest):
            raise ValueError(f"expected a range within {lowest} to {highest}, got {bounds}")
        return bounds

    return AfterValidator(check)


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""Lowest and highest value; each image draws its own value uniformly in between."""


class SimulationConfig(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What is simulated; lengths are micrometres of the specimen, whatever the pixel size.

    The defaults follow Section 3.1 of the paper: 2048 x 1532 pixels of 1.61 um, about 96 cells
    an image. Fields of type `Range` are drawn anew for every image, so that a model trained on
    many images meets many microscopes.
    """

    height_px: int = Field(1532, ge=32, le=8192, description="Image height in pixels.")
    width_px: int = Field(2048, ge=32, le=8192, description="Image width in pixels.")
    pixel_size_um: float = Field(
        1.61, ge=0.3, le=3.3, description="Side of a pixel in um (Section 3.1: 1.61)."
    )

    n_cells: int | None = Field(
        None, ge=0, le=20000, description="Exact number of listed cells; None draws it."
    )
    cells_per_mm2: float = Field(
        11.8, ge=0, le=400, description="Mean density in cells per mm2 (96 on 8.13 mm2)."
    )
    density_spread: float = Field(
        0.8, ge=0, le=2, description="Standard deviation of the logarithm of the density."
    )
    clumping: float = Field(
        0.35, ge=0, le=0.95, description="Fraction of cells placed beside another cell."
    )
    unevenness: float = Field(
        0.7, ge=0, le=3, description="Standard deviation of the log density across a field."
    )
    alignment: Annotated[Range, _limited(0, 1)] = Field(
        (0.0, 1.0), description="Neighbours' orientation: 0 none, 1 strong."
    )
    max_overlap: float = Field(
        0.12, ge=0, le=0.9, description="Usual highest fraction of a cell over others."
    )
    min_visible_fraction: float = Field(
        0.3, gt=0, le=1, description="A cell cut by the border is listed from this fraction on."
    )

    cell_length_um: float = Field(
        60, ge=10, le=200, description="Median distance between a cell's farthest tips in um."
    )
    cell_width_um: float = Field(
        20, ge=4, le=60, description="Median width of the cell's middle in um."
    )
    size_spread: float = Field(
        0.28, ge=0, le=1, description="Standard deviation of the logarithm of length and width."
    )
    fraction_mitotic: float = Field(
        0.06, ge=0, le=1, description="Mean fraction of rounded, dividing cells."
    )
    fraction_star: float = Field(
        0.22, ge=0, le=1, description="Fraction of star-shaped cells among the spread ones."
    )
    fraction_flat: float = Field(
        0.15, ge=0, le=1, description="Fraction of wide, thin cells among the spread ones."
    )
    mitotic_diameter_um: Annotated[Range, _limited(4, 60)] = Field(
        (14, 21), description="Diameter of rounded cells in um."
    )
    cell_phase_rad: Annotated[Range, _limited(0, 6)] = Field(
        (0.7, 2.0), description="Median phase delay of spread cells in radians."
    )

    crumbs_per_mm2: Annotated[Range, _limited(0, 5000)] = Field(
        (20, 250), description="Barely visible dirt per mm2."
    )
    specks_per_mm2: Annotated[Range, _limited(0, 2000)] = Field(
        (4, 40), description="Small debris on the glass per mm2."
    )
    floaters_per_mm2: Annotated[Range, _limited(0, 500)] = Field(
        (0.5, 8), description="Out-of-focus debris per mm2."
    )
    footprints_per_mm2: Annotated[Range, _limited(0, 500)] = Field(
        (2, 25), description="Left-behind membrane per mm2."
    )
    dead_per_cell: Annotated[Range, _limited(0, 5)] = Field(
        (0.0, 0.06), description="Shrunken dead cells per cell."
    )
    scratch_probability: float = Field(
        0.3, ge=0, le=1, description="Probability of scratches or fibres in an image."
    )
    wall_probability: float = Field(
        0.15, ge=0, le=1, description="Probability of a channel wall along one side."
    )

    halo_width_um: Annotated[Range, _limited(2, 100)] = Field(
        (10, 20), description="1 / W, W the width of the phase ring in cycles per um."
    )
    ring_radius_per_um: Annotated[Range, _limited(0.02, 1)] = Field(
        (0.14, 0.3), description="R, outer radius of the phase ring in cycles per um."
    )
    ring_amplitude: Annotated[Range, _limited(0.05, 1)] = Field(
        (0.3, 0.45), description="Amplitude the phase ring lets through, 0 to 1."
    )
    contrast: Annotated[Range, _limited(0, 1)] = Field(
        (0.35, 0.75), description="What stray light leaves of the contrast."
    )
    blur_um: Annotated[Range, _limited(0, 10)] = Field(
        (0.3, 1.1), description="Gaussian sigma of objective and focus in um."
    )
    shading: Annotated[Range, _limited(0, 0.8)] = Field(
        (0.0, 0.12), description="Relative fall of the light to the corners."
    )
    background_grey: Annotated[Range, _limited(1, 254)] = Field(
        (95, 145), description="Grey level of the empty background."
    )
    electrons_at_white: Annotated[Range, _limited(10, 1000000.0)] = Field(
        (3000, 20000), description="Electrons at grey level 255."
    )
    read_noise_grey: Annotated[Range, _limited(0, 50)] = Field(
        (0.2, 1.0), description="Read noise in grey levels."
    )
    jpeg_probability: float = Field(
        0.2, ge=0, le=1, description="Probability that the image went through JPEG."
    )
    jpeg_quality: Annotated[Range, _limited(1, 100)] = Field(
        (75, 95), description="Quality of that JPEG, 1 to 100."
    )

    @property
    def area_mm2(self) -> float:
        """Area of the field in square millimetres."""
        return self.height_px * self.width_px * self.pixel_size_um**2 * 1e-6


def draw(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw one image's value from a `Range`, uniformly."""
    return float(rng.uniform(*bounds))
