"""Points as a file made elsewhere has them, before anybody has said what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

from napari_htcell.pointsfile import Points


@dataclass(frozen=True, eq=False)
class PointSet:
    """Points of one image and one kind.

    Parameters
    ----------
    image : str
        Name of the image; empty if the file does not say.
    points : ndarray of float, shape (N, 2) or (N, 3)
        (y, x), or (frame, y, x), in pixels.
    where : str
        The file, for messages.
    kind : str
        What sets them apart from others in the file: a number of Fiji's Cell Counter, or what a ROI
        of ours holds; empty if nothing does.
    title : str
        The kind in the user's words; empty if there are none.
    sources : tuple of str, length N
        Who found each, empty where the file does not say; empty if it never does.
    shape : tuple of int or None
        Shape of the label image that they come from.
    """

    image: str
    points: Points
    where: str
    kind: str = ""
    title: str = ""
    sources: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
