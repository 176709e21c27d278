"""The time left is an estimate from this run's own pace."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from napari_htcell import progress
from napari_htcell.progress import Clock, Progress, run


def test_seconds_left_from_the_pace_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    clock = Clock(total=10)
    assert clock.seconds_left(0) is None
    now = 104.0
    assert clock.seconds_left(2) == 16
    assert clock.seconds_left(10) == 0


def test_the_first_report_of_a_long_job_only_starts_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    clock = Clock(total=101)
    now = 60.0  # what is loaded first
    assert clock.seconds_left(1) is None
    now = 62.0
    assert clock.seconds_left(2) == 2 * 99


def test_a_resumed_run_does_not_count_what_was_done_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    clock = Clock(total=10, done=8)
    now = 3.0
    assert clock.seconds_left(8) is None
    assert clock.seconds_left(9) == 3


def test_run_returns_the_result_of_the_last_step() -> None:
    def job() -> Generator[Progress, None, str]:
        yield Progress("working", 1, 2)
        yield Progress("working", 2, 2)
        return "finished"

    assert run(job()) == "finished"
