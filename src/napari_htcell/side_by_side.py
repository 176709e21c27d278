"""Several models side by side on a project's complete images: which one to use for the rest."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from napari_htcell.cards import Card
from napari_htcell.comparison import (
    COMPARED,
    Compared,
    Comparison,
    complete_images,
    evaluate_project_steps,
)
from napari_htcell.evaluate import Totals, total
from napari_htcell.models import Model, ModelError, find_model, load_model
from napari_htcell.progress import Clock, Progress, run
from napari_htcell.project import Project
from napari_htcell.words import count

UNITS = 1000
"""Units of progress per model, so that a bar moves within one."""


@dataclass(frozen=True, eq=False)
class ModelResult:
    """What a model finds in the complete images.

    Parameters
    ----------
    card : Card
    comparison : Comparison
        At the model's own threshold.
    """

    card: Card
    comparison: Comparison

    @property
    def learnt(self) -> tuple[Compared, ...]:
        """The compared frames that the model has learnt from, which flatter it."""
        return tuple(one for one in self.comparison.images if one.has_learnt)

    @property
    def learnt_text(self) -> str:
        """How many of the compared frames the model has learnt from, and which, in words."""
        if not self.learnt:
            return "none"
        names = list(dict.fromkeys(one.image for one in self.learnt))
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        known = f"{len(self.learnt)} of {len(self.comparison.images)}"
        return f"{known}: {', '.join(names[:3])}{more}"

    @property
    def trained_on(self) -> str:
        """What the model was trained on, in words."""
        card = self.card
        start = f", from {card.base_model}" if card.base_model else ""
        return (card.summary or count(len(card.images), "image")) + start


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Several models on the same complete frames and regions.

    Parameters
    ----------
    models : tuple of ModelResult
        In the order asked for.
    """

    models: tuple[ModelResult, ...]

    @property
    def unseen(self) -> frozenset[tuple[str, int]]:
        """Image and frame of what none of the models has learnt from: a fair comparison."""
        learnt = {(one.image, one.frame) for model in self.models for one in model.learnt}
        everything = {(c.image, c.frame) for m in self.models for c in m.comparison.images}
        return frozenset(everything - learnt)

    @property
    def is_fair(self) -> bool:
        """Whether no model has learnt from anything that is compared."""
        return not any(one.learnt for one in self.models)

    def totals(self, model: ModelResult, cutoff_um: float, *, unseen_alone: bool = False) -> Totals:
        """Sum a model's matches within a cut-off, of `unseen` alone or of everything."""
        unseen = self.unseen
        return total(
            one.match(cutoff_um)
            for one in model.comparison.images
            if not unseen_alone or (one.image, one.frame) in unseen
        )

    def best(self, cutoff_um: float) -> ModelResult | None:
        """Return the model with the highest F where none has learnt; None if there is nothing."""
        if not self.unseen:
            return None
        return max(
            self.models, key=lambda one: self.totals(one, cutoff_um, unseen_alone=True).f_score
        )


Steps = Generator[Progress, None, SideBySide]


def compare_models(project: Project, names: Sequence[str]) -> SideBySide:
    """Run several models on the complete images, frames and regions of a project.

    Parameters
    ----------
    project : Project
    names : sequence of str
        Models by their names, or folders; two or more. Nothing that they find is saved.

    Returns
    -------
    SideBySide

    Raises
    ------
    ModelError
        If a model cannot be found or used, or is named twice.
    ProjectError
        If nothing in the project is complete.
    """
    return run(compare_models_steps(project, names))


def compare_models_steps(project: Project, names: Sequence[str]) -> Steps:
    """Do what `compare_models` does, yielding progress; one model is in memory at a time."""
    # What is wrong with the last one is said before the first has run for minutes.
    cards = [find_model(name, project).card for name in names]
    if len(cards) < 2:
        raise ModelError(f"side by side are two models or more, got {len(cards)}; name another one")
    twice = next((one.name for one in cards if cards.count(one) > 1), None)
    if twice is not None:
        raise ModelError(f"{twice!r} is named twice; a model is compared with others")
    clock, results = Clock(UNITS * len(cards)), []
    for number, name in enumerate(names):
        what = f"{cards[number].name}, model {number + 1} of {len(cards)}"
        model = load_model(name, project)
        comparison = yield from _one_model(project, model, what, UNITS * number, clock)
        results.append(ModelResult(model.card, comparison))
    return SideBySide(tuple(results))


def _one_model(
    project: Project, model: Model, what: str, before: int, clock: Clock
) -> Generator[Progress, None, Comparison]:
    """Run one of the models; its images count alike in the progress."""
    steps, finished = evaluate_project_steps(project, model), 0
    images = max(len(complete_images(project)), 1)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            comparison: Comparison = end.value
            return comparison
        within = 0.0
        if step.what == COMPARED:
            finished = step.done
        else:
            within = step.done / max(step.total, 1)
        done = before + int(UNITS * min((finished + within) / images, 1))
        yield Progress(what, done, clock.total, clock.seconds_left(done))
