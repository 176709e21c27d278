"""The bridge between generators and the window's thread."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest

from napari_htcell.progress import Progress
from napari_htcell.widgets import worker
from napari_htcell.widgets.worker import Job, error_text


@pytest.fixture
def errors(monkeypatch):
    """Return the errors shown to the user."""
    shown = []
    monkeypatch.setattr(worker, "show_error", shown.append)
    return shown


def finish(job, qtbot):
    with qtbot.waitSignal(job.finished, timeout=10_000):
        pass
    assert not job.is_running


def test_result_and_progress_arrive_in_this_thread(qtbot, errors):
    threads, seen, results = [], [], []

    def steps():
        threads.append(threading.current_thread())
        for done in range(1, 4):
            yield Progress("working", done, 3, loss=float(done))
        return "result"

    job = Job()
    job.progressed.connect(lambda p: seen.append((p, threading.current_thread())))
    job.returned.connect(results.append)
    job.start("test", steps)
    assert job.is_running
    finish(job, qtbot)
    assert results == ["result"]
    assert threads[0] is not threading.main_thread()
    assert {thread for _, thread in seen} == {threading.main_thread()}
    assert seen[-1][0].done == 3
    assert errors == []


def test_reports_are_thinned_out_and_losses_averaged(qtbot, errors):
    seen = []

    def steps():
        for done in range(1, 1001):
            yield Progress("working", done, 1000, loss=1.0 if done % 2 else 3.0)

    job = Job()
    job.progressed.connect(seen.append)
    job.start("test", steps)
    finish(job, qtbot)
    assert 1 <= len(seen) < 100
    assert seen[-1].loss == pytest.approx(2.0, abs=0.1)


def test_quitting_closes_the_generator_in_its_own_thread(qtbot, errors):
    closed, results = [], []

    def steps():
        try:
            while True:
                time.sleep(0.005)
                yield Progress("working", 1, 100)
        except GeneratorExit:
            closed.append(threading.current_thread())
            raise

    job = Job()
    job.returned.connect(results.append)
    job.start("test", steps)
    with qtbot.waitSignal(job.progressed):
        pass
    job.quit()
    assert job.is_quitting
    finish(job, qtbot)
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()
    assert results == []


class Panic(BaseException):
    """As of a library in Rust."""


@pytest.mark.parametrize(
    "error", [RuntimeError("it broke"), ValueError("no such file"), Panic("unreachable")]
)
def test_an_error_is_shown_and_the_job_ends(qtbot, errors, error):
    def steps():
        yield Progress("working", 1, 2)
        raise error

    job, failed = Job(), []
    job.failed.connect(failed.append)
    job.start("test", steps)
    finish(job, qtbot)
    assert failed == [error]
    assert str(error) in errors[0]
    job.start("again", lambda: iter_nothing())
    finish(job, qtbot)


def iter_nothing():
    yield Progress("nothing", 1, 1)


def test_what_a_job_worked_on_is_let_go(make_napari_viewer_proxy, qtbot, errors):
    """What the soak found: napari keeps every worker there ever was."""
    make_napari_viewer_proxy()

    class Pixels:
        pass

    def start(pixels):
        def steps():
            yield Progress("working", 1, 1)
            return pixels

        job.start("test", steps)
        return weakref.ref(pixels)

    job = Job()
    pixels = start(Pixels())
    finish(job, qtbot)
    gc.collect()
    assert pixels() is None


def test_one_at_a_time(qtbot, errors):
    job = Job()
    job.start("test", iter_nothing)
    with pytest.raises(RuntimeError, match="wait"):
        job.start("test", iter_nothing)
    finish(job, qtbot)


def test_texts():
    assert error_text(ValueError("a.tif: cannot be read\nmore")) == "a.tif: cannot be read"
    assert error_text(KeyError("x")).startswith("KeyError")
    assert error_text(RuntimeError("can't allocate memory: 9 bytes")).startswith("There is not")
    assert error_text(MemoryError("no room; close other programs")).startswith("no room")
    assert error_text(OSError(28, "No space left on device")).endswith("No space left on device")
    full = OSError(13, "Permission denied", "/data/.writing-1f")
    assert error_text(full) == "/data: Permission denied"
