"""A few of the kills of `make soak`: what was said to be saved is there, and nothing by half."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")
def test_a_killed_program_loses_nothing(tmp_path):
    result = tmp_path / "kills.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--moments", "5", "--output", str(result)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    acts = json.loads(result.read_text())["acts"]
    assert sum(one["moments"] for one in acts.values()) == 5
    assert all(one["told"] for one in acts.values())
