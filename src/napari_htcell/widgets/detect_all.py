"""Detecting in all images of a project, or in those selected, and what the list says afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error

from napari_htcell.config import DetectConfig
from napari_htcell.summaries import Summary, summaries_steps
from napari_htcell.widgets import jobs
from napari_htcell.widgets.panel import JobRow, Panel

if TYPE_CHECKING:
    from napari_htcell.batch import FileResult


class DetectAll(JobRow):
    """Runs the chosen model over many images.

    Parameters
    ----------
    panel : Panel
        Whose project it is; the row lives as long.
    settings : callable
        Returns how points are to be drawn.
    """

    def __init__(self, panel: Panel, settings: Callable[[], DetectConfig]) -> None:
        self.job, self._count_job = panel.new_job(), panel.new_job()
        super().__init__("Detect in all images", self.job, self.detect)
        self._session, self._autosave = panel.session, panel.desk.autosave
        self._settings = settings
        self._counted = self._session.project
        self._is_count_old = False
        self.button.setToolTip(
            "<qt>Select several images in the list (Ctrl or Shift and click) to detect in these "
            "alone</qt>"
        )
        self.job.returned.connect(self._on_detected)
        self.job.finished.connect(self._on_finished)
        self._count_job.returned.connect(self._on_counted)
        self._count_job.finished.connect(self._on_count_finished)

    def detect(self) -> None:
        """Run the model over all images of the project, or those selected, in the background."""
        project, name, settings = self._session.project, self._session.model, self._settings()
        if project is None or not name or not self._autosave.save():
            return
        names = self._selected()
        self.begin(
            "detecting in many images",
            lambda: jobs.predict_all_steps(project, name, settings, names),
            uses=name,
        )

    def refresh(self) -> None:
        """Say what the button would do now."""
        project, names = self._session.project, self._selected()
        self.setVisible(project is not None)
        if project is not None:
            n_all = len(project.images)
            usual = f"all {n_all} images" if n_all > 1 else "the whole project"
            which = usual if names is None else f"{len(names)} selected images"
            self.set_text(f"Detect in {which}")
        self.button.setEnabled(bool(self._session.model) or self.is_running)

    def _selected(self) -> tuple[str, ...] | None:
        """Return the images selected in the list; one alone is only the one that is shown."""
        return self._session.selected if len(self._session.selected) > 1 else None

    def _on_detected(self, results: list[FileResult]) -> None:
        failed = [one.error for one in results if one.error is not None]
        if failed:
            show_error(f"{len(failed)} of {len(results)} images were left out: {failed[0]}")

    def _on_finished(self) -> None:
        self.refresh()
        # Images finished before a cancel are kept as well.
        self._session.reread_detections()
        self._count()

    def _count(self) -> None:
        """Read what the list says of the images; from the beginning, if that is under way."""
        if self._count_job.is_running:
            self._is_count_old = True
            self._count_job.quit()
            return
        project = self._counted = self._session.project
        if project is not None:
            self._count_job.start("counting", lambda: summaries_steps(project))

    def _on_counted(self, summaries: dict[str, Summary]) -> None:
        if self._counted is self._session.project and not self._is_count_old:
            self._session.take_summaries(summaries)

    def _on_count_finished(self) -> None:
        if self._is_count_old:
            self._is_count_old = False
            self._count()
