"""The forms that a network can be computed in on a processor, timed against the one in use."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import torch

from napari_htcell.device import place
from napari_htcell.network import Network

CPU = torch.device("cpu")


def forms_of(network: Network, seen: torch.Tensor) -> dict[str, tuple[Any, torch.Tensor]]:
    """Return each form with its input; the one that detection uses comes first."""
    plain, quick = copy.deepcopy(network), network.for_detection()
    in_use = place(copy.deepcopy(quick), CPU)
    half = place(copy.deepcopy(quick), CPU).bfloat16()
    return {
        "in use: folded, channels last": (in_use, seen),
        "as trained": (plain.to(memory_format=torch.contiguous_format), seen),
        "as trained, channels last": (place(copy.deepcopy(network), CPU), seen),
        "folded": (quick.to(memory_format=torch.contiguous_format), seen),
        "folded, channels last, bfloat16": (half, seen.bfloat16()),
    }


def measure_forms(network: Network, seen: torch.Tensor, repeats: int) -> dict[str, dict[str, Any]]:
    """Return each form's seconds, its ratio to the form in use, and the largest difference.

    Parameters
    ----------
    network : Network
        On the processor.
    seen : Tensor of float, shape (1, 1, Y, X)
    repeats : int
        Turns of which medians are taken, after one to warm up.

    Returns
    -------
    dict
        `difference` is that of the heat map from the first form's, 0 to 1.
    """
    forms = forms_of(network.eval(), seen)
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    heat: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for turn in range(repeats + 1):
            for name, (form, image) in forms.items():
                start = time.perf_counter()
                logits = form(image)
                if turn:
                    seconds[name].append(time.perf_counter() - start)
                heat[name] = logits.float().sigmoid()
    first = next(iter(forms))
    return {
        name: {
            "seconds": float(np.median(took)),
            "ratio": float(np.median(np.asarray(took) / np.asarray(seconds[first]))),
            "difference": float((heat[name] - heat[first]).abs().max()),
        }
        for name, took in seconds.items()
    }
