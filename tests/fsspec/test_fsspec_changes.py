"""Moves, copies and removals touch what they are told to, and nothing is lost on the way."""

from __future__ import annotations

import pytest

import aios3
from aios3.fsspec import S3FileSystem
from aios3.fsspec import copying as copies
from aios3.fsspec.calls import run
from aios3.fsspec.paths import topmost


@pytest.fixture
def versioned(storage_options, aios3_bucket):
    fs = S3FileSystem(**storage_options, version_aware=True, skip_instance_cache=True)
    fs.make_bucket_versioned(aios3_bucket)
    yield fs
    fs.close()


def content(fs, root):
    """Return all that is below ``root``, also an object that has the name of a directory."""
    return {info["name"]: fs.cat_file(info["name"]) for info in run(fs, fs._all_below, fs.parse_ref(root).url, "")}


SPELLINGS = [
    ("s3://{}", "{}"),
    ("{}", "aios3://{}"),
    ("{}", "/{}"),
    ("s3:///{}", "s3a://{}"),
    ("{}/", "{}"),
    ("{}", "{}/"),
    ("//{}//", "{}"),
]


class TestMovesOntoThemselves:
    @pytest.fixture
    def tree(self, fs, bucket):
        fs.pipe({f"{bucket}/k": b"1", f"{bucket}/d/a": b"2", f"{bucket}/d/b/c": b"3"})
        return bucket

    @pytest.mark.parametrize(("one", "other"), SPELLINGS)
    @pytest.mark.parametrize(("key", "recursive"), [("k", False), ("k", True), ("d", True)])
    @pytest.mark.parametrize("verb", ["mv", "move", "rename"])
    def test_another_spelling_is_the_same_place(self, fs, tree, one, other, key, recursive, verb):
        before = content(fs, tree)
        path = f"{tree}/{key}"
        getattr(fs, verb)(one.format(path), other.format(path), recursive=recursive)
        assert content(fs, tree) == before

    @pytest.mark.parametrize("options", [{"ContentType": "a/b"}, {"preserve_etag": True}], ids=str)
    @pytest.mark.parametrize(("one", "other"), SPELLINGS)
    @pytest.mark.parametrize("key", ["k", "d"])
    def test_a_move_that_would_change_something_is_rejected(self, fs, tree, options, one, other, key):
        before = content(fs, tree)
        path = f"{tree}/{key}"
        source = one.format(path)
        if key == "d" and not source.endswith("/"):
            source += "/"  # the content goes to the target, and not below it
        with pytest.raises(aios3.InvalidPathError, match="nothing was changed"):
            fs.mv(source, other.format(path).rstrip("/"), recursive=key == "d", **options)
        assert content(fs, tree) == before

    def test_the_parameters_of_the_filesystem_lose_nothing_either(self, tree, storage_options):
        more = {"s3_additional_kwargs": {"ContentType": "a/b"}}
        fs = S3FileSystem(**storage_options, **more, skip_instance_cache=True)
        before = content(fs, tree)
        fs.mv(f"{tree}/d/", f"{tree}/d", recursive=True)
        assert content(fs, tree) == before
        fs.close()

    @pytest.mark.parametrize("options", [{}, {"ContentType": "a/b"}], ids=str)
    @pytest.mark.parametrize(("one", "other"), SPELLINGS[:4])
    def test_one_file_onto_itself(self, fs, tree, options, one, other):
        path = f"{tree}/k"
        with pytest.raises(aios3.InvalidPathError, match="nothing was changed"):
            run(fs, fs._mv_file, one.format(path), other.format(path), **options)
        assert fs.cat(path) == b"1"

    def test_the_null_version_onto_itself_is_the_object_itself(self, storage_options, tree):
        fs = S3FileSystem(**storage_options, version_aware=True, skip_instance_cache=True)
        with pytest.raises(aios3.InvalidPathError, match="nothing was changed"):
            run(fs, fs._mv_file, f"{tree}/k?versionId=null", f"{tree}/k")
        assert fs.cat(f"{tree}/k") == b"1"
        fs.close()

    def test_an_older_version_becomes_the_latest_and_is_gone_itself(self, versioned, bucket):
        for data in (b"one", b"two"):
            versioned.pipe(f"{bucket}/k", data)
        old = versioned.object_version_info(f"{bucket}/k")[1]["VersionId"]
        versioned.mv(f"{bucket}/k?versionId={old}", f"{bucket}/k")
        assert versioned.cat(f"{bucket}/k") == b"one"
        assert sorted(each["size"] for each in versioned.object_version_info(f"{bucket}/k")) == [3, 3]
        assert old not in [each["VersionId"] for each in versioned.object_version_info(f"{bucket}/k")]

    def test_a_copy_onto_itself_changes_what_it_is_stored_with(self, fs, tree):
        fs.cp_file(f"s3://{tree}/k", f"{tree}/k", ContentType="a/b")
        fs.copy(f"{tree}/d/", f"{tree}/d", recursive=True, ContentType="a/b")
        for key, data in (("k", b"1"), ("d/a", b"2"), ("d/b/c", b"3")):
            assert fs.info(f"{tree}/{key}", refresh=True)["ContentType"] == "a/b"
            assert fs.cat(f"{tree}/{key}") == data


@pytest.mark.parametrize("verb", ["mv", "copy"])
@pytest.mark.parametrize(
    ("keys", "source", "target", "recursive"),
    [
        (("q/k", "q/q/k"), "q/", "q/q", True),
        (("a/k", "b/k"), ["a/k", "b/k"], "c/", False),
        (("a/k", "b/k"), ["a/k", "b/k"], ["c", "c"], False),
        (("a", "b"), ["a", "b"], ["b", "c"], False),
        (("a", "b"), ["a", "b"], ["b", "a"], False),
        (("a", "b"), ["a", "a"], ["c", "c"], False),
    ],
    ids=str,
)
def test_nothing_takes_the_place_of_what_goes_elsewhere(fs, bucket, verb, keys, source, target, recursive):
    def at(value):
        return [at(each) for each in value] if isinstance(value, list) else f"{bucket}/{value}"

    fs.pipe({f"{bucket}/{key}": key.encode() for key in keys})
    before = content(fs, bucket)
    with pytest.raises(aios3.InvalidPathError, match="nothing was changed"):
        getattr(fs, verb)(at(source), at(target), recursive=recursive)
    assert content(fs, bucket) == before


OTHERS = ("k", "k/below", "k/d/below", "other")

ON_A_VERSION = {
    "rm": lambda fs, old, bucket: fs.rm(old),
    "rm recursive": lambda fs, old, bucket: fs.rm(old, recursive=True),
    "rm recursive, listed": lambda fs, old, bucket: fs.rm([old], recursive=True),
    "rm recursive, two": lambda fs, old, bucket: fs.rm([old, f"{bucket}/other"], recursive=True),
    "rm maxdepth": lambda fs, old, bucket: fs.rm(old, recursive=True, maxdepth=1),
    "rm_file": lambda fs, old, bucket: fs.rm_file(old),
    "bulk_delete": lambda fs, old, bucket: fs.bulk_delete([old]),
    "delete": lambda fs, old, bucket: fs.delete(old, recursive=True),
    "mv": lambda fs, old, bucket: fs.mv(old, f"{bucket}/moved"),
    "mv recursive": lambda fs, old, bucket: fs.mv(old, f"{bucket}/moved", recursive=True),
    "mv into": lambda fs, old, bucket: fs.mv(old, f"{bucket}/moved/"),
}


@pytest.mark.parametrize("verb", ON_A_VERSION)
def test_a_removal_of_a_version_removes_that_version_alone(versioned, bucket, verb):
    for key in OTHERS:
        for data in (b"old", b"latest"):
            versioned.pipe(f"{bucket}/{key}", data)
    latest, old = versioned.object_version_info(f"{bucket}/k")[:2]
    assert latest["Key"] == old["Key"] == f"{bucket}/k"
    ON_A_VERSION[verb](versioned, old["name"], bucket)
    left = content(versioned, bucket)
    gone = {f"{bucket}/other"} if verb.endswith("two") else set()
    moved = {name: left.pop(name) for name in (f"{bucket}/moved", f"{bucket}/moved/k") if name in left}
    assert left == {f"{bucket}/{key}": b"latest" for key in OTHERS if f"{bucket}/{key}" not in gone}
    assert list(moved.values()) == ([b"old"] if verb.startswith("mv") else [])
    versions = versioned.ls(bucket, detail=True, versions=True)
    assert [each["VersionId"] for each in versions if each["Key"] == f"{bucket}/k"] == [latest["VersionId"]]


def received(_done, path):
    return path.read_bytes()


def copied(fs, old, target, key):
    bucket = fs.split_path(old)[0]
    fs.copy(old, f"{bucket}/{target}")
    return fs.cat(f"{bucket}/{key}")


READ_A_VERSION = {
    "cat": (lambda fs, old, path: fs.cat(old), b"old"),
    "cat recursive": (lambda fs, old, path: list(fs.cat(old, recursive=True).values()), [b"old"]),
    "cat listed": (lambda fs, old, path: fs.cat([old]), {"{old}": b"old"}),
    "find": (lambda fs, old, path: fs.find(old), ["{old}"]),
    "find detail": (lambda fs, old, path: [each["size"] for each in fs.find(old, detail=True).values()], [3]),
    "find withdirs": (lambda fs, old, path: fs.find(old, withdirs=True), ["{old}"]),
    "find maxdepth": (lambda fs, old, path: fs.find(old, maxdepth=1), ["{old}"]),
    "glob": (lambda fs, old, path: fs.glob(old), ["{old}"]),
    "ls": (lambda fs, old, path: fs.ls(old), ["{old}"]),
    "du": (lambda fs, old, path: fs.du(old), 3),
    "isdir": (lambda fs, old, path: fs.isdir(old), False),
    "isfile": (lambda fs, old, path: fs.isfile(old), True),
    "expand_path": (lambda fs, old, path: fs.expand_path(old, recursive=True), ["{old}"]),
    "get": (lambda fs, old, path: received(fs.get(old, str(path / "f")), path / "f"), b"old"),
    "get into": (lambda fs, old, path: received(fs.get(old, f"{path}/"), path / "k"), b"old"),
    "get recursive": (lambda fs, old, path: received(fs.get(old, str(path / "f"), recursive=True), path / "f"), b"old"),
    "copy": (lambda fs, old, path: copied(fs, old, "c", "c"), b"old"),
    "copy into": (lambda fs, old, path: copied(fs, old, "c/", "c/k"), b"old"),
}


@pytest.mark.parametrize("verb", READ_A_VERSION)
def test_what_is_read_of_a_version_is_of_that_version(versioned, bucket, tmp_path, verb):
    for key in OTHERS:
        for data in (b"old", b"latest"):
            versioned.pipe(f"{bucket}/{key}", data)
    old = versioned.object_version_info(f"{bucket}/k")[1]["name"]
    read, expected = READ_A_VERSION[verb]

    def named(value):
        if isinstance(value, dict):
            return {named(name): each for name, each in value.items()}
        if isinstance(value, list):
            return [named(each) for each in value]
        return old if value == "{old}" else value

    assert read(versioned, old, tmp_path) == named(expected)


WRITE_A_VERSION = {
    "pipe": lambda fs, old, bucket: fs.pipe(old, b"1"),
    "pipe create": lambda fs, old, bucket: fs.pipe_file(old, b"1", mode="create"),
    "touch": lambda fs, old, bucket: fs.touch(old),
    "open wb": lambda fs, old, bucket: fs.open(old, "wb"),
    "open xb": lambda fs, old, bucket: fs.open(old, "xb"),
    "open ab": lambda fs, old, bucket: fs.open(old, "ab"),
    "open_async": lambda fs, old, bucket: run(fs, fs.open_async, old, "wb"),
    "copy": lambda fs, old, bucket: fs.copy(f"{bucket}/other", old),
    "mv": lambda fs, old, bucket: fs.mv(f"{bucket}/other", old),
    "cp_file": lambda fs, old, bucket: fs.cp_file(f"{bucket}/other", old),
    "merge": lambda fs, old, bucket: fs.merge(old, [f"{bucket}/other"]),
    "merge of": lambda fs, old, bucket: fs.merge(f"{bucket}/merged", [old]),
    "setxattr": lambda fs, old, bucket: fs.setxattr(old, one="1"),
    "url": lambda fs, old, bucket: fs.url(old, client_method="put_object"),
    "find_iter": lambda fs, old, bucket: list(iterated(fs, fs.find_iter(old))),
    "iterdir": lambda fs, old, bucket: list(iterated(fs, fs.iterdir(old))),
}


def iterated(fs, items):
    async def collect():
        return [each async for each in items]

    return run(fs, collect)


@pytest.mark.parametrize("verb", WRITE_A_VERSION)
def test_what_cannot_be_done_with_a_version_is_rejected_and_changes_nothing(versioned, bucket, verb):
    for key in OTHERS:
        for data in (b"old", b"latest"):
            versioned.pipe(f"{bucket}/{key}", data)
    before = versioned.ls(bucket, detail=True, versions=True)
    old = versioned.object_version_info(f"{bucket}/k")[1]["name"]
    with pytest.raises(ValueError, match="version"):
        WRITE_A_VERSION[verb](versioned, old, bucket)
    assert versioned.ls(bucket, detail=True, versions=True) == before


@pytest.mark.parametrize("key", ["a*", "a?", "[ab]", "a[b]c", "**", "x y", "ä*", "a\\*"])
def test_a_bulk_deletion_takes_keys_as_they_are(fs, bucket, key):
    neighbours = [f"{bucket}/{each}" for each in ("ab", "ac", "a", "b", "abc", "ä1", "d/e")]
    fs.pipe(dict.fromkeys([*neighbours, f"{bucket}/{key}"], b"1"))
    assert fs.bulk_delete([f"s3://{bucket}/{key}"]) == [f"{bucket}/{key}"]
    assert sorted(content(fs, bucket)) == sorted(neighbours)


class TestSourcesThatChange:
    """A writer comes between the copy and the removal: what it wrote stays."""

    @pytest.fixture
    def writer_after_copy(self, monkeypatch):
        """Return a function that has somebody write to an object right after it was copied."""

        def start(path, data):
            copied = copies.copy_object

            async def copy_object(session, source, *arguments, **options):
                found = await copied(session, source, *arguments, **options)
                if source.url.key == path.partition("/")[2]:
                    await aios3.write_bytes(f"s3://{path}", data, session=session)
                return found

            monkeypatch.setattr("aios3.fsspec.changes.copy_object", copy_object)

        return start

    @pytest.mark.parametrize("options", [{}, {"ContentType": "a/b"}, {"preserve_etag": True}], ids=str)
    @pytest.mark.parametrize("verb", ["mv", "mv_file", "mv recursive", "mv listed"])
    @pytest.mark.parametrize("data", [b"newer", b"new"], ids=["other size", "same size"])
    def test_a_newer_version_stays(self, fs, bucket, writer_after_copy, options, verb, data):
        fs.pipe({f"{bucket}/d/r": b"old", f"{bucket}/d/s": b"s"})
        writer_after_copy(f"{bucket}/d/r", data)
        calls = {
            "mv": (fs._mv, f"{bucket}/d/r", f"{bucket}/e/r"),
            "mv_file": (fs._mv_file, f"{bucket}/d/r", f"{bucket}/e/r"),
            "mv recursive": (fs._mv, f"{bucket}/d", f"{bucket}/e"),
            "mv listed": (fs._mv, [f"{bucket}/d/r", f"{bucket}/d/s"], f"{bucket}/e/"),
        }
        more = {"recursive": True} if verb == "mv recursive" else {}
        with pytest.raises(aios3.ObjectChangedError, match="newer version stays"):
            run(fs, *calls[verb], **more, **options)
        moved_too = verb in {"mv recursive", "mv listed"}
        assert content(fs, bucket) == {
            f"{bucket}/d/r": data,
            f"{bucket}/e/r": b"old",
            f"{bucket}/{'e' if moved_too else 'd'}/s": b"s",
        }

    def test_one_that_is_gone_meanwhile_is_moved(self, fs, bucket, monkeypatch):
        fs.pipe(f"{bucket}/r", b"old")
        copied = copies.copy_object

        async def copy_object(session, source, *arguments, **options):
            found = await copied(session, source, *arguments, **options)
            await aios3.remove(source.url, session=session)
            return found

        monkeypatch.setattr("aios3.fsspec.changes.copy_object", copy_object)
        fs.mv(f"{bucket}/r", f"{bucket}/s")
        assert content(fs, bucket) == {f"{bucket}/s": b"old"}


TARGETS = {
    "a directory": ("{}/nd/", IsADirectoryError),
    "a bucket": ("{}", ValueError),
    "no bucket": ("no-such-bucket-here/x", FileNotFoundError),
}


class TestErrorsOfCopies:
    @pytest.mark.parametrize("target", TARGETS)
    @pytest.mark.parametrize("options", [{}, {"ContentType": "a/b"}, {"preserve_etag": True}], ids=str)
    @pytest.mark.parametrize("verb", ["_cp_file", "_mv_file"])
    def test_a_target_that_takes_nothing_is_an_error(self, fs, bucket, target, options, verb):
        fs.pipe(f"{bucket}/s", b"1")
        path, error = TARGETS[target]
        with pytest.raises(error):
            run(fs, getattr(fs, verb), f"{bucket}/s", path.format(bucket), **options)
        assert content(fs, bucket) == {f"{bucket}/s": b"1"}

    @pytest.mark.parametrize("options", [{}, {"ContentType": "a/b"}], ids=str)
    @pytest.mark.parametrize("verb", ["_cp_file", "_mv_file"])
    @pytest.mark.parametrize("source", ["{}/d", "{}/d/"])
    def test_a_directory_is_no_file(self, fs, bucket, options, verb, source):
        fs.pipe(f"{bucket}/d/x", b"1")
        with pytest.raises(IsADirectoryError):
            run(fs, getattr(fs, verb), source.format(bucket), f"{bucket}/e", **options)
        assert content(fs, bucket) == {f"{bucket}/d/x": b"1"}

    @pytest.mark.parametrize("verb", ["copy", "mv"])
    def test_a_list_with_a_directory_says_so(self, fs, bucket, verb):
        fs.pipe({f"{bucket}/d/x": b"1", f"{bucket}/k": b"2"})
        with pytest.raises(IsADirectoryError):
            getattr(fs, verb)([f"{bucket}/d", f"{bucket}/k"], f"{bucket}/e/")
        assert fs.cat(f"{bucket}/d/x") == b"1"
        assert fs.cat(f"{bucket}/e/k") == b"2"


REMOVED_KEYS = ("d/a/f", "d/b/f", "d/b/c/g", "d/x", "d", "e/d/a/f")


class TestRecursiveRemovals:
    @pytest.mark.parametrize(
        ("paths", "left"),
        [
            ("{}/d/**", ("d", "e/d/a/f")),
            ("{}/d/*", ("d", "e/d/a/f")),
            ("{}/d/b*", ("d/a/f", "d/x", "d", "e/d/a/f")),
            ("{}/**/f", ("d/b/c/g", "d/x", "d")),
            ("{}/d*", ("e/d/a/f",)),
            ("{}/d", ("e/d/a/f",)),
            ("{}/d/", ("d", "e/d/a/f")),
            (["{}/d/", "{}/d"], ("e/d/a/f",)),
            (["{}/d", "{}/d/a", "{}/d/b/c/g"], ("e/d/a/f",)),
            (["{}/d/a", "s3://{}/d/a", "{}/d/a/"], ("d/b/f", "d/b/c/g", "d/x", "d", "e/d/a/f")),
            (["{}/d/**", "{}/e"], ("d",)),
            ("{}/none*", None),
            ("{}/none", None),
        ],
        ids=str,
    )
    def test_what_it_removes_itself_is_not_missing(self, fs, bucket, paths, left):
        fs.pipe({f"{bucket}/{key}": key.encode() for key in REMOVED_KEYS})
        named = [each.format(bucket) for each in paths] if isinstance(paths, list) else paths.format(bucket)
        if left is None:
            with pytest.raises(FileNotFoundError):
                fs.rm(named, recursive=True)
        else:
            fs.rm(named, recursive=True)
        assert sorted(content(fs, bucket)) == sorted(
            f"{bucket}/{key}" for key in (REMOVED_KEYS if left is None else left)
        )

    def test_the_others_are_removed_before_it_says_what_is_missing(self, fs, bucket):
        fs.pipe({f"{bucket}/{key}": b"1" for key in REMOVED_KEYS})
        with pytest.raises(FileNotFoundError, match="none"):
            fs.rm([f"{bucket}/none", f"{bucket}/d/a", f"{bucket}/e"], recursive=True)
        assert sorted(content(fs, bucket)) == [f"{bucket}/{key}" for key in ("d", "d/b/c/g", "d/b/f", "d/x")]

    @pytest.mark.parametrize("path", ["", "s3://", "/", "*", "**"])
    def test_all_buckets_at_once_are_too_many(self, fs, bucket, path):
        fs.pipe(f"{bucket}/k", b"1")
        with pytest.raises(ValueError):
            fs.rm(path, recursive=True)
        assert content(fs, bucket) == {f"{bucket}/k": b"1"}

    def test_maxdepth_makes_no_markers_of_directories(self, versioned, bucket):
        versioned.pipe({f"{bucket}/d/a": b"1", f"{bucket}/d/b/c": b"1"})
        versioned.rm(f"{bucket}/d", recursive=True, maxdepth=1)
        found = versioned.call_s3("list_object_versions", Bucket=bucket)
        assert [each["Key"] for each in found["DeleteMarkers"]] == ["d/a"]


@pytest.mark.parametrize(
    ("paths", "roots"),
    [
        (["b/k", "b/k/x", "b/k/"], ["b/k"]),
        (["b/k/", "b/k/x", "b/kk"], ["b/k/", "b/kk"]),
        (["b/d//x", "b/d/"], ["b/d/"]),
        (["b/d//x", "b/d"], ["b/d"]),
        (["b", "b/x", "c/x"], ["b", "c/x"]),
    ],
    ids=str,
)
def test_roots_are_below_no_other(paths, roots):
    assert topmost(paths) == roots


class TestObjectsWithTheNameOfADirectory:
    """``a`` and ``a/b`` are two objects, of which none may hide the other."""

    @pytest.fixture
    def tree(self, fs, bucket):
        fs.pipe({f"{bucket}/t/a": b"object", f"{bucket}/t/a/b": b"below", f"{bucket}/t/c": b"c"})
        return f"{bucket}/t"

    @pytest.mark.parametrize("maxdepth", [None, 2])
    def test_find_and_du_count_both(self, fs, tree, maxdepth):
        found = fs.find(tree, withdirs=True, detail=True, maxdepth=maxdepth)
        assert {name.removeprefix(tree): info["type"] for name, info in found.items()} == {
            "": "directory",
            "/a": "file",
            "/a/b": "file",
            "/c": "file",
        }
        assert fs.du(tree, withdirs=True, maxdepth=maxdepth) == fs.du(tree, maxdepth=maxdepth) == 12
        assert fs.du(tree, withdirs=True, total=False)[f"{tree}/a"] == 6

    @pytest.mark.parametrize(
        ("pattern", "matches"),
        [("/*", ["/a", "/c"]), ("/*/", ["/a"]), ("/**", ["", "/a", "/a/b", "/c"]), ("/a*", ["/a"]), ("/*/b", ["/a/b"])],
    )
    def test_patterns_match_it_as_either(self, fs, tree, pattern, matches):
        assert [name.removeprefix(tree) for name in fs.glob(f"{tree}{pattern}")] == matches

    def test_walk_names_it_twice(self, fs, tree):
        assert list(fs.walk(tree)) == [(tree, ["a"], ["a", "c"]), (f"{tree}/a", [], ["b"])]

    @pytest.mark.parametrize("source", ["", "/", "/*", "/**"])
    def test_a_download_says_that_a_disk_cannot_have_both(self, fs, tree, tmp_path, source):
        with pytest.raises(NotADirectoryError, match="a disk cannot have both"):
            fs.get(f"{tree}{source}", str(tmp_path / "o"), recursive=True)
        assert list(tmp_path.iterdir()) == []

    def test_so_does_one_of_the_object_itself(self, fs, tree, tmp_path):
        with pytest.raises(NotADirectoryError, match="a disk cannot have both"):
            fs.get(f"{tree}/a", str(tmp_path / "o"), recursive=True)
        fs.get(f"{tree}/a/", str(tmp_path / "directory"), recursive=True)
        fs.get(f"{tree}/a", str(tmp_path / "object"))
        assert (tmp_path / "directory" / "b").read_bytes() == b"below"
        assert (tmp_path / "object").read_bytes() == b"object"

    def test_a_local_directory_in_the_place_of_a_file_is_an_error(self, fs, tree, tmp_path):
        (tmp_path / "c").mkdir()
        with pytest.raises(IsADirectoryError, match="is a directory"):
            fs.get_file(f"{tree}/c", str(tmp_path / "c"))
        with pytest.raises(IsADirectoryError, match="is a directory"):
            fs.get([f"{tree}/c"], str(tmp_path))
        fs.get_file(f"{tree}/a/", str(tmp_path / "c"))  # a directory is there already
        assert [each.name for each in tmp_path.iterdir()] == ["c"]

    @pytest.mark.parametrize("keys", [("x/k", "y/k"), ("x//k", "x/k")], ids=str)
    def test_two_that_would_become_one_file_are_an_error(self, fs, bucket, tmp_path, keys):
        fs.pipe({f"{bucket}/p/{key}": key.encode() for key in keys})
        sources = [f"{bucket}/p/{key}" for key in keys] if keys[0] == "x/k" else f"{bucket}/p"
        with pytest.raises(aios3.InvalidPathError, match="would both become"):
            fs.get(sources, str(tmp_path / "o"), recursive=isinstance(sources, str))
        assert list(tmp_path.iterdir()) == []

    def test_two_local_files_do_not_become_one_object(self, fs, bucket, tmp_path):
        for name in ("x", "y"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "k").write_text(name)
        with pytest.raises(aios3.InvalidPathError, match="would both become"):
            fs.put([str(tmp_path / "x" / "k"), str(tmp_path / "y" / "k")], f"{bucket}/o/")
        assert fs.find(bucket) == []

    @pytest.mark.parametrize("verb", ["copy", "mv"])
    @pytest.mark.parametrize("source", ["", "/a"])
    def test_copies_and_moves_take_both(self, fs, bucket, tree, verb, source):
        before = content(fs, f"{tree}{source}")
        if source:
            before[f"{tree}/a"] = b"object"
        getattr(fs, verb)(f"{tree}{source}", f"{bucket}/u", recursive=True)
        moved = {name.removeprefix(f"{tree}{source}"): data for name, data in before.items()}
        found = {name.removeprefix(f"{bucket}/u"): data for name, data in content(fs, bucket).items() if "/u" in name}
        assert found == moved
        if verb == "mv":
            assert set(content(fs, bucket)).isdisjoint(before)

    def test_a_recursive_cat_has_both(self, fs, tree):
        assert fs.cat(tree, recursive=True) == {f"{tree}/a": b"object", f"{tree}/a/b": b"below", f"{tree}/c": b"c"}
        assert fs.cat(f"{tree}/a", recursive=True) == {f"{tree}/a": b"object", f"{tree}/a/b": b"below"}
        assert fs.cat(f"{tree}/a/", recursive=True) == {f"{tree}/a/b": b"below"}
