"""Many independent tasks on the processes of this machine or of a Dask cluster: the same code.

Only a few tasks are out at any time, so that a million of them need no more memory than a hundred.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from napari_htcell import processes

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

PATIENCE_SECONDS = 0.2
"""Time after which whoever listens is heard, though no task has ended."""

ANSWER_SECONDS = 10
"""Time in which a scheduler must answer."""

OUT_PER_CORE = 2
"""Tasks that are out for each core: the next one waits beside the one that is being done."""

MOST_TRIES = 3
"""A task that was being done as often as this when a process died is given up."""

GONE = "the cluster's scheduler is gone; start it again, then go on with the same command"
LOST = "its process died, perhaps for lack of memory; try fewer workers"


class WorkerLostError(RuntimeError):
    """The process that did a task died, several times."""


@dataclass(frozen=True)
class Crew:
    """Who does tasks.

    Parameters
    ----------
    start : callable
        Returns an executor, again where the one before broke.
    cores : callable
        Returns how many tasks can be done at once, now.
    stop : callable
        Ends an executor; what it has not begun is dropped.
    given_up : tuple of exception types, optional
        What a task ends with that an executor has tried again itself, as its processes died.
    """

    start: Callable[[], Executor]
    cores: Callable[[], int]
    stop: Callable[[Executor], None]
    given_up: tuple[type[BaseException], ...] = ()


def local_crew(workers: int) -> Crew:
    """Return so many processes of this machine."""
    return Crew(
        lambda: processes.new_pool(workers),
        lambda: workers,
        lambda pool: pool.shutdown(wait=True, cancel_futures=True),
    )


@contextmanager
def cluster_crew(address: str) -> Iterator[Crew]:
    """Yield the workers of a Dask scheduler, as many as there are at any time.

    Parameters
    ----------
    address : str
        Such as "tcp://10.0.0.1:8786".

    Raises
    ------
    ValueError
        If Dask is not installed.
    OSError
        If there is no scheduler at the address.
    """
    try:
        import distributed
    except ImportError as error:
        raise ValueError(
            'a cluster needs Dask, which is not installed: pip install "napari-htcell[cluster]"'
        ) from error
    # What it would write of lost workers and schedulers, in many lines, our results and errors say.
    for name in ("client", "core", "utils"):
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL + 1)
    connect: Any = distributed.Client  # untyped
    try:
        client = connect(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(f"no scheduler of Dask answers at {address} ({error})") from error

    def cores() -> int:
        try:
            return sum(client.ncores().values())
        except OSError as error:
            raise ConnectionError(GONE) from error

    with client:
        yield Crew(
            lambda: client.get_executor(pure=False),
            cores,
            # Its workers are others' too: they finish what they are at, and nobody waits for it.
            lambda executor: executor.shutdown(wait=False),
            (distributed.KilledWorker,),
        )


@dataclass
class _Out(Generic[TaskT]):
    """What is out, what is to be tried again, and how often it was tried."""

    running: dict[Future[Any], TaskT] = field(default_factory=dict)
    again: list[TaskT] = field(default_factory=list)
    tries: dict[TaskT, int] = field(default_factory=dict)

    def has_to_try_again(self, task: TaskT, *, was_given_up: bool) -> bool:
        """Count a process that died; return whether the task may still not be to blame."""
        # What is given up was tried before. Once more, alone: those that wait beside a task that
        # kills its process are given up with it.
        self.tries[task] = self.tries.get(task, 0) + (MOST_TRIES - 1 if was_given_up else 1)
        return self.tries[task] < MOST_TRIES


def do_all(
    function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT], crew: Crew
) -> Generator[tuple[TaskT, ResultT | BaseException] | None, None, None]:
    """Have a function called with each task, and yield task and result as they come.

    A task whose process dies is done again; if that happens `MOST_TRIES` times, it is to blame.

    Parameters
    ----------
    function : callable
        Can be pickled, as tasks and results can; tasks can be hashed.
    tasks : iterable
        Read as they are needed.
    crew : Crew

    Yields
    ------
    (task, result or exception) or None
        In any order; None now and then while nothing ends.

    Raises
    ------
    ConnectionError
        If the scheduler of a cluster is gone.
    """
    left, out, executor = iter(tasks), _Out[TaskT](), crew.start()
    try:
        while True:
            with suppress(BrokenExecutor):  # what is out says so itself
                _send(function, left, out, executor, crew.cores())
            if not out.running:
                if not out.again:
                    return
                crew.stop(executor)
                executor = crew.start()
                continue
            ended, _ = wait(out.running, PATIENCE_SECONDS, FIRST_COMPLETED)
            if not ended:
                yield None
            for future in ended:
                task = out.running.pop(future)
                try:
                    error = future.exception()
                except CancelledError as gone:
                    raise ConnectionError(GONE) from gone
                if not isinstance(error, (BrokenExecutor, *crew.given_up)):
                    yield task, error if error is not None else future.result()
                elif out.has_to_try_again(task, was_given_up=isinstance(error, crew.given_up)):
                    out.again.append(task)
                else:
                    yield task, WorkerLostError(LOST)
    finally:
        crew.stop(executor)


def _send(
    function: Callable[[TaskT], Any],
    left: Iterator[TaskT],
    out: _Out[TaskT],
    executor: Executor,
    cores: int,
) -> None:
    """Send as many tasks as there is room for; one at a time where one of them kills processes."""
    with processes.interrupts_ignored():
        while out.again:
            if out.running:
                return
            out.running[executor.submit(function, out.again[-1])] = out.again[-1]
            out.again.pop()
        while len(out.running) < OUT_PER_CORE * max(1, cores):
            for task in left:
                try:
                    out.running[executor.submit(function, task)] = task
                except BrokenExecutor:
                    out.again.append(task)
                    raise
                break
            else:
                return
