"""Models side by side on a drawn project: one that finds the cells, and one that finds none."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable

import pytest
import torch

import napari_htcell as htcell
from napari_htcell import models
from napari_htcell.annotations import Annotation
from napari_htcell.cards import TrainingImage
from napari_htcell.models import Model, ModelError
from napari_htcell.project import Project
from napari_htcell.side_by_side import compare_models_steps

N_CELLS = 5
"""Of each image of `make_project`."""


@pytest.fixture
def project(make_project: Callable[..., Project], intensity_model: Model) -> Project:
    """Return a project with two complete images and the models good, learnt and blind."""
    cells = [[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]]
    project = make_project(
        a=Annotation.of(cells, complete=True),
        b=Annotation.of(cells[:2]),
        c=Annotation.of(cells, complete=True),
    )
    a = TrainingImage(
        name="a.tif",
        sha256=hashlib.sha256(project.image_path("a.tif").read_bytes()).hexdigest(),
        status="complete",
        points=N_CELLS,
    )
    changes = {
        "good": {"summary": "bright spots"},
        "learnt": {"images": (a,), "base_model": "good"},
        "blind": {},
    }
    for name, change in changes.items():
        card = intensity_model.card.model_copy(update={"name": name} | change)
        network = copy.deepcopy(intensity_model.network)
        if name == "blind":
            torch.nn.init.zeros_(network.last.weight)
        models.save_model(Model(card, network), project.models_folder)
    return project


def test_models_side_by_side(project: Project) -> None:
    found = htcell.compare_models(project, ["blind", "good"])
    blind, good = found.models
    assert (found.totals(good, 16).tp, found.totals(good, 16).fn) == (2 * N_CELLS, 0)
    assert (found.totals(blind, 16).tp, found.totals(blind, 16).fn) == (0, 2 * N_CELLS)
    assert found.is_fair
    assert found.best(16) is good
    assert good.trained_on == "bright spots"
    assert good.learnt_text == "none"
    assert project.detections("a.tif") is None


def test_what_one_has_learnt_from_is_left_out_of_a_fair_figure(project: Project) -> None:
    found = htcell.compare_models(project, ["good", "learnt"])
    assert not found.is_fair
    assert found.unseen == {("c.tif", 0)}
    good, learnt = found.models
    assert learnt.learnt_text == "1 of 2: a.tif"
    assert learnt.trained_on == "1 image, from good"
    assert found.totals(good, 16, unseen_alone=True).tp == N_CELLS


def test_progress_rises_over_all_models(project: Project) -> None:
    steps = list(compare_models_steps(project, ["good", "blind"]))
    done = [one.done for one in steps]
    assert done == sorted(done)
    assert done[-1] == steps[-1].total
    assert {one.what for one in steps} == {"good, model 1 of 2", "blind, model 2 of 2"}


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["good"], "two models or more, got 1"),
        (["good", "good"], "'good' is named twice"),
        (["good", "nobody"], "nobody"),
    ],
)
def test_refusals_come_before_any_work(project: Project, names: list[str], text: str) -> None:
    with pytest.raises(ModelError, match=text):
        next(compare_models_steps(project, names))
