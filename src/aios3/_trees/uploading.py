"""``upload`` and ``download``: a file or a whole tree between the local disk and S3."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._handles.missing import explain_missing
from aios3._handles.options import parse_upload_options
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import first_page
from aios3._paths import S3Url, is_s3
from aios3._session import current_session
from aios3._threads import in_thread
from aios3._trees.file_attributes import parse_preserve
from aios3._trees.file_trees import LocalTree, S3Tree, TreeEntry
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.transfer import FileCopier, TreeTransfer, copy_always, copy_if_absent
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import AccessDeniedError, InvalidPathError, ObjectNotFoundError, PathIsDirectoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Unpack

    from aios3._handles.options import UploadOptions
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees.file_attributes import Attribute
    from aios3._trees.progress_reporter import Progress
    from aios3._trees.transfer_counters import OnAction, TransferResult

LocalPath = str | os.PathLike[str]


async def upload(  # noqa: PLR0913 - megfile's arguments, and those of aios3 by keyword
    src: LocalPath,
    dst: AnyPath,
    callback: Callable[[int], object] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    resume: bool = False,
    preserve: Collection[Attribute] = (),
    on_action: OnAction | None = None,
    progress: Progress | None = None,
    session: Session | None = None,
    **options: Unpack[UploadOptions],
) -> TransferResult:
    """Upload a local file as an object, or a local directory with everything below it.

    Large files go up in parts, read at their offsets, several at once. With ``overwrite=False``, what is there
    already is skipped. Symbolic links to files are read; those to directories are entered with ``followlinks`` only.
    ``callback`` is called with the number of bytes since its last call, ``progress`` with the whole state.
    The event loop calls ``on_action`` when a file is done; what it raises ends the transfer. Objects are stored with
    ``options``, which are those of :func:`aios3.aopen`. The content type is guessed without one.

    The metadata of the object keep those attributes of the file that ``preserve`` names (``"mtime"``, ``"mode"``), as
    rclone and s3fs-fuse do. The verbs :func:`download` and :func:`sync_tree` give them back.

    A failure aborts the unfinished upload. With ``resume=True`` it keeps it, and the next call uses its parts whose MD5
    is that of the file's bytes. ``abort_uploads`` ends uploads that are never resumed.

    A file that has changed when it is looked at after its upload is uploaded again. Raises FileChangedError if a file
    changes while it is read, or again and again. Of a directory, all that can be uploaded is; then
    PartialFailureError names the rest.
    """
    check_arguments(callback=callback, followlinks=followlinks, overwrite=overwrite, resume=resume, progress=progress)
    check_arguments(on_action=on_action)
    stored = parse_upload_options(options)
    current, target, path = current_session(session), S3Url.parse(dst).require_bucket(), local_path(src)
    counters, reporter = TransferCounters(on_action), ProgressReporter(callback, progress)
    copier = FileCopier(
        current,
        reporter,
        counters,
        overwrite=overwrite,
        resume=resume,
        followlinks=followlinks,
        options=stored,
        preserve=parse_preserve(preserve),
    )
    item = await in_thread(describe_file, path)
    if item is not None:
        await copy_single(copier, path, target.require_object(), item)
        return counters.result()
    transfer = TreeTransfer(
        LocalTree(path, followlinks),
        S3Tree(current, target),
        copier,
        rule=copy_always if overwrite else copy_if_absent,
        looks_at_target=not overwrite,
    )
    await transfer.run(lambda _: None)
    counters.raise_if_failed(f"Uploading {path} to {target}", str(target))
    return counters.result()


async def download(  # noqa: PLR0913 - megfile's arguments, and those of aios3 by keyword
    src: AnyPath,
    dst: LocalPath,
    callback: Callable[[int], object] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    resume: bool = False,
    preserve: Collection[Attribute] = (),
    on_action: OnAction | None = None,
    progress: Progress | None = None,
    session: Session | None = None,
) -> TransferResult:
    """Download an object as a local file, or everything below a path into a local directory.

    An object goes before a directory of the same name; ``src/`` means the directory. Each file grows beside its
    target and replaces it when it is whole, with the object's time; all of it is of one version. Large objects come
    in ranges, several at once. With ``overwrite=False``, files that are there are skipped. ``followlinks`` downloads
    what a symbolic link in S3 leads to. The functions ``callback``, ``on_action`` and ``progress`` are called as
    :func:`upload` calls them.

    With ``preserve`` a file has, instead of the object's time, what the object's metadata keep of the file that it was
    (see :func:`upload`). Of a mode that is the permissions.

    A failure removes the partial file. With ``resume=True``, the bytes of a large object that have arrived stay beside
    the target (``.NAME...aios3-part``). The next call goes on with them if the object is still the same.

    Raises ObjectNotFoundError, PathIsDirectoryError if a directory is at ``dst``. Of a directory, all that can be
    downloaded is; then PartialFailureError names the rest. These are UnsafeNameError for keys that lead out of the
    directory, and PathNotDirectoryError for those below a key that is a file.
    """
    check_arguments(callback=callback, followlinks=followlinks, overwrite=overwrite, resume=resume, progress=progress)
    check_arguments(on_action=on_action)
    current, source, path = current_session(session), S3Url.parse(src).require_bucket(), local_path(dst)
    counters, reporter = TransferCounters(on_action), ProgressReporter(callback, progress)
    copier = FileCopier(
        current,
        reporter,
        counters,
        overwrite=overwrite,
        resume=resume,
        followlinks=followlinks,
        preserve=parse_preserve(preserve),
    )
    if not source.names_directory and await _download_one(copier, source, path):
        return counters.result()
    tree = TreeTransfer(S3Tree(current, source, with_markers=True), LocalTree(path), copier.confined_to(path))
    if not await tree.run(lambda _: None):
        await require_something(current, source)
    counters.raise_if_failed(f"Downloading {source} to {path}", str(source))
    return counters.result()


async def _download_one(copier: FileCopier, source: S3Url, path: str) -> bool:
    """Download the object ``source`` and return True; False if there is none, but a directory."""
    if await in_thread(os.path.isdir, path) and await head_or_none(copier.session, source) is None:
        return False
    try:
        await copy_single(copier, source, file_path(path), None)
    except AccessDeniedError:
        if await head_or_none(copier.session, source) is not None:
            raise
        return False
    except ObjectNotFoundError as error:
        try:
            await explain_missing(copier.session, source, error)
        except PathIsDirectoryError:
            return False
        raise
    return True


async def copy_single(copier: FileCopier, source: S3Url | str, target: S3Url | str, item: TreeEntry | None) -> None:
    """Copy one file or object that was named by itself."""
    copier.reporter.add_file(item.size if item else 0)
    copy = copier.copier(from_disk=isinstance(source, str), to_disk=isinstance(target, str))
    copier.note_done(source, target, await copy(source, target, item))


async def require_something(session: Session, source: S3Url, *, also_bucket: bool = False) -> None:
    """Raise ObjectNotFoundError unless ``source`` is a directory: a marker makes one, and a bucket is one.

    With ``also_bucket`` there must be something in a bucket as well.
    """
    page = await first_page(session, source.with_key(source.prefix))
    if (source.key or also_bucket) and not page.keys:
        message = f"There is neither an object nor a directory at {str(source)!r}"
        raise ObjectNotFoundError(message, path=str(source))


def local_path(path: LocalPath) -> str:
    """Return a local path as a text; raise InvalidPathError for one that is empty or in S3."""
    text: object = os.fspath(path)
    if not isinstance(text, str) or not text or is_s3(text):
        message = f"A local path is needed here, as a str or a path object, and {path!r} is none"
        raise InvalidPathError(message, path=str(path))
    return text


def describe_file(path: str) -> TreeEntry | None:
    """Describe a local file; None for a directory. Raises what the operating system says."""
    stat = os.stat(path)
    return None if os.path.isdir(path) else TreeEntry("", stat.st_size, stat.st_mtime)


def file_path(path: str) -> str:
    """Return the path of a local file that is to be written; raise PathIsDirectoryError if it ends in ``/``."""
    if path.endswith("/"):
        message = f"{path!r} ends in '/', so it is a directory, and an object becomes a file"
        raise PathIsDirectoryError(message, path=path)
    return path
