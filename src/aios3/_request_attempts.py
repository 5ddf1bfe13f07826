"""The attempts of one call: how often it is sent, by the session's policy; each is watched by the observer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from aios3._observe import operation_of
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from aios3._engine.retry_policy import RetryPolicy
    from aios3._observe import Observer

P = ParamSpec("P")
T = TypeVar("T")


class RequestAttempts:
    """Sends calls of a backend as often as ``policy`` grants; ``observer`` watches every attempt."""

    def __init__(self, policy: RetryPolicy, observer: Observer) -> None:
        self._policy = policy
        self._observer = observer

    # What every request passes through is no coroutine where it only makes one: each costs half a microsecond.

    def send(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> Coroutine[None, None, T]:
        """Await ``call(*args, **kwargs)``, and after failures that allow it once more."""
        operation, send = operation_of(call, args), partial(call, *args, **kwargs)
        return self.with_retries(lambda number: self.observed(operation, number, args, send))

    def send_shielded(
        self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[None, None, T]:
        """Await like :meth:`send` what a closing session does not stop: only its response says what to undo."""
        operation, send = operation_of(call, args), partial(call, *args, **kwargs)
        return self.with_retries(lambda number: self.observed(operation, number, args, send), shielded=True)

    def once_shielded(
        self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[None, None, T]:
        """Await ``call(*args, **kwargs)`` once; a closing session does not stop it."""
        return self._once(operation_of(call, args), args, partial(call, *args, **kwargs), shielded=True)

    def once(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> Coroutine[None, None, T]:
        """Await ``call(*args, **kwargs)`` once; a closing session stops it."""
        return self._once(operation_of(call, args), args, partial(call, *args, **kwargs), shielded=False)

    async def _once(
        self, operation: str | None, args: Sequence[object], send: Callable[[], Awaitable[T]], *, shielded: bool
    ) -> T:
        calls = self._policy.calls
        under_way = calls.start(shielded=shielded)
        try:
            response = await self.observed(operation, 1, args, send)
        except asyncio.CancelledError as error:
            raise calls.translate_cancellation(under_way, error) from None
        finally:
            calls.end(under_way)
        self._policy.on_success()
        return response

    async def with_retries(self, send: Callable[[int], Awaitable[T]], *, shielded: bool = False) -> T:
        """Await ``send(1)``, and after failures that allow it ``send(2)`` and so on; a closing session ends that."""
        calls = self._policy.calls
        under_way = calls.start(shielded=shielded)
        failures = 0
        try:
            while True:
                try:
                    response = await send(failures + 1)
                except S3Error as error:
                    failures += 1
                    pause = self._policy.next_delay(error, failures)
                else:
                    self._policy.on_success(failures)
                    return response
                await asyncio.sleep(pause)
        except asyncio.CancelledError as error:
            raise calls.translate_cancellation(under_way, error) from None
        finally:
            calls.end(under_way)

    async def observed(
        self, operation: str | None, number: int, args: Sequence[object], send: Callable[[], Awaitable[T]]
    ) -> T:
        """Await ``send()``, the ``number``-th attempt of a call; watched, if an ``operation`` of S3 is sent."""
        if operation is None:
            return await send()
        attempt = self._observer.begin(operation, number, args)
        try:
            result = await send()
        except BaseException as error:
            attempt.failed(error)
            raise
        attempt.done(result)
        return result
