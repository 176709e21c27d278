"""Tasks in several processes: all are done, and one that kills its process takes none along."""

from __future__ import annotations

import os
import signal
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from napari_htcell import crew


def square(number: int) -> int:
    if number == 3:
        raise ValueError("not three")
    return number**2


def kill_once(path: Path) -> str:
    """Die in the middle of the first call with this path."""
    if path.name == "killer" and not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def always_kill(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def outcomes(steps):
    return dict(step for step in steps if step is not None)


def test_all_are_done_and_a_bad_one_stops_nothing() -> None:
    found = outcomes(crew.do_all(square, range(20), crew.local_crew(2)))
    error = found.pop(3)
    assert isinstance(error, ValueError)
    assert found == {number: number**2 for number in range(20) if number != 3}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_that_dies_costs_nothing_but_time(tmp_path: Path) -> None:
    tasks = [tmp_path / name for name in ("a", "b", "killer", "c", "d", "e")]
    found = outcomes(crew.do_all(kill_once, tasks, crew.local_crew(2)))
    assert found == {path: path.name for path in tasks}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_task_that_always_kills_is_given_up_alone() -> None:
    found = outcomes(crew.do_all(always_kill, range(6), crew.local_crew(2)))
    assert isinstance(found.pop(2), crew.WorkerLostError)
    assert found == {number: number for number in (0, 1, 3, 4, 5)}


@pytest.fixture
def cluster():
    """A Dask scheduler with a worker that is started again, and blamed at once, when it dies."""
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        warnings.catch_warnings(),
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
    ):
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster:
            yield cluster


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_task_that_kills_workers_of_a_cluster_is_given_up_alone(cluster) -> None:
    with crew.cluster_crew(cluster.scheduler_address) as they:
        found = outcomes(crew.do_all(always_kill, range(6), they))
    assert isinstance(found.pop(2), crew.WorkerLostError)
    assert found == {number: number for number in (0, 1, 3, 4, 5)}


def test_a_scheduler_that_is_gone_is_said(cluster) -> None:
    with crew.cluster_crew(cluster.scheduler_address) as they:
        steps = crew.do_all(square, (number + 10 for number in range(10**6)), they)
        next(steps)
        cluster.close()
        with pytest.raises(ConnectionError, match="scheduler is gone"):
            outcomes(steps)


def test_few_tasks_are_out_at_once() -> None:
    """A million tasks are not listed before the first is done."""
    asked = 0

    def tasks():
        nonlocal asked
        for number in range(10**6):
            asked += 1
            yield number + 10

    with closing(crew.do_all(square, tasks(), crew.local_crew(1))) as steps:
        done = sum(step is not None for step, _ in zip(steps, range(30), strict=False))
    assert asked <= done + crew.OUT_PER_CORE + 1


def test_an_address_without_a_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(crew, "ANSWER_SECONDS", 0.5)
    with (
        pytest.raises(OSError, match=r"no scheduler of Dask answers at tcp://127\.0\.0\.1:1"),
        crew.cluster_crew("tcp://127.0.0.1:1"),
    ):
        pass
