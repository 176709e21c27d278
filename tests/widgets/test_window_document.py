"""One image's clicks, candidates and way back."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell.annotations import Annotation, Region
from napari_htcell.export import count_cells
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.history import History
from napari_htcell.widgets.picture import Picture


def test_history_goes_back_and_forth_and_forgets_what_was_taken_back():
    history = History("a")
    assert not history.undo()
    history.push("b")
    history.push("c")
    assert history.undo()
    assert history.undo()
    assert (history.value, history.can_undo, history.can_redo) == ("a", False, True)
    assert history.redo()
    assert history.value == "b"
    history.push("d")
    assert not history.redo()
    assert history.undo()
    assert history.value == "b"


def test_candidates_are_detections_on_no_click(document):
    assert document.candidates.points.tolist() == [[80, 80], [10, 150]]


def test_candidates_are_what_the_export_counts_besides_the_clicks(document):
    document.reject([0])
    cells = count_cells(document.annotation, document.found)
    assert cells.detected_only.tolist() == document.candidates.points.tolist() == [[10, 150]]


def test_accept_takes_the_models_name_and_undo_gives_the_candidate_back(document):
    document.accept([1])
    assert document.annotation.points[-1].tolist() == [10, 150]
    assert document.annotation.sources == ("hand", "hand", "B")
    assert document.candidates.points.tolist() == [[80, 80]]
    assert document.undo()
    assert len(document.candidates) == 2
    assert document.redo()
    assert len(document.candidates) == 1
    assert not document.redo()


def test_rejected_stays_so_when_the_threshold_or_the_model_changes(document, found):
    document.reject([0])
    document.found = found([[81, 82], [10, 150], [60, 150]], model="C")
    assert document.candidates.points.tolist() == [[10, 150], [60, 150]]
    assert len(document.found) == 3


def test_rejecting_debris_beside_a_cell_keeps_the_cell(document, found):
    document.found = found([[80, 80], [80, 92]])
    document.reject([0])
    assert document.candidates.points.tolist() == [[80, 92]]


def test_a_click_where_something_was_rejected_takes_the_rejection_back(document, found):
    document.reject([0, 1])
    document.add([81, 81])
    assert document.annotation.rejected.tolist() == [[10, 150]]
    document.remove([2])
    assert document.candidates.points.tolist() == [[80, 80]]
    document.undo()
    document.undo()
    assert document.annotation.rejected.tolist() == [[80, 80], [10, 150]]


def test_what_the_model_found_of_the_clicks(document):
    assert document.pairing.is_detected.tolist() == [True, False]
    document.accept([0])
    assert document.pairing.is_detected.tolist() == [True, False, True]
    document.found = None
    assert document.pairing is None


def test_no_candidates_in_a_complete_region(document):
    square = ((70.0, 70.0), (70.0, 90.0), (90.0, 90.0), (90.0, 70.0))
    document.replace_regions((Region(square),))
    assert document.candidates.points.tolist() == [[10, 150]]
    document.undo()
    assert len(document.candidates) == 2


def test_complete_image_has_no_candidates(document):
    document.mark_complete(True)
    assert len(document.candidates) == 0
    document.mark_complete(False)
    assert len(document.candidates) == 2


def test_move_and_remove(document):
    document.move(0, [30, 31])
    assert document.annotation.points.tolist() == [[30, 31], [50, 50]]
    document.remove([0])
    assert document.annotation.points.tolist() == [[50, 50]]


def test_frames_are_apart(stack_document):
    assert stack_document.candidates_in(0).tolist() == [0]
    assert stack_document.candidates_in(1).tolist() == [1]
    stack_document.mark_complete(True, 1)
    assert stack_document.candidates_in(1).tolist() == []
    assert stack_document.candidates_in(0).tolist() == [0]
    stack_document.add([2.0, 5, 5])
    assert stack_document.annotation.in_frame(2).tolist() == [[5, 5]]


@pytest.mark.parametrize(
    ("place", "inside"),
    [((0, 0), True), ((99.4, 199.4), True), ((-0.6, 5), False), ((5, 200), False)],
)
def test_contains(document, place, inside):
    assert document.contains(place) is inside


def test_refuses_what_is_no_image_or_has_other_points():
    with pytest.raises(ValueError, match="4 dimensions"):
        Document(Picture("x", np.zeros((2, 2, 9, 9))))
    with pytest.raises(ValueError, match="move them away"):
        Document(Picture("x", np.zeros((2, 9, 9))), Annotation.empty(2))


def test_colours_are_no_dimension():
    assert Document(Picture("x", np.zeros((9, 9, 3)), is_rgb=True)).picture.shape == (9, 9)
