"""Every cell judges a network that has not learnt from it, and is learnt from once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_htcell.cards import TrainingImage
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.folds import turns_of, two_folds
from napari_htcell.targets import Truth
from napari_htcell.training import Lesson
from napari_htcell.versions import QUICK_ALL

RNG = np.random.default_rng(0)

NOWHERE = np.zeros((40, 60), bool)


def image(name: str, points: Any, shape: tuple[int, int] = (40, 60)) -> LearningImage:
    points = np.asarray(points, float).reshape(-1, 2)
    return LearningImage(
        TrainingImage(name=name, sha256=name, status="complete", points=len(points)),
        np.zeros(shape, np.float32),
        Truth(points, None, shape),
        np.zeros(shape, np.float32),
        np.ones(shape, bool),
        np.ones(shape, bool),
        6.44,
    )


def cells(count: int) -> Any:
    return RNG.uniform(0, 39, (count, 2))


@pytest.mark.parametrize("counts", [(5, 5), (90, 30, 60), (100, 1, 1, 98, 50, 49), (3, 0, 4)])
def test_images_are_left_out_once_and_halves_are_alike(counts: tuple[int, ...]) -> None:
    images = [image(str(index), cells(count)) for index, count in enumerate(counts)]
    folds = two_folds(images)
    names = [[one.card.name for one in fold.left_out] for fold in folds]
    assert sorted(names[0] + names[1]) == sorted(one.card.name for one in images)
    for fold in folds:
        learnt = {one.card.name for one in fold.learnt}
        left_out = {one.card.name for one in fold.left_out}
        assert not learnt & left_out
        assert len(learnt | left_out) == len(images)
    halves = [sum(one.n_known for one in fold.left_out) for fold in folds]
    assert abs(halves[0] - halves[1]) <= max(counts)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40)])
def test_a_single_image_is_cut_between_its_cells(shape: tuple[int, int]) -> None:
    points = RNG.uniform(0, 39, (21, 2))
    first, second = two_folds([image("one", points, shape)])
    (left,), (right,) = first.learnt, first.left_out
    assert (second.learnt[0] is right, second.left_out[0] is left) == (True, True)
    assert not (left.known & right.known).any()
    assert (left.known | right.known).all()
    assert sorted([left.n_known, right.n_known]) == [10, 11]


def test_frames_of_one_file_do_not_judge_each_other() -> None:
    def frame(file: str, number: int) -> LearningImage:
        one = image(file, cells(20))
        return replace(one, card=one.card.model_copy(update={"frame": number}))

    two_files = [frame(name, number) for name in "ab" for number in range(3)]
    for fold in two_folds(two_files):
        assert not {one.card.name for one in fold.learnt} & {one.card.name for one in fold.left_out}
    one_file = two_files[:3]
    for fold in two_folds(one_file):
        for known, hidden in zip(fold.learnt, fold.left_out, strict=True):
            assert not (known.known & fold.left_out[0].known).any()
            assert (known.known | hidden.known).all()


def test_beside_images_without_cells_the_one_that_has_them_is_cut() -> None:
    empty = [image(name, []) for name in "ab"]
    first, second = two_folds([empty[0], image("one", cells(20)), empty[1]])
    assert {one.card.name for one in first.left_out} == {"one", "b"}
    assert {one.card.name for one in second.left_out} == {"one", "a"}
    assert [sum(one.n_known for one in fold.left_out) for fold in (first, second)] == [10, 10]


@pytest.mark.parametrize("images", [[image("a", [])], [image("a", [[5, 5]])],
                                    [image("a", []), image("b", [[5, 5]])]])  # fmt: skip
def test_nothing_is_left_out_where_a_half_would_have_no_cell(images: list[LearningImage]) -> None:
    assert two_folds(images) == ()


def test_what_is_not_finished_is_learnt_from_in_every_turn_and_never_judges() -> None:
    finished = [image(name, cells(5)) for name in "ab"]
    partial = replace(image("partial", cells(5)), complete=NOWHERE)
    last = Lesson(1, QUICK_ALL, [partial, *finished], TrainConfig())
    turns = list(turns_of(last, lambda _: True, 0.5).values())
    assert [[one.card.name for one in lesson.images] for lesson, _ in turns] == [
        ["a", "partial"], ["b", "partial"]
    ]  # fmt: skip
    assert [[one.card.name for one in left_out] for _, left_out in turns] == [["b"], ["a"]]
    assert [lesson.steps for lesson, _ in turns] == [last.steps / 2] * 2


def test_a_half_that_nobody_may_judge_takes_no_turn() -> None:
    finished = [image(name, cells(5)) for name in "abc"]
    last = Lesson(1, QUICK_ALL, finished, TrainConfig())
    (turn,) = turns_of(last, lambda one: one.card.name == "b", 0.5).values()
    assert "b" not in {one.card.name for one in turn[0].images}
    assert "b" in {one.card.name for one in turn[1]}
    assert turns_of(last, lambda _: False, 0.5) == {}


def test_without_anything_finished_there_are_no_turns() -> None:
    partial = replace(image("partial", cells(5)), complete=NOWHERE)
    assert turns_of(Lesson(1, QUICK_ALL, [partial] * 2, TrainConfig()), lambda _: True, 0.5) == {}
