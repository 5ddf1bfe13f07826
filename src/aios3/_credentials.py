"""One copy of a profile's credentials: the current signer, and the time to ask their source for the next.

Requests of both transports, signed URLs and botocore's clients ask the same :class:`CredentialCache`. Before
credentials end, one task renews them while requests go on with the old ones. Until that end a failing source does not
disturb requests.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from aios3._config import Credentials
from aios3._logs import get_logger
from aios3._rejections import has_no_code, is_unexplained
from aios3._responses import is_expired_token
from aios3._secrets import scrub
from aios3._shared_call import SharedCall
from aios3.errors import (
    ClosedHandleError,
    ConfigError,
    CredentialsError,
    NoCredentialsError,
    S3Error,
    about_request,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from aios3._config import Config, CredentialSource

    Source = Callable[[str | None], Awaitable["Signer | None"]]
    """Gives credentials, or None if there are none. Its argument is the kind of those that it gave before, because a
    session keeps its identity."""

NO_CREDENTIALS = (
    "no credentials were found in credentials=, the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), the "
    "profile's files (~/.aws/credentials, ~/.aws/config), container and instance metadata; "
    "for a public bucket use credentials='anonymous'"
)

_ADVISORY_REFRESH_SECONDS = 900.0
"""How long before their end credentials are renewed while requests use the old ones, as in botocore; for short-lived
ones a quarter of their life."""
_MANDATORY_REFRESH_SECONDS = 30.0
"""How long before their end requests wait for new ones: a request takes a while to arrive. At most a twentieth of
their life."""
_MIN_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 60.0
"""Seconds for which a source that has failed is not asked again: a tenth of the time left, within these bounds."""
_UNCONFIRMED_SECONDS = 30.0
"""How long new credentials that were never accepted, and are rejected as well, are not replaced again."""
_CONFIRMED_SECONDS = 60.0
"""How long a token is not suspected again for a bare 403, after it was, and was found good."""

_MAYBE_EXPIRED_STATUSES = frozenset({400, 403})
"""Statuses with which a token's end is rejected: 400 as Amazon says, 403 where its key is forgotten."""
_TOKEN_CHECKED_STATUSES = range(400, 500)
"""Statuses of responses for which a server has looked at the token."""

_log = get_logger("aios3.credentials")


@dataclass(frozen=True, slots=True)
class Signer:
    """A signer of requests, and the kind of source that it comes from."""

    credentials: Credentials | None
    """None signs nothing."""
    kind: str
    """``anonymous``, ``argument``, ``callback``, or the ``METHOD`` of one of botocore's providers, such as
    ``iam-role``."""


@dataclass(frozen=True, slots=True)
class CredentialsInfo:
    """The details of the credentials in use that may be shown."""

    kind: str
    """See :attr:`Signer.kind`."""
    expires_at: datetime | None


class RefreshStep(Enum):
    """The step of a request that needs credentials."""

    USE = "use"
    """Sign with those at hand."""
    REFRESH = "renew"
    """Sign with those at hand, and have the source asked meanwhile."""
    WAIT = "wait"
    """Wait until the source has responded."""
    FAIL = "fail"
    """Raise the source's last failure: it is too early to ask again."""


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when credentials are good, in seconds since the epoch."""

    not_before: float
    expires_at: float

    @property
    def advisory_refresh_at(self) -> float:
        """The moment from which they are renewed."""
        return self.expires_at - min(_ADVISORY_REFRESH_SECONDS, (self.expires_at - self.not_before) / 4)

    @property
    def mandatory_refresh_at(self) -> float:
        """The moment from which requests wait for new ones."""
        return self.expires_at - min(_MANDATORY_REFRESH_SECONDS, (self.expires_at - self.not_before) / 20)


def decide(
    now: float, validity: Validity | None, failed_at: float | None, *, refreshing: bool
) -> tuple[RefreshStep, float]:
    """Say what to do at ``now``, and until when that stays so if nothing happens.

    ``validity`` is that of the credentials at hand, None without any; ``failed_at`` when the source last failed;
    ``refreshing`` whether it is being asked.
    """
    remaining_seconds = 0.0 if validity is None else validity.expires_at - now
    pause_ends = -math.inf
    if failed_at is not None and failed_at <= now:  # a failure in the future was before the clock was set back
        pause_ends = failed_at + min(max(_MIN_PAUSE_SECONDS, remaining_seconds / 10), _MAX_PAUSE_SECONDS)
    is_pause = now < pause_ends
    if validity is None or remaining_seconds <= 0:
        return (RefreshStep.FAIL, pause_ends) if is_pause and not refreshing else (RefreshStep.WAIT, now)
    if now < validity.advisory_refresh_at:
        return RefreshStep.USE, validity.advisory_refresh_at
    if now < validity.mandatory_refresh_at:
        if refreshing or is_pause:
            return RefreshStep.USE, validity.mandatory_refresh_at if refreshing else min(
                pause_ends, validity.mandatory_refresh_at
            )
        return RefreshStep.REFRESH, validity.mandatory_refresh_at
    return (
        (RefreshStep.USE, min(pause_ends, validity.expires_at))
        if is_pause and not refreshing
        else (RefreshStep.WAIT, now)
    )


class CredentialCache:
    """The credentials of one profile. Without a ``source`` they are those of ``signer`` for ever.

    It belongs to one event loop. Many may ask at once: the source is asked once for all of them, in a task that no
    cancelled caller takes with it. The ``clock`` returns the seconds since the epoch.
    """

    def __init__(
        self, source: Source | None, signer: Signer | None = None, *, clock: Callable[[], float] | None = None
    ) -> None:
        self._source = source
        self._signer = signer
        self._clock = clock or time.time
        self._life: Validity | None = None if signer is None else Validity(-math.inf, math.inf)
        self._good_until = -math.inf if signer is None else math.inf
        self._failure: S3Error | None = None
        self._failed_at: float | None = None
        self._refreshing: asyncio.Task[S3Error | None] | None = None
        self._confirmed_until = -math.inf
        self._probing: SharedCall[S3Error | None] = SharedCall()
        self._closed = False
        self.unconfirmed: Credentials | None = None
        """Credentials that have replaced rejected ones, and that no server has accepted yet."""
        self._renewed_at = -math.inf
        self._rejected: Credentials | None = None

    def describe(self) -> CredentialsInfo | None:
        """Return what may be shown of the credentials at hand; None if none were asked for yet."""
        if self._signer is None:
            return None
        keys = self._signer.credentials
        return CredentialsInfo(self._signer.kind, None if keys is None else keys.expires_at)

    def cached(self) -> Signer | None:
        """Return who signs now, if nothing need be asked or decided for that; else :meth:`get` is to be awaited."""
        return self._signer if self._clock() < self._good_until else None

    async def get(self) -> Signer:
        """Return who signs now.

        Raises CredentialsError if the source fails and those at hand have ended, NoCredentialsError if there are none.
        """
        while True:
            step, until = decide(self._clock(), self._life, self._failed_at, refreshing=self._is_refreshing())
            if step is RefreshStep.REFRESH:
                self._start_refresh()
            if step is RefreshStep.USE or step is RefreshStep.REFRESH:
                self._good_until = until
                assert self._signer is not None
                return self._signer
            failure = self._failure if step is RefreshStep.FAIL else await self._refresh()
            if failure is not None and not self._is_good():
                raise _copy_of(failure)

    async def refresh(self, rejected: Credentials | None) -> bool:
        """Ask for other credentials than those that a server has ``rejected``; return whether there are some.

        Raises CredentialsError if the source fails.
        """
        if self._source is None or rejected is None:
            return False
        if self._signer is None or self.has_replaced(rejected):
            return True
        if self.unconfirmed == rejected and self._clock() < self._renewed_at + _UNCONFIRMED_SECONDS:
            return False
        self._life, self._good_until = None, -math.inf  # no request signs with them while the source may have others
        failure = await self._refresh_rejected(rejected)
        if failure is not None:
            raise _copy_of(failure)
        self.unconfirmed, self._renewed_at = self._signer.credentials, self._clock()
        return self.unconfirmed != rejected

    async def _refresh_rejected(self, rejected: Credentials) -> S3Error | None:
        """Have the source asked after ``rejected`` were rejected: what it was asked before may bring the same."""
        if self._is_refreshing() and self._rejected != rejected:
            await self._refresh()
            if self.has_replaced(rejected):
                return None
        step, _ = decide(self._clock(), None, self._failed_at, refreshing=self._is_refreshing())
        if step is RefreshStep.FAIL:
            return self._failure
        refreshing = self._start_refresh()
        self._rejected = rejected
        return await self._outcome(refreshing)

    def note_accepted(self, used: Credentials | None) -> None:
        """Note that a server has accepted these."""
        if used == self.unconfirmed:
            self.unconfirmed = None

    def note_valid(self, used: Credentials | None) -> None:
        """Note that a server was asked about these after a bare rejection, and has found them good."""
        self.note_accepted(used)
        if self._signer is not None and self._signer.credentials == used:
            self._confirmed_until = self._clock() + _CONFIRMED_SECONDS

    async def probe(self, ask: Callable[[], Awaitable[S3Error | None]]) -> S3Error | None:
        """Return what ``ask()`` says of the credentials at hand; those who are in doubt at once share the response."""
        return await self._probing.result(ask)

    def has_replaced(self, used: Credentials) -> bool:
        """Return whether other credentials than these are at hand now."""
        return self._signer is not None and self._signer.credentials != used

    @property
    def is_renewable(self) -> bool:
        """Return whether there is a source to ask."""
        return self._source is not None

    @property
    def is_recently_confirmed(self) -> bool:
        """Return whether a server was just asked about the credentials at hand, and found nothing wrong with them."""
        return self._clock() < self._confirmed_until

    def _is_refreshing(self) -> bool:
        return self._refreshing is not None and not self._refreshing.done()

    def _is_good(self) -> bool:
        return self._life is not None and self._clock() < self._life.expires_at

    def _start_refresh(self) -> asyncio.Task[S3Error | None]:
        self._check_open()
        if self._refreshing is None or self._refreshing.done():
            self._rejected = None
            self._refreshing = asyncio.create_task(self._load(), name="aios3 ask for credentials")
        return self._refreshing

    async def _refresh(self) -> S3Error | None:
        """Ask the source, or wait for a task that does already; return its error, None if it succeeded."""
        return await self._outcome(self._start_refresh())

    async def _outcome(self, refreshing: asyncio.Task[S3Error | None]) -> S3Error | None:
        await asyncio.wait([refreshing])
        if not refreshing.cancelled():
            return refreshing.result()
        self._check_open()
        return None

    async def _load(self) -> S3Error | None:
        assert self._source is not None
        before = self._signer
        try:
            signer = await self._source(None if before is None else before.kind)
            if signer is None:
                raise _no_credentials_error(before)
            validity = _life_of(signer, self._clock())
        except S3Error as error:
            self._record_failure(error)
            return error
        self._signer, self._life = signer, validity
        self._failure = self._failed_at = None
        self._good_until = self._confirmed_until = -math.inf
        return None

    def _record_failure(self, failure: S3Error) -> None:
        self._failure, self._failed_at = failure, self._clock()
        self._good_until = -math.inf
        if self._is_good():
            _log.warning("Credentials could not be renewed; those at hand are used until their end: %s", failure)

    def _check_open(self) -> None:
        if self._closed:
            message = "This session is closed; make a new one"
            raise ClosedHandleError(message)

    async def aclose(self) -> None:
        """Stop asking. Safe to repeat."""
        self._closed = True
        if self._refreshing is not None and not self._refreshing.done():
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])


def credential_cache_of(config: Config, chain: Source) -> CredentialCache:
    """Return the credential cache of the credentials that ``config`` says.

    ``chain`` is asked where it leaves them open.
    """
    credentials = config.credentials
    if credentials is None:
        return CredentialCache(chain)
    if isinstance(credentials, Credentials):
        return CredentialCache(None, Signer(credentials, "argument"))
    return (
        CredentialCache(None, Signer(None, "anonymous"))
        if credentials == "anonymous"
        else CredentialCache(_from_function(credentials))
    )


def _from_function(function: CredentialSource) -> Source:
    async def ask(_kind: str | None) -> Signer:
        return Signer(await call_source(function), "callback")

    return ask


async def call_source(source: CredentialSource) -> Credentials:
    """Ask ``source`` for credentials; one that is not async runs in a thread, because it may block.

    Raises CredentialsError if it fails, ConfigError if it returns something else.
    """
    try:
        response = source() if inspect.iscoroutinefunction(source) else await asyncio.to_thread(source)
        credentials = await response if inspect.isawaitable(response) else response
    except (CredentialsError, ConfigError):
        raise
    except Exception as error:  # also one of S3's own: an object that the function misses is not the caller's
        scrub(error)
        message = f"The function given as credentials= failed: {type(error).__name__}: {error}"
        raise CredentialsError(message) from error
    if not isinstance(credentials, Credentials):
        message = f"The function given as credentials= must return Credentials, not {type(credentials).__name__}"
        raise ConfigError(message)
    return credentials


def _life_of(signer: Signer, now: float) -> Validity:
    ends = None if signer.credentials is None else signer.credentials.expires_at
    if ends is None:
        return Validity(-math.inf, math.inf)
    if ends.timestamp() > now:
        return Validity(now, ends.timestamp())
    message = f"The source of credentials ({signer.kind}) has given some that expired at {ends}"
    raise CredentialsError(message)


def _no_credentials_error(before: Signer | None) -> CredentialsError:
    if before is None:
        return NoCredentialsError(NO_CREDENTIALS)
    return CredentialsError(f"the source of credentials ({before.kind}) gives none any more")


def _copy_of(failure: S3Error) -> S3Error:
    """Return a failure for one more caller: an error that several raise would gather all their tracebacks."""
    copy = type(failure)(failure.message, path=failure.path, operation=failure.operation, code=failure.code)
    copy.__cause__ = failure.__cause__
    return copy


@contextmanager
def error_context(operation: str, path: str) -> Iterator[None]:
    """Add ``operation`` and ``path`` to an error of a source, which does not know the request."""
    try:
        yield
    except (CredentialsError, ConfigError) as error:
        if error.path is not None or not error.args:
            raise
        raise about_request(error, operation, path) from error.__cause__


async def refresh_after(
    credential_cache: CredentialCache,
    used: Credentials | None,
    rejection: S3Error,
    ask: Callable[[], Awaitable[S3Error | None]],
) -> bool:
    """Renew credentials that ``rejection`` says have ended; return whether other credentials may be accepted.

    The response to a HEAD says nothing. Then ``ask()`` sends a request whose response has a code, and returns
    its error, None if it was accepted.
    """
    if used is None or not credential_cache.is_renewable:
        return False
    is_temporary = used.session_token is not None or used.expires_at is not None
    if has_no_code(rejection) and rejection.status in _MAYBE_EXPIRED_STATUSES:
        is_doubted = is_temporary and (is_unexplained(rejection) or not credential_cache.is_recently_confirmed)
        return credential_cache.has_replaced(used) or (
            is_doubted and await _refresh_after_probe(credential_cache, used, ask)
        )
    if is_expired_token(rejection.code, temporary=is_temporary):
        return await credential_cache.refresh(used)
    if rejection.status in _TOKEN_CHECKED_STATUSES:
        credential_cache.note_accepted(used)
    return False


async def _refresh_after_probe(
    credential_cache: CredentialCache, used: Credentials, ask: Callable[[], Awaitable[S3Error | None]]
) -> bool:
    """Renew temporary credentials if the server now says that they have ended.

    Its earlier responses prove nothing, because a token may have ended since. So 400 is checked each time, once for all
    waiters. A 403 most often means what it says, as for a missing key where keys may not be listed. It is checked once
    a minute.
    """
    rejection = await credential_cache.probe(ask)
    if credential_cache.has_replaced(used):
        return True  # and what it says may be about the others
    if rejection is not None and is_expired_token(rejection.code, temporary=True):
        return await credential_cache.refresh(used)
    if rejection is None or rejection.status in _TOKEN_CHECKED_STATUSES:
        credential_cache.note_valid(used)
    return False
