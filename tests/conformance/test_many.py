"""Many objects at once."""

from __future__ import annotations

from types import NoneType

import pytest

import aios3
from aios3.errors import BucketNotFoundError, InvalidPathError, ObjectNotFoundError

BODIES = {f"d/{number:03}": bytes([number % 256]) * number for number in range(100)}


@pytest.fixture
async def filled(surface, bucket):
    items = ((f"{bucket}/{key}", body) for key, body in BODIES.items())
    written = [outcome async for outcome in surface.write_many(items, content_type="text/plain")]
    assert {outcome.path: outcome.result.size for outcome in written} == {
        f"{bucket}/{key}": len(body) for key, body in BODIES.items()
    }
    return bucket


async def test_what_is_written_together_is_read_together(surface, filled):
    found = [outcome async for outcome in surface.read_many(f"{filled}/{key}" for key in BODIES)]
    assert {outcome.path: outcome.data for outcome in found} == {f"{filled}/{k}": body for k, body in BODIES.items()}
    stats = [outcome async for outcome in surface.stat_many([f"{filled}/{key}" for key in BODIES], ordered=True)]
    assert [outcome.stat.size for outcome in stats] == [len(body) for body in BODIES.values()]
    assert {outcome.stat.content_type for outcome in stats} == {"text/plain"}


async def test_order_is_kept_if_asked_for(surface, filled):
    paths = [f"{filled}/{key}" for key in reversed(BODIES)]
    assert [outcome.path async for outcome in surface.read_many(paths, ordered=True)] == paths


async def test_failures_are_raised_or_returned(surface, filled):
    paths = [f"{filled}/d/001", f"{filled}/missing", f"{filled}/d/002"]
    with pytest.raises(ObjectNotFoundError, match="missing"):
        async for _ in surface.read_many(paths):
            pass
    found = {outcome.path: outcome async for outcome in surface.read_many(paths, on_error="return")}
    assert [found[path].error is None for path in paths] == [True, False, True]
    assert isinstance(found[paths[1]].error, ObjectNotFoundError)


async def test_a_source_without_end_is_left_early(surface, filled):
    def again():
        while True:
            yield f"{filled}/d/001"

    many = surface.read_many(again(), concurrency=4)
    assert [(await anext(many)).data for _ in range(20)] == [BODIES["d/001"]] * 20
    await many.aclose()


async def test_a_listing_feeds_many_reads(surface, filled):
    if surface.name == "sync":  # an ordinary iterator, which itself crosses to the loop
        listing = aios3.sync.scan(f"{filled}/d", session=surface.session)
    else:
        listing = aios3.scan(f"{filled}/d", session=surface.session)
    found = [outcome async for outcome in surface.read_many(listing)]
    assert {outcome.path: outcome.data for outcome in found} == {f"{filled}/{k}": body for k, body in BODIES.items()}


async def test_what_a_source_raises_is_raised(surface, filled):
    def broken():
        yield f"{filled}/d/001"
        raise LookupError("exhausted")

    with pytest.raises(LookupError, match="exhausted"):
        async for _ in surface.read_many(broken()):
            pass


async def test_what_is_removed_together_is_gone_and_the_rest_is_not(surface, filled, admin):
    paths = [f"{filled}/{key}" for key in BODIES if key != "d/007"]
    done = [outcome async for outcome in surface.remove_many([*paths, paths[0], f"{filled}/never/was"])]
    assert sorted(outcome.path for outcome in done) == sorted([*paths, paths[0], f"{filled}/never/was"])
    assert {outcome.error for outcome in done} == {None}
    assert admin.keys(filled) == ["d/007"]


async def test_a_path_that_cannot_be_removed_is_its_outcome(surface, filled, bucket, admin):
    paths = [f"{filled}/d/001", bucket, f"{bucket}-is-missing/x", f"{filled}/d/002"]
    found = {outcome.path: outcome.error async for outcome in surface.remove_many(paths, on_error="return")}
    assert [type(found[path]) for path in paths] == [NoneType, InvalidPathError, BucketNotFoundError, NoneType]
    assert {"d/001", "d/002"}.isdisjoint(admin.keys(filled))
    with pytest.raises(InvalidPathError, match="names no object"):
        async for _ in surface.remove_many([bucket]):
            pass
