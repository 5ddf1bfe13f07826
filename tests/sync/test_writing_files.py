"""Files that write: what is published, and everything that must not be."""

from __future__ import annotations

import asyncio
import bz2
import contextlib
import csv
import gc
import gzip
import io
import logging
import lzma
import os
import tarfile
import weakref
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios3.errors import ClosedHandleError, ServerError, WrongLoopError
from aios3.sync._files import BUFFER_SIZE
from thorough import examples

LAYERS = ("raw", "buffered", "text")


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


def text_of(data, layer):
    return data.decode() if layer == "text" else data


pieces = st.lists(st.binary(max_size=100) | st.builds(bytes, st.integers(0, 3 * BUFFER_SIZE)), max_size=8)


@given(pieces=pieces, flushes=st.sets(st.integers(0, 7)), layer=st.sampled_from(["raw", "buffered"]))
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_writes_as_a_local_file_does(writing, fake_writer, pieces, flushes, layer):
    fake, oracle = fake_writer(), io.BytesIO()
    with writing(fake, layer) as file:
        for number, piece in enumerate(pieces):
            assert file.write(piece) == oracle.write(piece)
            if number in flushes:
                file.flush()
            assert file.tell() == oracle.tell()
    assert fake.data == oracle.getvalue()
    assert fake.end == "published"
    assert file.result.size == len(fake.data)


def test_small_writes_cost_one_call_into_the_loop_per_mib(writing, fake_writer, monkeypatch, bridge):
    fake, crossings = fake_writer(), []
    cross = bridge.call_with_buffer
    monkeypatch.setattr(bridge, "call_with_buffer", lambda *args: crossings.append(1) or cross(*args))
    with writing(fake) as file:
        for _ in range(8 * 16):
            file.write(bytes(64 * 1024))
    assert len(crossings) <= 8


def test_any_buffer_can_be_written(writing, fake_writer):
    fake = fake_writer()
    with writing(fake, "raw") as file:
        assert file.write(memoryview(b"abcdef").cast("H")) == 6
        assert file.write(bytearray(b"x")) == 1
    assert fake.data == b"abcdefx"


def test_what_a_file_says_of_itself(writing, fake_writer):
    for layer in LAYERS:
        with writing(fake_writer("xb"), layer) as file:
            assert (file.readable(), file.writable(), file.seekable(), file.isatty()) == (False, True, False, False)
            assert file.name == "s3://bucket/key"
            assert file.mode == ("w" if layer == "text" else "xb")
            for call in (file.fileno, file.read, lambda file=file: file.seek(0), lambda file=file: file.truncate(0)):
                with pytest.raises(io.UnsupportedOperation):
                    call()
            with pytest.raises(ClosedHandleError):
                _ = file.result


def test_appending_begins_where_the_object_ends(writing, fake_writer):
    fake = fake_writer("ab", b"before")
    with writing(fake) as file:
        assert file.tell() == 6
        file.write(b"after")
        assert file.tell() == 11
    assert fake.data == b"beforeafter"


@pytest.mark.parametrize("layer", LAYERS)
def test_a_closed_file_rejects(writing, fake_writer, layer):
    file = writing(fake_writer(), layer)
    file.close()
    file.close()
    file.abort()
    assert file.result.size == 0
    for call in (lambda: file.write(text_of(b"x", layer)), file.writable, file.tell):
        with pytest.raises(ValueError, match="closed file"):
            call()
    with pytest.raises(ValueError, match="closed file"), file:
        pass


# What ends a with block


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("error", [MishapError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_an_exception_in_the_block_publishes_nothing(writing, fake_writer, layer, error):
    fake = fake_writer()
    with pytest.raises(error), writing(fake, layer) as file:
        file.write(text_of(b"half", layer))
        raise error
    assert fake.end == "aborted"
    assert file.closed
    with pytest.raises(ClosedHandleError):
        _ = file.result


@contextlib.contextmanager
def _by_hand(file):
    try:
        yield file
    finally:
        file.close()


@contextlib.contextmanager
def _closing_first(file):
    with contextlib.closing(file):
        yield file


WRAPPERS = {
    "io.TextIOWrapper": lambda file: io.TextIOWrapper(file, "utf-8"),
    "io.BufferedWriter": io.BufferedWriter,
    "io.TextIOWrapper on io.BufferedWriter": lambda file: io.TextIOWrapper(io.BufferedWriter(file)),
    "contextlib.closing": contextlib.closing,
    "a generator with finally": _by_hand,
    "closing in a generator": _closing_first,
    "ExitStack.callback": lambda file: _stack(lambda stack: stack.callback(file.close), file),
    "ExitStack.enter_context": lambda file: _stack(lambda stack: stack.enter_context(file), file),
}


@contextlib.contextmanager
def _stack(prepare, file):
    with contextlib.ExitStack() as stack:
        prepare(stack)
        yield file


def _write(wrapper):
    wrapper.write("half" if isinstance(wrapper, io.TextIOBase) else b"half")


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("layer", ["raw", "buffered"])
def test_an_exception_in_the_block_of_a_wrapper_publishes_nothing(writing, fake_writer, caplog, logged, wrap, layer):
    caplog.set_level(logging.DEBUG, "aios3.sync")
    fake = fake_writer()
    with pytest.raises(MishapError), WRAPPERS[wrap](writing(fake, layer)) as file:
        _write(file)
        raise MishapError
    assert fake.end == "aborted"
    logged()
    assert "nothing is published" in caplog.text


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("layer", ["raw", "buffered"])
def test_a_good_end_of_the_block_of_a_wrapper_publishes(writing, fake_writer, wrap, layer):
    fake = fake_writer()
    with WRAPPERS[wrap](writing(fake, layer)) as file:
        _write(file)
    assert (fake.end, fake.data) == ("published", b"half")


ARCHIVES = {  # the tests enter them
    "gzip": lambda file: gzip.GzipFile(fileobj=file, mode="wb"),
    "gzip text": lambda file: io.TextIOWrapper(gzip.GzipFile(fileobj=file, mode="wb")),
    "bz2": lambda file: bz2.BZ2File(file, "wb"),
    "lzma": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115
    "zipfile": lambda file: zipfile.ZipFile(file, "w"),
    "tarfile": lambda file: tarfile.open(fileobj=file, mode="w"),  # noqa: SIM115
    "tarfile stream": lambda file: tarfile.open(fileobj=file, mode="w|gz"),  # noqa: SIM115
}


def _fill(archive):
    if isinstance(archive, zipfile.ZipFile):
        archive.writestr("member", "half")
    elif isinstance(archive, tarfile.TarFile):
        info = tarfile.TarInfo("member")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"half"))
    else:
        _write(archive)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_exception_in_an_archive_publishes_nothing(writing, fake_writer, name):
    fake = fake_writer()
    with pytest.raises(MishapError), writing(fake) as file, ARCHIVES[name](file) as archive:
        _fill(archive)
        raise MishapError
    assert fake.end == "aborted"


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_exception_in_an_archive_alone_publishes_nothing(writing, fake_writer, bridge, name):
    fake = fake_writer()
    with pytest.warns(ResourceWarning, match="nothing was published"):
        _mishap_in_archive(ARCHIVES[name], writing(fake))
    bridge.stop()
    assert fake.end == "aborted"


def _mishap_in_archive(make, *files):
    with contextlib.suppress(MishapError), make(*files) as archive:
        _fill(archive)
        raise MishapError
    del archive, files
    gc.collect()


def test_an_archive_that_owns_the_file_through_a_wrapper(writing, fake_writer):
    fake = fake_writer()
    with pytest.raises(MishapError), io.BufferedWriter(writing(fake, "raw")) as file, zipfile.ZipFile(file, "w") as z:
        z.writestr("member", "half")
        raise MishapError
    assert fake.end == "aborted"


def test_an_exception_in_an_async_with_publishes_nothing(writing, fake_writer):
    fake = fake_writer()

    class Wrapper:
        def __init__(self):
            self.file = writing(fake)

        async def __aenter__(self):
            return self.file

        async def __aexit__(self, *exc_info):
            await asyncio.sleep(0)
            self.file.close()

    async def write(error):
        async with Wrapper() as file:
            file.write(b"half")
            if error is not None:
                raise error

    with pytest.raises(MishapError):
        _drive(write(MishapError()))
    assert fake.end == "aborted"
    fake = fake_writer()
    _drive(write(None))
    assert fake.end == "published"


def _drive(work):
    """Run ``work`` without an event loop, on which blocking would be rejected."""
    with contextlib.suppress(StopIteration):
        while True:
            work.send(None)


# What a close() by hand means


def test_an_explicit_close_while_an_exception_is_handled_publishes(writing, fake_writer):
    for number, handled in enumerate(("except", "finally")):
        fake = fake_writer()
        file = writing(fake)
        with contextlib.suppress(MishapError):
            _close_while_handling(file, handled)
        assert (number, fake.end) == (number, "published")


def _close_while_handling(file, how):
    if how == "except":
        try:
            raise MishapError
        except MishapError:
            file.close()
    else:
        try:
            raise MishapError
        finally:
            file.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_an_explicit_close_while_the_program_is_stopped_publishes_nothing(writing, fake_writer, error):
    fake = fake_writer()
    file = writing(fake)
    with pytest.raises(error):
        try:
            file.write(b"half")
            raise error
        finally:
            file.close()
    assert fake.end == "aborted"


@pytest.mark.parametrize("error", [MishapError, KeyboardInterrupt])
def test_a_file_opened_while_an_exception_is_handled_has_nothing_to_do_with_it(writing, fake_writer, error):
    fake, nested = fake_writer(), fake_writer()
    try:
        raise error
    except error:
        with writing(fake) as report, io.TextIOWrapper(report) as text:
            text.write("what happened")
        try:
            raise MishapError
        except MishapError:
            later = writing(nested)
        later.close()
    assert (fake.end, nested.end) == ("published", "published")


def test_a_file_opened_in_the_exit_of_a_failing_block_is_published(writing, fake_writer):
    fake, by_hand = fake_writer(), fake_writer()

    class Reports:
        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            with io.TextIOWrapper(writing(fake)) as report:
                report.write("what happened")
            file = writing(by_hand)
            try:
                {}["missing"]
            except KeyError:
                file.close()

    with pytest.raises(MishapError), Reports():
        raise MishapError
    assert (fake.end, by_hand.end) == ("published", "published")


def test_a_closed_file_keeps_no_frame_alive(writing, fake_writer):
    class Canary:
        pass

    kept = []

    class Reports:
        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            kept.append(writing(fake_writer()))
            kept.append(writing(fake_writer()))

    def fail():
        canary = Canary()
        kept.append(weakref.ref(canary))
        with contextlib.suppress(MishapError), Reports():
            raise MishapError

    fail()
    canary, first, second = kept
    first.close()
    second.abort()
    assert canary() is None


def test_an_exception_of_its_own_in_such_a_file_publishes_nothing(writing, fake_writer):
    fake = fake_writer()

    class Reports:
        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            with io.TextIOWrapper(writing(fake)) as report:
                report.write("half of what happ")
                raise ValueError

    with pytest.raises(ValueError), Reports():
        raise MishapError
    assert fake.end == "aborted"


def test_raising_the_same_exception_again_publishes_nothing(writing, fake_writer):
    fake = fake_writer()
    with pytest.raises(MishapError):
        try:
            raise MishapError
        except MishapError:
            with io.TextIOWrapper(writing(fake)) as report:
                report.write("half")
                raise
    assert fake.end == "aborted"


@pytest.mark.parametrize("layer", LAYERS)
def test_abort_publishes_nothing(writing, fake_writer, layer):
    fake = fake_writer()
    file = writing(fake, layer)
    file.write(text_of(b"half", layer))
    file.abort()
    file.abort()
    file.close()
    assert (fake.end, file.closed) == ("aborted", True)


# Failures


@pytest.mark.parametrize("layer", LAYERS)
def test_a_failed_write_is_never_published(writing, fake_writer, layer):
    fake = fake_writer()
    fake.fail_at["write"] = ServerError("no room")
    file = writing(fake, layer)
    with pytest.raises(ServerError):
        file.write(text_of(bytes(3 * BUFFER_SIZE), layer))
        file.flush()
    del fake.fail_at["write"]
    with pytest.raises(ClosedHandleError, match=r"not published, because a write has failed \(ServerError: no room\)"):
        file.write(text_of(bytes(3 * BUFFER_SIZE), layer))
        file.flush()
    with pytest.raises(ClosedHandleError, match="not published"):
        file.close()
    assert (fake.end, file.closed) == ("aborted", True)


@pytest.mark.parametrize("layer", ["buffered", "text", "stdlib buffered", "stdlib text"])
def test_what_cannot_be_flushed_at_close_is_never_published(writing, fake_writer, layer):
    fake = fake_writer()
    file = writing(fake, {"stdlib buffered": "raw", "stdlib text": "buffered"}.get(layer, layer))
    if layer.startswith("stdlib"):
        file = io.BufferedWriter(file) if layer == "stdlib buffered" else io.TextIOWrapper(file)
    file.write("last" if "text" in layer else b"last")
    fake.fail_at["write"] = ServerError("no room")
    with pytest.raises((ServerError, ClosedHandleError)):
        file.close()
    assert (fake.end, file.closed) == ("aborted", True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MishapError])
@pytest.mark.parametrize("layer", ["buffered", "text"])
def test_an_exception_in_the_flush_of_close_publishes_nothing(writing, fake_writer, layer, error):
    fake = fake_writer()
    file = writing(fake, layer)
    file.write(text_of(b"last", layer))

    def flush():
        del file.flush
        raise error

    file.flush = flush
    with pytest.raises(error):
        file.close()
    assert (fake.end, file.closed) == ("aborted", True)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_rejected_completion_is_raised(writing, fake_writer, layer):
    fake = fake_writer()
    fake.fail_at["aclose"] = ServerError("try again later")
    file = writing(fake, layer)
    with pytest.raises(ServerError):
        file.close()
    assert (fake.end, file.closed) == ("aborted", True)
    file.close()


def test_a_failed_abort_does_not_hide_the_exception_of_the_block(writing, fake_writer, caplog, logged):
    fake = fake_writer()
    fake.fail_at["abort"] = ServerError("try again later")
    with pytest.raises(MishapError), writing(fake):
        raise MishapError
    logged()
    assert "may still cost space: try again later" in caplog.text


def test_wrong_arguments_do_no_harm(writing, fake_writer):
    fake = fake_writer()
    with writing(fake) as file:
        with pytest.raises(TypeError):
            file.write("text")
        file.write(b"bytes")
    assert (fake.end, fake.data) == ("published", b"bytes")


def test_a_session_that_closed_the_file_before_is_noticed(writing, fake_writer):
    fake = fake_writer()
    file = writing(fake)
    fake.settle("aborted")
    with pytest.raises(ClosedHandleError, match="its session was closed"):
        file.close()


@pytest.mark.parametrize("layer", LAYERS)
def test_ctrl_c_in_a_write_publishes_nothing(writing, fake_writer, ctrl_c, layer):
    fake = fake_writer()

    async def write(view):
        ctrl_c()
        await asyncio.get_running_loop().create_future()

    fake.write = write
    file = writing(fake, layer)
    with pytest.raises(KeyboardInterrupt):
        file.write(text_of(bytes(3 * BUFFER_SIZE), layer))
        file.flush()
    with pytest.raises(ClosedHandleError, match="KeyboardInterrupt"):
        file.close()
    assert fake.end == "aborted"


def test_ctrl_c_between_two_pieces_of_a_write_publishes_nothing(writing, fake_writer, ctrl_c, bridge):
    fake = fake_writer()
    take = fake.write

    async def write(view):
        await take(view)
        if len(fake.data) == len(view):
            ctrl_c()
        return len(view)

    fake.write = write
    file = writing(fake)
    with pytest.raises(KeyboardInterrupt):
        file.write(bytes(BUFFER_SIZE - 1))
        file.write(bytes(5 * BUFFER_SIZE))
        bridge.call(asyncio.sleep, 0)
    with contextlib.suppress(ClosedHandleError):
        file.close()
    assert fake.end == "aborted" or len(fake.data) == 6 * BUFFER_SIZE - 1


# Nobody closes it


FORGOTTEN = {
    "raw": lambda open_, fake: open_(fake, "raw"),
    "buffered": lambda open_, fake: open_(fake, "buffered"),
    "text": lambda open_, fake: open_(fake, "text"),
    "stdlib buffered": lambda open_, fake: io.BufferedWriter(open_(fake, "raw")),
    "stdlib text": lambda open_, fake: io.TextIOWrapper(open_(fake, "buffered")),
    "stdlib text and buffered": lambda open_, fake: io.TextIOWrapper(io.BufferedWriter(open_(fake, "raw"))),
    "gzip": lambda open_, fake: gzip.GzipFile(fileobj=open_(fake), mode="wb"),
    "text in gzip": lambda open_, fake: io.TextIOWrapper(gzip.GzipFile(fileobj=open_(fake), mode="wb")),
    "bz2": lambda open_, fake: bz2.BZ2File(open_(fake), "wb"),
    "csv": lambda open_, fake: csv.writer(open_(fake, "text")),
    "zipfile": lambda open_, fake: zipfile.ZipFile(open_(fake), "w"),
}


def _forget(kept):
    kept.clear()
    gc.collect()


def _use(file):
    if isinstance(file, zipfile.ZipFile):
        file.writestr("member", "half")
    elif hasattr(file, "writerow"):
        file.writerow(["half"])
    else:
        _write(file)


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_forgotten_file_is_aborted_with_a_warning(writing, fake_writer, bridge, name):
    fake = fake_writer()
    kept = [FORGOTTEN[name](writing, fake)]
    _use(kept[0])
    with pytest.warns(ResourceWarning, match="nothing was published") as caught:
        _forget(kept)
    bridge.stop()
    assert fake.end == "aborted"
    assert len([warning for warning in caught if "s3://" in str(warning.message)]) == 1


@pytest.mark.parametrize("name", FORGOTTEN)
def test_garbage_collection_on_the_loop_itself_does_not_wait_for_it(writing, fake_writer, bridge, name, logged):
    fake = fake_writer()
    cycle = [FORGOTTEN[name](writing, fake)]
    _use(cycle[0])
    cycle.append(cycle)
    del cycle

    async def collect():
        gc.collect()

    with pytest.warns(ResourceWarning, match="nothing was published"):  # noqa: PT031 - a thread of its own warns
        bridge.call(collect)
        logged()
    bridge.stop()
    assert fake.end == "aborted"


def test_detached_layers_leave_the_file_alone(writing, fake_writer):
    fake = fake_writer()
    text = writing(fake, "text")
    text.write("all")
    buffered = text.detach()
    del text
    raw = buffered.detach()
    del buffered
    raw.close()
    assert (fake.end, fake.data) == ("published", b"all")


def test_a_file_that_is_open_when_the_loop_thread_ends_is_aborted(writing, fake_writer, bridge, caplog):
    fake = fake_writer()
    file = writing(fake)
    file.write(b"half")
    bridge.stop()
    assert fake.end == "aborted"
    assert "never closed" in caplog.text
    with pytest.raises(ClosedHandleError, match="shut down"):
        file.close()


def test_a_finished_file_is_not_aborted_when_the_loop_thread_ends(writing, fake_writer, bridge, caplog):
    writing(fake_writer()).close()
    writing(fake_writer()).abort()
    bridge.stop()
    assert caplog.text == ""


def test_closing_on_the_loops_own_thread_is_rejected_and_publishes_nothing(writing, fake_writer, bridge):
    fake = fake_writer()
    file = writing(fake)

    async def close():
        file.close()

    with pytest.raises(WrongLoopError):
        bridge.call(close)
    assert fake.ended.wait(30)
    assert fake.end == "aborted"


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("how", ["close", "abort", "exit", "forget"])
def test_a_forks_copy_neither_publishes_nor_aborts(writing, fake_writer, monkeypatch, layer, how):
    fake = fake_writer()
    file = writing(fake, layer)
    file.write(text_of(b"half", layer))
    before = bytes(fake.data)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    if how == "close":
        file.close()
    elif how == "abort":
        file.abort()
    elif how == "exit":
        with pytest.raises(SystemExit), file:
            raise SystemExit
    del file
    gc.collect()
    monkeypatch.undo()
    assert (fake.end, bytes(fake.data)) == (None, before)


def test_writing_to_a_forks_copy_is_rejected(writing, fake_writer, monkeypatch):
    file = writing(fake_writer(), "raw")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(WrongLoopError, match="parent process"):
        file.write(b"x")
    file.close()
    monkeypatch.undo()
