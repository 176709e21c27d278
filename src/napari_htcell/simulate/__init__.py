"""HT1080-like phase contrast with its whole truth, and a biologist who clicks a part of it.

Nothing here replaces real images; it gives what real images lack: every centroid, every mask,
and clicks whose gaps are known. ``simulate_image`` draws the cells (`cells`), puts them into a
field (`scene`) among things that are no cells (`nuisance`), and looks at them through a phase
contrast microscope and its camera (`optics`). `biologist` makes partial annotations.
"""

from __future__ import annotations

from napari_htcell.simulate.biologist import click_partially, drop_points
from napari_htcell.simulate.config import SimulationConfig
from napari_htcell.simulate.scene import SimulatedImage, simulate_image

__all__ = [
    "SimulatedImage",
    "SimulationConfig",
    "click_partially",
    "drop_points",
    "simulate_image",
]
