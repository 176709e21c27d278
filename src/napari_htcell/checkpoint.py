"""The state of an unfinished training, so that a run that was cut short goes on where it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from napari_htcell import atomic
from napari_htcell.learner import Learner

KEPT = 3
"""Unfinished trainings that are kept beside the present one; a part takes twice a model's space."""


@dataclass(frozen=True)
class State:
    """How far a training is.

    Parameters
    ----------
    step : int
        Steps finished, over all stages.
    precision : torch.dtype
        Number format it is run in; another one would give another result.
    job : str
        Fingerprint of everything that the result depends on.
    seconds : float
        Time spent on it so far, over all runs.
    """

    step: int
    precision: torch.dtype
    job: str
    seconds: float


def save(path: Path, learner: Learner, state: State) -> None:
    """Save a training in one step: weights, what the optimiser remembers, and position."""
    plain = {name: value.detach().cpu().contiguous() for name, value in learner.tensors().items()}
    metadata = {name: str(value) for name, value in vars(state).items()}
    atomic.write_bytes(path, safetensors.torch.save(plain, metadata))


def peek(path: Path, job: str) -> State | None:
    """Return how far a saved training is; None if there is none of this job.

    A checkpoint is a convenience: one that is damaged or of another job is as good as none.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        precision = getattr(torch, metadata["precision"].removeprefix("torch."))
        seconds = float(metadata["seconds"])
        state = State(int(metadata["step"]), precision, metadata["job"], seconds)
    except (OSError, safetensors.SafetensorError, KeyError, ValueError, AttributeError):
        return None
    return state if state.job == job else None


def load(path: Path, learner: Learner) -> None:
    """Have a learner go on where a saved training was."""
    learner.load(safetensors.torch.load_file(path))


def sweep(folder: Path, keep: str) -> None:
    """Delete all but the latest unfinished trainings in a folder.

    A training that was cancelled and then changed, by a click say, is never gone on with.

    Parameters
    ----------
    folder : Path
    keep : str
        Fingerprint of the training that is kept in any case.
    """
    atomic.sweep(folder)
    latest: dict[str, float] = {}
    for path in folder.glob("*.safetensors"):
        name = _training(path)
        latest[name] = max(latest.get(name, 0), path.stat().st_mtime)
    others = sorted(latest.keys() - {_short(keep)}, key=lambda name: -latest[name])
    for name in others[KEPT:]:
        delete(folder, name)


def path_of(folder: Path, job: str, part: str) -> Path:
    """Return where a part of a training is kept."""
    return folder / f"{_short(job)}-{part}.safetensors"


def delete(folder: Path, job: str) -> None:
    """Delete what is kept of a training."""
    for path in folder.glob(f"{_short(job)}-*.safetensors"):
        path.unlink(missing_ok=True)


def _short(job: str) -> str:
    return job[:16]


def _training(path: Path) -> str:
    return path.name.partition("-")[0]
