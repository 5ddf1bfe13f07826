"""The classes of flowserv itself, where it is installed."""

from __future__ import annotations

import abc
import importlib
from typing import TypeVar

T = TypeVar("T")


def find(module: str, name: str) -> type | None:
    """Return a class of flowserv; None where flowserv, or something that it needs, is not installed."""
    try:
        found = getattr(importlib.import_module(module), name)
    except ImportError:
        return None
    return found if isinstance(found, type) else None


def error_alias(name: str, ours: type[T]) -> type[T]:
    """Have flowserv's ``isinstance`` take ``ours`` for its own class ``name``, and return ``ours``."""
    found = find("flowserv.volume.base", name)
    if isinstance(found, abc.ABCMeta):
        found.register(ours)
    return ours
