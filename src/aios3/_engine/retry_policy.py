"""Decides after a failed request whether and when it is sent again, and what the failure says about the server.

One policy serves all requests of a session. Failed connections, timeouts, responses with 5xx and requests to slow down
are retried (:func:`aios3.errors.worth_retrying`). The pause before grows, is random, and is not shorter than the server
has asked for. Retries draw from a quota that successes refill. When a server fails every request, thousands of tasks
that each try five times would make it five times worse.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from aios3._engine.active_calls import ActiveCalls
from aios3._engine.backoff import retry_delay
from aios3._engine.hedging import Hedger
from aios3._engine.limiter import AdaptiveLimiter
from aios3._engine.token_bucket import TokenBucket
from aios3.errors import RequestTimeoutError, ThrottledError, reworded, worth_retrying

if TYPE_CHECKING:
    from typing import NoReturn

    from aios3.errors import S3Error

RETRY_QUOTA = 500
"""The quota of a session, in units of botocore's RetryQuotaChecker: a hundred retries in a row."""
_UNLIMITED = 10_000
_SERVER_ERRORS = 500
"""Statuses from here on are failures of the server; those below are responses to the request, rejections among them."""
_RETRY_COST = 5
_TIMEOUT_RETRY_COST = 10
"""A caller has waited for it, and the server has perhaps done the work."""
_MAX_RETRY_AFTER_SECONDS = 30.0
"""A server that asks for more is asked again after so much: callers have deadlines of their own for more."""


class _RetryQuota:
    """The tokens left for retries."""

    def __init__(self) -> None:
        self.tokens: float = RETRY_QUOTA


class RetryPolicy:
    """The attempts of one session: ``max_attempts`` a request, and ``limiter`` for what is in flight.

    ``hedging`` is which part of the requests may get a second one: none where ``max_bytes_per_second`` makes them slow.
    """

    def __init__(
        self,
        max_attempts: int,
        limiter: AdaptiveLimiter | None = None,
        *,
        hedging: float = 0.0,
        max_bytes_per_second: int | None = None,
    ) -> None:
        self.max_attempts = max_attempts
        self.limiter: AdaptiveLimiter = limiter or AdaptiveLimiter(_UNLIMITED)
        self.calls: ActiveCalls = ActiveCalls()
        """The calls that are running."""
        self.token_bucket: TokenBucket | None = TokenBucket(max_bytes_per_second) if max_bytes_per_second else None
        """The rate of all bodies; None without a limit."""
        self.hedger: Hedger | None = Hedger(hedging, self.limiter) if hedging and not self.token_bucket else None
        """The second requests for what is slow; None if there are to be none."""
        self._quota = _RetryQuota()

    @property
    def quota(self) -> float:
        """The tokens left for retries."""
        return self._quota.tokens

    @quota.setter
    def quota(self, tokens: float) -> None:
        self._quota.tokens = tokens

    def with_attempts(self, max_attempts: int) -> RetryPolicy:
        """Return a policy with other attempts, which shares all else with this one: limiter, hedger and quota."""
        if max_attempts == self.max_attempts:
            return self
        other = copy.copy(self)
        other.max_attempts = max_attempts
        return other

    def on_success(self, failures: int = 0) -> None:
        """Note a response after ``failures``: what they cost is given back."""
        self.limiter.on_success()
        quota = self._quota
        if quota.tokens < RETRY_QUOTA:
            quota.tokens = min(quota.tokens + max(1, failures * _RETRY_COST), RETRY_QUOTA)

    def close(self) -> None:
        """Cancel the hedging timer."""
        if self.hedger is not None:
            self.hedger.close()

    def next_delay(self, error: S3Error, failures: int, *, progress: bool = False) -> float:
        """Return how many seconds to wait before the next attempt, after ``failures`` in a row.

        Raises ``error`` if there is none. ``progress``: the attempt has brought something, and costs nothing.
        """
        if error.is_final:
            raise error
        if isinstance(error, ThrottledError):
            self.limiter.on_throttled()
        elif error.status is not None and error.status < _SERVER_ERRORS:
            self.limiter.on_success()
        if failures >= self.max_attempts or not worth_retrying(error):
            error.is_final = True
            raise error
        cost = 0 if progress else _TIMEOUT_RETRY_COST if isinstance(error, RequestTimeoutError) else _RETRY_COST
        if cost > self.quota:
            _raise_out_of_quota(error)
        self.quota -= cost
        return max(retry_delay(failures), min(error.retry_after or 0.0, _MAX_RETRY_AFTER_SECONDS))


def _raise_out_of_quota(error: S3Error) -> NoReturn:
    message = (
        f"{error.message}; it was not tried again, because so many requests of this session fail that the attempts "
        "would make it worse (see 'What is tried again' in the guide to errors)"
    )
    raise reworded(error, message) from error
