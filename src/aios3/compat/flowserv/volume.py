"""flowserv's storage volume on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import aios3.sync
from aios3 import Config
from aios3._storage.copy_trees import target_name
from aios3._storage.serialization import from_document, to_document
from aios3.compat._sessions import session_for
from aios3.compat.flowserv.files import S3File, volume_of
from aios3.compat.flowserv.library import error_alias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import IO


class Handle(Protocol):
    """flowserv's ``IOHandle``."""

    def open(self) -> IO[bytes]:
        """Open the file for reading."""


class Store(Protocol):
    """The methods of another flowserv ``StorageVolume`` that are used."""

    def store(self, file: S3File, dst: str) -> object:
        """Store a file."""

    def describe(self) -> str:
        """Say where it is."""


class S3Volume:
    """A bucket, or the directory ``prefix`` in it, as one of flowserv's volumes; see :class:`aios3.sync.Volume`."""

    def __init__(self, bucket_id: str, prefix: str | None = None, identifier: str | None = None) -> None:
        session = session_for(Config())
        self.volume: aios3.sync.Volume = aios3.sync.Volume(bucket_id, prefix, identifier, session=session)
        self.bucket: aios3.sync.Volume = volume_of(bucket_id)
        self.bucket_id = bucket_id
        self.prefix = prefix
        self.identifier: str = self.volume.identifier

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def copy(
        self, src: str | list[str] | None, store: S3Volume | Store, dst: str | None = None, verbose: bool = False
    ) -> list[str]:
        """Copy files and directories to another volume, and return their names there.

        Between two volumes of this class several files at once, and inside S3; see :meth:`aios3.sync.Volume.copy`.
        """
        if verbose:
            print(f"Copy files from {self.describe()} to {store.describe()}")  # noqa: T201 - what it is for
        if isinstance(store, S3Volume):
            copied = self.volume.copy(src, store.volume, dst)
        else:
            copied = self._copy_out(src if isinstance(src, list) else [src or ""], store, dst)
        if verbose:
            print("\n".join(f"copied {name}" for name in copied))  # noqa: T201 - what it is for
        return copied

    def _copy_out(self, names: list[str], store: Store, dst: str | None) -> list[str]:
        copied = []
        for src in names:
            for name, file in self.walk(src):
                copied.append(target_name(src, name, dst))
                store.store(file=file, dst=copied[-1])
        return copied

    def delete(self, key: str) -> None:
        """Delete the file ``key``, and all in the directory ``key``; a missing key is not an error."""
        self.volume.delete(key)

    def describe(self) -> str:
        """Return a few words on where the volume is, for people."""
        return f"AWS S3 storage bucket {self.bucket_id}"

    def erase(self) -> None:
        """Delete everything in the volume."""
        self.volume.erase()

    @staticmethod
    def from_dict(doc: Mapping[str, object]) -> S3Volume:
        """Return the volume that :meth:`to_dict` has written down."""
        return S3Volume(*from_document(doc))

    def get_store_for_folder(self, key: str, identifier: str | None = None) -> S3Volume:
        """Return a directory as a volume of its own."""
        return S3Volume(self.bucket_id, self.volume.get_store_for_folder(key).prefix, identifier)

    def load(self, key: str) -> S3File:
        """Return a handle on a file; nothing is asked of S3 before it is used."""
        return S3File.over(self.bucket, self.volume.load(key))

    def mkdir(self, path: str) -> None:
        """Do nothing: S3 needs no directories."""

    def query(self, filter: str) -> Iterable[str]:  # noqa: A002 - flowserv's name
        """Return the names of the files in the volume that begin with ``filter``, sorted."""
        return list(self.volume.query(filter))

    def store(self, file: Handle, dst: str) -> None:
        """Store a file; what it opens is closed again. A file of S3 is copied inside S3, where that is possible."""
        self.volume.store(file.file if isinstance(file, S3File) else file, dst)

    def to_dict(self) -> dict[str, object]:
        """Write down the volume; credentials are not part of it."""
        return S3Bucket(self.bucket_id, self.prefix, self.identifier)

    def walk(self, src: str) -> list[tuple[str, S3File]]:
        """Return the name in the volume and a handle of the file ``src`` and of all files in the directory ``src``."""
        return [(name, S3File.over(self.bucket, file)) for name, file in self.volume.walk(src)]


def S3Bucket(bucket: str, prefix: str | None = None, identifier: str | None = None) -> dict[str, object]:  # noqa: N802 - flowserv's name
    """Return the document of a volume, from which ``S3Volume.from_dict`` and flowserv's factory make it."""
    return to_document(bucket, prefix, identifier)


error_alias("StorageVolume", S3Volume)
