"""Fixtures of all tests: the servers that ``--server`` names, sessions on them, and guards that see what a test cannot.

Every test that uses a server runs once for each of them. What a server lacks is skipped, with the reason.
"""

from __future__ import annotations

import asyncio
import copyreg
import gc
import itertools
import logging
import os
import re
import signal
from typing import TYPE_CHECKING

import blockbuster
import coverage
import hypothesis
import pytest

import aios3
import loops
import servers
from admin import Admin
from servers.capabilities import CAPABILITIES, LACKS
from thorough import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from surfaces import Surface

_REDUCERS = frozenset(copyreg.dispatch_table)
_SERVER = pytest.StashKey[list[str]]()
_BUCKETS = itertools.count(1)


@pytest.fixture(autouse=True)
def errors_are_pickled_as_python_does_it() -> Iterator[None]:
    """Undo what Dask does to a process: it pickles every error together with its causes and tracebacks."""
    yield
    for added in copyreg.dispatch_table.keys() - _REDUCERS:
        if issubclass(added, BaseException):
            del copyreg.dispatch_table[added]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        action="append",
        choices=(*servers.NAMES, "all-light"),
        help="run the tests that use a server on this one; repeatable; all-light: " + ", ".join(servers.LIGHT),
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): skip on servers that lack one of them")
    config.addinivalue_line("markers", "loop_variants: run on asyncio in debug mode, and on uvloop")
    chosen = config.getoption("server") or ["moto"]
    names = [name for choice in chosen for name in (servers.LIGHT if choice == "all-light" else (choice,))]
    config.stash[_SERVER] = list(dict.fromkeys(names))
    _forget_the_machine()
    _heed_signals()
    hypothesis.settings.register_profile(
        "aios3", deadline=None, max_examples=examples(50)
    )  # how long an example takes is no test's business
    hypothesis.settings.load_profile("aios3")


def _heed_signals() -> None:
    """Let signals end programs: a shell's background jobs ignore SIGINT, those of nohup SIGHUP; children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


_OTHERS = {"OSS_ENDPOINT", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"}


def _forget_the_machine() -> None:
    """Keep the machine's credentials, endpoints, authorities and proxies out of the tests, and those away from them."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name in _OTHERS or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        metafunc.parametrize("server", metafunc.config.stash[_SERVER], indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _leave_out_blocking_surface(config, items)
    for item in items:
        needed = {name for marker in item.iter_markers("needs") for name in marker.args}
        if unknown := needed - set(CAPABILITIES):
            message = f"{item.nodeid} needs {', '.join(unknown)}; the capabilities are {', '.join(CAPABILITIES)}"
            raise pytest.UsageError(message)
        if needed:
            _skip_where_lacking(item, needed)


def _leave_out_blocking_surface(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the blocking surface on servers of LIGHT only: it sends the requests of the async one, which runs on all."""
    left = [item for item in items if _is_blocking_on_another_server(item)]
    items[:] = [item for item in items if not _is_blocking_on_another_server(item)]
    config.hook.pytest_deselected(items=left)


def _is_blocking_on_another_server(item: pytest.Item) -> bool:
    chosen = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return chosen.get("surface") == "sync" and chosen.get("server") not in {None, *servers.LIGHT}


def _skip_where_lacking(item: pytest.Item, needed: set[str]) -> None:
    name = item.callspec.params["server"]
    for capability in sorted(needed & set(LACKS[name])):
        item.add_marker(pytest.mark.skip(reason=f"{name} lacks {capability}: {LACKS[name][capability]}"))


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("loop_variants") is None:
        return loops.ASYNCIO
    return loops.VARIANTS


@pytest.fixture(scope="session", autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Make a blocking call of aios3 on an event loop an error."""
    guard = blockbuster.BlockBuster("aios3")
    acquire = guard.functions["threading.Lock.acquire"]
    # Under coverage every line may come by its lock, by a function or, in later versions, by C; that is the
    # measurement's, not ours.
    acquire.can_block_in("coverage/collector.py", {"lock_data", "unlock_data"})
    may_block, measuring = acquire.can_block_predicate, _lock_of_coverage()
    acquire.can_block_predicate = lambda lock, *args, **kwargs: lock is measuring or may_block(lock, *args, **kwargs)
    # Credentials are fetched on a loop of their own, in a thread of its own; nobody else's work waits for it.
    for function in guard.functions.values():
        function.can_block_in("aios3/_boto/private_loop.py", {"run"})
        # The garbage collector runs finalizers of a pool of processes wherever it is started.
        function.can_block_in("multiprocessing/resource_tracker.py", {"ensure_running", "_send", "_check_alive"})
    # Scripting a fault server waits for one turn of that server's own loop.
    acquire.can_block_in("aios3/testing/_faulty_thread.py", {"call"})
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()


def _lock_of_coverage() -> object:
    """Return the lock of the measurement that is running, if there is one."""
    collector = getattr(coverage.Coverage.current(), "_collector", None)
    return getattr(collector, "data_lock", None)


_SECRETS = re.compile(
    r"Signature=|X-Amz-(?:Signature|Credential)|AWS4-HMAC|security-token|nobody-may-see", re.IGNORECASE
)
_TALKATIVE = ("aios3.request", "aios3.transport")
"""Loggers whose debug lines are looked at in every test, also where nobody has asked for them."""


@pytest.fixture(scope="session")
def secrets_logged() -> Iterator[list[str]]:
    """What the whole run has logged under ``aios3``, debug lines too, and should not have."""
    found: list[str] = []
    own = logging.getLogger("aios3")

    def look(record: logging.LogRecord) -> bool:
        """Look at a record; let it pass where it would have passed without us."""
        text = f"{record.getMessage()} {record.args!r} {record.exc_info!r}"
        if _SECRETS.search(text):
            found.append(text)
        return record.levelno >= own.getEffectiveLevel()

    handler = logging.Handler()
    handler.emit = look
    own.addHandler(handler)
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(look)
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield found
    for name in _TALKATIVE:
        logging.getLogger(name).removeFilter(look)
        logging.getLogger(name).setLevel(logging.NOTSET)
    own.removeHandler(handler)


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(secrets_logged: list[str]) -> Iterator[None]:
    """Fail the test in which a signature, a token or a presigned URL came into the log."""
    yield
    found, secrets_logged[:] = list(secrets_logged), []
    assert found == []


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    """A running server; with several of ``--server``, each in turn."""
    with servers.running(request.param) as running:
        # Servers in this process are a hundred thousand objects. No test has made them, so none has to look at them
        # when it collects its garbage; that would be half of the time of a short test.
        gc.collect()
        gc.freeze()
        yield running
        gc.unfreeze()


@pytest.fixture(scope="session")
def admin(server: servers.Server) -> Iterator[Admin]:
    """What prepares the server and looks into it, without aios3."""
    client = Admin(server)
    yield client
    client.close()


@pytest.fixture
def bucket(admin: Admin) -> Iterator[str]:
    """The path of a new, empty bucket; deleted afterwards with all that is in it."""
    path = admin.create_bucket(f"aios3-{os.getpid()}-{next(_BUCKETS)}")
    yield path
    admin.drop_bucket(path)


@pytest.fixture
async def session(server: servers.Server) -> AsyncIterator[aios3.Session]:
    """A session on the server, on the loop of the test."""
    async with aios3.Session(**server.config) as opened:
        yield opened


@pytest.fixture
async def no_leaks(session: aios3.Session, bucket: str, admin: Admin) -> AsyncIterator[None]:
    """Fail if the test leaves a task, a byte of the budget or an open upload behind."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
    assert session.tasks.active == 0
    assert session.budget.used == 0
    assert session.budget.waiting == 0
    assert admin.uploads(bucket) == []


@pytest.fixture(params=["async", "sync", "async-aiobotocore"])
async def surface(
    request: pytest.FixtureRequest, server: servers.Server, bucket: str, admin: Admin
) -> AsyncIterator[Surface]:
    """Each surface of aios3 in turn, with small blocks and parts; it must leave no open upload and no byte taken.

    Both backends serve the async one; what differs between the surfaces does not depend on the backend.
    """
    from surfaces import AsyncSurface, SyncSurface  # noqa: PLC0415 - not every test uses a surface

    name, _, transport = request.param.partition("-")
    kind = {"async": AsyncSurface, "sync": SyncSurface}[name]
    small = {"block_size": 64 * 1024, "request_size": 1 << 20, "part_size": 5 << 20}
    opened = kind(**server.config, **small, transport=transport or "auto")
    yield opened
    used = opened.session.budget.used
    await opened.aclose()
    assert used == 0
    assert admin.uploads(bucket) == []
