"""Local files that are sent and received."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from typing import TYPE_CHECKING

from aios3._handles.opening import aopen
from aios3._threads import in_thread, made_in_thread
from aios3._trees.file_trees import PARTIAL_SUFFIX
from aios3._trees.partial_file import is_wanted
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.transfer import FileCopier
from aios3._trees.transfer_counters import TransferCounters
from aios3._trees.upload_file import UploadSettings, upload_file
from aios3._trees.uploading import copy_single

if TYPE_CHECKING:
    from aios3._handles.opening import ReaderOptions, WriterOptions
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.progress_reporter import Callback


def make_parent(path: str) -> None:
    """Make the directory that a local file is to be in."""
    parent = os.path.dirname(path)
    if parent:
        os.makedirs(parent, exist_ok=True)


async def send(
    session: Session, source: str, target: S3Url, callback: Callback, options: WriterOptions, *, create: bool
) -> None:
    """Store a local file as an object; with ``create`` only where there is none.

    Raises ObjectExistsError then, FileChangedError, and what the operating system says.
    """
    if not options:
        size = await in_thread(os.path.getsize, source)
        await upload_file(
            session, source, target, ProgressReporter(callback), size=size, settings=UploadSettings(create_only=create)
        )
        return
    file = await made_in_thread(lambda: open(source, "rb"), io.BufferedReader.close)  # noqa: SIM115 - closed below
    try:
        async with aopen(target, "xb" if create else "wb", session=session, **options) as writer:
            callback(await writer.write_from(file))
    finally:
        await in_thread(file.close)


async def receive(session: Session, source: S3Url, target: str, callback: Callback, options: ReaderOptions) -> None:
    """Store an object, or a version of it, as a local file, which takes its place when it is whole."""
    if not options:
        await copy_single(FileCopier(session, ProgressReporter(callback), TransferCounters()), source, target, None)
        return
    await in_thread(is_wanted, target, overwrite=True)
    unfinished = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}{PARTIAL_SUFFIX}")
    async with aopen(source, "rb", session=session, **options) as reader:
        file = await made_in_thread(lambda: open(unfinished, "xb"), _discard)  # noqa: SIM115 - closed below
        try:
            async for chunk in reader.chunks():
                await in_thread(file.write, chunk)
                callback(len(chunk))
            await in_thread(file.close)
            await in_thread(os.replace, unfinished, target)
        except BaseException:
            await in_thread(_discard, file)
            raise


def _discard(file: io.BufferedWriter) -> None:
    try:
        file.close()
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.name)
