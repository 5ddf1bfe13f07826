"""Memory that becomes ``bytes``: the same where the interpreter allows it, right everywhere, quiet among garbage."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aios3._engine import received_bytes
from aios3._engine.received_bytes import ReceivedBytes

pytestmark = pytest.mark.usefixtures("_both_ways")

SIZE = 200_000
PATTERN = bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256)

GARBAGE = """
import gc
from aios3._engine.received_bytes import ReceivedBytes


class Node:
    pass


for number in range(500):
    node = Node()
    node.received = ReceivedBytes(100_000)
    node.part = node.received.view[10:]
    node.itself = node
    del node
    if number % 7 == 0:
        gc.collect()
"""


@pytest.fixture(params=["shared", "copied"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "copied":
        monkeypatch.setattr(received_bytes, "CAN_SHARE", False)
    elif not received_bytes.CAN_SHARE:
        pytest.skip("this interpreter cannot share the memory of a BytesIO")


def test_what_was_received_is_taken() -> None:
    received = ReceivedBytes(SIZE)
    received.view[:100] = PATTERN[:100]
    received.view[100:] = PATTERN[100:]
    assert received.take() == PATTERN


def test_bytes_that_were_taken_do_not_change_by_a_view_that_is_still_in_use() -> None:
    received = ReceivedBytes(SIZE)
    received.view[:] = PATTERN
    part = received.view[5:10]
    taken = received.take()
    part[:] = b"wrong"
    assert taken == PATTERN


@pytest.mark.parametrize("size", [0, 1, 2])
def test_the_shortest_memory_can_be_taken(size: int) -> None:
    received = ReceivedBytes(size)
    received.view[:] = PATTERN[1 : size + 1]
    assert received.take() == PATTERN[1 : size + 1]


def test_memory_that_is_garbage_with_its_views_is_collected_without_a_word() -> None:
    can_share = f"from aios3._engine import received_bytes\nreceived_bytes.CAN_SHARE = {received_bytes.CAN_SHARE}\n"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", can_share + GARBAGE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_interpreters_whose_collector_crashes_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "abiflags", "", raising=False)
    found = {}
    for version in [(3, 11, 7), (3, 12, 0), (3, 12, 1), (3, 12, 2), (3, 13, 0)]:
        monkeypatch.setattr(sys, "version_info", version)
        found[version] = received_bytes.can_share()
    assert [version for version, can in found.items() if not can] == [(3, 12, 0), (3, 12, 1)]


def test_an_interpreter_without_its_lock_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "abiflags", "t", raising=False)
    assert not received_bytes.can_share()


def test_nothing_is_copied_where_the_memory_is_shared() -> None:
    received = ReceivedBytes(SIZE)
    assert len(received.view) == SIZE
    memory = received._memory
    taken = received.take()
    assert (memory is not None and memory.getvalue() is taken) == received_bytes.CAN_SHARE


@pytest.mark.parametrize("size", [2, 64 * 1024, 8 << 20])
def test_bytes_that_were_taken_belong_to_their_reader_alone(size):
    received = ReceivedBytes(size)
    received.part(0, size)[:1] = b"x"
    data = received.take()
    assert sys.getrefcount(data) <= 2  # the name, and the argument
    with pytest.raises(ValueError, match="released"):
        received.part(0, size)
