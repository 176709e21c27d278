"""A model's card in a biologist's words, and two of them side by side."""

from __future__ import annotations

from difflib import SequenceMatcher
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from napari_htcell.cards import Card, Figure, TrainingImage
from napari_htcell.models import ModelEntry
from napari_htcell.words import count

FEW_WORDS = 2
"""That take each other's place in two cards, to be marked."""

ORIGINS = {"project": "this project", "user": "my models", "shipped": "built in", "file": "file"}


def figures_text(entry: ModelEntry) -> str:
    """Return a model's main figure in words."""
    if not entry.card.own_figures:
        return entry.card.summary or "Nothing was measured for this model."
    one = entry.card.own_figures[0]
    return f"{one.in_words} on {count(one.images, 'image')}: {one.on}."


def card_rows(entry: ModelEntry) -> dict[str, str]:
    """Return what there is to know about a model, by what it is about."""
    card, detection = entry.card, entry.card.detection
    rows = {"Where": ORIGINS[entry.origin], "Made on": card.date[:10]}
    for number, one in enumerate(card.own_figures):
        rows["How good" if not number else f"How good ({number + 1})"] = _measured(one)
    for number, one in enumerate(card.base_figures):
        name = f"{card.base_model} on the same"
        rows[name if not number else f"{name} ({number + 1})"] = _measured(one)
    rows |= {
        "In short": card.summary,
        "Recipe": f"version {card.version}, {card.architecture}",
        "Started from": card.base_model or "",
        "Kept": card.kept_part,
        "Learnt from": _images_text(card.images),
        "Before that": _images_text(card.earlier_images),
    }
    rows |= {
        "Usual threshold": f"{detection.threshold:g}",
        "Usual distance": f"{detection.min_distance_um:g} µm",
        "Method": detection.method,
        "Images of": f"{card.image_pixel_size_um:g} µm per pixel, where nobody states it",
        "Looks at": f"{card.training.pixel_size_um:g} µm per pixel; finer images are made coarser",
        "Training": _training_text(card),
        "Folder": str(entry.folder),
    }
    return {about: said for about, said in rows.items() if said}


def _images_text(images: tuple[TrainingImage, ...]) -> str:
    if not images:
        return ""
    complete = sum(one.status == "complete" for one in images)
    cells = count(sum(one.points for one in images), "clicked cell")
    names = ", ".join(one.name for one in images[:3])
    more = f" and {len(images) - 3} more" if len(images) > 3 else ""
    text = (
        f"{count(len(images), 'image')}, {complete} of them complete, with {cells} ({names}{more})"
    )
    assumed = sum(one.pixel_size_assumed for one in images)
    return text + (f"; the pixel size of {assumed} was assumed" if assumed else "")


def _measured(one: Figure) -> str:
    distance = one.mean_distance_um
    apart = "" if distance is None else f", on average {distance:.1f} µm away"
    return (
        f"{one.in_words}: {one.tp} cells found{apart}, {one.fn} missed, {one.fp} false alarms, "
        f"at threshold {one.settings.threshold:g}, on {count(one.images, 'image')}: {one.on}"
    )


def _training_text(card: Card) -> str:
    if not card.steps:
        return ""
    took = f"{card.seconds:.0f} s" if card.seconds < 120 else f"{card.seconds / 60:.0f} min"
    versions = [f"{name} {card.software[name]}" for name in ("napari-htcell", "torch")
                if name in card.software]  # fmt: skip
    where = card.device or "cpu"
    return ", ".join([f"{card.steps} steps", f"with its checks {took} on {where}", *versions])


def card_html(*entries: ModelEntry) -> str:
    """Return one card, or several side by side, as a table to show."""
    cards = [card_rows(entry) for entry in entries]
    abouts = list(dict.fromkeys(about for card in cards for about in card))
    heads = "".join(f"<th align='left'>{escape(entry.card.name)}</th>" for entry in entries)
    lines = [f"<tr><td></td>{heads}</tr>"]
    for about in abouts:
        cells = _marked([card.get(about, "–") for card in cards])
        said = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f"<tr><td><i>{escape(about)}</i>&nbsp;</td>{said}</tr>")
    return f"<table cellspacing='4'>{''.join(lines)}</table>"


def _marked(texts: list[str]) -> list[str]:
    """Return texts as HTML; of two, a number or word in the place of another one is bold.

    Of two models nearly every line differs somewhere, and what is bold everywhere stands out
    nowhere: other sentences are seen to be others.
    """
    if len(texts) != 2:
        return [escape(text) for text in texts]
    first, second = (text.split(" ") for text in texts)
    matcher = SequenceMatcher(a=first, b=second, autojunk=False)
    cells: tuple[list[str], list[str]] = ([], [])
    for kind, a, to_a, b, to_b in matcher.get_opcodes():
        is_other = kind == "replace" and to_a - a == to_b - b <= FEW_WORDS
        for cell, words in zip(cells, (first[a:to_a], second[b:to_b]), strict=True):
            text = escape(" ".join(words))
            cell += [f"<b>{text}</b>" if is_other else text] * bool(words)
    return [" ".join(cell) for cell in cells]


class CardDialog(QDialog):
    """Shows a model's whole card.

    Parameters
    ----------
    entry : ModelEntry
    parent : QWidget
    """

    def __init__(self, entry: ModelEntry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Model {entry.card.name}")
        self.text = QTextBrowser()
        self.text.setHtml(card_html(entry))
        # No box of standard buttons: their icons do not follow napari's themes.
        self.close_button = QPushButton("Close")
        self.close_button.clicked.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.close_button, alignment=Qt.AlignmentFlag.AlignRight)
        self.resize(560, 460)
