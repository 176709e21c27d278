"""Models: what they are worth, side by side; rename, import, export and delete them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QMessageBox,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from napari_htcell.atomic import free_path
from napari_htcell.models import ModelEntry
from napari_htcell.own_models import delete_model, rename_model
from napari_htcell.widgets import jobs
from napari_htcell.widgets.cards import ORIGINS, card_html
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.widgets.side_by_side import SideBySideDialog
from napari_htcell.widgets.worker import Job, error_text, models_in_use

COLUMNS = ("Model", "Where", "F", "within", "on", "Made on")
HINT = (
    "Select a model to read its card, two (Ctrl and click) to see their cards side by side, and "
    "any number to compare what they find in your complete images."
)


class ModelsDialog(QDialog):
    """Lists all models; those that came with the package stay as they are.

    Parameters
    ----------
    panel : Panel
        Whose models they are; the dialog lives as long.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.session = panel.session
        self.import_job, self.export_job = panel.new_job(), panel.new_job()
        self.side_by_side = SideBySideDialog(panel)
        self.setWindowTitle("Models")
        self._build()
        self.import_job.returned.connect(self._on_imported)
        self.export_job.returned.connect(self._on_exported)
        for job in (self.import_job, self.export_job):
            job.failed.connect(self._on_failed)
        panel.listen(self.session.models_changed, self.refresh)
        self.refresh()
        self.resize(760, 640)

    def _build(self) -> None:
        self.list = QTreeWidget()
        self.list.setHeaderLabels(list(COLUMNS))
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header: Any = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        self.text = QTextBrowser()
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.list)
        split.addWidget(self.text)
        split.setSizes([230, 330])
        self.state = note()
        row = QHBoxLayout()
        self.use_button = self._button(row, "Use", self._use, "Detect with this model from now on")
        self.rename_button = self._button(row, "Rename…", self._ask_name, "Call it otherwise")
        self.import_button = self._button(
            row, "Import…", self._ask_import, "Take in a model that somebody has exported (zip)"
        )
        self.export_button = self._button(
            row, "Export…", self._ask_export, "Write it as one file (zip), to hand on"
        )
        self.delete_button = self._button(
            row, "Delete…", self._ask_delete, "Remove it from this computer, for good"
        )
        self.compare_button = self._button(
            row,
            "Compare…",
            self._compare,
            "Select two or more (Ctrl and click): what each of them finds in the images whose "
            "every cell you have clicked, as a table",
        )
        row.addStretch(1)
        self._button(row, "Close", self.close, "")
        layout = QVBoxLayout(self)
        layout.addWidget(split, 1)
        layout.addWidget(self.state)
        layout.addLayout(row)
        self.list.itemSelectionChanged.connect(self._on_selected)

    def _button(self, row: QHBoxLayout, text: str, do: Callable[[], Any], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(f"<qt>{tip}</qt>" if tip else "")
        # Else Return in the list presses the first of them.
        button.setAutoDefault(False)
        button.clicked.connect(lambda: do())
        row.addWidget(button)
        return button

    @property
    def selected(self) -> list[ModelEntry]:
        """The models selected, in the order of the list."""
        return [
            entry
            for row, entry in enumerate(self._entries)
            if (item := self.list.topLevelItem(row)) is not None and item.isSelected()
        ]

    def select(self, *names: str) -> None:
        """Select models by their names."""
        for row, entry in enumerate(self._entries):
            item = self.list.topLevelItem(row)
            if item is not None:
                item.setSelected(entry.card.name in names)

    def refresh(self) -> None:
        """List the models anew."""
        self._entries = list(self.session.models)
        self.list.clear()
        for entry in self._entries:
            card = entry.card
            figure = card.own_figures[0] if card.own_figures else None
            texts = [card.name, ORIGINS[entry.origin], "–", "", "not measured", card.date[:10]]
            if figure is not None:
                texts[2:5] = [f"{figure.f_score:.2f}", f"{figure.cutoff_um:g} µm", figure.on]
            item = QTreeWidgetItem(texts)
            item.setToolTip(4, texts[4])
            self.list.addTopLevelItem(item)
        self.select(self.session.model)
        self._on_selected()

    def rename(self, entry: ModelEntry, name: str) -> None:
        """Give a model another name, or say why not."""
        if not self._is_free(entry):
            return
        was_chosen = entry.card.name == self.session.model
        if self._try(lambda: rename_model(entry, name)):
            self.session.refresh_models(choose=name if was_chosen else "")
            self.select(name)
            self.state.setText(
                f"{entry.card.name} is {name} now; what was detected with it keeps the old name."
            )

    def delete(self, entry: ModelEntry) -> None:
        """Delete a model, or say why not."""
        if self._is_free(entry) and self._try(lambda: delete_model(entry)):
            self.session.refresh_models()
            self.state.setText(f"{entry.card.name} is deleted.")

    def import_from(self, path: Path) -> None:
        """Take a model into the user's own, in the background."""
        self._start(self.import_job, "importing a model", lambda: jobs.import_model_steps(path))

    def export_to(self, entry: ModelEntry, path: Path) -> None:
        """Write a model as one file, in the background."""
        make = partial(jobs.export_model_steps, entry, path)
        self._start(self.export_job, "exporting a model", make, uses=entry.card.name)

    def _start(self, job: Job, what: str, make: Callable[[], Any], uses: str = "") -> None:
        if job.is_running:
            self.state.setText("⚠ Wait for the file that is being read or written.")
        else:
            self.state.setText(f"{what[0].upper()}{what[1:]}…")
            job.start(what, make, uses, is_asked_about=True)

    def _on_imported(self, entry: ModelEntry) -> None:
        self.session.refresh_models()
        self.select(entry.card.name)
        self.state.setText(f"{entry.card.name} is among your models now.")

    def _on_exported(self, path: Path) -> None:
        self.state.setText(f"✓ written to {path}")

    def _on_failed(self, error: Exception) -> None:
        self.state.setText(f"⚠ {error_text(error)}")

    def _try(self, do: Callable[[], Any]) -> bool:
        try:
            do()
        except (ValueError, OSError) as error:
            self._on_failed(error)
            return False
        return True

    def _is_free(self, entry: ModelEntry) -> bool:
        """Say so where a running job needs the model."""
        if entry.card.name not in models_in_use():
            return True
        self.state.setText(
            f"⚠ {entry.card.name} is at work right now: wait for that, or cancel it."
        )
        return False

    def _compare(self) -> None:
        self.side_by_side.show_for(self.selected)

    def _use(self) -> None:
        if len(self.selected) == 1:
            self.session.choose_model(self.selected[0].card.name)
            self.state.setText(f"{self.session.model} is used from now on.")

    def _ask_name(self) -> None:
        (entry,) = self.selected
        name, is_given = QInputDialog.getText(
            self, "Rename", "Name of the model", text=entry.card.name
        )
        if is_given and name.strip() != entry.card.name:
            self.rename(entry, name.strip())

    def _ask_import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import a model", "", "Models (*.zip)")
        if path:
            self.import_from(Path(path))

    def _ask_export(self) -> None:
        (entry,) = self.selected
        start = free_path(Path.home() / f"{entry.card.name}.zip", ".zip")
        path, _ = QFileDialog.getSaveFileName(self, "Export", str(start), "Models (*.zip)")
        if path:
            self.export_to(entry, Path(path))

    def _ask_delete(self) -> None:
        (entry,) = self.selected
        if not self._is_free(entry):
            return
        yes = QMessageBox.StandardButton.Yes
        asked = f"Delete {entry.card.name} for good? Detections made with it stay."
        if QMessageBox.question(self, "Delete a model", asked) == yes:
            self.delete(entry)

    def _on_selected(self) -> None:
        chosen = self.selected
        is_own = len(chosen) == 1 and chosen[0].origin in ("project", "user")
        for button in (self.use_button, self.export_button):
            button.setEnabled(len(chosen) == 1)
        self.compare_button.setEnabled(len(chosen) > 1)
        for button in (self.rename_button, self.delete_button):
            button.setEnabled(is_own)
        if 1 <= len(chosen) <= 2:
            self.text.setHtml(card_html(*chosen))
        else:
            self.text.setPlainText(HINT)
        self.state.setText(
            ""
            if is_own or len(chosen) != 1
            else "Models that came with the package stay as they are."
        )
