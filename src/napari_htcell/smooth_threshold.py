"""The paper's unlearnt baseline: smoothing, then a threshold, as cell counting software does it.

The paper took Imaris, whose "batch parameters were empirically optimised from segmenting one image
as well as possible" (section 3.3). Here the same is done by search: of a few widths and thresholds
those with the best F on one complete image.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_htcell.config import EvaluateConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.evaluate import evaluate
from napari_htcell.network import Network
from napari_htcell.peaks import contour_centroids
from napari_htcell.progress import Clock, Progress

SIGMAS_PX = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Widths of the smoothing that are tried, in the network's pixels."""

LEVELS = tuple(round(0.1 * step, 1) for step in range(2, 31))
"""Thresholds that are tried, in standard deviations of the standardised image."""

STEEPNESS = 4.0
"""Logit per standard deviation above the threshold; a score, it moves no contour at 0.5."""


class SmoothThreshold(Network):
    """A Gaussian blur and a threshold; what is brighter is a cell."""

    sigma_px: Tensor
    level: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("sigma_px", torch.tensor(SIGMAS_PX[0]))
        self.register_buffer("level", torch.tensor(LEVELS[0]))

    @property
    def multiple(self) -> int:
        """Any tile is computed as the whole image is."""
        return 1

    @property
    def context_px(self) -> int:
        """The blur's reach."""
        return _reach(max(SIGMAS_PX))

    def forward(self, image: Tensor) -> Tensor:
        """Return how far each pixel of the blurred image is above the threshold."""
        return STEEPNESS * (self._blur(image) - self.level)

    def settle(
        self,
        images: Sequence[LearningImage],
        device: torch.device,
        precision: torch.dtype = torch.float32,
    ) -> Generator[Progress, None, None]:
        """Take the width and threshold with the best F on the first of the images.

        Parameters
        ----------
        images : sequence of LearningImage
        device : torch.device
        precision : torch.dtype, optional
            Not asked: a blur takes no time.

        Yields
        ------
        Progress
            After every width.
        """
        self.eval()
        one, clock = images[0], Clock(len(SIGMAS_PX))
        cutoff_px = EvaluateConfig().cutoff_um / one.pixel_size_um
        best = -math.inf, 0.0, 0.0
        for done, sigma in enumerate(SIGMAS_PX, start=1):
            self.sigma_px.fill_(sigma)
            with torch.no_grad():
                blurred = self._blur(torch.from_numpy(one.image).to(device)[None, None])
            smooth = blurred[0, 0].cpu().numpy()
            for level in LEVELS:
                points = contour_centroids((smooth > level).astype(np.float32), 0.5, 0).points
                found = points[one.is_complete_at(points)]
                result = evaluate(found, one.complete_points, cutoff_px=cutoff_px).f_score
                best = max(best, (result, sigma, level))
            yield Progress("tuning", done, clock.total, clock.seconds_left(done))
        self.sigma_px.fill_(best[1])
        self.level.fill_(best[2])

    def _blur(self, image: Tensor) -> Tensor:
        sigma = float(self.sigma_px)
        reach = _reach(sigma)
        places = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
        kernel = torch.exp(-(places**2) / (2 * sigma**2))
        kernel = kernel / kernel.sum()
        padded = functional.pad(image, (reach,) * 4, mode="replicate")
        rows = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
        return functional.conv2d(rows, kernel.view(1, 1, 1, -1))


def _reach(sigma: float) -> int:
    """Return how far a blur sees, in pixels."""
    return math.ceil(4 * sigma)
