"""CNN-SW, the paper's learnt baseline: a network that judges one window at a time (section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_htcell.config import PAPER_WINDOW_PX as WINDOW_PX
from napari_htcell.network import Network

STRIDE = 4
"""Two poolings: windows closer than this share their features only in part."""

CONVOLUTION_PX = 5
CHANNELS, HIDDEN = (8, 16), (120, 84)
"""The paper states two convolutions and three fully connected layers, but no sizes; these are
LeNet-5's, whose two convolutions and three layers they are, with slightly more channels."""


class SlidingWindow(Network):
    """Two convolutions with pooling and ReLU, then three fully connected layers.

    The fully connected layers are convolutions too, so that windows slide over an image in one
    pass and share what they have in common.
    """

    probe_sides = (WINDOW_PX,)

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, CHANNELS[0], CONVOLUTION_PX),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(*CHANNELS, CONVOLUTION_PX),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        side = self.features(torch.zeros(1, 1, WINDOW_PX, WINDOW_PX)).shape[-1]
        self.classifier = nn.Sequential(
            nn.Conv2d(CHANNELS[1], HIDDEN[0], side),
            nn.ReLU(inplace=True),
            nn.Conv2d(*HIDDEN, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(HIDDEN[1], 1, 1),
        )

    @property
    def multiple(self) -> int:
        """Windows of a tile are those of the whole image from here on."""
        return STRIDE

    @property
    def context_px(self) -> int:
        """A window's reach, and that of the interpolation between windows."""
        return WINDOW_PX // 2 + 2 * STRIDE

    def learn(self, squares: Tensor) -> Tensor:
        """Return the logit of each window, shape (B, 1, 1, 1), from shape (B, 1, 100, 100)."""
        logits: Tensor = self.classifier(self.features(squares))
        return logits

    def forward(self, image: Tensor) -> Tensor:
        """Return the logit of each pixel, interpolated between windows `STRIDE` apart."""
        height, width = image.shape[-2:]
        rows, columns = (-(-size // STRIDE) for size in (height, width))
        # The middle of the first window is the middle of the first STRIDE pixels, where
        # interpolation places the first value.
        before = WINDOW_PX // 2 - STRIDE // 2
        down, right = (
            WINDOW_PX + STRIDE * (count - 1) - before - size
            for count, size in ((rows, height), (columns, width))
        )
        padded = functional.pad(image, (before, right, before, down), mode="replicate")
        logits = self.learn(padded)
        larger = functional.interpolate(
            logits, scale_factor=STRIDE, mode="bilinear", align_corners=False
        )
        return larger[..., :height, :width]
