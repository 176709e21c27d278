"""A hundred corrections by mouse and keys, in the mix that a person makes, on a large image.

A simulated image of 2048 x 1532 pixels with what the shipped model finds in it, and the clicks of a
person in a hurry. Measured is the time from the last event of a correction (the release of the
button, the key) until the window has painted it, the window's thread's own time in that, and the
time until it is saved, in which the pause of the autosave (500 ms) is included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from project_panel import LARGE_PX
from qtpy.QtCore import Qt
from real_window import Window, summary

from napari_htcell import Project
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.widgets.htcell import Step

ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier

MIX = {"accept": 40, "reject": 20, "add": 20, "drag": 8, "remove": 4, "rectangle": 4, "undo": 4}
"""A hundred corrections."""

ALONE_PX = 32.0
"""No other symbol lies within this many pixels of the image of one that is clicked: the reach of a
click, 8 pixels of the screen, with the whole image in a narrow window."""

CELLS_PER_MM2 = 250.0


def make_large(folder: Path) -> Project:
    """Return a project of one large image."""
    height, width = LARGE_PX
    config = SimulationConfig(height_px=height, width_px=width, cells_per_mm2=CELLS_PER_MM2)
    return make_project(folder, config, n_images=1, n_masks=0)


class Person:
    """Makes one correction of a kind where there is something to correct.

    Parameters
    ----------
    window : Window
    rng : numpy.random.Generator
        Source of which one.
    """

    def __init__(self, window: Window, rng: np.random.Generator) -> None:
        self.hand, self.dock, self.rng = window.hand, window.dock, rng

    def accept(self) -> None:
        """Click on a candidate."""
        self.hand.click(self._candidate())

    def reject(self) -> None:
        """Click on a candidate with the right button."""
        self.hand.click(self._candidate(), self.hand.RIGHT)

    def add(self) -> None:
        """Click on empty ground."""
        self.hand.click(self._empty())

    def drag(self) -> None:
        """Move an annotated point a little."""
        place = self._annotated()
        self.hand.drag(place, place + 16)

    def remove(self) -> None:
        """Click on an annotated point with Alt."""
        self.hand.click(self._annotated(), modifier=ALT)

    def rectangle(self) -> None:
        """Accept what is in a rectangle around a candidate."""
        place = self._candidate()
        self.hand.drag(place - 40, place + 40, modifier=SHIFT)

    def undo(self) -> None:
        """Take the last correction back."""
        self.hand.key(Qt.Key.Key_Z, CTRL)

    def _known(self) -> tuple[np.ndarray, np.ndarray]:
        document = self.dock.session.document
        return document.annotation.points, document.candidates.points

    def _candidate(self) -> np.ndarray:
        annotated, candidates = self._known()
        return self._alone(candidates, np.concatenate([annotated, candidates]))

    def _annotated(self) -> np.ndarray:
        annotated, candidates = self._known()
        return self._alone(annotated, np.concatenate([annotated, candidates]))

    def _empty(self) -> np.ndarray:
        places = self.rng.uniform(60, np.asarray(LARGE_PX) - 60, (200, 2)).round()
        return self._alone(places, np.concatenate(self._known()), is_one=False)

    def _alone(self, places: np.ndarray, all_: np.ndarray, *, is_one: bool = True) -> np.ndarray:
        """Return one of the places that has no symbol near, besides its own."""
        inside = ((places > 60) & (places < np.asarray(LARGE_PX) - 60)).all(axis=1)
        away = np.linalg.norm(places[:, None] - all_[None], axis=-1)
        near = (away < ALONE_PX).sum(axis=1)
        chosen: np.ndarray = self.rng.permutation(places[inside & (near == int(is_one))])[0]
        return chosen


def measure_correcting(window: Window, project: Project) -> dict[str, Any]:
    """Return how long a hundred corrections take to be painted, and to be saved."""
    session, dock, rng = window.dock.session, window.dock, np.random.default_rng(0)
    dock.images.open_folder(project.path)
    window.wait(lambda: window.is_shown(project.images[0]))
    dock.detect.run.button.click()
    window.wait(lambda: session.document.found is not None and session.is_saved)
    dock.show_step(Step.CORRECT)
    window.settle()
    n_found, n_annotated = len(session.document.found), len(session.document.annotation.points)
    person = Person(window, rng)
    kinds = rng.permutation([kind for kind, times in MIX.items() for _ in range(times)])
    # A person looks; the first click of the day is not counted either.
    person.accept()
    times: dict[str, list[float]] = {"painted": [], "thread": [], "saved": []}
    of_kind: dict[str, list[float]] = {kind: [] for kind in MIX}
    window.late.clear()
    start = time.perf_counter()
    for kind in kinds.tolist():
        painted, thread, saved = _correct(window, getattr(person, kind))
        for name, value in (("painted", painted), ("thread", thread), ("saved", saved)):
            times[name].append(value)
        of_kind[kind].append(painted)
    return {
        "corrections": len(kinds),
        "detections": n_found,
        "annotated_at_first": n_annotated,
        "all_s": round(time.perf_counter() - start, 1),
        **{name: summary(values) for name, values in times.items()},
        "painted_by_kind": {kind: summary(values) for kind, values in of_kind.items()},
        "delay_p95_ms": round(float(np.percentile(window.late, 95)), 1),
    }


def _correct(window: Window, act: Callable[[], None]) -> tuple[float, float, float]:
    session, clock = window.dock.session, window.clock
    before = session.document.annotation
    act()
    painted = clock.painted_ms
    if session.document.annotation is before:
        raise RuntimeError(f"{act.__name__} has changed nothing")
    window.wait(lambda: session.is_saved)
    return painted, clock.cpu_ms, 1000 * (time.perf_counter() - clock.event_at)
