"""Files that read: the standard library's buffers over the background loop, against the standard library's own."""

from __future__ import annotations

import gc
import io
import os
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios3.errors import ClosedHandleError, InvalidRangeError, WrongLoopError
from aios3.sync._files import BUFFER_SIZE, ObjectReader, TextReader
from aios3.sync._raw_reader import RawReader
from thorough import examples

KIB = 1024
SIZE = 300 * KIB
DATA = bytes(range(251)) * (SIZE // 251)

places = st.integers(0, len(DATA) + 10) | st.sampled_from([0, 1, len(DATA) - 1, len(DATA), len(DATA) + 1])
sizes = st.integers(0, 70_000) | st.sampled_from([0, 1, 63, 64, 65, -1])
operations = st.lists(
    st.one_of(
        st.tuples(st.just("read"), sizes),
        st.tuples(st.just("readline"), sizes),
        st.tuples(st.just("readinto"), st.integers(0, 70_000)),
        st.tuples(st.just("seek"), places, st.just(os.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(-1000, 1000), st.just(os.SEEK_CUR)),
        st.tuples(st.just("seek"), st.integers(-1000, 10), st.just(os.SEEK_END)),
        st.tuples(st.just("tell")),
        st.tuples(st.just("readlines"), st.integers(1, 1000)),
    ),
    max_size=12,
)
for_a_fixture = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def apply(file: io.IOBase, name: str, *arguments: int) -> object:
    try:
        if name == "readinto":
            buffer = bytearray(*arguments)
            return file.readinto(buffer), bytes(buffer)
        return getattr(file, name)(*arguments)
    except (ValueError, OSError):  # a position before the start
        return "rejected"


@pytest.fixture(scope="module")
def local_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "file"
    path.write_bytes(DATA)
    return path


@given(operations=operations, buffer_size=st.sampled_from([0, 64, 1000, 64 * KIB, 200 * KIB, BUFFER_SIZE]))
@for_a_fixture
def test_reads_as_a_local_file_does(reading, local_file, operations, buffer_size):
    with reading(DATA, buffer_size) as file, local_file.open("rb", buffer_size) as oracle:
        for operation in operations:
            assert apply(file, *operation) == apply(oracle, *operation)


@pytest.mark.parametrize("buffer_size", [0, 64, BUFFER_SIZE])
@pytest.mark.parametrize(("offset", "whence"), [(-1, os.SEEK_SET), (-1, os.SEEK_CUR), (-SIZE - 1, os.SEEK_END)])
def test_a_position_before_the_start_is_rejected(reading, buffer_size, offset, whence):
    file = reading(DATA, buffer_size)
    with pytest.raises(InvalidRangeError):
        file.seek(offset, whence)
    assert file.tell() == 0


def test_reads_of_64_kib_cost_one_call_into_the_loop_per_mib(reading):
    file = reading(bytes(8 * BUFFER_SIZE))
    while file.read(64 * KIB):
        pass
    assert len(file.raw._handle.asked) <= 8 + 5


def test_a_large_read_crosses_for_itself_and_into_its_own_memory(reading):
    file = reading(bytes(10 * BUFFER_SIZE))
    target = bytearray(8 * BUFFER_SIZE)
    assert file.readinto(target) == len(target)
    assert file.raw._handle.asked == [len(target)]


def test_reading_all_is_one_call_into_the_loop(reading):
    file = reading(bytes(10 * BUFFER_SIZE))
    assert len(file.read()) == 10 * BUFFER_SIZE
    assert file.raw._handle.asked == [-1]


def test_a_small_read_at_a_new_place_asks_for_little(reading):
    file = reading(bytes(20 * BUFFER_SIZE))
    for place in (10 * BUFFER_SIZE, 3 * BUFFER_SIZE, 15 * BUFFER_SIZE):
        file.seek(place)
        assert len(file.read(4)) == 4
    assert file.raw._handle.asked == [64 * KIB] * 3


def test_reading_on_from_a_new_place_asks_for_twice_as_much_each_time(reading):
    file = reading(bytes(20 * BUFFER_SIZE))
    file.seek(10 * BUFFER_SIZE)
    for _ in range(40):
        file.read(64 * KIB)
    asked = file.raw._handle.asked
    assert asked[:6] == [64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, BUFFER_SIZE, BUFFER_SIZE]
    file.seek(0)
    file.read(1)
    assert asked[-1] == 64 * KIB


def test_seek_and_tell_cost_no_call_into_the_loop(reading, bridge, monkeypatch):
    file = reading(DATA)
    monkeypatch.setattr(bridge, "call", None)
    monkeypatch.setattr(bridge, "call_with_buffer", None)
    assert file.seek(0, os.SEEK_END) == len(DATA)
    assert file.read(10) == b""
    assert file.tell() == file.size
    monkeypatch.undo()


def test_what_a_file_says_of_itself(reading):
    file = reading(DATA)
    assert (file.readable(), file.writable(), file.seekable(), file.isatty()) == (True, False, True, False)
    assert (file.name, file.mode, file.size, file.raw.name) == ("s3://bucket/key", "rb", len(DATA), "s3://bucket/key")
    for call in (file.fileno, file.truncate, file.raw.fileno, lambda: file.raw.write(b"x")):
        with pytest.raises(io.UnsupportedOperation):
            call()


def test_a_closed_file_rejects(reading):
    for buffer_size in (0, BUFFER_SIZE):
        file = reading(DATA, buffer_size)
        file.close()
        file.close()
        assert file.closed
        for call in (file.read, file.tell, file.readable, file.seekable, lambda file=file: file.seek(0)):
            with pytest.raises(ValueError, match="closed file"):
                call()
        with pytest.raises(ClosedHandleError):
            (file if buffer_size == 0 else file.raw).read(1)


def test_closing_closes_the_handle(reading):
    file = reading(DATA)
    raw = file.raw
    file.close()
    assert raw._handle.closed


def test_text_can_be_put_around_and_taken_off_again(reading):
    file = reading("grüße\n".encode())
    text = io.TextIOWrapper(file, "utf-8")
    assert text.read() == "grüße\n"
    assert text.detach() is file
    del text
    assert file.seek(0) == 0
    assert file.read() == "grüße\n".encode()
    own = TextReader(file, file.raw, "r", ("utf-8", "strict", None))
    own.detach()
    del own
    assert not file.closed


LAYERS = {
    "raw": lambda raw: raw,
    "buffered": ObjectReader,
    "text": lambda raw: TextReader(ObjectReader(raw), raw, "r", ("utf-8", "strict", None)),
    "stdlib buffered": io.BufferedReader,
    "stdlib text": lambda raw: io.TextIOWrapper(ObjectReader(raw)),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_forgotten_file_is_closed_with_a_warning(bridge, fake_reader, layer):
    handle = fake_reader(DATA)
    file = LAYERS[layer](RawReader(bridge, handle, BUFFER_SIZE))
    file.readable()
    with pytest.warns(ResourceWarning, match="unclosed file") as caught:
        del file
    bridge.stop()
    assert handle.closed
    assert len(caught) == 1


@pytest.mark.parametrize("layer", LAYERS)
def test_garbage_collection_on_the_loop_itself_does_not_wait_for_it(bridge, fake_reader, layer, logged):
    handle = fake_reader(DATA)
    cycle = [LAYERS[layer](RawReader(bridge, handle, BUFFER_SIZE))]
    cycle.append(cycle)
    del cycle

    async def collect():
        gc.collect()

    with pytest.warns(ResourceWarning, match="unclosed file"):  # noqa: PT031 - a thread of its own warns
        bridge.call(collect)
        logged()
    bridge.stop()
    assert handle.closed


def test_rejects_the_loops_own_thread(reading, bridge):
    file = reading(DATA)

    async def read():
        file.read(1)

    with pytest.raises(WrongLoopError):
        bridge.call(read)


def test_a_forks_copy_rejects_to_read_and_closes_quietly(reading, monkeypatch):
    file = reading(DATA)
    handle = file.raw._handle
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(WrongLoopError):
        file.read(1)
    file.close()
    assert not handle.closed
    monkeypatch.undo()


def test_no_warning_after_the_loop_thread_has_ended(reading, bridge):
    file = reading(DATA)
    bridge.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file.close()
        gc.collect()
