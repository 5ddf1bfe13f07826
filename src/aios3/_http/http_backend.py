"""The operations on objects over HTTP, each as one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from aios3._buffered_body import MAX_UNSIZED_BYTES, BufferedBody
from aios3._calls import ObjectBackend
from aios3._http import requests, response_values
from aios3._http.http_body import HttpBody
from aios3._http.operations import CALLS
from aios3._operations import AbortMultipartUpload, GetObject, HeadObject
from aios3._responses import is_unsized
from aios3._success import check_object
from aios3.errors import AccessDeniedError, CredentialsError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aios3._backend import Limiter, ObjectBody
    from aios3._http.request_sender import RequestSender, Response
    from aios3._operations import Operation

T = TypeVar("T")


class HttpBackend(ObjectBackend):
    """S3 over native connections.

    ``limiter`` bounds the requests in flight, together with whoever shares it; an open body holds one.
    With ``with_checksums`` the checksums of objects are requested, where an operation allows it.
    """

    is_aws: bool = False

    def __init__(self, sender: RequestSender, limiter: Limiter, *, is_aws: bool = False, with_checksums: bool) -> None:
        self.is_aws = is_aws
        self._sender = sender
        self._limiter = limiter
        self._with_checksums = with_checksums
        self._bodies: set[HttpBody] = set()

    def send(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Send an operation in one request, and return its result."""
        if type(operation) is GetObject:
            return cast("Coroutine[Any, Any, T]", self._get(operation))
        if type(operation) is HeadObject and operation.has_checksum and not self._with_checksums:
            return cast("Coroutine[Any, Any, T]", self._call(operation.without_checksum()))
        if type(operation) is AbortMultipartUpload:
            return cast("Coroutine[Any, Any, T]", self._abort(operation))
        return self._call(operation)

    async def _call(self, operation: Operation[T]) -> T:
        render, parse = CALLS[type(operation)]
        request, response = render(operation), None
        if not self._limiter.try_acquire():
            await self._limiter.acquire()
        try:
            response = await self._sender.send(request, replayable=operation.idempotent, if_absent=operation.if_absent)
            buffered = response.buffered_body()
            body = await response.read(request) if buffered is None else buffered
            head = response.head
        except AccessDeniedError as error:
            if not isinstance(operation, HeadObject) or not operation.has_checksum:
                raise
            if isinstance(error, CredentialsError):
                raise
        finally:
            self._limiter.release()
        if response is None:  # the checksum of an object under KMS needs a permission more than its description
            return await self._call(operation.without_checksum())
        return cast("T", parse(operation, head, body))

    async def _abort(self, operation: AbortMultipartUpload) -> None:
        try:
            await self._call(operation)
        except ObjectNotFoundError as error:
            if error.code != "NoSuchUpload":
                raise

    async def _get(self, operation: GetObject) -> ObjectBody:
        url, start, stop = operation.url, operation.start, operation.stop
        asks = self._with_checksums and operation.options.with_checksum
        request = requests.get_object(url, start=start, stop=stop, options=operation.options, with_checksums=asks)
        if not self._limiter.try_acquire():
            await self._limiter.acquire()
        try:
            response = await self._sender.send(request)
            if is_unsized(response.head.status, response.head.headers):
                return await self._buffered_body(response, request)
            try:
                check_object(operation.name, url, response.head.headers)
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
        """Receive a body whose length was not announced."""
        data = await response.read(request, MAX_UNSIZED_BYTES)
        headers, path = response.head.headers, str(request.url)
        stat = response_values.stat_of(headers, len(data), response_values.checksums_of(headers), path=path)
        self._limiter.release()
        return BufferedBody(data, stat)

    def _body_ended(self, body: HttpBody) -> None:
        self._bodies.discard(body)
        self._limiter.release()

    async def aclose(self) -> None:
        """Let go of bodies that were left open. Safe to repeat; the connections are their owner's to close."""
        for body in list(self._bodies):
            body.close()
