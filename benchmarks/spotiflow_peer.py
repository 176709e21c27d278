"""Train Spotiflow from scratch and predict; run by an environment of its own, see `peers`.

python spotiflow_peer.py INPUT.npz OUTPUT.npz EPOCHS SIGMA_PX

INPUT holds object arrays: images and points (N, 2) to learn from, `judges`, images that choose the
threshold, and `tests`. OUTPUT holds for each threshold the points found in both, and the costs. Its
pretrained models are downloads; none is used.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time

import numpy as np

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
CROP_PX, CROPS_PER_EPOCH, BATCH = 256, 80, 4
N_WATCHED = 4
"""Images on which it watches its own progress; it has to have some."""


def objects(items: list) -> np.ndarray:
    """Return a list as an array of objects."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


def fit_and_predict(source: str, target: str, epochs: int, sigma_px: float) -> None:
    """Fit, predict at each threshold, and write what was found."""
    from spotiflow.model import Spotiflow, SpotiflowModelConfig
    from spotiflow.model.config import SpotiflowTrainingConfig

    data = np.load(source, allow_pickle=True)
    images, points = list(data["images"]), list(data["points"])
    model = Spotiflow(SpotiflowModelConfig(sigma=sigma_px))
    config = SpotiflowTrainingConfig(
        crop_size=CROP_PX, batch_size=BATCH, num_epochs=epochs, num_train_samples=CROPS_PER_EPOCH
    )
    start, cores = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        model.fit(
            images,
            points,
            images[:N_WATCHED],
            points[:N_WATCHED],
            save_dir=folder,
            augment_train=True,
            device="cpu",
            train_config=config,
            logger="tensorboard",
            deterministic=False,
        )
    result = {
        "training s": time.perf_counter() - start,
        "training core s": time.process_time() - cores,
        "thresholds": np.asarray(THRESHOLDS),
    }
    for part in ("judges", "tests"):
        start = time.perf_counter()
        for number, threshold in enumerate(THRESHOLDS):
            found = [
                model.predict(image, device="cpu", verbose=False, prob_thresh=threshold)[0]
                for image in data[part]
            ]
            result[f"{part} {number}"] = objects(found)
        looks = len(THRESHOLDS) * len(data[part])
        result["s per image"] = (time.perf_counter() - start) / looks
    result["peak MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    np.savez(target, **result)


if __name__ == "__main__":
    fit_and_predict(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
