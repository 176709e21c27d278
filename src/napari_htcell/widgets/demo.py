"""The main job on the sample project in a real napari window, by the dock's own buttons.

``python -m napari_htcell.widgets.demo --folder OUT [--stay]``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import napari
from qtpy.QtCore import QEventLoop, QTimer

from napari_htcell import demo
from napari_htcell.cli.reporting import SAY_SECONDS
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.progress import Progress
from napari_htcell.sample import copy_sample
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.worker import Job

WINDOW_SIZE = (1366, 768)
"""The smallest screen that the dock is made for."""

POLL_MS = 20

ZOOM = 2.5
"""Of the picture, in which a whole image's cells would be too small to see."""


def wait_until(is_reached: Callable[[], bool]) -> None:
    """Let the window work until a condition holds; its thread is never blocked."""
    while not is_reached():
        pause(POLL_MS)


def pause(milliseconds: int) -> None:
    """Let the window work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


class WindowDemo:
    """Does the main job in a window, as a user would who knows the truth.

    Parameters
    ----------
    folder : Path
        Where to copy the sample project; it must not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.project = copy_sample(folder)
        self.viewer = napari.Viewer(title="napari-htcell")
        self.viewer.window.resize(*WINDOW_SIZE)
        self.dock = HTCellPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="HTCell")
        self.session = self.dock.session
        self._said = 0.0

    def run(self) -> demo.DemoResult:
        """Do the whole job and take a picture of the window."""
        say("opening the sample project")
        self.open()
        before_model = self.session.model
        say(f"detecting in its {len(self.project.images)} images with {before_model}")
        self.detect_all()
        before = demo.scores(self.project)
        chosen = demo.choose_images(self.project)
        say(f"completing {', '.join(chosen)}")
        for name in chosen:
            self.complete(name)
        say("fine-tuning on these, some minutes")
        self._fine_tune()
        say(f"detecting again, with {self.session.model}")
        self.detect_all()
        after = demo.scores(self.project)
        counts, points = self._export()
        return demo.DemoResult(
            demo.rows(self.project, chosen, before, after),
            (before_model, self.session.model),
            self.project.path,
            counts,
            points,
            self._take_picture(chosen),
            kept=self._kept(),
        )

    def open(self) -> None:
        """Open the project and wait for its first image."""
        self.dock.images.open_folder(self.project.path)
        wait_until(lambda: self.session.document is not None)
        # The window's project is another object on the same folder; its exports are ours.
        if self.session.entry(DEFAULT_MODEL) is not None:
            self.session.choose_model(DEFAULT_MODEL)
        if not self.session.model:
            raise click.ClickException("there is no model to start from; install the package again")

    def detect_all(self) -> None:
        """Detect in all images of the project."""
        self.dock.show_step(Step.DETECT)
        self.dock.detect.run_all.button.click()
        self.finish(self.dock.detect.run_all.job)

    def complete(self, name: str) -> None:
        """Click what is missing, remove what is wrong, and mark the image complete."""
        self.dock.show_step(Step.CORRECT)
        self.show(name)
        document = self.session.document
        if document is None:
            raise click.ClickException(f"{name} cannot be shown")
        change = demo.correction(self.project, name, document.annotation)
        for index in sorted(change.wrong.tolist(), reverse=True):
            document.remove([index])
            self.session.changed()
        for place in change.missing:
            document.add(place)
            self.session.changed()
            pause(1)
        self.dock.correct.complete.click()
        wait_until(lambda: self.session.is_saved)

    def _fine_tune(self) -> None:
        self.dock.show_step(Step.FINE_TUNE)
        started_from = self.session.model
        self._said = time.monotonic()
        self.dock.fine_tune.run.button.click()
        self.dock.fine_tune.job.progressed.connect(self._say_now_and_then)
        self.finish(self.dock.fine_tune.job)
        if self.session.model == started_from:
            raise click.ClickException("fine-tuning did not end with a new model")

    def _say_now_and_then(self, progress: Progress) -> None:
        if time.monotonic() - self._said >= SAY_SECONDS:
            say(progress.in_words)
            self._said = time.monotonic()

    def _kept(self) -> str:
        entry = self.session.entry()
        return "" if entry is None else entry.card.kept_part

    def _export(self) -> tuple[Path, Path]:
        self.dock.show_step(Step.EXPORT)
        folder = self.project.exports_folder
        counts, points = folder / "counts.csv", folder / "points.csv"
        for path, export in (
            (counts, self.dock.export.export_counts),
            (points, self.dock.export.export_points),
        ):
            export(path)
            self.finish(self.dock.export.job)
        return counts, points

    def _take_picture(self, learnt_from: tuple[str, ...]) -> Path:
        """Show an image that was not learnt from, beside the clicks it came with."""
        unseen = [name for name in self.project.images if name not in learnt_from]
        self.show(unseen[len(unseen) // 2])
        self.dock.show_step(Step.CORRECT)
        camera = self.viewer.scene.camera
        camera.zoom *= ZOOM
        pause(500)
        path = self.project.exports_folder / "window.png"
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)
        return path

    def show(self, name: str) -> None:
        """Show an image of the project."""
        self.dock.images.show_image(name)
        wait_until(lambda: self.session.document is not None and self.session.document.name == name)

    def finish(self, job: Job) -> None:
        """Wait for a job, and stop here with its error if it fails."""
        errors: list[Exception] = []
        job.failed.connect(errors.append)
        wait_until(lambda: not job.is_running)
        job.failed.disconnect(errors.append)
        if errors:
            raise click.ClickException(str(errors[0]))


def say(what: str) -> None:
    """Tell who waits, beside the table that is printed at last, what is being done."""
    click.echo(f"{what} ...", err=True)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Where to copy the sample project; it must not be there yet.",
)
@click.option("--stay", is_flag=True, help="Leave the window open afterwards.")
def main(folder: Path, stay: bool) -> None:
    """Run the whole job on the sample project in napari's window."""
    try:
        job = WindowDemo(folder)
        result = job.run()
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(demo.table(result))
    sys.stdout.flush()
    if stay:
        napari.run()
    else:
        job.viewer.close()


if __name__ == "__main__":
    main()
