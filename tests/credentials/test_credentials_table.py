"""Each kind of source of credentials, and what befalls it: what becomes of requests, and how often it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from credential_drivers import DRIVERS
from credential_sources import SOURCES
from credentials_table import AIOS3, BOTO3, EVENTS, NOT_COUNTED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from credential_drivers import Async, Boto3, Sync
    from credential_sources import Place

CASES = [(source, driver) for driver in DRIVERS for source in (BOTO3 if driver == "boto3" else AIOS3)]
HOUR, NINE_MINUTES = 3600, 540


class SequentialReads:
    """One program on one machine, and what came of each event."""

    def __init__(self, place: Place, driver: str) -> None:
        self.place = place
        self.cells: dict[str, str] = {}
        self._driver = DRIVERS[driver]
        self._is_oracle = driver == "boto3"

    def program(self) -> Async | Sync | Boto3:
        """Start the program anew."""
        kind, transport = self._driver
        return kind(self.place, transport)

    async def note(self, event: str, work: Callable[[], Awaitable[list[str]]]) -> None:
        """Do ``work``, and note the outcomes with the requests that the source has got."""
        before = self.place.count()
        outcomes = ", ".join(sorted(set(await work())))
        self.cells[event] = outcomes if self._is_oracle else f"{outcomes} {self.place.count() - before}"

    async def all_events(self) -> dict[str, str]:
        """Let everything happen, in three lives of the program."""
        async with self.program() as program:
            await self.note("start", lambda: program.read(1))
        async with self.program() as program:
            await self._ages(program)
        await self._starts_too_early()
        return self.cells

    async def _ages(self, program: Async | Sync | Boto3) -> None:
        async def twenty_twice() -> list[str]:
            first = await program.read(20)
            await program.settle()
            return first + await program.read(20)

        place, accounts = self.place, self.place.accounts
        await self.note("crowd", lambda: program.read(20))
        accounts.advance(HOUR - NINE_MINUTES)
        place.rotate()
        await self.note("near", twenty_twice)
        accounts.advance(HOUR + 1)
        place.rotate()
        await self.note("ended", twenty_twice)
        accounts.void()
        place.rotate()
        await self.note("rejected", twenty_twice)
        accounts.advance(HOUR - NINE_MINUTES)
        place.set_down(True)
        await self.note("down, good", twenty_twice)
        accounts.advance(NINE_MINUTES + 1)
        await self.note("down, ended", twenty_twice)
        place.set_down(False)
        place.rotate()
        accounts.advance(2)
        await self.note("again", twenty_twice)

    async def _starts_too_early(self) -> None:
        self.place.set_down(True)
        async with self.program() as program:
            await self.note("down at first", lambda: program.read(20))
            self.place.set_down(False)
            self.place.rotate()
            self.place.accounts.advance(2)
            await self.note("then up", lambda: program.read(20))


@pytest.mark.parametrize(("source", "driver"), CASES)
async def test_what_becomes_of_requests_and_how_often_a_source_is_asked(place: Place, source, driver):
    SOURCES[source](place)
    cells = await SequentialReads(place, driver).all_events()
    if driver != "boto3" and source in NOT_COUNTED:
        cells = {event: cell.removesuffix(" 0") for event, cell in cells.items()}
    assert cells == dict(zip(EVENTS, (BOTO3 if driver == "boto3" else AIOS3)[source], strict=True))


def test_every_source_is_in_the_table():
    assert AIOS3.keys() == SOURCES.keys()
    assert BOTO3.keys() < SOURCES.keys()
