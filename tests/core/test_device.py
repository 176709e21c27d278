"""The device is what was asked for, and bfloat16 only where it was measured to be faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from napari_htcell import device
from napari_htcell.device import choose_device, choose_precision, computing_in, place
from napari_htcell.unet import UNet

CPU = torch.device("cpu")


def only(monkeypatch: pytest.MonkeyPatch, *there: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)


@pytest.mark.parametrize(
    ("there", "chosen"), [((), "cpu"), (("mps",), "mps"), (("cuda", "mps"), "cuda")]
)
def test_auto_takes_the_best(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], chosen: str
) -> None:
    only(monkeypatch, *there)
    assert choose_device().type == chosen
    assert choose_device("cpu").type == "cpu"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch)
    with pytest.raises(ValueError, match="device 'cuda' is not available here; available: cpu"):
        choose_device("cuda")


Seconds = dict[tuple[int, torch.dtype], float]


def timed(monkeypatch: pytest.MonkeyPatch, seconds: Seconds) -> list[tuple[int, torch.dtype]]:
    """Make trial steps take the seconds given, and return what is tried."""
    tried = []

    def step(network: UNet, image: torch.Tensor, precision: torch.dtype) -> float:
        tried.append((image.shape[-1], precision))
        return seconds[tried[-1]]

    monkeypatch.setattr(device, "_step_seconds", step)
    return tried


SMALL, LARGE = UNet.probe_sides
FULL, HALF = torch.float32, torch.bfloat16


@pytest.mark.parametrize(
    ("small_half", "large_half", "chosen"),
    [
        (0.5, 0.5, HALF),  # faster
        (0.5, 0.95, FULL),  # not worth it
        (1.5, 0.5, HALF),  # a small image says little
        (1.5, 2.0, FULL),  # slower
    ],
)
def test_bfloat16_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, small_half: float, large_half: float, chosen: torch.dtype
) -> None:
    seconds = {
        (SMALL, FULL): 1.0,
        (SMALL, HALF): small_half,
        (LARGE, FULL): 1.0,
        (LARGE, HALF): large_half,
    }
    timed(monkeypatch, seconds)
    assert choose_precision(UNet(2, 1), CPU) == chosen


def test_a_processor_that_imitates_bfloat16_is_not_given_a_large_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = timed(monkeypatch, {(SMALL, FULL): 1.0, (SMALL, HALF): 100.0})
    assert choose_precision(UNet(2, 1), CPU) == FULL
    assert {side for side, _ in tried} == {SMALL}


def test_a_stated_precision_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = timed(monkeypatch, {})
    assert choose_precision(UNet(2, 1), CPU, "bfloat16") == HALF
    assert choose_precision(UNet(2, 1), CPU, "float32") == FULL
    assert choose_precision(UNet(2, 1), torch.device("mps")) == FULL
    assert tried == []


def test_the_real_trial_changes_neither_network_nor_random_numbers() -> None:
    network = UNet(2, 2)
    before, random = [p.clone() for p in network.parameters()], torch.get_rng_state()
    assert choose_precision(network, CPU) in (FULL, HALF)
    assert torch.equal(torch.get_rng_state(), random)
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.grad is None


def test_computing_in_a_precision() -> None:
    network, image = place(UNet(2, 1), CPU), torch.zeros(1, 1, 16, 16)
    with computing_in(CPU, HALF):
        assert network(image).dtype == HALF
    with computing_in(CPU, FULL):
        assert network(image).dtype == FULL


def test_a_core_is_left_in_the_thread_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    mine = torch.get_num_threads()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(device.leave_a_core).result()
        assert pool.submit(torch.get_num_threads).result() == 3
    assert torch.get_num_threads() == mine
