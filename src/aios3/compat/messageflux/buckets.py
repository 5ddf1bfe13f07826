"""messageflux's bucket, over :class:`aios3.sync.Bucket`."""

from __future__ import annotations

import re
from contextlib import closing
from typing import IO, TYPE_CHECKING

import aios3.sync
from aios3.compat.messageflux.arguments import Counted, counted_source, reject, writing_options
from aios3.compat.messageflux.errors import S3BucketException, S3NoSuchBucket, translated
from aios3.compat.messageflux.objects import S3Object
from aios3.compat.messageflux.resources import session_behind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from aios3.compat.messageflux.resources import S3ServiceResource

_NAME = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")


class S3Bucket:
    """A bucket that is there, or with ``auto_create`` is made.

    ``s3_resource`` is ``boto3.resource("s3")``, whose endpoint, region and credentials are taken over; or an
    :class:`aios3.sync.Session`; None is the default session.

    Raises S3NoSuchBucket, and S3BucketException for a name that is none.
    """

    def __init__(
        self, bucket_name: str, s3_resource: S3ServiceResource | aios3.sync.Session | None, auto_create: bool = False
    ) -> None:
        if not _NAME.fullmatch(bucket_name):
            message = f"Invalid bucket name: {bucket_name!r}; check the rules for names of buckets"
            raise S3BucketException(message)
        self._s3_resource = s3_resource
        with translated():
            self._bucket = aios3.sync.Bucket(bucket_name, session=session_behind(s3_resource))
            if self._bucket.exists():
                return
            if not auto_create:
                message = f"No bucket with name {bucket_name} exists"
                raise S3NoSuchBucket(message)
            self._bucket.create(exist_ok=True)

    @staticmethod
    def create_bucket(
        s3_resource: S3ServiceResource | aios3.sync.Session | None,
        bucket_name: str,
        lifetime_in_days: int | None = None,
        allow_public_access: bool = False,
    ) -> S3Bucket:
        """Return a bucket, made if it is not there, and configured."""
        bucket = S3Bucket(bucket_name, s3_resource, auto_create=True)
        if lifetime_in_days is not None:
            bucket.set_lifetime_in_days(lifetime_in_days)
        if allow_public_access:
            bucket.allow_public_access()
        return bucket

    @staticmethod
    def list_buckets(s3_resource: S3ServiceResource | aios3.sync.Session | None) -> Iterator[S3Bucket]:
        """Yield all buckets of the account."""
        with translated(), closing(aios3.sync.Bucket.list_buckets(session=session_behind(s3_resource))) as buckets:
            for bucket in buckets:
                yield S3Bucket._listed(bucket, s3_resource)

    @classmethod
    def _listed(cls, bucket: aios3.sync.Bucket, s3_resource: S3ServiceResource | aios3.sync.Session | None) -> S3Bucket:
        """Make one of a bucket that is known to be there, whatever its name."""
        wrapper = cls.__new__(cls)
        wrapper._s3_resource = s3_resource  # noqa: SLF001 - of this class
        wrapper._bucket = bucket  # noqa: SLF001 - of this class
        return wrapper

    @property
    def name(self) -> str:
        """The name of the bucket."""
        return self._bucket.name

    @property
    def s3_resource(self) -> S3ServiceResource | aios3.sync.Session | None:
        """The argument ``s3_resource``."""
        return self._s3_resource

    def delete_bucket(self, force: bool = False) -> None:
        """Delete the bucket; with ``force``, first all that is in it, versions as well."""
        with translated():
            self._bucket.delete(force)

    def compute_url(self, key: str) -> str:
        """Return the plain URL of an object."""
        with translated():
            return self._bucket.compute_url(key)

    def allow_public_access(self) -> None:
        """Allow public reading of all objects, and listing of their keys."""
        with translated():
            self._bucket.allow_public_access(listing=True)

    def set_lifetime_in_days(self, days: int) -> None:
        """Let all objects expire after ``days`` days; 0 or less cancels that."""
        with translated():
            self._bucket.set_lifetime_in_days(days)

    def put_object(self, key: str, buf: str | bytes | IO[Any], metadata: dict[str, str], **kwargs: Any) -> S3Object:  # noqa: ANN401 - boto3's
        """Write a text (as UTF-8), bytes, or what is left in a binary file, as an object."""
        with translated():
            options = writing_options(kwargs)
            if isinstance(buf, str):
                buf = buf.encode()
            if hasattr(buf, "read"):
                return S3Object(self._bucket.upload_object(key, buf, metadata, **options))
            return S3Object(self._bucket.put_object(key, buf, metadata, **options))

    def upload_object(self, key: str, stream: IO[Any], metadata: dict[str, str], **kwargs: Any) -> S3Object:  # noqa: ANN401 - boto3's
        """Write what is left in a binary file as an object, and leave the file open.

        ``ExtraArgs`` are boto3's; ``Callback`` is called with the size of each chunk; ``Config`` means nothing.
        """
        with translated():
            reject(kwargs.keys() - {"ExtraArgs", "Callback", "Config"}, "upload")
            source = counted_source(stream, kwargs.get("Callback"))
            options = writing_options(kwargs.get("ExtraArgs") or {})
            return S3Object(self._bucket.upload_object(key, source, metadata, **options))

    def download_object(self, key: str, writable_stream: IO[Any], **kwargs: Any) -> None:  # noqa: ANN401 - boto3's
        """Write an object into a binary file.

        ``ExtraArgs`` may name a ``VersionId``; ``Callback`` is called with the size of each chunk; ``Config`` means
        nothing.
        """
        with translated(reading=True):
            reject(kwargs.keys() - {"ExtraArgs", "Callback", "Config"}, "download")
            extra = kwargs.get("ExtraArgs") or {}
            reject(extra.keys() - {"VersionId"}, "download")
            callback = kwargs.get("Callback")
            target = writable_stream if callback is None else Counted(writable_stream, callback)
            self._bucket.download_object(key, target, extra.get("VersionId"))

    def get_object(self, key: str) -> S3Object:
        """Describe an object; its body is read when it is asked for. Raises S3NoSuchItem."""
        with translated(reading=True):
            return S3Object(self._bucket.get_object(key))

    def delete_object(self, key: str) -> None:
        """Delete an object; a missing object is not an error."""
        with translated():
            self._bucket.delete_object(key)

    def list_objects(self) -> Iterator[S3Object]:
        """Yield all objects, in key order."""
        yield from self.find_objects()

    def find_objects(
        self,
        prefix: str | None = None,
        delimiter: str | None = None,
        max_keys: int = 1000,  # noqa: ARG002 - the size of a page, as in messageflux; pages are aios3's business
        **kwargs: Any,  # noqa: ANN401 - boto3's
    ) -> Iterator[S3Object]:
        """Yield all objects whose keys begin with ``prefix``, in key order; ``max_keys`` bounds nothing.

        ``delimiter`` leaves out keys that have it after the prefix. ``Marker`` leaves out keys up to it.
        """
        with translated():
            reject(kwargs.keys() - {"Marker", "EncodingType"}, "list")
            marker = (kwargs.get("Marker") or "").encode()
            with closing(self._bucket.find_objects(prefix, delimiter)) as objects:
                for each in objects:
                    if each.key.encode("utf-8", "surrogateescape") > marker:
                        yield S3Object(each)

    def clear_objects(self) -> None:
        """Delete all objects; raise S3BucketException if one of them is still there."""
        with translated():
            self._bucket.clear_objects()
