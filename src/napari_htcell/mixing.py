"""How much of what fine-tuning has changed is kept: all, a part, or nothing.

A network fine-tuned on one image may have learnt that image alone. On the straight line between the
old weights and the new there are networks that know both (Wortsman et al., CVPR 2022, "Robust
fine-tuning of zero-shot models"); images left out choose among a few of them.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping, Sequence

import torch

from napari_htcell.calibrate import best_f_score, standard_error
from napari_htcell.config import DetectConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.evaluate import Judgement
from napari_htcell.network import Network
from napari_htcell.progress import Progress


def mixed(
    old: Network,
    new: Network,
    share: float,
    images: Sequence[LearningImage],
    device: torch.device,
    precision: torch.dtype = torch.float32,
) -> Generator[Progress, None, Network]:
    """Return a network between two of the same shape.

    Parameters
    ----------
    old, new : Network
        Not changed.
    share : float
        0 is the old one as it is, 1 the new one.
    images : sequence of LearningImage
        Batch normalisation settles on them; without any it stays as it is in the new one.
    device : torch.device
    precision : torch.dtype, optional
        That of the training.

    Yields
    ------
    Progress
        While it settles.
    """
    if not share:
        return copy.deepcopy(old)
    found = copy.deepcopy(new)
    with torch.no_grad():
        for mine, before in zip(found.parameters(), old.parameters(), strict=True):
            mine.lerp_(before.to(mine.device), 1 - share)
    yield from found.settle(images, device, precision)
    return found


def best_share(
    judgements: Mapping[float, Sequence[Judgement]],
    settings: DetectConfig,
    preferred: Sequence[float],
) -> float:
    """Return the share whose networks find most, each at its best threshold, or a preferred one.

    Parameters
    ----------
    judgements : mapping of float to sequence of Judgement
        Of each share. Where there are none, nobody can tell.
    settings : DetectConfig
    preferred : sequence of float
        The first of these to which the best share is not better by more than a standard error of F.
    """
    if not all(judgements.values()):
        return preferred[0]
    results = {share: best_f_score(judgements[share], settings) for share in sorted(judgements)}
    # Of equals the one that has learnt most.
    best = max(reversed(results), key=results.__getitem__)
    doubt = standard_error(results[best], sum(len(one.truth) for one in judgements[best]))
    return next((one for one in preferred if results[best] - results[one] <= doubt), best)
