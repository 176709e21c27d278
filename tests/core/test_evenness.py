"""What makes the counts of a project's images hard to compare."""

from __future__ import annotations

from napari_htcell.evenness import Searched, uneven_text

ALIKE = [Searched("a", model="E", threshold=0.5), Searched("b", model="E", threshold=0.5)]


def test_nothing_is_said_of_what_was_searched_alike():
    assert uneven_text([]) == ""
    assert uneven_text(ALIKE) == ""


def test_complete_images_are_as_they_were_clicked():
    assert uneven_text([*ALIKE, Searched("c", is_complete=True)]) == ""
    assert uneven_text([*ALIKE, Searched("c", True, "B", 0.1)]) == ""


def test_what_differs_is_said_in_one_line():
    text = uneven_text([*ALIKE, Searched("c"), Searched("d", model="ours", threshold=0.3)])
    assert text == (
        "nothing was detected in 1 image (c); different models were run (E in 2, ours in 1); "
        "thresholds differ (0.30 to 0.50): these counts do not compare"
    )
    assert "\n" not in text


def test_many_models_are_not_all_named():
    many = [Searched(str(n), model=f"m{n}", threshold=0.5) for n in range(9)]
    assert "m0 in 1, m1 in 1, m2 in 1, 6 others" in uneven_text(many)
