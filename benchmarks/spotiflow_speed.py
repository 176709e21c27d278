"""Spotiflow's predict, once for each line that comes in; run by an environment of its own.

python spotiflow_speed.py IMAGE.npy SIGMA_PX THREADS

Its pretrained models are downloads; random weights take as long. Heat maps of these are anything,
so that the threshold is set where a thousandth of the pixels lies above it. Each answer is a line
of JSON: processor seconds and number of points.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch


def answer(source: str, sigma_px: float, threads: int) -> None:
    """Answer until there are no more lines."""
    from spotiflow.model import Spotiflow, SpotiflowModelConfig

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    image = np.load(source)
    model = Spotiflow(SpotiflowModelConfig(sigma=sigma_px)).eval()
    _, details = model.predict(image, device="cpu", verbose=False, prob_thresh=0.99)
    threshold = float(np.quantile(details.heatmap, 0.999))
    for _ in sys.stdin:
        start = time.process_time()
        points, _ = model.predict(image, device="cpu", verbose=False, prob_thresh=threshold)
        took = time.process_time() - start
        print(json.dumps({"seconds": took, "points": len(points)}), flush=True)


if __name__ == "__main__":
    answer(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
