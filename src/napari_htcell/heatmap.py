"""The network over an image of any size, tile by tile, with the same result as in one piece."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_htcell.device import place
from napari_htcell.frame import squares
from napari_htcell.network import Network


def n_tiles(network: Network, shape: tuple[int, int]) -> int:
    """Return how many tiles an image of this height and width takes."""
    return len(list(squares(shape, network.tile_px)))


def heat_map_steps(network: Network, seen: Any, into: Any = None) -> Generator[None, None, Any]:
    """Compute the heat map of an image.

    Parameters
    ----------
    network : Network
        On the device to compute on; in float32 everywhere, so that counts do not depend on the
        machine.
    seen : ndarray of float32, or PreparedParts, shape (Y, X)
        The image as the network takes it; see `images.prepare`.
    into : array_like of float32, shape (Y, X), optional
        Where the heat map is kept; a new array without it.

    Yields
    ------
    None
        After each tile.

    Returns
    -------
    ndarray of float32, or `into`, shape (Y, X)
        0 to 1.
    """
    network = place(network.for_detection(), network.device)
    heat_map = np.empty(seen.shape, np.float32) if into is None else into
    for rows, columns in squares((seen.shape[0], seen.shape[1]), network.tile_px):
        heat_map[rows, columns] = _tile(network, seen, rows, columns)
        yield
    return heat_map


@torch.inference_mode()
def _tile(network: Network, seen: Any, rows: slice, columns: slice) -> npt.NDArray[np.float32]:
    """Return one tile of the heat map, computed with all the context that the network can see."""
    # The network must pool the same pixels together as in the whole image, so a tile starts at a
    # multiple of its coarsest pixel.
    margin = -(-network.context_px // network.multiple) * network.multiple
    top, left = (
        max(0, part.start - margin) // network.multiple * network.multiple
        for part in (rows, columns)
    )
    tile = torch.from_numpy(
        np.ascontiguousarray(seen[top : rows.stop + margin, left : columns.stop + margin])
    )
    device = network.device
    heat = network(tile.to(device)[None, None]).sigmoid()[0, 0].cpu().numpy()
    inside = heat[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return np.asarray(inside, dtype=np.float32)
