"""``Volume``: the tree of files below one prefix of a bucket, with the verbs of flowserv's storage volumes."""

from __future__ import annotations

import inspect
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from aios3._arguments import check_arguments
from aios3._handles.opening import aopen
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import ListingTasks
from aios3._objects import copy, makedirs
from aios3._objects.copy_object import CopyEnd
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storage.copy_trees import copy_trees
from aios3._storage.list_entries import child_url
from aios3._storage.serialization import from_document, to_document
from aios3._storage.tree_listing import list_prefix, list_tree
from aios3._storage.volume_files import VolumeFile, VolumeFileBase
from aios3._threads import in_thread
from aios3._trees.removing import remove_below
from aios3.errors import ConfigError, InvalidPathError, PathIsDirectoryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from typing import Self

    from typing_extensions import Buffer

    from aios3._entries import StatResult
    from aios3._handles.copy_from import Source
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._session import Session
    from aios3._trees.progress_reporter import Progress


class Openable(Protocol):
    """A handle on a file, such as flowserv's: ``open()`` gives a binary file object, async or not."""

    def open(self) -> object:
        """Open the file for reading."""


FileT_co = TypeVar("FileT_co", bound=VolumeFileBase, covariant=True)
F = TypeVar("F", bound=VolumeFileBase)


class VolumeBase(Generic[FileT_co]):
    """Attributes of a volume on both surfaces: its URL, its session, and everything that costs no request."""

    _files: type[FileT_co]

    def __init__(
        self, bucket: str, prefix: str | None = None, identifier: str | None = None, *, session: Session | None = None
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._identifier = uuid.uuid4().hex if identifier is None else identifier
        self._session = session
        self._url = child_url(_root(bucket), prefix or "")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._bucket!r}, {self._prefix!r}, {self._identifier!r})"

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return self._bucket

    @property
    def prefix(self) -> str | None:
        """The directory that the volume is, in its bucket; None or empty for the bucket itself."""
        return self._prefix

    @property
    def identifier(self) -> str:
        """The name of the volume; a new one for each volume made without a name."""
        return self._identifier

    @property
    def url(self) -> S3Url:
        """Where the volume is; so every function of aios3 takes it as a path."""
        return self._url

    @property
    def session(self) -> Session | None:
        """The session that it was given; None stands for the default one."""
        return self._session

    def describe(self) -> str:
        """Return a few words on where the volume is, for people."""
        return f"S3 bucket {self._bucket}" + (f", directory {self._prefix}" if self._prefix else "")

    def load(self, key: str) -> FileT_co:
        """Return a handle on the file ``key``, whose ``open()`` and ``size()`` ask S3; costs no request by itself."""
        return self._handle(key)

    def _handle(self, key: str, stat: StatResult | None = None) -> FileT_co:
        return self._files(key, child_url(self._url, key), self._session, stat)

    def get_store_for_folder(self, key: str, identifier: str | None = None) -> Self:
        """Return the directory ``key`` as a volume of its own, with the same session."""
        check_arguments(identifier=identifier)
        prefix = child_url(self._url, key).key if key else self._prefix
        return type(self)(self._bucket, prefix, identifier, session=self._session)

    def to_dict(self) -> dict[str, object]:
        """Write down the volume, as flowserv does: ``type``, ``id`` and ``args``; neither session nor credentials."""
        return to_document(self._bucket, self._prefix, self._identifier)

    @classmethod
    def from_dict(cls, doc: Mapping[str, object], *, session: Session | None = None) -> Self:
        """Return the volume that :meth:`to_dict` has written down; raise ConfigError for what describes none."""
        check_arguments(doc=doc)
        bucket, prefix, identifier = from_document(doc)
        return cls(bucket, prefix, identifier, session=session)


class Volume(VolumeBase[VolumeFile]):
    """A tree of files: a bucket, or the directory ``prefix`` in it. Keys are names in the volume, and stay as they are.

    ``identifier`` names the volume in whatever keeps several; one that is not given is made up. ``session`` is what
    all its requests use. A file and a directory may have the same name in S3: verbs that take either mean both.
    """

    _files = VolumeFile

    async def store(
        self: VolumeBase[F],
        file: VolumeFileBase | Openable | Source | Buffer,
        dst: str,
    ) -> None:
        """Store a file as ``dst``, replacing what is there; it becomes visible as a whole, or not at all.

        ``file`` is a handle with ``open()``, a binary file object, bytes, or an iterable of them, async or not. What a
        handle has opened is closed again; a file object is left open. A file of a volume is copied inside S3 where
        both sides have the same settings.
        """
        target = self.load(dst).url
        if isinstance(file, VolumeFileBase):
            await copy(file.url, target, session=file.session, target_session=current_session(self.session))
            return
        async with aopen(target, "wb", session=self.session) as writer:
            await _write(writer, file)

    async def delete(self: VolumeBase[F], key: str) -> None:
        """Delete the file ``key``, and all in the directory ``key``; never what only begins like it.

        A missing file or directory is not an error. The whole volume is deleted by :meth:`erase`. Raises
        PartialFailureError with the keys that are still there; PathIsDirectoryError for an empty key.
        """
        session, url = current_session(self.session), self.load(key).url
        if not key:
            message = f"An empty key is the whole volume {self.url}, which delete() does not take; erase() does"
            raise PathIsDirectoryError(message, path=str(self.url))
        if not url.names_directory and await head_or_none(session, url) is not None:
            await (await session.backend(url)).delete_object(url)
        await remove_below(session, url)

    async def erase(self: VolumeBase[F]) -> None:
        """Delete everything in the volume; the bucket itself, and what is beside the volume in it, stays.

        Raises PartialFailureError with the keys that are still there.
        """
        await remove_below(current_session(self.session), self.url)

    async def query(self: VolumeBase[F], prefix: str = "") -> AsyncGenerator[str, None]:
        """Yield the names of the files that begin with ``prefix``, wherever in a name it ends, in key order."""
        async with (
            ListingTasks(current_session(self.session)) as tasks,
            aclosing(list_prefix(tasks, self.url, prefix)) as listing,
        ):
            async for batch in listing:
                for name, _ in batch:
                    yield name

    async def walk(self: VolumeBase[F], src: str | None = None) -> AsyncGenerator[tuple[str, F], None]:
        """Yield the name and a handle of the file ``src`` and of all files in the directory ``src``, in key order.

        Without ``src``, of all files of the volume. Names are those in the volume; markers of directories are left
        out. Nothing there yields nothing.
        """
        async with aclosing(list_tree(current_session(self.session), self.url, src or "")) as files:
            async for name, stat in files:
                yield name, self._handle(name, stat)

    async def mkdir(self: VolumeBase[F], path: str) -> None:
        """Check that files can be stored in the directory ``path``; nothing is created, because S3 has no directories.

        Raises ObjectExistsError if a file is there, BucketNotFoundError for a missing bucket.
        """
        await makedirs(self.load(path).url, exist_ok=True, session=self.session)

    async def copy(
        self: VolumeBase[F],
        src: str | Sequence[str] | None,
        store: VolumeBase[VolumeFileBase],
        dst: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[str]:
        """Copy files and whole directories into another volume, several at once; return their names there, sorted.

        ``src`` is a name or several; None or ``""`` is the whole volume. A file becomes the file ``dst``, or keeps its
        name; what is in a directory goes into the directory ``dst``, or into ``store`` itself. S3 copies where both
        volumes have the same settings; else the bytes come through here. ``progress`` is as in :func:`aios3.upload`.

        Each file is copied as a whole, or not at all. One that fails does not keep the others: then
        PartialFailureError names each. Raises ObjectNotFoundError if there is nothing at a name, InvalidPathError if a
        tree would be copied into itself.
        """
        check_arguments(progress=progress)
        if not isinstance(store, VolumeBase):
            message = f"store must be a volume, not {type(store).__name__}"
            raise ConfigError(message)
        names = [src or ""] if src is None or isinstance(src, str) else list(src)
        source_session, target_session = current_session(self.session), current_session(store.session)
        return await copy_trees(
            CopyEnd(source_session, self.url), names, CopyEnd(target_session, store.url), dst, progress
        )

    async def close(self: VolumeBase[F]) -> None:
        """Do nothing: connections belong to the session. Safe to repeat; the volume can still be used."""


def _root(bucket: str) -> S3Url:
    root = S3Url.parse(f"s3://{bucket}").require_bucket()
    if root.key:
        message = f"A volume takes the name of a bucket, not {bucket!r}; what follows it is the prefix"
        raise InvalidPathError(message)
    return root


async def _write(writer: AsyncMultipartWriter, file: Openable | Source | Buffer) -> None:
    if not callable(getattr(file, "open", None)) or callable(getattr(file, "read", None)):
        await writer.write_from(cast("Source", file))
    else:
        await _write_opened(writer, cast("Openable", file))


async def _write_opened(writer: AsyncMultipartWriter, file: Openable) -> None:
    """Write what a handle opens, and close that again; a handle that is not async works in a thread."""
    opened: list[object] = []
    try:
        if inspect.iscoroutinefunction(file.open):
            opened.append(file.open())
        else:
            await in_thread(lambda: opened.append(file.open()))  # kept also if the caller was cancelled
        if inspect.isawaitable(opened[0]):
            opened[0] = await opened[0]
        await writer.write_from(cast("Source", opened[0]))
    finally:
        await _close(opened[0] if opened else None)


async def _close(source: object) -> None:
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if close is None:
        return
    response = close() if inspect.iscoroutinefunction(close) else await in_thread(cast("Callable[[], object]", close))
    if inspect.isawaitable(response):
        await response
