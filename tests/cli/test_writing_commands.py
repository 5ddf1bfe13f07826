"""Commands that write, as a shell runs them: output, status, and what is in the bucket and on the disk afterwards."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess

import pytest
from cli_program import PROGRAM, run_program, start_program
from writing_state import FILES, OBJECTS, changed

import aios3.sync as s3
from aios3.testing import LocalServer, faults

TREE = {"g": b"gee", "u/h": b"aitch"}
"""The files in ``t``."""


def below(prefix, files):
    return {prefix + name: data for name, data in files.items()}


def gone(*names):
    return dict.fromkeys(names)


ROWS = [
    # cp: one file
    ("cp f.txt {b}/new", ["cp f.txt {b}/new"], {"new": b"file"}, {}),
    ("cp f.txt {b}", ["cp f.txt {b}/f.txt"], {"f.txt": b"file"}, {}),
    ("cp ./f.txt {b}/n/", ["cp ./f.txt {b}/n/f.txt"], {"n/f.txt": b"file"}, {}),
    ("cp f.txt t/g {b}/n/", ["cp f.txt {b}/n/f.txt", "cp t/g {b}/n/g"], {"n/f.txt": b"file", "n/g": b"gee"}, {}),
    ("cp f.txt {b}/a.txt", ["cp f.txt {b}/a.txt"], {"a.txt": b"file"}, {}),
    ("cp -n f.txt {b}/a.txt", [], {}, {}),
    ("cp {b}/a.txt .", ["cp {b}/a.txt ./a.txt"], {}, {"a.txt": b"alpha"}),
    ("cp {b}/a.txt t", ["cp {b}/a.txt t/a.txt"], {}, {"t/a.txt": b"alpha"}),
    ("cp {b}/a.txt new/deep/", ["cp {b}/a.txt new/deep/a.txt"], {}, {"new/deep/a.txt": b"alpha"}),
    ("cp {b}/a.txt f.txt", ["cp {b}/a.txt f.txt"], {}, {"f.txt": b"alpha"}),
    ("cp -n {b}/a.txt f.txt", [], {}, {}),
    ("cp {b}/a.txt {b}/d/", ["cp {b}/a.txt {b}/d/a.txt"], {"d/a.txt": b"alpha"}, {}),
    ("cp --raw {b}/x[1].txt {b}/y", ["cp --raw '{b}/x[1].txt' {b}/y"], {"y": b"odd"}, {}),
    ("cp -r t {b}/n", ["cp t/g {b}/n/g", "cp t/u/h {b}/n/u/h"], below("n/", TREE), {}),
    ("cp -r t/ f.txt {b}/n/", ["cp t/g {b}/n/t/g", "cp t/u/h {b}/n/t/u/h", "cp f.txt {b}/n/f.txt"],
     {"n/f.txt": b"file", **below("n/t/", TREE)}, {}),
    ("cp -r --exclude u/ t {b}/n", ["cp t/g {b}/n/g"], {"n/g": b"gee"}, {}),
    ("cp -r --include **/h t {b}/n", ["cp t/u/h {b}/n/u/h"], {"n/u/h": b"aitch"}, {}),
    ("cp -r --exclude h t {b}/n", ["cp t/g {b}/n/g"], {"n/g": b"gee"}, {}),
    ("sync --exclude * --include [h] t {b}/n", ["cp t/u/h {b}/n/u/h"], {"n/u/h": b"aitch"}, {}),
    ("cp -r {b}/d n", ["cp {b}/d/b n/b", "cp {b}/d/e/c n/e/c"], {}, {"n/b": b"bee", "n/e/c": b"sea"}),
    ("cp -r {b}/d {b}/n/", ["cp {b}/d/b {b}/n/b", "cp {b}/d/e/c {b}/n/e/c"], {"n/b": b"bee", "n/e/c": b"sea"}, {}),
    ("cp {b}/**/? n/", ["cp {b}/d/b n/d/b", "cp {b}/d/e/c n/d/e/c"], {}, {"n/d/b": b"bee", "n/d/e/c": b"sea"}),
    ("cp --flatten {b}/**/? n/", ["cp {b}/d/b n/b", "cp {b}/d/e/c n/c"], {}, {"n/b": b"bee", "n/c": b"sea"}),
    ("cp -r {b}/d* n/", ["cp {b}/d/b n/d/b", "cp {b}/d/e/c n/d/e/c"], {}, {"n/d/b": b"bee", "n/d/e/c": b"sea"}),
    ("cp {b}/d/** {b}/d/all/", ["cp {b}/d/b {b}/d/all/b", "cp {b}/d/e/c {b}/d/all/e/c"],
     {"d/all/b": b"bee", "d/all/e/c": b"sea"}, {}),
    # mv
    ("mv f.txt {b}/new", ["mv f.txt {b}/new"], {"new": b"file"}, gone("f.txt")),
    ("mv {b}/a.txt .", ["mv {b}/a.txt ./a.txt"], gone("a.txt"), {"a.txt": b"alpha"}),
    ("mv {b}/a.txt {b}/d/", ["mv {b}/a.txt {b}/d/a.txt"], {"d/a.txt": b"alpha", **gone("a.txt")}, {}),
    ("mv -n f.txt {b}/a.txt", [], {}, {}),
    ("mv -r t {b}/n", ["mv t/g {b}/n/g", "mv t/u/h {b}/n/u/h"], below("n/", TREE), gone("t/g", "t/u/h")),
    ("mv -r {b}/d n", ["mv {b}/d/b n/b", "mv {b}/d/e/c n/e/c"], gone("d/b", "d/e/c"), {"n/b": b"bee", "n/e/c": b"sea"}),
    ("mv -r {b}/d {b}/n", ["mv {b}/d/b {b}/n/b", "mv {b}/d/e/c {b}/n/e/c"],
     {"n/b": b"bee", "n/e/c": b"sea", **gone("d/b", "d/e/c")}, {}),
    ("mv {b}/d/* {b}/n/", ["mv {b}/d/b {b}/n/b"], {"n/b": b"bee", **gone("d/b")}, {}),
    # rm
    ("rm {b}/a.txt {b}/d/b", ["rm {b}/a.txt", "rm {b}/d/b"], gone("a.txt", "d/b"), {}),
    ("rm -r {b}/d", ["rm {b}/d/b", "rm {b}/d/e/c"], gone("d/b", "d/e/c"), {}),
    ("rm -r {b}/d/e/", ["rm {b}/d/e/c"], gone("d/e/c"), {}),
    ("rm {b}/d/*", ["rm {b}/d/b"], gone("d/b"), {}),
    ("rm -r {b}/d* --exclude **/c", ["rm {b}/d/b"], gone("d/b"), {}),
    ("rm --raw {b}/x[1].txt", ["rm --raw '{b}/x[1].txt'"], gone("x[1].txt"), {}),
    ("rm -f {b}/never {b}/never/*", [], {}, {}),
    ("rm -r {b}", ["rm {b}/a.txt", "rm {b}/d/b", "rm {b}/d/e/c", "rm --raw '{b}/x[1].txt'", "rm {b}/x1.txt"],
     gone(*OBJECTS), {}),
    # sync
    ("sync t {b}/d", ["cp t/g {b}/d/g", "cp t/u/h {b}/d/u/h"], below("d/", TREE), {}),
    ("sync --delete t {b}/d", ["cp t/g {b}/d/g", "cp t/u/h {b}/d/u/h", "rm {b}/d/b", "rm {b}/d/e/c"],
     {**below("d/", TREE), **gone("d/b", "d/e/c")}, {}),
    ("sync --delete --exclude e/ t {b}/d", ["cp t/g {b}/d/g", "cp t/u/h {b}/d/u/h", "rm {b}/d/b"],
     {**below("d/", TREE), **gone("d/b")}, {}),
    ("sync --delete {b}/d t", ["cp {b}/d/b t/b", "cp {b}/d/e/c t/e/c", "# of this disk: rm t/g",
     "# of this disk: rm t/u/h"], {}, {"t/b": b"bee", "t/e/c": b"sea", **gone("t/g", "t/u/h")}),
    ("sync {b}/d {b}/n", ["cp {b}/d/b {b}/n/b", "cp {b}/d/e/c {b}/n/e/c"], {"n/b": b"bee", "n/e/c": b"sea"}, {}),
    # buckets
    ("rb --force {b}", ["rb --force {b}"], None, {}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "output", "objects", "files"), ROWS, ids=[row[0] for row in ROWS])
def test_what_a_command_prints_and_leaves(state, line, output, objects, files):
    done = state.run(line)
    errors = [each for each in done.stderr.decode().splitlines() if "was left out" not in each]
    assert (done.returncode, errors) == (0, [])
    assert sorted(done.stdout.decode().splitlines()) == sorted(each.format(b=state.bucket) for each in output)
    assert state.objects() == (None if objects is None else changed(OBJECTS, objects))
    assert state.files() == changed(FILES, files)


@pytest.mark.parametrize(("line", "output", "objects", "files"), ROWS, ids=[row[0] for row in ROWS])
def test_a_dry_run_changes_nothing_and_says_the_same(state, line, output, objects, files):
    done = state.run(f"{line} --dry-run")
    assert done.returncode == 0
    assert sorted(done.stdout.decode().splitlines()) == sorted(each.format(b=state.bucket) for each in output)
    assert (state.objects(), state.files()) == (OBJECTS, FILES)


@pytest.mark.parametrize("command", ["cp", "mv"])
def test_the_lines_of_a_dry_run_replace_nothing_that_appeared_meanwhile(state, command):
    lines = state.run(f"{command} -n --resume -r t {{b}}/n --dry-run").stdout
    assert lines.count(b" --resume ") == len(TREE)
    state.put("n/g", b"of somebody else")
    assert state.run("run", stdin=lines).returncode == 0
    assert state.objects() == {**OBJECTS, "n/g": b"of somebody else", "n/u/h": b"aitch"}
    assert state.files()["t/g"] == b"gee"


RUN_ROWS = [row for row in ROWS if row[0].split()[0] in {"cp", "mv", "rm"} or row[0].startswith("sync {b}")]


@pytest.mark.parametrize(("line", "output", "objects", "files"), RUN_ROWS, ids=[row[0] for row in RUN_ROWS])
def test_the_lines_of_a_dry_run_do_what_the_command_does(state, line, output, objects, files):
    lines = state.run(f"{line} --dry-run").stdout
    done = state.run("run -q", stdin=lines)
    assert (done.returncode, done.stderr) == (0, b"")
    local = {name: None for name, data in files.items() if data is None and line.startswith("sync")}
    assert state.objects() == changed(OBJECTS, objects)
    assert state.files() == changed(FILES, {name: data for name, data in files.items() if name not in local})


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("cp", 2, "required: SRC, DST"),
        ("cp f.txt", 2, "required: DST"),
        ("cp f.txt t/", 2, "neither f.txt nor t/ is in S3"),
        ("cp https://host/f {b}/", 2, "scheme 'https' is not supported"),
        ("cp f.txt ftp://host/", 2, "scheme 'ftp' is not supported"),
        ("cp missing {b}/", 1, "missing: No such file or directory"),
        ("cp {b}/missing .", 1, "{b}/missing"),
        ("cp {b}/missing/* .", 1, "{b}/missing/*"),
        ("cp {b}/d .", 1, "{b}/d"),
        ("cp {b}/d/ .", 1, "-r takes it with all that is below"),
        ("cp t {b}/", 1, "t is a directory; -r takes it"),
        ("cp {b}/d* n/", 1, "matches directories only"),
        ("cp f.txt t/g {b}/one", 2, "is no directory, and there is more than one source"),
        ("cp {b}/* n", 2, "is no directory, and there is more than one source"),
        ("cp {b}/a.txt f.txt/", 1, "f.txt"),
        ("cp -r {b}/d f.txt", 1, "f.txt"),
        ("cp f.txt {b}/*", 2, "the target has wildcards"),
        ("cp {b}/x[1].txt n/", 1, "is an object, and a pattern as well"),
        ("rm {b}/x[1].txt", 1, "is an object, and a pattern as well"),
        ("mv {b}/x[1].txt n/", 1, "is an object, and a pattern as well"),
        ("cp --content-type text/html {b}/a.txt n", 2, "a local file has no content type"),
        ("cp --metadata colour f.txt {b}/", 2, "'colour' is not NAME=VALUE"),
        ("cp --metadata {colour f.txt {b}/", 2, "is not JSON"),
        ("cp f.txt s3://no-such-bucket-here/", 1, "the bucket does not exist"),
        ("cp --no-sign-request f.txt s3://-/", 1, "s3://-/"),
        ("mv f.txt t/", 2, "neither f.txt nor t/ is in S3"),
        ("mv - {b}/x", 2, "mv takes no '-'"),
        ("sync t t", 2, "neither t nor t is in S3"),
        ("sync missing {b}/d", 1, "missing"),
        ("sync {b}/missing t --delete", 1, "{b}/missing"),
        ("sync {b}/* t", 2, "sync takes directories"),
        ("sync {b}/d {b}/d/e", 1, "one lies in the other"),
        ("sync --checksum --size-only t {b}/d", 2, "not allowed with argument"),
        ("rm", 2, "required: PATH"),
        ("rm f.txt", 2, "is not an S3 path"),
        ("rm s3://", 1, "s3://"),
        ("rm {b}", 1, "is a bucket; -r removes all that is below"),
        ("rm {b}/", 1, "is a bucket; -r removes all that is below"),
        ("rm {b}/d", 1, "is a directory; -r removes all that is below"),
        ("rm {b}/d/", 1, "is a directory; -r removes all that is below"),
        ("rm {b}/missing", 1, "{b}/missing"),
        ("rm -r {b}/missing/", 1, "{b}/missing/"),
        ("rm {b}/missing*", 1, "{b}/missing*"),
        ("rm --all-versions {b}/d", 1, "{b}/d"),
        ("rm --all-versions {b}/*", 2, "takes no patterns"),
        ("rm --version-id 1 -r {b}/d", 2, "--version-id is of one object"),
        ("put {b}/", 2, "is a directory; write the name of the object"),
        ("put f.txt", 2, "is not an S3 path"),
        ("put -n {b}/a.txt", 1, "{b}/a.txt"),
        ("mb {b}", 1, "exists already"),
        ("mb s3://UPPER_case", 1, "UPPER_case"),
        ("mb {b}/key", 2, "takes whole buckets"),
        ("rb {b}", 1, "still holds objects"),
        ("rb s3://no-such-bucket-here", 1, "does not exist"),
        ("uploads", 2, "there is no command"),
        ("uploads abort", 2, "required: PREFIX"),
        ("uploads abort --older-than soon {b}", 2, "'soon' is not an age"),
        ("uploads ls s3://no-such-bucket-here", 1, "does not exist"),
        ("cmp {b}/missing/ t", 1, "{b}/missing/"),
        ("cmp missing {b}/d", 1, "missing"),
        ("cmp t {b}/missing/", 1, "{b}/missing/"),
        ("cp {b}/a.txt {b}/a.txt", 1, "are the same object"),
        ("mv {b}/a.txt {b}/a.txt", 1, "are the same object"),
        ("mv {b}/a.txt {b}", 1, "are the same object"),
        ("mv -r {b}/d {b}/d", 1, "one lies in the other"),
        ("mv -r {b}/d/ {b}/d", 1, "one lies in the other"),
        ("mv -r {b}/d {b}/d/e/", 1, "one lies in the other"),
        ("cp -r {b}/d {b}/d/new", 1, "one lies in the other"),
        ("mv -r {b} {b}/below/", 1, "one lies in the other"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_changes_nothing(state, line, status, message):
    done = state.run(line, stdin=b"input")
    text = done.stderr.decode()
    assert (done.returncode, done.stdout) == (status, b"")
    assert message.replace("{b}", state.bucket) in text
    assert text.count("\n") == 1
    assert "Traceback" not in text
    assert (state.objects(), state.files()) == (OBJECTS, FILES)


def elsewhere(state, server):
    """Return the server under another name, and a profile of the same account."""
    config = state.here.parent / "config"
    config.write_text(f"[profile other]\nendpoint_url = {server.endpoint_url}\nregion = us-east-1\n")
    state.environ["AWS_CONFIG_FILE"] = str(config)
    return server.endpoint_url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("command", ["mv", "cp"])
@pytest.mark.parametrize(
    ("source", "target"),
    [("a.txt", "a.txt"), ("a.txt", ""), ("-r d", "d"), ("-r d", "d/e"), ("a.*", ""), ("-r d*", "")],
)
@pytest.mark.parametrize("spelling", ["profile", "endpoint", "both ends"])
def test_an_object_is_not_moved_onto_itself_under_another_name(state, server, command, source, target, spelling):
    other = elsewhere(state, server)
    flag, _, key = source.rpartition(" ")
    before, after = f"{flag} {state.bucket}/{key}", f"{state.bucket}/{target}"
    if spelling == "profile":
        line = f"{command} {before} {after.replace('s3://', 's3+other://')}"
    elif spelling == "endpoint":
        line = f"{command} --to-endpoint-url {other} {before} {after}"
    else:
        line = f"{command} --from-profile other --to-endpoint-url {other} {before} {after}"
    done = state.run(line)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert state.objects() == OBJECTS
    assert done.stdout == b""


def test_objects_go_from_one_server_to_another(state, server):
    with LocalServer() as other, s3.Session(**other.config) as there:
        s3.Bucket("s3://there", session=there).create()
        options = f"--to-endpoint-url {other.endpoint_url}"
        assert state.run(f"cp --content-type text/html {state.bucket}/a.txt s3://there/ {options}").returncode == 0
        assert state.run(f"cp -r {state.bucket}/d s3://there/d {options}").returncode == 0
        assert state.run(f"mv {state.bucket}/x1.txt s3://there/d/x {options}").returncode == 0
        assert state.run(f"mv -r {state.bucket}/d/ s3://there/e {options}").returncode == 0
        lines = state.run(f"sync --delete {state.bucket}/ s3://there/d {options} --dry-run").stdout.splitlines()
        done = state.run(f"sync --delete {state.bucket}/ s3://there/d {options}").stdout.splitlines()
        assert sorted(done) == sorted(lines)  # each line is printed when its copy ends
        assert f"rm --endpoint-url {other.endpoint_url} s3://there/d/x".encode() in lines
        found = {path: s3.read_bytes(path, session=there) for path in s3.scan("s3://there", session=there)}
        assert found == {
            "s3://there/a.txt": b"alpha",
            "s3://there/d/a.txt": b"alpha",
            "s3://there/d/x[1].txt": b"odd",
            "s3://there/e/b": b"bee",
            "s3://there/e/e/c": b"sea",
        }
        assert s3.stat("s3://there/a.txt", session=there).content_type == "text/html"
    assert state.objects() == changed(OBJECTS, gone("x1.txt", "d/b", "d/e/c"))


def test_what_two_sources_would_both_become_is_written_once_and_said(state):
    (state.here / "other").mkdir()
    (state.here / "other" / "f.txt").write_bytes(b"other")
    done = state.run("mv f.txt other/f.txt {b}/m/")
    assert done.returncode == 1
    assert b"which it would replace" in done.stderr
    kept = {name for name in ("f.txt", "other/f.txt") if (state.here / name).exists()}
    assert len(kept) == 1
    assert state.objects()["m/f.txt"] == ({b"file", b"other"} - {(state.here / kept.pop()).read_bytes()}).pop()


def test_objects_are_stored_as_the_options_say(state):
    options = (
        "--content-type text/x-test --cache-control no-store --content-language de --metadata colour=red,shape=round "
        "--storage-class STANDARD_IA --tag team=one --expires 2030-01-02"
    )
    state.run(f"cp {options} f.txt {{b}}/one")
    state.run(f"cp -r {options} t {{b}}/tree")
    state.run(f"put {options} {{b}}/put", stdin=b"in")
    state.run(f"cp {options} {{b}}/a.txt {{b}}/copy")
    state.run(f"sync {options} t {{b}}/sync")
    lines = state.run(f"cp -r {options} t {{b}}/run --dry-run").stdout
    state.run("run", stdin=lines)
    for key in ("one", "tree/g", "put", "copy", "sync/u/h", "run/g"):
        stat = s3.stat(f"{state.bucket}/{key}", session=state.session)
        assert (key, stat.content_type, stat.storage_class) == (key, "text/x-test", "STANDARD_IA")
        kept = {} if key in {"put", "copy"} else {"mtime": stat.metadata["mtime"]}
        assert (key, dict(stat.metadata)) == (key, {"colour": "red", "shape": "round"} | kept)
        assert (stat.headers["cache-control"], stat.headers["content-language"]) == ("no-store", "de")
        assert stat.headers["expires"] == "Wed, 02 Jan 2030 00:00:00 GMT"


def test_standard_input_becomes_an_object(state):
    data = os.urandom(9 << 20)
    done = state.run("put --part-size 5M {b}/in", stdin=data)
    assert (done.returncode, done.stdout.decode()) == (0, f"put {state.bucket}/in\n")
    assert state.run("cp - {b}/in2", stdin=b"").returncode == 0
    assert (state.here / "f.txt").read_bytes() == b"file"
    with (state.here / "f.txt").open("rb") as file:
        command = [*PROGRAM, "put", f"{state.bucket}/in3"]
        subprocess.run(command, env=state.environ, stdin=file, check=True, timeout=100, capture_output=True)
    objects = state.objects()
    assert (objects["in"] == data, objects["in2"], objects["in3"]) == (True, b"", b"file")
    assert state.run("cp {b}/in -").stdout == data


def test_all_versions_of_a_key_are_gone_for_good(state):
    bucket = s3.Bucket(state.bucket, session=state.session)
    bucket.set_versioning(True)
    for key in ("v", "v/below", "v2"):
        state.put(key, b"old")
        state.put(key, b"new")
    state.run("rm {b}/v")
    assert state.run("rm --all-versions {b}/v").returncode == 0
    assert {version.key for version in bucket.list_versions("v")} == {"v/below", "v2"}
    state.put("v", b"again")
    assert state.run("rm --all-versions -r {b}/v").returncode == 0
    assert {version.key for version in bucket.list_versions("v")} == {"v2"}
    old = [version.version_id for version in bucket.list_versions("v2")][-1]
    done = state.run(f"rm --version-id {old} {{b}}/v2")
    assert done.stdout.decode() == f"rm --version-id {old} {state.bucket}/v2\n"
    assert [version.version_id for version in bucket.list_versions("v2")] != [old]
    assert state.objects()["v2"] == b"new"


def test_uploads_are_listed_and_aborted_by_age(state):
    client = s3.get_s3_client(session=state.session)
    name = state.bucket.removeprefix("s3://")
    for key in ("big", "d/big", "d2"):
        client.create_multipart_upload(Bucket=name, Key=key)
    listed = state.run("uploads ls --json {b}/d")
    assert [json.loads(line)["path"] for line in listed.stdout.splitlines()] == [f"{state.bucket}/d/big"]
    assert state.run("uploads abort --older-than 9000d {b}").stdout == b""  # moto says 2010 of all uploads
    assert sorted(state.uploads()) == ["big", "d/big", "d2"]
    plan = state.run("uploads abort --older-than 0s {b}/d --dry-run").stdout
    assert plan.decode() == f"uploads abort --older-than 0s {state.bucket}/d/big\n"
    assert sorted(state.uploads()) == ["big", "d/big", "d2"]
    assert state.run("run", stdin=plan).returncode == 0
    assert sorted(state.uploads()) == ["big", "d2"]
    assert state.run("uploads abort --older-than 0s {b}/big").stdout.count(b"\n") == 1
    assert state.uploads() == ["d2"]


def test_a_comparison_names_what_differs_and_says_so_by_its_status(state):
    state.run("cp -r t {b}/same")
    for pair in ("t {b}/same", "{b}/same/ t", "{b}/same {b}/same/", "f.txt f.txt", "{b}/a.txt {b}/a.txt"):
        for option in ("", "--checksum "):
            done = state.run(f"cmp {option}{pair}")
            assert (pair, done.returncode, done.stdout, done.stderr) == (pair, 0, b"", b"")
    state.put("same/g", b"GEE")
    state.put("same/new", b"1")
    (state.here / "t" / "only").write_bytes(b"2")
    assert sorted(state.run("cmp t {b}/same").stdout.splitlines()) == [b"+ new", b"- only"]
    done = state.run("cmp --checksum --json t {b}/same")
    found = {record["name"]: record["result"] for record in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, found) == (1, {"g": "different", "new": "extra", "only": "missing"})
    assert state.run("cmp --checksum t/g {b}/same/g").returncode == 1


@pytest.mark.parametrize(
    "line",
    ["cp -r t {b}/n", "mv -r t {b}/n", "rm -r {b}/d", "sync --delete t {b}/d", "put {b}/p", "rb --force {b}"],
)
def test_each_line_of_json_is_an_object(state, line):
    done = state.run(f"{line} --json", stdin=b"in")
    records = [json.loads(each) for each in done.stdout.splitlines()]
    assert records
    assert all(record["target"].startswith(state.bucket) for record in records)
    assert {record["command"] for record in records} <= {"cp", "mv", "rm", "put", "rb"}
    errors = state.run("cp --json missing1 missing2 s3://no-such-bucket-here/").stderr.splitlines()
    assert [json.loads(each)["command"] for each in errors] == ["cp", "cp"]


@pytest.mark.parametrize(
    "line",
    [
        "cp f.txt {b}/new",
        "cp f.txt t/g {b}/n/",
        "cp -r t {b}/n",
        "cp -r {b}/d n",
        "cp -r {b}/d {b}/n",
        "cp {b}/** n/",
        "cp -r --dry-run t {b}/n",
        "mv -r t {b}/n",
        "sync t {b}/n",
        "sync --delete t {b}/d",
        "rm -r {b}/d",
        "rm {b}/a.txt",
    ],
)
def test_a_reader_that_has_gone_is_not_called_a_fault_of_the_files(state, line):
    reading, writing = os.pipe()
    os.close(reading)
    unbuffered = state.environ | {"PYTHONUNBUFFERED": "1"}
    with start_program(unbuffered, *state.words(line), cwd=state.here, stdout=writing) as program:
        os.close(writing)
        _, errors = program.communicate(timeout=100)
    assert (program.returncode, errors) == (141, b"")


@pytest.mark.parametrize(
    ("line", "failed"),
    [
        ("rm -r {b}/d", ["d/b", "d/e/c"]),
        ("rm {b}/*.txt", ["a.txt", "x1.txt", "x[1].txt"]),
        ("rm -r --all-versions {b}/d", ["d/b", "d/e/c"]),
        ("sync --delete t {b}/d", ["d/b", "d/e/c"]),
    ],
)
def test_each_key_that_is_not_deleted_is_named(state, faulty, line, failed):
    faulty.fail("DeleteObjects", faults.Respond(403, "AccessDenied"), times=None)
    faulty.fail("DeleteObject", faults.Respond(403, "AccessDenied"), times=None)
    ended = state.run(line)
    lines = ended.stderr.decode().splitlines()
    assert (ended.returncode, len(lines)) == (1, len(failed))
    assert all(any(f"{state.bucket}/{key}:" in each for each in lines) for key in failed)
    assert b"rm " not in ended.stdout


@pytest.mark.parametrize(
    ("line", "operation", "key", "failed", "done"),
    [
        ("cp -r t {b}/n", "PutObject", "n/g", ["t/g"], {"n/u/h": b"aitch"}),
        ("cp f.txt t/g {b}/n/", "PutObject", "n/g", ["t/g"], {"n/f.txt": b"file"}),
        ("mv -r t {b}/n", "PutObject", "n/g", ["t/g"], {"n/u/h": b"aitch"}),
        ("mv -r {b}/d {b}/n", "CopyObject", "n/b", ["d/b"], {"n/e/c": b"sea", "d/e/c": None}),
        ("mv {b}/a.txt {b}/d/b {b}/n/", "CopyObject", "n/b", ["d/b"], {"n/a.txt": b"alpha", "a.txt": None}),
        ("sync --delete t {b}/d", "PutObject", "d/g", ["t/g"], {"d/u/h": b"aitch"}),
        ("cp -r {b}/d n", "GetObject", "d/b", ["d/b"], {}),
        ("rm {b}/a.txt {b}/d/b", "DeleteObject", "d/b", ["d/b"], {"a.txt": None}),
    ],
)
def test_what_fails_is_named_and_the_rest_is_done(state, faulty, line, operation, key, failed, done):
    faulty.fail(operation, faults.Respond(403, "AccessDenied"), key=key, times=None)
    ended = state.run(line)
    errors = ended.stderr.decode()
    assert ended.returncode == 1
    assert errors.count("\n") == len(failed)
    assert all(path in errors for path in failed)
    assert b"Traceback" not in ended.stderr
    assert state.objects() == changed(OBJECTS, done)
    assert "t/g" in state.files()
    assert not [name for name in state.files() if "aios3-part" in name]


def test_a_source_that_cannot_be_read_empties_no_target(state, faulty):
    faulty.fail(
        "ListObjectsV2", faults.Respond(403, "AccessDenied"), key=lambda seen: "prefix=d" in seen.target, times=None
    )
    done = state.run("sync --delete {b}/d {b}/x")
    assert done.returncode == 1
    assert (state.objects(), state.files()) == (OBJECTS, FILES)
    done = state.run("sync --delete {b}/d t")
    assert done.returncode == 1
    assert state.files() == FILES


def test_a_bar_is_shown_on_a_terminal_only(state):
    def output_on_terminal(line):
        parent, child = pty.openpty()
        command = [*PROGRAM, *state.words(line)]
        with subprocess.Popen(
            command, env=state.environ | {"TERM": "xterm"}, cwd=state.here, stderr=child, stdout=subprocess.DEVNULL
        ) as program:
            os.close(child)
            data = b""
            while select.select([parent], [], [], 100)[0]:
                try:
                    data += os.read(parent, 1000)
                except OSError:  # the program has closed it
                    break
            assert program.wait(100) == 0
        os.close(parent)
        return data

    (state.here / "big").write_bytes(bytes(30 << 20))
    shown = output_on_terminal("cp --part-size 5M big {b}/big")
    assert b"30.0 MiB" in shown
    assert b"1/1 files" in shown
    assert output_on_terminal("cp --no-progress big {b}/big") == b""
    assert output_on_terminal("cp -q big {b}/big") == b""
    (state.here / "lines").write_text(f"cp --part-size 5M big {state.bucket}/big\n" * 2)
    assert output_on_terminal("run lines") == b""
    assert state.run("cp big {b}/big").stderr == b""


@pytest.mark.parametrize("name", ["cp", "mv", "rm", "sync", "cmp", "put", "mb", "rb", "uploads ls", "uploads abort"])
def test_help_is_there_with_two_examples(name):
    done = run_program(os.environ, *name.split(), "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().count(f"aios3 {name} ") >= 3  # of the usage, and of two examples


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8:strict", os.fsencode), ("ascii", lambda _: b"\\udcff-\\xfc")])
def test_names_that_the_output_cannot_spell_end_nothing(state, encoding, shown):
    name = os.fsdecode(b"\xff") + "-ü"
    environ = state.environ | {"PYTHONIOENCODING": encoding}
    done = run_program(environ, "cp", "-r", f"{state.bucket}/d", name, cwd=state.here)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(done.stdout.splitlines()) == sorted(
        b"cp %s/d/%s '%s/%s'" % (state.bucket.encode(), each, shown(name), each) for each in (b"b", b"e/c")
    )
    again = run_program(environ, "run", cwd=state.here, stdin=done.stdout)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("line", ["put {b}/new", "cp - {b}/new", "bucket policy set {b}", "run"])
def test_a_closed_standard_input_is_one_line_and_stores_nothing(state, line):
    words = " ".join([*PROGRAM, *state.words(line)])
    done = subprocess.run(
        ["sh", "-c", f"{words} <&-"], env=state.environ, capture_output=True, check=False, timeout=100
    )
    assert done.returncode == 2
    assert done.stderr.decode().endswith(": standard input is closed\n")
    assert state.objects() == OBJECTS


def test_what_looks_like_an_option_is_taken_for_a_path(state):
    (state.here / "-x").write_bytes(b"dash")
    assert state.run("cp -- -x {b}/-x").returncode == 0
    for line in (
        "zip create -- {b}/-.zip -x",
        "cp --content-disposition=-a {b}/-x {b}/copy",
        "zip extract --to=-to {b}/-.zip",
        "cp -- {b}/-x -y",
        "sync --include=-x -- {b}/ -z",
    ):
        plan = state.run(f"--dry-run {line}")
        done = run_program(state.environ, "run", stdin=plan.stdout, cwd=state.here)
        assert (plan.returncode, done.returncode) == (0, 0), done.stderr
    assert state.objects()["copy"] == b"dash"
    assert state.files() == FILES | dict.fromkeys(("-x", "-to/-x", "-y", "-z/-x"), b"dash")
