"""The networks that models are made of, by the name on their card."""

from __future__ import annotations

from collections.abc import Callable

from napari_htcell.cards import Architecture
from napari_htcell.config import TrainConfig
from napari_htcell.network import Network
from napari_htcell.sliding_window import SlidingWindow
from napari_htcell.smooth_threshold import SmoothThreshold
from napari_htcell.unet import UNet

NETWORKS: dict[Architecture, Callable[[TrainConfig], Network]] = {
    "U-Net": lambda config: UNet(config.base_width, config.depth, config.padding),
    "sliding window": lambda config: SlidingWindow(),
    "smooth and threshold": lambda config: SmoothThreshold(),
}


def build(architecture: Architecture, config: TrainConfig) -> Network:
    """Return a network with random weights.

    Parameters
    ----------
    architecture : str
        A name in `NETWORKS`.
    config : TrainConfig
        Width, depth and padding, where the network has them.
    """
    return NETWORKS[architecture](config)
