"""How long-running core functions report: they yield a `Progress` and can be stopped there."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from napari_htcell import words

ResultT = TypeVar("ResultT")

LONG = 20
"""Of a job with so many more reports to come the first says nothing about the pace."""


@dataclass(frozen=True)
class Progress:
    """One report of a running job.

    Parameters
    ----------
    what : str
        What is being done, in words for the user.
    done, total : int
        Units of work finished, and all of them.
    seconds_left : float or None
        Estimate for this job; None while it is not known.
    loss : float or None
        Mean training loss since the last report, where there is one.
    held_out_loss : float or None
        The same on an image that is not learnt from, now and then in cross-validation.
    """

    what: str
    done: int
    total: int
    seconds_left: float | None = None
    loss: float | None = None
    held_out_loss: float | None = None

    @property
    def in_words(self) -> str:
        """How far the job is; in per cent: its steps are more than those on a model's card."""
        text = self.what[0].upper() + self.what[1:]
        if self.total:
            text += f": {100 * self.done // self.total} %"
        left = words.time_left(self.seconds_left)
        return f"{text}, {left}" if left else text


class Clock:
    """Estimates the time left from the pace so far.

    Parameters
    ----------
    total : int
        Units of work of the whole job.
    done : int, optional
        Units finished before the clock was started, by an earlier run that is resumed.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total = total
        self._start = done, time.monotonic()
        self._is_warm = False

    def seconds_left(self, done: int) -> float | None:
        """Return the seconds left after `done` units; None before the first is finished.

        Of a long job the first report only starts the clock: what is loaded and made ready with it
        may take as long as a hundred more.
        """
        now = time.monotonic()
        first, since = self._start
        if done <= first:
            return None
        if not self._is_warm:
            self._is_warm = True
            if (self.total - done) > LONG * (done - first):
                self._start = done, now
                return None
        return (now - since) / (done - first) * (self.total - done)


def run(steps: Generator[Any, None, ResultT]) -> ResultT:
    """Run a job to its end without listening, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: ResultT = stop.value
            return result
