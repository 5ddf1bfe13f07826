"""What a program can show of an error: text, traceback, what it came from, their fields, and what was logged."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

import aios3

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it came from, also what a traceback would leave out."""
    left, seen = [error], set()
    while left:
        each = left.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            left += [other for other in (each.__cause__, each.__context__) if other is not None]
            left += getattr(each, "exceptions", ())
            left += getattr(each, "failures", {}).values()


def everything_shown(error: BaseException, records: Iterable[logging.LogRecord] = ()) -> str:
    """All of it as one text."""
    parts = ["".join(traceback.format_exception(error))]
    for each in chain_of(error):
        parts.append(f"{each!r} {each}")
        if isinstance(each, aios3.S3Error):
            parts += [repr(vars(each)), repr(pickle.dumps(each))]
    logged = [record for record in records if record.name.startswith("aios3")]
    parts += [f"{record.getMessage()} {record.args!r} {record.exc_text}" for record in logged]
    return "\n".join(parts)
