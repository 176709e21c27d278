"""Kill the program at random moments of what it does, and see what is left.

    .venv/bin/python benchmarks/kills.py --moments 200 --output benchmarks/kills.json

Each time a process of its own clicks with the window's autosave, fine-tunes, saves models, detects
in a project or exports, and says what it has done that a user could rely on. It is killed (SIGKILL)
at a random moment. Then the project has to open; all that was said to be saved must be there, and
nothing may be there by half; a training and a detection go on, and end as if never killed.
Exits with 1 at a fault. Needs fork, so not Windows.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import openpyxl
import small
import torch
from qtpy.QtCore import QCoreApplication, QTimer

from napari_htcell import atomic, batch, checkpoint, export_files, learn, models
from napari_htcell.config import Preferences
from napari_htcell.formats import What
from napari_htcell.models import Model
from napari_htcell.project import open_project
from napari_htcell.rois import read_rois
from napari_htcell.training_job import CHECKING
from napari_htcell.widgets.autosave import Autosave
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.picture import Picture
from napari_htcell.widgets.session import Session

STEPS, CLICK_MS, PAUSE_MS = 30, 3, 140
TABLES = ("counts.csv", "counts.xlsx", "points.zip")

Tell = Callable[[str], None]


class Act(ABC):
    """Something that the program does, with what must hold when it was killed.

    Parameters
    ----------
    folder : Path
        A small project of its own.
    """

    seconds = 0.5
    """Latest moment of a kill, from the first thing that was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def run(self, tell: Tell) -> None:
        """Do it, in the process that is killed; tell of what a user could rely on."""

    @abstractmethod
    def faults(self, told: Sequence[str]) -> list[str]:
        """Return what is wrong with what is left."""


class Clicking(Act):
    """Clicks, and the autosave that follows them."""

    seconds = 1.0

    def run(self, tell: Tell) -> None:
        """Click until killed; a click is told of once the window would say that it is saved."""
        app = QCoreApplication([])
        session = Session(Preferences(autosave_seconds=0.1))
        project = open_project(self.folder)
        session.open(project, {})
        name = project.images[0]
        picture = Picture(name, np.zeros((9999, 9999), np.uint8), pixel_size_um=1.61)
        stamps, annotation = project.stamps(name), project.annotation(name)
        document = Document(picture, annotation, in_project=True)
        document.stamps = stamps
        session.show(document)
        autosave = Autosave(session)
        rng = np.random.default_rng()

        def on_saved() -> None:
            if session.is_saved:
                tell(json.dumps(document.annotation.points.tolist()))

        def on_click() -> None:
            document.add(rng.integers(0, 9999, 2).astype(float))
            session.changed()
            # Every now and then a person pauses, which is when the autosave saves.
            timer.start(PAUSE_MS if rng.random() < 0.3 else CLICK_MS)

        session.saved_changed.connect(on_saved)
        timer = QTimer()
        timer.setSingleShot(True)
        timer.timeout.connect(on_click)
        timer.start(CLICK_MS)
        tell("[]")
        app.exec()
        autosave.save()

    def faults(self, told: Sequence[str]) -> list[str]:
        """Return how many clicks are missing that were said to be saved."""
        project = open_project(self.folder)
        found = project.annotation(project.images[0])
        kept = {tuple(point) for point in found.points.tolist()}
        missing = {tuple(point) for point in json.loads(told[-1])} - kept
        return [f"{len(missing)} clicks are missing"] if missing else []


class FineTuning(Act):
    """Fine-tuning, which goes on at the next start until it is finished."""

    seconds = 1.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        whole = folder.with_name(f"{folder.name}-whole")
        shutil.copytree(folder, whole)
        self._expected = _weights(_fine_tune(whole, "new", lambda _: None))
        self._number, self._step, self.finished, self.resumed = 0, 0, 0, 0

    def run(self, tell: Tell) -> None:
        """Fine-tune to the end, telling of each step."""
        _fine_tune(self.folder, "new", tell)
        tell("finished")
        time.sleep(60)

    def faults(self, told: Sequence[str]) -> list[str]:
        """Return what is wrong with the models, and whether a step was done twice."""
        project = open_project(self.folder)
        new = [one for one in models.list_models(project) if one.card.name == "new"]
        faults = []
        steps = [int(one) for one in told if one.isdecimal()]
        if steps and self._step:
            self.resumed += 1
            if steps[0] <= self._step:
                faults.append(f"step {steps[0]} again, after {self._step} had been kept")
        if new:
            same = _weights(models.load_model(new[0].folder)) == self._expected
            faults += [] if same else ["another model than of a run that was never killed"]
            shutil.rmtree(project.models_folder / "new")
            shutil.rmtree(project.training_folder, ignore_errors=True)
            self.finished += 1
        elif "finished" in told:
            faults.append("a finished model is not there")
        states = project.training_folder.glob("*.safetensors")
        # Several parts are one job: each that is begun has gone through what it says.
        self._step = sum(_step_of(path) for path in states)
        return faults


class SavingModels(Act):
    """Models that are saved one after the other."""

    def run(self, tell: Tell) -> None:
        """Save models until killed, telling of each."""
        project = open_project(self.folder)
        model = models.load_model(project.models_folder / small.NAME)
        number = len(models.list_models(project))
        while True:
            card = model.card.model_copy(update={"name": f"m{number}"})
            models.save_model(Model(card, model.network), project.models_folder)
            tell(card.name)
            number += 1

    def faults(self, told: Sequence[str]) -> list[str]:
        """Return which models are missing, or cannot be loaded though they are listed."""
        project, faults = open_project(self.folder), []
        listed = [one for one in models.list_models(project) if one.origin == "project"]
        for name in set(told) - {one.card.name for one in listed}:
            faults.append(f"{name} is missing")
        for one in listed:
            try:
                models.load_model(one.folder)
            except models.ModelError as error:
                faults.append(str(error))
            if one.card.name != small.NAME:
                shutil.rmtree(one.folder)
        return faults


class Detecting(Act):
    """Detection in all images of a project, begun anew each time."""

    def run(self, tell: Tell) -> None:
        """Detect until killed, telling of each image that is finished."""
        project = open_project(self.folder)
        model = models.load_model(project.models_folder / small.NAME)
        shutil.rmtree(project.path / "detections", ignore_errors=True)
        tell("")
        while True:
            for step in batch.detect_project(project, model):
                finished = step.done // batch.UNITS
                if step.done % batch.UNITS == 0:
                    tell(project.images[finished - 1])

    def faults(self, told: Sequence[str]) -> list[str]:
        """Return which detections are missing or damaged; all are there after another run."""
        project, faults = open_project(self.folder), []
        kept = {}
        for name in project.images:
            try:
                kept[name] = project.detections(name)
            except ValueError as error:
                faults.append(str(error))
        # One image may be being replaced, in the second round: then it counts as not looked at.
        gone = [name for name in set(told) - {""} if kept.get(name) is None]
        if len(gone) > 1:
            faults.append(f"detections of {len(gone)} images are missing")
        model = models.load_model(project.models_folder / small.NAME)
        for _ in batch.detect_project(project, model):
            pass
        if any(project.detections(name) is None for name in project.images):
            faults.append("another run does not finish")
        return faults


class Exporting(Act):
    """Tables that are exported over those of before."""

    def run(self, tell: Tell) -> None:
        """Export until killed, telling of each file."""
        project = open_project(self.folder)
        while True:
            for name in TABLES:
                what: What = "points" if name.endswith(".zip") else "counts"
                for _ in export_files.export_steps(project, project.exports_folder / name, what):
                    pass
                tell(name)

    def faults(self, told: Sequence[str]) -> list[str]:
        """Return which files are missing or cannot be read."""
        folder, faults = open_project(self.folder).exports_folder, []
        faults += [f"{name} is missing" for name in set(told) if not (folder / name).exists()]
        for name in TABLES:
            path = folder / name
            try:
                if path.suffix == ".xlsx" and path.exists():
                    openpyxl.load_workbook(path).close()
                elif path.suffix == ".zip" and path.exists():
                    read_rois(path)
                elif path.exists() and not path.read_text(encoding="utf-8").endswith("\n"):
                    faults.append(f"{name} is cut short")
            except Exception as error:  # noqa: BLE001
                faults.append(f"{name}: {error}")
        return faults


ACTS: dict[str, type[Act]] = {
    "clicking with autosave": Clicking,
    "fine-tuning": FineTuning,
    "saving a model": SavingModels,
    "detecting in a project": Detecting,
    "exporting": Exporting,
}


def _fine_tune(folder: Path, name: str, tell: Tell) -> Model:
    project = open_project(folder)
    model = models.load_model(project.models_folder / small.NAME)
    steps = learn.fine_tune_steps(model, project, small.VERSION, name=name)
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            result: Model = stop.value
            return result
        if progress.loss is not None or progress.what == CHECKING:
            tell(str(progress.done))


def _step_of(path: Path) -> int:
    job = checkpoint.safetensors.safe_open(path, framework="pt").metadata()["job"]
    state = checkpoint.peek(path, job)
    return 0 if state is None else state.step


def _weights(model: Model) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.network.state_dict().values())


def kill_once(act: Act, moment: float) -> tuple[list[str], bool]:
    """Run an act in a process, kill it, and return what it told and whether it ended itself."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(reading)

        def tell(text: str) -> None:
            os.write(writing, f"{text}\n".encode())

        try:
            act.run(tell)
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            # Neither the parent's exit handlers nor its buffers are this process's.
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        first = stream.readline()
        time.sleep(moment)
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        # What was told in part was not told.
        rest = stream.read().split(b"\n")[:-1]
    told = [line.decode() for line in [first.rstrip(b"\n"), *rest]] if first else []
    return told, not os.WIFSIGNALED(status)


def run_act(name: str, folder: Path, moments: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return what became of an act that was killed so many times."""
    small.make_small(folder)
    act, faults, told_all = ACTS[name](folder), [], 0
    for number in range(moments):
        told, ended = kill_once(act, rng.uniform(0, act.seconds))
        told_all += len(told)
        found = ["ended by itself"] if ended or not told else act.faults(told)
        faults += [f"moment {number}: {one}" for one in found]
    left = len(list(folder.rglob(f"{atomic.PREFIX}*")))
    result = {"moments": moments, "told": told_all, "faults": faults, "unfinished_files": left}
    if isinstance(act, FineTuning):
        result |= {"resumed": act.resumed, "finished": act.finished}
    return result


@click.command()
@click.option("--moments", default=200, show_default=True, help="Kills in all.")
@click.option("--seed", default=0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="JSON file of the results.")
def main(moments: int, seed: int, output: Path | None) -> None:
    """Kill the program at random moments and report what is left."""
    torch.set_num_threads(1)
    small.shorten(STEPS)
    rng, started = np.random.default_rng(seed), time.monotonic()
    acts = {}
    with tempfile.TemporaryDirectory() as folder:
        models.user_folder = lambda: Path(folder) / "none"  # type: ignore[assignment]
        for index, name in enumerate(ACTS):
            share = moments // len(ACTS) + (index < moments % len(ACTS))
            acts[name] = run_act(name, Path(folder) / str(index), share, rng)
            click.echo(f"{name}: {json.dumps(acts[name])}")
    n_faults = sum(len(one["faults"]) for one in acts.values())
    result = {
        "moments": moments,
        "faults": n_faults,
        "acts": acts,
        "seed": seed,
        "seconds": round(time.monotonic() - started),
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if n_faults else 0)


if __name__ == "__main__":
    main()
