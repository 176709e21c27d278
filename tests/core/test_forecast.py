"""How long fine-tuning would take, before it is begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import versions
from napari_htcell.annotations import Annotation
from napari_htcell.dataset import NothingToLearnError
from napari_htcell.forecast import TRIALS, forecast_steps
from napari_htcell.learn import fine_tune_steps
from napari_htcell.models import Model, load_model
from napari_htcell.progress import run
from napari_htcell.project import Project

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
ALL = Annotation.of(CELLS, complete=True)


@pytest.mark.usefixtures("one_thread")
def test_steps_are_those_that_fine_tuning_takes_and_the_model_stays(
    make_project: Callable[..., Project], tiny_model: Model
) -> None:
    project = make_project(a=ALL, b=ALL, c=ALL, d=ALL)
    before = {name: value.clone() for name, value in tiny_model.network.state_dict().items()}
    reports: list[Any] = []
    steps = forecast_steps(tiny_model, project)
    while True:
        try:
            reports.append(next(steps))
        except StopIteration as stop:
            found = stop.value
            break
    assert (found.images, found.cells) == (4, 20)
    assert reports[-1].done == reports[-1].total == TRIALS
    assert found.seconds > 0
    training = fine_tune_steps(tiny_model, project)
    total = next(report.total for report in training if report.loss is not None)
    training.close()
    assert found.steps == total
    after = tiny_model.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.usefixtures("one_thread")
def test_where_the_model_finds_nothing_more_steps_are_foretold(
    make_project: Callable[..., Project], tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = versions.VERSIONS["B"]
    tuning = replace(recipe.fine_tuning, most_steps=2, steps_if_unknown=5, turn_share=1.0)
    careful = replace(recipe, tuning=tuning, shares=(0.0, 1.0))
    monkeypatch.setitem(versions.VERSIONS, "B", careful)
    project = make_project(a=ALL, b=ALL, c=ALL, d=ALL)
    torch.nn.init.constant_(tiny_model.network.last.bias, -50)
    assert run(forecast_steps(tiny_model, project, "B")).steps == 3 * 5
    training = fine_tune_steps(tiny_model, project, "B")
    assert next(report.total for report in training if report.loss is not None) == 3 * 5
    training.close()


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("images", "is_too_little"), [(1, True), (2, False)])
def test_of_a_few_cells_nothing_is_learnt_and_that_is_said_beforehand(
    make_project: Callable[..., Project],
    tiny_model: Model,
    monkeypatch: pytest.MonkeyPatch,
    images: int,
    is_too_little: bool,
) -> None:
    recipe = versions.VERSIONS["B"]
    tuning = replace(recipe.fine_tuning, min_steps=5, most_steps=5)
    careful = replace(
        recipe, tuning=tuning, shares=(0.0, 0.5, 1.0), is_calibrated=True, preferred="expected"
    )
    monkeypatch.setitem(versions.VERSIONS, "B", careful)
    project = make_project(**dict.fromkeys("ab"[:images], ALL))
    found = run(forecast_steps(tiny_model, project, "B"))
    assert (found.is_too_little, found.steps == 0) == (is_too_little, is_too_little)
    model = run(fine_tune_steps(tiny_model, project, "B", name="ours"))
    before, after = tiny_model.network.state_dict(), model.network.state_dict()
    same = all(torch.equal(value, after[name]) for name, value in before.items())
    if is_too_little:
        assert same
        assert model.card.detection == tiny_model.card.detection
        assert "too few" in model.card.kept_part


def test_nothing_to_learn_is_said(make_project: Callable[..., Project], tiny_model: Model) -> None:
    with pytest.raises(NothingToLearnError, match="no complete image"):
        run(forecast_steps(tiny_model, make_project(a=Annotation.of(CELLS[:2]))))


def test_what_takes_no_steps_takes_no_time(make_project: Callable[..., Project]) -> None:
    found = run(forecast_steps(load_model("Imaris-like"), make_project(a=ALL)))
    assert (found.images, found.steps, found.seconds) == (1, 0, 0)
