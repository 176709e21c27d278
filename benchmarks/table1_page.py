"""Print the committed results of Table 1 as the README and docs/table1.md show them.

.venv/bin/python benchmarks/table1_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from table1_report import PAPER_F, claims_markdown, markdown, table

FOLDER = Path(__file__).parent
SETS = {"t98g": "T98G", "simulated": "simulated"}


@click.command()
def main() -> None:
    """Print the short table, then each set's whole table with the verdicts."""
    found = {
        name: json.loads(path.read_text())
        for name in SETS
        if (path := FOLDER / f"table1_{name}.json").exists()
    }
    rows = {
        name: {row["method"]: row for row in content["rows"]} for name, content in found.items()
    }
    heads = ["method", "images used", "F 113 um: paper"]
    heads += [SETS[name] for name in found]
    heads += [f"F 16 um: {SETS[name]}" for name in found]
    click.echo(table(heads, [_short(method, rows) for method in next(iter(rows.values()))]))
    for name, content in found.items():
        conditions = f"scale {content['scale']:g}, {content['seeds']} seeds"
        click.echo(f"\n## {SETS[name]}, {conditions}\n\n{markdown(content['rows'])}\n")
        click.echo(claims_markdown(content["claims"]))


def _short(method: str, rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return a row of the short table."""
    ours = [found[method] for found in rows.values()]
    paper = f"{PAPER_F[method]:.2f}" if method in PAPER_F else ""
    far = [f"{row['F 113 um']:.2f}" for row in ours]
    near = [
        "{:.2f} ({:.2f}-{:.2f})".format(row["F 16 um"], *row["F 16 um, 95 % interval"])
        for row in ours
    ]
    return [method, ours[0]["images used"], paper, *far, *near]


if __name__ == "__main__":
    main()
