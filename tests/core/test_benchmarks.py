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
