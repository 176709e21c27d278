"""The work on the sample project in the real window, step by step, for the pictures of docs/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qtpy.QtWidgets import QWidget

from napari_htcell import demo as job
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.sample import read_truth
from napari_htcell.widgets.demo import ZOOM, WindowDemo, wait_until
from napari_htcell.widgets.htcell import Step

ENOUGH_OF_CURVE = 20
"""Points of the dashed curve, which is drawn last."""

OURS = "ours"
"""Name of the fine-tuned model: the usual one has the date in it."""

Part = Literal["window", "dock", "dialog"]


class Tour:
    """Does the work step by step, as a user would who knows the truth.

    Parameters
    ----------
    folder : Path
        Where to copy the sample project; it must not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.demo = WindowDemo(folder)
        self.viewer, self.dock = self.demo.viewer, self.demo.dock
        self.session, self.project = self.demo.session, self.demo.project
        self.complete = job.choose_images(self.project)
        self.dialog: QWidget | None = None

    def start(self) -> None:
        """Show the window as it is at first."""

    def open(self) -> None:
        """Open the folder; the list fills."""
        self.demo.open()
        images = self.dock.images
        visible: Any = images.list.viewport()
        bottom = images.list.indexAt(visible.rect().bottomLeft()).row()
        names = images.shown.names[: bottom if bottom > 0 else None]
        wait_until(lambda: images.filling.is_done and all(map(images.thumbnails.is_made, names)))

    def detect(self) -> None:
        """Detect in an image that stays partly clicked."""
        self.demo.show(self.partial)
        self.dock.show_step(Step.DETECT)
        self.dock.detect.run.button.click()
        wait_until(lambda: self.session.document.found is not None)

    def heat_map(self) -> None:
        """Look closer, at what the network saw."""
        self.viewer.scene.camera.zoom *= ZOOM
        self.dock.detect.shown.heat_map.click()

    def correct(self) -> None:
        """Turn to annotated cells and candidates."""
        self.dock.detect.shown.heat_map.click()
        self.dock.show_step(Step.CORRECT)

    def region(self) -> None:
        """Begin to draw a complete region."""
        self.dock.correct.region_button.click()

    def keys(self) -> None:
        """Look at the page of keys."""
        self.dock.correct.region_button.click()
        self.dialog = self.dock.correct.keys_page
        self.dialog.show()

    def completed(self) -> None:
        """Finish an image."""
        self.demo.complete(self.complete[0])

    def next_useful(self) -> None:
        """Detect everywhere, and ask which image to correct next."""
        self.demo.detect_all()
        self.dock.show_step(Step.CORRECT)
        self.dock.images.useful_button.click()
        wait_until(lambda: bool(self.dock.images.reason.text()))

    def before_learning(self) -> None:
        """Finish the others, and turn to Fine-tune."""
        for name in self.complete[1:]:
            self.demo.complete(name)
        panel = self.dock.fine_tune
        self.dock.show_step(Step.FINE_TUNE)
        wait_until(lambda: "about" in panel.duration.text())

    def learning(self) -> None:
        """Press the button, and wait until most is done."""
        panel = self.dock.fine_tune
        panel.name.setText(OURS)
        panel.run.button.click()
        curve = panel.curve.held_out
        wait_until(lambda: len(curve.values) > ENOUGH_OF_CURVE or not panel.job.is_running)

    def learnt(self) -> None:
        """Wait for the new model."""
        panel = self.dock.fine_tune
        self.demo.finish(panel.job)
        wait_until(lambda: "about" in panel.duration.text())

    def evaluate(self) -> None:
        """Finish an image that the new model does not know, and compare."""
        self.demo.detect_all()
        self.demo.complete(self.partial)
        panel = self.dock.evaluate
        self.dock.show_step(Step.EVALUATE)
        wait_until(lambda: panel.comparing.comparison is not None and not panel.job.is_running)
        panel.pages.setCurrentIndex(0)

    def errors(self) -> None:
        """Look at the errors in it, one after another."""
        panel = self.dock.evaluate
        panel.pages.setCurrentWidget(panel.errors)
        panel.errors.step(1)

    def threshold(self) -> None:
        """Turn to precision and recall."""
        panel = self.dock.evaluate
        panel.pages.setCurrentWidget(panel.curve)

    def card(self) -> None:
        """Look at the card of the new model."""
        self.dock.show_step(Step.DETECT)
        self.session.choose_model(OURS)
        choice = self.dock.detect.model
        choice.card_button.click()
        self.dialog = choice.card_dialog

    def models(self) -> None:
        """Compare it with the one that it was made from."""
        choice = self.dock.detect.model
        choice.models_button.click()
        choice.models_dialog.select(DEFAULT_MODEL, OURS)
        self.dialog = choice.models_dialog

    def side_by_side(self) -> None:
        """Run both on the complete images."""
        models = self.dock.detect.model.models_dialog
        models.compare_button.click()
        self.dialog = models.side_by_side
        wait_until(lambda: models.side_by_side.found is not None)

    def export(self) -> None:
        """Export the counts."""
        self.dock.show_step(Step.EXPORT)
        panel = self.dock.export
        panel.export_counts(self.project.exports_folder / "counts.csv")
        self.demo.finish(panel.job)

    def import_clicks(self) -> None:
        """Import a file of Cell Counter with two kinds of points."""
        panel = self.dock.export.importer
        panel.import_from(self._cell_counter_file())
        wait_until(lambda: not panel.is_running)

    @property
    def partial(self) -> str:
        """An image that fine-tuning does not learn from."""
        rest = [name for name in self.project.images if name not in self.complete]
        return rest[len(rest) // 2]

    def _cell_counter_file(self) -> Path:
        """Write what Fiji would."""
        name = self.partial
        types = ""
        truth = read_truth(self.project, name).round().astype(int).tolist()
        for number, (kind, places) in enumerate(
            (("cells", truth), ("debris", truth[::9])), start=1
        ):
            markers = "".join(
                f"<Marker><MarkerX>{x}</MarkerX><MarkerY>{y}</MarkerY><MarkerZ>1</MarkerZ></Marker>"
                for y, x in places
            )
            types += f"<Marker_Type><Type>{number}</Type><Name>{kind}</Name>{markers}</Marker_Type>"
        path = self.project.path / f"CellCounter_{name}.xml"
        path.write_text(
            "<CellCounter_Marker_File><Image_Properties><Image_Filename>"
            f"{name}</Image_Filename></Image_Properties><Marker_Data>{types}</Marker_Data>"
            "</CellCounter_Marker_File>",
            encoding="utf-8",
        )
        return path


@dataclass(frozen=True)
class Picture:
    """A step, and what of it is shown in docs/.

    Parameters
    ----------
    name : str
    do : callable
        Does the step.
    file : str
        Relative to docs/; empty if it is shown nowhere.
    part : {"window", "dock", "dialog"}
        What is shown; a dialog is shown alone everywhere.
    """

    name: str
    do: Callable[[Tour], None]
    file: str = ""
    part: Part = "window"


PICTURES = (
    Picture("start", Tour.start),
    Picture("open", Tour.open, "pictures/open.png"),
    Picture("detect", Tour.detect, "pictures/detect.png"),
    Picture("heat_map", Tour.heat_map),
    Picture("correct", Tour.correct, "window.png"),
    Picture("region", Tour.region),
    Picture("keys", Tour.keys, part="dialog"),
    Picture("complete", Tour.completed),
    Picture("next", Tour.next_useful, "pictures/next.png", "dock"),
    Picture("fine_tune", Tour.before_learning, "pictures/fine_tune.png", "dock"),
    Picture("learning", Tour.learning, "pictures/learning.png", "dock"),
    Picture("learnt", Tour.learnt, "pictures/learnt.png", "dock"),
    Picture("evaluate", Tour.evaluate, "pictures/evaluate.png", "dock"),
    Picture("errors", Tour.errors, "pictures/errors.png"),
    Picture("threshold", Tour.threshold, "pictures/threshold.png", "dock"),
    Picture("card", Tour.card, part="dialog"),
    Picture("models", Tour.models, part="dialog"),
    Picture("side_by_side", Tour.side_by_side, part="dialog"),
    Picture("export", Tour.export, "pictures/export.png", "dock"),
    Picture("import", Tour.import_clicks),
)
"""All steps in their order; each goes on where the one before has ended."""
