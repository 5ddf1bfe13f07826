"""The commands ``cat``, ``head``, ``tail`` and ``presign``: bytes of objects on standard output."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import aios3
from aios3.cli._names import add_raw, is_pattern, require_s3
from aios3.cli._units import UnitError, parse_age, parse_number, parse_size
from aios3.errors import S3Error

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    from aios3.cli._app import App

_END_LINES = 10
"""Lines that ``head`` and ``tail`` show without ``-c``, as those of the shell."""
_LINE_READ_BYTES = 64 << 10
_MAX_LIFETIME_SECONDS = 604_800
"""S3's limit for presigned links."""


def _cat_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an object, or a pattern")
    parser.add_argument("--version-id", metavar="ID", help="an older version of the object")
    add_raw(parser)


async def _cat(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    for path in options.paths:
        try:
            async with aclosing(_matches(require_s3(path), session, raw=options.raw)) as names:
                async for name in names:
                    await _write_object(app, name, options.version_id)
        except S3Error as error:
            app.output.error("cat", error)


async def _matches(path: str, session: aios3.Session, *, raw: bool) -> AsyncGenerator[str, None]:
    if not is_pattern(path, raw=raw):
        yield path
        return
    async with aclosing(aios3.glob(path, missing_ok=False, session=session)) as names:
        async for name in names:
            yield name


async def _write_object(app: App, path: str, version_id: str | None) -> None:
    more: aios3.ReaderOptions = {} if version_id is None else {"version_id": version_id}
    async with aios3.aopen(path, session=await app.session(), **more) as file:
        async for chunk in file.chunks():
            await app.output.stream.write_bytes(chunk)


def _end_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="an object")
    parser.add_argument("-c", "--bytes", type=parse_size, metavar="SIZE", help="bytes instead of lines")
    parser.add_argument(
        "-n", "--lines", type=parse_number, default=_END_LINES, metavar="N", help=f"lines ({_END_LINES})"
    )


async def _head(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    path = require_s3(options.path)
    if options.bytes is not None:
        await app.output.stream.write_bytes(await aios3.read_bytes(path, 0, options.bytes, session=session))
        return
    async with aios3.aopen(path, session=session) as file:
        for _ in range(options.lines):
            line = await file.readline()
            if not line:
                break
            await app.output.stream.write_bytes(line)


async def _tail(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    path = require_s3(options.path)
    if options.bytes is not None:
        start = -options.bytes or None
        await app.output.stream.write_bytes(await aios3.read_bytes(path, start, None if start else 0, session=session))
        return
    async with aios3.aopen(path, session=session) as file:
        await app.output.stream.write_bytes(await _last_lines(file, options.lines))


async def _last_lines(file: aios3.AsyncPrefetchReader, count: int) -> bytes:
    """Return the last lines, read from the end in steps that double."""
    if count <= 0:
        return b""
    step, data = _LINE_READ_BYTES, b""
    start = file.size
    while start > 0 and data[:-1].count(b"\n") < count:
        begin = max(0, start - step)
        data = await file.read_at(begin, start - begin) + data
        start, step = begin, step * 2
    lines = data.split(b"\n")
    return b"\n".join(lines[-count - (not lines[-1]) :])  # the last line may have no line feed


def _presign_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="an object")
    parser.add_argument(
        "--expires",
        "--expires-in",
        type=_lifetime,
        default=3600,
        metavar="AGE",
        help="lifetime, such as 12h; or seconds (1h)",
    )
    parser.add_argument(
        "--method", choices=["GET", "PUT", "HEAD", "DELETE"], default="GET", help="what the link allows (GET)"
    )


def _lifetime(text: str) -> int:
    seconds = int(text) if text.isdecimal() else round(parse_age(text).total_seconds())
    if not 1 <= seconds <= _MAX_LIFETIME_SECONDS:
        message = f"{text!r} is not a lifetime from 1s to 7d"
        raise UnitError(message)
    return seconds


async def _presign(app: App, options: argparse.Namespace) -> None:
    path = require_s3(options.path)
    url = await aios3.presign(path, options.expires, options.method, session=await app.session())
    app.output.result({"path": path, "url": url, "expires_in": options.expires}, url)


ARGUMENTS = {"cat": _cat_arguments, "head": _end_arguments, "tail": _end_arguments, "presign": _presign_arguments}
RUN = {"cat": _cat, "head": _head, "tail": _tail, "presign": _presign}
