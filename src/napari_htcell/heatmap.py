"""The network over an image of any size, tile by tile, with the same result as in one piece."""

from __future__ import annotations

from collections.abc import Generator
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch

from napari_htcell.device import give_back_memory, place
from napari_htcell.frame import squares
from napari_htcell.memory import is_short_of_memory
from napari_htcell.network import Network

SMALLEST_TILE_PX = 64
"""Where there is not the memory for a tile it is halved, but not below this."""

_quick: WeakKeyDictionary[Network, tuple[object, Network]] = WeakKeyDictionary()
"""Networks as they are computed in detection, with the state of the weights they were made of."""


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

    Raises
    ------
    MemoryError
        If there is not even the memory for the smallest tiles, on the CPU either.
    """
    network = place(_for_detection(network), network.device)
    heat_map = np.empty(seen.shape, np.float32) if into is None else into
    side = network.tile_px
    for rows, columns in squares((seen.shape[0], seen.shape[1]), side):
        heat_map[rows, columns] = _tile_in_memory(network, seen, rows, columns, side)
        yield
    return heat_map


def _for_detection(network: Network) -> Network:
    """Return `Network.for_detection`, made once: that takes as long as all but the network."""
    tensors = chain(network.parameters(), network.buffers())
    # PyTorch counts the changes of each tensor.
    state = tuple((id(one), one._version) for one in tensors)  # noqa: SLF001
    known, quick = _quick.get(network, (None, None))
    if quick is None or known != state:
        quick = network.for_detection()
        _quick[network] = state, quick
    return quick


def _tile_in_memory(
    network: Network, seen: Any, rows: slice, columns: slice, side: int
) -> npt.NDArray[np.float32]:
    """Return a tile of the heat map, in smaller parts or on the CPU where memory is short."""
    try:
        return _tile(network, seen, rows, columns)
    except (MemoryError, RuntimeError) as error:
        if not is_short_of_memory(error):
            raise
    # Out of the block above, or the error would keep alive what is to be given back.
    give_back_memory(network.device)
    if side <= SMALLEST_TILE_PX:
        if network.device.type == "cpu":
            raise MemoryError(
                "there is not enough memory to look for cells; close other programs, and try again"
            )
        place(network, torch.device("cpu"))
        return _tile_in_memory(network, seen, rows, columns, network.tile_px)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    tile = np.empty(shape, np.float32)
    for down, across in squares(shape, side // 2):
        tile[down, across] = _tile_in_memory(
            network,
            seen,
            slice(rows.start + down.start, rows.start + down.stop),
            slice(columns.start + across.start, columns.start + across.stop),
            side // 2,
        )
    return tile


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
