"""The mode and the object of a whole file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._handles.prepare_plan import WritePlan
    from aios3._paths import S3Url


@dataclass(frozen=True, slots=True)
class WholeMode:
    """The access that a mode such as ``rb+`` allows."""

    text: str

    @property
    def kind(self) -> str:
        """``r``, ``w``, ``x`` or ``a``."""
        return self.text[0]

    @property
    def reads(self) -> bool:
        """Return whether reading is allowed."""
        return self.kind == "r" or "+" in self.text

    @property
    def writes(self) -> bool:
        """Return whether writing is allowed."""
        return self.kind != "r" or "+" in self.text


@dataclass(frozen=True, slots=True)
class WholeObject:
    """The object of a whole file."""

    url: S3Url
    mode: WholeMode
    old: StatResult | None = None
    """The object that was downloaded."""
    plan: WritePlan | None = None
    """The write at closing; None in mode ``rb``."""
