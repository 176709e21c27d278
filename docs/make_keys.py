"""Writes docs/keys.md from the list that binds the keys: .venv/bin/python docs/make_keys.py."""

from __future__ import annotations

from pathlib import Path

from napari_htcell.widgets import keys

PAGE = Path(__file__).parent / "keys.md"

if __name__ == "__main__":
    PAGE.write_text(keys.markdown(), encoding="utf-8")
