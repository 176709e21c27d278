"""A progress bar for a training."""

from __future__ import annotations

from tqdm import tqdm

from napari_htcell.learn import Steps
from napari_htcell.models import Model


def with_bar(steps: Steps, label: str) -> Model:
    """Run a training with a progress bar."""
    # Reading images is so much faster than training that tqdm would wait long for the next print.
    with tqdm(desc=label, unit="step", miniters=1) as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            bar.total, bar.n = progress.total, progress.done
            bar.update(0)
