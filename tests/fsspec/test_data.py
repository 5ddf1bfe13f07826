"""Bytes go up and down as fsspec asks for them; what fails is known by its path, and nothing is half there."""

from __future__ import annotations

import errno
import itertools

import boto3
import pytest
from fsspec.callbacks import Callback

import aios3
from aios3.fsspec import S3FileSystem
from aios3.fsspec.ranges import merge
from aios3.testing import FaultyServer, faults
from server_options import options_of

MIB = 1 << 20
DATA = bytes(range(256))
LARGE = DATA * (11 * MIB // 256)


@pytest.fixture
def client(aios3_server):
    credentials = aios3_server.config["credentials"]
    client = boto3.client(
        "s3",
        endpoint_url=aios3_server.endpoint_url,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        region_name="us-east-1",
    )
    yield client
    client.close()


@pytest.fixture
def path(fs, bucket):
    fs.pipe(f"{bucket}/x", DATA)
    return f"{bucket}/x"


BOUNDS = (None, 0, 3, 100, 255, 256, -1, -100, -256)


@pytest.mark.parametrize(("start", "end"), [*itertools.product(BOUNDS, BOUNDS)])
def test_a_range_is_a_slice(fs, path, start, end):
    expected = DATA[start:end]
    first, last, _ = slice(start, end).indices(len(DATA))
    if last < first:
        with pytest.raises(OSError, match="not satisfiable"):
            fs.cat_file(path, start=start, end=end)
    else:
        assert fs.cat_file(path, start=start, end=end) == expected


def test_a_range_behind_the_object_says_what_zarr_looks_for(fs, path):
    with pytest.raises(OSError, match="not satisfiable") as failure:
        fs.cat_file(path, start=1000, end=1010)
    assert failure.value.errno == errno.EINVAL
    assert isinstance(failure.value, aios3.InvalidRangeError)


@pytest.mark.parametrize("size", [0, 1, 300_000, len(LARGE)])
def test_what_is_piped_is_what_cat_gives(fs, bucket, client, size):
    fs.pipe(f"{bucket}/x", LARGE[:size])
    assert fs.cat(f"{bucket}/x") == LARGE[:size]
    assert client.get_object(Bucket=bucket, Key="x")["Body"].read() == LARGE[:size]


def test_data_is_another_name_of_value(fs, bucket):
    fs.pipe_file(f"{bucket}/x", data=b"one")
    assert fs.cat(f"{bucket}/x") == b"one"
    with pytest.raises(TypeError, match="not both"):
        fs.pipe_file(f"{bucket}/x", b"two", data=b"three")


@pytest.mark.parametrize("recursive", [True, False])
def test_a_tree_makes_the_bucket_that_it_becomes_and_a_file_makes_none(fs, bucket, tmp_path, recursive):
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "inner" / "f").write_bytes(b"1")
    (tmp_path / "f").write_bytes(b"1")
    target = f"{bucket}-made"
    if recursive:
        fs.put(str(tmp_path / "tree"), target, recursive=True)
        assert fs.find(target) == [f"{target}/inner/f"]
        fs.rm(target, recursive=True)
    else:
        with pytest.raises(FileNotFoundError):
            fs.put(str(tmp_path / "f"), f"{target}/f")
        assert not fs.exists(target)


@pytest.mark.parametrize("value", ["text", 5, None])
def test_what_is_no_bytes_is_rejected_and_nothing_is_written(fs, path, value):
    with pytest.raises(TypeError):
        fs.pipe_file(path, value)
    assert fs.cat(path) == DATA


@pytest.mark.parametrize("size", [3, len(LARGE)])
def test_create_replaces_nothing(fs, path, bucket, size):
    with pytest.raises(FileExistsError):
        fs.pipe_file(path, LARGE[:size], mode="create")
    assert fs.cat(path) == DATA
    fs.pipe_file(f"{bucket}/new", LARGE[:size], mode="create")
    assert fs.info(f"{bucket}/new")["size"] == size


def test_create_of_an_empty_object_replaces_nothing_either(fs, path, bucket):
    with pytest.raises(FileExistsError):
        fs.pipe_file(path, b"", mode="create")
    assert fs.cat(path) == DATA


@pytest.mark.parametrize("verb", ["pipe_file", "put_file"])
def test_an_unknown_mode_is_rejected(fs, path, tmp_path, verb):
    (tmp_path / "f").write_bytes(b"1")
    arguments = (path, b"1") if verb == "pipe_file" else (str(tmp_path / "f"), path)
    with pytest.raises(ValueError, match="'overwrite', 'create', not 'replace'"):
        getattr(fs, verb)(*arguments, mode="replace")
    assert fs.cat(path) == DATA


@pytest.mark.parametrize("verb", ["cat_file", "rm_file", "touch", "open", "url", "metadata"])
@pytest.mark.parametrize("path", ["", "only-a-bucket", "s3://only-a-bucket/"])
def test_a_path_without_a_key_is_rejected_at_once(fs, verb, path):
    with pytest.raises(ValueError, match="bucket/key"):
        getattr(fs, verb)(path)


class TestCat:
    @pytest.fixture
    def tree(self, fs, bucket):
        fs.pipe({f"{bucket}/d/{number}": str(number).encode() for number in range(5)})
        return f"{bucket}/d"

    def test_many_are_a_dictionary(self, fs, tree):
        assert fs.cat([f"{tree}/1", f"{tree}/2"]) == {f"{tree}/1": b"1", f"{tree}/2": b"2"}
        assert fs.cat([f"{tree}/1"]) == {f"{tree}/1": b"1"}

    @pytest.mark.parametrize("recursive", [False, True])
    def test_a_pattern_and_a_tree_are_a_dictionary(self, fs, tree, recursive):
        expected = {f"{tree}/{number}": str(number).encode() for number in range(5)}
        assert fs.cat(tree if recursive else f"{tree}/*", recursive=recursive) == expected

    def test_a_failure_is_raised_left_out_or_returned(self, fs, tree):
        paths = [f"{tree}/1", f"{tree}/missing"]
        with pytest.raises(FileNotFoundError, match="missing"):
            fs.cat(paths)
        assert fs.cat(paths, on_error="omit") == {f"{tree}/1": b"1"}
        found = fs.cat(paths, on_error="return")
        assert found[f"{tree}/1"] == b"1"
        assert isinstance(found[f"{tree}/missing"], FileNotFoundError)

    def test_an_unknown_choice_is_rejected(self, fs, tree):
        with pytest.raises(ValueError, match="'raise', 'omit', 'return', not 'ignore'"):
            fs.cat(tree, on_error="ignore")


class TestRanges:
    def test_each_path_has_its_range(self, fs, path, bucket):
        fs.pipe(f"{bucket}/y", DATA[::-1])
        found = fs.cat_ranges([path, f"{bucket}/y", path], [0, 10, -5], [4, 20, None])
        assert found == [DATA[:4], DATA[::-1][10:20], DATA[-5:]]
        assert fs.cat_ranges([path, path], 1, 3) == [DATA[1:3]] * 2

    @pytest.mark.parametrize("max_gap", [None, 0, 10, 1000])
    def test_ranges_are_the_same_however_they_are_merged(self, fs, path, max_gap):
        bounds = [(0, 10), (5, 20), (30, 40), (200, 256), (40, 40), (None, 3), (-3, None), (100, 101)]
        starts, ends = zip(*bounds, strict=True)
        found = fs.cat_ranges([path] * len(bounds), list(starts), list(ends), max_gap=max_gap)
        assert found == [DATA[start:end] for start, end in bounds]

    def test_near_ranges_share_a_request(self):
        wanted = [("a", 0, 10), ("a", 15, 20), ("b", 21, 30), ("a", 100, 110), ("a", 5, 12)]
        merged = sorted((each.path, each.start, each.stop) for each in merge(wanted, 5))
        assert merged == [("a", 0, 20), ("a", 100, 110), ("b", 21, 30)]
        assert len(merge(wanted, None)) == 5

    @pytest.mark.parametrize("max_gap", [None, 10])
    def test_a_failure_stands_in_its_place_or_is_raised(self, fs, path, bucket, max_gap):
        paths = [path, f"{bucket}/missing", path]
        found = fs.cat_ranges(paths, [0, 0, 300], [2, 2, 310], max_gap=max_gap)
        assert found[0] == DATA[:2]
        assert isinstance(found[1], FileNotFoundError)
        assert isinstance(found[2], aios3.InvalidRangeError)
        with pytest.raises(FileNotFoundError):
            fs.cat_ranges(paths[:2], 0, 2, max_gap=max_gap, on_error="raise")

    def test_arguments_that_do_not_fit_are_rejected(self, fs, path):
        with pytest.raises(ValueError, match="starts has 1 bounds for 2 paths"):
            fs.cat_ranges([path, path], [0], 2)
        with pytest.raises(TypeError, match="paths must be a list"):
            fs.cat_ranges(path, 0, 2)


class Counted(Callback):
    def __init__(self):
        super().__init__()
        self.sizes, self.moved = [], 0
        self.children = []

    def set_size(self, size):
        self.sizes.append(size)

    def relative_update(self, inc=1):
        self.moved += inc

    def branched(self, path_1, path_2, **kwargs):
        child = Counted()
        self.children.append(child)
        return child


class TestFiles:
    @pytest.mark.parametrize("size", [0, 5, len(LARGE)])
    @pytest.mark.parametrize("options", [{}, {"ContentType": "a/b"}])
    def test_a_file_goes_up_and_comes_down(self, fs, bucket, tmp_path, client, size, options):
        (tmp_path / "up").write_bytes(LARGE[:size])
        up, down = Counted(), Counted()
        fs.put_file(str(tmp_path / "up"), f"{bucket}/x", callback=up, **options)
        fs.get_file(f"{bucket}/x", str(tmp_path / "new" / "down"), callback=down)
        assert (tmp_path / "new" / "down").read_bytes() == LARGE[:size]
        assert (up.sizes, up.moved, down.sizes, down.moved) == ([size], size, [size], size)
        if options:
            assert client.head_object(Bucket=bucket, Key="x")["ContentType"] == "a/b"

    @pytest.mark.parametrize("options", [{}, {"ContentType": "a/b"}])
    def test_put_with_create_replaces_nothing(self, fs, path, tmp_path, options):
        (tmp_path / "f").write_bytes(b"other")
        with pytest.raises(FileExistsError):
            fs.put_file(str(tmp_path / "f"), path, mode="create", **options)
        assert fs.cat(path) == DATA

    def test_trees_go_up_and_come_down_with_callbacks(self, fs, bucket, tmp_path):
        for name in ("a", "b/c", "b/d/e"):
            (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "up" / name).write_text(name)
        told = Counted()
        fs.put(str(tmp_path / "up"), f"{bucket}/t", recursive=True, callback=told)
        assert (told.sizes, told.moved, sum(child.moved for child in told.children)) == ([3], 3, 9)
        fs.get(f"{bucket}/t", str(tmp_path / "down"), recursive=True)
        found = {
            str(each.relative_to(tmp_path / "down")): each.read_text()
            for each in (tmp_path / "down").rglob("*")
            if each.is_file()
        }
        assert found == {name: name for name in ("a", "b/c", "b/d/e")}

    def test_a_hostile_key_reaches_no_file_outside(self, fs, bucket, client, tmp_path):
        victim = tmp_path / "victim"
        victim.write_bytes(b"mine")
        client.put_object(Bucket=bucket, Key="t/ok", Body=b"1")
        client.put_object(Bucket=bucket, Key="t/../../victim", Body=b"theirs")
        with pytest.raises(ValueError, match="outside the destination"):
            fs.get(f"{bucket}/t", str(tmp_path / "in" / "side"), recursive=True)
        assert victim.read_bytes() == b"mine"
        assert [each for each in tmp_path.rglob("*") if each.is_file()] == [victim]

    def test_a_download_that_fails_leaves_the_old_file(self, fs, bucket, tmp_path):
        (tmp_path / "f").write_bytes(b"old")
        with pytest.raises(FileNotFoundError):
            fs.get_file(f"{bucket}/missing", str(tmp_path / "f"))
        assert (tmp_path / "f").read_bytes() == b"old"
        assert [each.name for each in tmp_path.iterdir()] == ["f"]


class TestCopies:
    @pytest.fixture
    def described(self, fs, bucket, client):
        client.put_object(
            Bucket=bucket,
            Key="x",
            Body=DATA,
            ContentType="a/b",
            Metadata={"n": "v"},
            Tagging="t=1",
            CacheControl="no-store",
        )
        return f"{bucket}/x"

    @pytest.mark.parametrize(
        "options", [{}, pytest.param({"ContentType": "c/d"}, marks=pytest.mark.needs("copy_tags"))]
    )
    @pytest.mark.parametrize("verb", ["copy", "mv"])
    def test_a_copy_keeps_what_is_not_replaced(self, fs, described, bucket, client, verb, options):
        getattr(fs, verb)(described, f"{bucket}/y", **options)
        head = client.head_object(Bucket=bucket, Key="y")
        assert head["ContentType"] == options.get("ContentType", "a/b")
        assert (head["Metadata"], head["CacheControl"]) == ({"n": "v"}, "no-store")
        assert fs.get_tags(f"{bucket}/y") == {"t": "1"}
        assert fs.cat(f"{bucket}/y") == DATA
        assert fs.exists(described) == (verb == "copy")

    @pytest.mark.needs("encryption")
    def test_a_filesystem_with_parameters_of_its_own_gives_them_to_copies(
        self, described, bucket, storage_options, client
    ):
        fs = S3FileSystem(
            **storage_options, s3_additional_kwargs={"ServerSideEncryption": "AES256"}, skip_instance_cache=True
        )
        fs.copy(described, f"{bucket}/y")
        fs.pipe(f"{bucket}/z", b"1")
        with fs.open(f"{bucket}/w", "wb") as file:
            file.write(b"1")
        fs.close()
        for key in "yzw":
            assert client.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] == "AES256"
        assert client.head_object(Bucket=bucket, Key="y")["Metadata"] == {"n": "v"}

    def test_a_failed_copy_moves_nothing(self, fs, described):
        with pytest.raises(FileNotFoundError):
            fs.mv(described, "no-such-bucket-here/y")
        assert fs.cat(described) == DATA

    def test_moving_a_tree_removes_what_was_moved_and_nothing_else(self, fs, bucket):
        fs.pipe({f"{bucket}/t/{name}": name.encode() for name in ("a", "b/c")})
        fs.pipe(f"{bucket}/t2/stays", b"1")
        fs.mv(f"{bucket}/t", f"{bucket}/u", recursive=True)
        assert fs.find(bucket) == [f"{bucket}/t2/stays", f"{bucket}/u/a", f"{bucket}/u/b/c"]

    def test_merge_joins_in_order(self, fs, bucket):
        fs.pipe({f"{bucket}/{name}": part for name, part in (("1", LARGE[: 6 * MIB]), ("2", b"middle"), ("3", b"end"))})
        fs.merge(f"{bucket}/all", [f"{bucket}/{name}" for name in "123"])
        assert fs.cat(f"{bucket}/all") == LARGE[: 6 * MIB] + b"middleend"


class TestRemovals:
    def test_a_tree_goes_with_its_markers_and_leaves_its_neighbours(self, fs, bucket, client):
        fs.pipe({f"{bucket}/{name}": b"1" for name in ("d/a", "d/b/c", "dd/x", "d.txt")})
        fs.touch(f"{bucket}/d/e/")
        fs.rm(f"{bucket}/d", recursive=True)
        left = [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]]
        assert left == ["d.txt", "dd/x"]

    def test_nothing_to_remove_is_an_error_of_a_tree_only(self, fs, bucket):
        with pytest.raises(FileNotFoundError):
            fs.rm(f"{bucket}/nothing", recursive=True)
        fs.rm(f"{bucket}/nothing")  # as S3 has it, without a look

    def test_a_thousand_keys_are_one_request(self, fs, bucket, client):
        paths = [f"{bucket}/{number:04}" for number in range(1001)]
        fs.pipe(dict.fromkeys(paths, b""))
        fs.rm(paths)
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_maxdepth_keeps_what_is_deeper(self, fs, bucket):
        fs.pipe({f"{bucket}/d/{name}": b"1" for name in ("a", "b/c")})
        fs.rm(f"{bucket}/d", recursive=True, maxdepth=1)
        assert fs.find(bucket) == [f"{bucket}/d/b/c"]

    def test_a_list_of_paths_may_be_in_several_buckets(self, fs, bucket, aios3_server):
        other = aios3_server.create_bucket(f"{bucket}-other").removeprefix("s3://")
        fs.pipe({f"{bucket}/a": b"1", f"{other}/a": b"1", f"{other}/b": b"1"})
        fs.rm([f"{bucket}/a", f"{other}/a"])
        assert fs.find(bucket) + fs.find(other) == [f"{other}/b"]

    @pytest.mark.parametrize("recursive", [False, True])
    def test_what_s3_does_not_delete_is_named(self, fs, bucket, aios3_server, recursive):
        paths = [f"{bucket}/d/{name}" for name in "ab"]
        fs.pipe(dict.fromkeys(paths, b"1"))
        with FaultyServer(upstream=aios3_server) as server:
            server.fail("DeleteObjects", faults.Respond(403, "AccessDenied"), times=None)
            client = S3FileSystem(**{**options_of(aios3_server), "endpoint_url": server.endpoint_url})
            with pytest.raises(aios3.PartialFailureError) as failure:
                client.rm(f"{bucket}/d" if recursive else paths, recursive=recursive)
            client.close()
        assert sorted(failure.value.failures) == [f"s3://{path}" for path in paths]
        assert fs.find(bucket) == paths


class TestBuckets:
    def test_a_bucket_is_made_and_deleted(self, fs, bucket):
        name = f"{bucket}-made"
        fs.mkdir(name)
        assert fs.isdir(name)
        with pytest.raises(FileExistsError):
            fs.mkdir(name)
        fs.makedirs(name, exist_ok=True)
        fs.pipe(f"{name}/x", b"1")
        with pytest.raises(OSError, match="holds objects"):
            fs.rmdir(name)
        fs.rm(name, recursive=True)
        assert not fs.exists(name)

    def test_a_directory_needs_nothing_but_its_bucket(self, fs, bucket):
        fs.mkdir(f"{bucket}/d")
        fs.makedirs(f"{bucket}/d/e", exist_ok=True)
        assert fs.ls(bucket) == []
        fs.mkdir(f"{bucket}-parent/d")
        assert fs.exists(f"{bucket}-parent")
        with pytest.raises(FileNotFoundError):
            fs.mkdir(f"{bucket}-none/d", create_parents=False)

    def test_rmdir_of_a_directory_removes_nothing(self, fs, bucket):
        fs.pipe(f"{bucket}/d/x", b"1")
        with pytest.raises(FileExistsError, match="recursive=True"):
            fs.rmdir(f"{bucket}/d")
        with pytest.raises(FileNotFoundError):
            fs.rmdir(f"{bucket}/e")
        assert fs.find(bucket) == [f"{bucket}/d/x"]

    def test_touch_makes_an_empty_object_and_keeps_one_that_it_may_not_replace(self, fs, path, bucket):
        fs.touch(f"{bucket}/new")
        assert fs.cat(f"{bucket}/new") == b""
        with pytest.raises(ValueError, match="is there"):
            fs.touch(path, truncate=False)
        assert fs.cat(path) == DATA
        fs.touch(path)
        assert fs.cat(path) == b""
