"""Faults between a program and S3, as values for :meth:`aios3.testing.FaultyServer.fail`.

``after`` and ``at`` count bytes of a body: of the response, or of the request in the faults whose name says upload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Before",
    "Chunked",
    "CutShort",
    "DropResponse",
    "EndlessHeaders",
    "ErrorIn200",
    "ExpiredToken",
    "Fault",
    "FlipByte",
    "FlipUploadByte",
    "FoldedHeader",
    "Garbage",
    "HugeHeader",
    "IgnoreRange",
    "InternalError",
    "LateError",
    "ReplaceObject",
    "Reset",
    "ResetAfter",
    "ResetUpload",
    "Respond",
    "SlowBody",
    "SlowDown",
    "SmallPages",
    "Stall",
    "StallUpload",
    "WrongLength",
    "WrongRegion",
]

_NOT_HTTP = b"\x00\xff this is neither HTTP nor TLS\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection: a request is read, not passed on, and gets no response; a connection is not read at all."""


@dataclass(frozen=True, slots=True)
class ResetAfter:
    """Reset the connection after ``bytes`` of the response's body."""

    bytes: int


@dataclass(frozen=True, slots=True)
class ResetUpload:
    """Reset the connection after ``after`` bytes of the request's body; nothing is passed on."""

    after: int


@dataclass(frozen=True, slots=True)
class CutShort:
    """Close the connection in good order after ``bytes`` of the response's body, whatever its head has announced."""

    bytes: int


@dataclass(frozen=True, slots=True)
class DropResponse:
    """Let the server do what it is asked, then reset the connection instead of passing its response on."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Fall silent until :meth:`FaultyServer.release`, the end of the client's patience, or the end of the server.

    With ``after=None`` before the response's head, else after that number of bytes of its body. Of a connection:
    nothing is read, also no TLS handshake. What was held goes on as if nothing had been when it is released.
    """

    after: int | None = None


@dataclass(frozen=True, slots=True)
class StallUpload:
    """Take no more of the request's body after ``after`` bytes; it ends as :class:`Stall` does.

    A client that gives up is noticed only if all that it had to send has been sent. The system reports its end after
    those bytes, and they wait until the server reads them.
    """

    after: int = 0


@dataclass(frozen=True, slots=True)
class SlowBody:
    """Pass the response's body on in chunks of ``bytes``, one every ``seconds``, until :meth:`FaultyServer.release`."""

    bytes: int = 1024
    seconds: float = 0.01


@dataclass(frozen=True, slots=True)
class WrongLength:
    """Announce a body that is ``by`` bytes longer than it is (then close), or shorter if ``by`` is negative."""

    by: int


@dataclass(frozen=True, slots=True)
class FlipByte:
    """Invert the byte at ``at`` of the response's body."""

    at: int = 0


@dataclass(frozen=True, slots=True)
class FlipUploadByte:
    """Invert the byte at ``at`` of the request's body."""

    at: int = 0


@dataclass(frozen=True, slots=True)
class Respond:
    """Reject as S3 does: status, and an XML body with ``code`` and ``message``; nothing is passed on.

    ``early=True`` responses and closes before the request's body was read, as S3 does when it is overloaded.
    """

    status: int
    code: str
    message: str = "the fault server was told to say so"
    headers: Mapping[str, str] = field(default_factory=dict)
    early: bool = False


@dataclass(frozen=True, slots=True)
class SlowDown:
    """Respond with 503 SlowDown; ``retry_after`` is sent as the header of that name, in seconds."""

    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class InternalError:
    """Respond with 500 InternalError."""


@dataclass(frozen=True, slots=True)
class ErrorIn200:
    """Respond with 200 and an error in the body, as S3 may to a completion or a copy that fails late."""

    code: str = "InternalError"


@dataclass(frozen=True, slots=True)
class LateError:
    """Let the server do what it is asked, then respond with an error in place of its response.

    S3 says that a request which ends in a 500 may have been done. A ``status`` of 200 is that of :class:`ErrorIn200`.
    """

    status: int = 500
    code: str = "InternalError"


@dataclass(frozen=True, slots=True)
class ExpiredToken:
    """Respond with 400 ExpiredToken."""


@dataclass(frozen=True, slots=True)
class WrongRegion:
    """Say that the bucket is in ``region``.

    ``status`` 301 is PermanentRedirect with ``x-amz-bucket-region``, 400 is AuthorizationHeaderMalformed.
    """

    region: str = "eu-central-1"
    status: int = 301


@dataclass(frozen=True, slots=True)
class Garbage:
    """Respond with ``data`` and close; to a connection it is sent before anything is read."""

    data: bytes = _NOT_HTTP


@dataclass(frozen=True, slots=True)
class HugeHeader:
    """Add one header of ``bytes`` to the response."""

    bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class EndlessHeaders:
    """Respond with 200 and then headers, for ever."""


@dataclass(frozen=True, slots=True)
class FoldedHeader:
    """Add a header that goes on in the next line, which RFC 9112 (section 5.2) forbids to servers."""


@dataclass(frozen=True, slots=True)
class Chunked:
    """Send the response's body in chunks of ``bytes``, without announcing its length."""

    bytes: int = 1000


@dataclass(frozen=True, slots=True)
class IgnoreRange:
    """Respond with 200 with the whole object instead of 206 with the range that was asked for."""


@dataclass(frozen=True, slots=True)
class SmallPages:
    """Respond to a listing with at most ``keys`` keys a page. Only for servers that check no signature."""

    keys: int = 2


@dataclass(frozen=True, slots=True)
class Before:
    """Call ``action`` in a thread with the request, then pass it on as if nothing had been."""

    action: Callable[[SeenRequest], object]


@dataclass(frozen=True, slots=True)
class ReplaceObject:
    """Store ``data`` under the key of the request, then pass the request on.

    It is stored with the signature of the request, which does not fit: only for servers that check none, such as
    :class:`aios3.testing.LocalServer`. For others use :class:`Before`.
    """

    data: bytes = b"somebody else has been here"


Fault = (
    Respond
    | Before
    | Chunked
    | CutShort
    | SlowBody
    | EndlessHeaders
    | ErrorIn200
    | ExpiredToken
    | FlipByte
    | FlipUploadByte
    | FoldedHeader
    | Garbage
    | HugeHeader
    | IgnoreRange
    | InternalError
    | LateError
    | DropResponse
    | ReplaceObject
    | Reset
    | ResetAfter
    | ResetUpload
    | SlowDown
    | SmallPages
    | Stall
    | StallUpload
    | WrongLength
    | WrongRegion
)
"""Any of them."""


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it arrived; the names of ``headers`` are in lower case.

    ``operation`` is S3's name of it, such as ``GetObject``; a connection with a fault is ``Connect``.
    """

    operation: str
    bucket: str = ""
    key: str = ""
    method: str = ""
    target: str = ""
    headers: Mapping[str, str] | None = None
    fault: Fault | None = None
