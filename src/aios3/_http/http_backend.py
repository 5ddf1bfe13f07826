"""The hot calls of :mod:`aios3._backend`, each as one exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import CopyOptions
from aios3._buffered_body import MAX_UNSIZED_BYTES, BufferedBody
from aios3._http import requests, response_values
from aios3._http.http_body import HttpBody
from aios3._responses import is_unsized
from aios3._s3_constants import MAX_KEYS
from aios3._success import check_bucket, check_empty, check_object, check_stored
from aios3.errors import AccessDeniedError, CredentialsError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aios3._backend import (
        Checksum,
        DeleteFailure,
        GetOptions,
        Limiter,
        ListPage,
        ObjectBody,
        Part,
        PartSource,
        Precondition,
        PutOptions,
    )
    from aios3._entries import StatResult, WriteResult
    from aios3._http.request_sender import RequestSender, Response
    from aios3._http.response_head import ResponseHead
    from aios3._paths import S3Url


_NO_TERMS = CopyOptions()


class HttpBackend:
    """S3 over connections of our own.

    ``limiter`` bounds the requests in flight, together with whoever shares it; an open body holds one.
    """

    def __init__(
        self,
        sender: RequestSender,
        limiter: Limiter,
        is_aws: Callable[[], Awaitable[bool]],
        *,
        with_checksums: bool,
    ) -> None:
        self._exchanges = sender
        self._limiter = limiter
        self._is_aws = is_aws
        self._with_checksums = with_checksums
        self._bodies: set[HttpBody] = set()

    async def is_aws(self) -> bool:
        """Tell whether requests go to an endpoint of Amazon's, as opposed to another vendor's server."""
        return await self._is_aws()

    async def _call(
        self, request: requests.Request, *, replayable: bool = True, if_absent: bool = False
    ) -> tuple[ResponseHead, bytes]:
        """Send ``request``; return the head and the whole body of the response."""
        if not self._limiter.try_acquire():
            await self._limiter.acquire()
        try:
            response = await self._exchanges.send(request, replayable=replayable, if_absent=if_absent)
            body = response.buffered_body()
            return response.head, await response.read(request) if body is None else body
        finally:
            self._limiter.release()

    async def get_object(self, url: S3Url, *, start: int, stop: int | None, options: GetOptions) -> ObjectBody:
        """Ask for the bytes ``[start, stop)``; with ``stop=None`` and ``start=0`` for all, without a range."""
        asked = self._with_checksums and options.with_checksum
        request = requests.get_object(url, start=start, stop=stop, options=options, with_checksums=asked)
        if not self._limiter.try_acquire():
            await self._limiter.acquire()
        try:
            response = await self._exchanges.send(request)
            if is_unsized(response.head.status, response.head.headers):
                return await self._buffered_body(response, request)
            try:
                check_object("GetObject", url, response.head.headers)
                span = response_values.parse_content_range(
                    response.head.status, response.head.headers, start=start, path=url
                )
            except BaseException:
                response.release()
                raise
        except BaseException:
            self._limiter.release()
            raise
        body = HttpBody(response, url, span, self._body_ended, ranged=bool(start) or stop is not None)
        if span.stop > span.start:
            self._bodies.add(body)
        return body

    async def _buffered_body(self, response: Response, request: requests.Request) -> BufferedBody:
        """Receive a body whose length nobody has announced."""
        data = await response.read(request, MAX_UNSIZED_BYTES)
        headers, path = response.head.headers, str(request.url)
        stat = response_values.stat_of(headers, len(data), response_values.checksums_of(headers), path=path)
        self._limiter.release()
        return BufferedBody(data, stat)

    def _body_ended(self, body: HttpBody) -> None:
        self._bodies.discard(body)
        self._limiter.release()

    async def head_object(self, url: S3Url, options: GetOptions) -> StatResult:
        """Describe one object."""
        asked = self._with_checksums and options.with_checksum
        try:
            head, _ = await self._call(requests.head_object(url, options, with_checksums=asked))
        except AccessDeniedError as error:
            if not asked or isinstance(error, CredentialsError):
                raise
            # The checksum of an object under KMS needs a permission more than its description.
            head, _ = await self._call(requests.head_object(url, options, with_checksums=False))
        check_object("HeadObject", url, head.headers)
        return response_values.described(head.headers, str(url))

    async def put_object(
        self,
        url: S3Url,
        body: Sequence[bytes | memoryview],
        *,
        options: PutOptions,
        condition: Precondition,
        checksum: Checksum | None,
    ) -> WriteResult:
        """Store a whole object in one request."""
        request = requests.put_object(url, body, options=options, condition=condition, checksum=checksum)
        is_plain = not condition.if_absent and condition.if_match is None
        head, said = await self._call(request, replayable=is_plain, if_absent=condition.if_absent)
        check_stored("PutObject", url, head.headers, said)
        return response_values.write_result(head.headers, requests.body_length(body))

    async def create_multipart_upload(self, url: S3Url, options: PutOptions, algorithm: str | None) -> str:
        """Begin a multipart upload and return its upload id; ``algorithm`` announces a whole-object checksum."""
        _, body = await self._call(requests.create_multipart_upload(url, options, algorithm), replayable=False)
        return response_values.upload_id_of(body, str(url))

    async def upload_part(
        self,
        url: S3Url,
        upload_id: str,
        number: int,
        body: Sequence[bytes | memoryview],
        *,
        options: PutOptions,
        checksum: Checksum | None,
    ) -> Part:
        """Send one part; ``number`` is 1 to 10,000."""
        request = requests.upload_part(url, upload_id, number, body, options=options, checksum=checksum)
        head, said = await self._call(request)
        check_stored("UploadPart", url, head.headers, said)
        return response_values.part_of(head.headers, number)

    async def upload_part_copy(self, url: S3Url, upload_id: str, number: int, source: PartSource) -> Part:
        """Make one part of the bytes of another object, inside S3."""
        request = requests.upload_part_copy(url, upload_id, number, source)
        _, body = await self._call(request)
        return response_values.copied_part(body, number, str(url))

    async def complete_multipart_upload(
        self,
        url: S3Url,
        upload_id: str,
        parts: Sequence[Part],
        *,
        options: PutOptions,
        condition: Precondition,
        checksum: Checksum | None,
    ) -> WriteResult:
        """Make one object of the parts, in the order of their numbers. The result's size is not known here: 0."""
        request = requests.complete_multipart_upload(
            url, upload_id, parts, options=options, condition=condition, checksum=checksum
        )
        head, body = await self._call(request, replayable=False, if_absent=condition.if_absent)
        return response_values.completed(head.headers, body, str(url))

    async def abort_multipart_upload(self, url: S3Url, upload_id: str) -> None:
        """Forget an upload and its parts; one that does not exist (any more) is no error."""
        try:
            _, body = await self._call(requests.abort_multipart_upload(url, upload_id))
            check_empty("AbortMultipartUpload", url, body)
        except ObjectNotFoundError as error:
            if error.code != "NoSuchUpload":
                raise

    async def list_objects(
        self,
        url: S3Url,
        *,
        delimiter: str = "",
        token: str | None = None,
        start_after: str = "",
        max_keys: int = MAX_KEYS,
    ) -> ListPage:
        """Return one page of the keys that begin with ``url.key``."""
        request = requests.list_objects(
            url, delimiter=delimiter, token=token, start_after=start_after, max_keys=max_keys
        )
        _, body = await self._call(request)
        from aios3._http.s3_xml import list_page  # noqa: PLC0415 - as in responses

        return list_page(body, token, str(url))

    async def head_bucket(self, url: S3Url) -> None:
        """Return if the bucket is there and may be used; raise what is wrong otherwise."""
        head, _ = await self._call(requests.head_bucket(url))
        check_bucket(url, head.headers)

    async def delete_object(self, url: S3Url, version_id: str | None = None, *, if_match: str | None = None) -> None:
        """Delete one object; one that does not exist is no error in S3."""
        _, body = await self._call(requests.delete_object(url, version_id, if_match))
        check_empty("DeleteObject", url, body)

    async def delete_objects(
        self, url: S3Url, keys: Sequence[str], *, if_match: Mapping[str, str] | None = None
    ) -> Sequence[DeleteFailure]:
        """Delete up to 1,000 objects of the bucket of ``url`` and return those that were not deleted."""
        _, body = await self._call(requests.delete_objects(url, keys, if_match))
        from aios3._http.s3_xml import delete_failures  # noqa: PLC0415 - as in responses

        return delete_failures(body, keys, str(url))

    async def copy_object(
        self, source: S3Url, target: S3Url, *, options: PutOptions | None, terms: CopyOptions = _NO_TERMS
    ) -> WriteResult:
        """Copy an object of up to 5 GiB inside S3; ``options`` replaces its metadata, and tags if any are given.

        The result's size is not known here: 0.
        """
        request = requests.copy_object(source, target, options=options, terms=terms)
        is_plain = terms.condition == _NO_TERMS.condition
        head, body = await self._call(request, replayable=is_plain, if_absent=terms.condition.if_absent)
        return response_values.copied(head.headers, body, str(target))

    async def aclose(self) -> None:
        """Let go of bodies that were left open. Safe to repeat; the connections are their owner's to close."""
        for body in list(self._bodies):
            await body.aclose()
