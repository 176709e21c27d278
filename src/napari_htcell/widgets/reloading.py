"""The plugin imported anew in a running napari: what the import before left in a viewer goes."""

from __future__ import annotations

from typing import Any


def retire_older(viewer: Any, kind: type) -> None:
    """Have everything that an earlier import of the plugin does in a viewer come to an end.

    Else each click would count twice, and each image have its layers twice.

    Parameters
    ----------
    viewer : napari.viewer.Viewer or napari.components.ViewerModel
    kind : type
        The class whose method hears of clicks; one of an earlier import is another object of the
        same name.
    """
    for heard in list(viewer.mouse_drag_callbacks):
        owner = type(getattr(heard, "__self__", None))
        is_of_same_name = (owner.__module__, owner.__name__) == (kind.__module__, kind.__name__)
        if is_of_same_name and owner is not kind:
            heard.__self__.retire()
