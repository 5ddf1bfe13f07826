"""One request to S3: signed and sent, and its response.

What a rejection teaches is learnt, and the request sent once more.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from aios3 import errors
from aios3._credentials import error_context, refresh_after
from aios3._endpoints import is_aws
from aios3._http import requests, response_values, sigv4
from aios3._http.exceptions import BrokenBodyError, ProtocolError
from aios3._observe import record_response, record_sent
from aios3._ownership import NO_OWNERSHIP
from aios3._proxies import origin
from aios3._regions import RegionSearch
from aios3._rejections import is_unexplained
from aios3._s3_constants import SIGV4

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._credentials import Signer
    from aios3._http.connection import Connection
    from aios3._http.endpoint_cache import BucketEndpoint, EndpointCache
    from aios3._http.pool import Pool
    from aios3._http.requests import EndpointSettings, Request
    from aios3._http.response_head import ResponseHead
    from aios3._http.signing_context import SigningContext
    from aios3._ownership import Ownership
    from aios3._paths import S3Url

    Failure = OSError | ProtocolError

MAX_ERROR_BYTES = 64 * 1024
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""Bytes of a response that is parsed as a whole. The longest are pages of names, and what could not be deleted: 1,000
entries each. A key has up to 1,024 bytes, of which one takes 6 at most where XML escapes it (``&quot;``) and 3 where it
is percent-encoded. All else of an entry fits into 2,048: an id of a version has 1,024 at most, a message is a sentence.
The sum, 1,000 * (6 * 1,024 + 2,048), is 8,192,000: half of this. Listings of parts and uploads are read by
aiobotocore."""

_FIRST_ERROR_STATUS = 300
_MIN_BYTES_HASHED_IN_THREAD = 1024 * 1024
_WITHOUT_PROBE = frozenset({"HeadBucket", "ListBuckets"})
"""Operations whose rejection is not followed by asking a bucket for its region."""
_ALGORITHMS = frozenset({SIGV4, None})

TRANSPORT_ERRORS = (OSError, ProtocolError)
"""Errors of the transport: no connection, a broken one, silence, or something that is not HTTP."""


@dataclass(slots=True)
class Response:
    """A head that says yes, on the connection that the body is still to come from."""

    connection: Connection
    head: ResponseHead
    target: BucketEndpoint

    async def read(self, request: Request, limit: int = MAX_RESPONSE_BYTES) -> bytes:
        """Return the whole body, and give the connection back."""
        try:
            body = await self.connection.read(limit)
        except TRANSPORT_ERRORS as failure:
            raise to_s3_error(failure, request.operation, request.url, self.target.endpoint) from failure
        finally:
            self.release()
        return body

    def buffered_body(self) -> bytes | None:
        """Return the whole body if it has come with the head, and give the connection back then."""
        body = self.connection.buffered_body(MAX_RESPONSE_BYTES)
        if body is not None:
            self.release()
        return body

    def release(self) -> None:
        """Give the connection back: it is kept if the body was read to its end, else dropped."""
        self.target.pool.release(self.connection)


@dataclass(slots=True)
class Adaptations:
    """The lessons of one request from rejections: each kind is learnt once, the region of a bucket in a few steps."""

    search: RegionSearch | None
    """For the bucket's region; None learns no region."""
    clock_and_credentials_tried: bool = False
    """True if the clock was set, or the credentials were looked at."""

    def failure(self, error: errors.S3Error, endpoint: EndpointSettings) -> errors.S3Error:
        """Return what to raise after the last rejection, at ``endpoint``."""
        return error if self.search is None else self.search.failure(error, endpoint.url)


class _ErrorResponse(NamedTuple):
    """A rejection: its request, its target, the credentials and time of its signature; ``date`` is the server's."""

    target: BucketEndpoint
    signer: Signer
    error: errors.S3Error
    signed_at: float
    date: str | None


class RequestSender:
    """Sends requests of one profile. ``sign_payload`` says whether bodies are hashed into the signature there."""

    def __init__(
        self,
        endpoints: EndpointCache,
        signing: SigningContext,
        payload_signing: str,
        ownership: Ownership | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.signing = signing
        self._payload_signing = payload_signing
        self._ownership = ownership

    async def send(
        self,
        request: Request,
        *,
        replayable: bool = True,
        if_absent: bool = False,
        adaptations: Adaptations | None = None,
    ) -> Response:
        """Send ``request`` and return the response, if it says yes; raise the error that it is otherwise.

        ``adaptations`` are what may still be learnt from rejections; None is all.
        """
        if self._ownership is not None:
            request = request.with_headers(self._ownership.headers(request.operation))
        while True:
            target = self.endpoints.cached(request.url.bucket) or await self._resolve(request)
            signer = self.signing.credential_cache.cached() or await self._signer(request)
            credentials = self.signing.credentials_of(signer)
            digest = sigv4.EMPTY_PAYLOAD
            if request.body and credentials is not None:
                at_once = self._payload_hash(request, target)
                digest = await asyncio.to_thread(sigv4.payload_hash, request.body) if at_once is None else at_once
            if target.algorithm not in _ALGORITHMS:
                raise _unsupported(request, target)
            now = self.signing.clock.now()
            head = sigv4.render(request, target.endpoint, credentials, payload_hash=digest, now=now)
            record_sent("native")
            try:
                connection, response = await target.pool.exchange(
                    head, request.body, bodyless=request.method == "HEAD", replayable=replayable
                )
            except TRANSPORT_ERRORS as failure:
                self.endpoints.discard_unconfirmed(request.url.bucket, target)
                raise to_s3_error(failure, request.operation, request.url, target.endpoint) from failure
            record_response(response.status, response.headers)
            if response.status < _FIRST_ERROR_STATUS:
                if target.is_unconfirmed:
                    self.endpoints.confirm(request.url.bucket, target)
                if self.signing.credential_cache.unconfirmed is not None:
                    self.signing.credential_cache.note_accepted(signer.credentials)
                return Response(connection, response, target)
            body = await _read_error_body(connection, target.pool)
            error = response_values.error_of(
                request.operation, request.url, response.status, response.headers, body, if_absent=if_absent
            )
            adaptations = adaptations or Adaptations(RegionSearch(self.endpoints.regions, request.url.bucket))
            rejection = _ErrorResponse(target, signer, error, now, response.headers.get("date"))
            if not await self._adapt(request, rejection, adaptations):
                raise self._with_hints(adaptations.failure(error, target.endpoint), target.endpoint)

    def _with_hints(self, error: errors.S3Error, endpoint: EndpointSettings) -> errors.S3Error:
        return (self._ownership or NO_OWNERSHIP).explained(error) if is_aws(endpoint.url) else error

    async def _resolve(self, request: Request) -> BucketEndpoint:
        return await self.endpoints.resolve(request.url.bucket)

    async def _signer(self, request: Request) -> Signer:
        with error_context(request.operation, str(request.url)):
            return await self.signing.credential_cache.get()

    def _payload_hash(self, request: Request, target: BucketEndpoint) -> str | None:
        """Return what the signature says of the body; None if that takes long enough for a thread."""
        body = request.body
        is_safe = target.endpoint.scheme == "https"
        if self._payload_signing == "never" or (self._payload_signing == "auto" and is_safe):
            return sigv4.UNSIGNED_PAYLOAD
        return sigv4.payload_hash(body) if sum(map(len, body)) < _MIN_BYTES_HASHED_IN_THREAD else None

    async def _adapt(self, request: Request, rejection: _ErrorResponse, adaptations: Adaptations) -> bool:
        """Learn from a rejection; return whether another attempt may succeed."""
        error, target, bucket = rejection.error, rejection.target, request.url.bucket
        search = adaptations.search
        if search is not None:
            ask = self._region_probe(request, rejection, has_moved=search.is_on_its_way)
            region = await search.next_region(error, target.endpoint.region, ask)
            if region is not None:
                return await self.endpoints.set_region(bucket, target, region)
            if not search.is_lost(error):
                self.endpoints.confirm(bucket, target)
        if await self._adapt_clock_or_credentials(request, rejection, adaptations):
            return True
        if search is not None and search.is_lost(error):
            self.endpoints.discard_unconfirmed(bucket, target)
        return False

    async def _adapt_clock_or_credentials(
        self, request: Request, rejection: _ErrorResponse, adaptations: Adaptations
    ) -> bool:
        """Set the clock or renew the credentials, once a request; return whether that may help."""
        if adaptations.clock_and_credentials_tried:
            return False
        adaptations.clock_and_credentials_tried = True
        error = rejection.error
        keys = rejection.signer.credentials
        if keys is not None and self.signing.clock.learn(error, rejection.date, rejection.signed_at):
            return True
        with error_context(request.operation, str(request.url)):
            return await refresh_after(
                self.signing.credential_cache, keys, error, lambda: self._probe_credentials(request, rejection.signer)
            )

    async def _probe_credentials(self, request: Request, signer: Signer) -> errors.S3Error | None:
        """Send, signed by ``signer``, what is rejected with a code for the token; return the error, None for none."""
        probe = requests.list_objects(request.url.with_key(""), max_keys=1)
        if self._ownership is not None:
            probe = probe.with_headers(self._ownership.headers(probe.operation))
        target = await self._resolve(probe)
        now, credentials = self.signing.clock.now(), self.signing.credentials_of(signer)
        head = sigv4.render(probe, target.endpoint, credentials, payload_hash=sigv4.EMPTY_PAYLOAD, now=now)
        try:
            connection, response = await target.pool.exchange(head, (), bodyless=False, replayable=True)
        except TRANSPORT_ERRORS as failure:
            return to_s3_error(failure, probe.operation, probe.url, target.endpoint)
        body = await _read_error_body(connection, target.pool)
        if response.status < _FIRST_ERROR_STATUS:
            return None
        return response_values.error_of(probe.operation, probe.url, response.status, response.headers, body)

    def _region_probe(
        self, request: Request, rejection: _ErrorResponse, *, has_moved: bool
    ) -> Callable[[], Awaitable[str | None]] | None:
        """Return the function that asks the bucket for its region; None where that would add nothing new.

        Servers of others than Amazon respond with 400 to a HEAD for many reasons, and most have one region. This one
        has others if ``has_moved``.
        """
        is_silent = is_unexplained(rejection.error) and not (has_moved or is_aws(rejection.target.endpoint.url))
        if request.operation in _WITHOUT_PROBE or is_silent:
            return None
        return lambda: self._probe_region(request.url, may_renew=not is_unexplained(rejection.error))

    async def _probe_region(self, url: S3Url, *, may_renew: bool) -> str | None:
        """Ask the bucket for its region; ``may_renew`` credentials for that, where the rejected request does not."""
        adaptations = Adaptations(None, clock_and_credentials_tried=not may_renew)
        response = await self.send(requests.head_bucket(url.with_key("")), adaptations=adaptations)
        response.release()
        return response.head.headers.get("x-amz-bucket-region")


def _unsupported(request: Request, target: BucketEndpoint) -> errors.S3Error:
    message = f"{request.operation} {request.url}: this bucket needs signatures of the kind {target.algorithm}"
    return errors.UnsupportedError(message, path=str(request.url), operation=request.operation)


async def _read_error_body(connection: Connection, pool: Pool) -> bytes:
    """Return the body of a rejection; one that is too long or breaks says nothing more than its head."""
    try:
        return await connection.read(MAX_ERROR_BYTES)
    except TRANSPORT_ERRORS:
        return b""
    finally:
        pool.release(connection)


def to_s3_error(failure: Failure, operation: str, url: S3Url, endpoint: EndpointSettings) -> errors.S3Error:
    """Build the error for what went wrong on the way."""
    kind, explanation = _kind(failure)
    reason = str(failure).rstrip(".") or type(failure).__name__
    message = f"{operation} {url}: {explanation.format(origin=origin(endpoint.url))} ({reason})"
    return kind(message, path=str(url), operation=operation)


def _kind(failure: Failure) -> tuple[type[errors.S3Error], str]:
    if isinstance(failure, (ssl.SSLError, ssl.CertificateError)):
        return errors.TLSError, "no trusted connection to {origin}"
    if isinstance(failure, BrokenBodyError):
        return errors.TruncatedBodyError, "the response of {origin} is truncated"
    if isinstance(failure, TimeoutError):
        return errors.RequestTimeoutError, "{origin} did not respond in connect_timeout and read_timeout"
    if isinstance(failure, ProtocolError):
        return errors.ServerError, "invalid response from {origin}"
    if isinstance(failure, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return errors.ConnectionFailedError, "the connection to {origin} broke"
    return errors.ConnectionFailedError, "no connection to {origin}; check the address, and that the server runs"
