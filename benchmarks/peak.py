"""What is measured in a process of its own, with the most memory that this has had."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any


def in_own_process(measure: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Return what a function returns in a new process, and `peak_mb`, its most memory in MB."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_peak, measure, *arguments).result()


def _with_peak(measure: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    return measure(*arguments) | {"peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """Return the largest resident memory of this process so far; Linux alone says it.

    Not `resource.getrusage`: a process that was just started has that of who started it.
    """
    state = Path("/proc/self/status").read_text(encoding="utf-8")
    (peak,) = (line.split()[1] for line in state.splitlines() if line.startswith("VmHWM:"))
    return int(peak) / 1024
