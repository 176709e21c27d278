"""Many independent tasks in several processes, which end when they should."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

MOST_PROCESSES_ON_WINDOWS = 61
"""Windows waits for no more at once."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_all(tasks: Sequence[Callable[[], None]], workers: int) -> Generator[None, None, None]:
    """Run tasks, which can be pickled, in so many processes, yielding after each.

    Closed at a step, it waits for the tasks that are being run, and begins no other.

    Raises
    ------
    ChildProcessError
        If a process is ended by somebody else.
    """
    workers = min(workers, len(tasks))
    if workers > 1:
        yield from _run_in_processes(tasks, workers)
        return
    for task in tasks:
        task()
        yield


def new_pool(workers: int) -> ProcessPoolExecutor:
    """Return processes that end with this one; they are started with the first tasks.

    Spawned on every system: a fork of a process with threads, such as a window's, may hang.
    """
    if sys.platform == "win32":
        workers = min(workers, MOST_PROCESSES_ON_WINDOWS)
    spawning = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=spawning, initializer=obey_parent)


def _run_in_processes(
    tasks: Sequence[Callable[[], None]], workers: int
) -> Generator[None, None, None]:
    pool = new_pool(workers)
    try:
        # The pool starts a process with each of the first tasks.
        with interrupts_ignored():
            futures = [pool.submit(task) for task in tasks[:workers]]
        futures += [pool.submit(task) for task in tasks[workers:]]
        for future in as_completed(futures):
            future.result()
            yield
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a process was ended from outside, perhaps for lack of memory; what is finished is "
            "kept: go on with the same settings and fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Have processes that are started here ignore Ctrl+C from their first moment.

    A terminal sends it to all of them, but only this one is to decide when to stop.
    """
    # Only the main thread may set a handler.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def obey_parent() -> None:
    """Let a process ignore Ctrl+C, on systems where that is not inherited too, and not outlive us.

    A parent that is killed cannot end its processes, which would wait for work for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
