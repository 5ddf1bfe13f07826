"""Logs that are written to S3: whole programs, which must come to their end whatever lock of logging they hold."""

from __future__ import annotations

import json
import logging
import textwrap
import threading
from pathlib import Path

import pytest

import aios3
from aios3 import _logs
from aios3._logs import Relay, get_logger

PROLOGUE = """
import io, logging, logging.config, logging.handlers, os, sys, threading, warnings
import aios3
import aios3.sync as s3
bucket, transport = sys.argv[1:3]
path = bucket + "/log.txt"
session = s3.Session(transport=transport)

class S3File(logging.FileHandler):
    "A log file in S3."
    def _open(self):
        return s3.open(path, "a", session=session)

class S3Put(logging.Handler):
    "Each record is an object."
    def emit(self, record):
        s3.write_text(f"{bucket}/{record.name}-{record.lineno}", self.format(record), session=session)
"""

CONFIGURED = """
logging.config.dictConfig({{
    "version": 1,
    "handlers": {{"h": {{"()": lambda: S3File("x")}}}},
    "root": {{"handlers": ["h"], "level": {level!r}}},
}})
logging.getLogger("app").warning("hello")
logging.shutdown()
"""
CONFIGURED_AGAIN = """
s3.write_text(path, "", session=session)
logging.getLogger("app").info("not shown")
logging.disable(logging.NOTSET)  # empties what the loggers remember of levels
logging._acquireLock() if hasattr(logging, "_acquireLock") else logging._lock.acquire()
s3.write_text(path, "hello", session=session)
"""
STREAMED = """
with s3.open(path, "w", buffering={buffering!r}, session=session) as f:
    logging.basicConfig(level={level!r}, stream=f)
    for n in range(30_000):
        logging.warning("%s %s", n, "x" * 400)
    logging.warning("hello")
    logging.getLogger().handlers[0].setStream(io.StringIO())  # another thread may be about to write a record
    logging.getLogger().handlers.clear()
"""
CLOSED_BY_ITS_HANDLER = """
handler = S3File("x")
logging.basicConfig(level={level!r}, handlers=[handler])
logging.warning("hello %s", "x" * 9_000_000)
handler.close()
"""
PUT = """
logging.basicConfig(level={level!r}, handlers=[S3Put()])
logging.getLogger("log.txt").warning("hello")
os.rename  # nothing else happens
s3.copy(f"{{bucket}}/log.txt-{line}", path, session=session)
"""
BUFFERED = """
target = S3Put()
logging.basicConfig(level={level!r}, handlers=[logging.handlers.MemoryHandler(2, target=target)])
logging.getLogger("app").warning("hello")
logging.getLogger("app").warning("hello again")
s3.write_text(path, "hello", session=session)
"""
QUEUED = """
import queue
records = queue.Queue()
listener = logging.handlers.QueueListener(records, S3Put())
listener.start()
logging.basicConfig(level={level!r}, handlers=[logging.handlers.QueueHandler(records)])
logging.getLogger("app").warning("hello")
s3.write_text(path, "hello", session=session)
listener.stop()
"""
THREADS = """
handler = S3File("x")
logging.basicConfig(level={level!r}, handlers=[handler])
def work(number):
    for n in range(100):
        logging.warning("%d %s", n, "x" * 40_000)
        s3.exists(f"{{bucket}}/{{number}}", session=session)
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
logging.warning("hello")
logging.shutdown()
"""
WARNED = """
logging.captureWarnings(True)
warnings.simplefilter("always")
handler = S3File("x")
logging.basicConfig(level={level!r}, handlers=[handler])
s3.open(path, "wb", session=session)  # forgotten
logging.warning("hello")
logging.shutdown()
"""
WAYS = {
    "dictConfig": CONFIGURED,
    "lock of logging": CONFIGURED_AGAIN,
    "stream": STREAMED,
    "stream on disk": STREAMED,
    "handler closes": CLOSED_BY_ITS_HANDLER,
    "put": PUT,
    "memory handler": BUFFERED,
    "queue": QUEUED,
    "threads": THREADS,
    "warnings": WARNED,
}


@pytest.fixture
def run(run_script, environment, bucket, tmp_path, server):
    def run(source, transport):
        given = dict(environment)
        if transport == "chain":  # our own connections, with credentials that only botocore finds
            keys = {"Version": 1, "AccessKeyId": server.access_key, "SecretAccessKey": server.secret_key}
            (tmp_path / "keys.json").write_text(json.dumps(keys))
            (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'keys.json'}\n")
            given["AWS_CONFIG_FILE"] = str(tmp_path / "config")
            del given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]
        program = PROLOGUE + textwrap.dedent(source)
        return run_script(program, bucket, "auto" if transport == "chain" else transport, **given)

    return run


@pytest.mark.parametrize(
    ("transport", "level"),
    [("auto", "DEBUG"), ("aiobotocore", "DEBUG"), ("chain", "DEBUG"), ("auto", "WARNING")],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_program_that_logs_to_s3_ends_and_its_log_is_there(run, bucket, admin, way, transport, level):
    line = PROLOGUE.count("\n") + 3
    buffering = "disk" if "disk" in way else -1
    result = run(WAYS[way].format(level=level, line=line, buffering=buffering), transport)
    assert (result.returncode, result.stderr) == (0, "")
    assert b"hello" in admin.get(f"{bucket}/log.txt")


def test_an_unclosed_log_file_is_discarded_without_logging_into_it(run, path, admin):
    result = run(
        """
        f = s3.open(path, "w", session=session)
        logging.basicConfig(level=logging.DEBUG, stream=f)
        logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
        logging.warning("hello")
        """,
        "auto",
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "hello" in result.stdout
    assert "log.txt was never closed: it is aborted, and nothing is published" in result.stdout


# The relay by itself


@pytest.fixture
def relay():
    relay = Relay()
    yield relay
    relay.close(60)


@pytest.fixture
def records():
    """What the logger of the tests below was told, and by which thread."""
    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append((record.getMessage(), threading.current_thread().name))
    logger = get_logger("aios3.sync")
    before = logger.level  # the watch over secrets in the log has set it
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield told
    logger.removeHandler(handler)
    logger.setLevel(before)


def _settle(relay):
    resume = relay.pause(60)
    resume()


def test_records_go_to_the_relay_only_where_a_thread_says_so(relay, records):
    log = get_logger("aios3.sync")
    log.info("here")
    with relay:
        log.info("there")
        with relay:
            log.info("and %s", "there")
    log.info("here again")
    _settle(relay)
    here = threading.current_thread().name
    assert [record for record in records if record[1] == here] == [("here", here), ("here again", here)]
    assert [record for record in records if record[1] != here] == [
        ("there", "aios3.sync log"),
        ("and there", "aios3.sync log"),
    ]


def test_no_lock_is_taken_on_a_thread_with_a_relay(relay, records):
    done = threading.Event()

    def work():
        relay.enter()
        for level in range(1, 60):  # none of which anybody has asked for before
            get_logger("aios3.sync").isEnabledFor(level)
            get_logger("aios3.sync").log(level, "told")
        _logs.warn("careful", UserWarning, None)
        done.set()

    logging._acquireLock() if hasattr(logging, "_acquireLock") else logging._lock.acquire()
    for handler in get_logger("aios3.sync").handlers:
        handler.acquire()
    try:
        threading.Thread(target=work, daemon=True).start()
        assert done.wait(60)
        assert records == []
    finally:
        for handler in get_logger("aios3.sync").handlers:
            handler.release()
        logging._releaseLock() if hasattr(logging, "_releaseLock") else logging._lock.release()
    with pytest.warns(UserWarning, match="careful"):
        _settle(relay)
    assert [text for text, _ in records] == ["told"] * 50  # DEBUG and above


def test_levels_are_those_that_were_set(relay):
    log = get_logger("aios3.request")
    before = log.level
    with relay:
        for level in (logging.DEBUG, logging.WARNING, logging.CRITICAL):
            log.setLevel(level)
            assert [log.isEnabledFor(at) for at in range(1, 60)] == [at >= level for at in range(1, 60)]
        logging.disable(logging.WARNING)
        assert not log.isEnabledFor(logging.WARNING)
        logging.disable(logging.NOTSET)
        log.disabled = True
        assert not log.isEnabledFor(logging.CRITICAL)
        log.disabled = False
    log.setLevel(before)


def test_what_a_handler_logs_is_left_out(relay):
    told = []

    class Talkative(logging.Handler):
        def emit(self, record):
            told.append(record.getMessage())
            get_logger("aios3.sync").warning("about %s", record.getMessage())

    log = get_logger("aios3.sync")
    handler = Talkative()
    log.addHandler(handler)
    try:
        with relay:
            log.warning("one")
        _settle(relay)
    finally:
        log.removeHandler(handler)
    assert told == ["one"]


def test_a_filter_that_fails_ends_nothing(relay, records, capsys):
    log = get_logger("aios3.sync")

    def fail(_record):
        raise KeyError("of the filter")  # noqa: TRY003 - a text to be found

    log.addFilter(fail)
    with relay:
        log.warning("one")
    _settle(relay)
    log.removeFilter(fail)
    assert "of the filter" in capsys.readouterr().err
    with relay:
        log.warning("two")
    _settle(relay)
    assert [text for text, _ in records] == ["two"]


def test_records_that_slow_handlers_cannot_take_are_counted(relay, records, monkeypatch):
    monkeypatch.setattr(_logs, "MAX_WAITING", 3)
    resume = relay.pause(60)
    with relay:
        for number in range(10):
            get_logger("aios3.sync").warning("%d", number)
    resume()
    relay.close(60)
    assert [text for text, _ in records] == [
        "0",
        "1",
        "2",
        "7 records were dropped, because their handlers were too slow",
    ]


def test_the_end_waits_for_slow_handlers_as_long_as_they_handle_records(relay):
    handler, told, may_handle = logging.Handler(), [], threading.Semaphore(0)

    def emit(record):
        may_handle.acquire()
        told.append(record.getMessage())

    handler.emit = emit
    log = get_logger("aios3.sync")
    log.addHandler(handler)
    waits = 0

    def wait(_seconds):  # the time in which a slow handler takes one record
        nonlocal waits
        waits += 1
        if len(told) < 4:
            before = relay._handled
            may_handle.release()
            while relay._handled == before:
                threading.Event().wait(0.001)

    try:
        with relay:
            for number in range(5):
                log.warning("%d", number)
        relay._wait_while_handling(wait, lambda: len(told) == 5, 5.0)
        assert (told, waits) == (["0", "1", "2", "3"], 5)  # the fifth record has taken its handler too long
    finally:
        may_handle.release()
        _settle(relay)
        log.removeHandler(handler)


def test_every_logger_of_the_library_heeds_relays():
    sources = Path(aios3.__file__).parent
    made = [
        path.relative_to(sources).as_posix()
        for path in sources.rglob("*.py")
        if "logging.getLogger(" in path.read_text() and "testing" not in path.parts
    ]
    assert sorted(made) == ["_boto/boto_sessions.py", "_logs.py"]
    for name in ("asyncio", "aios3.request", "py.warnings"):
        assert "isEnabledFor" in vars(logging.getLogger(name))
