"""Cell localisation in phase-contrast images, learnt from few and partial clicks.

The names below are all that most scripts need; each is loaded when it is first used, so that
importing the package loads neither torch nor a window.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

del lazy_loader
