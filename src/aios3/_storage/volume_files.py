"""``VolumeFile``: one file of a volume, known by its URL until it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.opening import aopen
from aios3._objects.object_lookup import head_or_raise
from aios3._session import current_session

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._handles.opening import Opening
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._paths import S3Url
    from aios3._session import Session


class VolumeFileBase:
    """Attributes of a file of a volume on both surfaces."""

    def __init__(self, name: str, url: S3Url, session: Session | None = None, listed: StatResult | None = None) -> None:
        self._name = name
        self._url = url
        self._session = session
        self._listed = listed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._url)!r})"

    @property
    def name(self) -> str:
        """The file's name in its volume."""
        return self._name

    @property
    def url(self) -> S3Url:
        """Where the object is; so every function of aios3 takes the file as a path."""
        return self._url

    @property
    def session(self) -> Session | None:
        """The session of its volume; None stands for the default one."""
        return self._session

    @property
    def listed(self) -> StatResult | None:
        """The entry of the listing that has shown the file; None if there was none."""
        return self._listed


class VolumeFile(VolumeFileBase):
    """A file of a volume, as ``Volume.load`` and ``Volume.walk`` return it; nothing is fetched before it is used."""

    def open(self) -> Opening[AsyncPrefetchReader]:
        """Open the file for reading; use with ``async with``, or ``await`` it and close it yourself.

        Raises ObjectNotFoundError, PathIsDirectoryError.
        """
        return aopen(self._url, "rb", session=self._session)

    async def size(self: VolumeFileBase) -> int:
        """Return the size in bytes, without downloading the file: of a listed file the listing's, else by one HEAD.

        Raises ObjectNotFoundError, PathIsDirectoryError.
        """
        if self.listed is not None:
            return self.listed.size
        return (await head_or_raise(current_session(self.session), self.url.require_object())).size
