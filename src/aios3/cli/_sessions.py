"""The sessions of the program: one for each way to connect, shared by all commands that connect that way."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aios3
from aios3.cli._usage import UsageError
from aios3.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from types import TracebackType

    from aios3.cli._output import Output

_SHOWN_OF_EVENT = (
    *("operation", "bucket", "key", "attempt", "status", "code", "error", "request_id"),
    *("seconds", "first_byte_seconds", "bytes_read", "bytes_written"),
)


_OPTIONS = {"endpoint_url": "--endpoint-url", "max_bytes_per_second": "--limit-rate", "part_size": "--part-size"}
"""The options of those arguments of the library whose values it rejects."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The address of requests, their signer, and how many are sent at once.

    None is what the environment and the profile say, or the library's default.
    """

    endpoint_url: str | None
    profile: str | None
    region: str | None
    no_sign_request: bool
    no_verify_ssl: bool
    ca_bundle: str | None
    request_payer: str | None
    concurrency: int | None
    part_size: int | None
    limit_rate: int | None
    verbose: bool

    @classmethod
    def of(cls, options: argparse.Namespace) -> Connection:
        """Return the connection that a command's options describe."""
        return cls(**{name: getattr(options, name) for name in cls.__slots__})


class Sessions:
    """Sessions by :class:`Connection`, each opened when it is first used."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._opened: dict[Connection, aios3.Session] = {}
        self._stack = AsyncExitStack()
        self._started = time.monotonic()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(exc_type, exc, traceback)

    @property
    def opened(self) -> Mapping[Connection, aios3.Session]:
        """All that were used so far."""
        return self._opened

    @property
    def seconds(self) -> float:
        """The time since the program began to work."""
        return time.monotonic() - self._started

    def get(self, connection: Connection) -> aios3.Session:
        """Return the session of ``connection``."""
        if connection not in self._opened:
            session = self._opened[connection] = aios3.Session(self._config(connection))
            self._stack.push_async_exit(session)
        return self._opened[connection]

    def _config(self, connection: Connection) -> aios3.Config:
        options: dict[str, Any] = {
            "credentials": "anonymous" if connection.no_sign_request else None,
            "request_payer": connection.request_payer,
            "max_concurrency": connection.concurrency,
            "part_size": connection.part_size,
            "max_bytes_per_second": connection.limit_rate,
            "on_request": self._print_request if connection.verbose else None,
        }
        try:
            return aios3.Config(
                endpoint_url=connection.endpoint_url,
                profile=connection.profile,
                region=connection.region,
                verify=False if connection.no_verify_ssl else connection.ca_bundle or True,
                **{name: value for name, value in options.items() if value is not None},
            )
        except ConfigError as error:
            argument, space, rest = str(error).partition(" ")
            raise UsageError(_OPTIONS.get(argument, argument) + space + rest) from error

    def _print_request(self, event: aios3.RequestEvent) -> None:
        record = {name: getattr(event, name) for name in _SHOWN_OF_EVENT}
        status = event.status or event.error or "-"
        size = event.bytes_read or event.bytes_written
        url = f"s3://{event.bucket}/{event.key}" if event.bucket else "s3://"
        text = f"{event.operation} {url} {status} {event.seconds * 1000:.0f} ms {size} B"
        code = f" {event.code}" if event.code else ""
        attempt = f" attempt {event.attempt}" if event.attempt > 1 else ""
        self._output.report({"request": record}, text + code + attempt)
