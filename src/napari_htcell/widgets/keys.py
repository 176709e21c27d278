"""All keys and mouse gestures: the one list that binds them and that the user reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_htcell.widgets.actions import Actions


@dataclass(frozen=True)
class Key:
    """A key and what it does.

    Parameters
    ----------
    key : str
        As napari writes it.
    does : str
        In the user's words.
    action : callable
        A method of `Actions`.
    """

    key: str
    does: str
    action: Callable[[Actions], None]

    @property
    def shown(self) -> str:
        """The key as users write it."""
        return self.key.replace("Control", "Ctrl").replace("-", "+")


# Letters that napari gives to no tool of an image or of points; under the left hand, while the
# right one has the mouse.
KEYS = (
    Key("F", "go to the next candidate", Actions.next_candidate),
    Key("D", "go back to the candidate before", Actions.previous_candidate),
    Key("T", "take it: accept the candidate gone to, or the nearest one", Actions.accept_nearest),
    Key("R", "reject it: the candidate gone to, or the nearest one", Actions.reject_nearest),
    Key("H", "hide the candidates, or show them again", Actions.toggle_candidates),
    Key("M", "mark the image complete, or no longer so", Actions.toggle_complete),
    Key("PageDown", "next image", Actions.next_image),
    Key("PageUp", "image before", Actions.previous_image),
    Key("Control-Z", "undo", Actions.undo),
    Key("Control-Shift-Z", "redo", Actions.redo),
)

PAGE_KEY = "?"
"""Shows the page. Napari knows no such key, so that Qt has to listen to it."""

HEAD = """# Keys and mouse

The window shows the same list under *Keys…* in the step Correct. Only there do they change cells.
"""
"""Of the documentation's page."""

MOUSE = (
    ("Click on a candidate", "accept it"),
    ("Click on empty ground", "add a cell that was missed"),
    ("Right-click, Alt+click", "remove an annotated cell, reject a candidate"),
    ("Drag an annotated cell", "move it"),
    ("Shift+drag", "accept all candidates in the rectangle"),
    ("Shift+Alt+drag, Shift+right-drag", "reject all candidates in the rectangle"),
    ("Drag empty ground, wheel", "move the view, zoom"),
    ("Clicks, at last a double click", "the corners of a complete region, while you draw one"),
)


def bind(viewer: Any, actions: Actions) -> None:
    """Bind all keys to a viewer; those that the active layer gives to its tools go before them."""
    for key in KEYS:
        viewer.bind_key(key.key, _handler(key, actions), overwrite=True)


def _handler(key: Key, actions: Actions) -> Callable[[Any], None]:
    return lambda _viewer: key.action(actions)


def tables() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return titles, and below each what one does and what that does."""
    pressed = (*((key.shown, key.does) for key in KEYS), (PAGE_KEY, "show this page, or hide it"))
    return ("With the mouse", MOUSE), ("With the keyboard", pressed)


def page() -> str:
    """Return the list as HTML."""
    return (
        "<table cellpadding='3'>"
        + "".join(
            f"<tr><td colspan='2'><h3><br>{title}</h3></td></tr>"
            + "".join(f"<tr><td><b>{what}</b></td><td>{does}</td></tr>" for what, does in lines)
            for title, lines in tables()
        )
        + "</table>"
    )


def markdown() -> str:
    """Return the list as a page of the documentation."""
    parts = [
        f"## {title}\n\n| | |\n|---|---|\n"
        + "".join(f"| {what} | {does} |\n" for what, does in lines)
        for title, lines in tables()
    ]
    return "\n".join([HEAD, *parts])
