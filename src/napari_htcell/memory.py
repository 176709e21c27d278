"""Whether an error says that memory is short, in whose words ever. Knows no torch."""

from __future__ import annotations

_NO_MEMORY = (
    "allocate memory", "could not create a primitive", "could not create a memory object",
    "could not execute a primitive", "out of memory",
)  # fmt: skip
"""What torch, oneDNN and the GPUs say, which is no class of its own everywhere."""

SHORT_OF_MEMORY = "There is not enough memory for this; close other programs, and try again"


def is_short_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there was not enough memory for a computation."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
