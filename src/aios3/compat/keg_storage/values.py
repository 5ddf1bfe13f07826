"""keg_storage's modes, operations, entries and errors."""

from __future__ import annotations

import contextlib
import enum
import importlib
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aios3.errors import BucketNotFoundError, ObjectNotFoundError, PathIsDirectoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Self

    from aios3 import ListEntry as Entry


FlagT = TypeVar("FlagT", bound=enum.Flag)


class FileMode(enum.Flag):
    """The mode of an open file."""

    read = enum.auto()
    write = enum.auto()

    def __str__(self) -> str:
        letters = ("r" if self & FileMode.read else "") + ("w" if self & FileMode.write else "")
        return f"{letters}b"

    @classmethod
    def as_mode(cls, obj: str | FileMode) -> FileMode:
        """Return the mode that a text such as ``"rb"`` means; raise ValueError for what is neither."""
        return _flags(cls, obj, {"r": cls.read, "w": cls.write}, "as_mode() accepts only FileMode or str arguments")


class ShareLinkOperation(enum.Flag):
    """Permissions of a link."""

    download = enum.auto()
    upload = enum.auto()
    remove = enum.auto()

    def __str__(self) -> str:
        names = {"d": ShareLinkOperation.download, "u": ShareLinkOperation.upload, "r": ShareLinkOperation.remove}
        return "".join(letter for letter, operation in names.items() if self & operation)

    @classmethod
    def as_operation(cls, obj: str | ShareLinkOperation) -> ShareLinkOperation:
        """Return the operations that a text of ``d``, ``u`` and ``r`` means; raise ValueError for what is neither."""
        letters = {"d": cls.download, "u": cls.upload, "r": cls.remove}
        return _flags(cls, obj, letters, f"as_operation() accepts only {cls.__name__} or str arguments")


def _flags(cls: type[FlagT], obj: object, letters: dict[str, FlagT], message: str) -> FlagT:
    if isinstance(obj, cls):
        return obj
    if not isinstance(obj, str):
        raise ValueError(message)  # noqa: TRY004 - keg_storage's
    flags = cls(0)
    for letter, flag in letters.items():
        if letter in obj:
            flags |= flag
    return flags


class ListEntry(NamedTuple):
    """One file of a listing."""

    name: str
    last_modified: datetime
    """An ``arrow.Arrow`` where arrow is installed, as keg_storage needs it to be."""
    size: int


def entry_of(entry: Entry) -> ListEntry:
    """Convert an entry."""
    return ListEntry(entry.name, _moment(entry.last_modified), entry.size)


def _moment(moment: datetime) -> datetime:
    try:
        arrow = importlib.import_module("arrow")
    except ImportError:
        return moment
    converted: datetime = arrow.get(moment)
    return converted


class FileNotFoundInStorageError(ObjectNotFoundError):
    """Raised for a file that is missing from a storage; also for a directory."""

    def __init__(self, storage_type: object, filename: str) -> None:
        super().__init__(f"File {filename} not found in {storage_type}.", path=filename)
        self.storage_type = storage_type
        self.filename = filename

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (str(self.storage_type), self.filename)


@contextlib.contextmanager
def finding(storage: object, filename: str) -> Iterator[None]:
    """Raise keg_storage's error for a file that is not there; a missing bucket stays what it is."""
    try:
        yield
    except BucketNotFoundError:
        raise
    except (ObjectNotFoundError, PathIsDirectoryError) as error:
        raise FileNotFoundInStorageError(storage, filename) from error
