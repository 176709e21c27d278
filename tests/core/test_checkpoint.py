"""The state of a training comes back whole, or is as good as none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from napari_htcell import checkpoint
from napari_htcell.checkpoint import State
from napari_htcell.unet import UNet

STATE = State(7, torch.bfloat16, "job", 1.5)


def trained(steps: int = 2) -> tuple[UNet, torch.optim.SGD]:
    network = UNet(2, 1).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.randn(1, 1, 16, 16, generator=generator)).square().mean().backward()
        optimiser.step()
    return network, optimiser


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "job.safetensors"
    network, optimiser = trained()
    checkpoint.save(path, network, optimiser, STATE)
    assert checkpoint.peek(path, "job") == STATE
    other, its_optimiser = trained(0)
    checkpoint.load(path, other, its_optimiser)
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    for mine, its in zip(network.parameters(), other.parameters(), strict=True):
        momentum = optimiser.state[mine]["momentum_buffer"]
        assert momentum.any()
        assert torch.equal(momentum, its_optimiser.state[its]["momentum_buffer"])


def test_before_the_first_step_there_is_no_momentum(tmp_path: Path) -> None:
    network, optimiser = trained(0)
    checkpoint.save(tmp_path / "a", network, optimiser, STATE)
    other, its_optimiser = trained(0)
    checkpoint.load(tmp_path / "a", other, its_optimiser)
    assert not its_optimiser.state


def test_of_another_job_or_none(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a", *trained(1), STATE)
    assert checkpoint.peek(tmp_path / "a", "other job") is None
    assert checkpoint.peek(tmp_path / "b", "job") is None


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no metadata", "folder"])
def test_a_damaged_one_is_as_good_as_none(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a"
    checkpoint.save(path, *trained(1), STATE)
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
