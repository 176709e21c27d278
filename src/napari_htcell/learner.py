"""A network while it learns: with its optimiser, and the running mean of its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_htcell import losses
from napari_htcell.augment import Square
from napari_htcell.device import computing_in
from napari_htcell.network import Network
from napari_htcell.versions import Stage

NETWORK, OPTIMISER, MEAN = "network.", "optimiser.", "mean."


class Learner:
    """Takes the steps of one stage.

    Parameters
    ----------
    network : Network
        Trained in place.
    stage : Stage
        Says by which optimiser, and whether weights are averaged.
    steps : int
        Number of steps that will be taken, over which the learning rate changes.
    """

    def __init__(self, network: Network, stage: Stage, steps: int) -> None:
        self.network = network.train()
        if stage.settles_first:
            network.keep_settled()
        self._stage, self._chosen, self._steps = stage, stage.optimiser, steps
        self._optimiser = stage.optimiser.of(network.parameters())
        self._mean = (
            AveragedModel(
                network,
                multi_avg_fn=get_ema_multi_avg_fn(stage.averaging),  # type: ignore[no-untyped-call]
            )
            if stage.averaging
            else None
        )

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.network.device

    def part(self, batch: list[Square]) -> list[Square]:
        """Return the squares of a batch that are computed here: all of them."""
        return batch

    def loss(self, image: Tensor, target: Tensor, weight: Tensor, precision: torch.dtype) -> Tensor:
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        image, target, weight : Tensor of float, shape (B, 1, Y, X)
            Of this learner's `part` of it.
        precision : torch.dtype
        """
        with computing_in(self.device, precision):
            logits = self.network.learn(image)
        return losses.mean(*self._stage.loss(logits.float(), target, weight))

    def step(self, loss: Tensor, number: int) -> None:
        """Follow a loss's gradient.

        Parameters
        ----------
        loss : Tensor of float, shape ()
            Finite.
        number : int
            Of the step, from 0.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = self._chosen.rate(number / self._steps)
        self._optimiser.zero_grad()
        self._backward(loss)
        self._optimiser.step()
        if self._mean is not None:
            self._mean.update_parameters(self.network)

    def _backward(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]

    def finish(self) -> None:
        """Give the network the mean of its weights, where the stage averages them."""
        if self._mean is None:
            return
        pairs = zip(self.network.parameters(), self._mean.module.parameters(), strict=True)
        with torch.no_grad():
            for mine, mean in pairs:
                mine.copy_(mean)

    def tensors(self) -> dict[str, Tensor]:
        """Return all that `load` needs to go on from here, by name."""
        found = {NETWORK + name: value for name, value in self.network.state_dict().items()}
        for index, parameter in enumerate(self.network.parameters()):
            for name, value in self._optimiser.state.get(parameter, {}).items():
                found[f"{OPTIMISER}{index}.{name}"] = value
        if self._mean is not None:
            found |= {MEAN + name: value for name, value in self._mean.state_dict().items()}
        return found

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on where another learner of the same stage was."""
        self.network.load_state_dict(_part(tensors, NETWORK))
        if self._mean is not None:
            self._mean.load_state_dict(_part(tensors, MEAN))
        for index, parameter in enumerate(self.network.parameters()):
            for name, value in _part(tensors, f"{OPTIMISER}{index}.").items():
                # Adam counts its steps outside the device.
                place = value.device if name == "step" else parameter.device
                self._optimiser.state[parameter][name] = value.to(place)


LearnerKind: TypeAlias = Callable[[Network, Stage, int], Learner]
"""(network, stage, steps) to what takes a stage's steps."""


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
