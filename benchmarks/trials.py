"""Trainings in processes of their own, whose results are kept: the same call goes on later.

A table over three seeds takes days. What each training came to is a file in `trainings`, which are
part of the repository: a benchmark prints from them, and trains what is missing. Results of a
recipe that has changed since are refused, not shown; another `--work` trains all again.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from napari_htcell import atomic
from napari_htcell.versions import Version

TRAININGS = Path(__file__).with_name("trainings")


def fingerprint(*parts: object) -> str:
    """Return a short hash of settings: functions by their names, dataclasses by their fields.

    Fields with their default are left out: a new one changes no recipe that does not use it.
    """

    def said(one: Any) -> Any:
        if not is_dataclass(one):
            return one.__qualname__
        values = {field: getattr(one, field.name) for field in fields(one)}
        return {field.name: value for field, value in values.items() if value != field.default}

    text = json.dumps(parts, default=said, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recipe_of(version: Version) -> str:
    """Return a fingerprint of how a version learns from nothing."""
    return fingerprint(
        version.stages, version.method, version.architecture, dict(version.settings),
        version.is_calibrated, version.preferred,
    )  # fmt: skip


def result_of(
    path: Path, script: str, *arguments: str, recipe: str | None = None
) -> dict[str, Any]:
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
    recipe : str, optional
        Fingerprint of what the result must have been made by.
    """
    if not path.exists():
        subprocess.run([sys.executable, script, *arguments], check=True)
    found: dict[str, Any] = json.loads(path.read_text())
    if found.get("recipe") != recipe:
        raise SystemExit(
            f"{path} was made by another recipe ({found.get('recipe')}, and not {recipe}): delete "
            "it to train again, or choose another folder with --work"
        )
    return found


def keep(path: Path, result: dict[str, Any], recipe: str | None = None) -> None:
    """Keep a result whole or not at all, with the fingerprint of what it was made by."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(result | ({} if recipe is None else {"recipe": recipe})))
