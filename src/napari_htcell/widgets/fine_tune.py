"""Fine-tune: one button that learns from the complete images, while clicking goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari.viewer
from qtpy.QtCore import QEvent
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QComboBox, QFormLayout, QLineEdit, QPushButton, QWidget
from superqt import QCollapsible

from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.progress import Progress
from napari_htcell.widgets import fields, jobs
from napari_htcell.widgets.learning_texts import learning_text, learnt_text
from napari_htcell.widgets.loss_curve import LossCurve
from napari_htcell.widgets.panel import JobRow, Panel, note
from napari_htcell.widgets.scrolled import inside_of
from napari_htcell.words import duration

if TYPE_CHECKING:
    from napari_htcell.forecast import Forecast
    from napari_htcell.models import Model
    from napari_htcell.prediction import Prediction
    from napari_htcell.project import Project
    from napari_htcell.widgets.document import Document

USUAL_VERSION = "the model's own"
"""What `learn.fine_tune` does where no version is named."""


TIMING = "Timing a few steps, to say how long it takes here…"
TOO_LITTLE = "So few cells would change nothing: complete another image, or a region of one."
FOLDED, UNFOLDED = "▸ Advanced", "▾ Advanced"


class FineTunePanel(Panel):
    """Improves the chosen model with the project's complete images.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.job, self._versions_job, self.again_job = (self.new_job() for _ in range(3))
        self._forecast_job, self._refusal_job = self.new_job(), self.new_job()
        self._asked: tuple[str, ...] = ()
        self._refusals: dict[tuple[str, ...], str] = {}
        self._foretold: tuple[object, ...] | None = None
        self._learns_in: Project | None = None
        self._has_learnt = False
        self._learnt = ""
        self._again: tuple[Document, DetectConfig] | None = None
        self._build()
        self.job.progressed.connect(self._on_progress)
        self.job.returned.connect(self._on_learnt)
        self.job.finished.connect(self._on_finished)
        self._versions_job.returned.connect(self._on_versions)
        self.again_job.returned.connect(self._on_again)
        self.again_job.finished.connect(self._on_again_finished)
        self._forecast_job.returned.connect(self._on_forecast)
        self._forecast_job.finished.connect(self._on_forecast_finished)
        self._refusal_job.returned.connect(self._on_refusal)
        self._refusal_job.failed.connect(self._on_refusal_failed)
        self.version.currentIndexChanged.connect(self._refresh)
        self.fold.toggled.connect(self._on_fold)
        for signal in (
            self.session.summaries_changed,
            self.session.project_changed,
            self.session.models_changed,
            self.session.model_changed,
        ):
            self.listen(signal, self._refresh)
        self._refresh()

    def _build(self) -> None:
        self.base, self.basis, self.duration = note(), note(), note()
        self.run = JobRow("Fine-tune", self.job, self.fine_tune)
        self.run.button.setToolTip(
            "<qt>Learns from your complete images and makes a new model; the one that it starts "
            "from stays as it is. You can go on clicking meanwhile</qt>"
        )
        self.curve = LossCurve()
        self.curve.hide()
        self.state = note()
        self.again = QPushButton()
        self.again.hide()
        self.again.clicked.connect(self._detect_again)
        layout = inside_of(self)
        # All of it is seen on a small laptop, after learning too.
        layout.setSpacing(4)
        for widget in (self.base, self.basis, self.duration, self.run, self.curve, self.state):
            layout.addWidget(widget)
        layout.addWidget(self.again)
        layout.addWidget(self._build_fold())
        layout.addStretch(1)

    def _build_fold(self) -> QCollapsible:
        self.version = QComboBox()
        self.version.addItem(USUAL_VERSION, None)
        self.version.setToolTip("<qt>By which recipe to learn</qt>")
        self.name = QLineEdit()
        self.name.setPlaceholderText("version and date")
        self.name.setToolTip("<qt>What the new model is called</qt>")
        self.seed = fields.whole_number(TrainConfig, "seed")
        inside = QWidget()
        form = QFormLayout(inside)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Version", self.version)
        form.addRow("Name", self.name)
        form.addRow("Seed", self.seed)
        # The sign is in the text, whose colour follows the theme; that of an icon does not.
        self.fold = QCollapsible(FOLDED, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self.fold.setDuration(0)
        self.fold.setContent(inside)
        self.fold.collapse(animate=False)
        return self.fold

    def fine_tune(self) -> None:
        """Learn from the complete images, in the background."""
        project, model = self.session.project, self.session.model
        # The files are read when learning starts: the last clicks have to be in them.
        if project is None or not self._can_learn() or not self.desk.autosave.save():
            return
        self.session.look_for_other_pixels(everywhere=True)
        version, seed = self.version.currentData(), self.seed.value()
        name = self.name.text().strip() or None
        self._forecast_job.quit()
        self._learns_in, self._has_learnt = project, False
        self.curve.clear()
        self.curve.show()
        self.again.hide()
        self.state.setText("Clicks from now on are for the next time; go on.")
        self.run.begin(
            "fine-tuning",
            lambda: jobs.fine_tune_steps(model, project, version, name, seed),
            uses=model,
        )

    def _can_learn(self) -> bool:
        can_start = bool(self.session.model) and not self._refusal()
        return can_start and learning_text(self.session)[1]

    def _refresh(self, *_: object) -> None:
        self.basis.setText(learning_text(self.session)[0])
        model = self.session.model
        usual = f"Starts from the model {model}." if model else "No model to start from."
        self.base.setText(self._refusal() or usual)
        if self._learnt and self.session.entry(self._learnt) is None:
            self.again.hide()  # Another folder was opened, which has no such model.
        if not self.job.is_running:
            self.run.button.setEnabled(self._can_learn())
        self._foretell()

    def _refusal(self) -> str:
        """Return why the chosen model cannot be fine-tuned by the chosen version, if so."""
        entry, version = self.session.entry(), self.version.currentData()
        if entry is None or entry.card.architecture == jobs.OFFERED_NETWORK:
            return ""
        card = entry.card
        asked = card.name, card.version, card.architecture, version or ""
        if asked not in self._refusals and not self._refusal_job.is_running:
            # Not here: what knows the versions loads for seconds.
            self._asked = asked
            self._refusal_job.start("checking the model", lambda: jobs.refusal_steps(card, version))
        return self._refusals.get(asked, f"Looking whether {card.name} can be fine-tuned…")

    def _on_refusal(self, reason: str) -> None:
        self._refusals[self._asked] = reason
        self._refresh()

    def _on_refusal_failed(self, _error: BaseException) -> None:
        # Whether it can be is then found out by trying.
        self._on_refusal("")

    def event(self, event: QEvent | None) -> bool:
        """Find out how long it would take when somebody turns to this step."""
        if event is not None and event.type() == QEvent.Type.ShowToParent:
            self._foretell()
        return super().event(event)

    def _foretell(self, *_: object) -> None:
        """Time a few steps in the background, if what is learnt from has changed since."""
        project, model = self.session.project, self.session.model
        version = self.version.currentData()
        if project is None or not self._can_learn():
            self.duration.setText("")
            self._foretold = None
            return
        basis = tuple(
            (name, one.complete_points, one.complete_frames, one.regions)
            for name, one in self.session.summaries.items()
            if one.complete_frames or one.regions
        )
        wanted = project.path, model, version, basis
        is_busy = self.job.is_running or self._forecast_job.is_running
        if wanted != self._foretold and self.isVisibleTo(self.window()) and not is_busy:
            self._foretold = wanted
            self.duration.setText(TIMING)
            self._forecast_job.start(
                "timing a few steps", lambda: jobs.forecast_steps(model, project, version)
            )

    def _on_forecast(self, found: Forecast) -> None:
        if found.is_too_little:
            self.duration.setText(TOO_LITTLE)
        else:
            self.duration.setText(f"Takes about {duration(found.seconds)} on this computer.")

    def _on_forecast_finished(self) -> None:
        if self.duration.text() == TIMING:
            self.duration.setText("")
        self._foretell()

    def _on_progress(self, progress: Progress) -> None:
        self.curve.add(progress.loss, progress.held_out_loss)

    def _on_learnt(self, model: Model) -> None:
        self._has_learnt = True
        # The model that was used stays in use until this one is complete, which it is now.
        if self.session.project is not self._learns_in:
            self.state.setText(f"{model.name} is ready in the folder that it learnt from.")
            self.again.hide()
            return
        self.session.refresh_models(choose=model.name)
        self.state.setText(learnt_text(model.card))
        self._learnt = model.name
        self.again.setText(f"Detect again with {model.name}")
        self.again.show()

    def _on_finished(self) -> None:
        if not self._has_learnt:
            self.state.setText(
                "Stopped; the old model is in use. Press Fine-tune to go on from here, unless you "
                "change the complete images."
            )
        self._refresh()

    def _on_fold(self, is_open: bool) -> None:
        self.fold.setText(UNFOLDED if is_open else FOLDED)
        if is_open and self.version.count() == 1 and not self._versions_job.is_running:
            self._versions_job.start("reading versions", jobs.versions_steps)

    def _on_versions(self, versions: list[tuple[str, str]]) -> None:
        for name, summary in versions:
            self.version.addItem(f"{name}: {summary}", name)

    def _detect_again(self) -> None:
        document, project = self.session.document, self.session.project
        entry = self.session.entry(self._learnt)
        if document is None or entry is None or self.again_job.is_running:
            return
        self._again = document, self.session.preferences.over(entry.card.detection)
        name, picture, settings = entry.card.name, document.picture, self._again[1]
        self.again.setEnabled(False)
        self.again_job.start(
            "detecting",
            lambda: jobs.predict_steps(picture, name, project, settings=settings),
            uses=name,
        )

    def _on_again(self, prediction: Prediction) -> None:
        if self._again is not None:
            document, settings = self._again
            self.session.predicted(document, prediction, settings)

    def _on_again_finished(self) -> None:
        self.again.setEnabled(True)
