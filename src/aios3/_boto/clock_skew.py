"""Signs by the servers' clock in botocore, which knows only this machine's. See :mod:`aios3._clock`."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._clock import Clock
    from aios3.errors import S3Error

signed_at: ContextVar[float] = ContextVar("aios3 time of botocore's last signature", default=0.0)
"""When the running task's last request was signed, by the servers' clock, in seconds since the epoch."""


def sign_by(client: Any, clock: Clock) -> None:  # noqa: ANN401 - botocore has no types
    """Have ``client`` sign requests and URLs with the time of ``clock``."""
    signer = client._request_signer  # noqa: SLF001 - botocore offers no other
    make = signer.get_auth_instance

    async def get_auth_instance(**options: Any) -> Any:  # noqa: ANN401 - passed on
        auth = _in_python(await make(**options), options.get("signature_version"))
        signed_at.set(clock.now())
        return _by(clock, auth) if clock.clock_skew else auth

    signer.get_auth_instance = get_auth_instance


def _in_python(auth: Any, signature_version: object) -> Any:  # noqa: ANN401 - botocore has no types
    """Return a signer that does the same without ``awscrt``.

    awscrt takes no other time than this machine's. It reads a body by a callback, and ``PyErr_Print`` gets an exception
    in there. So a signal handler that raises SystemExit would end the process before an upload is aborted.
    """
    if not type(auth).__module__.startswith("botocore.crt"):
        return auth
    from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth  # noqa: PLC0415 - slow to import

    who = auth.credentials, auth._service_name, auth._region_name  # noqa: SLF001 - botocore offers no other
    if signature_version == "s3v4":
        return S3SigV4Auth(*who)
    if signature_version == "s3v4-query":
        return S3SigV4QueryAuth(*who, expires=auth._expiration_in_seconds)  # noqa: SLF001 - botocore offers no other
    return auth


def _by(clock: Clock, auth: Any) -> Any:  # noqa: ANN401 - botocore has no types
    """Have ``auth`` replace the time that it notes, before it uses that: for a form in ``scope``."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.now()))

    def after_the_note(method: Callable[..., Any]) -> Callable[..., Any]:
        def replaced(request: Any) -> Any:  # noqa: ANN401 - botocore has no types
            request.context["timestamp"] = stamp
            return method(request)

        return replaced

    for name in ("_modify_request_before_signing", "scope"):
        method = getattr(auth, name, None)
        if method is not None:
            setattr(auth, name, after_the_note(method))
    return auth


def date_of(error: S3Error) -> str | None:
    """Return the header ``Date`` of the response that ``error`` was made of."""
    response: Any = getattr(error.__cause__, "response", None) or {}
    date: str | None = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return date
