"""A rejected HEAD says 400 or 403 and no more: whatever was wrong is learnt, in a bounded number of requests."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

import aios3
from servers.amazon_objects import Object, rejection

if TYPE_CHECKING:
    from servers.amazon import Amazon
    from servers.amazon_objects import Asked, Response

HEADS = {
    "stat": lambda session: aios3.stat("s3://bucket/key", session=session),
    "exists": lambda session: aios3.exists("s3://bucket/key", session=session),
    "exists not": lambda session: aios3.exists("s3://bucket/none", session=session),
    "hasbucket": lambda session: aios3.hasbucket("s3://bucket", session=session),
}
"""Verbs that send a HEAD first."""
HEALTHY = {"stat": 1, "exists": 1, "exists not": 2, "hasbucket": 1}
"""How many requests they send where nothing is wrong."""
FIRST = {
    **HEADS,
    "nothing": None,
    "read": lambda session: aios3.read_bytes("s3://bucket/key", session=session),
    "list": lambda session: aios3.listdir("s3://bucket", session=session),
    "write": lambda session: aios3.write_bytes("s3://bucket/new", b"x", session=session),
}


class World:
    """Amazon with one bucket in ``home``, and a source of temporary credentials."""

    def __init__(self, amazon: Amazon, home: str) -> None:
        self.amazon = amazon
        self.home = home
        self.bucket = amazon.add_bucket("bucket", home)
        self.bucket.objects["key"] = Object(b"data", '"etag"')
        self.given: list[str] = []
        self.next_is_forgotten: bool | None = None
        """Of the credentials that are given next: None if they are good, else how they are not."""

    def give(self) -> aios3.Credentials:
        """Return new credentials, as a source does."""
        name = f"AKID{len(self.given)}"
        self.given.append(name)
        self.amazon.add_key(name, session_token=f"token-{name}")
        if self.next_is_forgotten is not None:
            self.end(forget=self.next_is_forgotten)
            self.next_is_forgotten = None
        return aios3.Credentials(name, "nobody-may-see-this", f"token-{name}")

    def end(self, *, forget: bool = False) -> None:
        """End the token in use, or the first one: S3 says 400 then, or 403 if it has forgotten the key as well."""
        if not self.given:
            self.next_is_forgotten = forget
        elif forget:
            del self.amazon.keys[self.given[-1]]
        else:
            self.amazon.add_key(self.given[-1], session_token=f"token-{self.given[-1]}", expires_at=0.0)

    def end_at_next_rejection(self) -> None:
        """End the token as soon as something else is rejected."""

        def ended(_response: Response) -> None:
            self.amazon.on_rejection = None
            self.end()

        self.amazon.on_rejection = ended

    def move(self, *, tells: str) -> None:
        """Have the bucket in another region."""
        self.bucket.region, self.bucket.tells = "eu-central-1", tells

    def reject_header(self) -> None:
        """Take no header about checksums with a HEAD, as some vendors."""

        def look(asked: Asked) -> Response | None:
            is_rejected = asked.method == "HEAD" and "x-amz-checksum-mode" in asked.headers
            return rejection(400, "InvalidArgument", "Unknown header") if is_rejected else None

        self.amazon.on_request = look


WRONG = {
    "token ended": World.end,
    "key forgotten": partial(World.end, forget=True),
    "region named": partial(World.move, tells="always"),
    "region not named": partial(World.move, tells="head-bucket"),
    "header": World.reject_header,
    "token ends later": World.end_at_next_rejection,
}
SINGLE = {
    ("token ended",): (3, 2),  # HEAD, HeadBucket for the region, a listing for the code
    ("key forgotten",): (2, 2),  # 403 does not ask for the region
    ("region named",): (1, 1),
    ("region not named",): (2, 1),
    ("header",): (5, 0),  # HEAD, HeadBucket, listing; after it is sent without: once more with, listing
}
PAIRS = {
    ("region named", "token ended"): (4, 3),
    ("region named", "key forgotten"): (3, 3),
    ("region named", "token ends later"): (4, 3),
    ("region not named", "token ended"): (5, 3),
    ("region not named", "key forgotten"): (4, 3),
    ("region not named", "token ends later"): (5, 3),
    ("header", "region named"): (6, 1),
    ("header", "region not named"): (7, 1),
    ("header", "token ended"): (7, 2),
    ("header", "key forgotten"): (6, 2),
    ("header", "token ends later"): (7, 0),
}
COST = {**SINGLE, **PAIRS}
"""How many requests more are sent by who meets it first: with a HEAD of an object, and of a bucket."""
CASES = [(wrong, first, "us-east-1") for wrong in SINGLE for first in FIRST]
CASES += [(wrong, first, "us-east-1") for wrong in PAIRS for first in ("nothing", "exists not")]
CASES += [(wrong, "exists not", "eu-west-1") for wrong in COST if {"region named", "region not named"} & set(wrong)]
"""A wrong region is rejected with 400 by the global endpoint of us-east-1, and with 301 by that of eu-west-1."""


def table(cases):
    return [
        pytest.param(wrong, first, home, id=f"{' and '.join(wrong)}, after {first}, in {home}")
        for wrong, first, home in cases
    ]


def session_in(world, transport, **options):
    options = {"region": world.home, "verify": world.amazon.authority, "credentials": world.give, **options}
    return aios3.Session(transport=transport, max_attempts=1, **options)


def cost_of(wrong, home, verb):
    cost = COST[wrong][verb == "hasbucket"]
    is_asked_once = (wrong, home, verb == "hasbucket") == (("region not named", "token ends later"), "eu-west-1", False)
    return cost - is_asked_once  # 301 has the bucket asked until it says where it is, and that renews


def is_right(verb, result):
    return result.size == 4 if verb == "stat" else result is (verb != "exists not")


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("verb", HEADS)
@pytest.mark.parametrize(("wrong", "first", "home"), table(CASES))
async def test_whatever_is_wrong_is_learnt_from_a_head_once(amazon, wrong, first, home, verb, transport):
    world = World(amazon, home)
    async with session_in(world, transport) as session:
        if FIRST[first] is not None:
            await FIRST[first](session)
        for each in wrong:
            WRONG[each](world)
        amazon.requests.clear()
        assert is_right(verb, await HEADS[verb](session))
        assert len(amazon.requests) == HEALTHY[verb] + cost_of(wrong, home, verb)
        amazon.requests.clear()
        assert is_right(verb, await HEADS[verb](session))
        assert len(amazon.requests) == HEALTHY[verb]
    ends = any("token" in each or "key" in each for each in wrong)
    is_met = (wrong, verb) != (("header", "token ends later"), "hasbucket")  # nothing is rejected there
    assert len(world.given) == 1 + (ends and is_met)


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("home", ["us-east-1", "eu-west-1"])
@pytest.mark.parametrize("wrong", [wrong for wrong in COST if "header" not in wrong], ids=" and ".join)
async def test_heads_that_are_in_flight_together_learn_together(amazon, wrong, home, transport):
    world = World(amazon, home)
    async with session_in(world, transport) as session:
        await HEADS["exists not"](session)
        for each in wrong:
            WRONG[each](world)
        amazon.requests.clear()
        verbs = [*HEADS] * 5
        results = await asyncio.gather(*(HEADS[verb](session) for verb in verbs))
        assert all(map(is_right, verbs, results))
        sent = len(amazon.requests)
        amazon.requests.clear()
        await HEADS["stat"](session)
        assert len(amazon.requests) == 1
    ends = any("token" in each or "key" in each for each in wrong)
    assert len(world.given) == 1 + ends
    healthy = sum(HEALTHY[verb] for verb in verbs)
    questions = 2 * sum(max(COST.get((each,), COST["token ended",])) for each in wrong)
    assert sent <= healthy + len(wrong) * len(verbs) + questions


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
async def test_permanent_keys_need_no_listing_to_explain_a_403(amazon, transport):
    world = World(amazon, "us-east-1")
    amazon.add_key("AKID", "secret")
    world.reject_header()
    keys = aios3.Credentials("AKID", "secret")
    async with session_in(world, transport, credentials=keys) as session:
        assert (await HEADS["stat"](session)).size == 4
    assert {each.method for each in amazon.requests} == {"HEAD"}
    assert len(amazon.requests) == 4
