"""``aios3 bucket``: the configuration of a bucket as JSON, printed, replaced and deleted."""

from __future__ import annotations

import json
import os
import pty
import subprocess

import pytest
from cli_program import PROGRAM, environ_of, run_program

import aios3.sync as s3
from aios3.testing import LocalServer

RULE = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}}
DATED = RULE | {"Expiration": {"Date": "2031-01-01T00:00:00Z"}}
STATEMENT = {
    "Sid": "one",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::one/*",
}
CORS = {
    "AllowedOrigins": ["https://example.com"],
    "AllowedMethods": ["GET"],
    "AllowedHeaders": ["x-a"],
    "ExposeHeaders": ["etag"],
    "MaxAgeSeconds": 600,
}
DOCUMENTS = {
    "lifecycle": ({"Rules": []}, {"Rules": [RULE]}),
    "policy": (None, {"Version": "2012-10-17", "Statement": [STATEMENT]}),
    "cors": ({"CORSRules": []}, {"CORSRules": [CORS]}),
    "tags": ({"TagSet": []}, {"TagSet": [{"Key": "team", "Value": "data"}, {"Key": "a b", "Value": "1=2"}]}),
}


@pytest.fixture(scope="module")
def server():
    with LocalServer(("one", "two")) as server:
        yield server


@pytest.fixture(scope="module")
def environ(server):
    return environ_of(server)


@pytest.fixture
def buckets(server):
    with s3.Session(**server.config) as session:
        found = [s3.Bucket(name, session=session) for name in ("one", "two")]
        for bucket in found:
            bucket.put_lifecycle([])
            bucket.put_policy(None)
            bucket.put_cors([])
            bucket.put_tags({})
        yield found


def subset(found, expected):
    """Leave out the members that the server has added."""
    if isinstance(expected, dict):
        return {name: subset(found[name], value) for name, value in expected.items()}
    return [subset(*pair) for pair in zip(found, expected, strict=True)] if isinstance(expected, list) else found


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_document_is_replaced_printed_taken_by_another_bucket_and_deleted(environ, buckets, tmp_path, name, way):
    none, document = DOCUMENTS[name]
    file = tmp_path / "document.json"
    file.write_text(json.dumps(document))
    arguments = ["bucket", name, "set", "s3://one", *([str(file)] if way == "file" else [])]
    stdin = b"" if way == "file" else file.read_bytes()
    assert json.loads(run_program(environ, "bucket", name, "get", "s3://one").stdout) == none
    done = run_program(environ, *arguments, stdin=stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    printed = run_program(environ, "bucket", name, "get", "s3://one").stdout
    assert subset(json.loads(printed), document) == document
    assert run_program(environ, "bucket", name, "set", "s3://two", stdin=printed).returncode == 0
    record = json.loads(run_program(environ, "--json", "bucket", name, "get", "s3://two").stdout)
    assert record == {"path": "s3://two", name: json.loads(printed)}
    assert run_program(environ, "bucket", name, "delete", "s3://one").returncode == 0
    empty = run_program(environ, "bucket", name, "get", "s3://one").stdout
    assert json.loads(empty) == none
    assert run_program(environ, "bucket", name, "set", "s3://two", "-", stdin=empty).returncode == 0
    assert json.loads(run_program(environ, "bucket", name, "get", "s3://two").stdout) == none


def test_a_date_is_printed_as_it_is_taken(environ, buckets):
    document = json.dumps({"Rules": [DATED]}).encode()
    assert run_program(environ, "bucket", "lifecycle", "set", "s3://one", stdin=document).returncode == 0
    (rule,) = json.loads(run_program(environ, "bucket", "lifecycle", "get", "s3://one").stdout)["Rules"]
    assert rule["Expiration"] == DATED["Expiration"]


def test_versioning_is_set_by_a_word_or_a_document(environ, buckets):
    one, two = buckets
    assert json.loads(run_program(environ, "bucket", "versioning", "get", "s3://one").stdout) == {}
    assert run_program(environ, "bucket", "versioning", "set", "s3://one", "enabled").returncode == 0
    printed = run_program(environ, "bucket", "versioning", "get", "s3://one").stdout
    assert json.loads(printed) == {"Status": "Enabled"}
    assert run_program(environ, "bucket", "versioning", "set", "s3://two", stdin=printed).returncode == 0
    assert (one.get_versioning(), two.get_versioning()) == ("Enabled", "Enabled")
    assert run_program(environ, "bucket", "versioning", "set", "s3://two", "Suspended").returncode == 0
    assert two.get_versioning() == "Suspended"


def test_tags_are_set_by_words(environ, buckets):
    assert run_program(environ, "bucket", "tags", "set", "s3://one", "team=data", "a b=x=y").returncode == 0
    assert buckets[0].get_tags() == {"team": "data", "a b": "x=y"}


def test_a_document_has_lines_on_a_terminal(environ, buckets):
    buckets[0].put_tags({"team": "data"})
    parent, child = pty.openpty()
    try:
        subprocess.run([*PROGRAM, "bucket", "tags", "get", "s3://one"], env=environ, stdout=child, check=True)
        assert json.loads(os.read(parent, 1000)) == {"TagSet": [{"Key": "team", "Value": "data"}]}
    finally:
        os.close(parent)
        os.close(child)


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "message"),
    [
        (["policy", "get", "s3://none"], "", 1, "the bucket does not exist"),
        (["policy", "get", "one"], "", 2, "one: is not an S3 path"),
        (["policy", "get", "s3://one/key"], "", 1, "a bucket itself is needed here: 's3://one'"),
        (["policy", "get", "s3://one", "file"], "", 2, "get takes no value; only set does"),
        (["policy", "nope", "s3://one"], "", 2, "invalid choice: 'nope'"),
        (["policy", "set", "s3://one"], "", 2, "standard input is not JSON"),
        (["policy", "set", "s3://one"], "[1]", 2, "standard input is not a JSON object"),
        (["policy", "set", "s3://one", "/none"], "", 2, "'/none' is not there"),
        (["policy", "set", "s3://one", "a", "b"], "", 2, "give one file with the document, not 'a b'"),
        (["policy", "set", "--dry-run", "s3://one"], "{}", 2, "--dry-run does not read standard input"),
        (["lifecycle", "set", "s3://one"], "{}", 2, '{"Rules": [...]}'),
        (["lifecycle", "set", "s3://one"], '{"Rules": [1]}', 2, '{"Rules": [...]}'),
        (["lifecycle", "set", "s3://one"], '{"Rules": [{"Nope": 1}]}', 1, "Nope"),
        (["cors", "set", "s3://one"], '{"CORSRules": [{"Nope": 1}]}', 2, "a CORS rule has 'Nope'"),
        (["cors", "set", "s3://one"], '{"CORSRules": [{"AllowedOrigins": []}]}', 2, "lacks 'AllowedMethods'"),
        (["cors", "set", "s3://one"], '{"CORSRules": [], "More": 1}', 2, '{"CORSRules": [...]}'),
        (["tags", "set", "s3://one"], '{"TagSet": [{"Key": "a"}]}', 2, 'a tag is {"Key": ..., "Value": ...}'),
        (["tags", "set", "s3://one", "a=b", "c"], "", 2, "give one file with the document, not 'a=b c'"),
        (["versioning", "set", "s3://one", "maybe"], "", 2, "'maybe' is not there; set takes enabled"),
        (["versioning", "set", "s3://one"], '{"Status": "On"}', 2, "versioning is 'enabled' or 'suspended'"),
        (["versioning", "set", "s3://one"], "null", 2, "versioning cannot be deleted"),
        (["versioning", "delete", "s3://one"], "", 2, "invalid choice: 'delete'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_with_a_document_is_one_line_and_changes_nothing(
    environ, buckets, arguments, stdin, status, message
):
    buckets[0].put_tags({"a": "b"})
    done = run_program(environ, "bucket", *arguments, stdin=stdin.encode())
    text = done.stderr.decode()
    assert message in text
    assert (done.returncode, done.stdout, text.count("\n")) == (status, b"", 1)
    assert "Traceback" not in text
    one = buckets[0]
    assert (one.get_policy(), one.get_lifecycle(), one.get_cors(), one.get_tags()) == (None, [], [], {"a": "b"})


def test_a_dry_run_changes_nothing_and_prints_what_run_does(environ, buckets, tmp_path):
    file = tmp_path / "the policy.json"
    file.write_text(json.dumps(DOCUMENTS["policy"][1]))
    one = buckets[0]
    one.put_tags({"a": "b"})
    lines = run_program(environ, "bucket", "--dry-run", "policy", "set", "s3://one", str(file)).stdout
    lines += run_program(environ, "bucket", "tags", "delete", "s3://one", "--dry-run").stdout
    assert (one.get_policy(), one.get_tags()) == (None, {"a": "b"})
    assert run_program(environ, "run", stdin=lines).returncode == 0
    assert (one.get_policy(), one.get_tags()) == (DOCUMENTS["policy"][1], {})
