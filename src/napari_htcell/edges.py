"""A pixel more on each side of a feature map, which repeats the edge, and its gradient.

PyTorch's own is computed in float32 in mixed precision too, and its gradient slowly: with it, a
training step of version E on one thread takes 1.17 times as long (benchmarks/edges.py).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class _RepeatEdge(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, features: Tensor) -> Tensor:
        return _repeated(features)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        # What went to a pixel's copies comes back to it.
        found = gradient[..., 1:-1, 1:-1].clone(memory_format=_order(gradient))
        for end in (0, -1):
            found[..., end, :] += gradient[..., end, 1:-1]
            found[..., :, end] += gradient[..., 1:-1, end]
            for other in (0, -1):
                found[..., end, other] += gradient[..., end, other]
        return found


def _order(features: Tensor) -> torch.memory_format:
    is_last = features.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format


def _repeated(features: Tensor) -> Tensor:
    *outer, height, width = features.shape
    found = torch.empty(
        (*outer, height + 2, width + 2),
        dtype=features.dtype,
        device=features.device,
        memory_format=_order(features),
    )
    found[..., 1:-1, 1:-1] = features
    found[..., 0, 1:-1] = features[..., 0, :]
    found[..., -1, 1:-1] = features[..., -1, :]
    # Corners are in these.
    found[..., 0] = found[..., 1]
    found[..., -1] = found[..., -2]
    return found


def repeat_edge(features: Tensor) -> Tensor:
    """Return features, shape (B, C, Y, X), with a pixel more on each side: (B, C, Y + 2, X + 2)."""
    if not torch.is_grad_enabled():
        return _repeated(features)
    found: Tensor = _RepeatEdge.apply(features)  # type: ignore[no-untyped-call]
    return found


class RepeatingConv2d(nn.Conv2d):
    """A 3 x 3 convolution without a bias that sees the edge repeated beyond it."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same extent, shape (B, C, Y, X)."""
        return functional.conv2d(repeat_edge(features), self.weight, self.bias)
