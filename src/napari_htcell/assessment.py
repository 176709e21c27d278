"""What is said of a new model: its threshold and figures, by images that may judge it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from napari_htcell import counting, head, reliability
from napari_htcell.calibrate import LEAST_CELLS, choose_threshold, figures, judge, thresholds_of
from napari_htcell.cards import (
    LEARNT_FROM,
    LEFT_OUT,
    NOT_LEARNT,
    SAME_FILES,
    SAME_IMAGES,
    Card,
    Figure,
)
from napari_htcell.dataset import LearningImage
from napari_htcell.evaluate import Judgement
from napari_htcell.models import Model
from napari_htcell.network import Network
from napari_htcell.training import Lesson
from napari_htcell.versions import Preferred

GONE_WRONG = 0.1
"""F by which chance alone makes no network worse on what it has learnt from than on others."""


@dataclass(frozen=True, eq=False)
class Jury:
    """Which complete images may judge a model.

    Parameters
    ----------
    learnt : set of (str, int)
        SHA-256 and frame of the images that every network of the job has learnt from, or the model
        that it is made from.
    base : Model or None
        What the new model is made from.
    names : collection of str or None
        The images that are asked; None asks all.
    by_file : bool, optional
        Whether frames of a file of which any was learnt do not judge: in a time stack the next one
        shows nearly the same.
    """

    learnt: frozenset[tuple[str, int]]
    base: Model | None
    names: Collection[str] | None
    by_file: bool = True

    @classmethod
    def of(
        cls,
        lessons: Sequence[Lesson],
        others: Sequence[LearningImage],
        base: Model | None,
        names: Collection[str] | None,
    ) -> Jury:
        """Return the jury of a job of these lessons, with other complete images to choose from.

        If no file is left, other frames of the files that were learnt from may judge: a threshold
        from these is better than none, and what is said of the model says so.
        """
        # A turn of the cross-validation leaves out what is finished in the last, nothing else.
        fixed = [one for each in lessons[:-1] for one in each.images]
        fixed += [one for one in lessons[-1].images if not one.is_finished]
        cards = [one.card for one in fixed]
        if base is not None:
            cards += base.card.images + base.card.earlier_images
        jury = cls(frozenset((one.sha256, one.frame) for one in cards), base, names)
        finished = [one for one in (*lessons[-1].images, *others) if one.is_finished]
        return jury if any(map(jury.may_judge, finished)) else replace(jury, by_file=False)

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(sha256 for sha256, _ in self.learnt)

    def may_judge(self, one: LearningImage) -> bool:
        """Return whether nothing that is judged has learnt from an image."""
        file, frame = one.card.sha256, one.card.frame
        if file in self._files if self.by_file else (file, frame) in self.learnt:
            return False
        return self.names is None or one.card.name in self.names

    def judge(
        self, network: Network, images: Sequence[LearningImage], card: Card
    ) -> list[Judgement]:
        """Detect in those images that may judge."""
        asked = [one for one in images if self.may_judge(one)]
        return judge(network, asked, card.detection, card.training.pixel_size_um)


def calibrated(network: Network, judgements: Sequence[Judgement]) -> list[Judgement]:
    """Make a network's scores probabilities, and return the judgements with such scores.

    Of fewer cells than `LEAST_CELLS` both stay as they are.
    """
    if sum(len(one.truth) for one in judgements) < LEAST_CELLS:
        return list(judgements)
    scaling = reliability.fit(judgements)
    network.rescale(scaling.slope, scaling.offset)
    return scaling.judged(judgements)


def assess(
    model: Model,
    last: Lesson,
    jury: Jury,
    judgements: Sequence[Judgement],
    *,
    before: Sequence[Judgement] = (),
    in_turns: bool,
    preferred: Preferred,
) -> Card:
    """Return a new model's card with threshold, figures and the error of counts.

    Parameters
    ----------
    model : Model
        With the settings that it was judged with. If it turns out to have gone wrong, the scale of
        its scores is fitted anew, in place.
    last : Lesson
        What it has learnt last.
    jury : Jury
    judgements : sequence of Judgement
        By the jury; without any, the threshold stays.
    before : sequence of Judgement, optional
        Of the model that this one is made from, on the same images, as its own card says.
    in_turns : bool
        Whether each judged a network that had learnt from the others.
    preferred : {"lowest", "expected"}
        See `calibrate.choose_threshold`.
    """
    card = model.card
    if not judgements:
        # Nothing to leave out: no reason to give up the threshold that there is.
        finished = [one for one in last.images if one.is_finished]
        return card.model_copy(update={"figures": _by_heart(model, finished)})
    detection = choose_threshold(judgements, card.detection, preferred=preferred)
    on = SAME_FILES if not jury.by_file else LEFT_OUT if in_turns else NOT_LEARNT
    changes: dict[str, Any] = {
        "detection": detection,
        "figures": figures(judgements, detection, on),
        "count_errors": None,
    }
    if jury.by_file:
        changes["count_errors"] = counting.measure(
            judgements, detection, thresholds_of(detection, judgements)
        )
    card = card.model_copy(update=changes)
    if in_turns:
        card = _checked(Model(card, model.network), last, jury)
    if jury.base is not None:
        same = figures(before, jury.base.card.detection, SAME_IMAGES)
        card = card.model_copy(update={"base_figures": same})
    return card


def _by_heart(model: Model, learnt: Sequence[LearningImage]) -> tuple[Figure, ...]:
    detection, size = model.card.detection, model.card.training.pixel_size_um
    return figures(judge(model.network, learnt, detection, size), detection, LEARNT_FROM)


def _checked(model: Model, last: Lesson, jury: Jury) -> Card:
    """Return the card with lower figures, and no intervals, if the kept network has gone wrong.

    It is not one of those judged in turns: should it be worse on what it has learnt from than they
    are on what they have not, its training has gone wrong, or its scores are of another scale than
    theirs. That was seen of a few cells: weights halfway between two networks may give weaker
    signals than either (Jordan et al., ICLR 2023, "REPAIR"). The scale is fitted anew then, in
    place, to what was learnt.
    """
    # The same images as those of the turns, that the two can be compared.
    learnt = [one for one in last.images if jury.may_judge(one)]
    kept = _by_heart(model, learnt)
    if kept[0].f_score >= model.card.figures[0].f_score - GONE_WRONG:
        return model.card
    if last.stage.head_first:
        head.fit(model.network, last)
        kept = _by_heart(model, learnt)
    return model.card.model_copy(update={"figures": kept, "count_errors": None})
