"""Trainings in processes of their own, whose results are kept: the same call goes on later.

A table over three seeds takes days. What each training came to is a file in `trainings`, which are
part of the repository: a benchmark prints from them, and trains what is missing. Who changes a
recipe deletes those of it; another `--work` trains all again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from napari_htcell import atomic

TRAININGS = Path(__file__).with_name("trainings")


def result_of(path: Path, script: str, *arguments: str) -> dict[str, Any]:
    """Return what a script writes with `keep`, running it unless it has.

    Peak memory is a process's own, and so is what a crash takes with it.

    Parameters
    ----------
    path : Path
        Where the result is kept.
    script : str
        A Python file.
    *arguments
        Its command line.
    """
    if not path.exists():
        subprocess.run([sys.executable, script, *arguments], check=True)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def keep(path: Path, result: dict[str, Any]) -> None:
    """Keep a result whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(result))
