"""Addresses: all are used, a dead one costs little, and neither look-ups nor attempts are left behind."""

import asyncio
import socket

import pytest
from http_server import free_port, responding, serving

from aios3._http import dns
from aios3._http.dns import Addresses, dial
from aios3._http.pool import Pool

pytestmark = pytest.mark.loop_variants

V4, V6 = socket.AF_INET, socket.AF_INET6
A, B, C = ((V4, (f"192.0.2.{number}", 80)) for number in (1, 2, 3))
SIX = (V6, ("2001:db8::1", 80, 0, 0))


def finding(*found):
    """Return a look-up that finds each in turn, the last for ever, and counts; an exception is raised."""
    left = list(found)

    async def resolve(host, port):
        resolve.calls += 1
        await asyncio.sleep(0)
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, OSError):
            raise result
        return result

    resolve.calls = 0
    return resolve


async def test_connections_rotate_through_the_addresses():
    addresses = Addresses("host", 80, resolve=finding([A, B, C]))
    orders = [await addresses.ordered() for _ in range(4)]
    assert orders == [[A, B, C], [B, C, A], [C, A, B], [A, B, C]]


async def test_an_address_that_failed_is_tried_last_until_it_works():
    addresses = Addresses("host", 80, resolve=finding([A, B, C]))
    addresses.failed(A)
    for _ in range(4):
        assert (await addresses.ordered())[-1] == A
    addresses.succeeded(A)
    assert A in {(await addresses.ordered())[0] for _ in range(3)}


async def test_the_families_alternate():
    addresses = Addresses("host", 80, resolve=finding([SIX, A, B]))
    assert await addresses.ordered() == [SIX, A, B]
    assert await addresses.ordered() == [A, SIX, B]


async def test_many_ask_and_one_looks_up():
    resolve = finding([A, B])
    addresses = Addresses("host", 80, resolve=resolve)
    await asyncio.gather(*(addresses.ordered() for _ in range(20)))
    assert resolve.calls == 1


async def test_what_was_found_is_looked_up_again_and_kept_while_that_fails(monkeypatch):
    monkeypatch.setattr(dns, "TTL_SECONDS", 0)
    resolve = finding([A], socket.gaierror(socket.EAI_AGAIN, "try again"), [B])
    addresses = Addresses("host", 80, resolve=resolve)
    assert [await addresses.ordered() for _ in range(3)] == [[A], [A], [B]]


@pytest.mark.parametrize("found", [socket.gaierror(socket.EAI_NONAME, "no such host"), []])
async def test_a_name_that_does_not_exist_is_an_error(found):
    with pytest.raises(socket.gaierror):
        await Addresses("host", 80, resolve=finding(found)).ordered()


async def test_after_a_cancelled_lookup_the_next_waiter_looks_up():
    async def resolve(host, port):
        calls.append(host)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return [A]

    calls = []
    addresses = Addresses("host", 80, resolve=resolve)
    first, second = (asyncio.create_task(addresses.ordered()) for _ in range(2))
    while not calls:
        await asyncio.sleep(0)
    first.cancel()
    assert await second == [A]
    assert first.cancelled()


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1"])
async def test_a_literal_is_not_looked_up(literal):
    resolve = finding(OSError())
    [(_, to)] = await Addresses(literal, 80, resolve=resolve).ordered()
    assert to[:2] == (literal, 80)
    assert resolve.calls == 0


async def test_the_system_finds_this_machine():
    found = await dns.resolve("localhost", 80)
    assert {to[0] for _, to in found} <= {"127.0.0.1", "::1"}
    assert found


@pytest.fixture
def silent():
    """An address of this machine that accepts nothing: its queue of connections is full, and the system drops more."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    filling = []
    for _ in range(4):
        filler = socket.socket()
        filler.settimeout(0)
        filler.connect_ex(listening.getsockname())
        filling.append(filler)
    yield V4, listening.getsockname()
    for sock in (*filling, listening):
        sock.close()


async def test_an_address_that_does_not_respond_loses_to_one_that_does(silent):
    tasks = asyncio.all_tasks()
    async with serving(responding()) as server:
        good = (V4, ("127.0.0.1", server.port))
        failed = []
        sock, address = await dial([silent, good], failed.append, 0.001)
        sock.close()
    assert address == good
    assert failed == [silent]
    assert asyncio.all_tasks() == tasks


async def test_an_address_that_rejects_costs_no_wait():
    dead = (V4, ("127.0.0.1", free_port()))
    async with serving(responding()) as server:
        failed = []
        sock, _ = await dial([dead, (V4, ("127.0.0.1", server.port))], failed.append, stagger=1000)
        sock.close()
    assert failed == [dead]


async def test_when_all_reject_the_first_error_is_raised():
    dead = [(V4, ("127.0.0.1", free_port())) for _ in range(3)]
    failed = []
    with pytest.raises(ConnectionRefusedError):
        await dial(dead, failed.append)
    assert failed == dead


async def test_a_race_that_is_cancelled_leaves_no_attempt(silent):
    tasks = asyncio.all_tasks()
    racing = asyncio.create_task(dial([silent, silent, silent], lambda _: None, 0.001))
    while len(asyncio.all_tasks() - tasks) < 4:
        await asyncio.sleep(0)
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert asyncio.all_tasks() == tasks


async def test_a_pool_reaches_a_name_of_which_one_address_is_dead(silent):
    async with serving(responding()) as server:
        found = [silent, (V4, ("127.0.0.1", server.port))]
        pool = Pool("host", server.port, addresses=Addresses("host", server.port, resolve=finding(found)), limit=9)
        for connection in [await pool.acquire() for _ in range(5)]:
            pool.release(connection)
        assert pool.idle == 5
        await pool.aclose()
