"""The context of a command: its options, the sessions, and what prints."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import aios3

if TYPE_CHECKING:
    import argparse
    from types import TracebackType

    from aios3.cli._output import Output


class UsageError(Exception):
    """Raised for arguments that make no sense together; the program ends with status 2."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where requests go and who signs them; None is what the environment and the profile say."""

    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None


class App:
    """The sessions of a command, one for each :class:`Connection`, opened when they are first used."""

    def __init__(self, options: argparse.Namespace, output: Output) -> None:
        self.options = options
        self.output = output
        self._default = Connection(options.endpoint_url, options.profile, options.region)
        self._sessions: dict[Connection, aios3.Session] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(exc_type, exc, traceback)

    @property
    def sessions(self) -> tuple[aios3.Session, ...]:
        """All that were used so far."""
        return tuple(self._sessions.values())

    async def session(self, **overrides: str | None) -> aios3.Session:
        """Return the session for the options, or for another endpoint, profile or region where one is named."""
        named = {name: value for name, value in overrides.items() if value is not None}
        where = replace(self._default, **named)
        if where not in self._sessions:
            session = aios3.Session(_config(where, self.options))
            self._sessions[where] = await self._stack.enter_async_context(session)
        return self._sessions[where]


def _config(where: Connection, options: argparse.Namespace) -> aios3.Config:
    given: dict[str, Any] = {
        "credentials": "anonymous" if options.no_sign_request else None,
        "request_payer": options.request_payer,
        "max_concurrency": options.concurrency,
        "part_size": options.part_size,
        "on_request": _request_printer(options) if options.verbose else None,
    }
    verify: bool | str = False if options.no_verify_ssl else options.ca_bundle or True
    return aios3.Config(
        endpoint_url=where.endpoint_url,
        profile=where.profile,
        region=where.region,
        verify=verify,
        **{name: value for name, value in given.items() if value is not None},
    )


def _request_printer(options: argparse.Namespace) -> aios3.RequestHook:
    output: Output = options.output

    def show(event: aios3.RequestEvent) -> None:
        status = event.status or event.error or "-"
        size = event.bytes_read or event.bytes_written
        output.note(
            f"{event.operation} s3://{event.bucket}/{event.key} {status} {event.seconds * 1000:.0f} ms {size} B"
            + (f" attempt {event.attempt}" if event.attempt > 1 else "")
        )

    return show
