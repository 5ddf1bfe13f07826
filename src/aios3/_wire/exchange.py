"""One request to S3: signed, sent, and answered; what a refusal teaches is learnt, and the request sent once more."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from aios3 import errors
from aios3._credentials import naming, renew_after
from aios3._endpoints import SIGV4, at_amazon
from aios3._observe import answered, sending
from aios3._ownership import NOTHING_SAID
from aios3._proxies import origin
from aios3._refusals import says_nothing
from aios3._regions import Search
from aios3._wire import answers, requests, sigv4
from aios3._wire.failures import BrokenBodyError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._credentials import Signer
    from aios3._ownership import Ownership
    from aios3._paths import S3Url
    from aios3._wire.connection import Connection
    from aios3._wire.heads import Head
    from aios3._wire.identity import Signers
    from aios3._wire.pool import Pool
    from aios3._wire.requests import Place, Request
    from aios3._wire.sites import Site, Sites

    Failure = OSError | ProtocolError

LONGEST_ERROR = 64 * 1024
LONGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer that is parsed as a whole. The longest are pages of names, and what could not be deleted: 1,000
entries each. A key has up to 1,024 bytes, of which one takes 6 at most where XML escapes it (``&quot;``) and 3 where it
is percent-encoded; all else of an entry fits into 2,048: an id of a version has 1,024 at most, a message is a sentence.
1,000 * (6 * 1,024 + 2,048) is 8,192,000: half of this. Listings of parts and uploads are read by aiobotocore."""

_FIRST_ERROR_STATUS = 300
_HASHED_IN_THREAD = 1024 * 1024
_ALGORITHMS = frozenset({SIGV4, None})

FAILURES = (OSError, ProtocolError)
"""What goes wrong on the way: no connection, a broken one, silence, or something that is not HTTP."""


@dataclass(slots=True)
class Answer:
    """A head that says yes, on the connection that the body is still to come from."""

    connection: Connection
    head: Head
    site: Site

    async def read(self, request: Request, limit: int = LONGEST_ANSWER) -> bytes:
        """Return the whole body, and give the connection back."""
        try:
            body = await self.connection.read(limit)
        except FAILURES as failure:
            raise translated(failure, request.operation, request.url, self.site.place) from failure
        finally:
            self.let_go()
        return body

    def at_hand(self) -> bytes | None:
        """Return the whole body if it has come with the head, and give the connection back then."""
        body = self.connection.at_hand(LONGEST_ANSWER)
        if body is not None:
            self.let_go()
        return body

    def let_go(self) -> None:
        """Give the connection back: it is kept if the body was read to its end, else dropped."""
        self.site.pool.release(self.connection)


@dataclass(slots=True)
class Lessons:
    """What one request has learnt from refusals: each kind is learnt once, where a bucket is, in a few steps."""

    search: Search | None
    """For the bucket's region; None learns no region."""
    are_over: bool = False
    """Whether the clock was set, or the credentials were looked at."""

    def failure(self, error: errors.S3Error, place: Place) -> errors.S3Error:
        """Return what to raise after the last refusal, at ``place``."""
        return error if self.search is None else self.search.failure(error, place.url)


class _Refusal(NamedTuple):
    """What was refused where, to whom, signed when; ``date`` is the server's."""

    site: Site
    signer: Signer
    error: errors.S3Error
    signed_at: float
    date: str | None


class Exchanges:
    """Sends requests of one profile. ``sign_payload`` says whether bodies are hashed into the signature there."""

    def __init__(
        self, sites: Sites, signers: Signers, payload_signing: str, ownership: Ownership | None = None
    ) -> None:
        self.sites = sites
        self.signers = signers
        self._payload_signing = payload_signing
        self._ownership = ownership

    async def send(
        self, request: Request, *, replayable: bool = True, if_absent: bool = False, lessons: Lessons | None = None
    ) -> Answer:
        """Send ``request`` and return the answer, if it says yes; raise the error that it is otherwise.

        ``lessons`` are what may still be learnt from refusals; None is all.
        """
        if self._ownership is not None:
            request = request.saying(self._ownership.headers(request.operation))
        while True:
            site = self.sites.known(request.url.bucket) or await self._find(request)
            signer = self.signers.keeper.at_hand() or await self._signer(request)
            identity = self.signers.identity_of(signer)
            digest = sigv4.EMPTY_PAYLOAD
            if request.body and identity is not None:
                at_once = self._payload_hash(request, site)
                digest = await asyncio.to_thread(sigv4.payload_hash, request.body) if at_once is None else at_once
            if site.algorithm not in _ALGORITHMS:
                raise _unsupported(request, site)
            now = self.signers.clock.now()
            head = sigv4.render(request, site.place, identity, payload_hash=digest, now=now)
            sending("own")
            try:
                connection, answer = await site.pool.exchange(
                    head, request.body, bodyless=request.method == "HEAD", replayable=replayable
                )
            except FAILURES as failure:
                self.sites.give_up(request.url.bucket, site)
                raise translated(failure, request.operation, request.url, site.place) from failure
            answered(answer.status, answer.headers)
            if answer.status < _FIRST_ERROR_STATUS:
                if site.is_unproven:
                    self.sites.prove(request.url.bucket, site)
                if self.signers.keeper.unproven is not None:
                    self.signers.keeper.accepted(signer.credentials)
                return Answer(connection, answer, site)
            body = await _rest(connection, site.pool)
            error = answers.error_of(
                request.operation, request.url, answer.status, answer.headers, body, if_absent=if_absent
            )
            lessons = lessons or Lessons(Search(self.sites.regions, request.url.bucket))
            refusal = _Refusal(site, signer, error, now, answer.headers.get("date"))
            if not await self._learn(request, refusal, lessons):
                raise self._explained(lessons.failure(error, site.place), site.place)

    def _explained(self, error: errors.S3Error, place: Place) -> errors.S3Error:
        return (self._ownership or NOTHING_SAID).explained(error) if at_amazon(place.url) else error

    async def _find(self, request: Request) -> Site:
        return await self.sites.site(request.url.bucket)

    async def _signer(self, request: Request) -> Signer:
        with naming(request.operation, str(request.url)):
            return await self.signers.keeper.get()

    def _payload_hash(self, request: Request, site: Site) -> str | None:
        """Return what the signature says of the body; None if that takes long enough for a thread."""
        body = request.body
        is_safe = site.place.scheme == "https"
        if self._payload_signing == "never" or (self._payload_signing == "auto" and is_safe):
            return sigv4.UNSIGNED_PAYLOAD
        return sigv4.payload_hash(body) if sum(map(len, body)) < _HASHED_IN_THREAD else None

    async def _learn(self, request: Request, refusal: _Refusal, lessons: Lessons) -> bool:
        """Learn from a refusal; tell whether the request may now be answered otherwise."""
        error, site, bucket = refusal.error, refusal.site, request.url.bucket
        search = lessons.search
        if search is not None:
            ask = self._asking(request, refusal, has_moved=search.is_on_its_way)
            region = await search.next_region(error, site.place.region, ask)
            if region is not None:
                return await self.sites.move(bucket, site, region)
            if not search.is_lost(error):
                self.sites.prove(bucket, site)
        if await self._learn_who_and_when(request, refusal, lessons):
            return True
        if search is not None and search.is_lost(error):
            self.sites.give_up(bucket, site)
        return False

    async def _learn_who_and_when(self, request: Request, refusal: _Refusal, lessons: Lessons) -> bool:
        """Set the clock or renew the credentials, once a request; tell whether that may help."""
        if lessons.are_over:
            return False
        lessons.are_over = True
        error = refusal.error
        keys = refusal.signer.credentials
        if keys is not None and self.signers.clock.learn(error, refusal.date, refusal.signed_at):
            return True
        with naming(request.operation, str(request.url)):
            return await renew_after(
                self.signers.keeper, keys, error, lambda: self._ask_with_code(request, refusal.signer)
            )

    async def _ask_with_code(self, request: Request, signer: Signer) -> errors.S3Error | None:
        """Send, signed by ``signer``, what is refused with a code for the token; return the error, None for none."""
        asked = requests.list_objects(request.url.with_key(""), max_keys=1)
        if self._ownership is not None:
            asked = asked.saying(self._ownership.headers(asked.operation))
        site = await self._find(asked)
        now, identity = self.signers.clock.now(), self.signers.identity_of(signer)
        head = sigv4.render(asked, site.place, identity, payload_hash=sigv4.EMPTY_PAYLOAD, now=now)
        try:
            connection, answer = await site.pool.exchange(head, (), bodyless=False, replayable=True)
        except FAILURES as failure:
            return translated(failure, asked.operation, asked.url, site.place)
        body = await _rest(connection, site.pool)
        if answer.status < _FIRST_ERROR_STATUS:
            return None
        return answers.error_of(asked.operation, asked.url, answer.status, answer.headers, body)

    def _asking(
        self, request: Request, refusal: _Refusal, *, has_moved: bool
    ) -> Callable[[], Awaitable[str | None]] | None:
        """Return what asks the bucket for its region; None where that would tell nothing new.

        Servers of others than Amazon answer 400 to a HEAD for many reasons, and most have one region. ``has_moved``
        says that this one has others.
        """
        is_silent = says_nothing(refusal.error) and not (has_moved or at_amazon(refusal.site.place.url))
        if request.operation == "HeadBucket" or is_silent:
            return None
        return lambda: self._ask_region(request.url, may_renew=not says_nothing(refusal.error))

    async def _ask_region(self, url: S3Url, *, may_renew: bool) -> str | None:
        """Ask the bucket for its region; ``may_renew`` credentials for that, where the refused request does not."""
        lessons = Lessons(None, are_over=not may_renew)
        answer = await self.send(requests.head_bucket(url.with_key("")), lessons=lessons)
        answer.let_go()
        return answer.head.headers.get("x-amz-bucket-region")


def _unsupported(request: Request, site: Site) -> errors.S3Error:
    message = f"{request.operation} {request.url}: this bucket needs signatures of the kind {site.algorithm}"
    return errors.UnsupportedError(message, path=str(request.url), operation=request.operation)


async def _rest(connection: Connection, pool: Pool) -> bytes:
    """Return the body of a refusal; one that is too long or breaks says nothing more than its head."""
    try:
        return await connection.read(LONGEST_ERROR)
    except FAILURES:
        return b""
    finally:
        pool.release(connection)


def translated(failure: Failure, operation: str, url: S3Url, place: Place) -> errors.S3Error:
    """Build the error for what went wrong on the way."""
    kind, explanation = _kind(failure)
    reason = str(failure).rstrip(".") or type(failure).__name__
    message = f"{operation} {url}: {explanation.format(origin=origin(place.url))} ({reason})"
    return kind(message, path=str(url), operation=operation)


def _kind(failure: Failure) -> tuple[type[errors.S3Error], str]:
    if isinstance(failure, (ssl.SSLError, ssl.CertificateError)):
        return errors.TLSError, "no trusted connection to {origin}"
    if isinstance(failure, BrokenBodyError):
        return errors.TruncatedBodyError, "the answer of {origin} broke off"
    if isinstance(failure, TimeoutError):
        return errors.RequestTimeoutError, "{origin} did not answer in connect_timeout and read_timeout"
    if isinstance(failure, ProtocolError):
        return errors.ServerError, "the answer of {origin} makes no sense"
    if isinstance(failure, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return errors.ConnectionFailedError, "the connection to {origin} broke"
    return errors.ConnectionFailedError, "no connection to {origin}; check the address, and that the server runs"
