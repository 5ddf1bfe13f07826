"""Every call of :mod:`aios3._calls` over aiobotocore: parameters in, one request, values out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from aios3 import _operations as operations
from aios3._backend import BucketPage, Part
from aios3._boto import boto_responses, bulk_responses
from aios3._boto.arguments import (
    bucket_and_key,
    checked,
    conditional,
    copying,
    customer_key,
    listed_part,
    method,
    part_parameters,
    reading,
    without_none,
    writing,
)
from aios3._boto.boto_body import BotoBody, raw_of, receive_unsized
from aios3._boto.boto_errors import translate_errors
from aios3._boto.boto_responses import report_response
from aios3._boto.boto_sessions import signed_with
from aios3._boto.client_source import ClientSource
from aios3._boto.clock_skew import date_of, signed_at
from aios3._boto.extra_headers import adding, as_stored
from aios3._boto.provider_chain import ProviderChain
from aios3._boto.region_redirects import RegionRedirector, send_internal
from aios3._boto.upload_stream import UploadStream, upload_timeout
from aios3._buffered_body import BufferedBody
from aios3._calls import AdminBackend, ObjectBackend
from aios3._clock import Clock
from aios3._credentials import credential_cache_of, error_context, refresh_after
from aios3._endpoints import is_aws
from aios3._entries import PresignedPost
from aios3._ownership import NO_OWNERSHIP, ownership_of
from aios3._paths import S3Url
from aios3._regions import BucketRegions
from aios3._responses import invalid_response, quote_etag
from aios3._settings import settings_of_arguments
from aios3._success import check
from aios3.errors import AccessDeniedError, CredentialsError, ObjectNotFoundError, RequestError, S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from aios3._backend import (
        BucketAddress,
        DeleteFailure,
        Document,
        GetOptions,
        Limiter,
        ListPage,
        ObjectBody,
        OpenUpload,
        StoredPart,
    )
    from aios3._boto.arguments import Parameters
    from aios3._boto.boto_responses import BotoResponse
    from aios3._config import Config
    from aios3._credentials import CredentialCache
    from aios3._entries import StatResult, WriteResult
    from aios3._operations import Operation
    from aios3._settings import Settings

T = TypeVar("T")

_NEEDS_NO_NAME = ("us-east-1", "aws-global")
"""Regions of which CreateBucket rejects the name."""


class BotoBackend(ObjectBackend, AdminBackend):
    """S3 through aiobotocore, one request a call.

    ``limiter`` bounds the requests in flight, together with whoever shares it; an open body holds one.
    ``credential_cache`` has the credentials; without one, the backend keeps its own. ``settings`` are what holds for
    the profile; None: they are read when the first request needs them. ``regions`` and ``clock`` keep what servers
    teach. ``moved`` is called with a bucket that was found in another region.
    """

    is_aws: bool = False

    def __init__(  # noqa: PLR0913 - what it shares with the other backend of the profile
        self,
        config: Config,
        profile: str | None,
        limiter: Limiter,
        *,
        settings: Settings | None = None,
        credential_cache: CredentialCache | None = None,
        regions: BucketRegions | None = None,
        clock: Clock | None = None,
        moved: Callable[[str], Awaitable[object]] | None = None,
    ) -> None:
        regions = regions or BucketRegions()
        self._credential_cache = credential_cache or credential_cache_of(config, ProviderChain(config, profile).ask)
        self._clock = clock or Clock()
        self._client = ClientSource(config, profile, self._credential_cache, regions, self._clock, settings=settings)
        self._following = RegionRedirector(self._client, regions, self._head_once, moved)
        self._ownership = ownership_of(config) or NO_OWNERSHIP
        self._limiter = limiter
        resolved_settings = settings or settings_of_arguments(config)
        self.is_aws = is_aws(resolved_settings.endpoint_url)
        checksums = resolved_settings.checksums
        self._patience = config.connect_timeout + config.read_timeout
        self._checksum_mode = {"ChecksumMode": "ENABLED"} if checksums.verify else {}
        self._bodies: set[BotoBody] = set()

    async def _call(
        self, operation: str, url: S3Url, parameters: Parameters, *, if_absent: bool = False
    ) -> BotoResponse:
        """Send the request of S3's ``operation``; ``if_absent`` says what a failed precondition means."""
        return await self._sent(
            operation, url, lambda: self._call_once(operation, url, parameters, if_absent=if_absent)
        )

    async def _sent(self, operation: str, url: S3Url, send: Callable[[], Awaitable[T]]) -> T:
        """Return what ``send`` returns; again where the bucket is, and once more with fresh credentials."""
        try:
            response = await self._following.send(operation, url, send, lambda error: self._renew(url, error))
        except AccessDeniedError as error:
            explained = self._ownership.explained(error)
            if explained is error or not await self._client.is_aws():
                raise
            raise explained from error
        if self._credential_cache.unconfirmed is not None:
            self._credential_cache.note_accepted(signed_with.get())
        return response

    async def _renew(self, url: S3Url, error: S3Error) -> bool:
        """Set the clock or renew the credentials that the last request was signed with, if ``error`` is of them."""
        used = signed_with.get()
        if used is not None and self._clock.learn(error, date_of(error), signed_at.get()):
            return True
        with error_context(error.operation or "Connect", str(url)):
            return await refresh_after(self._credential_cache, used, error, lambda: self._ask_with_code(url))

    async def _ask_with_code(self, url: S3Url) -> S3Error | None:
        """Send what is rejected with a code for the token; return the error, None for none."""
        try:
            await self._call_once("ListObjectsV2", url, {"Bucket": url.bucket, "MaxKeys": 1}, if_absent=False)
        except S3Error as error:
            return error
        return None

    async def _head_once(self, url: S3Url) -> BotoResponse:
        """Ask between a rejection and its consequences: what was rejected stays what the last signature was of."""
        rejected, moment = signed_with.get(), signed_at.get()
        try:
            return await self._call_once("HeadBucket", url, {"Bucket": url.bucket}, if_absent=False)
        finally:
            signed_with.set(rejected)
            signed_at.set(moment)

    async def _call_once(self, operation: str, url: S3Url, parameters: Parameters, *, if_absent: bool) -> BotoResponse:
        with translate_errors(operation, str(url), if_absent=if_absent):
            call = getattr(await self._client.get(), method(operation))
            async with self._limiter, upload_timeout(parameters.get("Body"), self._patience):
                response: BotoResponse = await send_internal(call, parameters)
        report_response(response)
        check(operation, url, boto_responses.headers_of(response), response.pop(boto_responses.RAW_BODY, b""))
        return response

    async def address_of(self, bucket: str) -> BucketAddress:
        """Return where requests for ``bucket`` go and how they are signed; nothing is sent to find out."""
        with translate_errors("Connect", f"s3://{bucket}"):
            return await self._client.address_of(bucket)

    def send(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Send an operation in one request, and return its result."""
        sending: Coroutine[Any, Any, T] = _SENDING[type(operation)](self, operation)
        return sending

    async def _get_object(self, operation: operations.GetObject) -> ObjectBody:
        """Ask for a range of an object's bytes, or for all."""
        url, start, stop, options = operation.url, operation.start, operation.stop, operation.options
        ranged = bool(start) or stop is not None
        parameters = bucket_and_key(url) | reading(options) | self._checksum_parameters(options)
        if ranged:
            parameters["Range"] = f"bytes={start}" if start < 0 else f"bytes={start}-{'' if stop is None else stop - 1}"
        return await self._sent("GetObject", url, lambda: self._get_once(url, parameters, start, ranged=ranged))

    async def _get_once(self, url: S3Url, parameters: Parameters, start: int, *, ranged: bool) -> ObjectBody:
        with translate_errors("GetObject", str(url)):
            call = getattr(await self._client.get(), method("GetObject"))
            await self._limiter.acquire()
            try:
                response: BotoResponse = await send_internal(call, parameters)
                report_response(response)
                try:
                    check("GetObject", url, boto_responses.headers_of(response), b"")
                except BaseException:
                    raw_of(response).close()
                    raise
                if boto_responses.is_unsized(response):
                    return await self._buffered_body(response, url)
                return self._body(response, url, start, ranged=ranged)
            except BaseException:
                self._limiter.release()
                raise

    def _checksum_parameters(self, options: GetOptions) -> Parameters:
        return self._checksum_mode if options.with_checksum else {}

    def _body(self, response: BotoResponse, url: S3Url, start: int, *, ranged: bool) -> BotoBody:
        raw = raw_of(response)
        try:
            span = boto_responses.parse_content_range(response, start, url)
        except BaseException:
            raw.close()
            raise
        stat = boto_responses.stat_of(
            response, span.size, boto_responses.checksums_of_span(response, span, ranged=ranged)
        )
        body = BotoBody(raw, str(url), stat, span, self._body_ended)
        if span.stop > span.start:
            self._bodies.add(body)
        return body

    async def _buffered_body(self, response: BotoResponse, url: S3Url) -> BufferedBody:
        """Receive a body whose length was not announced."""
        data = await receive_unsized(raw_of(response), str(url))
        stat = boto_responses.stat_of(response, len(data), boto_responses.checksums_of(response))
        self._limiter.release()
        return BufferedBody(data, stat)

    def _body_ended(self, body: BotoBody) -> None:
        self._bodies.discard(body)
        self._limiter.release()

    async def _head_object(self, operation: operations.HeadObject) -> StatResult:
        """Describe one object."""
        url, options = operation.url, operation.options
        parameters = bucket_and_key(url) | reading(options)
        asking = self._checksum_parameters(options)
        try:
            response = await self._call("HeadObject", url, parameters | asking)
        except AccessDeniedError as error:
            if not asking or isinstance(error, CredentialsError):
                raise
            # The checksum of an object under KMS needs a permission more than its description.
            response = await self._call("HeadObject", url, parameters)
        if "ContentLength" not in response:
            raise invalid_response(str(url), "it does not say how long the object is", "HeadObject")
        return boto_responses.stat_of(response, response["ContentLength"], boto_responses.checksums_of(response))

    async def _put_object(self, operation: operations.PutObject) -> WriteResult:
        """Store a whole object in one request."""
        url, options, condition = operation.url, operation.options, operation.condition
        content = UploadStream(operation.body)
        parameters = bucket_and_key(url) | writing(options) | conditional(condition) | checked(operation.checksum)
        with adding(as_stored(options)):
            response = await self._call("PutObject", url, parameters | {"Body": content}, if_absent=condition.if_absent)
        return boto_responses.write_result(response, len(content))

    async def _create_multipart_upload(self, operation: operations.CreateMultipartUpload) -> str:
        """Begin a multipart upload and return its id."""
        url, options, algorithm = operation.url, operation.options, operation.algorithm
        parameters = bucket_and_key(url) | writing(options)
        parameters |= {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"} if algorithm else {}
        with adding(as_stored(options)):
            response = await self._call("CreateMultipartUpload", url, parameters)
        return bulk_responses.upload_id_of(response, str(url))

    async def _upload_part(self, operation: operations.UploadPart) -> Part:
        """Send one part."""
        url, number = operation.url, operation.number
        parameters = part_parameters(url, operation.upload_id, number) | checked(operation.checksum)
        parameters |= customer_key(operation.options.sse_customer_key)
        response = await self._call("UploadPart", url, parameters | {"Body": UploadStream(operation.body)})
        return Part(number, response["ETag"].strip('"'), boto_responses.checksum_of(response))

    async def _upload_part_copy(self, operation: operations.UploadPartCopy) -> Part:
        """Make one part of the bytes of another object."""
        url, number, source = operation.url, operation.number, operation.source
        parameters = part_parameters(url, operation.upload_id, number) | {"CopySource": bucket_and_key(source.url)}
        parameters["CopySourceRange"] = f"bytes={source.start}-{source.stop - 1}"
        keys = customer_key(source.sse_customer_key)
        parameters |= keys | {f"CopySource{name}": value for name, value in keys.items()}
        if source.if_match is not None:
            parameters["CopySourceIfMatch"] = source.if_match.strip('"')
        response = await self._call("UploadPartCopy", url, parameters)
        copied, etag = boto_responses.copied(response.get("CopyPartResult", {}), url, "UploadPartCopy")
        return Part(number, etag, boto_responses.checksum_of(copied))

    async def _complete_multipart_upload(self, operation: operations.CompleteMultipartUpload) -> WriteResult:
        """Make one object of the parts."""
        url, condition, checksum = operation.url, operation.condition, operation.checksum
        listed = [listed_part(part) for part in sorted(operation.parts, key=lambda part: part.number)]
        parameters = bucket_and_key(url) | {"UploadId": operation.upload_id, "MultipartUpload": {"Parts": listed}}
        parameters |= customer_key(operation.options.sse_customer_key) | conditional(condition) | checked(checksum)
        if checksum is not None:
            parameters["ChecksumType"] = "FULL_OBJECT"
        response = await self._call("CompleteMultipartUpload", url, parameters, if_absent=condition.if_absent)
        if not {"ETag", "Location", "Key"} & response.keys():
            raise invalid_response(str(url), "this is no result of an upload", "CompleteMultipartUpload")
        return boto_responses.write_result(response, 0)

    async def _abort_multipart_upload(self, operation: operations.AbortMultipartUpload) -> None:
        """Forget an upload and its parts."""
        url = operation.url
        try:
            await self._call("AbortMultipartUpload", url, bucket_and_key(url) | {"UploadId": operation.upload_id})
        except ObjectNotFoundError as error:
            if error.code != "NoSuchUpload":
                raise

    async def _list_parts(self, operation: operations.ListParts) -> Sequence[StoredPart]:
        """Return all parts of an unfinished upload."""
        url = operation.url
        parts: list[StoredPart] = []
        parameters = bucket_and_key(url) | {"UploadId": operation.upload_id}
        while True:
            response = await self._call("ListParts", url, parameters)
            parts += bulk_responses.parts_of(response, str(url))
            following = response.get("NextPartNumberMarker") if response.get("IsTruncated") else None
            if following is None:
                return sorted(parts, key=lambda part: part.number)
            if following == parameters.get("PartNumberMarker"):
                raise invalid_response(str(url), f"the list continues at part {following} again", "ListParts")
            parameters["PartNumberMarker"] = following

    async def _list_multipart_uploads(self, operation: operations.ListMultipartUploads) -> Sequence[OpenUpload]:
        """Return all unfinished uploads."""
        url = operation.url
        uploads: list[OpenUpload] = []
        parameters = {"Bucket": url.bucket, "Prefix": url.key, "EncodingType": "url"}
        while True:
            try:
                response = await self._call("ListMultipartUploads", url, parameters)
            except ObjectNotFoundError as error:
                if error.code != "NoSuchUpload":  # rclone's way to say that there are none
                    raise
                return uploads
            uploads += bulk_responses.uploads_of(response, str(url))
            following = bulk_responses.next_uploads(response)
            if not following:
                return uploads
            if following.items() <= parameters.items():
                raise invalid_response(str(url), f"the list continues at {following} again", "ListMultipartUploads")
            parameters |= following

    async def _list_objects(self, operation: operations.ListObjects) -> ListPage:
        """Return one page of keys."""
        url, token = operation.url, operation.token
        parameters = {
            "Bucket": url.bucket,
            "Prefix": url.key,
            "Delimiter": operation.delimiter or None,
            "ContinuationToken": token,
            "StartAfter": None if token else operation.start_after or None,
            "MaxKeys": operation.max_keys,
            "EncodingType": "url",
        }
        response = await self._call("ListObjectsV2", url, without_none(parameters))
        return boto_responses.page_of(response, token, str(url))

    async def _list_buckets(self, operation: operations.ListBuckets) -> BucketPage:
        """Return one page of the account's buckets."""
        url = operation.url
        response = await self._call("ListBuckets", url, without_none({"ContinuationToken": operation.token}))
        return BucketPage(bulk_responses.buckets_of(response, str(url)), response.get("ContinuationToken") or None)

    async def _head_bucket(self, operation: operations.HeadBucket) -> None:
        """Return if the bucket is there."""
        url = operation.url
        await self._call("HeadBucket", url, {"Bucket": url.bucket})

    async def _delete_object(self, operation: operations.DeleteObject) -> None:
        """Delete one object."""
        url, if_match = operation.url, operation.if_match
        etag = None if if_match is None else quote_etag(if_match)
        version = without_none({"VersionId": operation.version_id, "IfMatch": etag})
        await self._call("DeleteObject", url, bucket_and_key(url) | version)

    async def _delete_objects(self, operation: operations.DeleteObjects) -> Sequence[DeleteFailure]:
        """Delete objects of one bucket."""
        url, keys = operation.url, operation.keys
        etags = operation.if_match or {}
        listed = [{"Key": key} | ({"ETag": quote_etag(etags[key])} if key in etags else {}) for key in keys]
        deletion = {"Objects": listed, "Quiet": False}
        response = await self._call("DeleteObjects", url, {"Bucket": url.bucket, "Delete": deletion})
        return bulk_responses.failures_of(response, keys, str(url))

    async def _delete_versions(self, operation: operations.DeleteVersions) -> Sequence[DeleteFailure]:
        """Delete versions of one bucket."""
        url, versions = operation.url, operation.versions
        deletion = {"Objects": [{"Key": each.key, "VersionId": each.version_id} for each in versions], "Quiet": False}
        response = await self._call("DeleteObjects", url, {"Bucket": url.bucket, "Delete": deletion})
        return bulk_responses.failed_versions_of(response, versions, str(url))

    async def _administer(self, operation: operations.Administer) -> Document:
        """Send an operation about a bucket."""
        name, url = operation.name, operation.url
        parameters = {"Bucket": url.bucket, **operation.parameters}
        if name != "CreateBucket":
            return await self._call(name, url, parameters)
        with translate_errors(name, str(url)):
            region = (await self._client.get()).meta.region_name
            location = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            at_home = region in _NEEDS_NO_NAME or not await self._client.is_aws()
        try:
            return await self._call(name, url, parameters if at_home else parameters | location)
        except RequestError as error:  # Amazon wants the region by name; other servers may not know the one we sign for
            if not at_home or error.code != "IllegalLocationConstraintException":
                raise
        return await self._call(name, url, parameters | location)

    async def _copy_object(self, operation: operations.CopyObject) -> WriteResult:
        """Copy an object inside S3."""
        url, options, terms = operation.url, operation.options, operation.terms
        parameters: Parameters = {"MetadataDirective": "COPY"}
        if options is not None:
            parameters = writing(options) | {"MetadataDirective": "REPLACE"}
            if options.tags:
                parameters["TaggingDirective"] = "REPLACE"
        parameters |= copying(operation.source, terms) | bucket_and_key(url)
        with adding(as_stored(options)):
            response = await self._call("CopyObject", url, parameters, if_absent=terms.condition.if_absent)
        copied, _ = boto_responses.copied(response.get("CopyObjectResult", {}), url, "CopyObject")
        return boto_responses.write_result(response | copied, 0)

    async def _get_object_tagging(self, operation: operations.GetObjectTagging) -> Mapping[str, str]:
        """Return the tags of one object."""
        url = operation.url
        response = await self._call("GetObjectTagging", url, bucket_and_key(url))
        return bulk_responses.tags_of(response, str(url))

    async def presign(self, operation: str, parameters: Mapping[str, str], expires_in: int) -> str:
        """Sign a URL for S3's ``operation`` that is good for ``expires_in`` seconds; sends nothing."""
        path = str(S3Url(parameters.get("Bucket", ""), parameters.get("Key", "")))
        with translate_errors(operation, path):
            client: Any = await self._client.get()
            signed: str = await client.generate_presigned_url(method(operation), dict(parameters), expires_in)
        return signed

    async def presign_post(
        self, url: S3Url, fields: Mapping[str, str], conditions: Sequence[object], expires_in: int
    ) -> PresignedPost:
        """Sign a form that may upload ``url`` for ``expires_in`` seconds; sends nothing."""
        with translate_errors("PostObject", str(url)):
            client: Any = await self._client.get()
            seconds = expires_in + round(self._clock.clock_skew)  # from now by this machine's clock
            signed = await client.generate_presigned_post(
                url.bucket, url.key, Fields=dict(fields), Conditions=list(conditions), ExpiresIn=seconds
            )
        return PresignedPost(signed["url"], signed["fields"])

    async def endpoint_url(self) -> str:
        """Return the address that requests go to, without the bucket."""
        with translate_errors("Connect", "s3://"):
            address: str = (await self._client.get()).meta.endpoint_url
        return address

    async def raw_client(self) -> object:
        """Return the aiobotocore client of this configuration and profile."""
        with translate_errors("Connect", "s3://"):
            return await self._client.get()

    async def aclose(self) -> None:
        """Close all connections, also those of bodies that were left open. Safe to repeat."""
        for body in list(self._bodies):
            body.close()
        await self._credential_cache.aclose()
        await self._client.aclose()


_SENDING: dict[type, Callable[[BotoBackend, Any], Coroutine[Any, Any, Any]]] = {
    operations.GetObject: BotoBackend._get_object,  # noqa: SLF001
    operations.HeadObject: BotoBackend._head_object,  # noqa: SLF001
    operations.PutObject: BotoBackend._put_object,  # noqa: SLF001
    operations.CreateMultipartUpload: BotoBackend._create_multipart_upload,  # noqa: SLF001
    operations.UploadPart: BotoBackend._upload_part,  # noqa: SLF001
    operations.UploadPartCopy: BotoBackend._upload_part_copy,  # noqa: SLF001
    operations.CompleteMultipartUpload: BotoBackend._complete_multipart_upload,  # noqa: SLF001
    operations.AbortMultipartUpload: BotoBackend._abort_multipart_upload,  # noqa: SLF001
    operations.ListParts: BotoBackend._list_parts,  # noqa: SLF001
    operations.ListMultipartUploads: BotoBackend._list_multipart_uploads,  # noqa: SLF001
    operations.ListObjects: BotoBackend._list_objects,  # noqa: SLF001
    operations.ListBuckets: BotoBackend._list_buckets,  # noqa: SLF001
    operations.HeadBucket: BotoBackend._head_bucket,  # noqa: SLF001
    operations.DeleteObject: BotoBackend._delete_object,  # noqa: SLF001
    operations.DeleteObjects: BotoBackend._delete_objects,  # noqa: SLF001
    operations.DeleteVersions: BotoBackend._delete_versions,  # noqa: SLF001
    operations.Administer: BotoBackend._administer,  # noqa: SLF001
    operations.CopyObject: BotoBackend._copy_object,  # noqa: SLF001
    operations.GetObjectTagging: BotoBackend._get_object_tagging,  # noqa: SLF001
}
