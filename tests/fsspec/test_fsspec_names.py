"""What is there, as fsspec tells it: descriptions, listings and trees, and how long they are remembered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from aios3.fsspec import S3FileSystem

KEYS = ("a.txt", "b/1", "b/2", "b/c/3", "b/c/d/4", "bc/5")


@pytest.fixture
def tree(fs, bucket):
    fs.pipe({f"{bucket}/{key}": key.encode() for key in KEYS})
    return bucket


@pytest.fixture
def requests(fs):
    """The operations that reached the server since it was last asked."""
    return Requests(fs)


class Requests:
    def __init__(self, fs):
        self._fs = fs
        self._before = {}
        self.new()

    def new(self):
        now = {name: each.requests for name, each in self._stats().operations.items()}
        found = {name: count - self._before.get(name, 0) for name, count in now.items()}
        self._before = now
        return {name: count for name, count in found.items() if count}

    def _stats(self):
        async def stats():
            return self._fs.session().stats()

        return asyncio.run_coroutine_threadsafe(stats(), self._fs.loop).result()


@pytest.mark.parametrize("options", [{}, {"detail": True}, {"withdirs": True}, {"maxdepth": 2}], ids=str)
def test_no_prefix_is_every_name(fs, tree, options):
    assert fs.find(tree, prefix=None, **options) == fs.find(tree, **options) != []


def test_an_object_is_described_with_the_keys_of_s3fs_and_the_time_that_arrow_reads(fs, tree):
    info = fs.info(f"{tree}/b/1")
    assert {"ETag", "LastModified", "size", "name", "type", "StorageClass", "VersionId", "ContentType"} <= set(info)
    assert (info["name"], info["size"], info["type"]) == (f"{tree}/b/1", 3, "file")
    assert info["ETag"].startswith('"')
    assert datetime.fromtimestamp(info["mtime"], UTC) == info["LastModified"] == fs.modified(f"{tree}/b/1")
    assert fs.created(f"{tree}/b/1") == info["LastModified"]


@pytest.mark.parametrize("spelling", ["{}/b", "{}/b/", "s3://{}/b", "s3a://{}/b/", "aios3://{}/b"])
def test_a_directory_is_described_however_it_is_spelled(fs, tree, spelling):
    path = spelling.format(tree)
    assert fs.info(path)["type"] == "directory"
    assert fs.info(path)["name"] == f"{tree}/b"
    assert fs.isdir(path)
    assert not fs.isfile(path)


@pytest.mark.parametrize(
    ("path", "file", "directory"),
    [
        ("", False, True),
        ("{}", False, True),
        ("{}/b", False, True),
        ("{}/b/1", True, False),
        ("{}/b/1/", False, False),
        ("{}/nothing", False, False),
        ("no-such-bucket-here", False, False),
        ("no-such-bucket-here/key", False, False),
        ("not a bucket/key", False, False),
    ],
)
def test_every_question_has_a_result(fs, tree, path, file, directory):
    path = path.format(tree)
    assert (fs.isfile(path), fs.isdir(path)) == (file, directory)
    if path != "not a bucket/key":
        assert fs.exists(path) == (file or directory)


@pytest.mark.parametrize("path", ["{}/nothing", "no-such-bucket-here", "no-such-bucket-here/x"])
@pytest.mark.parametrize("verb", ["info", "ls", "size", "checksum", "modified"])
def test_what_is_not_there_is_a_file_not_found(fs, tree, verb, path):
    with pytest.raises(FileNotFoundError) as failure:
        getattr(fs, verb)(path.format(tree))
    assert failure.value.errno == 2


def test_ls_gives_names_unless_details_are_asked_for(fs, tree):
    names = [f"{tree}/{name}" for name in ("a.txt", "b", "bc")]
    assert fs.ls(tree) == names
    assert [info["name"] for info in fs.ls(tree, detail=True)] == names
    assert [info["type"] for info in fs.ls(tree, detail=True)] == ["file", "directory", "directory"]
    assert fs.ls(f"{tree}/a.txt") == [f"{tree}/a.txt"]


def test_ls_of_nothing_names_the_buckets(fs, tree):
    assert tree in fs.ls("")
    assert fs.ls("", detail=True)[0]["type"] == "directory"


FOUND = {
    ("{}", None): KEYS,
    ("{}/b", None): ("b/1", "b/2", "b/c/3", "b/c/d/4"),
    ("{}/b", 1): ("b/1", "b/2"),
    ("{}/b", 2): ("b/1", "b/2", "b/c/3"),
    ("{}/b/1", None): ("b/1",),
    ("{}/b/1", 1): ("b/1",),
    ("{}/nothing", None): (),
}


@pytest.mark.parametrize(("path", "maxdepth"), FOUND)
def test_find_finds_what_is_below(fs, tree, path, maxdepth):
    names = [f"{tree}/{key}" for key in FOUND[path, maxdepth]]
    assert fs.find(path.format(tree), maxdepth=maxdepth) == names
    detailed = fs.find(path.format(tree), maxdepth=maxdepth, detail=True)
    assert list(detailed) == names
    assert all(info["size"] == len(name) - len(tree) - 1 for name, info in detailed.items())


@pytest.mark.parametrize("maxdepth", [None, 3])
def test_find_with_directories_has_each_of_them_once(fs, tree, maxdepth):
    found = fs.find(f"{tree}/b", withdirs=True, maxdepth=maxdepth)
    assert found == [f"{tree}/{key}" for key in ("b", "b/1", "b/2", "b/c", "b/c/3", "b/c/d", "b/c/d/4")]


@pytest.mark.parametrize("maxdepth", [None, 1, 2])
def test_find_with_a_prefix_keeps_what_begins_with_it(fs, tree, maxdepth):
    found = fs.find(tree, prefix="bc", maxdepth=maxdepth)
    assert found == ([] if maxdepth == 1 else [f"{tree}/bc/5"])


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("*", ("a.txt", "b", "bc")),
        ("b*", ("b", "bc")),
        ("b/*", ("b/1", "b/2", "b/c")),
        ("b/[12]", ("b/1", "b/2")),
        ("**/3", ("b/c/3",)),
        ("b/**", ("b", "b/1", "b/2", "b/c", "b/c/3", "b/c/d", "b/c/d/4")),
        ("b/1", ("b/1",)),
        ("x*", ()),
    ],
)
def test_glob_matches_as_fsspec_does(fs, tree, pattern, keys):
    found = fs.glob(f"{tree}/{pattern}")
    assert found == [f"{tree}/{key}" for key in keys]


def test_walk_goes_down_and_heeds_what_is_left_out(fs, tree):
    steps = [(path.removeprefix(tree), sorted(dirs), sorted(files)) for path, dirs, files in fs.walk(tree)]
    assert steps[0] == ("", ["b", "bc"], ["a.txt"])
    assert [path for path, *_ in steps] == ["", "/b", "/b/c", "/b/c/d", "/bc"]
    assert [path.removeprefix(tree) for path, *_ in fs.walk(tree, topdown=False)][-1] == ""


def test_du_counts_from_one_listing(fs, tree, requests):
    assert fs.du(tree) == sum(map(len, KEYS))
    assert requests.new() == {"ListObjectsV2": 1}
    assert fs.du(tree, total=False)[f"{tree}/bc/5"] == 4


@pytest.mark.parametrize("verb", ["find", "walk", "du"])
@pytest.mark.parametrize("path", ["", "s3://"])
def test_no_verb_goes_through_all_buckets(fs, verb, path):
    with pytest.raises(ValueError, match=r"Cannot (traverse|crawl) all of S3"):
        list(getattr(fs, verb)(path) or ())


def test_markers_of_directories_are_directories_and_no_files(fs, bucket):
    fs.touch(f"{bucket}/d/")
    fs.pipe(f"{bucket}/d/x", b"1")
    fs.touch(f"{bucket}/empty/")
    assert fs.ls(f"{bucket}/d") == fs.find(f"{bucket}/d") == [f"{bucket}/d/x"]
    assert fs.ls(f"{bucket}/empty") == []
    assert fs.isdir(f"{bucket}/empty")


def test_lazy_iterators_yield_as_they_list(fs, tree):
    async def names(items):
        return [info["name"] async for info in items]

    found = asyncio.run_coroutine_threadsafe(names(fs.find_iter(f"{tree}/b")), fs.loop).result()
    assert found == fs.find(f"{tree}/b")
    level = asyncio.run_coroutine_threadsafe(names(fs.iterdir(f"{tree}/b")), fs.loop).result()
    assert sorted(level) == fs.ls(f"{tree}/b")


WRITES = {
    "pipe": lambda fs, path, local: fs.pipe(path, b"1"),
    "touch": lambda fs, path, local: fs.touch(path),
    "put": lambda fs, path, local: fs.put(str(local), path),
    "copy": lambda fs, path, local: fs.copy(f"{path.split('/')[0]}/a.txt", path),
    "mv": lambda fs, path, local: fs.mv(f"{path.split('/')[0]}/a.txt", path),
    "open": lambda fs, path, local: fs.open(path, "wb").close(),
    "merge": lambda fs, path, local: fs.merge(path, [f"{path.split('/')[0]}/a.txt"]),
}


class TestMemory:
    """Listings are remembered for seconds, never after a write of ours, and never tell that something is missing."""

    def test_a_listing_is_asked_for_once(self, fs, tree, requests):
        fs.ls(tree)
        requests.new()
        fs.ls(tree)
        assert fs.info(f"{tree}/a.txt")["size"] == 5
        assert requests.new() == {}

    def test_refresh_asks_again(self, fs, tree, requests):
        fs.ls(tree)
        requests.new()
        fs.ls(tree, refresh=True)
        assert requests.new() == {"ListObjectsV2": 1}

    def test_what_somebody_else_writes_is_there_at_once_for_who_asks_by_name(self, fs, tree, storage_options):
        fs.ls(tree)
        other = S3FileSystem(**storage_options, skip_instance_cache=True)
        other.pipe(f"{tree}/new", b"1")
        other.close()
        assert fs.exists(f"{tree}/new")
        assert fs.cat(f"{tree}/new") == b"1"

    def test_a_listing_expires(self, tree, storage_options):
        fs = S3FileSystem(**storage_options, listings_expiry_time=0.0, skip_instance_cache=True)
        before = fs.ls(tree)
        other = S3FileSystem(**storage_options, skip_instance_cache=True)
        other.pipe(f"{tree}/new", b"1")
        assert fs.ls(tree) == sorted([*before, f"{tree}/new"])
        fs.close()
        other.close()

    def test_it_is_seconds_unless_somebody_says_otherwise(self, storage_options):
        assert S3FileSystem(**storage_options, skip_instance_cache=True).dircache.listings_expiry_time == 5.0
        kept = S3FileSystem(**storage_options, listings_expiry_time=None, skip_instance_cache=True)
        assert kept.dircache.listings_expiry_time is None
        none = S3FileSystem(**storage_options, use_listings_cache=False, skip_instance_cache=True)
        assert not none.dircache.use_listings_cache

    def test_a_caller_who_changes_what_it_got_changes_nothing_else(self, fs, tree):
        fs.ls(tree, detail=True)[0]["size"] = 99
        fs.info(f"{tree}/a.txt")["size"] = 99
        assert fs.ls(tree, detail=True)[0]["size"] == fs.info(f"{tree}/a.txt")["size"] == 5

    @pytest.mark.parametrize("verb", WRITES)
    @pytest.mark.parametrize("key", ["new", "d/e/new"])
    def test_a_write_of_ours_is_seen_at_once(self, fs, tree, tmp_path, verb, key):
        local = tmp_path / "x"
        local.write_bytes(b"1")
        fs.ls(tree)
        WRITES[verb](fs, f"{tree}/{key}", local)
        assert f"{tree}/{key.split('/')[0]}" in fs.ls(tree)
        assert fs.exists(f"{tree}/{key}")

    @pytest.mark.parametrize("verb", WRITES)
    @pytest.mark.parametrize("key", ["b//y", "b///y", "b/c//y", "/y", "b//y//z"])
    @pytest.mark.parametrize("spelling", ["{}", "{}/", "s3://{}", "/{}", "s3:///{}/"])
    def test_one_directory_has_one_listing_however_it_is_spelled(self, fs, tree, tmp_path, verb, key, spelling):
        local = tmp_path / "x"
        local.write_bytes(b"1")
        around = [tree, *(f"{tree}/{name}" for name in ("b", "b/c"))]
        for path in around:
            fs.ls(spelling.format(path))
        WRITES[verb](fs, f"{tree}/{key}", local)
        for path in around:
            assert fs.ls(spelling.format(path)) == fs.ls(path, refresh=True)

    @pytest.mark.parametrize("removal", ["rm", "rm_file", "mv", "recursive", "glob"])
    def test_a_removal_of_ours_is_seen_at_once(self, fs, tree, removal):
        fs.ls(f"{tree}/bc"), fs.ls(tree)
        path = f"{tree}/bc/5"
        if removal == "mv":
            fs.mv(path, f"{tree}/z")
        elif removal == "rm_file":
            fs.rm_file(path)
        else:
            target = {"rm": path, "recursive": f"{tree}/bc", "glob": f"{tree}/bc/*"}[removal]
            fs.rm(target, recursive=removal == "recursive")
        assert not fs.exists(path)
        assert f"{tree}/bc" not in fs.ls(tree)

    def test_a_listing_that_a_write_has_overtaken_is_not_kept(self, fs, tree):
        listed = fs._directory

        async def overtaken(url):
            found = await listed(url)
            await fs._pipe_file(f"{tree}/late", b"1")
            fs._directory = listed
            return found

        fs._directory = overtaken
        assert f"{tree}/late" not in fs.ls(tree)
        assert f"{tree}/late" in fs.ls(tree)
