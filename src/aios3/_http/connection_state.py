"""The states of a connection: they decide what the next bytes are.

::

    IDLE --send--> HEAD --final head--> BODY --last byte--> IDLE     1xx heads leave it in HEAD

An error, a timeout, or a body that ends with the connection leads to a closed connection from any of them.
"""

import enum


class ConnectionState(enum.Enum):
    """Where a connection stands between two requests."""

    IDLE = enum.auto()
    """No request is open: it may take one. Bytes that come now close it."""
    HEAD = enum.auto()
    """A request is being sent, or has been: the next bytes are the head of its response."""
    BODY = enum.auto()
    """The next bytes are of the body."""
