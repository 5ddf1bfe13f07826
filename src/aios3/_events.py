"""Reports of a session about its requests: values, without I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One attempt of one request that is over, however it ended."""

    operation: str
    """S3's name of the call, such as ``GetObject``."""
    bucket: str
    """Empty for the list of buckets."""
    key: str
    """The object's key; of a listing, the prefix; empty where there is none."""
    attempt: int
    """1 for the first time that a call is sent, 2 for its first repetition."""
    backend: str
    """The transport that sent it: ``native``, or ``aiobotocore``; empty if it was never sent."""
    started: float
    """When it began, in seconds since the epoch."""
    seconds: float
    """From then until it was over; of a GetObject, until its body was read to the end or closed."""
    first_byte_seconds: float | None
    """From the beginning until the head of the response of a GetObject was there; None for other operations."""
    bytes_read: int
    """Bytes of object data that came."""
    bytes_written: int
    """Bytes of object data that S3 has acknowledged."""
    status: int | None
    """The HTTP status of the response; None if there was none."""
    request_id: str | None
    """The id by which the operator of the server finds the request."""
    error: str | None
    """The name of the class of the error, such as ``ThrottledError``; ``CancelledError`` where the caller gave up."""
    code: str | None
    """S3's error code, such as ``SlowDown``; None where S3 named none."""


RequestHook = Callable[[RequestEvent], object]
"""A function, async or not, that is called after every attempt."""


@dataclass(frozen=True, slots=True)
class OperationStats:
    """Totals of one operation so far. Times are right to 5%; they count no attempt that was cancelled."""

    requests: int = 0
    """Requests that were sent."""
    retries: int = 0
    """Attempts that repeated one that had failed."""
    errors: int = 0
    """Attempts that S3 rejected, or that failed on the way."""
    bytes_read: int = 0
    """Bytes of object data that came."""
    bytes_written: int = 0
    """Bytes of object data that S3 has acknowledged."""
    p50_seconds: float = 0.0
    """Half of the attempts were over after this time; of a GetObject, its body included."""
    p95_seconds: float = 0.0
    """The same for 95% of them."""
    p99_seconds: float = 0.0
    """The same for 99% of them."""


@dataclass(frozen=True, slots=True)
class SessionStats:
    """Totals of a session since it was made, and the resources that it holds now."""

    requests: int = 0
    """Requests that were sent."""
    retries: int = 0
    """Attempts that repeated one that had failed."""
    hedges: int = 0
    """Requests that were sent beside one that was slow."""
    errors: int = 0
    """Attempts that S3 rejected, or that failed on the way."""
    in_flight: int = 0
    """Attempts that are not over."""
    bytes_read: int = 0
    """Bytes of object data that came."""
    bytes_written: int = 0
    """Bytes of object data that S3 has acknowledged."""
    open_connections: int = 0
    """Native connections that stand now, idle ones among them; those of aiobotocore are not known."""
    budget_used: int = 0
    """Bytes of the memory budget that are taken now."""
    budget_limit: int = 0
    """Bytes of the memory budget in all."""
    events_dropped: int = 0
    """Events that an async ``on_request`` did not get, because too many of its tasks had not ended."""
    operations: Mapping[str, OperationStats] = field(default_factory=dict)
    """The same by operation."""
