"""Sessions: one loop, one process, settings that travel and connections that do not; the default one of each loop."""

import asyncio
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import pytest

import aios3
from aios3 import _session
from aios3._session import current_session
from aios3.errors import ClosedHandleError, ConfigError, WrongLoopError


class Backend:
    def __init__(self):
        self.closed = False

    def cached_backend(self, bucket):
        return self

    async def aclose(self):
        self.closed = True


@pytest.fixture
def backends(monkeypatch):
    made = []

    def make(config, profile, policy, observer, told):
        made.append((profile, Backend()))
        return made[-1][1]

    monkeypatch.setattr(_session, "_make_transport", make)
    # The loop behind the blocking functions keeps a default session for as long as the process lives.
    monkeypatch.setattr(_session, "_defaults", {})
    return made


def test_settings_are_checked_at_once():
    with pytest.raises(ConfigError, match="'bucket'"):
        aios3.Session(bucket="x")
    with pytest.raises(ConfigError, match="Config"):
        aios3.Session("http://localhost")
    with pytest.raises(ConfigError, match="max_attempts"):
        aios3.Session(max_attempts=0)
    assert aios3.Session(aios3.Config(region="eu"), max_attempts=2).config == aios3.Config(region="eu", max_attempts=2)


async def test_one_backend_a_profile_and_all_closed(backends):
    async with aios3.Session(profile="main") as session:
        first = await session.backend(aios3.S3Url("b"))
        assert await session.backend(aios3.S3Url("b", "k")) is first
        assert await session.backend(aios3.S3Url("b", "k", "other")) is not first
    assert [(profile, backend.closed) for profile, backend in backends] == [("main", True), ("other", True)]


async def test_a_path_s_profile_goes_before_the_session_s_credentials(monkeypatch):
    seen = []

    def make(config, profile, policy, observer, told):
        seen.append((profile, config.credentials))
        return Backend()

    monkeypatch.setattr(_session, "_make_transport", make)
    own = aios3.Credentials("a", "b")
    async with aios3.Session(profile="main", credentials=own) as session:
        await session.backend(aios3.S3Url("b"))
        await session.backend(aios3.S3Url("b", "k", "other"))
    assert seen == [("main", own), ("other", None)]


async def test_a_closed_session_says_so(backends):
    session = aios3.Session()
    assert "unused" in repr(session)
    async with session:
        assert "open" in repr(session)
    await session.aclose()
    assert session.closed
    assert "closed" in repr(session)
    with pytest.raises(ClosedHandleError):
        await session.backend(aios3.S3Url("b"))
    with pytest.raises(ClosedHandleError):
        async with session:
            pass
    unused = aios3.Session()
    await unused.aclose()
    assert unused.closed


def test_another_loop_is_rejected_by_name():
    session = aios3.Session()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(session.__aenter__())

    async def use():
        current_session(session)

    with pytest.raises(WrongLoopError, match="another event loop"):
        asyncio.run(use())
    loop.run_until_complete(session.aclose())
    loop.close()


async def test_only_sessions_are_sessions():
    with pytest.raises(ConfigError, match="str"):
        current_session("session")


def test_a_pickled_session_carries_settings_and_nothing_else(backends):
    async def main():
        async with aios3.Session(region="eu", credentials=aios3.Credentials("a", "b")) as session:
            await session.backend(aios3.S3Url("b"))
            return pickle.dumps(session)

    copy = pickle.loads(asyncio.run(main()))
    assert copy.config == aios3.Config(region="eu", credentials=aios3.Credentials("a", "b"))
    assert copy.loop is None
    assert not copy.closed


def test_paths_pickle():
    url = aios3.S3Url("bucket", "a/ü%2F", "profile")
    assert pickle.loads(pickle.dumps(url)) == url


def test_each_loop_has_a_default_session_that_is_closed_with_it(backends):
    seen = []

    async def main():
        session = current_session(None)
        assert current_session(None) is session
        await session.backend(aios3.S3Url("b"))
        seen.append(session)

    for _ in range(2):
        asyncio.run(main())
    assert seen[0] is not seen[1]
    assert all(session.closed for session in seen)
    assert all(backend.closed for _, backend in backends)
    assert _session._defaults == {}


def test_a_default_session_closed_by_hand_is_replaced(backends):
    async def main():
        first = current_session(None)
        await first.aclose()
        assert current_session(None) is not first

    asyncio.run(main())


def test_the_default_session_of_a_loop_that_was_just_closed_is_forgotten(backends):
    loop = asyncio.new_event_loop()

    async def use():
        return current_session(None)

    loop.run_until_complete(use())
    loop.close()

    async def main():
        current_session(None)
        return len(_session._defaults)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        assert asyncio.run(main()) == 1
        gc.collect()


def test_a_script_on_the_default_session_ends_without_a_word(tmp_path):
    script = textwrap.dedent("""
        import asyncio, os, aios3
        from aios3.testing import LocalServer

        async def main():
            await aios3.write_bytes("s3://bucket/k", b"hello")
            async with aios3.aopen("s3://bucket/k") as f:
                print(await f.read())

        with LocalServer(buckets=("bucket",)) as server:
            os.environ["AWS_ENDPOINT_URL_S3"] = server.endpoint_url
            os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
            asyncio.run(main())
    """)
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", script],
        capture_output=True, text=True, timeout=100, check=False, env=os.environ | {"HOME": str(tmp_path)},
    )  # fmt: skip
    assert (run.stdout, run.returncode) == ("b'hello'\n", 0), run.stderr
    assert "never" not in run.stderr
    assert "unclosed" not in run.stderr


def _use_in_child(session, results):
    async def main():
        try:
            current_session(session)
        except WrongLoopError as error:
            results.put(str(error))
        await session.aclose()

    asyncio.run(main())


def test_a_forked_child_cannot_use_the_session_of_its_parent():
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    session = aios3.Session()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(session.__aenter__())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of a fork beside threads; there is none here
        child = context.Process(target=_use_in_child, args=(session, results))
        child.start()
    assert "fork" in results.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    loop.run_until_complete(session.aclose())
    loop.close()
