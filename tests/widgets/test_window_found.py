"""What was found, in words: how many, how many not clicked, and between what the truth lies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_htcell.config import DetectConfig
from napari_htcell.counting import CountErrors
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.found import found_text


@pytest.fixture
def judged(document):
    """Return the document with detections of a model whose errors are known."""
    errors = CountErrors(
        rate=0.9, images=12, settings=DetectConfig(), thresholds=(0.5,), factors=(1.0,)
    )
    how = replace(document.found.provenance, count_errors=errors)
    found = replace(document.found, provenance=how)
    return Document(document.picture, document.annotation, found)


def test_nothing_was_detected(document):
    assert found_text(Document(document.picture, document.annotation)).startswith("Nothing")


def test_no_interval_of_a_model_whose_errors_are_not_known(document):
    assert found_text(document) == "B found 3 cells above 0.50; 2 not clicked yet."


def test_the_interval_moves_with_the_clicks(judged):
    # 3 detections leave a doubt of less than 2 to either side; with the clicks there are 4 cells,
    # of which 2 were clicked.
    assert found_text(judged) == (
        "B found 3 cells above 0.50; 2 not clicked yet. With your clicks 4: 2 to 6 at 90%."
    )


def test_where_all_is_clicked_there_is_no_doubt(judged):
    judged.mark_complete(True)
    assert "With your clicks" not in found_text(judged)
    assert "only your clicks count" in found_text(judged)
