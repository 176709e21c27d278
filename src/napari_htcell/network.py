"""What a network is to the rest of the package; `networks` lists those that there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from napari_htcell.dataset import LearningImage
from napari_htcell.progress import Clock, Progress


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

    def rescale(self, slope: float, offset: float) -> None:
        """Make each logit its multiple by the slope plus the offset, for good.

        Raises
        ------
        NotImplementedError
            If the network has no last layer that could do it.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot scale its scores")

    def settle(
        self, images: Sequence[LearningImage], device: torch.device
    ) -> Generator[Progress, None, None]:
        """Finish after the last step: give batch normalisation the mean statistics of all images.

        The running averages of training are, at a batch size of 1, those of the last ten squares,
        and a model's figures would hang on which these happened to be.

        Yields
        ------
        Progress
            After every image.
        """
        layers = [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # PyTorch's spelling of a plain mean over all that comes
        self.train()
        clock = Clock(len(images))
        for done, one in enumerate(images if layers else (), start=1):
            with torch.no_grad():
                self(torch.from_numpy(one.image).to(device)[None, None])
            yield Progress("settling", done, len(images), clock.seconds_left(done))
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        self.eval()
