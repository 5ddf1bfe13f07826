"""boto3's names of arguments, as options of aios3."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aios3.compat._arguments import WRITING
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from aios3._handles.copy_from import Readable

_WRITING = WRITING | {"IfMatch": "if_match", "SSECustomerKey": "sse_customer_key", "Tagging": "tags"}
_IMPLIED = {"Metadata", "SSECustomerAlgorithm", "SSECustomerKeyMD5"}
"""Arguments that others imply."""


def writing_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of aios3 for arguments of boto3's ``put_object``; raise ConfigError for one there is none for."""
    present = {name: value for name, value in arguments.items() if name not in _IMPLIED}
    reject(present.keys() - _WRITING, "write an object")
    return {_WRITING[name]: _VALUES.get(name, _same)(value) for name, value in present.items()}


def reject(names: set[str], what: str) -> None:
    """Raise ConfigError if there are ``names`` of arguments that nothing stands for."""
    if names:
        message = f"aios3 does not {what} with {', '.join(sorted(names))}"
        raise ConfigError(message)


def _same(value: object) -> object:
    return value


_VALUES: Mapping[str, Callable[[Any], object]] = {
    "SSECustomerKey": lambda key: key.encode() if isinstance(key, str) else key,
    "Tagging": lambda text: dict(parse_qsl(text, keep_blank_values=True)),
}


class Counted:
    """A file that counts how much was read from it, or written to it."""

    def __init__(self, file: Any, callback: Callable[[int], object]) -> None:  # noqa: ANN401 - whatever was given
        self._file = file
        self._callback = callback

    def read(self, size: int, /) -> bytes:
        """Read, and count how much."""
        data: bytes = self._file.read(size)
        self._callback(len(data))
        return data

    def write(self, data: bytes, /) -> object:
        """Write, and count how much."""
        count = self._file.write(data)
        self._callback(count if isinstance(count, int) else len(data))
        return count


def counted_source(stream: Readable, callback: Callable[[int], object] | None) -> Readable:
    """Return ``stream``, or one that calls ``callback`` with the size of each chunk."""
    return stream if callback is None else Counted(stream, callback)
