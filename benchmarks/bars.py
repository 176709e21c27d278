"""A progress bar for a training."""

from __future__ import annotations

from tqdm import tqdm

from napari_htcell.models import Model
from napari_htcell.training_job import Steps


def with_bar(steps: Steps, label: str) -> Model:
    """Run a training with a progress bar."""
    with tqdm(desc=label, unit="step", miniters=1) as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            if progress.total != bar.total:  # reading is over, training begins
                bar.reset(progress.total)
            bar.update(progress.done - bar.n)
