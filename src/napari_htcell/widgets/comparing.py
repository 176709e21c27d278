"""What the step Evaluate compares, the open image as it is at this moment. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_htcell.comparison import Compared, Comparison, compare_image
from napari_htcell.curve import Curve
from napari_htcell.detections import Detections
from napari_htcell.evaluate import Match
from napari_htcell.widgets.session import Session
from napari_htcell.words import count

NOT_COMPARED = (
    "The errors of the open image are not known: it is not complete, or nothing was detected in "
    "it. Click a row above to open an image whose errors are."
)
WHAT_TO_DO = (
    "Nothing to compare with yet: click every cell of an image, then tick “Every cell in this "
    "image is annotated” in Correct. What a model finds there can be judged."
)


@dataclass(frozen=True, eq=False)
class Row:
    """A complete frame, what was found there, and how good that is."""

    compared: Compared
    match: Match
    is_stack: bool

    @property
    def threshold(self) -> float:
        """The threshold that it is compared at."""
        return self.compared.settings.threshold

    @property
    def name(self) -> str:
        """The image, and the frame of a stack."""
        one = self.compared
        return f"{one.image}, frame {one.frame}" if self.is_stack else one.image


class Comparing:
    """A comparison and what became of its images since.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    comparison : Comparison or None
    curve : Curve or None
    ran : str
        The model that was run for it; empty where what was found before is compared.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.comparison: Comparison | None = None
        self.curve: Curve | None = None
        self.ran = ""

    def take(self, comparison: Comparison, curve: Curve | None, ran: str) -> None:
        """Take over what a job has compared."""
        self.comparison, self.curve, self.ran = comparison, curve, ran

    def complete(self) -> dict[str, tuple[int | None, ...]]:
        """Return the images with something complete, with what figures depend on."""
        return {
            name: (one.annotated, one.complete_frames, one.regions, one.detected)
            for name, one in self._session.summaries.items()
            if one.complete_frames or one.regions
        }

    def found(self) -> Mapping[str, Detections]:
        """Return what goes before the files when everything is compared anew."""
        if self.ran and self.comparison is not None:
            return self.comparison.found
        return self._session.documents.found()

    def rows(self, cutoff_um: float) -> list[Row]:
        """Compare everything, the open image as it is now."""
        if self.comparison is None:
            return []
        rows = []
        for one in self._compared(self.comparison):
            here = one.at(self._threshold(one))
            found = self.comparison.found.get(one.image)
            is_stack = one.frame > 0 or (found is not None and found.points.shape[1] == 3)
            rows.append(Row(here, here.match(cutoff_um), is_stack))
        return rows

    def _compared(self, comparison: Comparison) -> list[Compared]:
        images, document = list(comparison.images), self._session.document
        if document is None or not document.in_project:
            return images
        found = comparison.found.get(document.name) if self.ran else document.found
        if found is None:
            return images
        here = [i for i, one in enumerate(images) if one.image == document.name]
        learnt = frozenset(images[i].frame for i in here if images[i].has_learnt)
        rest = [one for one in images if one.image != document.name]
        at = here[0] if here else len(rest)
        rest[at:at] = compare_image(document.name, document.annotation, found, learnt)
        return rest

    def _threshold(self, one: Compared) -> float:
        """Return where to compare: a model that was run for it at the threshold in Detect."""
        if self.ran and one.settings.method == "peaks":
            return max(self._session.settings.threshold, one.judgement.lowest)
        return one.settings.threshold


def basis_text(rows: list[Row], ran: str, not_detected: tuple[str, ...]) -> str:
    """Return in words what was compared with what."""
    text = ""
    if rows:
        models = sorted({row.compared.model for row in rows})
        thresholds = sorted({round(row.threshold, 2) for row in rows})
        cells = sum(row.match.n_truth for row in rows)
        images = len({row.compared.image for row in rows})
        low, high = thresholds[0], thresholds[-1]
        at = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
        how = "run now" if ran else "as detected"
        text = (
            f"{' and '.join(models)} at threshold {at}, {how}, beside "
            f"{count(cells, 'click')} in {count(images, 'complete image')}."
        )
        if len(models) > 1:
            text += " Different models: detect in all images with one of them to compare it."
    if not_detected:
        more = "" if len(not_detected) == 1 else f" and {len(not_detected) - 1} more"
        text += (
            f" Nothing was detected yet in {not_detected[0]}{more}: run the model below, or detect "
            "in all images."
        )
    return text.strip()


def intervals_text(rows: list[Row]) -> str:
    """Return how often the interval around a count holds the true one; empty without any."""
    intervals = Comparison(tuple(row.compared for row in rows)).intervals
    return "" if intervals is None else f"Counts: {intervals.in_words}."


def warning_text(rows: list[Row], session: Session) -> str:
    """Return what to think of figures on images that a model has learnt from; empty if of none."""
    learnt = [row.compared for row in rows if row.compared.has_learnt]
    if not learnt:
        return ""
    model = learnt[0].model
    text = (
        f"⚠ {model} has learnt from {len(learnt)} of these {len(rows)}: their figures flatter it."
    )
    entry = session.entry(model)
    if entry is not None and entry.card.own_figures:
        one = entry.card.own_figures[0]
        text += f" Its card says F {one.f_score:.2f}."
    return text
