"""``Bucket``: one bucket, made, emptied, deleted and configured, and its objects by their keys."""
# ruff: noqa: PYI019 - not Self: the blocking twin runs these methods on buckets of its own

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from aios3._arguments import check_arguments, check_writable
from aios3._buckets import access, clearing, creating, lifecycle, settings
from aios3._buckets.bucket_names import bucket_url, key_url
from aios3._buckets.bucket_objects import delete_object, download_to, get_object, list_all, list_limited, put_object
from aios3._buckets.object_url import compute_url
from aios3._buckets.objects import ObjectBase, S3Object
from aios3._buckets.versions import version_pages
from aios3._namespace import hasbucket
from aios3._namespace.account import buckets_of
from aios3._namespace.pages import ListingTasks
from aios3._objects import save_as
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._trees import abort_uploads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from datetime import timedelta
    from typing import Unpack

    from typing_extensions import Buffer

    from aios3._backend import ObjectVersion, OpenUpload
    from aios3._buckets.settings import CorsRule, Versioning
    from aios3._handles.copy_from import Readable
    from aios3._handles.copy_to import Writable
    from aios3._handles.options import PlainWriterOptions, WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session

B = TypeVar("B", bound="BucketBase[Any]")
ObjectT = TypeVar("ObjectT", bound=ObjectBase)


class BucketBase(Generic[ObjectT]):
    """A bucket by its name; nothing is sent before a method is called."""

    _kind: ClassVar[type[ObjectBase]]

    def __init__(self, bucket: AnyPath, *, session: Session | None = None) -> None:
        self.url: S3Url = bucket_url(bucket)
        self.session: Session | None = session

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.url)!r})"

    @property
    def name(self) -> str:
        """The name of the bucket."""
        return self.url.bucket

    def _object(self, **options: Any) -> ObjectT:  # noqa: ANN401 - those of the object's class
        return cast("ObjectT", self._kind(session=self.session, **options))


class Bucket(BucketBase[S3Object]):
    """One bucket, asynchronous: made, listed, emptied, deleted and configured; its objects go by their keys.

    ``bucket`` is its name, or its path ``s3://name`` or ``s3+profile://name``. Keys are taken as they are: ``a//b``,
    ``/a`` and ``a/`` are three objects. Every method raises BucketNotFoundError for a missing bucket, and
    UnsupportedError if the server does not know the request.
    """

    _kind = S3Object

    @classmethod
    async def list_buckets(
        cls: type[B], *, profile: str | None = None, session: Session | None = None
    ) -> AsyncGenerator[B, None]:
        """Yield all buckets of the account, in order of their names; ``profile`` is one of ``~/.aws``."""
        async with aclosing(list_buckets(cls, profile=profile, session=session)) as buckets:
            async for bucket in buckets:
                yield bucket

    async def create(
        self: B, lifetime_in_days: int | None = None, allow_public_access: bool = False, *, exist_ok: bool = False
    ) -> B:
        """Make the bucket in the session's region, and return it; see the methods that the arguments are named after.

        Costs a HEAD more, since Amazon allows an account to make its own bucket again in one region. With ``exist_ok``
        an existing bucket of this account is only configured. Of two programs of one account that make it at the same
        moment, both may succeed.

        Raises InvalidPathError for a name that S3 does not take, BucketExistsError. A bucket that cannot be
        configured as asked stays, and the error says so.
        """
        check_arguments(allow_public_access=allow_public_access, exist_ok=exist_ok, lifetime_in_days=lifetime_in_days)
        session = current_session(self.session)
        await creating.create(session, self.url, lifetime_in_days, is_public=allow_public_access, exist_ok=exist_ok)
        return self

    async def exists(self: BucketBase[ObjectT]) -> bool:
        """Return whether the bucket is there; raise like :func:`aios3.hasbucket`."""
        return await hasbucket(self.url, session=self.session)

    async def delete(self: BucketBase[ObjectT], force: bool = False) -> None:
        """Delete the bucket; with ``force``, first its objects, versions, delete markers and open uploads.

        Costs a HEAD more, which distinguishes a lost response from a missing bucket.

        Raises BucketNotEmptyError; with ``force`` PartialFailureError, with every key that is still there.
        """
        check_arguments(force=force)
        await clearing.delete_bucket(current_session(self.session), self.url, force=force)

    async def clear_objects(self: BucketBase[ObjectT], versions: bool = False) -> int:
        """Delete all objects, and return how many; with ``versions`` all versions and delete markers, for good.

        Without it, a bucket that keeps versions keeps these, and adds a delete marker for each object. Costs one LIST
        and one request more for each 1,000 keys. Cancellation leaves the objects that were not reached.

        Raises PartialFailureError with every key (and version) that is still there, while the others are gone.
        """
        check_arguments(versions=versions)
        return await clearing.clear(current_session(self.session), self.url, versions=versions)

    async def list_objects(self: BucketBase[ObjectT]) -> AsyncGenerator[ObjectT, None]:
        """Yield all objects, in key order, also those whose key ends in ``/``."""
        async with ListingTasks(current_session(self.session)) as tasks, aclosing(list_all(tasks, self.url)) as pages:
            async for page in pages:
                for key, stat in page:
                    yield self._object(path=self.url.with_key(key), listed=stat)

    async def find_objects(
        self: BucketBase[ObjectT], prefix: str | None = None, delimiter: str | None = None, max_keys: int | None = None
    ) -> AsyncGenerator[ObjectT, None]:
        """Yield the objects whose keys begin with ``prefix``, in key order, and at most ``max_keys`` of them.

        ``delimiter`` leaves out keys that have it after the prefix: with ``/``, everything in deeper directories.

        Raises ConfigError if ``max_keys`` is negative.
        """
        check_arguments(prefix=prefix, delimiter=delimiter, max_keys=max_keys)
        session = current_session(self.session)
        async with (
            ListingTasks(session) as tasks,
            aclosing(list_limited(tasks, self.url, prefix, delimiter, max_keys)) as pages,
        ):
            async for page in pages:
                for key, stat in page:
                    yield self._object(path=self.url.with_key(key), listed=stat)

    async def get_object(self: BucketBase[ObjectT], key: str, version_id: str | None = None) -> ObjectT:
        """Describe an object with one HEAD; its body is read when it is asked for.

        Raises ObjectNotFoundError, PathIsDirectoryError.
        """
        check_arguments(version_id=version_id)
        return await get_object(self._object(path=key_url(self.url, key), version_id=version_id))

    async def put_object(
        self: BucketBase[ObjectT],
        key: str,
        data: Buffer,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[PlainWriterOptions],
    ) -> ObjectT:
        """Write bytes as an object, replacing what is there; the options are those of :func:`aios3.aopen`.

        Raises like :func:`aios3.write_bytes`; a key that ends in ``/`` takes data for one request, and no options.
        """
        url = key_url(self.url, key)
        result = await put_object(current_session(self.session), url, data, _with_metadata(options, metadata))
        return self._object(path=url, version_id=result.version_id)

    async def upload_object(
        self: BucketBase[ObjectT],
        key: str,
        stream: Readable,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[PlainWriterOptions],
    ) -> ObjectT:
        """Write what is left in a binary file as an object, and leave the file open; see :func:`aios3.save_as`."""
        url = key_url(self.url, key)
        result = await save_as(stream, url, session=self.session, **_with_metadata(options, metadata))
        return self._object(path=url, version_id=result.version_id)

    async def download_object(
        self: BucketBase[ObjectT], key: str, writable_stream: Writable, version_id: str | None = None
    ) -> int:
        """Write an object into a binary file, async or not, and return how many bytes that were.

        A file that is not async is written in a thread. If something fails, the file has what came before.

        Raises ObjectNotFoundError, PathIsDirectoryError, and whatever the file raises.
        """
        check_arguments(version_id=version_id)
        check_writable("writable_stream", writable_stream)
        source = S3Object(key_url(self.url, key), version_id, session=self.session)
        return await download_to(source, writable_stream)

    async def delete_object(self: BucketBase[ObjectT], key: str, version_id: str | None = None) -> None:
        """Delete one object with one request; a missing object is not an error.

        In a bucket that keeps versions a delete marker hides the object; with ``version_id`` that version is gone for
        good.
        """
        check_arguments(version_id=version_id)
        await delete_object(current_session(self.session), key_url(self.url, key), version_id)

    async def compute_url(self: BucketBase[ObjectT], key: str) -> str:
        """Return the plain URL of an object, which works without a signature if the bucket is public. Costs no request.

        It has the bucket where requests of this session have it, in the host's name or in the path. Browsers and many
        HTTP clients change a key with ``.`` or ``..`` between slashes before they send it.
        """
        return await compute_url(current_session(self.session), key_url(self.url, key))

    async def set_lifetime_in_days(self: BucketBase[ObjectT], days: int) -> None:
        """Let all objects expire ``days`` days after they were written; 0 or less cancels that.

        It is one lifecycle rule named ``expire``; the bucket's other rules stay. S3 has one document for all rules, so
        a rule that another client adds at the same moment may be lost.

        Raises ConfigError for an invalid number of days.
        """
        await lifecycle.set_lifetime(current_session(self.session), self.url, days)

    async def get_lifetime_in_days(self: BucketBase[ObjectT]) -> int | None:
        """Return what :meth:`set_lifetime_in_days` has set; None for nothing."""
        return await lifecycle.get_lifetime(current_session(self.session), self.url)

    async def get_lifecycle(self: BucketBase[ObjectT]) -> list[dict[str, object]]:
        """Return all lifecycle rules, as S3's API has them."""
        return await lifecycle.get_rules(current_session(self.session), self.url)

    async def put_lifecycle(self: BucketBase[ObjectT], rules: Iterable[Mapping[str, object]]) -> None:
        """Replace all lifecycle rules, which are as :meth:`get_lifecycle` returns them; none deletes them.

        Raises ConfigError for rules that S3's API does not have.
        """
        await lifecycle.put_rules(current_session(self.session), self.url, rules)

    async def allow_public_access(self: BucketBase[ObjectT], *, listing: bool = False, unblock: bool = False) -> None:
        """Allow everyone on the internet to read all objects, and with ``listing`` their keys.

        The policy's other statements stay. ``unblock`` first deletes the bucket's public access block, which Amazon
        gives to every new bucket.

        Raises AccessDeniedError if a public access block forbids it, and says which one.
        """
        check_arguments(listing=listing, unblock=unblock)
        session = current_session(self.session)
        await access.allow_public_access(session, self.url, listing=listing, unblock=unblock)

    async def get_policy(self: BucketBase[ObjectT]) -> dict[str, object] | None:
        """Return the bucket's policy as JSON has it; None if there is none."""
        return await settings.get_policy(current_session(self.session), self.url)

    async def put_policy(self: BucketBase[ObjectT], policy: Mapping[str, object] | None) -> None:
        """Replace the bucket's policy; None deletes it. Raises ConfigError for what JSON cannot say."""
        check_arguments(policy=policy)
        await settings.put_policy(current_session(self.session), self.url, policy)

    async def get_versioning(self: BucketBase[ObjectT]) -> Versioning | None:
        """Return ``"Enabled"`` or ``"Suspended"``; None if the bucket never kept versions."""
        return await settings.get_versioning(current_session(self.session), self.url)

    async def set_versioning(self: BucketBase[ObjectT], enabled: bool) -> None:
        """Keep every version of every object from now on, or no new ones; those that are there stay."""
        check_arguments(enabled=enabled)
        await settings.set_versioning(current_session(self.session), self.url, enabled=enabled)

    async def list_versions(self: BucketBase[ObjectT], prefix: str = "") -> AsyncGenerator[ObjectVersion, None]:
        """Yield all versions and delete markers of keys that begin with ``prefix``: in key order, the newest first."""
        check_arguments(prefix=prefix)
        session = current_session(self.session)
        async with ListingTasks(session) as tasks:
            async for page in tasks.prefetch(version_pages(session, self.url.with_key(prefix))):
                for version in page:
                    yield version

    async def list_uploads(self: BucketBase[ObjectT], prefix: str = "") -> list[OpenUpload]:
        """Return the multipart uploads of keys that begin with ``prefix`` that are neither completed nor aborted."""
        check_arguments(prefix=prefix)
        admin = await current_session(self.session).admin(self.url)
        uploads = await admin.list_multipart_uploads(self.url.with_key(prefix))
        return sorted(uploads, key=lambda upload: (upload.key, upload.initiated))

    async def abort_uploads(self: BucketBase[ObjectT], older_than: timedelta | float) -> list[OpenUpload]:
        """Abort open multipart uploads of that age, as a timedelta or in seconds; see :func:`aios3.abort_uploads`."""
        check_arguments(older_than=older_than)
        return await abort_uploads(self.url, older_than, session=self.session)

    async def get_tags(self: BucketBase[ObjectT]) -> dict[str, str]:
        """Return the tags of the bucket itself."""
        return await settings.get_tags(current_session(self.session), self.url)

    async def put_tags(self: BucketBase[ObjectT], tags: Mapping[str, str]) -> None:
        """Replace all tags of the bucket itself; an empty mapping deletes them."""
        check_arguments(tags=tags)
        await settings.put_tags(current_session(self.session), self.url, tags)

    async def get_cors(self: BucketBase[ObjectT]) -> list[CorsRule]:
        """Return the CORS rules, in their order."""
        return await settings.get_cors(current_session(self.session), self.url)

    async def put_cors(self: BucketBase[ObjectT], rules: Iterable[CorsRule]) -> None:
        """Replace all CORS rules; none deletes them."""
        await settings.put_cors(current_session(self.session), self.url, rules)


async def list_buckets(
    kind: type[B], *, profile: str | None = None, session: Session | None = None
) -> AsyncGenerator[B, None]:
    """Yield all buckets of the account as buckets of ``kind``."""
    check_arguments(profile=profile)
    for entry in await buckets_of(current_session(session), S3Url("", "", profile)):
        yield kind(S3Url(entry.name, "", profile), session=session)


def _with_metadata(options: PlainWriterOptions, metadata: Mapping[str, str] | None) -> WriterOptions:
    metadata_option: WriterOptions = {} if metadata is None else {"metadata": metadata}
    return {**options, **metadata_option}
