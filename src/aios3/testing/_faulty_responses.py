"""The responses that a fault server makes up itself: which fault is which, and how it looks on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aios3.testing.faults import ErrorIn200, ExpiredToken, InternalError, Respond, SlowDown, WrongRegion

if TYPE_CHECKING:
    from aios3.testing.faults import Fault

_MOVED = 301


def response_of(fault: Fault | None) -> Respond | None:  # noqa: PLR0911 - one line a fault
    """Return what a fault has the server say instead of passing the request on; None for other faults."""
    match fault:
        case Respond():
            return fault
        case SlowDown(retry_after):
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            return Respond(503, "SlowDown", "Please reduce your request rate.", headers)
        case InternalError():
            return Respond(500, "InternalError", "We encountered an internal error. Please try again.")
        case ErrorIn200(code):
            return Respond(200, code, "We encountered an internal error. Please try again.")
        case ExpiredToken():
            return Respond(400, "ExpiredToken", "The provided token has expired.")
        case WrongRegion(region, status):
            return _moved(region, status)
        case _:
            return None


def _moved(region: str, status: int) -> Respond:
    headers = {"x-amz-bucket-region": region}
    if status == _MOVED:
        return Respond(
            status, "PermanentRedirect", "The bucket must be addressed using the specified endpoint.", headers
        )
    message = f"The authorization header is malformed; the region is wrong; expecting '{region}'"
    return Respond(status, "AuthorizationHeaderMalformed", message, headers)


def render_response(response: Respond, *, with_body: bool, close: bool) -> bytes:
    """Write a response as S3 does; the response to a HEAD has no body."""
    region = response.headers.get("x-amz-bucket-region", "")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(response.code)}</Code><Message>{escape(response.message)}</Message>"
        f"{f'<Region>{escape(region)}</Region>' if region else ''}"
        "<RequestId>FAULT0000000000</RequestId><HostId>fault</HostId></Error>"
    ).encode()
    headers = {
        "x-amz-request-id": "FAULT0000000000",
        "Content-Type": "application/xml",
        "Content-Length": str(len(body)),
        **({"Connection": "close"} if close else {}),
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status} Fault", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body if with_body else b"")
