"""The network: a U-Net as in section 2.1 and Fig. 1 of the paper, and nothing else."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_htcell.config import Padding
from napari_htcell.edges import RepeatingConv2d
from napari_htcell.network import Network


class Block(nn.Sequential):
    """Two 3 x 3 convolutions, each followed by batch normalisation and ReLU (section 2.1)."""

    def __init__(self, channels_in: int, channels_out: int, padding: Padding) -> None:
        def convolution(width: int) -> nn.Conv2d:
            # A bias would be undone by the normalisation that follows.
            if padding == "replicate":
                return RepeatingConv2d(width, channels_out)
            return nn.Conv2d(width, channels_out, 3, padding=1, bias=False)

        super().__init__(
            convolution(channels_in),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            convolution(channels_out),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class UNet(Network):
    """Encoder, decoder and skip connections; one grey channel in, one logit out.

    Parameters
    ----------
    base_width : int
        Channels of the first block; they double at each level (Fig. 1 does not state them).
    depth : int
        Number of 2 x 2 max poolings, and of 2 x 2 transposed convolutions.
    padding : {"zeros", "replicate"}
        What convolutions see beyond an edge.
    """

    def __init__(self, base_width: int, depth: int, padding: Padding = "zeros") -> None:
        super().__init__()
        widths = [base_width * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(
            Block(before, width, padding)
            for before, width in zip([1, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in reversed(widths[:-1])
        )
        self.decoder = nn.ModuleList(
            Block(2 * width, width, padding) for width in reversed(widths[:-1])
        )
        self.last = nn.Conv2d(widths[0], 1, 1)
        self.base_width, self.depth = base_width, depth

    @property
    def multiple(self) -> int:
        """Sides that are a multiple of this need no padding: the coarsest pixel."""
        return int(2**self.depth)

    @property
    def context_px(self) -> int:
        """How far an output pixel can see, in pixels.

        Each level has two convolutions of one pixel's reach on the way down and two on the way up
        (the coarsest: only two), in units of 2**level pixels, and each pooling adds less than one
        unit.
        """
        return sum(5 << level for level in range(self.depth)) + (2 << self.depth)

    @property
    def tile_px(self) -> int:
        """Longest side of a tile; memory grows with its area and with the network's width.

        Large tiles compute less of their margins twice.
        """
        return max(self.multiple, int(1024 * math.sqrt(16 / self.base_width)))

    def rescale(self, slope: float, offset: float) -> None:
        """Make each logit its multiple by the slope plus the offset, for good."""
        assert self.last.bias is not None
        with torch.no_grad():
            self.last.weight.mul_(slope)
            self.last.bias.mul_(slope).add_(offset)

    def _padding(self, size: int) -> int:
        """Return by how many pixels a side is made longer: to a multiple, and a quarter at least.

        A network that saw padded squares alone takes the bare edge of another image for cells. And
        one coarsest pixel alone would leave batch normalisation nothing to normalise by.
        """
        longer = max(size + self.multiple // 4, 2 * self.multiple)
        return -(-longer // self.multiple) * self.multiple - size

    def forward(self, image: Tensor) -> Tensor:
        """Return logits; the paper's last sigmoid is the loss's or the caller's."""
        height, width = image.shape[-2:]
        # 250 is no multiple of 16, and the paper does not say what it does about that. Repeating
        # the edge adds no new edge for the network to find.
        down, right = (self._padding(size) for size in (height, width))
        features = functional.pad(image, (0, right, 0, down), mode="replicate")
        skips: list[Tensor] = []
        for block in self.encoder:
            features = block(functional.max_pool2d(features, 2) if skips else features)
            skips.append(features)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            features = block(torch.cat([skips.pop(), up(features)], dim=1))
        logits: Tensor = self.last(features)
        return logits[..., :height, :width]
