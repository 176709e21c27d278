"""The command line, `htcell`: every job of the window without a window.

Exit codes: 0 all done; 1 the job could not be done, or not for all files; 2 a wrong argument; 130
stopped with Ctrl+C. Whatever goes wrong is one line on the error output.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import click


class Entry(NamedTuple):
    """Where a command is, and its line in the list of commands."""

    module: str
    function: str
    summary: str


COMMANDS = {
    "demo": Entry("demo", "demo", "Run the whole job on the sample project."),
    "simulate": Entry("simulate", "simulate", "Make a project of simulated images."),
    "detect": Entry("detect", "detect", "Find the cells in images, folders or a project."),
    "train": Entry("learn", "train", "Train a version from random weights."),
    "fine-tune": Entry("learn", "fine_tune", "Improve a model with a project's complete images."),
    "evaluate": Entry("evaluate", "evaluate", "Compare detections with the truth."),
    "export": Entry("export", "export", "Write a project's counts, points and a summary page."),
    "next": Entry("next_images", "next_images", "Say which image to correct next, and why."),
    "models": Entry("models", "models", "List, show, import, export, rename and delete models."),
    "import-annotations": Entry(
        "import_annotations", "import_annotations", "Take clicks or masks into a project."
    ),
    "mark-complete": Entry(
        "mark_complete", "mark_complete", "Say that every cell of an image has a point."
    ),
}
"""The commands; each is loaded when it is called, so that help and mistakes are quick."""

STOPPED = 130
"""Exit code after Ctrl+C, as of every Unix program."""


class Stopped(click.ClickException):
    """The user pressed Ctrl+C; the text says what there is to go on from."""

    exit_code = STOPPED


class Program(click.Group):
    """The group of all commands; turns every expected error into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of a user's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        module = importlib.import_module(f"{__name__}.{entry.module}")
        command: click.Command = getattr(module, entry.function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run the program; leaves with an exit code unless `standalone_mode` is off."""
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **options)
        # It logs what is wrong with a file before it raises; one line is enough.
        logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UserWarning)
                warnings.showwarning = _show_warning  # type: ignore[assignment]
                code = run(*args, standalone_mode=False, **options)
        except Stopped as stop:
            _leave(f"Stopped: {stop.format_message()}", stop.exit_code)
        except click.ClickException as error:
            _leave(f"Error: {error.format_message()}", error.exit_code)
        except click.Abort:
            _leave("Stopped", STOPPED)
        # The core raises these two with a text for the user; all else is a defect, and its
        # traceback is what we want to be sent.
        except (ValueError, OSError) as error:
            _leave(f"Error: {one_line(error)}", 1)
        sys.exit(code if isinstance(code, int) else 0)


def _show_warning(message: Warning | str, category: type[Warning], *_rest: Any) -> None:
    """Show our own warnings in one line; those of libraries are for their developers."""
    if category.__module__.startswith(__package__.partition(".")[0]):
        click.echo(f"Warning: {message} (state it with --pixel-size)", err=True)


def one_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    from pydantic import ValidationError

    from napari_htcell.config import first_fault

    if isinstance(error, ValidationError):
        return first_fault(error).replace("Value error, ", "")
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _leave(text: str, code: int) -> NoReturn:
    click.echo(" ".join(text.split()), err=True)
    sys.exit(code)


@click.group(cls=Program, invoke_without_command=True)
@click.version_option(package_name="napari-htcell", prog_name="htcell")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Find and count cells in phase-contrast images, learning from partly clicked ones.

    Each command has its own help: htcell detect --help.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
