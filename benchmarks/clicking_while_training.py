"""How long the window keeps a person waiting who clicks on while it fine-tunes.

    xvfb-run -a .venv/bin/python benchmarks/clicking_while_training.py --output waiting.json

A real viewer on a copy of the sample project, three images of which are complete. A cell is clicked
twice a second while the shipped model is fine-tuned on these; what is measured is by how much the
window's own timer comes late, without training and with it.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from real_window import Window

from napari_htcell import demo
from napari_htcell.cards import software
from napari_htcell.sample import copy_sample

CLICK_SECONDS = 0.5


def click_on(window: Window, seconds: float, *, while_training: bool) -> dict[str, Any]:
    """Click cells for some time, and return how late the window was."""
    session, rng = window.dock.session, np.random.default_rng(0)
    job = window.dock.fine_tune.job
    window.late.clear()
    took, end = [], time.perf_counter() + seconds
    next_click = time.perf_counter()
    while time.perf_counter() < end and (job.is_running or not while_training):
        window.app.processEvents()
        if time.perf_counter() >= next_click:
            document, start = session.document, time.perf_counter()
            assert document is not None
            document.add(rng.uniform(0, np.asarray(document.picture.shape[-2:]) - 1))
            session.changed()
            window.settle()
            took.append(1000 * (time.perf_counter() - start))
            next_click += CLICK_SECONDS
        time.sleep(0.0005)
    return {
        "clicks": len(took),
        "click_median_ms": float(np.median(took)),
        "click_p95_ms": float(np.percentile(took, 95)),
        "delay_median_ms": float(np.median(window.late)),
        "delay_p95_ms": float(np.percentile(window.late, 95)),
        "delay_max_ms": max(window.late),
    }


@click.command()
@click.option("--seconds", default=30.0, show_default=True, help="Of clicking, each time.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(seconds: float, output: Path | None) -> None:
    """Print how late the window is, without training and with it."""
    with tempfile.TemporaryDirectory() as place:
        project = copy_sample(Path(place) / "sample")
        complete = demo.choose_images(project)
        for name in complete:
            demo.complete_from_truth(project, name)
        window = Window()
        dock = window.dock
        dock.images.open_folder(project.path)
        window.wait(lambda: dock.session.document is not None)
        dock.images.show_image(next(name for name in project.images if name not in complete))
        window.wait(lambda: dock.session.document.name not in complete)
        results = {"idle": click_on(window, seconds, while_training=False)}
        dock.fine_tune.run.button.click()
        window.wait(lambda: dock.fine_tune.curve.loss.values)
        results["training"] = click_on(window, seconds, while_training=True)
        dock.fine_tune.job.quit()
        window.wait(lambda: not dock.fine_tune.job.is_running)
        for name, one in results.items():
            said = ", ".join(f"{key} {value:.0f}" for key, value in one.items())
            click.echo(f"{name}: {said}")
        if output is not None:
            output.write_text(json.dumps(results | {"software": software()}, indent=1))
        window.viewer.close()


if __name__ == "__main__":
    main()
