"""A field of cells: how many, where, which way they point, and the image of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_htcell.simulate.cells import Cell, Texture, mitotic_cell, spread_cell
from napari_htcell.simulate.config import SimulationConfig, draw
from napari_htcell.simulate.nuisance import channel_wall, scatter_debris, scratches
from napari_htcell.simulate.optics import camera, lamp, phase_contrast

MARGIN_UM = 45.0
"""The scene goes on beyond the image, so that cells are cut and halos come in from outside."""

PATIENCE = 100
"""Cells in a row that find no room in the image before it counts as full."""

HIGHEST_PER_MM2 = 800.0
"""Drawn densities stop here: a full field holds about twice as many."""


@dataclass(frozen=True)
class SimulatedImage:
    """A simulated image with its whole truth.

    Attributes
    ----------
    image : ndarray of uint8, shape (Y, X)
        What the camera recorded.
    labels : ndarray of uint16, shape (Y, X)
        Cell ``i + 1`` of ``centroids`` has label ``i + 1``; 0 is background. Where cells
        overlap the upper one owns the pixel.
    centroids : ndarray of float, shape (N, 2)
        (y, x) in pixels, centroids of the masks in ``labels``.
    debris : ndarray of float, shape (M, 2)
        (y, x) in pixels of what could be taken for a cell and is none.
    pixel_size_um : float
        Side of a pixel in um.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    centroids: NDArray[np.float64]
    debris: NDArray[np.float64]
    pixel_size_um: float


def simulate_image(config: SimulationConfig, rng: np.random.Generator) -> SimulatedImage:
    """Simulate one phase-contrast image of HT1080-like cells.

    Phase contrast after Yin and Kanade (Medical Image Analysis 16 (2012)), see
    `optics.phase_contrast`. The same configuration and generator state give the same image, bit
    for bit.

    Parameters
    ----------
    config : SimulationConfig
        Size, density, looks and microscope; `Range` fields are drawn anew for every image.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    SimulatedImage

    Raises
    ------
    ValueError
        If so many cells were asked for that they do not fit into the field.
    """
    field = _Field(config, rng)
    n_cells = _number_of_cells(config, rng)
    field.populate(n_cells)
    wave = np.exp(1j * field.phase)
    shape = field.phase.shape
    area_mm2 = shape[0] * shape[1] * config.pixel_size_um**2 * 1e-6
    debris = scatter_debris(
        wave, config, field.texture, n_cells=len(field.listed), area_mm2=area_mm2, rng=rng
    )
    frame = field.frame
    light = phase_contrast(wave, config, rng)[frame]
    size = (config.height_px, config.width_px)
    light = light * lamp(size, config, rng) * scratches(size, config, rng)
    light *= channel_wall(size, config, rng)
    labels, centroids = field.truth()
    debris -= field.margin
    seen = np.all((debris >= 0) & (debris <= np.array(size) - 1), axis=1)
    return SimulatedImage(
        image=camera(light, config, rng),
        labels=labels,
        centroids=centroids,
        debris=debris[seen],
        pixel_size_um=config.pixel_size_um,
    )


def _number_of_cells(config: SimulationConfig, rng: np.random.Generator) -> int:
    """Draw the number of cells: log-normal density, mean ``cells_per_mm2``, times the area."""
    if config.n_cells is not None:
        return config.n_cells
    spread = config.density_spread
    density = config.cells_per_mm2 * np.exp(spread * rng.standard_normal() - spread**2 / 2)
    return int(rng.poisson(min(density, HIGHEST_PER_MM2) * config.area_mm2))


class _Field:
    """The scene while it fills: phase and owners on a canvas larger than the image."""

    def __init__(self, config: SimulationConfig, rng: np.random.Generator) -> None:
        self.config = config
        self.rng = rng
        self.margin = int(np.ceil(MARGIN_UM / config.pixel_size_um))
        shape = (config.height_px + 2 * self.margin, config.width_px + 2 * self.margin)
        self.frame = (
            slice(self.margin, self.margin + config.height_px),
            slice(self.margin, self.margin + config.width_px),
        )
        self.texture = Texture(config.pixel_size_um, rng)
        glass = np.float32(rng.uniform(0.001, 0.006))
        self.phase = glass * (self.texture.rough(shape, rng) + self.texture.fine(shape, rng))
        self.owner = np.zeros(shape, dtype=np.int32)
        self.areas = [0]
        self.left = [0]
        self.listed: list[int] = []
        self.middles: list[NDArray[np.float64]] = []
        self._cell_phase = draw(config.cell_phase_rad, rng)
        self._mitotic = config.fraction_mitotic * rng.gamma(2, 0.5)
        self._align = draw(config.alignment, rng)
        self._map = self._surface(config.unevenness)
        self._density = np.exp(self._map - self._map.max())
        self._direction = self._surface(0.8) + rng.uniform(0, np.pi)

    def _surface(self, sd: float) -> NDArray[np.float64]:
        """Smooth surface on a coarse grid (about 60 um a step), a slope included."""
        step = 60 / self.config.pixel_size_um
        rows, columns = (int(np.ceil(side / step)) + 1 for side in self.owner.shape)
        noise = gaussian_filter(self.rng.standard_normal((rows, columns)), 3, mode="reflect")
        noise = noise * 3 * np.sqrt(4 * np.pi)  # back to unit variance after the smoothing
        angle = self.rng.uniform(0, 2 * np.pi)
        y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None, :]
        return np.asarray(sd * (0.8 * noise + y * np.sin(angle) + x * np.cos(angle)))

    def _at(self, surface: NDArray[np.float64], middle: NDArray[np.float64]) -> float:
        step = 60 / self.config.pixel_size_um
        row, column = (np.maximum(middle, 0) / step).astype(int)
        return float(surface[min(row, len(surface) - 1), min(column, surface.shape[1] - 1)])

    def populate(self, n_cells: int) -> None:
        """Add cells until ``n_cells`` are seen well enough to be listed.

        A number that was drawn gives way where the field is full; one that was asked for raises.
        """
        in_vain = 0
        while len(self.listed) < n_cells and in_vain < PATIENCE:
            before = len(self.listed)
            self._add_cell()
            in_vain = 0 if len(self.listed) > before else in_vain + 1
        if len(self.listed) == n_cells or self.config.n_cells is None:
            return
        raise ValueError(
            f"only {len(self.listed)} of {n_cells} cells fit into {self.config.area_mm2:.3g} mm2;"
            " lower n_cells or cells_per_mm2, or enlarge the image"
        )

    def _add_cell(self) -> None:
        config, rng = self.config, self.rng
        near = bool(self.middles) and rng.random() < config.clumping
        middle = self._place(near)
        if rng.random() < self._mitotic:
            cell = mitotic_cell(config, self.texture, rng=rng)
        else:
            turn = rng.normal(0, 0.3) if rng.random() < self._align else rng.uniform(0, np.pi)
            angle = self._at(self._direction, middle) + turn
            cell = spread_cell(config, self.texture, angle=angle, phase=self._cell_phase, rng=rng)
        # a few cells do climb over others
        allowed = config.max_overlap if rng.random() < 0.9 else 0.5
        for attempt in range(6):
            if self._put(cell, middle, allowed):
                return
            middle = self._place(near and attempt < 4)

    def _place(self, near: bool) -> NDArray[np.float64]:
        """Draw a middle: beside another cell, or from the density map."""
        rng = self.rng
        if near:
            other = self.middles[int(rng.integers(len(self.middles)))]
            angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(12, 55)
            away = np.array([np.sin(angle), np.cos(angle)]) * distance
            return np.asarray(other + away / self.config.pixel_size_um)
        while True:
            middle = rng.uniform(0, self.owner.shape)
            if rng.random() < self._at(self._density, middle):
                return np.asarray(middle)

    def _put(self, cell: Cell, middle: NDArray[np.float64], allowed: float) -> bool:
        """Lay a cell on top if it covers others no more than ``allowed``."""
        half = cell.mask.shape[0] // 2
        corner = np.floor(middle).astype(int) - half
        low = np.maximum(corner, 0)
        high = np.minimum(corner + cell.mask.shape[0], self.owner.shape)
        if np.any(low >= high):
            return False
        window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        part = tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))
        mask = cell.mask[part]
        area = int(cell.mask.sum())
        owner = self.owner[window]
        under = owner[mask]
        if area == 0 or np.count_nonzero(under) > allowed * area:
            return False
        others, covered = np.unique(under[under > 0], return_counts=True)
        for other, lost in zip(others, covered, strict=True):
            if self.left[other] - lost < 0.5 * self.areas[other]:
                return False
        for other, lost in zip(others, covered, strict=True):
            self.left[other] -= int(lost)
        self._commit(cell, mask, window, part, area, middle)
        return True

    def _commit(
        self,
        cell: Cell,
        mask: NDArray[np.bool_],
        window: tuple[slice, ...],
        part: tuple[slice, ...],
        area: int,
        middle: NDArray[np.float64],
    ) -> None:
        index = len(self.areas)
        self.owner[window][mask] = index
        self.phase[window] += cell.phase[part]
        self.middles.append(middle)
        rows, columns = (
            slice(max(inside.start - around.start, 0), max(inside.stop - around.start, 0))
            for inside, around in zip(self.frame, window, strict=True)
        )
        shown = int(np.count_nonzero(mask[rows, columns]))
        listed = shown >= self.config.min_visible_fraction * area
        if listed:
            self.listed.append(index)
        # what may be covered later is counted where it would be missed: inside the frame
        self.areas.append(shown if listed else int(np.count_nonzero(mask)))
        self.left.append(self.areas[-1])

    def truth(self) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
        """Labels of the listed cells in the image's frame, and the centroids of their masks."""
        number = np.zeros(len(self.areas), dtype=np.uint16)
        number[self.listed] = np.arange(1, len(self.listed) + 1)
        labels = number[self.owner[self.frame]]
        y, x = np.nonzero(labels)
        which = labels[y, x]
        count = np.bincount(which, minlength=len(self.listed) + 1)[1:]
        sums = [np.bincount(which, axis, len(self.listed) + 1)[1:] for axis in (y, x)]
        return labels, np.stack(sums, axis=1) / count[:, None]
