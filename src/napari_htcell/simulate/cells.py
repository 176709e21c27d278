"""One cell: its outline and its phase delay, on a small patch around its middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from napari_htcell.simulate.config import SimulationConfig, draw

Plane = NDArray[np.float32]

THICKEST_RAD = 2.6
"""A cell thicker than that would round up; see `mitotic_cell`."""


@dataclass(frozen=True)
class Cell:
    """A cell on its own patch, the patch's middle being the cell's middle.

    Attributes
    ----------
    phase : ndarray of float32, shape (2 K + 1, 2 K + 1)
        Phase delay in radians, 0 outside the cell.
    mask : ndarray of bool, shape (2 K + 1, 2 K + 1)
        The cell's outline, filled.
    """

    phase: Plane
    mask: NDArray[np.bool_]


class Texture:
    """Smooth random surfaces of mean 0 and sd 1, made once an image and cropped for each cell."""

    def __init__(self, pixel_size_um: float, rng: np.random.Generator) -> None:
        noise = rng.standard_normal((3, 384, 384), dtype=np.float32)
        self._coarse = self._smooth(noise[2], 5 / pixel_size_um)
        self._rough = self._smooth(noise[0], 2.2 / pixel_size_um)
        self._fine = self._smooth(noise[1], 0.7 / pixel_size_um)

    @staticmethod
    def _smooth(noise: Plane, sigma_px: float) -> Plane:
        smooth = gaussian_filter(noise, sigma_px, mode="wrap")
        return np.asarray(smooth / smooth.std(), dtype=np.float32)

    @staticmethod
    def _crop(tile: Plane, shape: tuple[int, int], rng: np.random.Generator) -> Plane:
        top, left = rng.integers(0, tile.shape[0], 2)
        rows = tile.take(np.arange(top, top + shape[0]), axis=0, mode="wrap")
        return np.asarray(rows.take(np.arange(left, left + shape[1]), axis=1, mode="wrap"))

    def coarse(self, shape: tuple[int, int], rng: np.random.Generator) -> Plane:
        """Crop of the surface with bumps of about 12 um."""
        return self._crop(self._coarse, shape, rng)

    def rough(self, shape: tuple[int, int], rng: np.random.Generator) -> Plane:
        """Crop of the surface with bumps of about 5 um."""
        return self._crop(self._rough, shape, rng)

    def fine(self, shape: tuple[int, int], rng: np.random.Generator) -> Plane:
        """Crop of the surface with bumps of about 1.5 um."""
        return self._crop(self._fine, shape, rng)


@dataclass(frozen=True)
class _Body:
    """Arms from the middle to the tips, and how the cell lies on the glass.

    ``tips`` are (A, 2) in um (along, across the cell's axis), ``roots`` and ``ends`` the arms'
    half widths at the middle and at the tip; ``thin`` and ``dome`` are phases in radians.
    """

    tips: Plane
    roots: Plane
    ends: Plane
    bend_per_um: float
    warp_um: float
    fillet_um: float
    rough_um: float
    slope_um: float
    thin: float
    dome: float


def _spread_body(config: SimulationConfig, phase: float, rng: np.random.Generator) -> _Body:
    """Spindles with a front and a tail, stars, and wide thin cells."""
    kind = rng.random()
    flat = kind < config.fraction_flat
    star = not flat and kind < config.fraction_flat + config.fraction_star
    length, width = np.array([config.cell_length_um, config.cell_width_um]) * np.exp(
        config.size_spread * rng.standard_normal(2)
    )
    if star or flat:
        count = int(rng.integers(3, 6))
        angles = 2 * np.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count
        reach = 0.5 * length * rng.uniform(0.45, 1.1, count)
    else:
        extra = int(rng.choice(4, p=[0.4, 0.35, 0.2, 0.05]))
        angles = np.concatenate([rng.normal([0, np.pi], 0.15), rng.uniform(0, 2 * np.pi, extra)])
        front = rng.uniform(0.38, 0.62)
        reach = length * np.concatenate([[front, 1 - front], rng.uniform(0.15, 0.4, extra)])
        width *= 0.85
    if flat:
        width, reach = width * 1.3, reach * 1.25
    count = len(angles)
    tips = reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # a lamellipodium ends broad, a retraction fibre in a point
    ends = np.where(rng.random(count) < 0.35, rng.uniform(0.15, 0.4, count) * width, 0.7)
    thickness = phase * np.exp(np.clip(0.4 * rng.standard_normal(), -1, 0.6))
    # a cell keeps its volume: the narrower it draws itself, the thicker it is
    thickness *= (config.cell_width_um / width) ** 0.6 * (0.7 if flat else 1)
    thickness = min(thickness, THICKEST_RAD)
    return _Body(
        tips=tips.astype(np.float32),
        roots=(0.5 * width * rng.uniform(0.6, 1.0, count)).astype(np.float32),
        ends=ends.astype(np.float32),
        bend_per_um=rng.normal(0, 0.12) / length,
        warp_um=0.05 * width,
        fillet_um=width * rng.uniform(0.1, 0.22),
        rough_um=float(rng.uniform(0.3, 1.0)),
        slope_um=float(rng.uniform(2.5, 9.0)),
        thin=thickness * rng.uniform(0.35, 0.8),
        dome=thickness * rng.uniform(0.3, 1.3),
    )


def _signed_distance(body: _Body, y: Plane, x: Plane) -> Plane:
    """Smooth union of tapered arms: about the distance to the outline in um, negative inside."""
    along, across = body.tips[:, 0, None, None], body.tips[:, 1, None, None]
    square = np.maximum(along**2 + across**2, 1e-3)
    t = np.clip((x * along + y * across) / square, 0, 1)
    # the square makes the membrane between two tips hang in, as between tent poles
    radius = body.roots[:, None, None] * (1 - t) ** 1.4 + body.ends[:, None, None] * t
    gap = np.hypot(x - t * along, y - t * across) - radius
    total = np.exp(-np.clip(gap / body.fillet_um, -30, 80)).sum(axis=0)
    return np.asarray(-body.fillet_um * np.log(total), dtype=np.float32)


def _spots(
    shape: tuple[int, int], where: Plane, sigma_um: Plane, height: Plane, pixel_size_um: float
) -> Plane:
    """Sum of Gaussian spots at (N, 2) um from the middle, their volume kept on coarse pixels."""
    half = shape[0] // 2
    side = np.arange(-half, half + 1, dtype=np.float32)
    sigma = np.hypot(sigma_um / pixel_size_um, 0.4)
    height = height * (sigma_um / pixel_size_um / sigma) ** 2
    rows = np.exp(-(((side - where[:, :1] / pixel_size_um) / sigma[:, None]) ** 2) / 2)
    columns = np.exp(-(((side - where[:, 1:] / pixel_size_um) / sigma[:, None]) ** 2) / 2)
    return np.asarray((rows * height[:, None]).T @ columns, dtype=np.float32)


def _grid(reach_um: float, pixel_size_um: float) -> tuple[Plane, Plane]:
    """Rows and columns of a patch in um from its middle."""
    half = int(np.ceil(reach_um / pixel_size_um))
    side = np.arange(-half, half + 1, dtype=np.float32) * np.float32(pixel_size_um)
    return side[:, None], side[None, :]


def spread_cell(
    config: SimulationConfig,
    texture: Texture,
    *,
    angle: float,
    phase: float,
    rng: np.random.Generator,
) -> Cell:
    """Draw a cell that lies on the glass.

    Parameters
    ----------
    config : SimulationConfig
        Sizes and fractions of shapes.
    texture : Texture
        Surfaces for rough outlines and grainy bodies.
    angle : float
        Orientation of the long axis in radians, counted from x to y.
    phase : float
        The image's median phase delay in radians.
    rng : numpy.random.Generator
        Draws everything else.

    Returns
    -------
    Cell
    """
    body = _spread_body(config, phase, rng)
    reach = float(np.hypot(*body.tips.T).max() + body.roots.max()) + 4
    y, x = _grid(reach, config.pixel_size_um)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = x * cos + y * sin, y * cos - x * sin
    across = across - np.float32(body.bend_per_um) * along**2
    shape = (along.shape[0], along.shape[1])
    along = along + np.float32(body.warp_um) * texture.coarse(shape, rng)
    across = across + np.float32(body.warp_um) * texture.coarse(shape, rng)
    distance = _signed_distance(body, across, along)
    # smooth where the membrane hangs between tips, ragged at the tips
    outward = (along**2 + across**2) / np.float32(reach**2)
    ragged = texture.rough(shape, rng) + np.float32(0.3) * texture.fine(shape, rng)
    distance += np.float32(body.rough_um) * (0.2 + 1.6 * np.minimum(outward, 1)) * ragged
    depth = np.maximum(-distance, 0)
    deepest = max(float(depth.max()), 1.0)
    relief = body.thin * (1 - np.exp(-depth / body.slope_um))
    relief += body.dome * (depth / deepest) ** 1.2
    inside = relief / max(float(relief.max()), 1e-6)
    relief += inside * np.float32(rng.uniform(0.02, 0.06) * phase) * texture.fine(shape, rng)
    relief += inside * _organelles(body, along, across, phase, config.pixel_size_um, rng)
    mask = _largest_part(distance < 0)
    return Cell(phase=np.where(mask, relief, 0).astype(np.float32), mask=mask)


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop crumbs that the ragged outline cut off."""
    parts, count = label(mask)
    if count < 2:
        return mask
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def _organelles(
    body: _Body,
    along: Plane,
    across: Plane,
    phase: float,
    pixel_size_um: float,
    rng: np.random.Generator,
) -> Plane:
    """Nucleus with nucleoli, granules around it, and now and then bright droplets."""
    long_um, short_um = rng.uniform(6, 9), rng.uniform(3.5, 5.5)
    shift = rng.normal(0, 2)
    ellipse = ((along - shift) / long_um) ** 2 + (across / short_um) ** 2
    nucleus = rng.uniform(-0.1, 0.5) * phase * np.exp(-(ellipse**2))
    shape = (nucleus.shape[0], nucleus.shape[1])
    nucleoli, granules = int(rng.integers(1, 4)), int(rng.integers(5, 30))
    droplets = int(rng.integers(3, 12)) if rng.random() < 0.15 else 0
    where = np.concatenate(
        [
            rng.normal(0, 2.2, (nucleoli, 2)),
            rng.normal(0, 7, (granules, 2)),
            rng.normal(rng.normal(0, 5, 2), 4, (droplets, 2)),
        ]
    )
    sigma = np.repeat([1.0, 0.6, 0.5], [nucleoli, granules, droplets])
    height = np.repeat([0.5, 0.7, 5.0], [nucleoli, granules, droplets]) * phase
    height = height * rng.uniform(0.4, 1.4, len(height))
    spots = _spots(
        shape,
        where.astype(np.float32),
        sigma.astype(np.float32),
        height.astype(np.float32),
        pixel_size_um,
    )
    return np.asarray(nucleus + spots, dtype=np.float32)


def mitotic_cell(config: SimulationConfig, texture: Texture, *, rng: np.random.Generator) -> Cell:
    """Draw a rounded cell: nearly a ball, so thick that it shines.

    Parameters
    ----------
    config : SimulationConfig
        Diameter and pixel size.
    texture : Texture
        Surface for its grain.
    rng : numpy.random.Generator
        Draws diameter, height and the chromosomes.

    Returns
    -------
    Cell
    """
    radius = draw(config.mitotic_diameter_um, rng) / 2
    y, x = _grid(radius + 4, config.pixel_size_um)
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(1, 1.18)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    r = np.hypot(along / stretch, across * stretch) / radius
    wobble = texture.rough((len(y), x.shape[1]), rng)
    r = r * (1 + np.float32(rng.uniform(0.01, 0.04)) * wobble)
    ball = np.sqrt(np.maximum(1 - r**2, 0)) * rng.uniform(2.2, 4.2)
    plate = rng.uniform(0.3, 1.0) * np.exp(-((along / 1.8) ** 2) - (across / (0.6 * radius)) ** 2)
    grain = 1 + np.float32(0.06) * texture.fine(wobble.shape, rng)
    mask = r < 1
    return Cell(phase=np.where(mask, (ball + plate) * grain, 0).astype(np.float32), mask=mask)
