"""HT1080-like phase contrast with its whole truth, and a biologist who clicks a part of it.

Nothing here replaces real images; it gives what real images lack: every centroid, every mask,
and clicks whose gaps are known. ``simulate_image`` draws the cells (`cells`), puts them into a
field (`scene`) among things that are no cells (`nuisance`), and looks at them through a phase
contrast microscope and its camera (`optics`). `biologist` makes partial annotations.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

del lazy_loader
