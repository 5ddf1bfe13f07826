"""The addresses of a host: looked up off the loop, kept for a while, used in turn, raced when one does not respond."""

from __future__ import annotations

import asyncio
import itertools
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""A family of the socket module, and what to connect to."""

TTL_SECONDS = 30.0
"""The system does not report the TTL of an address. S3's is a few seconds, and a look-up costs a thread and a
millisecond. Half a minute follows a move of the service soon enough, and is one look-up for a burst of connections."""

STAGGER_SECONDS = 0.25
"""RFC 8305, 5: the delay between attempts, so that an address which does not respond costs no more than this."""


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Ask the system, off the loop; raise ``socket.gaierror``."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, to) for family, _, _, _, to in infos))  # type: ignore[misc]  # IP only


class Addresses:
    """The addresses of one host and port.

    What was found is used for ``TTL_SECONDS``, and for as long as later look-ups fail. Each call of ``ordered`` begins
    with another address, so that connections spread over all; one that has failed is tried last, for as long again.
    """

    def __init__(
        self, host: str, port: int, *, resolve: Callable[[str, int], Awaitable[Sequence[Address]]] = resolve
    ) -> None:
        self.host = host
        self.port = port
        self._resolve = resolve
        self._addresses: Sequence[Address] = _literal(host, port)
        self._fresh_until = float("inf") if self._addresses else 0.0
        self._lock = asyncio.Lock()
        self._counter = itertools.count()
        self._failed: dict[Address, float] = {}

    async def ordered(self) -> list[Address]:
        """Return all addresses in the order in which to try them; raise ``socket.gaierror`` if there are none."""
        clock = asyncio.get_running_loop().time
        if clock() >= self._fresh_until:
            async with self._lock:  # one look-up for all who wait
                if clock() >= self._fresh_until:
                    await self._refresh()
                    self._fresh_until = clock() + TTL_SECONDS
        return self._rotate(clock())

    def failed(self, address: Address) -> None:
        """Try this address after the others for a while."""
        self._failed[address] = asyncio.get_running_loop().time() + TTL_SECONDS

    def succeeded(self, address: Address) -> None:
        """Try this address as before."""
        self._failed.pop(address, None)

    async def _refresh(self) -> None:
        try:
            addresses = await self._resolve(self.host, self.port)
        except OSError:
            if not self._addresses:
                raise
        else:
            if not addresses:
                raise socket.gaierror(socket.EAI_NONAME, f"{self.host} has no address")
            self._addresses = addresses
        self._failed = {address: until for address, until in self._failed.items() if address in self._addresses}

    def _rotate(self, now: float) -> list[Address]:
        if len(self._addresses) == 1:
            return list(self._addresses)
        bad = {address for address, until in self._failed.items() if until > now}
        offset = next(self._counter)
        good = _interleave_families(_rotated([address for address in self._addresses if address not in bad], offset))
        return good + _rotated([address for address in self._addresses if address in bad], offset)


async def dial(
    addresses: Iterable[Address], failed: Callable[[Address], None], stagger: float = STAGGER_SECONDS
) -> tuple[socket.socket, Address]:
    """Connect to the addresses, each ``stagger`` seconds after the one before or as soon as that has failed.

    Return the first connection that stands, and its address; ``failed`` is called with the addresses before it. Raise
    the first ``OSError`` if all fail. Nothing is left of the other attempts.
    """
    waiting = list(addresses)
    if len(waiting) == 1:
        return await _attempt(waiting[0]), waiting[0]
    attempts = _HappyEyeballs(failed)
    try:
        while attempts.winner is None and (waiting or attempts.running):
            if waiting:
                attempts.enter(waiting.pop(0))
            await attempts.wait(stagger if waiting else None)
    finally:
        await attempts.end()
    if attempts.winner is None:
        raise attempts.errors[0]
    return attempts.winner


class _HappyEyeballs:
    """Attempts to connect, of which the first that stands wins."""

    def __init__(self, failed: Callable[[Address], None]) -> None:
        self.winner: tuple[socket.socket, Address] | None = None
        self.errors: list[OSError] = []
        self.running: dict[asyncio.Task[socket.socket], Address] = {}
        self._failed = failed

    def enter(self, address: Address) -> None:
        """Begin an attempt."""
        self.running[asyncio.create_task(_attempt(address), name=f"connect to {address[1][0]}")] = address

    async def wait(self, seconds: float | None) -> None:
        """Wait until an attempt ends, for ``seconds`` at most."""
        done, _ = await asyncio.wait(self.running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._finish(task)

    async def end(self) -> None:
        """Cancel what still runs, and close what has come too late. An address that was slower than another failed."""
        running, won = self.running, self.winner is not None
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for task, address in list(running.items()):
            if not task.cancelled() and task.exception() is None:
                task.result().close()
            elif won:
                self._failed(address)

    def _finish(self, task: asyncio.Task[socket.socket]) -> None:
        address = self.running[task]
        if task.exception() is None:
            if self.winner is None:
                self.winner = task.result(), address
                del self.running[task]
            return  # a second one is closed at the end
        del self.running[task]
        error = task.exception()
        if not isinstance(error, OSError):
            task.result()
        else:
            self.errors.append(error)
            self._failed(address)


async def _attempt(address: Address) -> socket.socket:
    family, to = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, to)
    except BaseException:
        sock.close()
        raise
    return sock


def _literal(host: str, port: int) -> list[Address]:
    """Return the one address that a literal means, or nothing for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, (host, port))]
    return []


def _rotated(addresses: list[Address], offset: int) -> list[Address]:
    first = offset % len(addresses) if addresses else 0
    return addresses[first:] + addresses[:first]


def _interleave_families(addresses: list[Address]) -> list[Address]:
    """Alternate the families, beginning with that of the first (RFC 8305, 4)."""
    if not addresses:
        return []
    same = [address for address in addresses if address[0] == addresses[0][0]]
    other = [address for address in addresses if address[0] != addresses[0][0]]
    pairs = itertools.zip_longest(same, other)
    return [address for pair in pairs for address in pair if address is not None]
