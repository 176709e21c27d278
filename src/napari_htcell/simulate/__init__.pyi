from .biologist import click_partially as click_partially
from .biologist import drop_points as drop_points
from .config import SimulationConfig as SimulationConfig
from .scene import SimulatedImage as SimulatedImage
from .scene import simulate_image as simulate_image
