"""``aopen``: a mode and its options become a file, when it is awaited or entered."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypedDict, TypeVar, overload

from aios3._backend import Condition, ReadOptions, WriteOptions
from aios3._config import ConfigOptions, check_bound
from aios3._handles.missing import explain_missing
from aios3._handles.plan import WritePlan, complete_plan
from aios3._handles.reader import AsyncPrefetchReader, Sizes, open_reader
from aios3._handles.text import AsyncTextReader, AsyncTextWriter, text_settings
from aios3._handles.writer import AsyncMultipartWriter
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import ConfigError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping
    from types import TracebackType
    from typing import Unpack

    from aios3._paths import AnyPath
    from aios3._session import Session


class ReaderOptions(TypedDict, total=False):
    """What can be said when a file is opened for reading."""

    version_id: str
    if_match: str
    sse_customer_key: bytes
    block_size: int
    request_size: int


class WriterOptions(TypedDict, total=False):
    """What can be said when a file is opened for writing."""

    content_type: str
    content_encoding: str
    content_disposition: str
    content_language: str
    cache_control: str
    metadata: Mapping[str, str]
    storage_class: str
    acl: str
    tags: Mapping[str, str]
    sse: str
    sse_kms_key_id: str
    sse_customer_key: bytes
    if_match: str
    part_size: int


class OpenOptions(ReaderOptions, WriterOptions, total=False):
    """The options of every mode; one that does not belong to the mode is refused."""


ReadBinaryMode = Literal["rb", "br"]
ReadTextMode = Literal["r", "rt", "tr"]
WriteBinaryMode = Literal["wb", "bw", "xb", "bx", "ab", "ba"]
WriteTextMode = Literal["w", "wt", "tw", "x", "xt", "tx", "a", "at", "ta"]


class _File(Protocol):
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


AsyncFile = AsyncPrefetchReader | AsyncMultipartWriter | AsyncTextReader | AsyncTextWriter
FileT_co = TypeVar("FileT_co", bound=_File, covariant=True)


class Opening(Generic[FileT_co]):
    """A file about to be opened: ``await`` it for the file, or enter it with ``async with``."""

    def __init__(self, open_: Callable[[], Awaitable[FileT_co]]) -> None:
        self._open = open_
        self._file: FileT_co | None = None

    def __await__(self) -> Generator[object, None, FileT_co]:
        return self._open().__await__()

    async def __aenter__(self) -> FileT_co:
        if self._file is not None:
            message = "This opening is entered already; call aopen() again for another file"
            raise ConfigError(message)
        file = self._file = await self._open()
        return file

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        file, self._file = self._file, None
        if file is not None:
            await file.__aexit__(exc_type, exc, traceback)


@overload
def aopen(
    path: AnyPath, mode: ReadBinaryMode = "rb", *, session: Session | None = None, **options: Unpack[ReaderOptions]
) -> Opening[AsyncPrefetchReader]: ...
@overload
def aopen(
    path: AnyPath, mode: WriteBinaryMode, *, session: Session | None = None, **options: Unpack[WriterOptions]
) -> Opening[AsyncMultipartWriter]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadTextMode,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> Opening[AsyncTextReader]: ...
@overload
def aopen(
    path: AnyPath,
    mode: WriteTextMode,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> Opening[AsyncTextWriter]: ...
@overload
def aopen(
    path: AnyPath,
    mode: str,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> Opening[AsyncFile]: ...
def aopen(
    path: AnyPath,
    mode: str = "rb",
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> Opening[AsyncFile] | Opening[AsyncPrefetchReader]:
    """Open an object of S3; use with ``async with``, or ``await`` it and close it yourself.

    ``mode`` is ``r`` (read), ``w`` (replace), ``x`` (create, never replace) or ``a`` (append), with ``b`` for bytes;
    without it the file is text in ``encoding`` (UTF-8), with ``errors`` and ``newline`` as in :func:`open`.

    Reading takes the options of :class:`ReaderOptions`: ``version_id``, ``if_match`` (the ETag that the object must
    have), ``sse_customer_key``, and ``block_size`` and ``request_size`` in bytes instead of the session's. Writing
    takes those of :class:`WriterOptions`: what S3 keeps with the object (``content_type``, by default guessed from the
    key, ``metadata``, ``tags``, ``storage_class``, ``acl``, ``sse`` ...), ``if_match`` to replace only that version,
    and ``part_size`` in bytes.

    A wrong path, mode or option raises at once (InvalidPathError, PathIsDirectoryError, ConfigError). Opening raises
    ObjectNotFoundError, PathIsDirectoryError where only a directory is there, ObjectExistsError in mode ``x``,
    AccessDeniedError, and the errors of a connection.
    """
    kind, binary = _parse_mode(mode)
    text = text_settings(binary=binary, encoding=encoding, errors=errors, newline=newline)
    url = S3Url.parse(path).require_object()
    if kind == "r":
        sizes, read = _reading(options)
        return Opening(lambda: _open_reading(session, url, read, sizes, None if binary else text))
    plan, part_size = _writing(url, kind + "b", options)
    return Opening(lambda: _open_writing(session, plan, part_size, None if binary else text))


def _parse_mode(mode: str) -> tuple[str, bool]:
    if not isinstance(mode, str):
        message = f"A mode is a str such as 'rb', not {type(mode).__name__}"
        raise ConfigError(message)
    letters = set(mode)
    kind = letters & set("rwxa")
    if len(letters) != len(mode) or len(kind) != 1 or not letters <= set("rwxabt") or {"b", "t"} <= letters:
        hint = " (reading and writing at once is not possible on S3)" if "+" in letters else ""
        message = f"Invalid mode {mode!r}{hint}: one of 'r', 'w', 'x', 'a', and at most one of 'b', 't'"
        raise ConfigError(message)
    return kind.pop(), "b" in letters


def _reading(options: OpenOptions) -> tuple[ConfigOptions, ReadOptions]:
    _check_options(options, ReaderOptions, "reading")
    sizes = ConfigOptions()
    if "block_size" in options:
        sizes["block_size"] = options["block_size"]
    if "request_size" in options:
        sizes["request_size"] = options["request_size"]
    read = {name: value for name, value in options.items() if name not in ("block_size", "request_size")}
    return sizes, ReadOptions(**read)  # type: ignore[arg-type]  # the names have been checked


def _writing(url: S3Url, mode: str, options: OpenOptions) -> tuple[WritePlan, int | None]:
    _check_options(options, WriterOptions, "writing")
    if_match = options.get("if_match")
    if mode == "xb" and if_match is not None:
        message = "Mode 'x' creates an object and if_match replaces one; use mode 'w' with if_match"
        raise ConfigError(message)
    fields = {field.name for field in dataclasses.fields(WriteOptions)}
    stored = {name: value for name, value in options.items() if name in fields}
    write = WriteOptions(**stored)  # type: ignore[arg-type]  # the names have been checked
    return WritePlan(url, mode, write, Condition(if_match=if_match)), options.get("part_size")


def _check_options(options: OpenOptions, known: type, purpose: str) -> None:
    names = known.__optional_keys__  # type: ignore[attr-defined]  # every TypedDict has it
    unknown = sorted(set(options) - names)
    if unknown:
        message = f"Unknown option {', '.join(map(repr, unknown))} for {purpose}; there are {', '.join(sorted(names))}"
        raise ConfigError(message)
    for name, value in options.items():
        if name.endswith("_size"):
            check_bound(name, value)


async def _open_reading(
    session: Session | None,
    url: S3Url,
    options: ReadOptions,
    sizes: ConfigOptions,
    text: tuple[str, str, str | None] | None,
) -> AsyncPrefetchReader | AsyncTextReader:
    current = current_session(session)
    config = current.config.with_options(**sizes)
    try:
        reader = await open_reader(current, url, options, Sizes(config.block_size, config.request_size))
    except ObjectNotFoundError as error:
        await explain_missing(current, url, error)
        raise
    return reader if text is None else AsyncTextReader(reader, *text)


async def _open_writing(
    session: Session | None, plan: WritePlan, part_size: int | None, text: tuple[str, str, str | None] | None
) -> AsyncMultipartWriter | AsyncTextWriter:
    current = current_session(session)
    config = current.config if part_size is None else current.config.with_options(part_size=part_size)
    complete = await complete_plan(current, dataclasses.replace(plan, part_size=config.part_size))
    if complete.head:
        await current.budget.take(len(complete.head))
        current.budget.park(len(complete.head))
    writer = AsyncMultipartWriter(current, complete)
    return writer if text is None else AsyncTextWriter(writer, *text)
