"""The classes of flowserv itself, where it is installed."""

from __future__ import annotations

import abc
import importlib
from typing import TypeVar

T = TypeVar("T")


def find(module: str, name: str) -> type | None:
    """Return a class of flowserv; None where flowserv, or something that it needs, is not installed."""
    try:
        value = getattr(importlib.import_module(module), name)
    except ImportError:
        return None
    return value if isinstance(value, type) else None


def error_alias(name: str, alias: type[T]) -> type[T]:
    """Have flowserv's ``isinstance`` take ``alias`` for its own class ``name``, and return ``alias``."""
    base = find("flowserv.volume.base", name)
    if isinstance(base, abc.ABCMeta):
        base.register(alias)
    return alias
