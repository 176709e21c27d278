"""htcell models list, show, import, export, rename and delete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_htcell.cli.options import EXISTING, EXISTING_FOLDER
from napari_htcell.cli.reporting import Reporter, reporting
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.models import ModelEntry
    from napari_htcell.project import Project

project_option: Callable[..., Any] = click.option(
    "--project",
    type=EXISTING_FOLDER,
    help="A project, whose own models count too.  [default: the one that the shell is in]",
)


def _open(project: Path | None) -> Project | None:
    """Return a project that need not have images yet: its models are not about them.

    Without one, the project that the shell is in, if it is in one.
    """
    from napari_htcell.items import is_project
    from napari_htcell.project import Project

    if project is None:
        here = Path.cwd()
        project = next((one for one in (here, *here.parents) if is_project(one)), None)
    return None if project is None else Project(project.resolve())


def _find(model: str, project: Path | None) -> ModelEntry:
    from napari_htcell.models import find_model

    return find_model(model, _open(project))


@click.group(invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> None:
    """List, show, import, export, rename and delete models."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@models.command("list")
@project_option
@reporting
def list_command(project: Path | None, report: Reporter) -> None:
    """List the project's, the user's and the shipped models."""
    from napari_htcell.models import list_models

    entries = list_models(_open(project))
    lines = [f"{entry.card.headline} ({entry.origin})" for entry in entries]
    report.result([_as_json(entry) for entry in entries], lines or "There are no models.")


@models.command()
@click.argument("model")
@project_option
@reporting
def show(model: str, project: Path | None, report: Reporter) -> None:
    """Show the card of MODEL, a name or a folder."""
    entry = _find(model, project)
    report.result(_as_json(entry), _lines(entry))


@models.command("import")
@click.argument("path", type=EXISTING)
@click.option("--project", type=EXISTING_FOLDER, help="Into this project, not the user's models.")
@click.option("--name", help="What to call it here.  [default: its own name]")
@reporting
def import_command(path: Path, project: Path | None, name: str | None, report: Reporter) -> None:
    """Import a model from PATH: a zip file that `export` wrote, or a model's folder."""
    from napari_htcell import own_models

    opened = None if project is None else _open(project)
    entry = own_models.import_model(
        path, None if opened is None else opened.models_folder, name=name
    )
    report.done(_as_json(entry), f"Imported {entry.card.name} to {entry.folder}")


@models.command()
@click.argument("model")
@click.argument("path", type=click.Path(path_type=Path))
@project_option
@reporting
def export(model: str, path: Path, project: Path | None, report: Reporter) -> None:
    """Write MODEL as one zip file, PATH, or into the folder PATH, to hand on."""
    from napari_htcell import own_models

    entry = _find(model, project)
    file = own_models.export_model(entry, path)
    report.done(_as_json(entry) | {"file": str(file)}, f"Wrote {entry.card.name} to {file}")


@models.command()
@click.argument("model")
@click.argument("name")
@project_option
@reporting
def rename(model: str, name: str, project: Path | None, report: Reporter) -> None:
    """Call MODEL, of the project or of the user, NAME from now on.

    What was detected with it keeps the old name.
    """
    from napari_htcell import own_models

    entry = own_models.rename_model(_find(model, project), name)
    report.done(_as_json(entry), f"{model} is called {name} now, in {entry.folder}")


@models.command()
@click.argument("model")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@reporting
def delete(model: str, yes: bool, project: Path | None, report: Reporter) -> None:
    """Delete MODEL, of the project or of the user, for good."""
    from napari_htcell import own_models

    entry = _find(model, project)
    if not yes and entry.origin in ("project", "user"):
        click.confirm(f"Delete {entry.card.headline} in {entry.folder}?", abort=True, err=True)
    own_models.delete_model(entry)
    report.done(_as_json(entry), f"Deleted {entry.card.name} in {entry.folder}")


def _as_json(entry: ModelEntry) -> dict[str, Any]:
    place = {"origin": entry.origin, "folder": str(entry.folder)}
    return place | entry.card.model_dump(mode="json")


def _lines(entry: ModelEntry) -> list[str]:
    card = entry.card
    said = {
        "name": card.name,
        "summary": card.summary,
        "version": card.version,
        "fine-tuned from": card.base_model,
        "kept": card.kept_part,
        "folder": f"{entry.folder}{'' if entry.origin == 'file' else f' ({entry.origin})'}",
        "made": f"{card.date}, {card.steps} steps, with its checks {card.seconds:g} s on "
        f"{card.device}",
        "learnt from": f"{count(len(card.images), 'image')}, "
        f"{count(sum(image.points for image in card.images), 'point')}",
        "network": f"width {card.training.base_width}, depth {card.training.depth}, "
        f"{card.training.pixel_size_um:g} um per pixel",
        "images assumed at": f"{card.image_pixel_size_um:g} um per pixel where nobody states it",
        "detection": ", ".join(f"{k} {v}" for k, v in card.detection.model_dump().items()),
    }
    lines = [f"{name}: {value}" for name, value in said.items() if value]
    return lines + [
        f"{whose}: F {f.f_score:.3f} at {f.cutoff_um:g} um (TP {f.tp}, FP {f.fp}, FN {f.fn}), "
        f"{f.on}"
        for whose, found in (("figure", card.own_figures), (card.base_model, card.base_figures))
        for f in found
    ]
