"""What a network is to the rest of the package; `networks` lists those that there are."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from itertools import chain
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_htcell.dataset import LearningImage
from napari_htcell.device import computing_in
from napari_htcell.progress import Clock, Progress

SETTLED_PX = 512
"""Of an image, batch normalisation settles on so many pixels a side, in its middle: all of a dozen
large images would take as long as learning from them."""


class Network(nn.Module, ABC):
    """From standardised grey level to the logit of "here is a cell" at each pixel."""

    probe_sides: tuple[int, ...] = (32, 256)
    """Sides of trial squares in pixels, small ones first: a processor that only imitates bfloat16
    can take minutes for a large one (github.com/pytorch/pytorch/issues/111456)."""

    @property
    @abstractmethod
    def multiple(self) -> int:
        """Pixels at a multiple of which a tile must start to be computed as the whole image is."""

    @property
    @abstractmethod
    def context_px(self) -> int:
        """How far an output pixel can see; a tile's margin for results equal to the whole's."""

    @property
    def tile_px(self) -> int:
        """Longest side of a tile, without its margin, that takes about 1 GB of memory."""
        return 512

    @property
    def device(self) -> torch.device:
        """Where its numbers are."""
        return next(chain(self.parameters(), self.buffers())).device

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """Return the logit of each pixel.

        Parameters
        ----------
        image : Tensor of float, shape (B, 1, Y, X)
            Standardised grey level, any size.

        Returns
        -------
        Tensor of float, shape (B, 1, Y, X)
        """

    def learn(self, squares: Tensor) -> Tensor:
        """Return what a loss compares with the target: the logit of each pixel.

        Parameters
        ----------
        squares : Tensor of float, shape (B, 1, Y, X)
        """
        logits: Tensor = self(squares)
        return logits

    def for_detection(self) -> Self:
        """Return a copy that computes the same in fewer steps, and can no longer learn.

        What batch normalisation does after training is a part of the convolution before it.
        Measured, this takes 0.84 to 0.96 of the time; see docs/speed.md.
        """
        quick = copy.deepcopy(self).eval()
        for steps in [one for one in quick.modules() if isinstance(one, nn.Sequential)]:
            for index in range(len(steps) - 1):
                convolution, normalisation = steps[index], steps[index + 1]
                if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                    steps[index] = fuse_conv_bn_eval(convolution, normalisation)
                    steps[index + 1] = nn.Identity()
        return quick

    def rescale(self, slope: float, offset: float) -> None:
        """Make each logit its multiple by the slope plus the offset, for good.

        Raises
        ------
        NotImplementedError
            If the network has no last layer that could do it.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot scale its scores")

    def settle(
        self,
        images: Sequence[LearningImage],
        device: torch.device,
        precision: torch.dtype = torch.float32,
    ) -> Generator[Progress, None, None]:
        """Give batch normalisation the mean statistics of all images, before or after the steps.

        The running averages of training are, at a batch size of 1, those of the last ten squares,
        and a model's figures would hang on which these happened to be.

        Parameters
        ----------
        images : sequence of LearningImage
            What the network learns from; of large ones the middle is enough. Without any all stays
            as it is.
        device : torch.device
        precision : torch.dtype, optional
            That of the training.

        Yields
        ------
        Progress
            After every image.
        """
        if not images:
            return
        layers = self._normalisations
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # PyTorch's spelling of a plain mean over all that comes
        self.train()
        clock = Clock(len(images))
        for done, one in enumerate(images if layers else (), start=1):
            with torch.no_grad(), computing_in(device, precision):
                self(torch.from_numpy(_middle(one.image)).to(device)[None, None])
            yield Progress("settling", done, len(images), clock.seconds_left(done))
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        self.eval()

    def keep_settled(self) -> None:
        """Let batch normalisation stay as it has settled while all else learns."""
        for layer in self._normalisations:
            layer.eval()

    @property
    def _normalisations(self) -> list[nn.BatchNorm2d]:
        return [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm2d)]


def _middle(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the part of an image, shape (Y, X), that batch normalisation settles on."""
    starts = (max(0, side - SETTLED_PX) // 2 for side in image.shape)
    return image[tuple(slice(start, start + SETTLED_PX) for start in starts)]
