"""A model's card says what its own network is worth, and not what its judges were."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from spot_lesson import CELLS, lesson

from napari_htcell.assessment import Jury, assess
from napari_htcell.cards import LEARNT_FROM, LEFT_OUT, Card
from napari_htcell.evaluate import Judgement
from napari_htcell.models import Model

SURE = 0.9
pytestmark = pytest.mark.usefixtures("one_thread")


def assessed(model: Model, spots: Callable[..., Any], **changes: Any) -> Card:
    """Return the card of a model whose judges found every cell, and nothing else."""
    last = lesson(spots, **changes)
    found = Judgement(CELLS, np.full(len(CELLS), SURE), CELLS, model.card.training.pixel_size_um)
    jury = Jury(frozenset(), None, None)
    return assess(model, last, jury, [found] * 3, in_turns=True, preferred="expected")


def test_a_network_like_its_judges_has_their_figures_and_stays_as_it_is(
    intensity_model: Model, spots: Callable[..., Any]
) -> None:
    network = intensity_model.network
    before = network.last.bias.detach().clone()
    card = assessed(intensity_model, spots)
    assert (card.figures[0].on, card.figures[0].f_score) == (LEFT_OUT, 1)
    assert card.count_errors is not None
    assert network.last.bias.equal(before)


@pytest.mark.parametrize("head_first", [False, True])
def test_scores_lower_than_those_of_its_judges_are_raised_where_their_scale_is_fitted(
    intensity_model: Model, spots: Callable[..., Any], head_first: bool
) -> None:
    model = Model(intensity_model.card, copy.deepcopy(intensity_model.network))
    model.network.rescale(0.2, -6)
    card = assessed(model, spots, head_first=head_first)
    assert (card.figures[0].on, card.count_errors) == (LEARNT_FROM, None)
    assert card.figures[0].f_score == float(head_first)
