"""Errors of an exchange, beyond those of sockets and of TLS."""

from __future__ import annotations


class ProtocolError(Exception):
    """Raised when what came is not HTTP/1.1, or more of it than is allowed."""


class BrokenBodyError(ConnectionError):
    """Raised when a connection ended before the body that it was carrying."""


class ServerClosedError(ConnectionError):
    """Raised when a connection ended before the head of the response.

    ``has_response_bytes`` says whether any byte of a response had come. If none had, and the connection was kept from
    an earlier exchange, the server most likely closed it while it was idle. It has then not seen the request.
    """

    def __init__(self, message: str, *, has_response_bytes: bool) -> None:
        super().__init__(message)
        self.has_response_bytes = has_response_bytes


def head_ended(*, has_response_bytes: bool) -> ServerClosedError:
    """Build the error for a connection that ended before the head of a response was whole."""
    message = f"the connection ended {'in the middle of' if has_response_bytes else 'without'} the head of a response"
    return ServerClosedError(message, has_response_bytes=has_response_bytes)


def body_ended(remaining: int | None) -> BrokenBodyError:
    """Build the error for a connection that ended ``remaining`` bytes before the body did; None if that is unknown."""
    count = "an unknown number of" if remaining is None else str(remaining)
    return BrokenBodyError(f"the connection ended with {count} bytes of a body still to come")
