"""The table that must be green: every fault during every verb ends as the table says, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import fault_places
import fault_verbs
import pytest
from fault_common import IMPATIENT, TRANSPORTS, nothing_left
from fault_table import GROUPS, ROWS, all_cells
from fault_verbs import Place

import aios3
import aios3.sync
from aios3._engine import backoff
from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from fault_table import Cell, Row
    from fault_verbs import Verb

    from aios3.testing import FaultyServer

VERBS = fault_verbs.VERBS | fault_places.VERBS
HOST = "localhost"
PAUSE = backoff._INITIAL_DELAY_SECONDS
"""As it is outside these tests, which have next to none."""


def params():
    for transport in TRANSPORTS:
        for cell in all_cells(transport):
            marks = [pytest.mark.xfail(reason=cell.reason, strict=True)] if cell.reason else []
            yield pytest.param(transport, cell, id=f"{transport}-{cell.id}", marks=marks)


def install(server: FaultyServer, row: Row, verb: Verb) -> None:
    """Script the server, but for what holds for connections already."""
    operation = row.operation or verb.main
    in_the_middle = row.times is not None and row.operation is None
    if row.fault == "rate limit":
        server.limit(per_second=200, burst=1)
    elif not isinstance(row.fault, str):
        server.fail(operation, row.fault, nth=verb.middle if in_the_middle else 1, times=row.times)
    if verb.main == "ListObjectsV2":
        server.fail("ListObjectsV2", faults.SmallPages(2), times=None)


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[str, ...]], None]:
    """Have a host name resolved to several addresses."""
    real = socket.getaddrinfo

    def resolve_to(addresses: tuple[str, ...]) -> None:
        def getaddrinfo(host, port, *args, **kwargs):
            if host not in (HOST, HOST.encode()):
                return real(host, port, *args, **kwargs)
            return [
                (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port)))
                for address in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return resolve_to


def test_the_table_has_every_verb():
    assert {verb for row in ROWS for verb in row.expected} == set(VERBS)
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert sorted(verb for group in GROUPS.values() for verb in group) == sorted(VERBS), "the page shows each once"


@pytest.mark.parametrize(("transport", "cell"), list(params()), indirect=["transport"])
async def test_a_fault_ends_as_the_table_says(
    transport, cell, server, plain, secured, bucket, admin, options, resolved, monkeypatch
):
    row, verb = cell.row, VERBS[cell.verb]
    if row.fault == "rate limit":
        monkeypatch.setattr(
            backoff, "_INITIAL_DELAY_SECONDS", PAUSE
        )  # attempts without pauses would exceed it together
    faulty = secured if row.tls else plain
    faulty.reset()
    for key, data in verb.prepare.items():
        checked = {"ChecksumAlgorithm": "CRC32"} if isinstance(row.fault, faults.FlipByte) else {}
        admin.put(f"{bucket}/{key}", data, **checked)
    more = dict(IMPATIENT if row.impatient else {})
    if isinstance(row.fault, faults.FlipByte):
        more |= {"checksums": "crc32"}  # says that the server has checksums: this one reports none beside ranges
    if row.fault == "dead address":
        resolved(faulty.addresses)
        port = faulty.endpoint_url.rpartition(":")[2]
        more |= {"endpoint_url": f"http://{HOST}:{port}", "addressing_style": "path"}
    attempts = 2 if row.times is None and row.fault != "rate limit" else 4
    config = aios3.Config(**options(faulty, max_attempts=attempts, **more))
    session, blocking = aios3.Session(config), aios3.sync.Session(config)
    place = Place(bucket, session, blocking, admin)
    install(faulty, row, verb)
    async with nothing_left(session, faulty):
        try:
            await _run(faulty, cell, verb, place)
        finally:
            await asyncio.to_thread(blocking.close)
        faulty.release()  # a stalled upload does not see that its client has gone
    assert row.fault in ("rejected", "dead address", "rate limit") or faulty.counts().faults > 0, "the fault never came"
    _check_what_is_stored(cell, verb, place)


async def _run(faulty: FaultyServer, cell: Cell, verb: Verb, place: Place) -> None:
    if cell.row.fault == "rejected":
        with faulty.unreachable():
            await _end(cell, verb, place)
    else:
        await _end(cell, verb, place)


async def _end(cell: Cell, verb: Verb, place: Place) -> None:
    if cell.expected == "result":
        await verb.run(place)
        return
    with pytest.raises(aios3.S3Error) as caught:
        await _unwrapped(verb.run(place))
    assert isinstance(caught.value, getattr(aios3, cell.expected)), repr(caught.value)
    assert caught.value.path or caught.value.operation


async def _unwrapped(work) -> None:
    """Raise the first of several errors that came together."""
    try:
        await work
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _check_what_is_stored(cell: Cell, verb: Verb, place: Place) -> None:
    assert place.admin.uploads(place.bucket) == [verb.target] * cell.row.orphans
    if verb.target is None:
        return
    path = place(verb.target)
    found = place.admin.get(path) if place.admin.exists(path) else None
    is_new = verb.after(found) if callable(verb.after) and found != verb.before else found == verb.after
    if cell.expected == "result":
        assert is_new
    elif not cell.row.stored or not is_new:
        assert found == verb.before
