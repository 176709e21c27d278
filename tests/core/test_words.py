"""Words for what is said to the user."""

from __future__ import annotations

from napari_htcell.words import count, time_left


def test_a_number_with_its_noun() -> None:
    assert (count(0, "image"), count(1, "image"), count(2, "image")) == (
        "0 images",
        "1 image",
        "2 images",
    )


def test_a_time_left_is_rounded_as_one_would_say_it() -> None:
    assert time_left(None) == ""
    assert time_left(0.2) == "1 s left"
    assert time_left(150) == "2 min left"
    assert time_left(7200) == "2.0 h left"
