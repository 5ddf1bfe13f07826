"""keg_storage's ``S3Storage``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import aios3.sync
from aios3 import Config, Credentials
from aios3.compat._sessions import session_for
from aios3.compat.keg_storage.files import S3Reader, S3Writer, options_of
from aios3.compat.keg_storage.values import FileMode, ShareLinkOperation, entry_of, finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO, Literal, Protocol

    from aios3 import LocalPath
    from aios3.compat.keg_storage.values import ListEntry

    class UnwindSnapshot(Protocol):
        """An ``arrow.Arrow``."""

        @property
        def datetime(self) -> datetime:
            """The moment, with its time zone."""

    Mode = str | FileMode


class S3Storage:
    """The files of a bucket by their keys; see :class:`aios3.sync.Storage`."""

    def __init__(
        self,
        bucket: str,
        aws_region: str,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_profile: str | None = None,
        name: str = "s3",
    ) -> None:
        self.name = name
        self.bucket = bucket
        has_keys = aws_access_key_id is not None or aws_secret_access_key is not None
        credentials = Credentials(aws_access_key_id or "", aws_secret_access_key or "") if has_keys else None
        self.client: aios3.sync.Session = session_for(
            Config(region=aws_region, credentials=credentials, profile=aws_profile)
        )
        self._storage = aios3.sync.Storage(f"s3://{bucket}", session=self.client)

    def __str__(self) -> str:
        return type(self).__name__

    def list(self, path: str) -> list[ListEntry]:
        """Return the files whose keys begin with ``path``, sorted."""
        return [entry_of(entry) for entry in self._storage.list(path)]

    def open(self, path: str, mode: Mode, extra_args: Mapping[str, object] | None = None) -> S3Reader | S3Writer:
        """Open a file for reading or for writing; raise FileNotFoundInStorageError where there is none to read."""
        mode = FileMode.as_mode(mode)
        if mode & FileMode.read and mode & FileMode.write:
            message = "Read+write mode not supported by the S3 backend"
            raise NotImplementedError(message)
        if mode & FileMode.read:
            with finding(self, path):
                return S3Reader(self.bucket, path, self.client)
        if mode & FileMode.write:
            return S3Writer(self.bucket, path, self.client, extra_args=extra_args)
        message = "Unsupported mode. Accepted modes are FileMode.read or FileMode.write"
        raise ValueError(message)

    def delete(self, path: str) -> None:
        """Delete a file; a missing file is not an error. Raises PathIsDirectoryError for a directory."""
        self._storage.delete(path)

    def copy(self, current_file: str, new_file: str) -> None:
        """Copy a file inside S3; raise FileNotFoundInStorageError if it is not there."""
        with finding(self, current_file):
            self._storage.copy(current_file, new_file)

    def get(self, path: str, dest: LocalPath) -> None:
        """Download a file as the local file ``dest``, which appears when it is whole."""
        with finding(self, path):
            self._storage.get(path, dest)

    def put(self, path: LocalPath, dest: str) -> None:
        """Upload the local file ``path``."""
        self._storage.put(path, dest)

    def download(
        self, path: str, file_obj: BinaryIO, *, progress_callback: Callable[[int], None] | None = None
    ) -> None:
        """Write a file into a binary file object; ``progress_callback`` hears how many bytes that were so far."""
        with finding(self, path):
            self._storage.download(path, file_obj, progress_callback=progress_callback)

    def upload(
        self,
        file_obj: BinaryIO,
        path: str,
        *,
        progress_callback: Callable[[int], None] | None = None,
        extra_args: Mapping[str, object] | None = None,
    ) -> None:
        """Write what is left in a binary file object as a file; ``progress_callback`` is as in :meth:`download`."""
        self._storage.upload(file_obj, path, progress_callback=progress_callback, **options_of(extra_args))

    def link_to(
        self,
        path: str,
        operation: str | ShareLinkOperation,
        expire: datetime | UnwindSnapshot,
        output_path: str | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
    ) -> str:
        """Return a URL with which anybody may do one operation on a file until ``expire``.

        Without a time zone that is UTC. An upload has to be sent with ``content_type``, by default
        ``application/octet-stream``. Raises ValueError for a moment that has passed or is more than seven days ahead,
        NotImplementedError for several operations.
        """
        link_operation = ShareLinkOperation.as_operation(operation)
        if link_operation not in list(ShareLinkOperation):
            message = "S3 backends cannot generate a link for multiple operations"
            raise NotImplementedError(message)
        if link_operation is ShareLinkOperation.upload:
            output_path, content_type = None, content_type or "application/octet-stream"
        elif link_operation is ShareLinkOperation.remove:
            output_path = content_type = content_encoding = None
        verb = cast("Literal['download', 'upload', 'remove']", link_operation.name)
        return self._storage.link_to(
            path, verb, _with_zone(expire), output_path, content_type, content_encoding=content_encoding
        )


def _with_zone(expire: datetime | UnwindSnapshot) -> datetime:
    moment = expire if isinstance(expire, datetime) else expire.datetime
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
