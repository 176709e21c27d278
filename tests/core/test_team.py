"""Several processes that learn together: the result of one, and nobody waits for the dead."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import learn, losses, targets, team, versions
from napari_htcell.annotations import Annotation
from napari_htcell.cards import TrainingImage
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.images import standardise
from napari_htcell.optimisers import Optimiser, adamw
from napari_htcell.project import Project
from napari_htcell.targets import Truth
from napari_htcell.team import train_together
from napari_htcell.training import WATCH_EVERY, Keeper, Lesson, train_network
from napari_htcell.unet import UNet
from napari_htcell.versions import Stage, get_version

pytest.importorskip("lightning_fabric", reason="needs the extra [devices]")
pytestmark = pytest.mark.usefixtures("one_thread")

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
CPU = torch.device("cpu")
STAGE = Stage(
    "complete",
    epochs=4,
    min_steps=1,
    target=targets.gaussian_spots,
    loss=losses.spot_cross_entropy,
    optimiser=Optimiser(learning_rate=0.003, algorithm=adamw),
    batch_size=3,
    averaging=0.9,
)
TOLERANCE = 1e-4
"""Of losses; sums are taken in another order."""


@pytest.fixture
def lesson(spots: Callable[..., Any]) -> Lesson:
    """Return batches of three squares and of one, in which not all is known."""
    truth, rng = Truth(CELLS, None, (64, 64)), np.random.default_rng(0)
    known = np.ones((64, 64), bool)
    known[:20, :25] = False
    image = LearningImage(
        TrainingImage(name="a", sha256="", status="complete", points=5),
        standardise((spots(CELLS) + rng.normal(0, 5, (64, 64))).astype(np.float32)),
        truth,
        targets.gaussian_spots(truth, 2.0),
        known,
        known,
        6.44,
    )
    return Lesson(0, STAGE, [image], TrainConfig(square_px=32))


def beginner() -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet(2, 2)


def keeper(folder: Path) -> Keeper:
    folder.mkdir(exist_ok=True)
    return Keeper(folder / "state", "job", 3600)


def test_two_processes_learn_what_one_does(lesson: Lesson, tmp_path: Path) -> None:
    alone, both = beginner(), beginner()
    one = list(train_network(alone, lesson, torch.float32, keeper(tmp_path / "one"), lesson))
    two = list(
        train_together(both, lesson, torch.float32, keeper(tmp_path / "two"), lesson, devices=2)
    )
    assert [len(batch) for batch in lesson.batches(0)] == [3, 1]
    assert [report.done for report in two] == list(range(1, 9))
    np.testing.assert_allclose(
        [report.loss for report in two], [report.loss for report in one], rtol=TOLERANCE
    )
    watched, other = (reports[WATCH_EVERY - 1].held_out_loss for reports in (one, two))
    assert watched is not None
    assert other == pytest.approx(watched, rel=TOLERANCE)
    mine, its = alone.state_dict(), both.state_dict()
    assert mine.keys() == its.keys()
    for name, value in mine.items():
        torch.testing.assert_close(its[name], value, rtol=0.01, atol=0.001)


def test_one_goes_on_with_what_two_have_begun(lesson: Lesson, tmp_path: Path) -> None:
    whole = list(train_network(beginner(), lesson, torch.float32, keeper(tmp_path / "one")))
    kept = keeper(tmp_path / "two")
    steps = train_together(beginner(), lesson, torch.float32, kept, devices=2)
    first = [next(steps) for _ in range(3)]
    steps.close()
    assert not multiprocessing.active_children()
    rest = list(train_network(beginner(), lesson, torch.float32, kept))
    np.testing.assert_allclose(
        [report.loss for report in first + rest], [report.loss for report in whole], rtol=TOLERANCE
    )


def test_a_process_that_dies_ends_it_with_a_reason(lesson: Lesson, tmp_path: Path) -> None:
    steps = train_together(beginner(), lesson, torch.float32, keeper(tmp_path), devices=2)
    next(steps)
    multiprocessing.active_children()[-1].kill()
    with pytest.raises(ChildProcessError, match="fewer devices"):
        list(steps)
    assert not multiprocessing.active_children()


def test_what_goes_wrong_in_a_process_is_told(lesson: Lesson, tmp_path: Path) -> None:
    endless = replace(lesson, stage=replace(STAGE, optimiser=Optimiser(learning_rate=1e30)))
    with pytest.raises(ValueError, match="the loss is no longer a number"):
        list(train_together(beginner(), endless, torch.float32, keeper(tmp_path), devices=2))


def test_a_batch_of_one_cannot_be_divided() -> None:
    with pytest.raises(ValueError, match="a batch of 1 cannot be divided among 2 devices"):
        team.check(CPU, 2, get_version("B").stages)
    team.check(CPU, 8, get_version("E").stages)


def test_a_device_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ValueError, match="'mps' cannot be shared"):
        team.check(torch.device("mps"), 2, get_version("E").stages)


def test_a_project_is_learnt_from_on_two_devices(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = get_version("A")
    stage = replace(version.stages[0], batch_size=2, epochs=1, min_steps=4)
    monkeypatch.setitem(versions.VERSIONS, "A", replace(version, stages=(stage,)))
    project = make_project(some=Annotation.of(CELLS[:3]))
    tiny = {"base_width": 2, "depth": 2, "square_px": 32, "device": "cpu", "precision": "float32"}
    one, two = (learn.train("A", project, devices=number, **tiny) for number in (1, 2))
    assert (two.card.steps, two.card.training.devices) == (4, 2)
    for mine, its in zip(one.network.parameters(), two.network.parameters(), strict=True):
        torch.testing.assert_close(its, mine, rtol=0.01, atol=0.001)
