"""The loop: what is shown in which order, what counts, and that it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import augment, losses, targets
from napari_htcell.cards import TrainingImage
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.images import standardise
from napari_htcell.optimisers import Optimiser
from napari_htcell.targets import Truth
from napari_htcell.training import WATCH_EVERY, Keeper, Lesson, train_network
from napari_htcell.unet import UNet
from napari_htcell.versions import Stage

CPU = torch.device("cpu")
CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
pytestmark = pytest.mark.usefixtures("one_thread")


def stage(epochs: int = 2, min_steps: int = 1, **changes: Any) -> Stage:
    return Stage(
        "complete", epochs, min_steps, targets.gaussian_spots, losses.mean_squared_error, **changes
    )


@pytest.fixture
def image(spots: Callable[..., Any]) -> LearningImage:
    truth = Truth(CELLS, None, (64, 64))
    noise = np.random.default_rng(0).normal(0, 5, (64, 64))
    return LearningImage(
        TrainingImage(name="a", sha256="", status="complete", points=5),
        standardise((spots(CELLS) + noise).astype(np.float32)),
        truth,
        targets.gaussian_spots(truth, 2.0),
        np.ones((64, 64), bool),
        np.ones((64, 64), bool),
        6.44,
    )


def lesson(*images: LearningImage, number: int = 0, seed: int = 0, **changes: Any) -> Lesson:
    return Lesson(number, stage(**changes), images, TrainConfig(square_px=32, seed=seed))


def trained(tmp_path: Path, *lessons: Lesson, width: int = 2) -> tuple[UNet, list[float]]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(width, 2)
    tmp_path.mkdir(exist_ok=True)
    loss = []
    for one in lessons:
        keeper = Keeper(tmp_path / f"state{one.number}", "job", 3600)
        steps = train_network(network, one, torch.float32, keeper)
        loss += [report.loss or 0 for report in steps]
    return network, loss


@pytest.mark.parametrize(
    ("finished", "others", "expected"),
    [(1, 3, (4, 4)), (3, 1, (12, 4)), (2, 0, (8, 0)), (0, 2, (0, 8))],
)
def test_of_all_images_at_least_half_of_the_squares_are_finished(
    image: LearningImage, finished: int, others: int, expected: tuple[int, int]
) -> None:
    partial = replace(image, complete=np.zeros((64, 64), bool))
    every = lesson(*[image] * finished, *[partial] * others)
    every = replace(every, stage=replace(every.stage, learn_from="all"))
    shown = [every.images[square.image].is_finished for square in every.squares(0)]
    assert (shown.count(True), shown.count(False)) == expected
    seen = {square.image for epoch in range(20) for square in every.squares(epoch)}
    assert seen == set(range(finished + others))


def test_an_epoch_shows_every_square_once(image: LearningImage) -> None:
    two = lesson(image, image)
    shown = [(s.image, s.rows.start, s.columns.start) for s in two.squares(0)]
    assert sorted(shown) == [(i, y, x) for i in (0, 1) for y in (0, 32) for x in (0, 32)]
    assert two.squares(0) == two.squares(0)
    assert two.squares(0) != two.squares(1)
    assert two.squares(0) != lesson(image, image, seed=1).squares(0)
    assert two.squares(0) != lesson(image, image, number=1).squares(0)


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"epochs": 3}, 3 * 4),
        ({"epochs": 1, "min_steps": 30}, 30),
        ({"epochs": 1, "augmentation": augment.paper}, 4 + 9),
    ],
)
def test_number_of_steps(image: LearningImage, changes: dict[str, Any], steps: int) -> None:
    assert lesson(image, **changes).steps == steps


def test_every_step_reports(image: LearningImage, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "state", "job", 3600)
    steps = train_network(UNet(2, 1), lesson(image, epochs=3), torch.float32, keeper)
    reports = list(steps)
    assert [(r.what, r.done, r.total) for r in reports] == [
        ("learning from 1 image", n, 12) for n in range(1, 13)
    ]
    assert reports[-1].seconds_left == 0
    assert all(r.loss is not None and np.isfinite(r.loss) for r in reports)


def test_images_left_out_are_watched_and_change_nothing(
    image: LearningImage, tmp_path: Path
) -> None:
    keeper = Keeper(tmp_path / "state", "job", 3600)
    networks, found = [], []
    for watched in (None, lesson(image)):
        torch.manual_seed(0)
        network = UNet(2, 1)
        steps = train_network(network, lesson(image, epochs=4), torch.float32, keeper, watched)
        found.append([report.held_out_loss for report in steps])
        networks.append(network)
        keeper.path.unlink()
    assert found[0] == [None] * 16
    seen = [step for step, loss in enumerate(found[1], start=1) if loss is not None]
    assert seen == list(range(WATCH_EVERY, 17, WATCH_EVERY))
    assert all(loss is None or loss > 0 for loss in found[1])
    weights = [dict(network.named_parameters()) for network in networks]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_batch_is_one_square(image: LearningImage) -> None:
    one = lesson(image)
    square = one.squares(0)[0]
    for tensor, source in zip(
        one.load([square], CPU), (image.image, image.target, image.known), strict=True
    ):
        assert tensor.shape == (1, 1, 32, 32)
        assert tensor.dtype == torch.float32
        np.testing.assert_array_equal(tensor[0, 0], source[square.rows, square.columns])


def test_the_loss_goes_down_and_the_cells_come_out(image: LearningImage, tmp_path: Path) -> None:
    network, loss = trained(tmp_path, lesson(image, epochs=30), width=4)
    assert np.mean(loss[-8:]) < 0.3 * np.mean(loss[:8])
    network.eval()
    with torch.inference_mode():
        heat = network(torch.from_numpy(image.image)[None, None]).sigmoid()[0, 0].numpy()
    assert np.corrcoef(heat.ravel(), image.target.ravel())[0, 1] > 0.9


def same(one: UNet, other: UNet) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_a_stage_starts_with_its_own_optimiser(image: LearningImage, tmp_path: Path) -> None:
    """Neither the rate nor the momentum of the stage before goes on."""
    still = lesson(image, number=1, optimiser=Optimiser(learning_rate=0))
    before, _ = trained(tmp_path / "one", lesson(image))
    after, _ = trained(tmp_path / "two", lesson(image), still)
    for one, other in zip(before.parameters(), after.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_not_known_has_no_influence(image: LearningImage, tmp_path: Path) -> None:
    def learnt(name: str, wrong_at: tuple[int, int] | None) -> UNet:
        known = np.ones((64, 64), bool)
        known[32:] = False
        target = image.target.copy()
        if wrong_at:
            target[wrong_at] = 1 - target[wrong_at]
        one = replace(image, target=target, known=known)
        return trained(tmp_path / name, lesson(one))[0]

    assert same(learnt("right", None), learnt("wrong where unknown", (40, 30)))
    assert not same(learnt("again", None), learnt("wrong where known", (12, 15)))


def test_a_square_of_which_nothing_is_known_is_survived(
    image: LearningImage, tmp_path: Path
) -> None:
    known = np.zeros((64, 64), bool)
    blank = replace(image, known=known)
    network, loss = trained(tmp_path, lesson(blank))
    assert loss == [0] * 8
    assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_checkpoints_come_in_time(image: LearningImage, tmp_path: Path) -> None:
    path = tmp_path / "state"
    for seconds, kept in ((3600, False), (0, True)):
        path.unlink(missing_ok=True)
        steps = train_network(
            UNet(2, 1), lesson(image), torch.float32, Keeper(path, "job", seconds)
        )
        next(steps)
        next(steps)
        assert path.exists() is kept
        steps.close()
        assert path.exists()


def test_an_image_smaller_than_a_square_can_be_learnt_from(
    image: LearningImage, tmp_path: Path
) -> None:
    part = np.s_[:10, :13]
    small = replace(
        image,
        image=image.image[part],
        truth=Truth(CELLS[:1], None, (10, 13)),
        target=image.target[part],
        known=image.known[part],
        complete=image.complete[part],
    )
    _, loss = trained(tmp_path, lesson(small))
    assert np.isfinite(loss).all()
