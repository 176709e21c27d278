"""Undo and redo over immutable values."""

from __future__ import annotations

from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class History(Generic[ValueT]):
    """A value with those before it and those taken back.

    Parameters
    ----------
    first : object
        The value to start from; it can never be undone.
    """

    def __init__(self, first: ValueT) -> None:
        self._values = [first]
        self._at = 0

    @property
    def value(self) -> ValueT:
        """The value now."""
        return self._values[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is a value before this one."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a value was taken back."""
        return self._at + 1 < len(self._values)

    def push(self, value: ValueT) -> None:
        """Make `value` the one now; what was taken back is gone."""
        del self._values[self._at + 1 :]
        self._values.append(value)
        self._at += 1

    def undo(self) -> bool:
        """Go one value back; False if this is the first."""
        moved = self.can_undo
        self._at -= moved
        return moved

    def redo(self) -> bool:
        """Go one value forward again; False if this is the last."""
        moved = self.can_redo
        self._at += moved
        return moved
