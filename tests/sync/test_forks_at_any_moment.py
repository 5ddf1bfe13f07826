"""Forks at random moments while threads work: every child reads and writes, and none hangs or misses half a module."""

from __future__ import annotations

import os
import sys
import textwrap
import warnings

import pytest

FORKS = int(os.environ.get("AIOS3_FORKS", "40"))
"""The soak takes 200."""
PROGRAM = """
import os, random, signal, sys, threading, time
import aios3.sync as s3
bucket, seed = sys.argv[1], int(sys.argv[2])

def work(number):
    while not over.is_set():
        s3.write_bytes(f"{bucket}/{number}", b"x" * 1000)
        s3.read_bytes(f"{bucket}/{number}")
        with s3.open(f"{bucket}/{number}", "rb") as file:
            file.read()
        list(s3.scan(bucket))

def in_child():
    key = f"{bucket}/child-{os.getpid()}"
    s3.write_bytes(key, b"y" * 1000)
    with s3.open(key) as file:
        assert file.read() == b"y" * 1000
    s3.remove(key)

def wait_for(child):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGABRT)
    os.waitpid(child, 0)
    return "it hangs"

over = threading.Event()
for number in range(3):
    threading.Thread(target=work, args=(number,), daemon=True).start()
moment = random.Random(seed)
for _ in range(int(sys.argv[3])):
    until = time.monotonic() + moment.random() * 0.15
    while time.monotonic() < until:
        pass
    child = os.fork()
    if child == 0:
        code = 1
        try:
            in_child()
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    print(wait_for(child), flush=True)
over.set()
"""


@pytest.mark.parametrize("settings", ["plain", "with a profile"])
def test_a_fork_within_the_first_calls_leaves_children_that_work(start_script, server, bucket, tmp_path, settings):
    """Each program forks once or a few times, because only its first calls import."""
    environment = {"AWS_ENDPOINT_URL": server.endpoint_url, "AWS_REGION": server.region, "PYTHONWARNINGS": "ignore"}
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    if settings == "plain":
        environment |= keys
    else:  # aiobotocore is imported, to find out who we are
        credentials = tmp_path / "credentials"
        lines = [f"{name.lower()} = {value}" for name, value in keys.items()]
        credentials.write_text("\n".join(["[other]", *lines]))
        environment |= {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_PROFILE": "other"}
    each = 4
    programs = FORKS // each // 2
    for first in range(0, programs, 2):
        running = [
            start_script(textwrap.dedent(PROGRAM), bucket, str(seed), str(each), **environment)
            for seed in range(first, min(first + 2, programs))
        ]
        for program in running:
            stdout, stderr = program.communicate(timeout=200)
            assert stdout.split() == ["0"] * each, stderr


def test_a_fork_leaves_the_interval_between_threads_as_it_was():
    before = sys.getswitchinterval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork beside threads
        pid = os.fork()
    if not pid:
        os._exit(sys.getswitchinterval() != before)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sys.getswitchinterval() == before
