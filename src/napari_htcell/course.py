"""Several trainings that are one job: one clock over all, and a checkpoint for each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch

from napari_htcell import checkpoint, head
from napari_htcell.cards import software
from napari_htcell.models import Model
from napari_htcell.network import Network
from napari_htcell.progress import Clock, Progress
from napari_htcell.team import train_together
from napari_htcell.training import Keeper, Lesson, train_network
from napari_htcell.versions import Version


class Course:
    """The parts of a job in the order in which they are trained.

    Parameters
    ----------
    job : str
        Fingerprint of everything that the result depends on.
    folder : Path
        Where checkpoints are; those of this job are gone on with.
    parts : mapping of str to Lesson
        What each part learns, by its name.
    checkpoint_seconds : float
        Time between two checkpoints.
    devices : int, optional
        How many learn together.
    """

    def __init__(
        self,
        job: str,
        folder: Path,
        parts: Mapping[str, Lesson],
        checkpoint_seconds: float,
        devices: int = 1,
    ) -> None:
        self._parts = parts
        self._train = train_network if devices == 1 else partial(train_together, devices=devices)
        self._keepers = {
            name: Keeper(checkpoint.path_of(folder, job, name), job, checkpoint_seconds)
            for name in parts
        }
        states = [state for name in parts if (state := self._state(name)) is not None]
        self.precision: torch.dtype | None = states[0].precision if states else None
        """Number format that the job was begun in; None if it was not."""
        self._steps = {name: lesson.steps for name, lesson in parts.items()}
        self._total = sum(self._steps.values())
        self._clock = Clock(self._total, sum(state.step for state in states))

    @property
    def seconds(self) -> float:
        """Time spent in training so far, over all parts and runs."""
        states = map(self._state, self._parts)
        return sum(state.seconds for state in states if state is not None)

    def train(
        self,
        name: str,
        network: Network,
        precision: torch.dtype,
        *,
        check: str | None = None,
        watched: Lesson | None = None,
    ) -> Generator[Progress, None, None]:
        """Train a network, in place, through a part; those before it must be finished.

        Parameters
        ----------
        name : str
        network : Network
            Where it is, it is trained.
        precision : torch.dtype
        check : str, optional
            What to call a part whose network is not kept; its loss is not reported.
        watched : Lesson, optional
            Images whose loss is reported though they are not learnt from.

        Yields
        ------
        Progress
            After every step, counted over the whole job.
        """
        if not self._steps[name]:
            return
        before = 0
        for earlier in self._parts:
            if earlier == name:
                break
            before += self._steps[earlier]
        lesson = self._parts[name]
        if self._state(name) is None:
            if lesson.stage.settles_first:
                yield from network.settle(lesson.images, network.device, precision)
            if lesson.stage.head_first:
                head.fit(network, lesson)
        steps = self._train(network, lesson, precision, self._keepers[name], watched)
        with closing(steps):
            for report in steps:
                done = before + report.done
                whole = replace(
                    report,
                    done=done,
                    total=self._total,
                    seconds_left=self._clock.seconds_left(done),
                )
                yield whole if check is None else replace(whole, what=check, loss=None)

    def _state(self, name: str) -> checkpoint.State | None:
        keeper = self._keepers[name]
        return checkpoint.peek(keeper.path, keeper.job)


def fingerprint(start: Model, version: Version, lessons: Sequence[Lesson]) -> str:
    """Return a hash of all that the result depends on: recipe, settings, weights and images."""
    recipe = json.dumps(asdict(version), default=lambda part: part.__qualname__)
    settings = start.card.training.model_dump_json(
        exclude={"checkpoint_seconds", "device", "devices"}
    )
    versions = json.dumps(software())
    digest = hashlib.sha256((recipe + settings + versions).encode())
    for value in start.network.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    for lesson in lessons:
        digest.update(f"{lesson.steps} steps".encode())
        for one in lesson.images:
            digest.update(one.digest().encode())
    return digest.hexdigest()
