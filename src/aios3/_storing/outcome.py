"""Finds out whether a write whose response was lost has succeeded, and whether an object is this write's or another's.

A response is lost where the server may have done the request. That is so if the connection broke, if nothing came in
time, or if the response is not S3's. An internal error of S3's own (500) counts as well, also in a response of success.
Its other rejections are certain, also 503: nothing was stored.

After a lost response the request is sent again, because that settles most cases by itself. The object is looked at
where it does not: when the repeated request is rejected, or attempts are over. It is this write's if it has the same
bytes (by checksum or ETag) and metadata. It must also be as new as the first attempt, by the server's own clock. It
cannot be distinguished from an object with the same bytes and metadata that another client wrote in the same seconds.

Uploads have something better than that: an upload that S3 does not know any more has been completed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aios3._backend import UNCONDITIONAL, GetOptions
from aios3._md5 import md5_hex, multipart_etag
from aios3._responses import unquote_etag
from aios3._threads import in_thread
from aios3.errors import (
    AccessDeniedError,
    ConnectionFailedError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    RequestTimeoutError,
    S3Error,
    ServerError,
    TLSError,
    UnsupportedError,
    worth_retrying,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aios3._backend import Checksum, Part, Precondition
    from aios3._engine.retry_policy import RetryPolicy
    from aios3._entries import StatResult, WriteResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

    Attempt = Callable[[Precondition], Awaitable[WriteResult]]
    Lookup = Callable[[S3Error], Awaitable[WriteResult | None]]

_MD5_HEX_DIGITS = 32
_LOOK = "HeadObject"
_SERVER_ERRORS_FROM = 500
_INTERNAL_ERRORS = (500, 502, 504)
"""The server, or what it stands on, failed while it worked on a request, at an unknown moment."""
_CONFLICTS = (409, 412)
_ROUNDING_SECONDS = 2.0
"""HTTP's dates are whole seconds, each rounded."""


def may_have_succeeded(error: S3Error) -> bool:
    """Return whether the server may have done what the request asked, in spite of this error."""
    if isinstance(error, TLSError):
        return False
    if error.status is None:
        return isinstance(error, (ConnectionFailedError, RequestTimeoutError, ServerError))
    # Without a code of S3's, a server between client and S3 has responded.
    is_from_between = error.status >= _SERVER_ERRORS_FROM and error.code in (None, str(error.status))
    return is_from_between or error.status in _INTERNAL_ERRORS


async def retry_unless_stored(
    policy: RetryPolicy,
    attempt: Callable[[], Awaitable[WriteResult]],
    lookup: Lookup,
    *,
    lookup_is_reliable: bool = False,
) -> WriteResult:
    """Repeat a write that must not happen twice, as often as the policy says.

    ``lookup(error)`` says what was stored after all, if ``error`` is the last word and a response was lost before.
    ``lookup_is_reliable``: it can also be asked after rejections that seemed certain, because what it looks at cannot
    mislead.
    """
    failures, response_lost = 0, False
    while True:
        try:
            return await attempt()
        except S3Error as error:
            if error.operation == _LOOK and not response_lost:
                raise  # the look has had its own attempts, and nothing was written
            response_lost = (
                response_lost
                or may_have_succeeded(error)
                or (lookup_is_reliable and failures > 0 and not worth_retrying(error))
            )
            failures += 1
            try:
                pause = policy.next_delay(error, failures)
            except S3Error:
                result = await lookup(error) if response_lost else None
                if result is None:
                    raise
                return result
        await asyncio.sleep(pause)


async def with_precondition(session: Session, plan: WritePlan, attempt: Attempt) -> WriteResult:
    """Send ``attempt`` under the condition of ``plan``; say what its rejection means in the words of its mode."""
    url, condition = plan.url, plan.condition
    try:
        return await attempt(condition)
    except ObjectChangedError as error:
        if plan.mode != "xb" or error.status not in _CONFLICTS:
            raise
        message = f"{url} was created by somebody else meanwhile; mode 'x' replaces nothing"
        raise ObjectExistsError(message, path=str(url), code=error.code, status=error.status) from error
    except ObjectExistsError as error:
        if not plan.expects_unchanged:
            raise
        raise _created_error(url, error) from error
    except UnsupportedError:
        if not (plan.expects_unchanged or plan.check_with_head) or condition == UNCONDITIONAL:
            raise
        await _check_precondition(session, plan)
        return await attempt(UNCONDITIONAL)


def with_checks(
    session: Session, plan: WritePlan, attempt: Attempt, *, head_first: bool
) -> Callable[[], Awaitable[WriteResult]]:
    """Return what sends ``attempt`` under the condition of ``plan``, and looks before it does so again.

    Servers other than Amazon's may ignore a condition. ``head_first``: look before the first attempt as well.
    Where a policy forbids to look, the server alone decides.
    """
    attempts = 0

    async def send() -> WriteResult:
        nonlocal attempts
        attempts += 1
        if (attempts > 1 or head_first) and plan.condition != UNCONDITIONAL:
            backend = await session.backend(plan.url)
            if not backend.is_aws:
                with contextlib.suppress(AccessDeniedError):
                    await _check_precondition(session, plan)
        return await with_precondition(session, plan, attempt)

    return send


async def _check_precondition(session: Session, plan: WritePlan) -> None:
    """Compare here what this server cannot compare: whether the object that is there is still the expected one."""
    url, backend = plan.url, await session.backend(plan.url)
    try:
        etag = (await backend.head_object(url, GetOptions(sse_customer_key=plan.options.sse_customer_key))).etag
    except FileNotFoundError:
        etag = None
    if etag == unquote_etag(plan.condition.if_match):
        return
    if etag is None and not plan.expects_unchanged:
        message = f"There is no object at {str(url)!r} to be replaced; nothing was written"
        raise ObjectNotFoundError(message, path=str(url))
    if plan.expects_unchanged and plan.condition.if_absent:
        raise _created_error(url)
    if not plan.condition.if_absent:
        what = "it was being appended to" if plan.mode == "ab" else "it was being replaced"
        message = f"{url} changed while {what}; nothing was written"
        raise ObjectChangedError(message, path=str(url))
    message = f"{url} was created by somebody else meanwhile; nothing was written"
    raise ObjectExistsError(message, path=str(url))


def _created_error(url: S3Url, rejection: S3Error | None = None) -> ObjectChangedError:
    """Build the error for an object that was not there when the file was opened; ``rejection`` is what S3 said."""
    message = f"{url} was created by somebody else meanwhile; open it again to go on with that"
    code, status = (None, None) if rejection is None else (rejection.code, rejection.status)
    return ObjectChangedError(message, path=str(url), code=code, status=status)


async def head_or_none_on_error(session: Session, plan: WritePlan) -> StatResult | None:
    """Describe the object that is there now; None also where that cannot be found out."""
    backend = await session.backend(plan.url)
    try:
        return await backend.head_object(plan.url, GetOptions(sse_customer_key=plan.options.sse_customer_key))
    except S3Error:
        return None  # it stays unknown; the first error is raised


def is_recent(stat: StatResult, elapsed: float) -> bool:
    """Return whether an object is at most ``elapsed`` seconds old by the server's clock; True if that is unknown."""
    return not stat.as_of or not stat.mtime or stat.as_of - stat.mtime <= elapsed + _ROUNDING_SECONDS


def has_metadata(stat: StatResult, metadata: Mapping[str, str]) -> bool:
    """Return whether an object has these metadata, as far as servers give back what they were given."""
    return _comparable(stat.metadata) == _comparable(metadata)


def _comparable(metadata: Mapping[str, str]) -> dict[str, str]:
    """Servers may change the case of names, ``_`` to ``-``, and blanks, and how a text is written that is not ASCII."""
    return {
        name.lower().replace("_", "-"): "" if not value.isascii() or value.startswith("=?") else " ".join(value.split())
        for name, value in metadata.items()
    }


async def has_bytes(stat: StatResult, chunks: Sequence[bytes | memoryview], checksum: Checksum | None) -> bool:
    """Return whether an object has these bytes: by the checksum that was sent with them, else by its ETag."""
    if stat.size != sum(map(len, chunks)):
        return False
    stored_checksum = stat.checksums.get(checksum.algorithm) if checksum is not None else None
    if checksum is not None and stored_checksum is not None:
        return stored_checksum == checksum.value
    return stat.etag is not None and stat.etag == await in_thread(md5_hex, chunks)


def etag_of_parts(parts: Sequence[Part]) -> str | None:
    """Return the ETag that S3 gives to an object of ``parts``; None if a part's own ETag is not an MD5."""
    if any(len(part.etag) != _MD5_HEX_DIGITS for part in parts):
        return None
    return multipart_etag(bytes.fromhex(part.etag) for part in parts)
