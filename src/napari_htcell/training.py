"""The training loop of the paper (sections 2.2 and 3.3); start reading here."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_htcell import checkpoint
from napari_htcell.augment import Square
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.device import computing_in
from napari_htcell.progress import Clock, Progress
from napari_htcell.unet import UNet
from napari_htcell.versions import Stage
from napari_htcell.words import count


class TrainingError(ValueError):
    """A training cannot go on; the text says why, and what to do."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A stage with the images that it learns from.

    Parameters
    ----------
    number : int
        Place in the recipe.
    stage : Stage
    images : sequence of LearningImage
    config : TrainConfig
    share : float, optional
        Part of the stage's steps that is done.
    """

    number: int
    stage: Stage
    images: Sequence[LearningImage]
    config: TrainConfig
    share: float = 1.0

    def squares(self, epoch: int) -> list[Square]:
        """Return the epoch's squares in the order in which they are shown.

        Drawn from seed, stage and epoch alone, so that a resumed run sees what the uninterrupted
        one would have seen.
        """
        rng = np.random.default_rng([self.config.seed, self.number, epoch])
        shapes = [one.truth.shape for one in self.images]
        chosen = self.stage.augmentation(shapes, self.config.square_px, rng)
        return [chosen[index] for index in rng.permutation(len(chosen))]

    @property
    def steps(self) -> int:
        """Number of steps; the batch size is 1 (section 2.2), so a step is a square."""
        whole = max(self.stage.epochs * len(self.squares(0)), self.stage.min_steps)
        return max(1, round(self.share * whole))

    def batch(self, square: Square, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Return image, target and weight of a square, each of shape (1, 1, Y, X)."""
        source = self.images[square.image]
        image, target, weight = (
            torch.from_numpy(square.take(array)).to(device)[None, None]
            for array in (source.image, source.target, source.known.astype(np.float32))
        )
        return image, target, weight

    def optimiser(self, network: UNet) -> torch.optim.SGD:
        """Return the stage's optimiser, without momentum from an earlier stage."""
        chosen = self.stage.optimiser
        return torch.optim.SGD(
            network.parameters(),
            lr=chosen.learning_rate,
            momentum=chosen.momentum,
            weight_decay=chosen.weight_decay,
        )


@dataclass(frozen=True)
class Keeper:
    """Where a training's state is kept, and how often.

    Parameters
    ----------
    path : Path
    job : str
        Fingerprint of everything that the result depends on.
    seconds : float
        Time between two checkpoints.
    """

    path: Path
    job: str
    seconds: float


def train_network(
    network: UNet,
    lessons: Sequence[Lesson],
    device: torch.device,
    precision: torch.dtype,
    keeper: Keeper,
) -> Generator[Progress, None, None]:
    """Train a network, in place, through all lessons.

    Parameters
    ----------
    network : UNet
        On `device`.
    lessons : sequence of Lesson
    device : torch.device
    precision : torch.dtype
        torch.float32, or torch.bfloat16 for mixed precision.
    keeper : Keeper
        A state of the same job found there is gone on with; closing the generator saves one.

    Yields
    ------
    Progress
        After every step, with its loss.
    """
    total = sum(lesson.steps for lesson in lessons)
    known = checkpoint.peek(keeper.path, keeper.job)
    done = 0 if known is None else known.step
    optimiser = _lesson_at(lessons, done).optimiser(network)
    if known is not None:
        checkpoint.load(keeper.path, network, optimiser)
    clock, saved = Clock(total, done), time.monotonic()
    began = saved - (0 if known is None else known.seconds)
    network.train()
    for lesson, step, square in _plan(lessons, done):
        if step == 0:
            optimiser = lesson.optimiser(network)
        what = f"learning from {count(len(lesson.images), 'image')}"
        image, target, weight = lesson.batch(square, device)
        with computing_in(device, precision):
            logits = network(image)
        loss = lesson.stage.loss(logits.float(), target, weight)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is no longer a number after {done} steps; try another seed, or float32 "
                "as the precision"
            )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        done += 1
        state = checkpoint.State(done, precision, keeper.job, time.monotonic() - began)
        # The last state too: should keeping the model fail, the training is not lost.
        if done == total or time.monotonic() - saved > keeper.seconds:
            checkpoint.save(keeper.path, network, optimiser, state)
            saved = time.monotonic()
        try:
            yield Progress(what, done, total, clock.seconds_left(done), loss.item())
        except GeneratorExit:
            checkpoint.save(keeper.path, network, optimiser, state)
            raise


def settle(
    network: UNet, images: Sequence[LearningImage], device: torch.device
) -> Generator[Progress, None, None]:
    """Give batch normalisation the mean statistics of all images, in place.

    The running averages of training are, at a batch size of 1, those of the last ten squares, and
    a model's figures would hang on which these happened to be.

    Yields
    ------
    Progress
        After every image.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # PyTorch's spelling of a plain mean over all that comes
    network.train()
    clock = Clock(len(images))
    for done, one in enumerate(images, start=1):
        with torch.no_grad():
            network(torch.from_numpy(one.image).to(device)[None, None])
        yield Progress("settling", done, len(images), clock.seconds_left(done))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    network.eval()


def _lesson_at(lessons: Sequence[Lesson], done: int) -> Lesson:
    """Return the lesson of the step after `done`, or the last one."""
    for lesson in lessons:
        if done < lesson.steps:
            return lesson
        done -= lesson.steps
    return lessons[-1]


def _plan(lessons: Sequence[Lesson], done: int) -> Iterator[tuple[Lesson, int, Square]]:
    """Yield every step after the first `done`: its lesson, its number there, and its square."""
    for lesson in lessons:
        per_epoch = len(lesson.squares(0))
        squares: list[Square] = []
        for step in range(min(done, lesson.steps), lesson.steps):
            epoch, place = divmod(step, per_epoch)
            if place == 0 or not squares:
                squares = lesson.squares(epoch)
            yield lesson, step, squares[place]
        done = max(0, done - lesson.steps)
