"""Limits of an archive: how much memory and time its reader may spend on it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from aios3.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """Limits for an archive from a stranger; None lifts one.

    What the archive says of its members is held against them, and what a member really has is held against what the
    archive says. Raises ConfigError for a limit that is negative.
    """

    max_members: int | None = 200_000
    """The most members, which is about 100 MB of their descriptions."""
    max_ratio: float | None = 250.0
    """How many times its size in the archive a member of more than 1 MiB may have. Text reaches 10 to 20; deflate ends
    at 1,032, which only files of one repeated byte come near to."""
    max_member_bytes: int | None = None
    """The most bytes of one member."""
    max_total_bytes: int | None = None
    """The most bytes of all members that one call of ``extract_all`` extracts."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and value < 0:
                message = f"{field.name} of ZipLimits must not be negative, and is {value}; None lifts the limit"
                raise ConfigError(message)
