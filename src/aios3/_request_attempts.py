"""The attempts of one operation: how often it is sent, by the session's policy; each is watched by the observer.

Every operation passes through one loop here, in one coroutine. The loop retries and watches. It also sends the first of
two requests where a slow one gets a second.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from aios3.errors import RequestError, S3Error, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._backend import ObjectBody
    from aios3._calls import OperationSender
    from aios3._engine.retry_policy import RetryPolicy
    from aios3._observe import Observer
    from aios3._operations import Operation

    Adapt = Callable[[Operation["T"], S3Error], Awaitable["T"]]

T = TypeVar("T")


class RequestAttempts:
    """Sends operations through ``backend`` as often as ``policy`` grants; ``observer`` watches every attempt."""

    def __init__(self, backend: OperationSender, policy: RetryPolicy, observer: Observer) -> None:
        self._backend = backend
        self._policy = policy
        self._observer = observer

    async def send(self, operation: Operation[T], adapt: Adapt[T] | None = None) -> T:
        """Send ``operation``, and after failures that allow it once more; a closing session ends that.

        What may have happened although its response was lost is sent once. An error that may be about what was asked
        for beside the operation goes to ``adapt(operation, error)``, which sends another form of it or raises.
        """
        policy = self._policy
        hedger = policy.hedger if operation.may_be_hedged else None
        if operation.outlives_closing and not operation.starts_while_closing:
            policy.calls.check()
        failures = 0
        try:
            with policy.calls.start(shielded=operation.outlives_closing):
                while True:
                    number = failures + 1
                    hedged = None if hedger is None else hedger.enter(partial(self._observed, operation, number))
                    attempt = self._observer.begin(operation, number)
                    try:
                        result = await self._backend.send(operation)
                    except BaseException as error:
                        attempt.failed(error)
                        if hedger is not None and hedged is not None and await hedger.rescued(hedged, _close):
                            result = hedged.result()
                            break
                        if not isinstance(error, S3Error) or not operation.idempotent:
                            raise
                        failures = number
                        pause = policy.next_delay(error, failures)
                    else:
                        attempt.done(result)
                        if hedger is not None and hedged is not None and not hedger.leave(hedged):
                            result = await hedger.choose(hedged, result, _close)
                        break
                    await asyncio.sleep(pause)
        except (UnsupportedError, RequestError) as error:
            if adapt is None:
                raise
            return await adapt(operation, error)
        policy.on_success(failures)
        return result

    async def _observed(self, operation: Operation[T], number: int) -> T:
        """Send a second request beside the ``number``-th attempt; it is watched by itself."""
        attempt = self._observer.begin(operation, number)
        try:
            result = await self._backend.send(operation)
        except BaseException as error:
            attempt.failed(error)
            raise
        attempt.done(result)
        return result


async def _close(body: object) -> None:
    """Close a body that is not taken: only requests for a body may get a second one."""
    cast("ObjectBody", body).close()
