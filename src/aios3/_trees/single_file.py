"""One local file to one object and back, where a directory on either side is a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.missing import explain_missing
from aios3._threads import in_thread
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.transfer import FileCopier
from aios3._trees.transfer_counters import TransferCounters
from aios3._trees.uploading import copy_single, describe_file, file_path, local_path
from aios3.errors import ObjectNotFoundError, PathIsDirectoryError

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.uploading import LocalPath


async def upload_single(session: Session, path: LocalPath, url: S3Url) -> None:
    """Store a local file as the object ``url``; raise PathIsDirectoryError for a directory."""
    source = local_path(path)
    item = await in_thread(describe_file, source)
    if item is None:
        message = f"{source} is a directory, and a file is needed here; aios3.upload takes directories"
        raise PathIsDirectoryError(message, path=source)
    await copy_single(FileCopier(session, ProgressReporter(), TransferCounters()), source, url, item)


async def download_single(session: Session, url: S3Url, path: LocalPath) -> None:
    """Store the object ``url`` as a local file; raise PathIsDirectoryError where either is a directory."""
    try:
        await copy_single(
            FileCopier(session, ProgressReporter(), TransferCounters()), url, file_path(local_path(path)), None
        )
    except ObjectNotFoundError as error:
        await explain_missing(session, url, error)
        raise
