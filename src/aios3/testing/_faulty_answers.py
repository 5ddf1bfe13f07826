"""The answers that a fault server makes up itself: which fault is which, and how it looks on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aios3.testing.faults import Answer, ErrorIn200, ExpiredToken, InternalError, SlowDown, WrongRegion

if TYPE_CHECKING:
    from aios3.testing.faults import Fault

_MOVED = 301


def answer_to(fault: Fault | None) -> Answer | None:  # noqa: PLR0911 - one line a fault
    """Return what a fault has the server say instead of passing the request on; None for other faults."""
    match fault:
        case Answer():
            return fault
        case SlowDown(retry_after):
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            return Answer(503, "SlowDown", "Please reduce your request rate.", headers)
        case InternalError():
            return Answer(500, "InternalError", "We encountered an internal error. Please try again.")
        case ErrorIn200(code):
            return Answer(200, code, "We encountered an internal error. Please try again.")
        case ExpiredToken():
            return Answer(400, "ExpiredToken", "The provided token has expired.")
        case WrongRegion(region, status):
            return _moved(region, status)
        case _:
            return None


def _moved(region: str, status: int) -> Answer:
    headers = {"x-amz-bucket-region": region}
    if status == _MOVED:
        return Answer(
            status, "PermanentRedirect", "The bucket must be addressed using the specified endpoint.", headers
        )
    message = f"The authorization header is malformed; the region is wrong; expecting '{region}'"
    return Answer(status, "AuthorizationHeaderMalformed", message, headers)


def rendered(answer: Answer, *, with_body: bool, close: bool) -> bytes:
    """Write an answer as S3 does; the answer to a HEAD has no body."""
    region = answer.headers.get("x-amz-bucket-region", "")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(answer.code)}</Code><Message>{escape(answer.message)}</Message>"
        f"{f'<Region>{escape(region)}</Region>' if region else ''}"
        "<RequestId>FAULT0000000000</RequestId><HostId>fault</HostId></Error>"
    ).encode()
    headers = {
        "x-amz-request-id": "FAULT0000000000",
        "Content-Type": "application/xml",
        "Content-Length": str(len(body)),
        **({"Connection": "close"} if close else {}),
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status} Fault", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body if with_body else b"")
