"""What is in a field and is no cell: debris, footprints, dead cells, scratches, a wall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_htcell.simulate.cells import Texture
from napari_htcell.simulate.config import SimulationConfig, draw
from napari_htcell.simulate.optics import Grey, Wave

Patch = NDArray[np.complex64]
WAVELENGTH_UM = 0.55


def _side(reach_um: float, pixel_size_um: float) -> NDArray[np.float32]:
    half = int(np.ceil(reach_um / pixel_size_um))
    return np.arange(-half, half + 1, dtype=np.float32) * np.float32(pixel_size_um)


def _stamp(wave: Wave, patch: Patch, middle: NDArray[np.int64]) -> None:
    """Multiply a patch into the wave around ``middle``, cut where it leaves the field."""
    half = patch.shape[0] // 2
    low = np.maximum(middle - half, 0)
    high = np.minimum(middle + half + 1, wave.shape)
    if np.any(low >= high):
        return
    top, left = low - middle + half
    bottom, right = high - middle + half
    wave[low[0] : high[0], low[1] : high[1]] *= patch[top:bottom, left:right]


def _transmission(phase: NDArray[Any]) -> Patch:
    return np.asarray(np.exp(1j * phase), dtype=np.complex64)


def _blobs(
    side: NDArray[np.float32],
    count: int,
    spread_um: float,
    size_um: float,
    phase: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Phase of a heap of ``count`` round grains."""
    total = np.zeros((len(side), len(side)), dtype=np.float32)
    for _ in range(count):
        y, x = rng.normal(0, spread_um, 2)
        size = size_um * rng.uniform(0.6, 1.3)
        square = ((side[:, None] - y) ** 2 + (side[None, :] - x) ** 2) / size**2
        total += np.float32(phase * rng.uniform(0.5, 1.2)) * np.exp(-(square**2)).astype(np.float32)
    return total


def _crumb(pixel_size_um: float, texture: Texture, rng: np.random.Generator) -> Patch:
    return _grains(pixel_size_um, rng.uniform(0.5, 1.5), np.exp(rng.normal(-1.6, 0.6)), rng)


def _speck(pixel_size_um: float, texture: Texture, rng: np.random.Generator) -> Patch:
    return _grains(pixel_size_um, rng.uniform(0.6, 2.0), np.exp(rng.normal(-0.2, 0.6)), rng)


def _grains(pixel_size_um: float, size: float, phase: float, rng: np.random.Generator) -> Patch:
    """One to three grains, as dim as they are smaller than a pixel."""
    side = _side(4 * size + 3, pixel_size_um)
    soft = float(np.hypot(size, 0.4 * pixel_size_um))
    heap = _blobs(side, int(rng.integers(1, 4)), 1.2 * size, soft, phase * (size / soft) ** 2, rng)
    return _transmission(heap)


def _floater(pixel_size_um: float, texture: Texture, rng: np.random.Generator) -> Patch:
    """Debris above the glass: Fresnel propagation from its height gives the rings."""
    size, height_um = rng.uniform(1.5, 5), np.exp(rng.uniform(np.log(25), np.log(800)))
    side = _side(min(20 + 0.16 * height_um, 90), pixel_size_um)
    heap = _blobs(side, int(rng.integers(1, 3)), size, size, rng.uniform(0.4, 1.8), rng)
    frequency = scipy.fft.fftfreq(len(side), pixel_size_um).astype(np.float32)
    square = frequency[:, None] ** 2 + frequency[None, :] ** 2
    # the aperture fades the finest rings
    travel = np.exp(-1j * np.pi * WAVELENGTH_UM * height_um * square - (square / 0.16**2) ** 2)
    spread = scipy.fft.ifft2(scipy.fft.fft2(np.exp(1j * heap) - 1) * travel)
    window = np.hanning(len(side) + 2)[1:-1] ** 0.5
    return (1 + spread * window[:, None] * window[None, :]).astype(np.complex64)


def _footprint(pixel_size_um: float, texture: Texture, rng: np.random.Generator) -> Patch:
    """Membrane left on the glass: a faint, stippled patch."""
    size = rng.uniform(4, 14)
    side = _side(2.2 * size, pixel_size_um)
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(1, 2)
    along = side[None, :] * np.cos(angle) + side[:, None] * np.sin(angle)
    across = side[:, None] * np.cos(angle) - side[None, :] * np.sin(angle)
    shape = (len(side), len(side))
    edge = (along / stretch) ** 2 + (across * stretch) ** 2
    near = np.exp(-((edge / size**2) ** 2))
    grain = texture.rough(shape, rng) + 0.7 * texture.fine(shape, rng)
    heap = rng.uniform(0.03, 0.11) * near * np.maximum(grain + 0.2, 0)
    return _transmission(heap)


def _dead_cell(pixel_size_um: float, texture: Texture, rng: np.random.Generator) -> Patch:
    """Make a shrunken cell fallen to blebs, bright and smaller than a living one."""
    size = rng.uniform(2.5, 4.5)
    side = _side(5 * size, pixel_size_um)
    count = int(rng.integers(4, 9))
    heap = _blobs(side, count, 0.75 * size, 0.55 * size, rng.uniform(0.9, 2.2), rng)
    return _transmission(heap)


def scatter_debris(
    wave: Wave,
    config: SimulationConfig,
    texture: Texture,
    *,
    n_cells: int,
    area_mm2: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Strew debris over the transmitted wave, in place.

    Parameters
    ----------
    wave : ndarray of complex64, shape (Y, X)
        Changed in place.
    config : SimulationConfig
        Densities of each kind.
    texture : Texture
        Grain of the footprints.
    n_cells : int
        Number of cells in the image: dead cells come with living ones.
    area_mm2 : float
        Area of ``wave``.
    rng : numpy.random.Generator
        Draws numbers, places and looks.

    Returns
    -------
    ndarray of float, shape (M, 2)
        (y, x) in pixels of ``wave``, of all that somebody could take for a cell: specks,
        floaters and dead cells, not crumbs or footprints.
    """
    kinds: list[tuple[Callable[[float, Texture, np.random.Generator], Patch], float, bool]] = [
        (_footprint, draw(config.footprints_per_mm2, rng) * area_mm2, False),
        (_crumb, draw(config.crumbs_per_mm2, rng) * area_mm2, False),
        (_speck, draw(config.specks_per_mm2, rng) * area_mm2, True),
        (_floater, draw(config.floaters_per_mm2, rng) * area_mm2, True),
        (_dead_cell, draw(config.dead_per_cell, rng) * n_cells, True),
    ]
    places = [np.empty((0, 2))]
    for make, expected, looks_like_cell in kinds:
        where = rng.uniform(0, wave.shape, (int(rng.poisson(expected)), 2))
        for middle in np.floor(where).astype(np.int64):
            _stamp(wave, make(config.pixel_size_um, texture, rng), middle)
        if looks_like_cell:
            places.append(where)
    return np.concatenate(places)


def scratches(shape: tuple[int, int], config: SimulationConfig, rng: np.random.Generator) -> Grey:
    """Fine lines in the plastic and fibres, as a factor on the light."""
    light = np.ones(shape, dtype=np.float32)
    if rng.random() >= config.scratch_probability:
        return light
    size_um = config.pixel_size_um
    y = np.arange(shape[0], dtype=np.float32)[:, None] * np.float32(size_um)
    x = np.arange(shape[1], dtype=np.float32)[None, :] * np.float32(size_um)
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(0, np.pi)
        origin = rng.uniform(0, shape) * size_um
        across = (y - np.float32(origin[0])) * np.float32(np.cos(angle))
        across = across - (x - np.float32(origin[1])) * np.float32(np.sin(angle))
        for side in (-1, 1):
            offset, width = side * rng.uniform(1.5, 6), max(rng.uniform(0.6, 1.5), 0.5 * size_um)
            line = np.exp(-(((across - np.float32(offset)) / np.float32(width)) ** 2))
            light += np.float32(rng.uniform(-0.08, 0.12)) * line
    return light


def channel_wall(
    shape: tuple[int, int], config: SimulationConfig, rng: np.random.Generator
) -> Grey:
    """Bright and dark stripes of a channel's wall along one side, as a factor on the light."""
    light = np.ones(shape, dtype=np.float32)
    if rng.random() >= config.wall_probability:
        return light
    vertical, far = rng.random(2) < 0.5
    length, depth = (shape[0], shape[1]) if vertical else (shape[1], shape[0])
    along = np.linspace(-1, 1, length, dtype=np.float32)[:, None]
    inward = np.arange(depth, dtype=np.float32)[None, :] * np.float32(config.pixel_size_um)
    inward = inward - np.float32(rng.uniform(5, 45)) - np.float32(rng.uniform(-12, 12)) * along**2
    stripes = np.zeros((length, depth), dtype=np.float32)
    for _ in range(int(rng.integers(2, 5))):
        place, width = np.float32(rng.uniform(-30, 25)), np.float32(rng.uniform(2, 14))
        stripes += np.float32(rng.uniform(-0.35, 0.9)) * np.exp(-(((inward - place) / width) ** 2))
    stripes *= np.exp(-np.maximum(inward, 0) / np.float32(30))
    stripes = stripes[:, ::-1] if far else stripes
    light += stripes if vertical else stripes.T
    return np.maximum(light, np.float32(0.3))
