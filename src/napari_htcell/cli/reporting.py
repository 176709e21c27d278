"""What a command says: progress, warnings, results as text or JSON, and Ctrl+C."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from napari_htcell import words
from napari_htcell.cli import Stopped
from napari_htcell.progress import Progress

if TYPE_CHECKING:
    from tqdm import tqdm

    from napari_htcell.project import Project

ResultT = TypeVar("ResultT")

SAY_SECONDS = 30.0
"""Longest silence of a job where there is no bar."""


@dataclass(frozen=True)
class Reporter:
    """Says what a command does.

    Parameters
    ----------
    is_quiet : bool
        Whether only warnings, errors and what was asked for are said.
    is_json : bool
        Whether the result is one JSON value.
    shows_progress : bool
        Whether progress is shown.
    """

    is_quiet: bool = False
    is_json: bool = False
    shows_progress: bool = False

    def say(self, text: str) -> None:
        """Say something on the way."""
        if not self.is_quiet and not self.is_json:
            click.echo(text)

    def warn(self, text: str) -> None:
        """Warn in one line."""
        click.echo(f"Warning: {text}", err=True)

    def fail(self, text: str) -> None:
        """Report an error that does not end the job, in one line."""
        click.echo(f"Error: {text}", err=True)

    def keep_pixel_size(self, project: Project, pixel_size_um: float | None) -> None:
        """State the pixel size of a project's images, and say so where it is another one."""
        before = project.settings.pixel_size_um
        if pixel_size_um is None or pixel_size_um == before:
            return
        project.state_pixel_size(pixel_size_um)
        was = "" if before is None else f", not {before:g} as before"
        self.say(f"Kept in {project.path.name}: {pixel_size_um:g} um per pixel{was}")

    def result(self, value: Any, lines: str | Iterable[str]) -> None:
        """Give what was asked for: `value` as JSON, or `lines` to read."""
        if self.is_json:
            click.echo(json.dumps(_finite(value), allow_nan=False, default=str))
        else:
            click.echo(lines if isinstance(lines, str) else "\n".join(lines))

    def done(self, value: Any, lines: str | Iterable[str]) -> None:
        """Confirm what lies in files now: `value` as JSON, or `lines`, which --quiet spares."""
        if self.is_json or not self.is_quiet:
            self.result(value, lines)

    def follow(
        self,
        steps: Generator[Progress, None, ResultT],
        *,
        if_stopped: str = "nothing is kept",
        if_at_once: str = "",
    ) -> ResultT:
        """Run a job to its end, showing its progress.

        The first Ctrl+C closes the generator after its step, so that it can keep what it has; a
        second one ends the program at once.

        Parameters
        ----------
        steps : generator
        if_stopped : str
            What to tell who pressed Ctrl+C.
        if_at_once : str, optional
            What to tell who pressed it twice, if that is another thing.

        Raises
        ------
        Stopped
            After Ctrl+C.
        """
        with _Bar(self.shows_progress) as bar, _interrupts() as interrupted:
            part, said = "", time.monotonic()
            while True:
                try:
                    progress = next(steps)
                except StopIteration as stop:
                    result: ResultT = stop.value
                    return result
                except KeyboardInterrupt:
                    raise Stopped(if_at_once or if_stopped) from None
                bar.show(progress)
                # Where there is no bar, in a log say, minutes of silence would look like a fault.
                is_new = progress.loss is not None and progress.what != part
                is_silent = time.monotonic() - said >= SAY_SECONDS
                if (is_new or is_silent) and not self.shows_progress:
                    self.say(progress.in_words)
                    part, said = progress.what, time.monotonic()
                if interrupted():
                    steps.close()
                    raise Stopped(if_stopped)


def _finite(value: Any) -> Any:
    """Return a value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl+C was pressed."""
    pressed = False

    def press(_number: int, _frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    # Only the main thread may set a handler.
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


class _Bar:
    """A progress bar for each part of a job."""

    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Progress) -> None:
        """Show a report, in a new bar where a new part begins."""
        if not self._is_shown:
            return
        bar = self._bar
        if bar is None or bar.total != progress.total or progress.done < bar.n:
            bar = self._begin(progress.total)
        elif bar.desc != progress.what:
            # The part before may have been too quick for the bar: its last loss was never seen.
            bar.refresh()
        bar.set_description_str(progress.what, refresh=False)
        bar.bar_format = "{desc} {percentage:3.0f}%|{bar}| " + _details(progress)
        bar.update(progress.done - bar.n)

    def _begin(self, total: int) -> tqdm[Any]:
        from tqdm import tqdm

        self.__exit__()
        self._bar = tqdm(total=total, file=sys.stderr, dynamic_ncols=True)
        return self._bar


def _details(progress: Progress) -> str:
    left = words.time_left(progress.seconds_left)
    parts = [left] if left else []
    return ", ".join(parts + ([] if progress.loss is None else [f"loss {progress.loss:.4f}"]))


def reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags --json and --quiet, and a `Reporter`."""

    @click.option("--json", "is_json", is_flag=True, help="Print the result as one JSON value.")
    @click.option("--quiet", is_flag=True, help="Only warnings, errors and what was asked for.")
    @wraps(function)
    def with_reporter(
        *args: Any, is_json: bool, quiet: bool, progress: bool = False, **rest: Any
    ) -> Any:
        shown = not quiet and (progress or sys.stderr.isatty())
        return function(*args, report=Reporter(quiet, is_json, shown), **rest)

    return with_reporter


def following(function: Callable[..., Any]) -> Callable[..., Any]:
    """Do what `reporting` does for a command that takes its time: with the flag --progress."""
    text = "Show progress where there is no terminal too."
    return click.option("--progress", is_flag=True, help=text)(reporting(function))
