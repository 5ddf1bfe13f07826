"""The table of what each way to open costs is true: requests are counted where they arrive, memory is watched."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from test_costs import requests as requests  # noqa: PLC0414 - the fixture, for the tests of this module

import aios3
from aios3.testing import LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "opening.md"
MIB = 1 << 20
SIZE = 32 * MIB
UNITS = {"KiB": 1024, "MiB": MIB}


def rows() -> list[list[str]]:
    table = PAGE.read_text(encoding="utf-8").partition("## What it costs")[2].partition("\n## ")[0]
    return [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"
    ]


async def read(url: str, way: str, session: aios3.Session) -> int:
    async with aios3.aopen(url, buffering=way, session=session) as file:
        most = session.budget.used
        while await file.read(MIB):
            most = max(most, session.budget.used)
    return most


async def write(url: str, way: str, session: aios3.Session, size: int) -> int:
    most = 0
    file = await aios3.aopen(url, "wb", buffering=way, session=session)
    for start in range(0, size, MIB):
        await file.write(bytes(min(MIB, size - start)))
        most = max(most, session.budget.used)
    closing = asyncio.create_task(file.aclose())
    while not closing.done():
        most = max(most, session.budget.used)
        await asyncio.sleep(0)
    await closing
    return most


async def change(url: str, way: str, session: aios3.Session) -> None:
    async with aios3.aopen(url, "rb+", buffering=way, session=session) as file:
        await file.write(b"new")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
async def test_the_requests_are_those_of_the_table(row, requests):
    way, *promised = row
    async with LocalServer() as server, aios3.Session(**server.config) as session:
        url = server.url("small")
        await aios3.write_bytes(url, b"old", session=session)
        for cell, work in zip(promised[:3], (read, write, change), strict=True):
            requests.clear()
            arguments = (10,) if work is write else ()
            if cell == "none":
                with pytest.raises(aios3.ConfigError, match="has the modes"):
                    await work(url, way, session, *arguments)
            else:
                await work(url, way, session, *arguments)
                assert " + ".join(requests) == cell


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
async def test_the_memory_is_at_most_that_of_the_table(row):
    way, *_, reading, writing = row
    async with LocalServer() as server, aios3.Session(**server.config) as session:
        url = server.url("large")
        await aios3.write_bytes(url, bytes(SIZE), session=session)
        if reading != "none":
            assert await read(url, way, session) <= bytes_of(reading)
        if writing != "none":
            assert await write(url, way, session, SIZE) <= bytes_of(writing)
    if way == "memory":
        assert bytes_of(reading) == SIZE


def bytes_of(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+) (\w+)", text).groups()
    return int(number) * UNITS[unit]


def test_the_table_was_found():
    assert [row[0] for row in rows()] == ["prefetch", "shared", "pipe", "memory", "disk", "limited"]
