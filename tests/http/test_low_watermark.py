"""Waking less often for bodies that come in a flood: nothing is held back for ever, and nothing is lost."""

import asyncio
import errno
import socket
import sys

import pytest
from http_server import REQUEST, Target, connected, responding, serving, with_length

from aios3._http import low_watermark
from aios3._http.connection import BrokenBodyError
from aios3._http.low_watermark import BULK_BYTES, ReceiveLowWatermark

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds arrivals back")

MIB = 1 << 20
LATE = 1000
"""Bytes that are fewer than what the kernel was told to wait for."""


class Socket:
    def __init__(self, descriptor=-1):
        self.least = []
        self.descriptor = descriptor

    def fileno(self):
        return self.descriptor

    def setsockopt(self, level, option, value):
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_RCVLOWAT)
        self.least.append(value)

    def get_extra_info(self, name):
        assert name == "socket"
        return self


class Clock:
    def __init__(self):
        self.now = 100.0

    def time(self):
        return self.now


def arrive(low_watermark, clock, count, *, seconds, wanted):
    clock.now += seconds
    low_watermark.on_bytes(count, wanted)


def test_only_a_flood_that_goes_on_is_held_back():
    sock, clock = Socket(), Clock()
    each = ReceiveLowWatermark(sock, clock)
    each.start()
    arrive(each, clock, 100_000, seconds=0.0001, wanted=2 * BULK_BYTES - 1)  # fast, but nearly over
    arrive(each, clock, 100_000, seconds=0.1, wanted=8 * MIB)  # 1 MB a second
    assert sock.least == []
    arrive(each, clock, 100_000, seconds=0.0001, wanted=8 * MIB)
    arrive(each, clock, BULK_BYTES, seconds=0.001, wanted=4 * MIB)
    assert sock.least == [BULK_BYTES]
    arrive(each, clock, BULK_BYTES, seconds=1.0, wanted=4 * MIB)  # has become slow
    assert sock.least == [BULK_BYTES, 1]


def test_the_end_of_a_body_is_not_waited_for_in_vain():
    sock, clock = Socket(), Clock()
    each = ReceiveLowWatermark(sock, clock)
    each.start()
    arrive(each, clock, MIB, seconds=0.0001, wanted=MIB)
    arrive(each, clock, MIB // 2 + 1, seconds=0.0001, wanted=MIB // 2 - 1)
    assert sock.least == [BULK_BYTES, 1]
    arrive(each, clock, MIB // 2 - 1, seconds=0.0001, wanted=0)
    assert sock.least == [BULK_BYTES, 1]


@pytest.mark.parametrize("held_back", [0, 5])
def test_after_a_pause_every_byte_is_reported_again(held_back):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sock, clock = Socket(ours.fileno()), Clock()
        each = ReceiveLowWatermark(sock, clock)
        each.start()
        assert not each.reset()
        arrive(each, clock, MIB, seconds=0.0001, wanted=MIB)
        theirs.sendall(bytes(held_back))
        assert each.reset() is bool(held_back)
        assert not each.reset()
        assert sock.least == [BULK_BYTES, 1]


def test_unknown_buffered_bytes_count_as_buffered():
    with socket.socket() as closed:
        pass
    sock, clock = Socket(closed.fileno()), Clock()
    each = ReceiveLowWatermark(sock, clock)
    each.start()
    arrive(each, clock, MIB, seconds=0.0001, wanted=MIB)
    assert each.reset()
    assert sock.least == [BULK_BYTES, 1]


def test_a_system_that_does_not_know_of_it_is_asked_once():
    class Rejecting(Socket):
        def setsockopt(self, level, option, value):
            super().setsockopt(level, option, value)
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    sock, clock = Rejecting(), Clock()
    each = ReceiveLowWatermark(sock, clock)
    each.start()
    for _ in range(3):
        arrive(each, clock, MIB, seconds=0.0001, wanted=MIB)
    assert sock.least == [BULK_BYTES]
    assert not each.reset()


@pytest.fixture
def _everything_is_a_flood(monkeypatch):
    monkeypatch.setattr(low_watermark, "_BULK_BYTES_PER_SECOND", 0)


def least_of(connection):
    return connection.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


def serving_in_two_steps(then):
    """Respond with 2 MiB: one and a little more at once, and then whatever ``then(writer)`` does."""

    async def handle(server, reader, writer):
        await server.request(reader)
        whole = with_length(bytes(2 * MIB))
        writer.write(whole[: len(whole) - MIB + LATE])
        await writer.drain()
        await then(writer)
        await reader.read()

    return serving(handle)


@pytest.mark.loop_variants
@pytest.mark.usefixtures("_everything_is_a_flood")
async def test_the_next_response_comes_at_once_on_a_connection_that_was_flooded():
    body = bytes(range(256)) * (16 * 1024)
    target, seen = Target(64 * 1024), set()

    async with (
        serving(responding(with_length(body), with_length(b"small"))) as server,
        connected(server.port) as connection,
    ):

        def buffer_updated(count):
            seen.add(least_of(connection))
            target.buffer_updated(count)

        await connection.send(REQUEST)
        await connection.receive(len(body), target.get_buffer, buffer_updated)
        assert target.data == body
        assert seen == {1, BULK_BYTES}
        assert least_of(connection) == 1
        await connection.send(REQUEST)
        assert await connection.read(100) == b"small"


@pytest.mark.loop_variants
@pytest.mark.usefixtures("_everything_is_a_flood")
async def test_a_slow_server_is_not_a_timeout():
    target, has_come = Target(64 * 1024), asyncio.Event()

    def buffer_updated(count):
        target.buffer_updated(count)
        if len(target.data) == MIB + LATE:
            has_come.set()

    async def then(writer):
        await has_come.wait()
        writer.write(bytes(MIB - LATE))

    async with serving_in_two_steps(then) as server, connected(server.port, stall_seconds=0.2) as connection:
        await connection.send(REQUEST)
        await connection.receive(2 * MIB, target.get_buffer, buffer_updated)
        assert len(target.data) == 2 * MIB


@pytest.mark.loop_variants
@pytest.mark.usefixtures("_everything_is_a_flood")
async def test_a_silent_server_is_a_timeout_and_the_received_bytes_are_kept():
    target = Target(64 * 1024)
    silence = asyncio.Event()
    async with (
        serving_in_two_steps(lambda _: silence.wait()) as server,
        connected(server.port, stall_seconds=0.2) as connection,
    ):
        await connection.send(REQUEST)
        with pytest.raises(TimeoutError):
            await connection.receive(2 * MIB, target.get_buffer, target.buffer_updated)
        assert len(target.data) == MIB + LATE


@pytest.mark.loop_variants
@pytest.mark.usefixtures("_everything_is_a_flood")
async def test_a_server_that_hangs_up_is_noticed_and_what_it_had_sent_is_kept():
    target = Target(64 * 1024)

    async def hang_up(writer):
        writer.write_eof()

    async with serving_in_two_steps(hang_up) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        with pytest.raises(BrokenBodyError):
            await connection.receive(2 * MIB, target.get_buffer, target.buffer_updated)
        assert len(target.data) == MIB + LATE
