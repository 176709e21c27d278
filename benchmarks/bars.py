"""A progress bar for a training."""

from __future__ import annotations

from tqdm import tqdm

from napari_htcell.learn import Steps
from napari_htcell.models import Model


def with_bar(steps: Steps, label: str) -> Model:
    """Run a training with a progress bar."""
    with tqdm(desc=label, unit="step") as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            bar.total, bar.n = progress.total, progress.done
            bar.update(0)
