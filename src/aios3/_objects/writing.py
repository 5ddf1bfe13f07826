"""Write an object in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._engine.parts import equal_part_size
from aios3._handles.openers import write_at_once
from aios3._handles.opening import aopen
from aios3._handles.options import text_settings
from aios3._handles.positions import byte_view
from aios3._namespace.link_targets import head
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3.errors import ConfigError, ObjectExistsError, ObjectNotFoundError

if TYPE_CHECKING:
    from typing import Unpack

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.copy_from import Readable
    from aios3._handles.opening import WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session


async def write_bytes(
    path: AnyPath, data: Buffer, *, session: Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write ``data`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`.

    One PutObject for small data, parts side by side for large; visible as a whole, or not at all.
    """
    view = byte_view(data)
    result = await write_at_once(session, path, view, options)
    if result is not None:
        return result
    preferred = options.get("part_size", current_session(session).config.part_size)
    options["part_size"] = equal_part_size(len(view), preferred)
    async with aopen(path, "wb", session=session, **options) as writer:
        await writer.write(view)
    return writer.result


async def write_text(
    path: AnyPath,
    text: str,
    encoding: str = "utf-8",
    errors: str = "strict",
    *,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> WriteResult:
    """Write ``text`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`.

    Raises ConfigError for an unknown encoding, UnicodeEncodeError, and what :func:`write_bytes` raises.
    """
    encoding, errors, _ = text_settings(binary=False, encoding=encoding, errors=errors, newline=None)
    if not isinstance(text, str):
        message = f"write_text() takes str, not {type(text).__name__}; write_bytes() takes bytes"
        raise ConfigError(message)
    return await write_bytes(path, text.encode(encoding, errors), session=session, **options)


async def save_as(
    file_object: Readable, path: AnyPath, *, session: Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write what is left in a binary file object as an object, replacing what is there; the file is left open.

    A file that is not async is read in a thread, a MiB at a time. The options are those of :func:`aios3.aopen`. Raises
    ConfigError for a file of text, whatever the file raises, and what :func:`write_bytes` raises; nothing is visible
    then.
    """
    async with aopen(path, "wb", session=session, **options) as writer:
        await writer.write_from(file_object)
    return writer.result


async def touch(path: AnyPath, exist_ok: bool = True, *, session: Session | None = None) -> None:
    """Create an empty object if there is none; one that is there is left alone.

    Its time of modification stays. S3 sets that itself, and writing the object again could undo a write by another
    client. Costs a HEAD, and a PUT where the object is missing, under the condition that it still is.

    Raises ObjectExistsError if it is there and not ``exist_ok``.
    """
    check_arguments(exist_ok=exist_ok)
    current, url = current_session(session), S3Url.parse(path).require_object()
    try:
        await head(current, url)
    except ObjectNotFoundError:
        if await _create(current, url):
            return
    if not exist_ok:
        message = f"{url} exists already"
        raise ObjectExistsError(message, path=str(url))


async def _create(session: Session, url: S3Url) -> bool:
    """Create an empty object; return False if another client has created it at the same moment."""
    try:
        await store_object(session, await with_checksum(session, replacing_plan(session, url, if_absent=True)), ())
    except ObjectExistsError:
        return False
    return True
