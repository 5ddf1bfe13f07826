"""The short form of the soak; ``nox -s soak`` runs the long one."""

from __future__ import annotations

from soak import soak

OPERATIONS = 400


async def test_200_tasks_through_random_faults_read_only_what_was_written(faulty, options, bucket, admin):
    tally, left = await soak(faulty, _reaching(options(faulty)), bucket, operations=OPERATIONS, seed=1)
    assert tally["faults"] > OPERATIONS / 20
    assert sum(count for name, count in tally.items() if name.endswith(" done")) > OPERATIONS * 0.9
    assert admin.uploads(bucket) == []
    # What the first request of a connection has noted stays as long as the connection: asyncio keeps its context.
    assert left.pop("aios3._observe.attempts.Attempt", 0) <= 64
    assert left.total() < 40, f"what is left grows with the operations: {left}"


def _reaching(options: dict) -> dict:
    names = ("endpoint_url", "region", "credentials", "transport")
    return {name: options[name] for name in names if name in options}
