"""Flags made from the fields of `config`, so that no default, bound or text is written twice."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
SettingsT = TypeVar("SettingsT", bound=BaseModel)

UNITS = {"_um": "UM", "_px": "PX"}
"""Ends of field names that are units: the flag is without, its value is called by the unit."""

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


class FiniteRange(click.FloatRange):
    """A range of numbers; "nan", which lies in every range for Click, is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number or fail with a line for the user."""
        if isinstance(value, str) and re.fullmatch(r"\d*,\d+", value):
            self.fail(f"{value!r} has a comma; write {value.replace(',', '.')}.", param, ctx)
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def pixel_size(text: str, parameter: str = "pixel_size_um") -> Callable[[FunctionT], FunctionT]:
    """Give a command the flag --pixel-size; `text` says what becomes of it."""
    return click.option(
        "--pixel-size",
        parameter,
        type=FiniteRange(min=0, min_open=True, max=1000),
        metavar="UM",
        help=f"Micrometres per pixel of the images; {text}",
    )


def settings_options(
    kind: type[BaseModel],
    *,
    names: Mapping[str, str] | None = None,
    leave_out: Collection[str] = (),
    default: str | None = None,
) -> Callable[[FunctionT], FunctionT]:
    """Give a command one flag for each field of a parameter group.

    A flag that is not given passes None, which `config.override` takes for the default.

    Parameters
    ----------
    kind : type
        The group; its fields' descriptions and bounds are the flags'.
    names : mapping of str to str, optional
        Flags of fields whose own name would mislead.
    leave_out : collection of str, optional
        Fields without a flag.
    default : str, optional
        What is taken without a flag, in words; the fields' defaults without it.
    """

    def decorate(function: FunctionT) -> FunctionT:
        for name in reversed([n for n in kind.model_fields if n not in leave_out]):
            option = _option(name, kind.model_fields[name], (names or {}).get(name), default)
            function = option(function)
        return function

    return decorate


def _option(
    name: str, field: FieldInfo, flag: str | None, default: str | None
) -> Callable[[FunctionT], FunctionT]:
    unit = next((end for end in UNITS if name.endswith(end)), "")
    kind, nargs = _type(field)
    shown = default if default is not None else _show(field.default)
    text = f"{field.description}  [default: {shown}]" if shown else str(field.description)
    return click.option(
        flag or "--" + name.removesuffix(unit).replace("_", "-"),
        name,
        type=kind,
        nargs=nargs,
        metavar=" ".join([UNITS[unit]] * nargs) if unit else None,
        help=text,
    )


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_show, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _type(field: FieldInfo) -> tuple[click.ParamType[Any], int]:
    """Return the type of a field's flag and how many values it takes."""
    annotation = field.annotation
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Literal:
        return click.Choice(typing.get_args(annotation)), 1
    if typing.get_origin(annotation) is tuple:
        return FiniteRange(min=0), len(typing.get_args(annotation))
    bounds: dict[str, Any] = {}
    for limit in field.metadata:
        for end, name, is_open in (
            ("min", "ge", False),
            ("min", "gt", True),
            ("max", "le", False),
            ("max", "lt", True),
        ):
            if hasattr(limit, name):
                bounds |= {end: getattr(limit, name), f"{end}_open": is_open}
    return (click.IntRange if annotation is int else FiniteRange)(**bounds), 1


def given(kind: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a command's values that are flags of a group and were given."""
    return {
        name: value
        for name, value in values.items()
        if name in kind.model_fields and value is not None
    }


def build(kind: type[SettingsT], values: Mapping[str, Any]) -> SettingsT:
    """Return a group with the flags that were given.

    Raises
    ------
    BadParameter
        If they do not go together; with the reason.
    """
    from napari_htcell.cli import one_line

    try:
        return kind(**given(kind, values))
    except ValidationError as error:
        raise click.BadParameter(one_line(error)) from error
