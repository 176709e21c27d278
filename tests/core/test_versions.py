"""The recipes are the paper's, number for number (sections 2.2 and 3.3)."""

from __future__ import annotations

import pytest

from napari_htcell import augment, losses, targets
from napari_htcell.versions import VERSIONS, Stage, fine_tuning_of, get_version

SPOTS, MASKS = targets.gaussian_spots, targets.cell_masks
L2, BCE = losses.mean_squared_error, losses.binary_cross_entropy


def numbers(stage: Stage) -> tuple[object, ...]:
    return stage.learn_from, stage.epochs, stage.target, stage.loss, stage.augmentation


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("A", [("partial", 10, SPOTS, L2, augment.none)]),
        ("A+DA", [("partial", 10, SPOTS, L2, augment.paper)]),
        (
            "B",
            [("partial", 10, SPOTS, L2, augment.none), ("complete", 50, SPOTS, L2, augment.none)],
        ),
        (
            "B+DA",
            [("partial", 10, SPOTS, L2, augment.paper), ("complete", 50, SPOTS, L2, augment.none)],
        ),
        ("C", [("complete", 50, MASKS, BCE, augment.none)]),
        ("D", [("complete", 50, SPOTS, L2, augment.none)]),
    ],
)
def test_the_papers_recipes(name: str, stages: list[tuple[object, ...]]) -> None:
    version = get_version(name)
    assert version.name == name
    assert [numbers(stage) for stage in version.stages] == stages
    for stage in version.stages:
        chosen = stage.optimiser
        assert (chosen.learning_rate, chosen.momentum, chosen.weight_decay) == (0.1, 0.9, 0.0005)
        assert stage.batch_size == 1


def test_the_papers_sliding_window() -> None:
    version = get_version("CNN-SW")
    (stage,) = version.stages
    assert numbers(stage) == ("partial", 30, SPOTS, losses.centre_cross_entropy, augment.windows)
    chosen = stage.optimiser
    assert (chosen.learning_rate, chosen.momentum, stage.batch_size) == (0.001, 0.9, 4)
    assert version.settings == {"pixel_size_um": 1.61, "square_px": 100}


def test_ours_learns_from_partial_then_from_all_images() -> None:
    version = get_version("E")
    assert [stage.learn_from for stage in version.stages] == ["partial", "all"]
    assert version.fine_tuning.learn_from == "complete"
    assert all(stage.averaging and stage.batch_size > 1 for stage in version.stages)


def test_at_the_papers_scale_the_least_number_of_steps_does_not_matter() -> None:
    squares = 2
    assert get_version("A").stages[0].min_steps < 10 * 2241 * squares
    assert get_version("D").stages[0].min_steps < 50 * 12 * squares


@pytest.mark.parametrize(
    ("trained_by", "version"),
    [("B", "B"), ("E", "E"), ("D", "D"), ("A", "B"), ("C", "B"), ("somebody's", "B")],
)
def test_a_model_is_fine_tuned_by_its_own_version_if_that_can(
    trained_by: str, version: str
) -> None:
    assert fine_tuning_of(trained_by).name == version


def test_fine_tuning_is_the_last_stage_unless_there_is_one_for_it() -> None:
    assert get_version("B").fine_tuning is get_version("B").stages[1]
    quick = get_version("E").fine_tuning
    assert quick is get_version("E").tuning
    assert quick.most_steps is not None


def test_unknown_version() -> None:
    with pytest.raises(
        ValueError, match=r"no version 'Z'; choose one of A, A\+DA, B, B\+DA, C, D, E, CNN-SW"
    ):
        get_version("Z")


def test_each_says_what_it_is() -> None:
    assert len({version.summary for version in VERSIONS.values()}) == len(VERSIONS)
    assert all(version.summary for version in VERSIONS.values())
