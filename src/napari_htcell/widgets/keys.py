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
    name : str
        By which napari's command palette knows it, see `commands`.
    key : str
        As napari writes it.
    does : str
        In the user's words.
    action : callable
        A method of `Actions`, which returns what is missing.
    """

    name: str
    key: str
    does: str
    action: Callable[[Actions], str]

    @property
    def shown(self) -> str:
        """The key as users write it."""
        return self.key.replace("Control", "Ctrl").replace("-", "+")


# Letters that napari gives to no tool of an image or of points; under the left hand, while the
# right one has the mouse.
KEYS = (
    Key("next_candidate", "F", "go to the next candidate", Actions.next_candidate),
    Key("previous_candidate", "D", "go to the candidate before", Actions.previous_candidate),
    Key(
        "accept_nearest",
        "T",
        "take the candidate gone to, or the nearest one",
        Actions.accept_nearest,
    ),
    Key(
        "reject_nearest",
        "R",
        "reject the candidate gone to, or the nearest one",
        Actions.reject_nearest,
    ),
    Key(
        "accept_all",
        "Shift-T",
        "take all candidates above the threshold",
        Actions.accept_all,
    ),
    Key(
        "reject_all",
        "Shift-R",
        "reject all candidates above the threshold",
        Actions.reject_all,
    ),
    Key(
        "toggle_candidates",
        "H",
        "hide the candidates, or show them again",
        Actions.toggle_candidates,
    ),
    Key(
        "toggle_complete",
        "M",
        "mark the image complete, or no longer so",
        Actions.toggle_complete,
    ),
    Key("next_image", "PageDown", "go to the next image", Actions.next_image),
    Key("previous_image", "PageUp", "go to the image before", Actions.previous_image),
    Key("undo", "Control-Z", "undo the last change of the image", Actions.undo),
    Key("redo", "Control-Shift-Z", "redo the change that was undone last", Actions.redo),
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


PALETTE = "Everything else that a button does has a name: press Ctrl+Shift+P and type HTCell."


def bind(viewer: Any, actions: Actions) -> None:
    """Bind all keys to a viewer; those that the active layer gives to its tools go before them."""
    for key in KEYS:
        viewer.bind_key(key.key, _handler(key, actions), overwrite=True)


def _handler(key: Key, actions: Actions) -> Callable[[Any], None]:
    def act(viewer: Any) -> None:
        missing = key.action(actions)
        if missing:
            viewer.status = missing

    return act


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
        + f"</table><p>{PALETTE}</p>"
    )


def markdown() -> str:
    """Return the list as a page of the documentation."""
    parts = [
        f"## {title}\n\n| | |\n|---|---|\n"
        + "".join(f"| {what} | {does} |\n" for what, does in lines)
        for title, lines in tables()
    ]
    return "\n".join([HEAD, *parts, f"{PALETTE}\n"])
