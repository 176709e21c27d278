"""Several models side by side on the images whose every cell is clicked, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout

from napari_htcell.config import EvaluateConfig
from napari_htcell.widgets import fields, jobs
from napari_htcell.widgets.comparing import WHAT_TO_DO
from napari_htcell.widgets.figures_table import COLUMNS, TIPS, figures
from napari_htcell.widgets.panel import JobRow, Panel, note
from napari_htcell.widgets.tables import row, table
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.models import ModelEntry
    from napari_htcell.side_by_side import SideBySide

LEARNT, TRAINED = len(COLUMNS) + 1, len(COLUMNS) + 2
"""The two columns of words behind the figures."""

UNSEEN_TIP = (
    "The same on the images that none of these models has learnt from: the fair figure to choose by"
)


class SideBySideDialog(QDialog):
    """Runs models on the complete images and shows what each is worth there.

    Parameters
    ----------
    panel : Panel
        Whose project it is; the dialog lives as long.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.session, self._autosave = panel.session, panel.desk.autosave
        self.job = panel.new_job()
        self.setWindowTitle("Compare models")
        self._entries: tuple[ModelEntry, ...] = ()
        self._of = self.session.project
        self.found: SideBySide | None = None
        self._can_compare = False
        self._build()
        self.job.returned.connect(self._on_found)
        self.job.finished.connect(self._allow)
        self.cutoff.valueChanged.connect(self._fill)
        panel.listen(self.session.summaries_changed, self._allow)
        panel.listen(self.session.project_changed, self._on_project)
        self.resize(860, 320)

    def _build(self) -> None:
        self.basis, self.state = note(), note()
        self.cutoff = fields.spin_box(EvaluateConfig, "cutoff_um", "µm")
        self.run_row = JobRow("Compare", self.job, self.compare)
        self.run_row.button.setToolTip(
            "<qt>Runs each of these models on your complete images. Nothing is saved, and what was "
            "detected stays as it is</qt>"
        )
        names, tips = list(COLUMNS), list(TIPS)
        names[0] = "Model"
        names.insert(5, "F unseen")
        tips.insert(5, UNSEEN_TIP)
        names += ["learnt from", "trained on"]
        tips += ["Which of these images it has learnt from; figures on them flatter it", ""]
        self.table = table(names, tips, TRAINED)
        top = QHBoxLayout()
        top.addWidget(QLabel("Within"))
        top.addWidget(self.cutoff)
        top.addWidget(self.run_row, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.basis)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.state)

    def show_for(self, entries: Sequence[ModelEntry]) -> None:
        """Show the dialog and compare these models at once, unless they just were."""
        is_other = tuple(entries) != self._entries
        if self.job.is_running:
            self.state.setText("⚠ Wait for the comparison that is running, or cancel it.")
        elif is_other:
            self._entries, self.found = tuple(entries), None
            self._fill()
        self._allow()
        self.show()
        self.raise_()
        if self.found is None and self._can_compare and not self.job.is_running:
            self.compare()

    def compare(self) -> None:
        """Run all models, in the background."""
        project, names = self.session.project, [one.card.name for one in self._entries]
        if project is None or not self._autosave.save():
            return
        self._of = project
        self.run_row.begin(
            "comparing models", lambda: jobs.side_by_side_steps(project, names), uses=names
        )

    def _on_found(self, found: SideBySide) -> None:
        if self._of is self.session.project:
            self.found = found
            self._fill()

    def _on_project(self) -> None:
        self.job.quit()
        self.found = None
        self._fill()

    def _fill(self) -> None:
        """Show what was found, within the distance that is chosen now."""
        self.table.clear()
        found, cutoff = self.found, self.cutoff.value()
        if found is None:
            for entry in self._entries:
                self.table.addTopLevelItem(row(entry.card.name))
            self.state.setText("")
            return
        best = found.best(cutoff)
        for one in found.models:
            texts = [one.card.name, *figures(found.totals(one, cutoff))]
            unseen = found.totals(one, cutoff, unseen_alone=True)
            f = unseen.f_score if unseen.images else math.nan
            texts.insert(5, "–" if math.isnan(f) else f"{f:.2f}")
            item = row(
                *texts,
                one.learnt_text,
                one.trained_on,
                is_bold=one is best,
                words=(0, LEARNT, TRAINED),
            )
            item.setToolTip(TRAINED, one.trained_on)
            self.table.addTopLevelItem(item)
        self.state.setText(verdict_text(found, cutoff))

    def _allow(self) -> None:
        complete = [
            one for one in self.session.summaries.values() if one.complete_frames or one.regions
        ]
        models = count(len(self._entries), "model")
        self.basis.setText(
            f"{models} on {count(len(complete), 'complete image')}." if complete else WHAT_TO_DO
        )
        self._can_compare = (
            bool(complete) and len(self._entries) > 1 and self.session.project is not None
        )
        self.run_row.set_text("Compare" if self.found is None else "Compare again")
        self.run_row.button.setEnabled(self._can_compare or self.job.is_running)


def verdict_text(found: SideBySide, cutoff_um: float) -> str:
    """Return in words which model to take, and how sure that is."""
    best = found.best(cutoff_um)
    if best is None:
        return (
            "⚠ Each of these images was learnt from by one of the models: the figures flatter it. "
            "Complete one more image to see which is best."
        )
    n_unseen = len({image for image, _ in found.unseen})
    text = f"{best.card.name} has the highest F on {count(n_unseen, 'image')}"
    if found.is_fair:
        return f"{text}; none of these models has learnt from them."
    return f"{text} that none has learnt from. ⚠ F over all images flatters those that have."
