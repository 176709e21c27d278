"""What fine-tuning says: what it would learn from, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_htcell.cards import Card
from napari_htcell.words import count, duration

if TYPE_CHECKING:
    from napari_htcell.widgets.session import Session


def learning_text(session: Session) -> tuple[str, bool]:
    """Return what fine-tuning would learn from, in words, and whether it can."""
    if session.project is None:
        return "Fine-tuning learns from a project: open the folder with your images.", False
    complete = [one for one in session.summaries.values() if one.complete_frames or one.regions]
    if not complete:
        return (
            "No image is complete yet: click every cell of one, then mark it complete in Correct.",
            False,
        )
    points = sum(one.complete_points for one in complete)
    images, cells = count(len(complete), "complete image"), count(points, "cell")
    return f"Learns from {images} with {cells}.", True


def learnt_text(card: Card) -> str:
    """Return in words what a fine-tuned model is worth, and on what that was measured."""
    text = f"{card.name} is ready and in use, after {duration(card.seconds)}."
    if card.figures:
        one = card.figures[0]
        text += f" F within {one.cutoff_um:g} µm is {one.f_score:.2f} on {one.on}"
        text += f" ({one.count_in_words})."
    if card.base_figures:
        one = card.base_figures[0]
        text += f" That of {card.base_model} is {one.f_score:.2f} on {one.on}."
    if card.kept_part:
        text += f" Kept: {card.kept_part}."
    if card.is_no_better:
        text += (
            f" So it may be no better: {card.base_model} knew such images already, or more "
            "complete images are needed."
        )
    assumed = sum(image.pixel_size_assumed for image in card.images)
    if assumed:
        text += (
            f" {count(assumed, 'image')} stated no pixel size: {card.image_pixel_size_um:g} µm was "
            "assumed. If that is wrong, so is the model: state it in Detect and fine-tune again."
        )
    return text
