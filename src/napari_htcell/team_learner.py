"""One of several learners that take the same steps, each on a device of its own; see `team`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from napari_htcell.augment import Square
from napari_htcell.learner import Learner
from napari_htcell.network import Network
from napari_htcell.versions import Stage


class TeamLearner(Learner):
    """One of several learners that take the same steps.

    Parameters
    ----------
    network, stage, steps
        As of `Learner`; each has its own copy of the network.
    fabric : lightning_fabric.Fabric
        Of this process.
    """

    def __init__(self, network: Network, stage: Stage, steps: int, fabric: Any) -> None:
        super().__init__(network, stage, steps)
        self._fabric = fabric
        self._shared = fabric.setup_module(network, move_to_device=False)
        self._shared.mark_forward_method("learn")

    def part(self, batch: list[Square]) -> list[Square]:
        """Return every so many-th square; of a last batch that is too small for all, all."""
        if len(batch) < self._fabric.world_size:
            return batch
        return batch[self._fabric.global_rank :: self._fabric.world_size]

    def loss(self, image: Tensor, target: Tensor, weight: Tensor, precision: torch.dtype) -> Tensor:
        """Return the whole batch's loss, whose gradient here is that of the part."""
        each, counts = self._stage.loss(self._shared.learn(image).float(), target, weight)
        part = (each * counts).sum() / summed(counts.sum()).clamp(min=1)
        return part + (summed(part) - part).detach()

    def _backward(self, loss: Tensor) -> None:
        # DDP takes the mean of what is a sum here.
        self._fabric.backward(loss * self._fabric.world_size)


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the mean and variance over all processes.

    PyTorch's own SyncBatchNorm does so on CUDA alone.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Return the image, shape (B, C, Y, X), normalised by channel."""
        if not self.training:
            return super().forward(image)
        exact, axes = image.float(), (0, 2, 3)
        number = torch.full_like(exact[0, :1, 0, 0], exact.numel() / exact.shape[1])
        totals = summed(torch.cat([exact.sum(axes), number]))
        number = totals[-1].detach()
        centred = exact - (mean := totals[:-1] / number)[:, None, None]
        variance = summed(centred.square().sum(axes)) / number
        self._remember(mean.detach(), variance.detach() * number / (number - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(image.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def with_shared_statistics(network: Network) -> Network:
    """Make a network's batch normalisations shared ones, in place; its weights stay as they are."""
    for layer in network.modules():
        if type(layer) is nn.BatchNorm2d:
            # Not another layer in its place: this way weights, averages and names are the same.
            layer.__class__ = SharedBatchNorm
    return network


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes; every one's gradient reaches every one."""
    result: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return result


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        return _reduced(value)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        return _reduced(gradient)


def _reduced(value: Tensor) -> Tensor:
    total = value.contiguous().clone()
    torch.distributed.all_reduce(total)
    return total
