"""Load every model of the package again and measure the test figures on its card once more.

    .venv/bin/python benchmarks/check_shipped.py

Exits with 1 if an F differs by more than half of its third decimal.
"""

from __future__ import annotations

import click
import t98g

import napari_htcell as htcell

TOLERANCE = 0.0005


@click.command()
def main() -> None:
    """Print F of each model as on its card and as measured now."""
    differing = []
    for entry in htcell.list_models():
        if entry.origin == "shipped":
            model = htcell.load_model(entry.folder)
            for then, now in zip(entry.card.tested, t98g.test_figures(model), strict=True):
                is_same = abs(then.f_score - now.f_score) <= TOLERANCE
                click.echo(
                    f"{entry.card.name} at {then.cutoff_um:g} um: {then.f_score:.4f} on its card, "
                    f"{now.f_score:.4f} now{'' if is_same else ', NOT THE SAME'}"
                )
                differing += [] if is_same else [entry.card.name]
    if differing:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
