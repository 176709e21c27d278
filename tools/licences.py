"""List the licences of all installed packages that the plugin needs, as a table in Markdown.

.venv/bin/python tools/licences.py > docs/licences.md
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

NAME = "napari-htcell"
MOST_LETTERS = 60
ABOUT = """# Licences

Of what is installed with napari-htcell and `[all]`, on Linux; `make licences` wrote it. PyQt6,
which draws the window, is under the GPL: that concerns whoever passes an installation on.

| package | version | licence |
|---|---|---|
"""


def needed(name: str, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Return a package and all that it needs and is installed, by name."""
    found: dict[str, Distribution] = {}
    asked: dict[str, frozenset[str]] = {}
    waiting = [(name, extras)]
    while waiting:
        wanted, chosen = waiting.pop()
        key = _plain(wanted)
        try:
            package = distribution(wanted)
        except PackageNotFoundError:
            continue  # of another system
        # Found already, it may be asked for again with more extras.
        if key in found and chosen <= asked[key]:
            continue
        found[key] = package
        chosen = asked[key] = asked.get(key, frozenset()) | chosen
        for line in package.requires or []:
            match = re.match(r"([A-Za-z0-9._-]+)\s*(?:\[([^]]*)\])?[^;]*(?:;(.*))?", line)
            if match is None:
                continue
            extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", match[3] or "")
            if extra is None or extra[1] in chosen:
                parts = frozenset(filter(None, re.split(r"\s*,\s*", match[2] or "")))
                waiting.append((match[1], parts))
    return found


def licence(package: Distribution) -> str:
    """Return the licence that a package states, in a few words."""
    about = package.metadata
    text = about.get("License-Expression") or ""
    kinds = [
        one.rpartition(" :: ")[2]
        for one in about.get_all("Classifier") or []
        if "License ::" in one
    ]
    text = text or ", ".join(kinds) or (about.get("License") or "").strip().partition("\n")[0]
    return text[:MOST_LETTERS] or "not stated"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Write the table."""
    packages = needed(NAME, frozenset({"all"}))
    del packages[NAME]
    sys.stdout.write(ABOUT)
    for name, one in sorted(packages.items()):
        sys.stdout.write(f"| {name} | {one.version} | {licence(one)} |\n")


if __name__ == "__main__":
    main()
