"""Names: what is there, what kind it is, what lies below it."""

from __future__ import annotations

import asyncio

import pytest

import aios3

CROWD = tuple(f"dir{number % 3}/{number:04}" for number in range(1050))
"""More keys than a page of a listing holds."""
TREE = ("a.txt", "dir/b.txt", "dir/c.jpg", "dir/sub/d.txt", "dir/sub/deep/e.png", "other/f.txt")


@pytest.fixture
def tree(bucket, admin):
    for key in TREE:
        admin.put(f"{bucket}/{key}", key.encode())
    return bucket


@pytest.fixture(scope="session")
def crowd(server, admin):
    """A bucket of many objects, written at once, for all tests on one server."""

    async def write() -> None:
        async with aios3.Session(**server.config) as session:
            await asyncio.gather(*(aios3.write_bytes(f"{path}/{key}", b"x", session=session) for key in CROWD))

    path = admin.create_bucket("aios3-crowd")
    asyncio.run(write())
    yield path
    admin.drop_bucket(path)


async def test_stat_describes_an_object(surface, tree, admin):
    head = admin.head(f"{tree}/dir/b.txt")
    found = await surface.stat(f"{tree}/dir/b.txt")
    assert found.size == len("dir/b.txt")
    assert found.mtime == head["LastModified"].timestamp()
    assert found.etag == admin.etag(f"{tree}/dir/b.txt")
    assert found.is_file()
    assert not found.is_dir()


async def test_stat_sums_up_a_directory(surface, tree):
    found = await surface.stat(f"{tree}/dir")
    assert found.is_dir()
    assert found.size == sum(len(key) for key in TREE if key.startswith("dir/"))


async def test_exists_isfile_and_isdir_agree_with_the_objects(surface, tree):
    async def kinds(path: str) -> tuple[bool, bool, bool]:
        return await surface.exists(path), await surface.isfile(path), await surface.isdir(path)

    assert await kinds(f"{tree}/a.txt") == (True, True, False)
    assert await kinds(f"{tree}/dir") == (True, False, True)
    assert await kinds(f"{tree}/dir/") == (True, False, True)
    assert await kinds(tree) == (True, False, True)
    assert await kinds(f"{tree}/dir/b") == (False, False, False)
    assert await kinds(f"{tree}-none/x") == (False, False, False)


async def test_size_and_time(surface, tree, admin):
    assert await surface.getsize(f"{tree}/a.txt") == len("a.txt")
    assert await surface.getmtime(f"{tree}/a.txt") == admin.head(f"{tree}/a.txt")["LastModified"].timestamp()


async def test_lists_one_level(surface, tree):
    assert sorted(await surface.listdir(tree)) == ["a.txt", "dir", "other"]
    assert sorted(await surface.listdir(f"{tree}/dir/")) == ["b.txt", "c.jpg", "sub"]
    entries = {entry.name: entry async for entry in surface.scandir(f"{tree}/dir")}
    assert {name: entry.is_dir() for name, entry in entries.items()} == {"b.txt": False, "c.jpg": False, "sub": True}
    assert entries["b.txt"].path == f"{tree}/dir/b.txt"
    assert entries["b.txt"].stat.size == len("dir/b.txt")


async def test_scans_everything_below(surface, tree):
    assert [path async for path in surface.scan(tree)] == [f"{tree}/{key}" for key in TREE]
    entries = [entry async for entry in surface.scan_stat(f"{tree}/dir/sub")]
    assert [(entry.path, entry.stat.size) for entry in entries] == [
        (f"{tree}/{key}", len(key)) for key in TREE if key.startswith("dir/sub/")
    ]


async def test_walks_as_os_walk_does(surface, tree):
    walked = [(root, sorted(dirs), sorted(files)) async for root, dirs, files in surface.walk(tree)]
    assert walked == [
        (tree, ["dir", "other"], ["a.txt"]),
        (f"{tree}/dir", ["sub"], ["b.txt", "c.jpg"]),
        (f"{tree}/dir/sub", ["deep"], ["d.txt"]),
        (f"{tree}/dir/sub/deep", [], ["e.png"]),
        (f"{tree}/other", [], ["f.txt"]),
    ]


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("*.txt", ["a.txt"]),
        ("dir/*", ["dir/b.txt", "dir/c.jpg", "dir/sub"]),
        ("**/*.txt", ["a.txt", "dir/b.txt", "dir/sub/d.txt", "other/f.txt"]),
        ("dir/**/*.{jpg,png}", ["dir/c.jpg", "dir/sub/deep/e.png"]),
        ("[ad]*", ["a.txt", "dir"]),
        ("nothing/*", []),
    ],
)
async def test_globs(surface, tree, pattern, keys):
    assert sorted([path async for path in surface.glob(f"{tree}/{pattern}")]) == [f"{tree}/{key}" for key in keys]


async def test_breaking_out_of_a_listing_leaves_nothing(session, tree, no_leaks):
    listing = aios3.scan(tree, session=session)
    assert await anext(listing) == f"{tree}/a.txt"
    await listing.aclose()


async def test_says_whether_a_bucket_is_there(surface, tree):
    assert await surface.hasbucket(tree)
    assert not await surface.hasbucket(f"{tree}-none")


async def test_access_of_a_bucket_of_ones_own(surface, tree):
    assert await surface.access(f"{tree}/a.txt")
    assert await surface.access(f"{tree}/new", aios3.Access.WRITE)
    assert not await surface.access(f"{tree}-none/x")


@pytest.mark.needs("key_below_key")
async def test_a_key_may_be_a_file_and_a_directory(surface, bucket, admin):
    admin.put(f"{bucket}/both", b"file")
    admin.put(f"{bucket}/both/below", b"below")
    assert await surface.isfile(f"{bucket}/both")
    assert await surface.isdir(f"{bucket}/both")
    assert await surface.read_bytes(f"{bucket}/both") == b"file"
    assert [path async for path in surface.scan(bucket)] == [f"{bucket}/both", f"{bucket}/both/below"]


async def test_a_listing_of_more_than_one_page(surface, crowd):
    assert [path async for path in surface.scan(crowd)] == [f"{crowd}/{key}" for key in sorted(CROWD)]
    assert len([path async for path in surface.glob(f"{crowd}/dir1/*")]) == len(CROWD) // 3
    assert sorted(await surface.listdir(crowd)) == ["dir0", "dir1", "dir2"]
