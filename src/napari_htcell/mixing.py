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


def best_share(judgements: Mapping[float, Sequence[Judgement]], settings: DetectConfig) -> float:
    """Return the share whose networks find most, each at its best threshold.

    The middle one, of two the larger, is the careful choice: another must be better by more than a
    standard error of F.

    Parameters
    ----------
    judgements : mapping of float to sequence of Judgement
        Of each share. Where there are none, nobody can tell.
    settings : DetectConfig
    """
    shares = sorted(judgements)
    middle = shares[len(shares) // 2]
    if not all(judgements.values()):
        return middle
    results = {share: best_f_score(judgements[share], settings) for share in shares}
    # Of equals the one that has learnt most.
    best = max(reversed(shares), key=results.__getitem__)
    doubt = standard_error(results[best], sum(len(one.truth) for one in judgements[best]))
    return best if results[best] - results[middle] > doubt else middle
