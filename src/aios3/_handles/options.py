"""Options of opening: modes, strategies and their options, checked before anything is awaited."""

from __future__ import annotations

import codecs
import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from aios3._arguments import check_arguments
from aios3._backend import GetOptions, Precondition, PutOptions
from aios3._config import ConfigOptions, check_bound
from aios3._s3_constants import MIN_PART_SIZE
from aios3.errors import ConfigError, UnknownEncodingError, WrongTypeError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from aios3._config import Config
    from aios3._paths import S3Url
    from aios3._storing.write_plan import WritePlan


class ReaderOptions(TypedDict, total=False):
    """The options of a file that is opened for reading."""

    version_id: str
    if_match: str
    sse_customer_key: bytes
    block_size: int
    request_size: int
    followlinks: bool


class SharedOptions(ReaderOptions, total=False):
    """The options of ``buffering="shared"``."""

    cache_key: str


class PipeReaderOptions(TypedDict, total=False):
    """The options of ``buffering="pipe"`` for reading."""

    version_id: str
    if_match: str
    sse_customer_key: bytes
    followlinks: bool


class _PlainUploadOptions(TypedDict, total=False):
    """The attributes that an object is stored with, except its metadata."""

    content_type: str
    content_encoding: str
    content_disposition: str
    content_language: str
    cache_control: str
    expires: str
    storage_class: str
    acl: str
    tags: Mapping[str, str]
    sse: str
    sse_kms_key_id: str
    sse_customer_key: bytes


class UploadOptions(_PlainUploadOptions, total=False):
    """The attributes that an object is stored with."""

    metadata: Mapping[str, str]


class PlainWriterOptions(_PlainUploadOptions, total=False):
    """The options of a file that is opened for writing, except its metadata."""

    if_match: str
    part_size: int
    followlinks: bool


class WriterOptions(PlainWriterOptions, total=False):
    """The options of a file that is opened for writing."""

    metadata: Mapping[str, str]


class PipeWriterOptions(WriterOptions, total=False):
    """The options of ``buffering="pipe"`` for writing."""

    join: bool


class LimitedOptions(WriterOptions, total=False):
    """The options of ``buffering="limited"``."""

    head_size: int
    tail_size: int


class WholeOptions(WriterOptions, total=False):
    """The options of ``buffering="memory"``, ``buffering="disk"`` and the modes with ``+``.

    ``version_id`` belongs to mode ``rb``, the options of writing to the others, ``cache_path`` to ``disk``.
    """

    version_id: str
    cache_path: str | os.PathLike[str]


class OpenOptions(SharedOptions, PipeWriterOptions, LimitedOptions, WholeOptions, total=False):
    """The options of every mode and way; one that does not belong to them is rejected."""


ReadBinaryMode = Literal["rb", "br"]
ReadTextMode = Literal["r", "rt", "tr"]
WriteBinaryMode = Literal["wb", "bw", "xb", "bx", "ab", "ba"]
WriteTextMode = Literal["w", "wt", "tw", "x", "xt", "tx", "a", "at", "ta"]
CreateBinaryMode = Literal["wb", "bw", "xb", "bx"]
CreateTextMode = Literal["w", "wt", "tw", "x", "xt", "tx"]
UpdateBinaryMode = Literal[
    "rb+", "r+b", "br+", "b+r", "+rb", "+br",
    "wb+", "w+b", "bw+", "b+w", "+wb", "+bw",
    "xb+", "x+b", "bx+", "b+x", "+xb", "+bx",
    "ab+", "a+b", "ba+", "b+a", "+ab", "+ba",
]  # fmt: skip
UpdateTextMode = Literal[
    "r+", "+r", "r+t", "rt+", "tr+", "t+r", "+rt", "+tr",
    "w+", "+w", "w+t", "wt+", "tw+", "t+w", "+wt", "+tw",
    "x+", "+x", "x+t", "xt+", "tx+", "t+x", "+xt", "+tx",
    "a+", "+a", "a+t", "at+", "ta+", "t+a", "+at", "+ta",
]  # fmt: skip

Buffering = Literal["prefetch", "shared", "pipe", "memory", "disk", "limited"]
WholeBuffering = Literal["memory", "disk"]

_MODES_OF: dict[str, str] = {
    "prefetch": "rwxa",
    "shared": "r",
    "pipe": "rwx",
    "memory": "rwxa",
    "disk": "rwxa",
    "limited": "wx",
}
"""The kinds of mode that each way has."""

_READING: dict[str, type] = {
    "prefetch": ReaderOptions,
    "shared": SharedOptions,
    "pipe": PipeReaderOptions,
    "memory": PipeReaderOptions,
    "disk": PipeReaderOptions,
}
_WRITING: dict[str, type] = {"pipe": PipeWriterOptions, "limited": LimitedOptions}

_DEFAULT_READ = GetOptions()
_STORED = frozenset(field.name for field in dataclasses.fields(PutOptions))


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode, taken apart."""

    kind: str
    """``r``, ``w``, ``x`` or ``a``."""
    binary: bool
    updates: bool
    """True if there is a ``+``: reading and writing."""

    def __str__(self) -> str:
        return f"{self.kind}b{'+' if self.updates else ''}"


def parse_mode(mode: object) -> Mode:
    """Take a mode apart; raise ConfigError for one that :func:`open` would reject as well."""
    if not isinstance(mode, str):
        message = f"A mode is a str such as 'rb', not {type(mode).__name__}"
        raise WrongTypeError(message)
    return _parse_mode(mode)


@lru_cache
def _parse_mode(mode: str) -> Mode:
    letters = set(mode)
    kind = letters & set("rwxa")
    is_both = {"b", "t"} <= letters
    if len(letters) != len(mode) or len(kind) != 1 or not letters <= set("rwxabt+") or is_both:
        reason = "; it can't have text and binary mode at once" if is_both else ""
        message = f"invalid mode {mode!r}{reason}: one of 'r', 'w', 'x', 'a', at most one of 'b', 't', and perhaps '+'"
        raise ConfigError(message)
    return Mode(kind.pop(), "b" in letters, "+" in letters)


def resolve_buffering(mode: Mode, buffering: object, options: OpenOptions) -> str:
    """Return the name of the way: what ``buffering`` says, else what the mode needs.

    Raises ConfigError for a way that does not exist or does not have the mode.
    """
    if buffering is None:
        whole = mode.updates or "cache_path" in options
        resolved = ("disk" if "cache_path" in options else "memory") if whole else "prefetch"
    elif isinstance(buffering, str) and buffering in _MODES_OF:
        resolved = buffering
    else:
        message = f"buffering must be one of {', '.join(map(repr, get_args(Buffering)))} or None, not {buffering!r}"
        raise ConfigError(message)
    if mode.kind not in _MODES_OF[resolved] or (mode.updates and resolved not in get_args(WholeBuffering)):
        hint = "; reading and writing at once needs 'memory' or 'disk'" if mode.updates else ""
        kinds = ", ".join(map(repr, _MODES_OF[resolved]))
        message = f"buffering={resolved!r} has the modes {kinds}, and not {str(mode)!r}{hint}"
        raise ConfigError(message)
    return resolved


@dataclass(frozen=True, slots=True)
class ReadSizes:
    """Sizes in bytes that a caller may choose for one file."""

    block_size: int
    request_size: int


@dataclass(frozen=True, slots=True)
class OpenSpec:
    """The file to open, decided and checked."""

    url: S3Url
    mode: Mode
    buffering: str
    read: GetOptions
    """The options of reads, also by a mode that writes after or into the object."""
    plan: WritePlan | None = None
    """The write, for modes that write; its part size is the session's where ``config`` does not say."""
    config: ConfigOptions = dataclasses.field(default_factory=ConfigOptions)
    followlinks: bool = False
    cache_key: str = ""
    cache_path: Path | None = None
    join: bool = True
    head_size: int | None = None
    tail_size: int | None = None


def parse_open_options(url: S3Url, mode: Mode, buffering: object, options: OpenOptions) -> OpenSpec:
    """Check the options of an opening. Raises ConfigError for one that is unknown, wrong, or of another mode or way."""
    resolved = resolve_buffering(mode, buffering, options)
    reads_only = mode.kind == "r" and not mode.updates
    if reads_only and not options:
        return OpenSpec(url, mode, resolved, _DEFAULT_READ, config=_config(resolved, options))
    allowed = _known_options(resolved, reads_only=reads_only)
    _check_options(
        options,
        allowed,
        f"{'reading' if reads_only else 'writing'}{'' if resolved == 'prefetch' else f' ({resolved})'}",
    )
    check_arguments(**options)
    if_match = options.get("if_match")
    if mode.kind == "x" and if_match is not None:
        message = "Mode 'x' creates an object and if_match replaces one; use mode 'w' with if_match"
        raise ConfigError(message)
    cache_path = options.get("cache_path")
    return OpenSpec(
        url,
        mode,
        resolved,
        GetOptions(options.get("version_id"), if_match, options.get("sse_customer_key")),
        None if reads_only else _plan(url, mode, options),
        _config(resolved, options),
        followlinks=options.get("followlinks") is True,
        cache_key=options.get("cache_key") or "",
        cache_path=None if cache_path is None else _path(cache_path),
        join=options.get("join") is not False,
        head_size=options.get("head_size"),
        tail_size=options.get("tail_size"),
    )


def parse_upload_options(options: UploadOptions) -> PutOptions | None:
    """Return what objects are stored with; None if nothing is said. Raises ConfigError for an option that is wrong."""
    _check_names(options, UploadOptions.__optional_keys__, "an object")
    check_arguments(**options)
    fields = {name: value for name, value in options.items() if value is not None}
    return PutOptions(**fields) if fields else None  # type: ignore[arg-type]  # the names have been checked


def _path(path: str | os.PathLike[str]) -> Path:
    from pathlib import Path  # noqa: PLC0415 - slow to import, and only one way to open has a cache path

    return Path(path)


def _known_options(buffering: str, *, reads_only: bool) -> frozenset[str]:
    allowed = _READING[buffering] if reads_only else _WRITING.get(buffering, WriterOptions)
    names: frozenset[str] = allowed.__optional_keys__  # type: ignore[attr-defined]  # every TypedDict has it
    return names | {"cache_path"} if buffering == "disk" else names


def _check_options(options: OpenOptions, allowed: frozenset[str], purpose: str) -> None:
    _check_names(options, allowed, purpose)
    for name, value in options.items():
        if name.endswith("_size"):
            check_bound(name, value)


def _check_names(options: Mapping[str, object], allowed: frozenset[str], purpose: str) -> None:
    unknown = sorted(set(options) - allowed)
    if unknown:
        message = (
            f"Unknown option {', '.join(map(repr, unknown))} for {purpose}; there are {', '.join(sorted(allowed))}"
        )
        raise ConfigError(message)


def _plan(url: S3Url, mode: Mode, options: OpenOptions) -> WritePlan:
    fields = {name: value for name, value in options.items() if name in _STORED and value is not None}
    write = PutOptions(**fields)  # type: ignore[arg-type]  # the names have been checked
    from aios3._storing.write_plan import WritePlan  # noqa: PLC0415 - most programs only read

    if_match = options.get("if_match")
    return WritePlan(url, f"{mode.kind}b", write, Precondition(if_match), head_first=if_match is not None)


def _config(buffering: str, options: OpenOptions) -> ConfigOptions:
    config = ConfigOptions()
    if buffering == "pipe":
        config["part_size"] = MIN_PART_SIZE  # the least memory
    if "block_size" in options:
        config["block_size"] = options["block_size"]
    if "request_size" in options:
        config["request_size"] = options["request_size"]
    if "part_size" in options:
        config["part_size"] = options["part_size"]
    return config


def read_sizes(config: Config, spec: OpenSpec) -> ReadSizes:
    """Return the sizes with which an object is read: those of ``spec``, or else of ``config``."""
    sizes = config.with_options(**spec.config)
    return ReadSizes(sizes.block_size, sizes.request_size)


def text_settings(
    *, binary: bool, encoding: str | None, errors: str | None, newline: str | None
) -> tuple[str, str, str | None]:
    """Check the three text arguments and fill their defaults: UTF-8, strict, universal newlines.

    Raises ConfigError for a value that is unknown, or that comes with a binary mode, UnknownEncodingError and
    WrongTypeError, which are ConfigErrors.
    """
    if binary:
        for name, value in (("encoding", encoding), ("errors", errors), ("newline", newline)):
            if value is not None:
                message = f"A binary mode takes no {name}; leave it out, or open without 'b'"
                raise ConfigError(message)
    _check_text_types(encoding=encoding, errors=errors, newline=newline)
    if newline not in (None, "", "\n", "\r", "\r\n"):
        message = f"newline must be None, '', '\\n', '\\r' or '\\r\\n', not {newline!r}"
        raise ConfigError(message)
    encoding = known_encoding("utf-8" if encoding is None else encoding)
    errors = "strict" if errors is None else errors
    try:
        codecs.lookup_error(errors)
    except (LookupError, ValueError) as error:
        message = f"There is no way errors={errors!r} to handle errors of encoding: {error}"
        raise UnknownEncodingError(message) from error
    return encoding, errors, newline


def known_encoding(encoding: str) -> str:
    """Return the name of an encoding of text; for ``locale``, as :func:`io.text_encoding` says, that of the system.

    Raises UnknownEncodingError, also for a codec that makes no bytes of text, such as ``hex``.
    """
    if encoding == "locale":
        import locale  # noqa: PLC0415 - seldom needed

        return locale.getencoding()
    try:
        "".encode(encoding)
    except (LookupError, ValueError) as error:
        message = f"There is no text with encoding={encoding!r}: {error}"
        raise UnknownEncodingError(message) from error
    return encoding


def _check_text_types(**arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            message = f"{name} must be a str or None, not {value!r}"
            raise WrongTypeError(message)
