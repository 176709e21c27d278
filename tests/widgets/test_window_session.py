"""What the widgets of a viewer share, without any of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_htcell.annotations import Annotation, Region
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.detect import predict_steps
from napari_htcell.progress import run
from napari_htcell.project import open_project
from napari_htcell.summaries import summarise
from napari_htcell.widgets import jobs, reading
from napari_htcell.widgets.session import Session


@pytest.fixture
def session(tiny_project):
    session = Session()
    session.open(*run(jobs.open_steps(tiny_project(n_images=2).path)))
    return session


def show(session, index=0):
    name = session.project.images[index]
    session.show(session.opened(name) or reading.read_document(session.project, name))
    return session.document


def test_knows_neither_qt_nor_napari_nor_torch():
    code = (
        "import sys, napari_htcell.widgets.session, napari_htcell.widgets.jobs\n"
        "print(*(m for m in ('qtpy', 'napari', 'torch') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_looking_writes_nothing(session):
    before = sorted(session.project.path.rglob("*"))
    show(session)
    show(session, 1)
    session.flush()
    assert session.is_saved
    assert sorted(session.project.path.rglob("*")) == before


def test_changes_are_saved_when_another_image_is_shown(session):
    document = show(session)
    count = len(document.annotation.points)
    document.add([5, 5])
    session.changed()
    assert not session.is_saved
    show(session, 1)
    assert session.is_saved
    again = open_project(session.project.path)
    assert len(again.annotation(document.name).points) == count + 1
    assert show(session).can_undo


def test_rejections_are_saved_and_come_back_with_undo(session, found):
    document = show(session)
    document.found = found([[10, 10], [100, 100], [200, 200]])
    candidates = len(document.candidates)
    document.reject([0])
    session.changed()
    session.flush()
    name = document.name
    assert len(session.project.detections(name)) == 3
    assert session.project.annotation(name).rejected.tolist() == [[10, 10]]
    assert session.summaries[name].detected == 2
    session.undo()
    session.flush()
    assert len(session.project.annotation(name).rejected) == 0
    assert len(document.candidates) == candidates


def test_rejections_outlast_detecting_in_all_images(session, found):
    document = show(session)
    document.found = found([[10, 10], [100, 100]])
    document.reject([0])
    session.changed()
    show(session, 1)
    # What a job does, which knows the files alone.
    session.project.save_detections(document.name, found([[11, 10], [60, 200]], model="C"))
    session.reread_detections()
    assert [11, 10] not in document.candidates.points.tolist()
    again = Session()
    again.open(*run(jobs.open_steps(session.project.path)))
    assert again.summaries[document.name].detected == 1
    assert [11, 10] not in show(again).candidates.points.tolist()


def test_failed_saving_loses_nothing(session, monkeypatch):
    document = show(session)
    document.add([5, 5])

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(session.project), "save_annotation", full)
        with pytest.raises(OSError, match="No space"):
            session.flush()
    assert not session.is_saved
    session.flush()
    assert session.project.annotation(document.name).points[-1].tolist() == [5, 5]


def test_a_full_disk_loses_nothing_and_stops_nobody(session, full_disk):
    first = show(session)
    first.add([5, 5])
    with full_disk():
        with pytest.raises(OSError, match=r"too large|No space"):
            session.flush()
        second = show(session, 1)
        second.add([7, 7])
    assert session.document is second
    assert not session.is_saved
    session.flush()
    for name in (first.name, second.name):
        assert len(session.project.annotation(name).points) > 0
    assert session.project.annotation(first.name).points[-1].tolist() == [5, 5]


def test_a_folder_that_can_only_be_read_loses_nothing(tiny_project, nobody):
    # Not below tmp_path, which only its owner can enter.
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = shutil.copytree(tiny_project(n_images=2).path, Path(place) / "project")
        inside = [folder, *(one for one in folder.rglob("*") if one.is_dir())]
        for one in inside:
            one.chmod(0o555)
        session = Session()
        session.open(*run(jobs.open_steps(folder)))
        document = show(session)
        document.add([5, 5])
        with nobody():
            with pytest.raises(PermissionError, match="denied"):
                session.flush()
            show(session, 1)
        assert not session.is_saved
        for one in inside:
            one.chmod(0o755)
        session.flush()
        assert session.project.annotation(document.name).points[-1].tolist() == [5, 5]


def test_an_image_that_cannot_be_saved_keeps_no_other_from_it(session):
    first, second = show(session), show(session, 1)
    first.add([5, 5])
    second.add([7, 7])
    # Changed elsewhere, and damaged.
    state = session.project.path / "annotations" / f"{first.name}.json"
    state.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        session.flush()
    assert session.project.annotation(second.name).points[-1].tolist() == [7, 7]
    assert state.read_text() == "{"
    state.unlink()
    session.flush()
    assert session.project.annotation(first.name).points[-1].tolist() == [5, 5]


def test_what_cannot_be_saved_at_the_end_is_there_the_next_time(qapp, session):
    from napari_htcell.widgets.autosave import Autosave

    document = show(session)
    document.add([5, 5])
    away = session.project.path.rename(session.project.path.with_name("away"))
    Autosave(session).save_at_end()
    assert not session.project.path.exists()
    away.rename(session.project.path)
    project, _, news = run(jobs.open_folder_steps(session.project.path))
    assert news == [f"{document.name}: saved now, with clicks that could not be before"]
    assert project.annotation(document.name).points[-1].tolist() == [5, 5]
    assert run(jobs.open_folder_steps(project.path))[2] == []


def test_summaries_follow_the_clicks(session):
    document = show(session)
    told = []
    session.summaries_changed.connect(lambda: told.append(1))
    document.mark_complete(True)
    session.changed()
    assert told
    summary = session.summaries[document.name]
    assert (summary.status, summary.complete_frames) == ("complete", 1)
    assert summary.complete_points == len(document.annotation.points) > 0


def test_summary_of_a_stack_in_part_complete():
    annotation = Annotation.of(np.array([[0.0, 1, 1], [1, 2, 2]])).mark_complete(frame=1)
    summary = summarise(annotation, None)
    assert (summary.status, summary.annotated, summary.complete_points) == ("partial", 2, 1)
    square = Region(((0, 0), (0, 9), (9, 9), (9, 0)))
    assert summarise(replace(annotation, regions=(square,)), None).complete_points == 2
    assert summarise(Annotation.empty(), None).status == "untouched"


def test_pixel_size_is_stated_for_the_whole_project(session):
    first = show(session)
    first.prediction = object()
    second = show(session, 1)
    session.state_pixel_size(0.8)
    assert first.picture.pixel_size_um == second.picture.pixel_size_um == 0.8
    assert first.prediction is None
    assert open_project(session.project.path).settings.pixel_size_um == 0.8


def test_what_was_read_before_a_pixel_size_was_stated_has_it_too(session):
    ahead = reading.read_document(session.project, session.project.images[1])
    show(session)
    session.state_pixel_size(3.0)
    session.show(ahead)
    assert (ahead.picture.pixel_size_um, ahead.picture.known_from) == (3, "stated for the project")


def test_what_a_model_saw_at_another_pixel_size_or_in_a_folder_that_was_left_is_not_kept(
    session, tiny_model, tiny_project
):
    told = []
    session.told.connect(told.append)
    document, settings = show(session), tiny_model.card.detection
    picture = document.picture
    prediction = run(predict_steps(picture.pixels, tiny_model, pixel_size_um=picture.pixel_size_um))
    session.state_pixel_size(3.0)
    session.predicted(document, prediction, settings)
    assert document.found is None
    assert "another pixel size than the 1.61 µm that the model ran with" in told[-1]
    session.open(*run(jobs.open_steps(tiny_project("other", n_images=2).path)))
    session.predicted(document, prediction, settings)
    assert f"Another folder was opened while the model ran in {document.name}." in told[-1]
    assert document.found is None


def test_detections_that_no_job_has_changed_stay_as_they_are(session, found):
    first, second = show(session), show(session, 1)
    for document in (first, second):
        document.found = found([[20, 20], [30, 30]])
    session.changed()
    session.flush()
    second.found = second.found.above(0.9)  # a slider was moved, and that is not saved yet
    session.project.save_detections(first.name, found([[5, 5]], model="D"))
    session.reread_detections()
    assert (len(first.found), len(second.found)) == (1, 1)
    session.flush()
    assert len(session.project.detections(second.name)) == 1


def test_newest_model_of_the_project_is_taken_first(session, shipped_tiny_model, tiny_model):
    from napari_htcell import models

    session.refresh_models()
    assert session.model == DEFAULT_MODEL
    card = tiny_model.card.model_copy(update={"name": "mine", "date": "2999-01-01T00:00:00+00:00"})
    models.save_model(models.Model(card, tiny_model.network), session.project.models_folder)
    session.refresh_models()
    assert session.model == DEFAULT_MODEL  # what is in use stays so
    fresh = Session()
    fresh.open(session.project, session.summaries)
    assert fresh.model in (DEFAULT_MODEL, "mine")
    session.refresh_models(choose="mine")
    assert session.model == "mine"


def test_damaged_annotation_is_told_of_and_not_opened(tiny_project):
    project = tiny_project(n_images=2)
    bad = project.path / "annotations" / f"{project.images[0]}.csv"
    bad.write_text("a,b\n1,2\n", encoding="utf-8")
    _, summaries = run(jobs.open_steps(project.path))
    assert "expected y and x" in summaries[project.images[0]].fault
    assert not summaries[project.images[1]].fault
    with pytest.raises(ValueError, match="expected y and x"):
        reading.read_document(project, project.images[0])
    assert bad.read_text(encoding="utf-8") == "a,b\n1,2\n"


@pytest.fixture
def other(session):
    """Return a second window's session on the same project, with what it tells its user."""
    other = Session()
    other.open(*run(jobs.open_steps(session.project.path)))
    other.news = []
    other.told.connect(other.news.append)
    return other


def places(annotation):
    return {tuple(point) for point in annotation.points.tolist()}


def test_windows_know_of_each_other_when_they_keep_something(session, other):
    other.beat()
    assert other.others == ()
    show(session).add([5, 5])
    session.changed()
    session.flush()
    other.beat()
    assert len(other.others) == 1
    assert session.others == ()
    session.open(*run(jobs.open_steps(session.project.path)))  # as after another folder
    other.beat()
    assert other.others == ()


def test_clicks_of_two_windows_are_put_together(session, other):
    ours, theirs = show(session), show(other)
    before = places(ours.annotation)
    first = next(iter(before))
    ours.add([5, 5])
    session.changed()
    session.flush()
    theirs.remove([theirs.annotation.points.tolist().index(list(first))])
    theirs.add([200, 200])
    theirs.add([6, 5])  # the cell that the other window has clicked
    other.changed()
    other.flush()
    expected = before - {first} | {(200, 200), (6, 5)}
    assert places(session.project.annotation(ours.name)) == expected
    assert other.news == []  # nothing of theirs is new: their cell was clicked here as well
    ours.add([90, 90])
    told = []
    session.told.connect(told.append)
    session.changed()
    session.flush()
    assert "changed elsewhere too" in told[0]
    both = places(session.project.annotation(ours.name))
    assert both >= {(90, 90), (200, 200)}
    assert first not in both
    assert places(ours.annotation) == both
    session.undo()
    assert (200, 200) not in places(ours.annotation)


def test_an_image_changed_elsewhere_is_read_again_with_its_undo_steps(session, other):
    name = show(session).name
    session.document.add([5, 5])
    session.changed()
    show(session, 1)
    show(other).add([200, 200])
    other.changed()
    other.flush()
    told = []
    session.told.connect(told.append)
    assert session.opened(name) is None
    document = show(session)
    assert places(document.annotation) >= {(5, 5), (200, 200)}
    assert told == [f"{name} was changed elsewhere: 1 point added"]
    assert session.is_saved
    session.undo()
    assert (200, 200) not in places(document.annotation)
    session.undo()
    assert (5, 5) not in places(document.annotation)


def test_newer_detections_from_elsewhere_are_kept(session, other, found):
    from dataclasses import replace

    ours, name = show(session), session.document.name
    ours.found = found([[10, 10], [100, 100]])
    session.flush()
    newer = found([[50, 50]], model="ours")
    how = replace(newer.provenance, date="2026-06-01T00:00:00+00:00")
    other.project.save_detections(name, replace(newer, provenance=how))
    told = []
    session.told.connect(told.append)
    ours.found = found([[10, 10]])  # another threshold
    session.flush()
    assert session.project.detections(name).provenance.model == "ours"
    assert ours.found.provenance.model == "ours"
    assert "searched elsewhere with ours" in told[0]
    latest = found([[70, 70]])
    how = replace(latest.provenance, date="2026-07-01T00:00:00+00:00")
    other.project.save_detections(name, newer)
    ours.found = replace(latest, provenance=how)
    session.flush()
    assert session.project.detections(name).provenance.date == how.date
    assert "takes its place" in told[1]


def test_files_that_are_gone_are_written_again(session):
    document = show(session)
    for path in (session.project.path / "annotations").glob(f"{document.name}*"):
        path.unlink()
    document.add([5, 5])
    session.changed()
    session.flush()
    assert places(session.project.annotation(document.name)) == places(document.annotation)


def test_pixels_of_long_ago_are_let_go_of_and_read_again(session, monkeypatch):
    first = show(session)
    first.add([5, 5])
    session.changed()
    monkeypatch.setattr("napari_htcell.widgets.open_documents.PIXEL_BYTES", 1)
    show(session, 1)
    assert not first.picture.is_read
    assert first.picture.shape == session.document.picture.shape
    assert session.opened(first.name) is None
    assert show(session) is first
    assert first.picture.is_read
    assert first.can_undo
