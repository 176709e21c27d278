"""The state of a training comes back whole, or is as good as none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from napari_htcell import checkpoint
from napari_htcell.checkpoint import State
from napari_htcell.learner import Learner
from napari_htcell.unet import UNet
from napari_htcell.versions import get_version

STATE = State(7, torch.bfloat16, "job", 1.5)


def trained(steps: int = 2) -> Learner:
    learner = Learner(UNet(2, 1), get_version("A").stages[0], 10)
    generator = torch.Generator().manual_seed(0)
    for number in range(steps):
        image = torch.randn(1, 1, 16, 16, generator=generator)
        learner.step(learner.network(image).square().mean(), number)
    return learner


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "job.safetensors"
    learner = trained()
    checkpoint.save(path, learner, STATE)
    assert checkpoint.peek(path, "job") == STATE
    other = trained(0)
    checkpoint.load(path, other)
    mine, its = learner.tensors(), other.tensors()
    assert mine.keys() == its.keys()
    assert all(torch.equal(value, its[name]) for name, value in mine.items())
    assert any(name.endswith("momentum_buffer") and value.any() for name, value in its.items())


def test_of_another_job_or_none(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a", trained(1), STATE)
    assert checkpoint.peek(tmp_path / "a", "other job") is None
    assert checkpoint.peek(tmp_path / "b", "job") is None


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no metadata", "folder"])
def test_a_damaged_one_is_as_good_as_none(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a"
    checkpoint.save(path, trained(1), STATE)
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("not a checkpoint")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "no metadata":
        from safetensors.torch import save_file

        save_file({"network.x": torch.zeros(1)}, path)
    else:
        path.unlink()
        path.mkdir()
    assert checkpoint.peek(path, "job") is None


def test_only_the_latest_unfinished_trainings_are_kept(tmp_path: Path) -> None:
    def left() -> list[str]:
        return sorted(path.stem for path in tmp_path.iterdir())

    for age in range(6):
        for part in ("first", "last"):
            path = checkpoint.path_of(tmp_path, f"{age}" * 64, part)
            path.touch()
            os.utime(path, (1000 - age, 1000 - age))
    checkpoint.sweep(tmp_path, keep="5" * 64)
    assert [name[0] for name in left()] == ["0", "0", "1", "1", "2", "2", "5", "5"]
    checkpoint.delete(tmp_path, "1" * 64)
    assert [name[0] for name in left()] == ["0", "0", "2", "2", "5", "5"]
