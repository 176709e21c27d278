"""Bad files among good ones; `benchmarks/bad_files.py` tries the same with a thousand."""

from __future__ import annotations

import importlib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_bad_files_are_told_of_at_the_end_and_stop_nothing(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    bad_files = importlib.import_module("bad_files")
    result = bad_files.try_it(tmp_path, 40)
    assert result["faults"] == []
    assert (result["bad"], result["told_of"], result["counted"]) == (8, 8, 32)
