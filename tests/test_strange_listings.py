"""Listings of servers that are strange: each name once and none missing, or an error that says what is wrong."""

from __future__ import annotations

import random

import pytest

import aios3
from aios3 import _namespace as names
from aios3._backend import ListPage
from aios3._namespace import pagination
from aios3.errors import AccessDeniedError, ObjectNotFoundError, ServerError
from fake_backend import FakeBackend, FakeSession, is_prefix, rejected

PAGE = 10
KEYS = [
    *(f"d/k{n}" for n in range(30)),
    *(f"d/k{n}/x" for n in range(0, 30, 3)),
    *(f"d/sub{n % 4}/deep/{n:02}" for n in range(40)),
    "d",
    "d/",
    "e",
    "top",
]


class Strange(FakeBackend):
    """A server of pages of 10 that says about each page what :meth:`turn` makes of it."""

    def __init__(self, keys=KEYS) -> None:
        super().__init__(PAGE)
        self.put("s3://b/", *(f"s3://b/{key}" for key in keys))


class EmptyFirst(Strange):
    """Begins each listing with truncated pages that have no key: all their objects are deleted."""

    async def list_objects(self, url, *, token=None, **options):
        if token is None or token.startswith("empty"):
            passed = int((token or "empty0")[5:])
            if passed < 3:
                return ListPage([], [], [], f"empty{passed + 1}")
            token = None
        return await super().list_objects(url, token=token, **options)


class EmptyBetween(Strange):
    """Puts truncated pages without a key between all others, and ends with one."""

    async def list_objects(self, url, *, token=None, **options):
        if token is not None and token.startswith("empty:"):
            return ListPage([], [], [], token[6:] or None)
        page = await super().list_objects(url, token=token, **options)
        return ListPage(page.keys, page.stats, page.prefixes, f"empty:{page.token or ''}")


class RepeatsPrefixes(Strange):
    """Counts keys and not names for its pages, and names a common prefix on each page that has keys of it."""

    async def list_objects(self, url, *, delimiter="", **options):
        page = await super().list_objects(url, **options)
        keys = [key for key in page.keys if not is_prefix(_up_to(key, url.key, delimiter), url.key, delimiter)]
        prefixes = [name for key in page.keys if is_prefix(name := _up_to(key, url.key, delimiter), url.key, delimiter)]
        stats = [stat for key, stat in zip(page.keys, page.stats, strict=True) if key in keys]
        return ListPage(keys, stats, list(dict.fromkeys(prefixes)), page.token)


def _up_to(key: str, prefix: str, delimiter: str) -> str:
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return key if end < 0 else key[: end + 1]


class OwnOrder(Strange):
    """Lists in an order of its own, as directory buckets and some other vendors do."""

    seed = 7

    async def list_objects(self, url, *, delimiter="", token=None, start_after="", max_keys=1000):
        await self._enter("LIST")
        found = [key for key in self._bucket("ListObjectsV2", url) if key.startswith(url.key)]
        random.Random(self.seed).shuffle(found)
        names = list(dict.fromkeys(_up_to(key, url.key, delimiter) for key in found))
        start = int(token or 0)
        return self.page(url, names, delimiter, (start, start + min(PAGE, max_keys)))

    def page(self, url, names, delimiter, bounds):
        start, stop = bounds
        part = names[start:stop]
        keys = [name for name in part if not is_prefix(name, url.key, delimiter)]
        prefixes = [name for name in part if is_prefix(name, url.key, delimiter)]
        stats = [self.buckets[url.bucket][key] for key in keys]
        return ListPage(keys, stats, prefixes, str(stop) if stop < len(names) else None)


class OwnOrderRepeatingPrefixes(OwnOrder):
    """Names a common prefix again on later pages, in an order of its own."""

    def page(self, url, names, delimiter, bounds):
        page = super().page(url, names, delimiter, bounds)
        again = [name for name in names[: bounds[0]] if is_prefix(name, url.key, delimiter)]
        return ListPage(page.keys, page.stats, [*again[::2], *page.prefixes], page.token)


GOES_ON = [EmptyFirst, EmptyBetween, RepeatsPrefixes, OwnOrder, OwnOrderRepeatingPrefixes]


class IgnoresTheToken(Strange):
    """Sends the first page for ever, each time with another token."""

    sent = 0

    async def list_objects(self, url, *, token=None, **options):
        page = await super().list_objects(url, **options)
        self.sent += 1
        return page if page.token is None else ListPage(page.keys, page.stats, page.prefixes, f"t{self.sent}")


class GoesInACircle(Strange):
    """Goes back to the first page behind the second."""

    async def list_objects(self, url, *, token=None, **options):
        page = await super().list_objects(url, token=token, **options)
        if token is None:
            return page
        first = await super().list_objects(url, **options)
        return ListPage(page.keys, page.stats, page.prefixes, first.token)


class EmptyForEver(Strange):
    """Never comes to a key, and has a new token each time."""

    sent = 0

    async def list_objects(self, url, **options):
        self.sent += 1
        return ListPage([], [], [], f"t{self.sent}")


class EmptyCircle(Strange):
    """Never comes to a key, and goes from one token to another and back."""

    async def list_objects(self, url, *, token=None, **options):
        return ListPage([], [], [], "b" if token == "a" else "a")


class RepeatsOnePrefix(Strange):
    """Names the same directory for ever."""

    sent = 0

    async def list_objects(self, url, **options):
        self.sent += 1
        return ListPage([], [], [f"{url.key}sub/"], f"t{self.sent}")


class NoToken(Strange):
    """Says that there is more, and not where."""

    async def list_objects(self, url, **options):
        page = await super().list_objects(url, **options)
        return ListPage(page.keys, page.stats, page.prefixes, page.token and "")


NEVER_ENDS = [IgnoresTheToken, GoesInACircle, EmptyForEver, EmptyCircle, RepeatsOnePrefix, NoToken]


async def collect(source) -> list:
    return [item async for item in source]


def _collecting(verb, path, **options):
    return lambda session: collect(verb(path, session=session, **options))


VERBS = {
    "scan": _collecting(names.scan, "s3://b/d"),
    "scan page after page": _collecting(names.scan, "s3://b/d", parallel=False),
    "scan of a file and its directory": _collecting(names.scan, "s3://b/d/k3"),
    "scan_stat": _collecting(names.scan_stat, "s3://b/d"),
    "scandir": _collecting(names.scandir, "s3://b/d"),
    "listdir": lambda session: names.listdir("s3://b/d", session=session),
    "walk": _collecting(names.walk, "s3://b"),
    "stat of a directory": lambda session: names.stat("s3://b/d/", session=session),
    "exists": lambda session: names.exists("s3://b/d/sub1", session=session),
    "isdir": lambda session: names.isdir("s3://b/d/sub1", session=session),
    "glob of all": _collecting(names.glob, "s3://b/**"),
    "glob of one name": _collecting(names.glob, "s3://b/d/k1"),
    "glob of alternatives": _collecting(names.glob, "s3://b/d/{k1,k2,k3,sub1,none}"),
    "glob of a level": _collecting(names.glob, "s3://b/d/*"),
    "glob of directories": _collecting(names.glob, "s3://b/**/"),
    "glob_stat": _collecting(names.glob_stat, "s3://b/d/**/*[02]"),
}


def sorted_if_list(found):
    return sorted(found, key=repr) if isinstance(found, list) else found


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", GOES_ON)
async def test_no_name_is_lost_and_none_comes_twice(kind, verb):
    async with FakeSession(Strange()) as ordinary, FakeSession(kind()) as strange:
        expected = await VERBS[verb](ordinary)
        for _ in range(2):  # what the first listing has shown of the server is known to the second
            assert sorted_if_list(await VERBS[verb](strange)) == sorted_if_list(expected)


@pytest.mark.parametrize("pattern", ["k1", "k3", "k39", "k4", "{k1,k2,k3}", "k1/", "k1/x", "none"])
async def test_a_name_that_is_a_file_and_a_directory_is_found_as_both_in_any_order(pattern):
    path, keys = f"s3://b/{pattern}", [name for n in range(40) for name in (f"k{n}", f"k{n}/x")]
    async with FakeSession(Strange(keys)) as ordinary:
        expected = await collect(names.glob(path, session=ordinary))
    for seed in range(12):
        strange = OwnOrder(keys)
        strange.seed = seed
        async with FakeSession(strange) as session:  # whose order is unknown when it is asked
            assert sorted(await collect(names.glob(path, session=session))) == sorted(expected), seed


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", NEVER_ENDS)
async def test_a_listing_that_gets_nowhere_ends_with_an_error_or_with_the_response(kind, verb, monkeypatch):
    monkeypatch.setattr(pagination, "MAX_EMPTY", 100)
    message = ""
    async with FakeSession(Strange()) as ordinary, FakeSession(kind()) as strange:
        expected = await VERBS[verb](ordinary)
        try:
            found = await VERBS[verb](strange)
        except ServerError as error:
            found, message = None, str(error)
    assert "listing of s3://b" in message if found is None else sorted_if_list(found) == sorted_if_list(expected)


@pytest.mark.parametrize("kind", NEVER_ENDS)
async def test_what_came_before_the_listing_got_stuck_comes_once(kind, monkeypatch):
    monkeypatch.setattr(pagination, "MAX_EMPTY", 100)
    for parallel in (True, False):
        seen = []
        async with FakeSession(kind()) as session:
            with pytest.raises(ServerError):
                async for path in names.scan("s3://b/d/", parallel=parallel, session=session):
                    seen.append(path)  # noqa: PERF401 - a comprehension would lose what came before the error
        assert len(seen) == len(set(seen)) <= 2 * PAGE


async def test_a_server_that_leaves_its_order_in_the_middle_is_searched_the_second_time():
    class LateDisorder(Strange):
        async def list_objects(self, url, **options):
            page = await super().list_objects(url, **options)
            late = options.get("token") and not options.get("delimiter")
            return ListPage(page.keys[::-1], page.stats[::-1], page.prefixes, page.token) if late else page

    async with FakeSession(Strange()) as ordinary, FakeSession(LateDisorder()) as session:
        with pytest.raises(ServerError, match="search once more"):
            await collect(names.glob("s3://b/**", session=session))
        assert sorted(await collect(names.glob("s3://b/**", session=session))) == sorted(
            await collect(names.glob("s3://b/**", session=ordinary))
        )


async def test_a_directory_bucket_is_asked_for_no_prefix_without_a_slash():
    bucket = "s3://b--use1-az4--x-s3"
    fake = FakeBackend(PAGE).put(f"{bucket}/", *(f"{bucket}/{key}" for key in KEYS))
    async with FakeSession(fake) as session:
        for verb in (names.scan, names.scan_stat):
            await collect(verb(f"{bucket}/d", session=session))
        for pattern in ("**", "d", "d/k1", "d/k1*/x", "d/{k1,k2}", "d/sub1*/**/0*", "[de]*"):
            await collect(names.glob(f"{bucket}/{pattern}", session=session))
    prefixes = {call.split()[1].removeprefix(bucket).removeprefix("/") for call in fake.calls if call[:4] == "LIST"}
    assert {prefix for prefix in prefixes if prefix and not prefix.endswith("/")} == set()


# Narrow permissions


class BucketPolicy(FakeBackend):
    """Allows what a policy allows that names one directory: to list it, and to read what is stored in it.

    S3 responds with 403 to a HEAD of what is missing unless the key may be listed, and a HEAD has no prefix that could
    be.
    """

    def __init__(self, allowed: str, *, readable: str = "ok/") -> None:
        super().__init__(PAGE)
        self.put("s3://b/", "s3://b/ok/dir/a", "s3://b/ok/dir/sub/b", "s3://b/ok/file", "s3://b/other/c")
        self.allowed = allowed
        self.readable = readable

    async def head_object(self, url, options):
        if not url.key.startswith(self.readable) or url.key not in self.buckets["b"]:
            raise rejected("HeadObject", url, "403", 403)
        return await super().head_object(url, options)

    async def list_objects(self, url, **options):
        if not url.key.startswith(self.allowed):
            raise rejected("ListObjectsV2", url, "AccessDenied", 403)
        return await super().list_objects(url, **options)


PERMITTED = {
    "exists": (lambda session: names.exists("s3://b/ok/dir", session=session), True),
    "exists, file": (lambda session: names.exists("s3://b/ok/file", session=session), True),
    "isdir": (lambda session: names.isdir("s3://b/ok/dir", session=session), True),
    "access": (lambda session: names.access("s3://b/ok/dir", session=session), True),
    "stat": (lambda session: _is_directory("s3://b/ok/dir", session), True),
    "listdir": (lambda session: names.listdir("s3://b/ok/dir", session=session), ["a", "sub"]),
    "scan": (_collecting(names.scan, "s3://b/ok/dir"), ["s3://b/ok/dir/a", "s3://b/ok/dir/sub/b"]),
    "scan, missing not ok": (
        _collecting(names.scan, "s3://b/ok/dir", missing_ok=False),
        ["s3://b/ok/dir/a", "s3://b/ok/dir/sub/b"],
    ),
    "glob": (_collecting(names.glob, "s3://b/ok/dir/**/b"), ["s3://b/ok/dir/sub/b"]),
}


async def _is_directory(path, session) -> bool:
    found = await names.stat(path, session=session)
    return found.isdir and found.size == 2


@pytest.mark.parametrize("verb", PERMITTED)
@pytest.mark.parametrize("allowed", ["ok/", "ok/dir/"])
async def test_a_policy_that_names_one_directory_suffices_for_it(allowed, verb):
    async with FakeSession(BucketPolicy(allowed)) as session:
        ask, expected = PERMITTED[verb]
        assert await ask(session) == expected


@pytest.mark.parametrize(
    "ask",
    [
        lambda session: names.exists("s3://b/other/d", session=session),
        lambda session: names.isfile("s3://b/other/c", session=session),
        lambda session: names.stat("s3://b/other/d", session=session),
        _collecting(names.scan, "s3://b/other"),
        _collecting(names.glob, "s3://b/other/*"),
    ],
)
async def test_without_any_permission_access_denied_is_raised(ask):
    async with FakeSession(BucketPolicy("ok/")) as session:
        with pytest.raises(AccessDeniedError):
            await ask(session)


async def test_what_is_not_there_is_known_where_it_may_be_listed():
    async with FakeSession(BucketPolicy("ok/")) as session:
        assert not await names.exists("s3://b/ok/none", session=session)
        assert not await names.isfile("s3://b/ok/dir", session=session)
        assert not await names.access("s3://b/ok/none", session=session)
        with pytest.raises(ObjectNotFoundError):
            await names.stat("s3://b/ok/none", session=session)


async def test_an_object_that_may_be_listed_and_not_read_exists_and_is_not_described():
    async with FakeSession(BucketPolicy("ok/", readable="nothing/")) as session:
        assert await names.exists("s3://b/ok/file", session=session)
        assert await names.isfile("s3://b/ok/file", session=session)
        assert not await names.access("s3://b/ok/file", aios3.Access.READ, session=session)
        with pytest.raises(AccessDeniedError):
            await names.stat("s3://b/ok/file", session=session)
