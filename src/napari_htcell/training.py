"""The training loop of the paper (sections 2.2 and 3.3); start reading here."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_htcell import checkpoint
from napari_htcell.augment import Square
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.learner import Learner, LearnerKind
from napari_htcell.network import Network
from napari_htcell.progress import Clock, Progress
from napari_htcell.versions import Stage
from napari_htcell.words import count

WATCH_EVERY = 5
"""Steps between two looks at images left out; a look costs a third of a step."""


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
        truths = [one.truth for one in self.images]
        chosen = self.stage.augmentation(truths, self.config.square_px, rng)
        chosen = [chosen[index] for index in rng.permutation(len(chosen))]
        if self.stage.learn_from != "all":
            return chosen
        finished = [one for one in chosen if self.images[one.image].is_finished]
        others = [one for one in chosen if not self.images[one.image].is_finished]
        # Of thousands of partial images, all of them would hide the few that are finished.
        even = finished + others[: len(finished) or len(others)]
        return [even[index] for index in rng.permutation(len(even))]

    def batches(self, epoch: int) -> list[list[Square]]:
        """Return the epoch's squares in batches; the last one may be smaller."""
        squares, size = self.squares(epoch), self.stage.batch_size
        return [squares[start : start + size] for start in range(0, len(squares), size)]

    @cached_property
    def steps(self) -> int:
        """Number of steps; a step is a batch."""
        whole = max(self.stage.epochs * len(self.batches(0)), self.stage.min_steps)
        whole = min(whole, self.stage.most_steps or whole)
        return round(self.share * whole)

    @property
    def to_settle_on(self) -> Sequence[LearningImage]:
        """Images that batch normalisation settles on after the last step; none if it did before."""
        return () if self.stage.settles_first else self.images

    def load(self, batch: list[Square], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Return image, target and weight of a batch, each of shape (B, 1, Y, X)."""
        taken = [
            (square.take_image(one.image), square.take(one.target), square.take_known(one.known))
            for square in batch
            for one in (self.images[square.image],)
        ]
        image, target, weight = (
            torch.from_numpy(np.stack(arrays)).to(device)[:, None]
            for arrays in zip(*taken, strict=True)
        )
        return image, target, weight

    def learner(self, network: Network, kind: LearnerKind = Learner) -> Learner:
        """Return what takes the lesson's steps, without momentum from an earlier stage."""
        return kind(network, self.stage, self.steps)


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

    def keep(self, learner: Learner, state: checkpoint.State) -> None:
        """Keep a state in place of the one before.

        Raises
        ------
        FileNotFoundError
            If the folder that it is to be kept in is gone: none is made in its place.
        """
        folder = self.path.parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder}: the folder is gone; was it moved, or is a drive not connected? Once it "
                "is back, start the same training again: it goes on from what is kept there"
            )
        checkpoint.save(self.path, learner, state)


def take_step(
    learner: Learner, lesson: Lesson, number: int, batch: list[Square], precision: torch.dtype
) -> float:
    """Take one step and return its loss; one that is not finite changes nothing.

    Parameters
    ----------
    learner : Learner
        Of the lesson.
    lesson : Lesson
    number : int
        Of the step in the lesson, from 0.
    batch : list of Square
        Of the lesson's images.
    precision : torch.dtype
    """
    loss = _loss(learner, lesson, batch, precision)
    value = loss.item()
    if math.isfinite(value):
        learner.step(loss, number)
    return value


def _loss(learner: Learner, lesson: Lesson, batch: list[Square], precision: torch.dtype) -> Tensor:
    return learner.loss(*lesson.load(learner.part(batch), learner.device), precision)


def train_network(
    network: Network,
    lesson: Lesson,
    precision: torch.dtype,
    keeper: Keeper,
    watched: Lesson | None = None,
    kind: LearnerKind = Learner,
) -> Generator[Progress, None, None]:
    """Train a network, in place, through a lesson.

    Parameters
    ----------
    network : Network
        Where it is, it is trained.
    lesson : Lesson
    precision : torch.dtype
        torch.float32, or torch.bfloat16 for mixed precision.
    keeper : Keeper
        A state of the same job found there is gone on with; closing the generator saves one.
    watched : Lesson, optional
        Images that are not learnt from: every `WATCH_EVERY` steps the loss of one of its batches
        is reported.
    kind : callable, optional
        Makes the lesson's learner; see `team` for those of several devices.

    Yields
    ------
    Progress
        After every step, with its loss.
    """
    total = lesson.steps
    known = checkpoint.peek(keeper.path, keeper.job)
    done = 0 if known is None else known.step
    learner = lesson.learner(network, kind)
    if known is not None:
        checkpoint.load(keeper.path, learner)
    seen = [] if watched is None else watched.batches(0)

    def watch(step: int) -> float | None:
        if watched is None or not seen or step % WATCH_EVERY:
            return None
        with torch.no_grad():
            return _loss(learner, watched, seen[step // WATCH_EVERY % len(seen)], precision).item()

    clock, saved = Clock(total, done), time.monotonic()
    began = saved - (0 if known is None else known.seconds)
    what = f"learning from {count(len(lesson.images), 'image')}"
    for step, batch in plan(lesson, done):
        loss = take_step(learner, lesson, step, batch, precision)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is no longer a number after {done} steps; try another seed, or float32 "
                "as the precision"
            )
        done = step + 1
        if done == total:
            learner.finish()
        state = checkpoint.State(done, precision, keeper.job, time.monotonic() - began)
        # The last state too: should keeping the model fail, the training is not lost.
        if done == total or time.monotonic() - saved > keeper.seconds:
            keeper.keep(learner, state)
            saved = time.monotonic()
        try:
            yield Progress(what, done, total, clock.seconds_left(done), loss, watch(done))
        except GeneratorExit:
            keeper.keep(learner, state)
            raise


def plan(lesson: Lesson, done: int) -> Iterator[tuple[int, list[Square]]]:
    """Yield every step of a lesson after the first `done`: its number, and its batch."""
    batches, epoch = lesson.batches(0), 0
    # Epochs of random windows may differ by a few.
    first = 0
    for step in range(lesson.steps):
        if step == first + len(batches):
            first, epoch = step, epoch + 1
            batches = lesson.batches(epoch)
        if step >= done:
            yield step, batches[step - first]
