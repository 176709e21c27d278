"""The errors in the open image: one after another, each in the middle of the view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QSignalBlocker, QSize, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QTreeWidgetItem, QVBoxLayout, QWidget

from napari_htcell.widgets.errors import LOOKS, Outcome
from napari_htcell.widgets.panel import note
from napari_htcell.widgets.signs import picture
from napari_htcell.widgets.tables import row, table

FRAME = 3
"""Column of the frame, which images do not have."""

TIPS = (
    "",
    "False alarm: detected, and no click is near. Missed: clicked, and nothing is detected near",
    "How sure the model is: 1 is surest. What it missed has none",
    "Frame of the time stack, from 0",
    "Pixels from the top",
    "Pixels from the left",
)

ICON_PX = 13


class ErrorList(QWidget):
    """Lists false alarms and missed cells, with the signs that they have in the image."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._errors: list[Outcome] = []
        signs = {kind: picture(form, colour) for kind, (colour, form) in LOOKS.items()}
        self._icons = {kind: QIcon(sign) for kind, sign in signs.items()}
        self.list = table(("", "What", "Score", "Frame", "y", "x"), TIPS, 1)
        self.list.setIconSize(QSize(ICON_PX, ICON_PX))
        self.previous_button, self.next_button = QPushButton("◀"), QPushButton("▶")
        for button, what in ((self.previous_button, "Previous"), (self.next_button, "Next")):
            button.setToolTip(f"{what} error")
            button.setFixedWidth(34)
        self.hint = note()
        layout, top = QVBoxLayout(self), QHBoxLayout()
        layout.setContentsMargins(0, 4, 0, 0)
        for kind, sign in signs.items():
            label = QLabel()
            label.setPixmap(sign)
            top.addWidget(label)
            top.addWidget(QLabel(kind))
        top.addStretch(1)
        for button in (self.previous_button, self.next_button):
            top.addWidget(button)
        layout.addLayout(top)
        layout.addWidget(self.hint)
        layout.addWidget(self.list, 1)
        self.list.currentItemChanged.connect(self._on_chosen)
        # One that is current already is gone to again.
        self.list.itemClicked.connect(self._on_chosen)
        self.previous_button.clicked.connect(lambda: self.step(-1))
        self.next_button.clicked.connect(lambda: self.step(1))

    def __len__(self) -> int:
        return len(self._errors)

    @property
    def current(self) -> Outcome | None:
        """The error that is chosen, if one is."""
        item: Any = self.list.currentItem()
        return None if item is None else self._errors[self.list.indexOfTopLevelItem(item)]

    def fill(self, errors: Sequence[Outcome], *, is_stack: bool, hint: str = "") -> None:
        """Show other errors, or a hint in their place; one that is there again stays chosen."""
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.list.setVisible(not hint)
        before = self.current
        self._errors = list(errors)
        blocker = QSignalBlocker(self.list)
        self.list.clear()
        for one in self._errors:
            score = "–" if one.score is None else f"{one.score:.2f}"
            y, x = (f"{value:.0f}" for value in one.place)
            item = row("", one.kind, score, str(one.frame), y, x, words=(0, 1))
            item.setIcon(0, self._icons[one.kind])
            self.list.addTopLevelItem(item)
            if before is not None and one.is_same(before):
                self.list.setCurrentItem(item)
        self.list.setColumnHidden(FRAME, not is_stack)
        blocker.unblock()
        for button in (self.previous_button, self.next_button):
            button.setEnabled(bool(self._errors))

    def step(self, by: int) -> None:
        """Go to the next error or the one before, around the end."""
        if self._errors:
            current: Any = self.list.currentItem()
            at = self.list.indexOfTopLevelItem(current) if current is not None else -max(by, 0)
            self.list.setCurrentItem(self.list.topLevelItem((at + by) % len(self._errors)))

    def _on_chosen(self, item: QTreeWidgetItem | None, _other: Any = None) -> None:
        if item is not None:
            self.chosen.emit(self._errors[self.list.indexOfTopLevelItem(item)])
