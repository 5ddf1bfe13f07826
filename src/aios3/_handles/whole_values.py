"""The mode and the object of a whole file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._handles.plan import WritePlan
    from aios3._paths import S3Url


@dataclass(frozen=True, slots=True)
class WholeMode:
    """What a mode such as ``rb+`` allows."""

    text: str

    @property
    def kind(self) -> str:
        """``r``, ``w``, ``x`` or ``a``."""
        return self.text[0]

    @property
    def reads(self) -> bool:
        """Whether reading is allowed."""
        return self.kind == "r" or "+" in self.text

    @property
    def writes(self) -> bool:
        """Whether writing is allowed."""
        return self.kind != "r" or "+" in self.text


@dataclass(frozen=True, slots=True)
class WholeObject:
    """What a whole file is about."""

    url: S3Url
    mode: WholeMode
    old: StatResult | None = None
    """The object that was downloaded."""
    plan: WritePlan | None = None
    """What closing writes; None in mode ``rb``."""
