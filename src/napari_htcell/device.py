"""Where and in which number format to compute, found by a short trial rather than assumed."""

from __future__ import annotations

import copy
import os
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch

from napari_htcell.config import DeviceChoice, PrecisionChoice

if TYPE_CHECKING:
    from napari_htcell.network import Network

WORTHWHILE = 0.9
"""bfloat16 is taken if it needs at most this part of float32's time."""


def choose_device(choice: DeviceChoice = "auto") -> torch.device:
    """Return the device to compute on.

    Parameters
    ----------
    choice : {"auto", "cpu", "cuda", "mps"}
        "auto" takes CUDA, else MPS, else the CPU.

    Raises
    ------
    ValueError
        If the device chosen is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if choice == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there[choice]:
        available = ", ".join(name for name, is_there in there.items() if is_there)
        raise ValueError(f"device {choice!r} is not available here; available: {available}")
    return torch.device(choice)


def choose_precision(
    network: Network, device: torch.device, choice: PrecisionChoice = "auto"
) -> torch.dtype:
    """Return the number format to train in.

    Parameters
    ----------
    network : Network
        A copy of its shape is timed; it is not changed itself.
    device : torch.device
    choice : {"auto", "float32", "bfloat16"}
        "auto" times training steps in both and takes bfloat16 if it is clearly faster.
    """
    if choice != "auto":
        return torch.bfloat16 if choice == "bfloat16" else torch.float32
    # MPS is not measured by us; and what has no parameters is not trained.
    if device.type == "mps" or not any(True for _ in network.parameters()):
        return torch.float32
    trial = place(copy.deepcopy(network), device)
    for side in network.probe_sides:
        image = torch.zeros(1, 1, side, side, device=device)
        full = _step_seconds(trial, image, torch.float32)
        if _step_seconds(trial, image, torch.bfloat16) > WORTHWHILE * full:
            # A small image says nothing for bfloat16, but a lot against it.
            if side == network.probe_sides[-1]:
                return torch.float32
            if _step_seconds(trial, image, torch.bfloat16) > 4 * full:
                return torch.float32
    return torch.bfloat16


def place(network: Network, device: torch.device) -> Network:
    """Move a network to a device, in place, with its channels last in memory.

    Measured on two cores with AVX-512: a training step takes 0.7 to 1.0 of the time of the usual
    order, and the numbers are the same.
    """
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def give_back_memory(device: torch.device) -> None:
    """Give back what torch keeps of a device's memory for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def leave_a_core() -> None:
    """Compute with one core less than there are, in this thread, for whoever goes on clicking.

    Little is lost: measured on two cores, a training step takes 1.4 times as long on one of them.
    With both, whatever else runs makes the two wait for each other, and a step take ten times as
    long.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))


def computing_in(device: torch.device, precision: torch.dtype) -> AbstractContextManager[None]:
    """Return a context in which the network computes in `precision`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


def _step_seconds(network: Network, image: torch.Tensor, precision: torch.dtype) -> float:
    """Return the shorter of two training steps' times, after one to warm up."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with computing_in(image.device, precision):
            loss = network.learn(image).float().square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        if image.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
