"""A session at a server that limits the rate of requests; in time that passes at once, because both measure it."""

from __future__ import annotations

import asyncio
import random

import pytest
from fake_s3 import FakeS3

import aios3
import virtual_time
from aios3 import _session
from aios3._adapting_backend import AdaptingBackend
from aios3.errors import ThrottledError
from aios3.testing import SeenRequest
from aios3.testing._faulty_rules import RateLimit

READS = 1300
LATENCY_SECONDS = 0.01


class Limited(FakeS3):
    """S3 that responds with 200 requests a second, five at once, and rejects the others."""

    def __init__(self, policy):
        super().__init__()
        self.policy = policy
        self.policy.limiter._clock = self.policy.limiter._rate._clock = asyncio.get_running_loop().time
        self.limit = RateLimit(per_second=200, burst=5, clock=self.policy.limiter._clock)
        self.retried = AdaptingBackend(self, policy)
        self.rejected = 0

    def cached_backend(self, bucket):
        return self.retried

    async def _call(self, operation, url, **details):
        async with self.policy.limiter:
            await asyncio.sleep(LATENCY_SECONDS)
            lost = await super()._call(operation, url, **details)
        if self.limit.decide(SeenRequest(operation)) is not None:
            self.rejected += 1
            message = f"{operation} {url}: slow down"
            raise ThrottledError(message, path=str(url), operation=operation, status=503)
        return lost


@pytest.mark.parametrize("seed", range(5))
def test_few_requests_are_rejected_by_a_server_that_limits_their_rate(monkeypatch, seed):
    servers = []

    def limited(_config, _profile, policy, *_more):
        servers.append(Limited(policy))
        return servers[0]

    async def check():
        async with aios3.Session() as session:
            await session.backend(aios3.S3Url("bucket"))
            (server,) = servers
            for number in range(40):
                server.put(f"{number:02}", str(number).encode())
            paths = [f"s3://bucket/{number % 40:02}" for number in range(READS)]
            return [item async for item in aios3.read_many(paths, session=session)]

    random.seed(seed)
    monkeypatch.setattr(_session, "_make_transport", limited)
    read = virtual_time.run(check())
    assert sorted(item.data for item in read) == sorted(str(number % 40).encode() for number in range(READS))
    (server,) = servers
    assert server.calls["GetObject"] == READS + server.rejected
    assert 0 < server.rejected < 0.05 * server.calls["GetObject"]
