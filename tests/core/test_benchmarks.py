"""Benchmarks are run rarely; what they use of the package must still be there when they are."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    script = importlib.import_module(name)
    assert script.__doc__
    if hasattr(script, "main"):
        assert isinstance(script.main, click.Command)


def test_peers_are_rows_though_they_judge_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    peers = importlib.import_module("peers")
    costs = {"training s": 3.0, peers.CORE_SECONDS: 2.0, "s per image": 0.5, "peak MiB": 100}
    counts = [[[8, 2, 2], [9, 1, 1], [10, 0, 0]]]
    row = peers.row_of("a finder", [costs | {"counts": counts}])
    assert (row["F 16 um"], row["F 113 um"], row["s per image"]) == (0.8, 1.0, 0.5)
