"""Many tasks of mixed verbs through random faults, against a model in memory; bounded by the number of operations.

By hand: ``python tests/faults/soak.py --operations 20000 --seed 7``. The faults come from seeded rules; in which order
requests meet them depends on the machine, so that a seed repeats the choice of verbs, not every fault.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import os
import random
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

import aios3
import aios3.sync
from aios3.testing import FaultyServer, faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3.testing import SeenRequest

KIB = 1024
MIB = 1024 * KIB
TASKS = 200
KEYS = 2
SIZES = {"block_size": 64 * KIB, "request_size": 256 * KIB, "part_size": 5 * MIB, "memory_budget": 32 * MIB}
CANCELLED_SHARE = 0.05
"""Of the operations, those that an anyio scope cancels somewhere on their way."""
RETRIED = (aios3.ConnectionFailedError, aios3.RequestTimeoutError, aios3.ServerError)
"""What may be raised when all attempts have met a fault."""

Content = bytes | None


def script(server: FaultyServer, seed: int) -> None:
    """Have about one request in eight fail, in every way that can be retried."""
    rules = [
        ("*", faults.Reset(), 0.02),
        ("*", faults.InternalError(), 0.02),
        ("*", faults.SlowDown(), 0.02),
        ("*", faults.Garbage(), 0.005),
        ("*", faults.Chunked(100), 0.05),
        ("GetObject", faults.ResetAfter(1000), 0.05),
        ("GetObject", faults.CutShort(1000), 0.05),
        ("GetObject", faults.WrongLength(10), 0.02),
        ("GetObject", faults.IgnoreRange(), 0.02),
        ("ListObjectsV2", faults.CutShort(100), 0.05),
        ("ListObjectsV2", faults.SmallPages(1), 0.3),
        ("UploadPart", faults.ResetUpload(100_000), 0.1),
        ("PutObject", faults.ResetUpload(100), 0.05),
        ("PutObject", faults.DropResponse(), 0.03),
        ("DeleteObject", faults.DropResponse(), 0.05),
        ("CopyObject", faults.ErrorIn200(), 0.05),
        ("CompleteMultipartUpload", faults.ErrorIn200(), 0.2),
        ("CompleteMultipartUpload", faults.DropResponse(), 0.2),
    ]
    for number, (operation, fault, probability) in enumerate(rules):
        key = _ranged if isinstance(fault, faults.WrongLength) else "*"
        server.fail(operation, fault, key=key, probability=probability, seed=seed * 1000 + number, times=None)


def _ranged(request: SeenRequest) -> bool:
    """Tell whether the response says twice how long it is: nobody can see through one lie about an empty object."""
    return "range" in (request.headers or {})


@dataclass
class Worker:
    """One task with keys of its own, and what may be under each of them: several contents after an error."""

    root: str
    session: aios3.Session
    random: random.Random
    tally: collections.Counter[str]
    model: dict[str, set[Content]] = field(init=False)

    async def run(self, operations: int) -> None:
        verbs = [self.write, self.write, self.read, self.read, self.read_range, self.append, self.copy, self.remove]
        verbs += [self.scan]
        for _ in range(operations):
            verb = self.write_large if self.random.random() < 0.01 else self.random.choice(verbs)
            key = f"{self.root}/{self.random.randrange(KEYS)}"
            with anyio.CancelScope() as scope:
                if self.random.random() < CANCELLED_SHARE:
                    asyncio.get_running_loop().call_later(self.random.random() * 0.05, scope.cancel)
                await self.tried(verb, key)
            if scope.cancelled_caught:
                self.tally["cancelled"] += 1

    async def tried(self, verb, key: str) -> None:
        try:
            await verb(key)
            self.tally[f"{verb.__name__} done"] += 1
        except RETRIED as error:
            self.tally[f"{verb.__name__} {type(error).__name__}"] += 1

    def __post_init__(self) -> None:
        self.model = {f"{self.root}/{number}": {None} for number in range(KEYS)}

    def known(self, key: str) -> set[Content]:
        return self.model[key]

    async def change(self, key: str, after: set[Content], work) -> None:
        """Do what leaves one of ``after``; an error leaves that or what was there before."""
        before = self.known(key)
        self.model[key] = before | after
        try:
            await work
        except aios3.ObjectChangedError:  # an append whose lost response was a success meets its own work
            self.tally["met its own work"] += 1
            return
        self.model[key] = after

    async def write(self, key: str) -> None:
        data = self.random.randbytes(self.random.choice((0, 100, 70_000, 300_000)))
        await self.change(key, {data}, aios3.write_bytes(key, data, session=self.session))

    async def write_large(self, key: str) -> None:
        data = self.random.randbytes(1000) * (6 * KIB)
        await self.change(key, {data}, aios3.write_bytes(key, data, session=self.session))

    async def append(self, key: str) -> None:
        data = self.random.randbytes(1000)
        if any(content and len(content) > MIB for content in self.known(key)):
            return

        async def work() -> None:
            async with aios3.aopen(key, "ab", session=self.session) as writer:
                await writer.write(data)

        await self.change(key, {(content or b"") + data for content in self.known(key)}, work())

    async def copy(self, key: str) -> None:
        target = f"{self.root}/{self.random.randrange(KEYS)}"
        contents = self.known(key) - {None}
        if target == key or None in self.known(key) or not contents:
            return
        await self.change(target, contents, aios3.copy(key, target, session=self.session))

    async def remove(self, key: str) -> None:
        await self.change(key, {None}, aios3.remove(key, missing_ok=True, session=self.session))

    async def read(self, key: str) -> None:
        try:
            found = await aios3.read_bytes(key, session=self.session)
        except aios3.ObjectNotFoundError:
            found = None
        assert found in self.known(key), f"{key} holds what was never written there"
        self.model[key] = {found}

    async def check(self) -> None:
        """Without faults, all is as the model says."""
        for key in self.model:
            await self.read(key)

    async def read_range(self, key: str) -> None:
        start, stop = sorted(self.random.sample(range(1, 100_000), 2))
        try:
            found = await aios3.read_bytes(key, start, stop, session=self.session)
        except (aios3.ObjectNotFoundError, aios3.InvalidRangeError):
            assert any(content is None or len(content) < start for content in self.known(key))
            return
        assert found in {content[start:stop] for content in self.known(key) if content is not None}

    async def scan(self, _key: str) -> None:
        found = {path async for path in aios3.scan(f"{self.root}/", session=self.session)}
        assert found <= {key for key, contents in self.model.items() if contents != {None}}
        assert found >= {key for key, contents in self.model.items() if None not in contents}


async def soak(
    server: FaultyServer, config: dict, bucket: str, *, operations: int, seed: int
) -> tuple[collections.Counter[str], collections.Counter[str]]:
    """Run ``operations`` in two halves; return what happened, and the objects that the second half left alive.

    Raises AssertionError if anything was read that was not written, or anything is left.
    """
    tally: collections.Counter[str] = collections.Counter()
    alive = []
    async with aios3.Session(**config, **SIZES, max_attempts=4, connect_timeout=20, read_timeout=30) as session:
        workers = [
            Worker(f"{bucket}/{number:03}", session, random.Random(f"{seed}/{number}"), tally)
            for number in range(min(TASKS, operations))
        ]
        before = asyncio.all_tasks()
        for half in range(2):
            script(server, seed + half)
            async with asyncio.TaskGroup() as group:
                for worker in workers:
                    group.create_task(worker.run(operations // 2 // len(workers)))
            tally["requests"] += server.counts().total
            tally["faults"] += server.counts().faults
            server.reset()
            await asyncio.gather(*(worker.check() for worker in workers))
            server.reset()
            assert session.budget.used == 0
            assert session.tasks.active == 0
            assert asyncio.all_tasks() <= before
            alive.append(living())
        await close_under_load(session, workers, tally, lambda: fork(config, bucket))
    return tally, alive[1] - alive[0]


async def close_under_load(
    session: aios3.Session, workers: list[Worker], tally: collections.Counter[str], fork_now: Callable[[], object]
) -> None:
    """Fork, and close the session, while everybody works: all are told, and nothing is left."""
    tasks = [asyncio.create_task(worker.run(10_000)) for worker in workers]
    while session.stats().in_flight < min(8, len(workers)):
        await asyncio.sleep(0)
    await asyncio.to_thread(fork_now)
    await session.aclose()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, aios3.ClosedHandleError), repr(outcome)
        tally["told that the session is closed"] += 1
    assert session.budget.used == 0
    assert session.tasks.active == 0


def fork(config: dict, bucket: str) -> None:
    """Fork beside the loop and its threads: the child works on connections of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, which is what is tried
        child = os.fork()
    if child == 0:
        code = 1
        try:
            with aios3.sync.Session(**config) as session:
                aios3.sync.write_bytes(f"{bucket}/child", b"of the child", session=session)
                code = int(aios3.sync.read_bytes(f"{bucket}/child", session=session) != b"of the child")
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def living() -> collections.Counter[str]:
    """Count the objects of aios3 and the tasks and futures that are alive, by class.

    Of all blocks of memory thousands come and go with caches of others; of these objects none may stay.
    """
    gc.collect()
    kinds = collections.Counter((str(type(each).__module__), type(each).__name__) for each in gc.get_objects())
    ours = ("aios3._", "_asyncio", "aiohttp.client")
    return collections.Counter({f"{at}.{name}": n for (at, name), n in kinds.items() if at.startswith(ours)})


def main() -> None:
    """Run it by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with FaultyServer() as server:
        tally, left = asyncio.run(
            soak(server, server.config, "s3://bucket", operations=arguments.operations, seed=arguments.seed)
        )
    lines = [f"{count:8,}  {name}" for name, count in sorted(tally.items())]
    lines += [
        f"{count:8,}  more alive after the second half than after the first: {name}" for name, count in left.items()
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
