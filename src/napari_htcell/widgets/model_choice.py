"""The menu of models, the chosen one's card, and the manager of all of them."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from napari_htcell.widgets.cards import ORIGINS, CardDialog, card_html
from napari_htcell.widgets.models import ModelsDialog
from napari_htcell.widgets.panel import Panel


class ModelChoice(QWidget):
    """Chooses the session's model.

    Parameters
    ----------
    panel : Panel
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel, self._session = panel, panel.session
        self.card_dialog: CardDialog | None = None
        self.models_dialog: ModelsDialog | None = None
        self.menu = QComboBox()
        self.menu.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.card_button, self.models_button = QPushButton("Card"), QPushButton("Models…")
        self.card_button.setToolTip(
            "<qt>Everything about this model: what it learnt from, how good it is</qt>"
        )
        self.models_button.setToolTip("<qt>Compare, rename, import, export and delete models</qt>")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.menu, self.card_button, self.models_button):
            layout.addWidget(widget, int(widget is self.menu))
        self.menu.currentIndexChanged.connect(self._on_chosen)
        self.card_button.clicked.connect(self.show_card)
        self.models_button.clicked.connect(self.show_models)
        panel.listen(self._session.models_changed, self.refresh)
        panel.listen(self._session.model_changed, self.show_chosen)
        self.refresh()

    def refresh(self) -> None:
        """List the models anew."""
        blocker = QSignalBlocker(self.menu)
        self.menu.clear()
        for entry in self._session.models:
            self.menu.addItem(f"{entry.card.name}  ({ORIGINS[entry.origin]})", entry.card.name)
            tip = Qt.ItemDataRole.ToolTipRole
            self.menu.setItemData(self.menu.count() - 1, card_html(entry), tip)
        blocker.unblock()
        self.show_chosen()

    def show_chosen(self) -> None:
        """Show which model is in use."""
        blocker = QSignalBlocker(self.menu)
        self.menu.setCurrentIndex(self.menu.findData(self._session.model))
        blocker.unblock()
        entry = self._session.entry()
        self.card_button.setEnabled(entry is not None)
        self.menu.setToolTip("" if entry is None else card_html(entry))

    def show_card(self) -> None:
        """Show the whole card of the model in use."""
        entry = self._session.entry()
        if entry is not None:
            self.card_dialog = CardDialog(entry, self._panel)
            self.card_dialog.show()

    def show_models(self) -> None:
        """Show the manager of all models."""
        if self.models_dialog is None:
            self.models_dialog = ModelsDialog(self._panel)
        self.models_dialog.show()
        self.models_dialog.raise_()

    def _on_chosen(self) -> None:
        self._session.choose_model(self.menu.currentData() or "")
