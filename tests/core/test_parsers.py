"""Damaged files are read, or refused in one line; `make soak` tries far more of them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = (
    "TIFF", "PNG", "JPEG", "table", "Cell Counter", "zip of ROIs", "ROI", "annotation's table",
    "annotation's state", "detections' table", "detections' state", "settings", "card", "weights",
    "model's archive", "window's file",
)  # fmt: skip
TIMES = 60


@pytest.fixture(scope="module")
def parsers():
    """Return the script with all parsers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        return importlib.import_module("parsers")


@pytest.fixture(scope="module")
def base(parsers, tmp_path_factory):
    """Return a project with all that is parsed."""
    return parsers.make_base(tmp_path_factory.mktemp("fuzzing") / "base")


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_read_or_refused_in_one_line(parsers, base, tmp_path, name):
    parser = parsers.PARSERS[name]
    parsers.make_place(base, parser, tmp_path / "place")
    seeds = list(parser.seeds(base))
    assert seeds
    for seed in seeds:
        parsers.feed(parser, tmp_path / "place", seed)
    assert parsers.fuzz_blindly(parser, seeds, tmp_path / "place", 60, TIMES) == TIMES


def test_no_parser_is_forgotten(parsers):
    assert set(NAMES) == set(parsers.PARSERS)
