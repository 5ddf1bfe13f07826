"""What happens after a request has failed: whether it is sent again, when, and what the failure says of the server.

One policy serves all requests of a session. Worth another attempt are failed connections, timeouts, answers 5xx and
requests to slow down (:func:`aios3.errors.worth_retrying`), after a pause that grows and is random, and not shorter
than what the server has asked for. Attempts are paid for from an account that successes fill: when a server fails for
everybody, thousands of tasks that each try five times would make it five times worse.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from aios3._engine.backoff import retry_delay
from aios3._engine.calls import Calls
from aios3._engine.hedging import Hedges
from aios3._engine.slots import Slots
from aios3.errors import RequestTimeoutError, ThrottledError, reworded, worth_retrying

if TYPE_CHECKING:
    from typing import NoReturn

    from aios3.errors import S3Error

RETRY_BUDGET = 500
"""What the account holds at most, and at the beginning: a hundred attempts beyond the first ones, in a row."""
_MANY = 10_000
_SERVER_ERRORS = 500
"""Statuses from here on are failures of the server; those below answer the request, also where they refuse it."""
_COST = 5
_COST_OF_TIMEOUT = 10
"""Somebody has waited for it, and the server has perhaps done the work."""
_LONGEST_REQUESTED_SECONDS = 30.0
"""A server that asks for more is asked again after so much: callers have deadlines of their own for more."""


class _Account:
    """What is left for attempts beyond the first ones."""

    def __init__(self) -> None:
        self.left: float = RETRY_BUDGET


class Policy:
    """The attempts of one session: ``max_attempts`` a request, and ``slots`` for what is in flight.

    ``hedging`` is which part of the requests may get a second one.
    """

    def __init__(self, max_attempts: int, slots: Slots | None = None, *, hedging: float = 0.0) -> None:
        self.max_attempts = max_attempts
        self.slots: Slots = slots or Slots(_MANY)
        self.calls: Calls = Calls()
        """What is under way."""
        self.hedges: Hedges | None = Hedges(hedging, self.slots) if hedging else None
        """The second requests for what is slow; None if there are to be none."""
        self._account = _Account()

    @property
    def budget(self) -> float:
        """What is left for attempts beyond the first ones."""
        return self._account.left

    @budget.setter
    def budget(self, left: float) -> None:
        self._account.left = left

    def with_attempts(self, max_attempts: int) -> Policy:
        """Return a policy with other attempts, which shares all else with this one: slots, hedges and account."""
        if max_attempts == self.max_attempts:
            return self
        other = copy.copy(self)
        other.max_attempts = max_attempts
        return other

    def succeeded(self, failures: int = 0) -> None:
        """Note that a request was answered, after ``failures``: what they cost is given back."""
        self.slots.answered()
        account = self._account
        if account.left < RETRY_BUDGET:
            account.left = min(account.left + max(1, failures * _COST), RETRY_BUDGET)

    def close(self) -> None:
        """Do nothing more by itself."""
        if self.hedges is not None:
            self.hedges.close()

    def pause(self, error: S3Error, failures: int, *, progress: bool = False) -> float:
        """Return how many seconds to wait before the next attempt, after ``failures`` in a row.

        Raises ``error`` if there is none. ``progress``: the attempt has brought something, and costs nothing.
        """
        if error.is_final:
            raise error
        if isinstance(error, ThrottledError):
            self.slots.refused()
        elif error.status is not None and error.status < _SERVER_ERRORS:
            self.slots.answered()
        if failures >= self.max_attempts or not worth_retrying(error):
            error.is_final = True
            raise error
        cost = 0 if progress else _COST_OF_TIMEOUT if isinstance(error, RequestTimeoutError) else _COST
        if cost > self.budget:
            _give_up(error)
        self.budget -= cost
        return max(retry_delay(failures), min(error.retry_after or 0.0, _LONGEST_REQUESTED_SECONDS))


def _give_up(error: S3Error) -> NoReturn:
    message = (
        f"{error.message}; it was not tried again, because so many requests of this session fail that the attempts "
        "would make it worse (see 'What is tried again' in the guide to errors)"
    )
    raise reworded(error, message) from error
