"""Options and arguments of the parsers as values, for the texts that are made of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command."""

    names: tuple[str, ...]
    metavar: str | None
    """The name of its value; None if it takes none."""
    choices: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command that is not an option."""

    metavar: str
    """Its name in a synopsis, with ``[...]`` around what may be left out."""
    choices: tuple[str, ...]
    help: str


def options_of(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> Iterator[Option]:
    """Yield the options of a parser, or of one group of them."""
    for action in _actions(parser):
        if action.option_strings and action.help != argparse.SUPPRESS:
            takes_value = action.nargs != 0
            metavar = _metavar(action) if takes_value else None
            yield Option(tuple(action.option_strings), metavar, _choices(action), action.help or "")


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    """Yield the arguments of a parser that are not options."""
    for action in _actions(parser):
        if not action.option_strings and action.help != argparse.SUPPRESS:
            name = _metavar(action)
            shown = {"*": f"[{name}...]", "+": f"{name}...", "?": f"[{name}]"}.get(str(action.nargs), name)
            yield Argument(shown, _choices(action), action.help or "")


def _actions(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> list[argparse.Action]:
    return parser._group_actions if isinstance(parser, argparse._ArgumentGroup) else parser._actions  # noqa: SLF001


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    choices = _choices(action)
    return "|".join(choices) if choices else action.dest.upper()


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(map(str, action.choices or ()))
