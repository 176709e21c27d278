"""The one bridge between the core's generators and the window's thread."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import superqt.utils
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QThreadPool, Signal

from napari_htcell.atomic import PREFIX
from napari_htcell.memory import SHORT_OF_MEMORY, is_short_of_memory
from napari_htcell.progress import Progress

Steps = Generator[Progress, None, Any]

REPORT_SECONDS = 0.05
"""Least time between two reports: training yields faster than a window can draw."""

MIN_THREADS = 8
"""On a small machine what runs in the background would keep the next image waiting: training,
detection, thumbnails, reading ahead, counting."""

EXPECTED = (ValueError, OSError)
"""Errors whose text says all that a user needs; of others a developer wants the traceback."""

_log = logging.getLogger(__name__)

_RUNNING: set[Job] = set()
"""All windows' jobs with a thread at work."""


@dataclass(frozen=True)
class _Outcome:
    result: Any = None
    error: BaseException | None = None
    is_complete: bool = False


class _Mean:
    """The mean of what came since it was last taken."""

    def __init__(self) -> None:
        self._values: list[float] = []

    def add(self, value: float | None) -> None:
        """Count a value, if there is one."""
        if value is not None:
            self._values.append(value)

    def take(self) -> float | None:
        """Return the mean, None without a value, and begin anew."""
        values, self._values = self._values, []
        return sum(values) / len(values) if values else None


class Job(QObject):
    """Runs a generator of `Progress` in another thread; its signals arrive in the window's.

    One at a time. `progressed` carries a `Progress`, `returned` the generator's result, `failed`
    the exception; `finished` comes last, always. A job has no parent in Qt, so that it lives until
    its thread has ended, even if the widget that started it is gone.
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(object)
    finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._worker: superqt.utils.FunctionWorker[None] | None = None
        self._outcome = _Outcome()
        self.uses: frozenset[str] = frozenset()

    @property
    def is_running(self) -> bool:
        """Whether there is a thread at work."""
        return self._worker is not None

    @property
    def is_quitting(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self._worker is not None and bool(self._worker.abort_requested)

    def start(
        self,
        what: str,
        make: Callable[[], Steps],
        uses: str | Collection[str] = (),
        *,
        is_asked_about: bool = False,
    ) -> None:
        """Run a job.

        Parameters
        ----------
        what : str
            In words for the user.
        make : callable
            Makes the generator, in the other thread.
        uses : str or collection of str, optional
            Name of the model that it needs until it ends, or of several.
        is_asked_about : bool, optional
            Whether napari names it, and asks, when it is closed meanwhile. For that napari keeps a
            record of it for good, so no job that comes with every click or image asks for it.

        Raises
        ------
        RuntimeError
            If one is running.
        """
        if self.is_running:
            raise RuntimeError(f"cannot start {what}: wait for the job that is running")
        pool = QThreadPool.globalInstance()
        if pool is not None:
            pool.setMaxThreadCount(max(MIN_THREADS, pool.maxThreadCount()))
        self._outcome = _Outcome()
        self.uses = frozenset([uses] if isinstance(uses, str) else uses) - {""}
        _RUNNING.add(self)
        create = create_worker if is_asked_about else superqt.utils.create_worker
        self._worker = create(_Drive(self, what, make))
        self._worker.finished.connect(self._finish)  # type: ignore[arg-type]  # it has none
        self._worker.start()

    def quit(self) -> None:
        """Ask the job to stop at its next report."""
        if self._worker is not None:
            self._worker.quit()

    def drive(self, make: Callable[[], Steps]) -> None:
        """Run a generator to its end or until the job is asked to stop; in the other thread."""
        try:
            # A closed training saves its state, which must not happen in the window's thread.
            with contextlib.closing(make()) as steps:
                self._outcome = self._run(steps)
        # Whatever goes wrong has to reach the user: a thread has no other way to tell. A panic of a
        # library in Rust is no Exception, and would end the whole program here.
        except BaseException as error:  # noqa: BLE001
            self._outcome = _Outcome(error=error)

    def _run(self, steps: Steps) -> _Outcome:
        losses, held_out = _Mean(), _Mean()
        reported = 0.0
        while self._worker is not None and not self._worker.abort_requested:
            try:
                progress = next(steps)
            except StopIteration as end:
                return _Outcome(result=end.value, is_complete=True)
            losses.add(progress.loss)
            held_out.add(progress.held_out_loss)
            if time.monotonic() - reported >= REPORT_SECONDS or progress.done >= progress.total:
                self.progressed.emit(
                    replace(progress, loss=losses.take(), held_out_loss=held_out.take())
                )
                reported = time.monotonic()
        return _Outcome()

    def _finish(self) -> None:
        self._worker = None
        _RUNNING.discard(self)
        outcome, self._outcome = self._outcome, _Outcome()
        if outcome.error is not None:
            if not isinstance(outcome.error, EXPECTED):
                _log.error("a job failed", exc_info=outcome.error)
            show_error(error_text(outcome.error))
            self.failed.emit(outcome.error)
        elif outcome.is_complete:
            self.returned.emit(outcome.result)
        self.finished.emit()


def models_in_use() -> frozenset[str]:
    """Return the names of the models that jobs of any window are using."""
    return frozenset(name for job in _RUNNING for name in job.uses)


class _Drive:
    """What the thread calls.

    A plain call rather than a generator: napari's worker for generators takes a RuntimeError, which
    is what torch raises when memory is short, for a worker deleted, and never finishes.
    """

    def __init__(self, job: Job, what: str, make: Callable[[], Steps]) -> None:
        self._what = what
        self._todo: tuple[Job, Callable[[], Steps]] | None = (job, make)

    def __call__(self) -> None:
        # napari keeps all workers there ever were, and with them this: not the images as well.
        todo, self._todo = self._todo, None
        if todo is not None:
            job, make = todo
            job.drive(make)

    def __str__(self) -> str:
        return f"HTCell: {self._what}"


def error_text(error: BaseException) -> str:
    """Return an error in one line for the user; those of the core are written for them."""
    text = str(error).strip().splitlines()
    if is_short_of_memory(error):
        return text[0] if isinstance(error, MemoryError) and text else SHORT_OF_MEMORY
    if isinstance(error, OSError) and error.strerror and error.filename:
        place = Path(error.filename)
        # Of a file under another name as long as it is being written.
        return f"{place.parent if place.name.startswith(PREFIX) else place}: {error.strerror}"
    if isinstance(error, EXPECTED) and text:
        return text[0]
    return f"{type(error).__name__}: {text[0] if text else 'no details'}"
